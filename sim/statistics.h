// sim/statistics.h -- how long writes took to be where they should be.
//
// Counted are the nodes that are up in the last sample (all, without samples, or when none is up).  A copy is a write
// on a counted node other than its coordinator.  Its lag counts from the write, or from when that node was first there,
// whatever came later: a machine that joins late is not blamed for what was written before it was.
//
// Percentiles are exact, by nearest rank: p99 is the least value that at least 99 of 100 do not exceed; what never
// arrived is above every value.  Tests: tests/sim/statistics_test.cc
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sim/recording.h"

namespace kith::sim {

inline constexpr std::int64_t kNever = -1;

struct Presence {
  std::vector<std::uint32_t> counted;      // Nodes, in order.
  std::vector<std::int64_t> from_us;  // Per node of the recording: when it was first there, as finely as samples tell.
};

Presence presence_of(const Recording& recording);

// use(node, due_us, reached_us) for each copy of the write; reached_us is kNever, or at least due_us.
template <class Use>
void for_each_copy(const Recording::Write& write, const Presence& presence, Use use) {
  for (const std::uint32_t node : presence.counted) {
    if (node == write.node) continue;
    const std::int64_t from = presence.from_us[node];
    const std::int64_t due = write.at_us > from ? write.at_us : from;
    const std::int64_t reached = node < write.reached_us.size() ? write.reached_us[node] : kNever;
    use(node, due, reached < 0 ? kNever : reached > due ? reached : due);
  }
}

struct Distribution {
  struct Point {
    std::int64_t lag_us = 0;
    double share = 0;                      // Of all, those that never arrived included, that took at most so long.
  };
  std::uint64_t count = 0;                 // All.
  std::uint64_t never = 0;                 // Of these.
  std::int64_t p50_us = kNever, p90_us = kNever, p99_us = kNever;
  std::int64_t max_us = kNever;            // Of those that arrived.
  std::vector<Point> curve;                // Rising; at most kCurvePoints.
};
inline constexpr std::size_t kCurvePoints = 160;

// Sorts nothing more than needed; `lags` comes back in another order.  Cost: linear.  REQUIRES: lags not below zero.
Distribution distribution_of(std::vector<std::int64_t>& lags, std::uint64_t never);

struct LagStatistics {
  Distribution each_node;                  // Of copies.
  Distribution half;                       // Of writes: until half of the counted nodes had it, rounded up.
  Distribution last_node;                  // Of writes: until the last of them had it.
  std::uint64_t writes_everywhere = 0;     // Writes on all counted nodes.
  std::uint64_t copies = 0, copies_missing = 0;
};

// Cost: linear in copies, and eight bytes of memory for each.
LagStatistics lag_statistics(const Recording& recording, const Presence& presence);

// The least of `values` that at least `share` of them do not exceed; 0 of none.  Reorders them.
double quantile(std::vector<double>& values, double share);

}  // namespace kith::sim
