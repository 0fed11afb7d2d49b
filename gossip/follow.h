// gossip/follow.h -- an observer goes after the replicas, and nobody after it (gossip/role.h).
//
//     observer                                      replica
//       | -- summary {digest ..} -----------------> |  that of a round; replicas have theirs with replicas only
//       | <- agreed, or digests {per shard} ------- |  what both say is taken in by the observer alone
//       | -- pull, audit, repair, rebase, fetch --> |  answered like anybody's
//       | <- rows .. ------------------------------ |
//
// RULE. A replica looks at nothing from an observer but what asks, and what it sends on for a replica.  With what came from there, members
// would hold what those who closed a life, or agreed on an eviction, could not know of.
// Where nothing is collected nothing is closed, evicted or settled either, and all that anybody tells is joined: then an observer is asked and
// listened to like everybody.
// So an observer may be left with what no replica has: entries that somebody took in who told nobody else, lives that a disk forgot, rows
// of the table in their name.  It gives that up:
//   - what nobody had seen of a life that is over goes as it does everywhere, and is not done again (gossip/redo.h);
//   - what an audit finds that a replica has seen, by clocks that were equal, and does not hold, goes (gossip/audit.h);
//   - where all replicas that are heard of have one member table, and its own stays another one, or none of them has what its clock says,
//     or its horizon stays above all their floors (their disks went back),
//     it has strayed: it becomes a copy of one of them (gossip/rebase_copy.cc), in rows, table and clocks, and begins a new life.
//     SUBTLE: where replicas do not hear each other it may be ahead of each of them.  That is no straying: one of them has what it is ahead by,
//     or their tables differ.
// Tests: tests/gossip/observer_test.cc
#pragma once

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "gossip/core.h"

namespace kith {

// Whether the body of this message, from somebody who is listened to, is looked at here.
bool takes(const Core& core, const Envelope& from);

class Follow {
 public:
  static constexpr std::int64_t kStraysAfterMs = 30'000;
  static constexpr int kToldLeast = 4;                    // Answers about the table, in that time.

  explicit Follow(Core& core) : core_(core) {}

  void tick(bool above_all_others);  // Once a round; gossip/rebase tells whether our horizon is above all floors that are heard of.
  void pulled(NodeId from, ShardId shard, const CommitClock& theirs);

 private:
  bool tables_stay_apart();
  bool nobody_has_what_we_hold();
  std::vector<NodeId> heard_lately();

  Core& core_;
  std::pair<std::uint64_t, std::uint64_t> apart_;        // Our table, and theirs, since then.
  std::int64_t apart_since_ms_ = -1;
  int told_of_table_ = 0;                                // Since then.
  struct Ahead {
    Timestamp by;                                         // Our clock has this.
    std::int64_t since_ms = 0;
    std::set<NodeId> lacking;                             // Theirs had not, since then.
  };
  std::map<std::pair<ShardId, OriginId>, Ahead> ahead_;
  std::int64_t above_since_ms_ = -1;
};

}  // namespace kith
