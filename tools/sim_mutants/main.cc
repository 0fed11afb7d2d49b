// kith-sim-mutants: does the simulator find what it is for?  See sim/mutants/README.md
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <deque>
#include <exception>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "sim/mutants/mutants.h"
#include "sim/swarm.h"
#include "sim/world.h"
#include "tools/sim_mutants/child.h"
#include "tools/sim_mutants/sweep.h"

namespace kith::tools {
namespace {

constexpr const char* kUsage =
    "kith-sim-mutants list                                         the planted faults, and the rule each breaks\n"
    "kith-sim-mutants sweep --mutant NAME [--seeds FIRST..LAST]    until a history shows it (default 1..2000)\n"
    "kith-sim-mutants all [--seeds-max N] [--repeats N] [--jobs N] [--from SEED] [--mutant NAME ...]\n"
    "                                                              each of them, several times, from different seeds\n"
    "kith-sim-mutants history --from SEED [--mutant NAME]          one history, told line by line\n"
    "kith-sim-mutants baseline [--seeds FIRST..LAST]               none of them: what fails anyway, and so counts for "
    "nothing\n"
    "kith-sim-mutants canary                                       an easy one: is anything found at all?\n";

constexpr std::uint64_t kBetweenRepeats = 1'000'000;  // Seeds, so that repeats do not meet.
constexpr const char* kCanary = "push_ignores_gaps";
constexpr std::uint64_t kCanarySeedsMax = 200;

struct Options {
  std::vector<std::string> mutants;
  std::uint64_t first = 1, last = 2000;
  std::uint64_t seeds_max = 2000, repeats = 5, jobs = 2, from = 1;
};

bool number(const std::string& text, std::uint64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size();
}

bool read_options(const std::vector<std::string>& words, Options& out, std::string& problem) {
  for (std::size_t i = 0; i < words.size(); i += 2) {
    const std::string& option = words[i];
    if (i + 1 == words.size()) return problem = option + " wants a value", false;
    const std::string& value = words[i + 1];
    const std::size_t dots = value.find("..");
    bool read = true;
    if (option == "--mutant") out.mutants.push_back(value);
    else if (option == "--seeds")
      read = dots != std::string::npos && number(value.substr(0, dots), out.first) &&
             number(value.substr(dots + 2), out.last);
    else if (option == "--seeds-max") read = number(value, out.seeds_max);
    else if (option == "--repeats") read = number(value, out.repeats) && out.repeats > 0;
    else if (option == "--jobs") read = number(value, out.jobs) && out.jobs > 0;
    else if (option == "--from") read = number(value, out.from);
    else return problem = "there is no option " + option, false;
    if (!read) return problem = "'" + value + "' is nothing for " + option, false;
  }
  for (const auto& name : out.mutants) {
    const auto& all = sim::mutants();
    const bool known = std::any_of(all.begin(), all.end(), [&](const auto& it) { return it.name == name; });
    if (!known) return problem = "there is no mutant '" + name + "': see kith-sim-mutants list", false;
  }
  return true;
}

int list() {
  for (const auto& it : sim::mutants()) {
    std::printf("%-40s %-5s %s\n", std::string(it.name).c_str(), std::string(it.laws).c_str(),
                std::string(it.rule).c_str());
  }
  return 0;
}

int sweep_one(const Options& options) {
  const std::string& mutant = options.mutants.front();
  const Sweep it = sweep(mutant, options.first, options.last);
  if (it.skipped > 0)
    std::printf("%llu seeds failed without it, too, or by a law that is not its own: not counted\n",
                static_cast<unsigned long long>(it.skipped));
  if (!it.killed()) {
    std::printf("%s SURVIVED %llu seeds\n", mutant.c_str(), static_cast<unsigned long long>(it.seeds));
    return 1;
  }
  std::printf("%s was killed by law %c after %llu seeds, seed %llu: %s\n", mutant.c_str(), it.verdict.law,
              static_cast<unsigned long long>(it.seeds), static_cast<unsigned long long>(it.seed),
              it.verdict.text.c_str());
  return 0;
}

std::string median(std::vector<Sweep> sweeps) {
  std::sort(sweeps.begin(), sweeps.end(), [](const Sweep& a, const Sweep& b) {
    return std::pair(!a.killed(), a.seeds) < std::pair(!b.killed(), b.seeds);
  });
  const Sweep& middle = sweeps[(sweeps.size() - 1) / 2];
  return middle.killed() ? std::to_string(middle.seeds) : "-";
}

// Returns whether every sweep killed it.
bool report(const std::string& mutant, const std::vector<Sweep>& sweeps) {
  std::map<char, int> laws;
  std::uint64_t total = 0;
  int killed = 0;
  const Sweep* example = nullptr;
  for (const Sweep& it : sweeps) {
    total += it.seeds;
    if (!it.killed()) continue;
    ++killed;
    ++laws[it.verdict.law];
    if (example == nullptr || it.seeds < example->seeds) example = &it;
  }
  std::string by;
  for (const auto& [law, count] : laws) by += law;
  const bool all = killed == static_cast<int>(sweeps.size());
  std::printf("%-40s %-5s %6s %7llu  %d/%zu%s", mutant.c_str(), by.c_str(), median(sweeps).c_str(),
              static_cast<unsigned long long>(total), killed, sweeps.size(), all ? "" : "  SURVIVED");
  if (example != nullptr) {
    std::printf("  seed %llu: %s", static_cast<unsigned long long>(example->seed),
                example->verdict.text.substr(0, 160).c_str());
  }
  std::printf("\n");
  std::fflush(stdout);
  return all;
}

int sweep_all(Options options) {
  if (options.mutants.empty()) {
    for (const auto& it : sim::mutants()) options.mutants.emplace_back(it.name);
  }
  struct Task {
    std::size_t mutant;
    Child child;
  };
  std::deque<Task> running;
  std::vector<std::vector<Sweep>> sweeps(options.mutants.size());
  std::size_t survivors = 0;
  std::printf("%-40s %-5s %6s %7s  %s\n", "mutant", "laws", "median", "seeds", "killed");
  const auto take_oldest = [&] {
    const Task task = running.front();
    running.pop_front();
    auto it = parse_line(wait_for(task.child).said);
    if (!it)
      throw std::runtime_error("a sweep of " + options.mutants[task.mutant] + " ended without saying what it found");
    sweeps[task.mutant].push_back(*std::move(it));
    if (sweeps[task.mutant].size() == options.repeats && !report(options.mutants[task.mutant], sweeps[task.mutant]))
      ++survivors;
  };
  for (std::size_t m = 0; m < options.mutants.size(); ++m) {
    for (std::uint64_t repeat = 0; repeat < options.repeats; ++repeat) {
      if (running.size() == options.jobs) take_oldest();
      const std::uint64_t first = options.from + repeat * kBetweenRepeats;
      const auto work = [&] { return to_line(sweep(options.mutants[m], first, first + options.seeds_max - 1)); };
      running.push_back({m, start_child(work, false)});
    }
  }
  while (!running.empty()) take_oldest();
  std::printf("\n%zu of %zu mutants were killed every time\n", options.mutants.size() - survivors,
              options.mutants.size());
  return survivors == 0 ? 0 : 1;
}

int history(const Options& options) {
  if (!options.mutants.empty() && !sim::plant(options.mutants.front())) return 2;
  sim::Scenario scenario = sim::draw_scenario(options.from);
  scenario.engine.collect = !options.mutants.empty() && collects(options.mutants.front());
  sim::RunOptions run;
  run.check_messages = true;
  run.trace = [](std::string_view line) { std::printf("%.*s\n", static_cast<int>(line.size()), line.data()); };
  return sim::run(scenario, scenario.seed, run).failure ? 1 : 0;
}

int baseline(const Options& options) {
  std::uint64_t failed = 0;
  for (std::uint64_t seed = options.first; seed <= options.last; ++seed) {
    const HistoryVerdict verdict = run_history({}, seed);
    if (verdict.law == 0) continue;
    ++failed;
    std::printf("seed %llu: %c: %s\n", static_cast<unsigned long long>(seed), verdict.law, verdict.text.c_str());
    std::fflush(stdout);
  }
  std::printf("%llu of seeds %llu to %llu fail with no fault planted\n", static_cast<unsigned long long>(failed),
              static_cast<unsigned long long>(options.first), static_cast<unsigned long long>(options.last));
  return failed == 0 ? 0 : 1;
}

int canary() {
  const Sweep it = sweep(kCanary, 1, kCanarySeedsMax);
  if (it.killed()) {
    std::printf("the simulator found the planted fault %s after %llu seeds, as it must (law %c)\n", kCanary,
                static_cast<unsigned long long>(it.seeds), it.verdict.law);
    return 0;
  }
  std::printf(
      "the simulator did NOT find the planted fault %s in %llu seeds: that it finds nothing else proves nothing\n",
      kCanary, static_cast<unsigned long long>(it.seeds));
  return 1;
}

int run(const std::vector<std::string>& words) {
  Options options;
  std::string problem;
  const std::string command = words.empty() ? "" : words.front();
  if (!words.empty() && !read_options({words.begin() + 1, words.end()}, options, problem)) {
    std::fprintf(stderr, "kith-sim-mutants: %s\n", problem.c_str());
    return 2;
  }
  if (command == "list") return list();
  if (command == "history") return history(options);
  if (command == "baseline") return baseline(options);
  if (command == "canary") return canary();
  if (command == "all") return sweep_all(options);
  if (command == "sweep" && options.mutants.size() == 1) return sweep_one(options);
  std::fputs(kUsage, stderr);
  return 2;
}

}  // namespace
}  // namespace kith::tools

int main(int argc, char** argv) {
  try {
    return kith::tools::run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "kith-sim-mutants: %s\n", error.what());
    return 2;
  }
}
