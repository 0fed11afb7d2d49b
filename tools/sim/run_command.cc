// kith-sim run: one history after the other, each in a process of its own, and a story of each.
#include <algorithm>
#include <iostream>

#include "tools/sim/child.h"
#include "tools/sim/commands.h"
#include "tools/sim/exit_code.h"
#include "tools/sim/history.h"
#include "tools/sim/laws.h"
#include "tools/sim/outcome.h"
#include "tools/sim/report_files.h"
#include "tools/sim/text.h"

namespace kith::sim::tool {
namespace {

// When a claim is decided at the latest.
std::int64_t decided_us(const Event& claim) {
  return claim.at_us + (claim.action == Action::kExpectConvergence ? claim.amount : 0);
}

std::string claims_words(const Scenario& scenario, const std::optional<Failure>& failure) {
  std::uint64_t all = 0, kept = 0;
  for (const Event& event : scenario.timeline) {
    if (!is_claim(event.action)) continue;
    ++all;
    if (!failure || decided_us(event) < failure->at_us) ++kept;
  }
  if (all == 0) return "it makes none";
  if (kept == all) return all == 1 ? "the one is kept" : "all " + with_commas(all) + " kept";
  return with_commas(kept) + " of " + with_commas(all) + " kept before that";
}

void print_line(const std::string& name, const std::string& text) {
  std::cout << "  " << name << std::string(name.size() < 12 ? 12 - name.size() : 1, ' ') << text << "\n";
}

void print_verdict(const Failure& failure, const History& history) {
  print_line("verdict", "BROKEN at " + time_words(failure.at_us) + ", law " + law_words(failure.law));
  print_line("", failure.text);
  print_line("run again", history.again);
  print_line("see more", history.again + " --trace");
}

void print_title(const History& history) {
  const Scenario& scenario = history.scenario;
  std::cout << scenario.name << " (seed " << history.seed << ", " << counted(scenario.nodes.size(), "node") << ", "
            << span_words(scenario.duration_us) << ")\n";
  if (!scenario.about.empty()) std::cout << "  " << scenario.about << "\n";
}

void print_story(const History& history, const Outcome& outcome) {
  const RunResult& result = outcome.result;
  print_line("claims", claims_words(history.scenario, result.failure));
  const double ratio =
      outcome.real_us > 0 ? static_cast<double>(result.virtual_us) / static_cast<double>(outcome.real_us) : 0;
  print_line("time", span_words(result.virtual_us) + " of virtual time in " + span_words(outcome.real_us) + " (" +
                         with_commas(static_cast<std::uint64_t>(ratio)) + " times as fast)");
  print_line("traffic", counted(result.messages, "message") + ", " +
                            one_digit(static_cast<double>(result.message_bytes) / 1e6) + " MB; " +
                            counted(result.writes, "acknowledged write"));
  if (result.converged_after_us >= 0) {
    print_line("healed",
               "all replicas were equal " + span_words(result.converged_after_us) + " after everything was healed");
  }
  if (!history.scenario.heal_at_end && !result.failure) {
    print_line("healed", "not at the end: that is how the scenario wants it");
  }
  if (result.failure) print_verdict(*result.failure, history);
  else print_line("verdict", "all laws were kept");
  print_line("history", hash_words(result.trace_hash));
}

// A history tells itself: in the child, so that an assertion is seen by whoever waits for it.
int tell(const History& history, const CommandLine& line) {
  RunOptions options;
  options.check_messages = line.check_messages;
  if (line.trace) {
    options.trace = [](std::string_view text) { std::cout << text << std::endl; };  // At once: it may die.
  }
  Recording recording;
  if (!line.report_directory.empty()) options.recording = &recording;
  const Outcome outcome = run_measured(history.scenario, history.seed, options);
  print_story(history, outcome);
  if (options.recording != nullptr) print_line("report", write_report(recording, line.report_directory));
  return outcome.result.failure ? kBroken : kAllHeld;
}

int run_one(const History& history, const CommandLine& line) {
  print_title(history);
  if (line.in_process) return tell(history, line);
  Child child([&](const std::string&) { return std::to_string(tell(history, line)); });
  child.ask("");
  if (const auto code = child.answer()) return std::stoi(*code);
  std::string printed;
  const std::string last_words = child.last_words(&printed);
  std::cout.flush();
  std::cerr << printed;
  print_verdict({'A', -1, last_words}, history);
  return kBroken;
}

}  // namespace

int run_command(const CommandLine& line) {
  std::vector<History> histories;
  for (const std::string& file : line.files) histories.push_back(history_of_file(file, line));
  for (const std::uint64_t seed : line.seeds) histories.push_back(history_of_seed(seed, line));
  int code = kAllHeld;
  for (std::size_t i = 0; i < histories.size(); ++i) {
    if (i > 0) std::cout << "\n";
    if (line.print) std::cout << to_toml(histories[i].scenario);
    else code = std::max(code, run_one(histories[i], line));
    std::cout.flush();
  }
  return code;
}

}  // namespace kith::sim::tool
