// tools/sim/sweep.h -- many seeds, each a history, over several worker processes.
//
// An assertion of the engine ends a worker; its seed counts as failed by law A, and another worker takes its place.
// Seeds are started in their order, and reported as they end.  Also for other programs that link this library.
// Tests: tests/sim/child_test.cc
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "sim/scenario.h"
#include "tools/sim/outcome.h"

namespace kith::sim::tool {

struct SweepPlan {
  std::uint64_t first = 1, last = 1;
  unsigned jobs = 2;
  std::function<Scenario(std::uint64_t seed)> draw;
  bool twice = false;
  bool check_messages = false;
  std::int64_t no_more_after_us = 0;         // No seed is started later than that, in real time; 0: all are.
  std::int64_t seed_limit_us = 600'000'000;  // A run that takes longer is ended: law A.
  std::function<void()> in_worker;           // Called once in each, before its first seed.
};

struct SweepWatcher {
  std::function<void(Outcome&&)> outcome;  // Of each seed.
  std::function<bool()> go_on;             // Asked at least five times a second; false ends all workers at once.
};

void sweep(const SweepPlan& plan, const SweepWatcher& watcher);

}  // namespace kith::sim::tool
