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
// So an observer may be left with what no replica has: entries that somebody took in who told nobody else, lives that a disk forgot, rows
// of the table in their name.  It gives that up:
//   - what nobody had seen of a life that is over goes as it does everywhere, and is not done again (gossip/redo.h);
//   - what an audit finds that a replica should hold by its floor, and does not, goes (gossip/audit.h);
//   - where its member table stays another one than theirs it has strayed: it compares all it has with a replica's, as who was away for
//     too long does, gives up whatever that should hold and does not (gossip/rebase.h), and, when that was of the table, begins a new life,
//     since its memory is made of the table.  SUBTLE: among replicas that do not hear each other it may be ahead of each of them, which is
//     no straying, and loses nothing: what is above a replica's floor stays.  But it need not be looked at again and again.
// Tests: tests/gossip/observer_test.cc
#pragma once

#include "gossip/core.h"

namespace kith {

// Whether the body of this message, from somebody who is listened to, is looked at here.
bool takes(const Core& core, const Envelope& from);

class Follow {
 public:
  static constexpr int kTablesApartMax = 8;               // In a row.
  static constexpr std::int64_t kPauseMsLeast = 10'000;   // Then twice as long each time,
  static constexpr std::int64_t kPauseMsMost = 600'000;   // up to this.

  explicit Follow(Core& core) : core_(core) {}

  void tick();  // Once a round.

 private:
  Core& core_;
  std::int64_t not_before_ms_ = 0;
  std::int64_t pause_ms_ = kPauseMsLeast;
};

}  // namespace kith
