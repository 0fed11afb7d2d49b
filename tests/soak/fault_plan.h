// tests/soak/fault_plan.h -- what happens to the nodes of a soak, and when: drawn from a seed before anything runs.
//
// The same options give the same plan.  What it comes to differs from run to run, since processes and disks take the time that they take: a
// fault that cannot happen yet (Mayhem says when) is put off, none is left out.  Pure.  Tests: tests/soak/fault_plan_test.cc
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/soak/link_weather.h"

namespace kith::soak {

enum class FaultKind : std::uint8_t {
  kKill,         // SIGKILL of those named, at once; started again after lasts_ms.
  kStop,         // SIGSTOP, and SIGCONT after lasts_ms.
  kCut,          // Between two nodes, both ways, for lasts_ms.
  kCutOneWay,    // From the first to the second.
  kIsolate,      // Between a node and all others.
  kBreak,        // Its connections break, and can be made again at once.
  kWeather,      // All links lose, delay and repeat, until the next of these.
  kBackYoung,    // SIGKILL, and started again on a copy of the disk younger than the retry window;
  kBackOld,      // or older than the horizon: it has to rebase.
};
const char* to_string(FaultKind kind);

struct Fault {
  std::int64_t at_ms = 0;
  FaultKind kind = FaultKind::kKill;
  std::vector<std::size_t> nodes;
  std::int64_t lasts_ms = 0;
  LinkWeather weather{};

  friend bool operator==(const Fault&, const Fault&) = default;
};

struct PlanOptions {
  std::uint64_t seed = 0;
  std::size_t nodes = 5;
  std::int64_t duration_ms = 0;
  std::size_t kills = 0;               // At least; each process that is killed counts.
  std::int64_t retry_window_ms = 0;
  std::int64_t longest_ms = 0;         // Of a stop or a cut.
};

// By time.  REQUIRES: nodes > 2.
std::vector<Fault> draw_plan(const PlanOptions& options);

}  // namespace kith::soak
