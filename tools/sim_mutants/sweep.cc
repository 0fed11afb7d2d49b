#include "tools/sim_mutants/sweep.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <sstream>
#include <stdexcept>

#include "sim/mutants/mutants.h"
#include "sim/swarm.h"
#include "sim/world.h"
#include "tools/sim_mutants/child.h"

namespace kith::tools {
namespace {

constexpr unsigned int kSecondsMax = 20;  // A history takes a tenth of a second, or two when much is asked for.
constexpr std::size_t kTextMax = 400;

std::string one_line(std::string text) {
  for (char& c : text) {
    if (c == '\n') c = ' ';
  }
  if (text.size() > kTextMax) text.resize(kTextMax);
  return text;
}

std::string_view laws_of(std::string_view mutant) {
  for (const auto& it : sim::mutants()) {
    if (it.name == mutant) return it.laws;
  }
  return {};
}

std::string run_here(std::string_view mutant, std::uint64_t seed, bool collect) {
  ::alarm(kSecondsMax);
  if (!mutant.empty() && !sim::plant(mutant))
    throw std::logic_error("there is no mutant '" + std::string(mutant) + "'");
  sim::Scenario scenario = sim::draw_scenario(seed);
  scenario.engine.collect = collect;
  sim::RunOptions options;
  options.check_messages = true;
  const sim::RunResult result = sim::run(scenario, scenario.seed, options);
  return result.failure ? result.failure->law + one_line(result.failure->text) : "-";
}

}  // namespace

bool collects(std::string_view mutant) {
  const auto& all = sim::mutants();
  return std::any_of(all.begin(), all.end(), [&](const auto& it) { return it.name == mutant && it.collects; });
}

HistoryVerdict run_history(std::string_view mutant, std::uint64_t seed, bool collect) {
  const Ended ended = wait_for(start_child([&] { return run_here(mutant, seed, collect); }, true));
  if (ended.signal == SIGALRM) return {'L', "did not end within " + std::to_string(kSecondsMax) + " s"};
  if (ended.signal != 0) return {'A', one_line("signal " + std::to_string(ended.signal) + ": " + ended.said)};
  if (ended.said.empty() || ended.said == "-") return {};
  return {ended.said.front(), ended.said.substr(1)};
}

Sweep sweep(std::string_view mutant, std::uint64_t first, std::uint64_t last) {
  Sweep out;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    ++out.seeds;
    const bool collect = collects(mutant);
    HistoryVerdict verdict = run_history(mutant, seed, collect);
    if (verdict.law == 0) continue;
    if (laws_of(mutant).find(verdict.law) == std::string_view::npos || run_history({}, seed, collect).law != 0) {
      ++out.skipped;
      continue;
    }
    out.seed = seed;
    out.verdict = std::move(verdict);
    break;
  }
  return out;
}

std::string to_line(const Sweep& it) {
  std::ostringstream out;
  out << it.seeds << ' ' << it.skipped << ' ' << it.seed << ' ' << (it.killed() ? it.verdict.law : '-') << ' '
      << it.verdict.text;
  return out.str();
}

std::optional<Sweep> parse_line(const std::string& line) {
  std::istringstream in(line);
  Sweep out;
  char law = 0;
  if (!(in >> out.seeds >> out.skipped >> out.seed >> law)) return std::nullopt;
  if (law != '-') out.verdict.law = law;
  in.ignore(1);
  std::getline(in, out.verdict.text);
  return out;
}

}  // namespace kith::tools
