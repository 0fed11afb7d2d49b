#include "tests/soak/fault_plan.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

namespace kith::soak {
namespace {

PlanOptions long_run(std::uint64_t seed) {
  PlanOptions out;
  out.seed = seed;
  out.duration_ms = 120 * 60'000;
  out.kills = 540;
  out.retry_window_ms = 60'000;
  out.longest_ms = 15'000;
  return out;
}

TEST_CASE("fault plan: one seed draws one plan, another seed another one") {
  CHECK(draw_plan(long_run(1)) == draw_plan(long_run(1)));
  CHECK(draw_plan(long_run(1)) != draw_plan(long_run(2)));
}

TEST_CASE("fault plan: has the kills that were asked for, and every kind of fault, in order, none after the end") {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    CAPTURE(seed);
    const auto plan = draw_plan(long_run(seed));
    std::size_t kills = 0;
    std::set<FaultKind> kinds;
    std::size_t all_at_once = 0, two_disks = 0;
    for (const Fault& fault : plan) {
      const bool back = fault.kind == FaultKind::kBackYoung || fault.kind == FaultKind::kBackOld;
      if (fault.kind == FaultKind::kKill || back) kills += fault.nodes.size();
      all_at_once += fault.kind == FaultKind::kKill && fault.nodes.size() == 5 ? 1 : 0;
      two_disks += back && fault.nodes.size() == 2 ? 1 : 0;
      kinds.insert(fault.kind);
      CHECK(fault.at_ms + fault.lasts_ms < long_run(seed).duration_ms);
      CHECK(fault.lasts_ms <= 15'050);
      CHECK(std::set<std::size_t>(fault.nodes.begin(), fault.nodes.end()).size() == fault.nodes.size());
      if (fault.kind == FaultKind::kBackOld) CHECK(fault.at_ms >= 3 * 60'000);
    }
    CHECK(kills >= 540);
    CHECK(kills < 560);
    CHECK(kinds.size() == 9);
    CHECK(all_at_once > 0);
    CHECK(two_disks > 0);
    CHECK(std::is_sorted(plan.begin(), plan.end(), [](const Fault& a, const Fault& b) { return a.at_ms < b.at_ms; }));
  }
}

TEST_CASE("fault plan: of three nodes one disk at a time goes back") {
  PlanOptions options = long_run(3);
  options.nodes = 3;
  for (const Fault& fault : draw_plan(options)) {
    if (fault.kind == FaultKind::kBackYoung || fault.kind == FaultKind::kBackOld) CHECK(fault.nodes.size() == 1);
  }
}

}  // namespace
}  // namespace kith::soak
