// gossip/collector.h -- removal records below the horizon go, a few at a time (DESIGN.md, section 8).
//
// A row that comes to have something to collect moves to the end of its shard's feed, as every row that changes.  So the
// feed is the queue: each shard is read once from its beginning, entries that say that there is nothing to collect are
// stepped over without a look at their rows, and at the first that is not settled yet the shard waits.  There is no index
// beside it to be written, and nothing to be kept across a restart: a new life begins at the beginning, and steps over what
// is there at some ten million entries a second.
// Increments of a counter are folded into its base in the same way, at the first of them that is settled.
// Work is bounded by kEntriesPerStep and kRowsPerStep; what is left goes on in a later step.
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
  static constexpr std::size_t kIncrementsPerFold = 256;
  static constexpr std::int64_t kPauseMs = 20;  // Between steps while there is more.

  Collector(Core& core, Horizon& horizon) : core_(core), horizon_(horizon) {}

  void begin();
  void tick();
  std::optional<std::int64_t> wake_at_ms() const { return more_ ? std::optional(next_at_ms_) : std::nullopt; }

 private:
  // False: the budget is used up.
  bool read(const Snapshot& snapshot, ShardId shard, Timestamp horizon, std::size_t& entries, std::size_t& rows);

  Core& core_;
  Horizon& horizon_;
  std::map<ShardId, Lsn> collected_up_to_;
  std::set<std::string> folded_;     // In this step.
  ShardId next_ = 0;                 // The shard with which the next step begins.
  bool more_ = false;
  std::int64_t next_at_ms_ = 0;
};

}  // namespace kith
