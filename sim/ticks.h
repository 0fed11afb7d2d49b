// sim/ticks.h -- where an axis has its marks, and what stands beside them; and the scale from values to places.
//
// Tests: tests/sim/svg_test.cc
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace kith::sim {

struct Tick {
  double value = 0;
  std::string label;
};

enum class Unit { kCount, kBytes, kShare };   // "1,000", "1 kB", "50 %"

// From zero to the first mark at or above `max`, with about `wanted` steps of 1, 2 or 5 times a power of ten.  Counts
// have no marks between whole numbers when `max` is above 2.  Of nothing (max <= 0): 0 and 1.
std::vector<Tick> linear_ticks(double max, int wanted, Unit unit);

// 0, 10 s, 20 s; 0, 6 h, 12 h: steps that people know, no more than `most` of them; up to `end_us` at the most.
std::vector<Tick> time_ticks(std::int64_t end_us, int most);

// 1 ms, 10 ms, ... (1 min, 10 min, 1 h, 1 d above 10 s), from at or below `min_us` to at or above `max_us`.
// REQUIRES: 0 < min_us <= max_us.  At least two.
std::vector<Tick> duration_ticks(std::int64_t min_us, std::int64_t max_us);

// Values outside are brought to the nearer end.
struct Scale {
  double low = 0, high = 1;              // Values; equal ones count as low.
  double at_low = 0, at_high = 1;        // Places.
  bool logarithmic = false;              // REQUIRES: low > 0.
  double operator()(double value) const;
};

}  // namespace kith::sim
