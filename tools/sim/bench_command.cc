// kith-sim bench: how fast, on one core.
#include <iostream>
#include <nlohmann/json.hpp>

#include "sim/swarm.h"
#include "tools/sim/commands.h"
#include "tools/sim/exit_code.h"
#include "tools/sim/history.h"
#include "tools/sim/interrupt.h"
#include "tools/sim/progress.h"
#include "tools/sim/sweep.h"
#include "tools/sim/tally.h"
#include "tools/sim/text.h"

namespace kith::sim::tool {
namespace {

constexpr double kPromisedRatio = 1000;

double per_second(std::uint64_t count, const Tally& tally) {
  return tally.real_us() == 0 ? 0 : static_cast<double>(count) * 1e6 / static_cast<double>(tally.real_us());
}

void print_json(const Tally& tally) {
  const nlohmann::ordered_json figures = {
      {"seeds", tally.seeds()},
      {"failures", tally.failures().size()},
      {"virtual_s", static_cast<double>(tally.virtual_us()) / 1e6},
      {"real_s", static_cast<double>(tally.real_us()) / 1e6},
      {"ratio", tally.ratio()},
      {"ratio_of_processor_time", tally.processor_ratio()},
      {"ratio_promised", kPromisedRatio},
      {"steps", tally.steps()},
      {"steps_per_second", per_second(tally.steps(), tally)},
      {"messages", tally.messages()},
      {"messages_per_second", per_second(tally.messages(), tally)},
      {"writes", tally.writes()},
      {"seed_ms_p50", static_cast<double>(tally.real_us(0.5)) / 1e3},
      {"seed_ms_p99", static_cast<double>(tally.real_us(0.99)) / 1e3},
  };
  std::cout << figures.dump(2) << "\n";
}

void print_words(const Tally& tally) {
  const auto whole = [](double number) { return with_commas(static_cast<std::uint64_t>(number)); };
  std::cout << "histories   " << counted(tally.seeds(), "seed") << ", five nodes each, half of all faults; one core\n"
            << "ratio       " << whole(tally.ratio()) << " times real time (" << span_words(tally.virtual_us())
            << " in " << span_words(tally.real_us()) << "); promised: " << whole(kPromisedRatio) << "\n"
            << "            " << whole(tally.processor_ratio())
            << " times the processor's time, which others on this machine do not disturb\n"
            << "steps       " << whole(per_second(tally.steps(), tally)) << " a second\n"
            << "messages    " << whole(per_second(tally.messages(), tally)) << " a second\n"
            << "a history   " << span_words(tally.real_us(0.5)) << " (median), " << span_words(tally.real_us(0.99))
            << " (99 of 100 take less)\n";
}

}  // namespace

// SUBTLE: slow is not broken: the exit code does not judge the ratio, since machines are noisy.
int bench_command(const CommandLine& given) {
  CommandLine line = given;
  line.typical = true;  // For the lines that run a failing one again.
  Tally tally;
  const InterruptGuard interrupt;
  {
    Progress progress("seed", line.range.last - line.range.first + 1);
    const SweepPlan plan{
        .first = line.range.first, .last = line.range.last, .jobs = 1, .draw = draw_typical_scenario, .in_worker = {}};
    const auto go_on = [&] {
      progress.show(tally.seeds(), "");
      return !interrupt.interrupted();
    };
    sweep(plan, {.outcome = [&](Outcome&& outcome) { tally.add(outcome); }, .go_on = go_on});
  }
  line.json ? print_json(tally) : print_words(tally);
  std::cout.flush();
  std::cerr << tally.failure_lines(line);
  if (!tally.failures().empty()) return kBroken;
  return interrupt.interrupted() ? kInterrupted : kAllHeld;
}

}  // namespace kith::sim::tool
