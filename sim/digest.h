// sim/digest.h -- a run, brought down to what a page can show: its size does not grow with the length of the run, and
// only where something stands per node, up to kNodesApart, with the nodes.
//
// Tests: tests/sim/statistics_test.cc
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "sim/recording.h"
#include "sim/statistics.h"

namespace kith::sim {

inline constexpr std::size_t kColumnsMax = 240;       // Along the axis of time.
inline constexpr std::size_t kInstantsAColumn = 64;   // At which copies under way are counted.
inline constexpr std::size_t kNodesApart = 12;        // Up to so many nodes have a line each.
inline constexpr std::size_t kRecoveriesMax = 40;
inline constexpr std::int64_t kByTheEnd = std::numeric_limits<std::int64_t>::max();

// Writes made in a stretch of time, and on what share of the nodes they were when they were so old.
struct BirthColumn {
  std::int64_t begin_us = 0, end_us = 0;
  std::uint64_t writes = 0;
  std::vector<double> share_by_age;          // For each of Digest::ages_us; the coordinator counts.
};

// Some figure over the nodes, during one stretch of time.
struct NodeFigures {
  double total = 0;
  std::vector<double> by_node;               // Up to kNodesApart nodes: one each, -1 while it is down.  Empty above.
  // Of those that are up: a tenth, a half, nine tenths, all are at or below.
  double low = 0, median = 0, high = 0, max = 0;
};

struct SampleColumn {
  std::int64_t begin_us = 0, end_us = 0;
  NodeFigures bytes_per_second, messages_per_second;
  NodeFigures store_bytes;                   // At the end of the stretch.
  std::uint32_t distinct_contents = 1;       // The most.
  std::array<std::uint16_t, 256> distinct_by_bucket{};   // The most; at least 1.
};

// The moment when the last of the faults under way ended (weather is no fault), and what came of it.
struct Recovery {
  std::int64_t began_us = 0, ended_us = 0;   // Of the faults.
  std::vector<std::size_t> spans;            // Those that ended last: indices into the recording's.
  std::uint64_t copies_missing = 0;          // At that moment.
  // How much later the last copy of what had been written until then arrived; or kNever.
  std::int64_t everywhere_us = 0;
};

struct Digest {
  std::int64_t end_us = 1;                   // Of the axis of time; above zero.
  Presence presence;
  LagStatistics lags;
  std::vector<std::int64_t> ages_us;         // Rising; the last is kByTheEnd.
  std::vector<BirthColumn> births;
  std::vector<std::uint64_t> copies_under_way;     // In equal columns: the most at one of its instants.
  std::uint64_t most_under_way = 0;
  std::int64_t most_under_way_us = 0;        // When that was.
  std::vector<SampleColumn> samples;
  bool nodes_apart = true;                   // NodeFigures::by_node is filled.
  std::vector<Recovery> recoveries;          // The first kRecoveriesMax.
  std::uint64_t bytes_sent = 0, messages_sent = 0;
};

// Cost: linear in copies and in samples times nodes.
Digest digest_of(const Recording& recording);

}  // namespace kith::sim
