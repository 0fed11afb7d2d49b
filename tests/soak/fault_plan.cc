#include "tests/soak/fault_plan.h"

#include <algorithm>
#include <array>
#include <random>

namespace kith::soak {
namespace {

// Nothing new begins near the end, so that the last faults are over by then.
constexpr double kBegins = 0.02, kEnds = 0.93;
// A copy that is older than the horizon cannot be there earlier.
constexpr double kOldFromWindows = 3;

class Drawer {
 public:
  explicit Drawer(const PlanOptions& options) : options_(options), random_(options.seed) {}

  std::vector<Fault> run() {
    // One kill in ten brings back an older disk; one in twenty is of two nodes, one in forty of all.
    const std::size_t backs = options_.kills < 8 ? 0 : std::max<std::size_t>(2, options_.kills / 10);
    std::size_t killed = 0;
    for (std::size_t i = 0; i < backs; ++i) killed += back(i % 2 == 0 ? FaultKind::kBackYoung : FaultKind::kBackOld);
    while (killed < options_.kills) {
      const std::uint64_t dice = below(40);
      killed += kill(dice == 0 ? options_.nodes : dice < 3 ? 2 : 1);
    }
    for (std::size_t i = 0; i < options_.kills / 4 + 2; ++i) add({at(), FaultKind::kStop, some(1), lasts(), {}});
    for (std::size_t i = 0; i < options_.kills / 4 + 2; ++i) {
      const auto kind = std::array{FaultKind::kCut, FaultKind::kCutOneWay, FaultKind::kIsolate}[below(3)];
      add({at(), kind, some(kind == FaultKind::kIsolate ? 1 : 2), lasts(), {}});
    }
    for (std::size_t i = 0; i < options_.kills / 6 + 1; ++i) add({at(), FaultKind::kBreak, some(1), 0, {}});
    for (std::size_t i = 0; i < options_.kills / 5 + 3; ++i) add({at(), FaultKind::kWeather, {}, 0, weather()});
    std::stable_sort(plan_.begin(), plan_.end(), [](const Fault& a, const Fault& b) { return a.at_ms < b.at_ms; });
    return std::move(plan_);
  }

 private:
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
  // SUBTLE: distributions of the standard library differ between libraries; this does not.
  double part() { return static_cast<double>(random_() >> 11) * 0x1p-53; }

  std::int64_t between(double least, double most) { return static_cast<std::int64_t>(least + part() * (most - least)); }

  std::int64_t at(double begins = kBegins) {
    const auto duration = static_cast<double>(options_.duration_ms);
    return between(begins * duration, kEnds * duration);
  }

  // Short ones are the most.
  std::int64_t lasts() {
    const double drawn = part();
    return 50 + static_cast<std::int64_t>(drawn * drawn * static_cast<double>(options_.longest_ms));
  }

  std::vector<std::size_t> some(std::size_t count) {
    std::vector<std::size_t> all(options_.nodes);
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
    for (std::size_t i = 0; i < count; ++i) std::swap(all[i], all[i + below(all.size() - i)]);
    all.resize(count);
    return all;
  }

  LinkWeather weather() {
    const std::uint64_t dice = below(4);
    if (dice == 0) return {};
    LinkWeather out;
    out.lost = dice == 1 ? 0 : part() * 0.2;
    out.twice = part() * 0.1;
    out.delay_least_ms = between(0, 20);
    out.delay_most_ms = out.delay_least_ms + between(0, dice == 3 ? 300 : 50);
    return out;
  }

  void add(Fault fault) { plan_.push_back(std::move(fault)); }

  std::size_t kill(std::size_t count) {
    // Every third is started again at once.
    add({at(), FaultKind::kKill, some(count), below(3) == 0 ? 0 : lasts() / 3, {}});
    return count;
  }

  // With a kill before it, at which the copy is taken.  Returns the kills.
  std::size_t back(FaultKind kind) {
    const auto duration = static_cast<double>(options_.duration_ms), window = static_cast<double>(options_.retry_window_ms);
    const bool old = kind == FaultKind::kBackOld;
    const double from = (old ? kOldFromWindows : 1) * window / duration;
    // A quorum survives as many disks as it has more than one; of three nodes only one.
    const std::size_t count = options_.nodes >= 5 && below(5) == 0 ? 2 : 1;
    const Fault fault{at(std::clamp(from, kBegins, kEnds)), kind, some(count), below(3) == 0 ? 0 : lasts() / 3, {}};
    const std::int64_t before_ms = old ? between(2.3 * window, 2.9 * window) : between(0.3 * window, 0.6 * window);
    for (const std::size_t node : fault.nodes) add({std::max<std::int64_t>(0, fault.at_ms - before_ms), FaultKind::kKill, {node}, 0, {}});
    add(fault);
    return 2 * count;
  }

  PlanOptions options_;
  std::mt19937_64 random_;
  std::vector<Fault> plan_;
};

}  // namespace

const char* to_string(FaultKind kind) {
  switch (kind) {
    case FaultKind::kKill: return "kill";
    case FaultKind::kStop: return "stop";
    case FaultKind::kCut: return "cut";
    case FaultKind::kCutOneWay: return "cut one way";
    case FaultKind::kIsolate: return "isolate";
    case FaultKind::kBreak: return "break";
    case FaultKind::kWeather: return "weather";
    case FaultKind::kBackYoung: return "younger copy";
    case FaultKind::kBackOld: return "older copy";
  }
  return "unknown";
}

std::vector<Fault> draw_plan(const PlanOptions& options) { return Drawer(options).run(); }

}  // namespace kith::soak
