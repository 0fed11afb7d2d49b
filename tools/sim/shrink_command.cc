// kith-sim shrink: candidates run in forked processes, since the failure may be an assertion.
#include <algorithm>
#include <fstream>
#include <iostream>

#include "sim/shrink.h"
#include "sim/spelling.h"
#include "tools/sim/child.h"
#include "tools/sim/commands.h"
#include "tools/sim/exit_code.h"
#include "tools/sim/history.h"
#include "tools/sim/interrupt.h"
#include "tools/sim/laws.h"
#include "tools/sim/outcome.h"
#include "tools/sim/progress.h"
#include "tools/sim/text.h"

namespace kith::sim::tool {
namespace {

constexpr std::int64_t kFirstLimitUs = 600'000'000;
// A candidate is smaller than the history it comes from, and so takes less, unless it does not end.
constexpr std::int64_t kCandidateLimitUs = 20'000'000;

// Where an assertion stands: "kith: bug: gossip/pull.cc:71".  Of other deaths all of it.
std::string place_of(const std::string& last_words) {
  std::size_t at = 0;
  for (int colon = 0; colon < 4; ++colon) {
    at = last_words.find(':', at);
    if (at == std::string::npos) return last_words;
    ++at;
  }
  return last_words.substr(0, at);
}

class ShrinkCommand {
 public:
  explicit ShrinkCommand(const CommandLine& line)
      : line_(line),
        history_(line.files.empty() ? history_of_seed(line.seeds.front(), line)
                                    : history_of_file(line.files.front(), line)),
        progress_("run", line.runs_max) {}

  int run() {
    const std::size_t events = with_workload_expanded(history_.scenario, history_.seed).timeline.size();
    std::cerr << history_.scenario.name << ": " << counted(events, "event") << " on "
              << counted(history_.scenario.nodes.size(), "node") << "; cutting it down, in at most "
              << counted(line_.runs_max, "run") << " (Ctrl-C: the best so far)\n";
    ShrinkOptions options;
    options.runs_max = line_.runs_max;
    options.nodes_min = line_.nodes_min;
    options.progress = [this](const ShrinkProgress& it) {
      progress_.show(it.runs, ", " + counted(it.events, "event") + ", " + counted(it.nodes, "node") + ", now " +
                                  std::string(it.step));
    };
    options.stop = [this] { return interrupt_.interrupted(); };
    const auto result = shrink(
        history_.scenario, history_.seed, [this](const Scenario& it) { return failure_of(it); }, options);
    progress_.line("");
    if (!result) {
      throw ToolError(kBadInput, (line_.files.empty() ? "" : history_.scenario.name + " with ") + "seed " +
                                     std::to_string(history_.seed) + " breaks no law" +
                                     (line_.like.empty() ? "" : " with that in its text") +
                                     ", so there is nothing to cut down; see " + history_.again);
    }
    write(*result, events);
    return kBroken;
  }

 private:
  std::optional<Failure> failure_of(const Scenario& candidate) {
    auto failure = any_failure_of(candidate);
    if (failure && one_line(failure->text).find(line_.like) == std::string::npos) failure.reset();
    return failure;
  }

  std::optional<Failure> any_failure_of(const Scenario& candidate) {
    Child child([&](const std::string&) {
      RunOptions options;
      options.check_messages = line_.check_messages;
      return to_bytes(run_measured(candidate, candidate.seed, options));
    });
    child.ask("");
    const bool in_time = child.wait(first_ ? kFirstLimitUs : kCandidateLimitUs);
    const bool first = std::exchange(first_, false);
    if (in_time) {
      const auto bytes = child.answer();
      if (const auto outcome = bytes ? parse_outcome(*bytes) : std::nullopt) return outcome->result.failure;
    } else {
      child.end();
    }
    const std::string last_words =
        in_time ? child.last_words()
                : "it had not ended after " + span_words(first ? kFirstLimitUs : kCandidateLimitUs) + " of real time";
    // Another assertion is another fault.
    const std::string place = in_time ? place_of(last_words) : "it had not ended";
    if (first) place_ = place;
    if (place != place_) return std::nullopt;
    return Failure{'A', -1, last_words};
  }

  void write(const ShrinkResult& result, std::size_t events) const {
    const Scenario& scenario = result.scenario;
    std::string again = line_.program + " run " + (line_.out.empty() ? "FILE" : in_shell(line_.out));
    if (line_.check_messages) again += " --check-messages";
    if (!line_.plant.empty()) again += " --plant " + in_shell(line_.plant);
    std::string text = "# Breaks law " + law_words(result.failure.law) + "\n";
    text += "#   at " + time_words(result.failure.at_us) + ": " + printable(one_line(result.failure.text)) + "\n";
    text += "# Cut down from " + (line_.files.empty() ? "" : printable(history_.scenario.name) + ", ") + "seed " +
            std::to_string(history_.seed) + ": " + counted(scenario.timeline.size(), "event") + " of " +
            with_commas(events) + ", in " + counted(result.runs, "run") +
            (result.minimal ? ".\n" : "; not yet as short as it gets.\n");
    text += "# To see it again: " + again + "\n\n" + to_toml(scenario);
    warn_when_unfaithful(scenario, text);
    if (!line_.out.empty()) {
      std::ofstream out(line_.out, std::ios::binary);
      out << text;
      out.close();
      if (out) {
        std::cout << line_.out << ": " << counted(scenario.timeline.size(), "event") << " of " << with_commas(events)
                  << " are left, law " << result.failure.law << "; " << again << "\n";
        return;
      }
      // Minutes of work are not thrown away for a name.
      std::cerr << line_.program << ": " << line_.out << " cannot be written, so here it is:\n";
    }
    std::cout << text;
  }

  void warn_when_unfaithful(const Scenario& scenario, const std::string& text) const {
    std::string problem;
    const auto back = parse_scenario(text, problem);
    if (back && *back == scenario) return;
    std::cerr << line_.program << ": the file does not say all of the scenario"
              << (problem.empty() ? "" : " (" + problem + ")")
              << ", so it may run differently: a bug of sim/scenario_toml.cc\n";
  }

  const CommandLine& line_;
  const History history_;
  const InterruptGuard interrupt_;
  Progress progress_;
  bool first_ = true;
  std::string place_;
};

}  // namespace

int shrink_command(const CommandLine& line) { return ShrinkCommand(line).run(); }

}  // namespace kith::sim::tool
