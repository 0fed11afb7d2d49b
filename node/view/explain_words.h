// node/view/explain_words.h -- what is stored under a name in sentences: who wrote it, who has seen that, and when what is
// left of a removal is forgotten.
//
// Pure functions of what a node said; `status` is that of the node whose copy is explained, and all of it is as far as that
// node knows.  A member has seen a commit when its floor has passed it (gossip/horizon.h), when the commit is of its present
// life, or when it is the node itself.
// Tests: tests/view/explain_words_test.cc
#pragma once

#include <string>
#include <vector>

#include "node/view/explain_document.h"
#include "node/view/status_document.h"

namespace kith {

// "n1", "n1 in an earlier life", or what is left when nobody knows it.
std::string life_in_words(const LifeNames& lives, OriginId origin);
// "session 1a2b3c4d", or "no tag, by n1" of one that came without a client's.
std::string writer_in_words(const LifeNames& lives, const ExplainedEntry& entry);

// One line: whether it is there, and why.  `what` names it.
std::string value_in_words(const ExplainedValue& value, const LifeNames& lives, const std::string& what);

// One line an entry, oldest first, and one for what is to be collected.  Of more than kEntriesTold the newest.
inline constexpr std::size_t kEntriesTold = 20;
std::vector<std::string> history_in_words(const ExplainedValue& value, const LifeNames& lives, const NodeStatus& status);

struct Seen {
  std::vector<std::string> by;
  std::vector<const MemberRow*> not_confirmed;  // Into the status.
};
Seen seen_by(const Commit& commit, const LifeNames& lives, const NodeStatus& status);

// When what is settled at `settled` goes from the node's disk, and for whom it waits; `what` begins the sentence, `goes` is its
// verb ("is folded").
std::string collection_in_words(const std::string& what, Timestamp settled, const NodeStatus& status, const std::string& goes = "goes");

}  // namespace kith
