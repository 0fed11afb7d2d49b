#include "sim/swarm.h"

#include <algorithm>

#include "gossip/operation.h"
#include "sim/draw.h"

namespace kith::sim {
namespace {

constexpr std::int64_t kMs = 1000, kSecond = 1'000'000, kHour = 3600 * kSecond, kYear = 8766 * kHour;

enum class Fault : std::uint8_t {
  kLoss, kRepeat, kReorder, kFlips, kClogs, kTinyQueues, kCuts, kOneWayCuts, kSplits, kBridges, kSwizzles,
  kCrashes, kRestarts, kStops, kPauses, kLeaves, kJoins,
  kLostDisks, kRollbacks, kSwaps, kClones, kFullDisks, kSyncErrors, kSlowSyncs, kRot,
  kSkewedClocks, kSteppedClocks, kFrozenClocks, kMadClocks,
  kImpatientClients, kVanishingClients, kTinyBuffers, kHastyTimers, kShortWindow, kGrid,
};
constexpr std::size_t kFaultCount = static_cast<std::size_t>(Fault::kGrid) + 1;

class Swarm {
 public:
  Swarm(std::uint64_t seed, std::vector<bool> faults, std::size_t node_count) : draw_(scatter(seed, 0x5a4)), faults_(std::move(faults)) {
    out_.name = "seed " + std::to_string(seed);
    out_.seed = seed;
    // SUBTLE: what only a damaged row and a member that is gone for good held, the others wait for until the member is
    // evicted.  So not together with what makes members go for good, and without the trial of a core that is left alone.
    if (has(Fault::kRot) && draw_.one_in(2)) {
      for (const Fault fault : {Fault::kLostDisks, Fault::kLeaves, Fault::kMadClocks, Fault::kClones}) faults_[static_cast<std::size_t>(fault)] = false;
    }
    rots_ = has(Fault::kRot) && !has(Fault::kLostDisks) && !has(Fault::kLeaves) && !has(Fault::kMadClocks) && !has(Fault::kClones);
    for (std::size_t i = 1; i <= node_count; ++i) out_.nodes.push_back("n" + std::to_string(i));
  }

  Scenario take() {
    parameters();
    clients();
    time_to_settle();
    network_events();
    machine_events();
    disk_events();
    clock_events();
    if (draw_.one_in(2) && !rots_) core();
    evictions();
    collection();
    probes();
    std::stable_sort(out_.timeline.begin(), out_.timeline.end(), [](const Event& a, const Event& b) { return a.at_us < b.at_us; });
    return std::move(out_);
  }

 private:
  bool has(Fault fault) const { return faults_[static_cast<std::size_t>(fault)]; }
  const std::string& any_node() { return out_.nodes[draw_.below(out_.nodes.size())]; }
  std::int64_t any_time() { return draw_.between(kSecond, out_.duration_us - 2 * kSecond); }

  std::vector<std::string> some_nodes(std::size_t most) {
    std::vector<std::string> nodes = shuffled();
    nodes.resize(1 + draw_.below(std::min(most, nodes.size())));
    return nodes;
  }
  std::vector<std::string> shuffled() {
    std::vector<std::string> nodes = out_.nodes;
    for (std::size_t i = nodes.size(); i > 1; --i) std::swap(nodes[i - 1], nodes[draw_.below(i)]);
    return nodes;
  }
  // Two sides of a cut, neither empty.
  std::pair<std::vector<std::string>, std::vector<std::string>> two_sides() {
    std::vector<std::string> nodes = shuffled();
    const std::size_t left = 1 + draw_.below(nodes.size() - 1);
    return {{nodes.begin(), nodes.begin() + static_cast<std::ptrdiff_t>(left)}, {nodes.begin() + static_cast<std::ptrdiff_t>(left), nodes.end()}};
  }

  Event& add(std::int64_t at_us, Action action, std::vector<std::vector<std::string>> groups = {}) {
    Event event;
    event.at_us = std::min(at_us, out_.duration_us);
    event.action = action;
    event.groups = std::move(groups);
    out_.timeline.push_back(std::move(event));
    return out_.timeline.back();
  }
  // How often something happens, and how long it lasts.
  template <class What>
  void times(std::uint64_t most, What what) {
    for (std::uint64_t n = 1 + draw_.below(most); n > 0; --n) what(any_time());
  }
  std::int64_t a_while() { return draw_.exponential(draw_.one_in(3) ? 15 * kSecond : 3 * kSecond); }

  void parameters() {
    out_.shard_count = static_cast<std::uint32_t>(draw_.one_in(4) ? 16 : 1 + draw_.below(4));
    out_.links.delay_us = draw_.one_in(2) ? draw_.between(100, 2 * kMs) : draw_.between(1 * kMs, 80 * kMs);
    out_.links.jitter_us = has(Fault::kReorder) ? draw_.between(out_.links.delay_us, 10 * out_.links.delay_us) : out_.links.delay_us / 10;
    if (has(Fault::kLoss)) out_.links.loss = 0.30 * draw_.share() * draw_.share();
    if (has(Fault::kRepeat)) out_.links.repeat = 0.50 * draw_.share();
    if (has(Fault::kFlips)) out_.links.flip = 0.05 * draw_.share();
    if (has(Fault::kTinyQueues)) out_.links.queue_max = static_cast<std::uint32_t>(3 + draw_.below(12));
    out_.disks.sync_us = draw_.between(50, 3 * kMs);
    out_.disks.sync_jitter_us = draw_.between(0, 2 * out_.disks.sync_us);
    EngineOptions& engine = out_.engine;
    if (has(Fault::kTinyBuffers)) {
      engine.answer_bytes_max = 1 + draw_.below(400);
      engine.push_bytes_max = 1 + draw_.below(400);
    }
    if (has(Fault::kHastyTimers)) {
      engine.pull_timeout_ms = draw_.between(20, 800);
      engine.gossip_interval_ms = draw_.between(200, 2000);
      engine.lease_ms = draw_.between(1, 300);
    }
    if (has(Fault::kShortWindow)) engine.retry_window_ms = draw_.between(1000, 15'000);
    if (has(Fault::kGrid)) {
      engine.direct_members_max = 1 + draw_.below(3);
      engine.relay_gather_ms = draw_.between(0, 300);
      engine.relay_silent_ms = draw_.between(500, 6000);
    }
  }

  void clients() {
    Workload& work = out_.workload;
    work.writes_per_second = 1 + static_cast<double>(draw_.below(10));
    work.reads_per_second = rots_ ? 4 : static_cast<double>(draw_.below(2));
    work.sessions = static_cast<std::uint32_t>(1 + draw_.below(6));
    work.keys = static_cast<std::uint32_t>(1 + draw_.below(3));
    work.members = static_cast<std::uint32_t>(1 + draw_.below(5));
    work.removes = 1 + static_cast<double>(draw_.below(4));
    work.untagged = draw_.one_in(2) ? 0.3 * draw_.share() : 0;
    work.retries = 0.4 * draw_.share();
    work.wait_for_all = draw_.one_in(2) ? 0.6 * draw_.share() : 0;
    // Drawn apart, so that all else of a seed is as it was before values could expire.
    Draw expiry(scatter(out_.seed, 0xe4b1));
    work.expiring = expiry.one_in(2) ? 0.8 * expiry.share() : 0;
    out_.clients.timeout_us = has(Fault::kImpatientClients) ? draw_.between(1 * kMs, 500 * kMs) : 2 * kSecond;
    out_.clients.retries_max = static_cast<std::uint32_t>(draw_.below(6));
    out_.clients.skew_us = draw_.one_in(2) ? draw_.between(0, 300 * kMs) : 0;
    if (has(Fault::kVanishingClients)) {
      times(2, [&](std::int64_t at_us) { add(at_us, Action::kVanish).session = "s" + std::to_string(1 + draw_.below(work.sessions)); });
    }
  }

  // Where answers are tiny a round trip brings a row at least: of sets, hashes and registers, and an increment each that is
  // not folded.  Answers that are lost or late are asked for again.  Where nothing is tiny all this is an answer or two.
  void time_to_settle() {
    if (!has(Fault::kTinyBuffers)) return;
    const Workload& work = out_.workload;
    const auto writes = static_cast<std::int64_t>(work.writes_per_second * static_cast<double>(out_.duration_us) / kSecond);
    const auto rows = static_cast<std::int64_t>(4 * work.keys * work.members) + writes;
    const std::int64_t round_trip_us = 2 * (out_.links.delay_us + out_.links.jitter_us);
    out_.settle_us += (rows * round_trip_us + kSecond - 1) / kSecond * kSecond;
  }

  void network_events() {
    const bool heals = !draw_.one_in(4);
    const auto healed_later = [&](std::int64_t at_us) {
      if (heals) add(at_us + a_while(), Action::kHeal);
    };
    if (has(Fault::kCuts)) {
      times(4, [&](std::int64_t at_us) {
        const auto [a, b] = two_sides();
        add(at_us, Action::kCut, {a, b});
        healed_later(at_us);
      });
    }
    if (has(Fault::kOneWayCuts)) {
      times(4, [&](std::int64_t at_us) {
        const auto [a, b] = two_sides();
        add(at_us, Action::kCutOneWay, {a, b});
        healed_later(at_us);
      });
    }
    if (has(Fault::kSplits) && out_.nodes.size() > 2) {
      times(2, [&](std::int64_t at_us) {
        std::vector<std::vector<std::string>> sides(2 + draw_.below(out_.nodes.size() - 1));
        for (const auto& node : shuffled()) sides[draw_.below(sides.size())].push_back(node);
        std::erase_if(sides, [](const auto& side) { return side.empty(); });
        if (sides.size() < 2) return;
        add(at_us, Action::kSplit, sides);
        healed_later(at_us);
      });
    }
    if (has(Fault::kBridges) && out_.nodes.size() > 2) {
      times(2, [&](std::int64_t at_us) {
        auto nodes = shuffled();
        const std::string bridge = nodes.back();
        nodes.pop_back();
        const auto middle = nodes.begin() + static_cast<std::ptrdiff_t>(1 + draw_.below(nodes.size() - 1));
        add(at_us, Action::kSplit, {{nodes.begin(), middle}, {middle, nodes.end()}, {bridge}}).bridged = true;
        healed_later(at_us);
      });
    }
    if (has(Fault::kSwizzles)) {
      times(2, [&](std::int64_t at_us) { add(at_us, Action::kSwizzle, {some_nodes(4)}).amount = 2 * kSecond + a_while(); });
    }
    if (has(Fault::kClogs)) {
      times(4, [&](std::int64_t at_us) {
        const auto [a, b] = two_sides();
        add(at_us, Action::kClog, {a, b});
        add(at_us + a_while(), Action::kUnclog);
      });
    }
    if (has(Fault::kLoss) && draw_.one_in(2)) {
      times(3, [&](std::int64_t at_us) {
        add(at_us, Action::kWeather).weather.loss = 0.30;
        add(at_us + a_while(), Action::kWeather).weather.loss = 0.01;
      });
    }
  }

  void machine_events() {
    const auto and_back = [&](Action away, Action back, std::uint64_t most) {
      times(most, [&](std::int64_t at_us) {
        const auto nodes = some_nodes(2);
        add(at_us, away, {nodes});
        if (!draw_.one_in(8)) add(at_us + a_while(), back, {nodes});
      });
    };
    if (has(Fault::kCrashes)) and_back(Action::kCrash, Action::kStart, 6);
    if (has(Fault::kStops)) and_back(Action::kStop, Action::kStart, 4);
    if (has(Fault::kPauses)) and_back(Action::kPause, Action::kResume, 5);
    if (has(Fault::kRestarts)) times(8, [&](std::int64_t at_us) { add(at_us, Action::kRestart, {some_nodes(out_.nodes.size())}); });
    if (has(Fault::kLeaves) && out_.nodes.size() > 2 && draw_.one_in(2)) add(any_time(), Action::kLeave, {{out_.nodes.back()}});
    if (has(Fault::kJoins)) {
      int joined = 0;
      times(2, [&](std::int64_t at_us) { add(at_us, Action::kJoin, {some_nodes(3)}).name = "j" + std::to_string(++joined); });
    }
  }

  void disk_events() {
    if (has(Fault::kLostDisks)) {
      const auto unlucky = static_cast<std::size_t>(1 + draw_.below(out_.nodes.size() - 1));  // The first keeps its disk.
      for (std::size_t i = 1; i < unlucky; ++i) {
        const std::int64_t at_us = any_time();
        add(at_us, Action::kLoseDisk, {{out_.nodes[i]}});
        add(at_us + a_while(), Action::kStart, {{out_.nodes[i]}});
      }
    }
    if (has(Fault::kRollbacks)) {
      times(3, [&](std::int64_t at_us) {
        const auto nodes = some_nodes(draw_.one_in(4) ? out_.nodes.size() : 2);
        add(at_us, Action::kBackUp, {nodes});
        times(2, [&](std::int64_t back_us) { add(std::max(back_us, at_us), Action::kRestore, {nodes}); });
      });
    }
    if (has(Fault::kSwaps)) {
      times(2, [&](std::int64_t at_us) {
        auto nodes = shuffled();
        nodes.resize(2);
        add(at_us, Action::kSwapDisks, {nodes});
      });
    }
    if (has(Fault::kClones)) add(any_time(), Action::kClone, {{any_node()}}).name = "clone1";
    if (has(Fault::kFullDisks)) {
      times(2, [&](std::int64_t at_us) {
        const auto nodes = some_nodes(2);
        add(at_us, Action::kFillDisk, {nodes});
        const std::int64_t free_us = at_us + a_while();
        add(free_us, Action::kFreeDisk, {nodes});
        add(free_us + kSecond, Action::kStart, {nodes});
      });
    }
    if (has(Fault::kSyncErrors)) {
      times(3, [&](std::int64_t at_us) {
        const auto nodes = some_nodes(1);
        add(at_us, Action::kFailSync, {nodes});
        add(at_us + a_while(), Action::kStart, {nodes});
      });
    }
    if (has(Fault::kSlowSyncs)) {
      times(3, [&](std::int64_t at_us) {
        const auto nodes = some_nodes(2);
        add(at_us, Action::kSyncTime, {nodes}).amount = draw_.between(20 * kMs, 2 * kSecond);
        add(at_us + a_while(), Action::kSyncTime, {nodes}).amount = 1 * kMs;
      });
    }
    if (rots_) {
      times(12, [&](std::int64_t at_us) {
        const auto nodes = some_nodes(2);
        if (draw_.one_in(2) || nodes.size() == out_.nodes.size()) {
          add(at_us, Action::kFlipBit, {{nodes.front()}});
          return;
        }
        // What only the two hold, and one of them loses; found while nobody else can be asked, written to, found again by
        // a later life.
        std::vector<std::string> others;
        for (const auto& node : out_.nodes) {
          if (std::find(nodes.begin(), nodes.end(), node) == nodes.end()) others.push_back(node);
        }
        const std::int64_t until_us = at_us + kSecond + a_while();
        add(at_us, Action::kCut, {nodes, others});
        for (int flips = 0; flips < 3; ++flips) add(draw_.between(at_us, until_us), Action::kFlipBit, {{nodes.front()}});
        if (draw_.one_in(2)) add(draw_.between(at_us, until_us), Action::kRestart, {{nodes.front()}});
        add(until_us, Action::kHealBetween, {nodes, others});
        if (draw_.one_in(2)) add(until_us + draw_.between(0, kSecond), Action::kRestart, {{nodes.front()}});
      });
    }
  }

  void clock_events() {
    const auto righted_later = [&](std::int64_t at_us, const std::vector<std::string>& nodes) {
      add(at_us + a_while(), Action::kRightClock, {nodes});
    };
    if (has(Fault::kSkewedClocks)) {
      for (const auto& node : out_.nodes) {
        if (draw_.one_in(2)) add(draw_.between(0, kSecond), Action::kStepClock, {{node}}).amount = draw_.between(-400 * kMs, 400 * kMs);
        if (draw_.one_in(2)) add(draw_.between(0, kSecond), Action::kDriftClock, {{node}}).amount = draw_.between(-500, 500);
      }
    }
    if (has(Fault::kSteppedClocks)) {
      times(5, [&](std::int64_t at_us) {
        const auto nodes = some_nodes(2);
        add(at_us, Action::kStepClock, {nodes}).amount = draw_.one_in(2) ? draw_.between(-10 * kSecond, 10 * kSecond) : -draw_.between(0, kHour);
        righted_later(at_us, nodes);
      });
    }
    if (has(Fault::kFrozenClocks)) {
      times(3, [&](std::int64_t at_us) {
        const auto nodes = some_nodes(2);
        add(at_us, Action::kFreezeClock, {nodes});
        righted_later(at_us, nodes);
      });
    }
    if (has(Fault::kMadClocks)) {
      times(2, [&](std::int64_t at_us) {
        const auto nodes = some_nodes(1);
        add(at_us, Action::kStepClock, {nodes}).amount = draw_.one_in(2) ? kHour : 100 * kYear;
        righted_later(at_us, nodes);
      });
    }
  }

  // Drawn apart, as are evictions: so that all else of a seed is as it was before there was collection.
  void collection() { out_.engine.collect = Draw(scatter(out_.seed, 0xc011)).one_in(2); }

  // Drawn apart, so that all else of a seed is as it was before members could be evicted.
  void evictions() {
    Draw draw(scatter(out_.seed, 0xe71c));
    out_.engine.evict_after_ms = draw.one_in(3) ? draw.between(3000, 30'000) : 0;
    if (!draw.one_in(2)) return;
    const auto some_time = [&] { return draw.between(kSecond, out_.duration_us - 2 * kSecond); };
    for (std::uint64_t n = 1 + draw.below(3); n > 0; --n) {
      std::vector<std::string> going = out_.nodes;
      for (std::size_t i = going.size(); i > 1; --i) std::swap(going[i - 1], going[draw.below(i)]);
      const std::string at = going.back();
      going.pop_back();
      std::vector<std::string> left = going;
      going.resize(std::min<std::size_t>(1 + draw.below(2), going.size()));
      std::erase_if(left, [&](const auto& node) { return std::find(going.begin(), going.end(), node) != going.end(); });
      left.push_back(at);
      const std::int64_t at_us = some_time();
      // Of most that go the others hear nothing for a while, before and after.
      if (!draw.one_in(4)) {
        add(std::max<std::int64_t>(at_us - draw.exponential(3 * kSecond), kSecond), Action::kCut, {going, left});
        add(at_us + draw.exponential(10 * kSecond), Action::kHealBetween, {going, left});
      }
      add(at_us, Action::kEvict, {going, {at}});
      // The other side tries, too.
      if (draw.one_in(4)) add(at_us + draw.between(0, kSecond), Action::kEvict, {left, {going.front()}});
    }
  }

  // Drawn apart, too: of two thirds of all seeds nothing changes.
  void probes() {
    Draw draw(scatter(out_.seed, 0x9406));
    if (!draw.one_in(3)) return;
    out_.engine.probe_every_ms = draw.between(100, 1000);
    out_.engine.dead_after_ms = draw.between(4, 10) * out_.engine.probe_every_ms;
  }

  void core() {
    auto nodes = shuffled();
    nodes.resize(2 + draw_.below(nodes.size() - 1));
    out_.core = nodes;
  }

  Draw draw_;
  std::vector<bool> faults_;
  bool rots_ = false;
  Scenario out_;
};

}  // namespace

Scenario draw_scenario(std::uint64_t seed, std::uint32_t faults_percent) {
  Draw draw(scatter(seed, 0xd4a3));
  std::vector<bool> faults(kFaultCount);
  for (std::size_t i = 0; i < kFaultCount; ++i) faults[i] = draw.below(100) < faults_percent;
  static constexpr std::size_t kCounts[] = {2, 3, 3, 3, 4, 4, 5, 5, 5, 6, 7};
  return Swarm(seed, std::move(faults), kCounts[draw.below(std::size(kCounts))]).take();
}

void add_drains(Scenario& scenario) {
  Draw draw(scatter(scenario.seed, 0xd4a1));
  scenario.engine.collect = true;
  const auto add = [&](std::int64_t at_us, Action action, std::vector<std::vector<std::string>> groups) {
    Event event;
    event.at_us = std::clamp<std::int64_t>(at_us, 0, scenario.duration_us);
    event.action = action;
    event.groups = std::move(groups);
    scenario.timeline.push_back(std::move(event));
  };
  // What only a damaged row and a machine that is gone had is lost, as with those that leave in the middle of everything.
  const bool rots = std::any_of(scenario.timeline.begin(), scenario.timeline.end(), [](const Event& event) { return event.action == Action::kFlipBit; });
  for (std::uint64_t n = 1 + draw.below(3); n > 0; --n) {
    std::vector<std::string> going = scenario.nodes;
    for (std::size_t i = going.size(); i > 1; --i) std::swap(going[i - 1], going[draw.below(i)]);
    std::vector<std::string> left = going;
    going.resize(std::min<std::size_t>(draw.one_in(3) ? 2 : 1, going.size()));
    std::erase_if(left, [&](const auto& node) { return std::find(going.begin(), going.end(), node) != going.end(); });
    const std::int64_t at_us = draw.between(kSecond, scenario.duration_us - 2 * kSecond);
    add(at_us, draw.one_in(2) && !rots ? Action::kDrain : Action::kDrainForNow, {going});
    if (draw.one_in(3) && !left.empty()) {  // Somewhere on the way nobody hears of it any more, for a while.
      const std::int64_t cut_us = at_us + draw.exponential(2 * kSecond);
      add(cut_us, Action::kCut, {going, left});
      add(cut_us + draw.exponential(10 * kSecond), Action::kHealBetween, {going, left});
    }
    if (draw.one_in(4)) add(at_us + draw.exponential(3 * kSecond), Action::kRestart, {going});
    if (draw.one_in(4)) add(at_us + draw.exponential(5 * kSecond), Action::kStay, {going});
    if (draw.one_in(2)) add(at_us + draw.exponential(15 * kSecond), Action::kStart, {going});
  }
  std::stable_sort(scenario.timeline.begin(), scenario.timeline.end(), [](const Event& a, const Event& b) { return a.at_us < b.at_us; });
}

void add_observers(Scenario& scenario) {
  Draw draw(scatter(scenario.seed, 0x0b5e));
  if (scenario.nodes.size() == 2) scenario.nodes.push_back("n3");
  std::vector<std::string> nodes(scenario.nodes.begin() + 1, scenario.nodes.end());  // The first keeps its disk, and is what it is.
  for (std::size_t i = nodes.size(); i > 1; --i) std::swap(nodes[i - 1], nodes[draw.below(i)]);
  nodes.resize(scenario.nodes.size() > 4 && draw.one_in(2) ? 2 : 1);
  scenario.observers = nodes;
  for (const Event& event : scenario.timeline) {
    if (event.action == Action::kJoin && draw.one_in(3)) scenario.observers.push_back(event.name);
  }
  // Half of all writes that go to one are refused for nothing: enough of that is half of the seeds.
  if (!draw.one_in(2)) return;
  for (const auto& node : scenario.nodes) {
    if (!observes(scenario, node)) scenario.workload.at.push_back(node);
  }
}

Scenario draw_typical_scenario(std::uint64_t seed) {
  Draw draw(scatter(seed, 0x7491));
  std::vector<std::size_t> order(kFaultCount);
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[draw.below(i)]);
  std::vector<bool> faults(kFaultCount);
  for (std::size_t i = 0; i < kFaultCount / 2; ++i) faults[order[i]] = true;
  return Swarm(seed, std::move(faults), 5).take();
}

}  // namespace kith::sim
