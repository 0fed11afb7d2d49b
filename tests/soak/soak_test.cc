// tests/soak/soak_test.cc -- a short soak with real processes.
//
// Goal: every acknowledged write is there, counters are exact, what was removed stays away, a node shows what it acknowledged, and in the
//       end all are equal, whatever happened to the processes, to their disks and to the messages between them.
// Method: 5 kithd; about 20 seconds of faults drawn from a seed, then the verdict.  `kith-soak --seed N` runs the same plan by hand.
#include "tests/soak/soak.h"

#include <doctest/doctest.h>

#include <random>

namespace kith::soak {
namespace {

TEST_CASE("soak: kills, stops, cuts and disks that go back lose nothing that was promised") {
  SoakOptions options;
  options.seed = std::random_device{}();
  CAPTURE(options.seed);
  const std::atomic<bool> interrupt{false};
  const SoakResult result = run_soak(options, [](const std::string&) {}, interrupt);
  CAPTURE(result.table);
  for (const std::string& finding : result.findings) FAIL_CHECK("kith-soak --seed ", options.seed, ": ", finding, "; logs: ", result.directory);
  CHECK(result.good);
  CHECK(result.settled == 1);
  CHECK(result.kills > 0);
  CHECK(result.acknowledged > 0);
}

}  // namespace
}  // namespace kith::soak
