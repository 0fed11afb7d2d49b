// gossip/collector.h -- removal records below the horizon go, a few at a time (DESIGN.md, section 8).
//
// A row that comes to have something to collect moves to the end of its shard's feed, as every row that changes.  So the
// feed is the queue: each shard is read once from its beginning, entries that say that there is nothing to collect are
// stepped over without a look at their rows, and at the first that is not settled yet the shard waits.  There is no index
// beside it to be written, and nothing to be kept across a restart: a new life begins at the beginning, and steps over what
// is there at some ten million entries a second.
// Increments of a counter are folded into its base in the same way, at the first of them that is settled.
//
// A value that expires is in no such queue, since it is settled when its time has come and not when all before it is.  It goes
// from the expiries (store/expiries.h), which are in the order of that time, from their beginning: no cursor to be
// kept, nothing that waits stands before what does not, and a value with a far expiry is not looked at until then.
// It goes when its commit and its expiry are below the horizon, like a deletion, of which it is one that was announced:
//   1. All replicas decide alike.  Whether it goes depends on what is written in it and on the horizon alone, and no horizon
//      is above any member's floor: every member holds all that was committed up to there, this value, or a later
//      write in its place.  So what is dropped here is at every member expired or overtaken, whatever its horizon.
//   2. Nobody shows it meanwhile.  A floor is behind its node's clock, so the expiry is behind every member's clock.
//   3. Nothing older comes up from under it.  What is older was overtaken by it at every member (1); a message on its
//      way from before carries a floor below the horizon, and a retry a tag below it: both are refused.
//   4. Who was away rebases.  The member's clock covers the commit and the member no longer holds the value: so the stale node
//      drops it, as it should.  Who has not collected yet what the member has may show it in the sketch (gossip/shown.h shows what
//      is in the row, by nobody's clock): that is one difference more, of a value that goes.
//   5. Fingerprints agree, whatever the horizons.  What is over was passed before it goes, here and there, and counts for
//      nothing (gossip/expiry.h); the horizon is some window behind the clock that passes.
// SUBTLE: not until it is passed, here: a clock that was set far back passes late.
//
// Work is bounded by kEntriesPerStep, kRowsPerStep and kExpiredPerStep; what is left goes on in a later step.
// RULE. The horizon is durable before it is used: it rises in the batch that collects, or before.
// Tests: tests/gossip/collector_test.cc
#pragma once

#include <map>
#include <set>
#include <string>

#include "gossip/core.h"
#include "gossip/horizon.h"

namespace kith {

class Collector {
 public:
  static constexpr std::size_t kEntriesPerStep = 16 * 1024;
  static constexpr std::size_t kRowsPerStep = 256;
  static constexpr std::size_t kExpiredPerStep = 256;
  static constexpr std::size_t kIncrementsPerFold = 256;
  static constexpr std::int64_t kPauseMs = 20;  // Between steps while there is more.

  Collector(Core& core, Horizon& horizon) : core_(core), horizon_(horizon) {}

  void begin();
  void tick();
  std::optional<std::int64_t> wake_at_ms() const { return more_ ? std::optional(next_at_ms_) : std::nullopt; }

 private:
  // False: the budget is used up.
  bool read(const Snapshot& snapshot, ShardId shard, Timestamp horizon, std::size_t& entries, std::size_t& rows);

  std::size_t collect_expired(const Snapshot& snapshot, Timestamp horizon);  // How many.

  Core& core_;
  Horizon& horizon_;
  std::map<ShardId, Lsn> collected_up_to_;
  std::set<std::string> folded_;     // In this step.
  ShardId next_ = 0;                 // The shard with which the next step begins.
  bool more_ = false;
  std::int64_t next_at_ms_ = 0;
};

}  // namespace kith
