// tools/sim/outcome.h -- how one history ended, and the bytes in which a worker process says so to its parent.
//
// Both ends are the same program, so the bytes have no version and are never kept.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sim/world.h"

namespace kith::sim::tool {

struct Outcome {
  std::uint64_t seed = 0;
  RunResult result;
  std::int64_t real_us = 0;       // By the clock on the wall.
  std::int64_t processor_us = 0;  // What the processor spent on it.
};

// Runs it, and measures.  With `twice` a second time, and compares the traces (law T).
Outcome run_measured(const Scenario& scenario, std::uint64_t seed, const RunOptions& options, bool twice = false);

std::string to_bytes(const Outcome& outcome);
std::optional<Outcome> parse_outcome(std::string_view bytes);

}  // namespace kith::sim::tool
