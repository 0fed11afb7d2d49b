// node/view/garbage_words.h -- what keeps removal records and former lives, and what of these was done again, in sentences.
#pragma once

#include <string>
#include <vector>

#include "node/view/status_document.h"

namespace kith {

// "3 of 64 shards compared with n2": of a node that was away for longer than removals are remembered.
std::string rebase_in_words(const GarbageRow& garbage);

// Whom the horizon waits for and since when, and what keeps former lives from being closed; a line each, none where
// nothing is kept back.  A member counts as holding the horizon when its word is older than a minute.
std::vector<std::string> garbage_in_words(const NodeStatus& status);

// Where the node lists what it did again since nobody had seen it; empty: it never did.
std::string redone_in_words(const NodeStatus& status);

}  // namespace kith
