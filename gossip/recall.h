// gossip/recall.h -- rows asked of other members by name, until what our clock claims of them is here.
//
// In a row a write that nobody has seen may have the place of one that everybody has: of the same operation, that was retried at
// another node, the earlier commit is kept, and of one session the later operation.  When the unseen one leaves the row, what it had the
// place of is missing here, though our clock covers it, and no pull would bring it.  So gossip/redo.h asks for the row before.
//
//     asker -- fetch {store keys} --> member, the next one after an answer that was not enough
//           <- mended {cells, missing, clocks} --
//
// RULE. A row is recalled when the clocks of those who answered cover, origin by origin, what our own clock claims of its shard, of
// what others have seen; or when every member that was heard of lately has answered.  One that is gone may be the only one that had
// something of it: nobody waits for that, and should it have had its place taken, the audit finds the difference.  Nor for one that is
// voted against, and not listened to.
// Transcripts: tests/gossip/redo_test.cc
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "gossip/core.h"

namespace kith {

class Recall {
 public:
  static constexpr std::size_t kRowsMax = 64;

  explicit Recall(Core& core) : core_(core) {}

  void want(const StoreKey& key, CommitClock claimed);  // By our clock, of what others can have.
  bool wants(const StoreKey& key) const { return rows_.contains(key); }
  bool full() const { return rows_.size() >= kRowsMax; }
  bool empty() const { return rows_.empty(); }
  void clear() { rows_.clear(); }
  bool recalled() const;                 // All of them.
  std::vector<StoreKey> take();          // And begins anew.  REQUIRES: recalled().
  void ask();                            // The next member.
  // `admitted`: what it holds may be merged.  Else it has answered, no more: it cannot help.
  void on_mended(NodeId from, const MendedBody& body, bool admitted);

 private:
  struct Wanted {
    CommitClock claimed;                     // When it was asked for.
    std::map<OriginId, Timestamp> covered;   // By those who answered.
    std::set<NodeId> answered;
  };
  bool recalled(const Wanted& row) const;
  std::vector<NodeId> heard_lately() const;

  Core& core_;
  std::map<StoreKey, Wanted> rows_;
};

}  // namespace kith
