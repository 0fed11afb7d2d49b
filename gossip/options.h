// gossip/options.h -- the engine's parameters.  Times in the unit their name ends with.
#pragma once

#include <cstddef>
#include <cstdint>

#include "crdt/limits.h"

namespace kith {

struct EngineOptions {
  std::int64_t gossip_interval_ms = 1000;  // Jittered by a quarter, so that nodes do not march in step.
  std::int64_t pull_timeout_ms = 3000;     // An unanswered question is given up and asked again in a later round.
  std::int64_t join_retry_ms = 500;

  std::int64_t retry_window_ms = 10 * 60 * 1000;
  std::int64_t max_skew_ms = 500;

  // How far ahead of use timestamps are made durable.  SUBTLE: below max_skew, so that a node that was killed and comes
  // back at once, starting at its lease, is not taken for one whose clock runs ahead.
  std::int64_t lease_ms = 300;

  std::size_t answer_bytes_max = 1024 * 1024;  // Of cells in one pull answer.
  std::size_t push_bytes_max = kOperationBytesMax;

  // Pushes go directly to all members while there are at most so many; above, along the grid of gossip/spread.h.
  std::size_t direct_members_max = 16;
  std::int64_t relay_silent_ms = 5000;         // A relay that was not heard of for so long is passed over.
  std::int64_t relay_gather_ms = 180;          // A relay sends one message to each of its row in this time.

  // Former lives are closed, removal records below the horizon collected, and who fell behind it rebases (gossip/lives.h,
  // collector.h, rebase.h).  The same on all nodes.
  bool collect = true;
  // A member that was not heard of for so long is evicted when more than half of all, and all that are left over, agree
  // (gossip/eviction.h); 0: only when an operator asks for it.
  std::int64_t evict_after_ms = 24 * 60 * 60 * 1000;
  // Rows that go, or increments that are folded, in one step of the collector, every 20 ms while there is more.  It bounds both
  // what a step takes and what a busy node loses to it: what comes faster waits until less is written (gossip/collector.h).
  std::size_t collect_rows_per_step = 128;

  // Failure detection (gossip/probe.h): how often a node pings another, and how long one that does not answer is suspected before it
  // is called dead.  0: it only answers.  kithd probes; histories of the simulator do where they say so.
  std::int64_t probe_every_ms = 0;
  std::int64_t dead_after_ms = 10'000;

  double full_at = 0.8;                        // Share of the map above which client writes are refused.

  friend bool operator==(const EngineOptions&, const EngineOptions&) = default;
};

}  // namespace kith
