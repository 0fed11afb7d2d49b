#include "tests/soak/soak.h"

#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "store/lmdb_store.h"
#include "tests/soak/disk_copies.h"
#include "tests/soak/fault_plan.h"
#include "tests/soak/mayhem.h"
#include "tests/soak/soak_cluster.h"
#include "tests/soak/soak_words.h"
#include "tests/soak/verdict.h"
#include "tests/soak/watcher.h"
#include "tests/soak/writer.h"

namespace kith::soak {
namespace {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

constexpr auto kSettleIn = 180s;
constexpr auto kStep = 10ms;
constexpr std::int64_t kMinuteMs = 60'000;
constexpr std::int64_t kOvertimeMs = 10'000;

std::string make_directory(const std::string& wanted) {
  if (!wanted.empty()) {
    std::filesystem::create_directories(wanted);
    if (!std::filesystem::is_empty(wanted)) throw std::runtime_error(wanted + " is not empty: give --dir a new directory");
    return wanted;
  }
  std::string pattern = (std::filesystem::temp_directory_path() / "kith-soak-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make a temporary directory in " + std::filesystem::temp_directory_path().string());
  return pattern;
}

class Soak {
 public:
  Soak(const SoakOptions& options, const std::function<void(const std::string&)>& say, const std::atomic<bool>& interrupt)
      : options_(options), say_(say), interrupt_(interrupt), directory_(make_directory(options.directory)),
        cluster_(directory_, options.nodes, options.retry_window_ms, options.seed), copies_(directory_, options.nodes),
        mayhem_(cluster_, copies_, history_, figures_, options.retry_window_ms, plan()) {
    for (std::size_t i = 0; i < options_.writers; ++i) {
      WriterOptions writer;
      writer.number = i + 1;
      writer.seed = options_.seed * 1000 + i + 1;
      writer.addresses = cluster_.client_addresses();
      writer.writes_a_second = static_cast<double>(options_.writes) / (options_.minutes * 60) / static_cast<double>(options_.writers);
      writer.retry_window_ms = options_.retry_window_ms;
      writer.quorum = options_.nodes / 2 + 1;
      writers_.push_back(std::make_unique<Writer>(writer, history_, figures_, gifts_, watcher_));
    }
  }

  SoakResult run() {
    const auto duration_ms = static_cast<std::int64_t>(options_.minutes * kMinuteMs);
    const auto stretch_ms = static_cast<std::int64_t>(options_.settle_minutes * kMinuteMs);
    std::int64_t done_ms = 0;
    while (done_ms < duration_ms && !interrupt_ && figures_.found() == 0) {
      const std::int64_t stretch = duration_ms - done_ms < stretch_ms * 3 / 2 ? duration_ms - done_ms : stretch_ms;
      done_ms = write_and_break(done_ms, done_ms + stretch, done_ms + stretch >= duration_ms);
      settle();
    }
    finish();
    return result();
  }

 private:
  std::vector<Fault> plan() const {
    PlanOptions wanted;
    wanted.seed = options_.seed;
    wanted.nodes = options_.nodes;
    wanted.duration_ms = static_cast<std::int64_t>(options_.minutes * kMinuteMs);
    wanted.kills = options_.kills;
    wanted.retry_window_ms = options_.retry_window_ms;
    // A write has to get to its quorum within the retry window, whatever happens to it.
    wanted.longest_ms = std::min<std::int64_t>(15'000, options_.retry_window_ms / 3);
    return draw_plan(wanted);
  }

  // Returns the time it stopped at, on the plan's clock, which stands still while things settle.
  std::int64_t write_and_break(std::int64_t from_ms, std::int64_t to_ms, bool last) {
    std::atomic<bool> stop{false};
    std::vector<std::thread> threads;
    for (auto& writer : writers_) threads.emplace_back([&stop, &writer] { writer->run(stop); });
    const auto began = SteadyClock::now();
    std::int64_t now_ms = from_ms;
    // What was put off still has its turn.
    const std::int64_t most_ms = to_ms + std::max(kOvertimeMs, to_ms / 10);
    while ((now_ms < to_ms || (last && !mayhem_.over() && now_ms < most_ms)) && !interrupt_ && figures_.found() == 0) {
      mayhem_.tick(now_ms);
      if (now_ms / kMinuteMs != minutes_said_) {
        minutes_said_ = now_ms / kMinuteMs;
        say_(minute_line(minutes_said_, figures_));
      }
      std::this_thread::sleep_for(kStep);
      now_ms = from_ms + std::chrono::duration_cast<std::chrono::milliseconds>(SteadyClock::now() - began).count();
    }
    mayhem_.heal();
    stop = true;
    for (auto& thread : threads) thread.join();
    mayhem_.look_for_the_dead();
    return now_ms;
  }

  void settle() {
    const auto began = SteadyClock::now();
    std::vector<std::string> roots;
    bool equal = false;
    while (!equal && SteadyClock::now() - began < kSettleIn) {
      roots.clear();
      for (std::size_t node = 0; node < cluster_.size(); ++node) {
        const auto state = cluster_.state_of(node, 5s);
        roots.push_back(!state ? "no answer" : !state->introduced ? "not introduced" : state->rebasing ? "rebasing" : state->root);
      }
      equal = roots.front().size() == 16 && std::count(roots.begin(), roots.end(), roots.front()) == static_cast<std::ptrdiff_t>(roots.size());
      if (!equal) std::this_thread::sleep_for(100ms);
    }
    mayhem_.look_for_the_dead();
    if (!equal) {
      std::string what = "the nodes do not come to the same fingerprint:";
      for (std::size_t node = 0; node < roots.size(); ++node) what += " n" + std::to_string(node + 1) + " " + roots[node];
      figures_.find(what);
    }
    equal_ = equal;
    try {
      if (options_.before_verdict) options_.before_verdict(cluster_.client_addresses());
      judge_all(equal);
    } catch (const std::exception& error) {
      figures_.find(std::string("what the nodes show cannot be read: ") + error.what());
    }
    ++settled_;
    settled_ms_most_ = std::max(settled_ms_most_, std::chrono::duration<double, std::milli>(SteadyClock::now() - began).count());
  }

  // One is enough when all are equal; each, when they are not: who has it, and who has not?
  void judge_all(bool equal) {
    for (std::size_t node = 0; node < cluster_.size(); ++node) {
      if (equal && node > 0) break;
      verdict_ = judge(history_, cluster_.shown_by(node));
      const std::string at = "n" + std::to_string(node + 1) + ": ";
      for (const auto* list : {&verdict_.lost, &verdict_.came_back, &verdict_.counters}) {
        for (const std::string& what : *list) figures_.find(at + what);
      }
    }
  }

  // With other eyes than ours: the command line, and the disks when nobody runs on them.
  void finish() {
    say_("faults are over, looking at " + std::to_string(cluster_.size()) + " disks");
    for (std::size_t node = 0; node < cluster_.size(); ++node) {
      if (const auto state = cluster_.state_of(node, 5s)) redone_ += state->redone;
    }
    const auto [code, out] = kith_diff(cluster_.client_addresses());
    if (code != 0) figures_.find("kith diff ends with code " + std::to_string(code) + ": " + out);
    for (std::size_t node = 0; node < cluster_.size(); ++node) {
      if (!cluster_.node(node).running()) continue;
      if (const auto exit = cluster_.node(node).terminate(); exit.code != 0) {
        figures_.find("n" + std::to_string(node + 1) + " is told to end, and ends with " + std::to_string(exit.code) + ", signal " + std::to_string(exit.signal));
      }
    }
    for (std::size_t node = 0; node < cluster_.size(); ++node) {
      for (const std::string& what : LmdbStore::open(cluster_.data_of(node))->verify()) {
        figures_.find("the disk of n" + std::to_string(node + 1) + ": " + what);
      }
    }
  }

  SoakResult result() {
    SoakResult out;
    out.findings = figures_.findings();
    out.good = figures_.found() == 0;
    out.interrupted = interrupt_;
    out.kills = figures_.kills;
    out.acknowledged = figures_.acknowledged;
    out.settled = settled_;
    TableFacts facts;
    facts.proxy = cluster_.proxy().counters();
    facts.verdict = verdict_;
    facts.settled = settled_;
    facts.settled_ms_most = settled_ms_most_;
    facts.equal = equal_;
    facts.redone = redone_;
    facts.not_stable = watcher_.waiting();
    facts.faults_left = !mayhem_.over();
    for (std::size_t node = 0; node < cluster_.size(); ++node) facts.rebases += count_of(cluster_.node(node).output(), ": rebased onto ");
    out.table = table(options_, figures_, facts);
    out.directory = directory_;
    if (out.good && !options_.keep) std::filesystem::remove_all(directory_);
    return out;
  }

  static std::uint64_t count_of(const std::string& text, const std::string& word) {
    std::uint64_t out = 0;
    for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + word.size())) ++out;
    return out;
  }

  const SoakOptions options_;
  const std::function<void(const std::string&)>& say_;
  const std::atomic<bool>& interrupt_;
  const std::string directory_;
  History history_;
  Figures figures_;
  Gifts gifts_;
  SoakCluster cluster_;
  DiskCopies copies_;
  Mayhem mayhem_;
  Watcher watcher_{cluster_.client_addresses(), figures_};
  std::vector<std::unique_ptr<Writer>> writers_;
  Verdict verdict_;
  bool equal_ = false;
  std::uint64_t settled_ = 0, redone_ = 0;
  double settled_ms_most_ = 0;
  std::int64_t minutes_said_ = 0;
};

}  // namespace

SoakOptions completed(SoakOptions options) {
  if (options.kills == 0) options.kills = std::max<std::size_t>(12, static_cast<std::size_t>(std::ceil(options.minutes * 4.5)));
  if (options.writes == 0) options.writes = static_cast<std::uint64_t>(options.minutes * 60 * 200);
  // Short enough that horizons rise in a short run, and long enough that a write gets through all that happens to it.
  if (options.retry_window_ms == 0) options.retry_window_ms = std::clamp<std::int64_t>(static_cast<std::int64_t>(options.minutes * kMinuteMs / 6), 4'000, 60'000);
  return options;
}

SoakResult run_soak(const SoakOptions& options, const std::function<void(const std::string&)>& say, const std::atomic<bool>& interrupt) {
  return Soak(completed(options), say, interrupt).run();
}

}  // namespace kith::soak
