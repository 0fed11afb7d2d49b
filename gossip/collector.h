// gossip/collector.h -- removal records below the horizon go, a few at a time (DESIGN.md, section 8).
//
// A row that comes to have something to collect moves to the end of its shard's feed, as every row that changes.  So the
// feed is the queue: each shard is read once from its beginning, entries that say that there is nothing to collect are
// stepped over without a look at their rows, and at the first that is not settled yet the shard waits.  There is no index
// beside it to be written, and nothing to be kept across a restart: a new life begins at the beginning, and steps over what
// is there, some 200,000 entries a second (kEntriesPerStep each kPauseMs).
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
// What is settled is first gathered, kGatheredMax rows at most, then goes in the order of the store: so that rows that share a
// page go with one write of it.  A pass begins a quarter of a gossip interval after the one before, as long as rows wait, and the floors that
// a horizon is made of are told with every push: so while writes go on there are about as many records as are made in one window and one interval, where nobody is cut off
// and no more is removed than a step's budget takes (some 12,000 rows a second: half the steps gather, and half collect); where nobody writes, floors come with rounds, an interval or two later.  (With a sixteenth of a window between passes one write of a page took more rows along; since commits come into the trees a
// slice at a time, the journal sees to that: store/journal.h.)
// Work is bounded by kShardsPerStep, kEntriesPerStep, kReadsPerStep, kExpiredPerStep and kRowsGrowth times the option collect_rows_per_step; what is
// left goes on in a later step.  Shards with more than one step's work take turns, so that a busy one keeps none waiting.  When
// all are through, no shard is looked at until a row has changed, or, where rows wait, until the horizon has risen: a node at
// rest looks at the first of its expiries, and at nothing else.
// RULE. The horizon is durable before it is used: it rises in the batch that collects, or before.
// Tests: tests/gossip/collector_test.cc
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "gossip/core.h"
#include "gossip/horizon.h"

namespace kith {

class Collector {
 public:
  static constexpr std::size_t kShardsPerStep = 512;  // A seek each, some 2 us.
  static constexpr std::size_t kEntriesPerStep = 4 * 1024;  // Of a store just opened 0.8 us each.
  static constexpr std::size_t kReadsPerStep = 512;    // Rows that are looked at.
  static constexpr std::size_t kRowsGrowth = 4;        // Times collect_rows_per_step are collected in one, when so many wait.
  static constexpr std::size_t kFoldGrowth = 2;        // The same of increments that are folded, each of which is a row that goes.
  static constexpr std::size_t kExpiredPerStep = 256;
  static constexpr std::size_t kGatheredMax = 64 * 1024;  // Store keys, some 4 MiB.
  static constexpr std::size_t kGatherStepsMax = 64;   // So that what is gathered does not wait for a busy counter.
  static constexpr std::int64_t kPauseMs = 20;  // Between steps while there is more.
  static constexpr std::int64_t kPassesPerInterval = 4;

  Collector(Core& core, Horizon& horizon) : core_(core), horizon_(horizon) {}

  void begin();
  void tick();
  void batch_is_durable(const CommitReport& report);
  std::optional<std::int64_t> wake_at_ms() const { return wakes() ? std::optional(next_at_ms_) : std::nullopt; }

 private:
  struct Work {
    std::size_t shards = 0, entries = 0, reads = 0, rows = 0;
  };
  bool at_work() const { return !to_read_.empty() || !gathered_.empty(); }
  bool wakes() const { return at_work() || expired_left_ || waits_; }
  std::int64_t pass_every_ms() const { return std::max<std::int64_t>(core_.options.gossip_interval_ms / kPassesPerInterval, kPauseMs); }
  bool begin_pass(Timestamp horizon);
  void gather(const Snapshot& snapshot, Timestamp horizon, Work& work);
  void collect(Timestamp horizon, Work& work);
  // False: the budget is used up.
  bool read(const Snapshot& snapshot, ShardId shard, Timestamp horizon, Work& work);

  std::size_t collect_expired(const Snapshot& snapshot, Timestamp horizon);  // How many.

  Core& core_;
  Horizon& horizon_;
  std::map<ShardId, Lsn> collected_up_to_;
  std::set<std::string> folded_, folded_before_;  // In this step, and in the one before.
  std::deque<ShardId> to_read_;      // In this pass.
  struct Gathered {
    StoreKey key;
    bool whole = false;              // Nothing of the row is left.
  };
  std::vector<Gathered> gathered_;   // In descending order once collecting_.
  std::size_t rows_per_step_ = 0;    // Then: so that it goes within a gossip interval, if it may.
  std::size_t gather_steps_ = 0;
  bool collecting_ = false;
  Timestamp passed_at_;              // The horizon of the last pass.
  bool waits_ = false;               // It left rows that are not settled yet.
  bool changed_ = true;              // Rows have, since it began.
  bool expired_left_ = false;        // More than one step takes.
  std::int64_t pass_at_ms_ = 0;      // The next one begins then.
  std::int64_t next_at_ms_ = 0;
};

}  // namespace kith
