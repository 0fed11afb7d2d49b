// sim/world.h -- runs one history: a scenario and a seed in, a verdict out.
//
//     clients --requests--> machines --messages--> network --> machines
//                              |                      ^
//                              +--> disks             +-- timeline: cuts, crashes, clocks, ...
//     judge: looks on, throws when a law is broken
//
// One thread, virtual time, no clock but its own.  One scenario and one seed give one history, whose hash is over every
// message sent and every answer given.  At the end everything is healed and all replicas must become equal.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "sim/recording.h"
#include "sim/scenario.h"
#include "sim/verdict.h"

namespace kith::sim {

struct RunOptions {
  std::function<void(std::string_view line)> trace;   // A line for everything that happens.
  Recording* recording = nullptr;                     // Filled when given.
  bool check_messages = false;                        // Look into every message for what its sender does not hold.
};

struct RunResult {
  std::optional<Failure> failure;
  std::uint64_t trace_hash = 0;
  std::uint64_t data_hash = 0;                        // The same but for probes, which no data may depend on.
  std::int64_t virtual_us = 0;
  std::uint64_t steps = 0;                            // Things that happened.
  std::uint64_t messages = 0, message_bytes = 0;
  std::uint64_t writes = 0;                           // Acknowledged.
  std::int64_t converged_after_us = -1;               // Since everything was healed.
  std::map<std::string, std::uint64_t> marks;         // Situations met (sim/marks), how often.
};

// REQUIRES: !check(scenario).  Does not throw on a broken law: that is its result.  An assertion of the engine aborts.
RunResult run(const Scenario& scenario, std::uint64_t seed, const RunOptions& options = {});

}  // namespace kith::sim
