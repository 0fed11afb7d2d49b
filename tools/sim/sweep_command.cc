// kith-sim sweep and kith-sim hash: very many drawn histories.
#include <sys/random.h>

#include <algorithm>
#include <iostream>

#include "sim/marks.h"
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

// Twelve digits: enough that nobody meets one twice, short enough to be read out.
constexpr std::uint64_t kFreshSeeds = 1'000'000'000'000;

SeedRange fresh_range(std::uint64_t count) {
  std::uint64_t word = 0;
  if (::getrandom(&word, sizeof word, 0) != static_cast<ssize_t>(sizeof word)) {
    throw ToolError(kBroken, "the system gave no random number for --fresh; name the seeds with --seeds A..B");
  }
  const std::uint64_t first = kFreshSeeds + word % kFreshSeeds;
  return {.first = first, .last = first + count - 1};
}

// Of a sweep: prints hashes in the order of seeds, though they end in another.
class HashPrinter {
 public:
  explicit HashPrinter(std::uint64_t first) : next_(first) {}
  void add(const Outcome& outcome) {
    const auto& failure = outcome.result.failure;
    // Of a process that died there is no hash; that it did is the same in both builds, or it is a difference.
    const bool died = failure && failure->law == 'A';
    lines_[outcome.seed] =
        std::to_string(outcome.seed) + " " + (died ? "aborted" : hash_words(outcome.result.trace_hash)) + "\n";
    for (auto at = lines_.find(next_); at != lines_.end(); at = lines_.find(next_)) {
      std::cout << at->second;
      lines_.erase(at);
      ++next_;
    }
  }

 private:
  std::uint64_t next_;
  std::map<std::uint64_t, std::string> lines_;
};

class SweepCommand {
 public:
  explicit SweepCommand(const CommandLine& line)
      : line_(line),
        range_(line.fresh > 0 ? fresh_range(line.fresh) : line.range),
        limit_us_(static_cast<std::int64_t>(line.minutes * 60e6)),
        progress_("seed", range_.last - range_.first + 1, limit_us_),
        hashes_(range_.first) {}

  int run() {
    if (line_.fresh > 0 && !line_.hashes) std::cout << "first seed  " << range_.first << std::endl;
    const SweepPlan plan{.first = range_.first,
                         .last = range_.last,
                         .jobs = line_.jobs,
                         .draw = [this](std::uint64_t seed) { return draw(seed, line_); },
                         .twice = line_.twice,
                         .check_messages = line_.check_messages,
                         .no_more_after_us = limit_us_,
                         .in_worker = {}};
    sweep(plan, {.outcome = [this](Outcome&& outcome) { take(outcome); }, .go_on = [this] { return go_on(); }});
    return finish();
  }

 private:
  void take(const Outcome& outcome) {
    tally_.add(outcome);
    if (outcome.result.failure) progress_.line(failure_line(outcome.seed, *outcome.result.failure, line_));
    if (line_.hashes) hashes_.add(outcome);
  }

  bool go_on() {
    const std::size_t failed = tally_.failures().size();
    progress_.show(tally_.seeds(), ", " + with_commas(failed) + " failed");
    return !interrupt_.interrupted() && !(line_.first_failure && failed > 0);
  }

  int finish() {
    progress_.line("");
    const bool failed = !tally_.failures().empty();
    const int code = failed ? kBroken : interrupt_.interrupted() ? kInterrupted : kAllHeld;
    if (line_.hashes) return code;
    if (interrupt_.interrupted()) std::cout << "interrupted: what follows is of the seeds that had ended\n";
    std::cout << tally_.summary() << tally_.failure_lines(line_);
    if (line_.marks) std::cout << tally_.mark_lines();
    return judge_marks() || code != kAllHeld ? code : kBroken;
  }

  // Whether a sweep as long as this met what it must.
  bool judge_marks() const {
    if (tally_.seeds() < kSeedsForMarks) return true;
    const auto missing = missing_marks(tally_.marks());
    for (const Mark& mark : missing) {
      std::cout << "MISSED mark \"" << mark.name << "\": in " << with_commas(tally_.seeds())
                << " seeds it was never met that " << mark.means
                << "; either nothing causes it any more (sim/swarm.cc), or the engine cannot get there\n";
    }
    return missing.empty();
  }

  const CommandLine& line_;
  const SeedRange range_;
  const std::int64_t limit_us_;
  const InterruptGuard interrupt_;
  Progress progress_;
  HashPrinter hashes_;
  Tally tally_;
};

}  // namespace

int sweep_command(const CommandLine& line) { return SweepCommand(line).run(); }

int hash_command(const CommandLine& line) {
  int code = kAllHeld;
  for (const std::uint64_t seed : line.seeds) {
    HashPrinter hashes(seed);
    const SweepPlan plan{.first = seed,
                         .last = seed,
                         .jobs = 1,
                         .draw = [&](std::uint64_t it) { return draw(it, line); },
                         .in_worker = {}};
    const auto outcome = [&](Outcome&& it) {
      hashes.add(it);
      if (!it.result.failure) return;
      std::cout.flush();
      std::cerr << failure_line(seed, *it.result.failure, line);
      code = kBroken;
    };
    sweep(plan, {.outcome = outcome, .go_on = [] { return true; }});
  }
  return code;
}

}  // namespace kith::sim::tool
