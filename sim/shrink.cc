#include "sim/shrink.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "sim/shrink_prune.h"

namespace kith::sim {
namespace {

constexpr std::int64_t kMs = 1000, kSecond = 1'000'000;

using Change = std::function<void(Scenario&)>;

template <class Item>
void erase_at(std::vector<Item>& items, std::size_t at) {
  items.erase(items.begin() + static_cast<std::ptrdiff_t>(at));
}

// A field of a part of the scenario, as by default.
template <class Part, class Value>
void reset(std::vector<Change>& changes, Part Scenario::*part, Value Part::*field) {
  changes.push_back([part, field](Scenario& scenario) { scenario.*part.*field = Part{}.*field; });
}

template <class Part, class... Values>
void reset_all(std::vector<Change>& changes, Part Scenario::*part, Values Part::*... fields) {
  changes.push_back([part](Scenario& scenario) { scenario.*part = Part{}; });
  (reset(changes, part, fields), ...);
}

std::vector<Change> simpler_settings() {
  std::vector<Change> out;
  reset_all(out, &Scenario::engine, &EngineOptions::gossip_interval_ms, &EngineOptions::pull_timeout_ms,
            &EngineOptions::join_retry_ms, &EngineOptions::retry_window_ms, &EngineOptions::max_skew_ms,
            &EngineOptions::lease_ms, &EngineOptions::answer_bytes_max, &EngineOptions::push_bytes_max,
            &EngineOptions::direct_members_max, &EngineOptions::relay_silent_ms, &EngineOptions::relay_gather_ms,
            &EngineOptions::collect_rows_per_step, &EngineOptions::full_at);
  reset_all(out, &Scenario::links, &LinkQuality::delay_us, &LinkQuality::jitter_us, &LinkQuality::loss,
            &LinkQuality::repeat, &LinkQuality::flip, &LinkQuality::queue_max);
  out.push_back([](Scenario& scenario) { scenario.links.jitter_us = 0; });
  reset_all(out, &Scenario::disks, &DiskQuality::sync_us, &DiskQuality::sync_jitter_us, &DiskQuality::bytes_max);
  out.push_back([](Scenario& scenario) { scenario.disks.sync_jitter_us = 0; });
  reset_all(out, &Scenario::clients, &ClientBehaviour::timeout_us, &ClientBehaviour::retries_max,
            &ClientBehaviour::skew_us);
  out.push_back([](Scenario& scenario) { scenario.shard_count = Scenario{}.shard_count; });
  out.push_back([](Scenario& scenario) { scenario.core.clear(); });
  out.push_back([](Scenario& scenario) { scenario.observers.clear(); });
  out.push_back([](Scenario& scenario) { scenario.heal_at_end = false; });
  out.push_back([](Scenario& scenario) { scenario.between.clear(); });
  return out;
}

// What is the same for two equal candidates.  SUBTLE: to_toml() is for people, so what it does not say is added.
std::string key_of(const Scenario& scenario) {
  const EngineOptions& engine = scenario.engine;
  return to_toml(scenario) + "\n" + std::to_string(engine.direct_members_max) + " " +
         std::to_string(engine.relay_silent_ms) + " " + std::to_string(engine.relay_gather_ms) + " " +
         std::to_string(engine.collect_rows_per_step);
}

class Shrink {
 public:
  Shrink(const RunCandidate& run_candidate, const ShrinkOptions& options)
      : run_candidate_(run_candidate), options_(options) {}

  std::optional<ShrinkResult> run(const Scenario& scenario, std::uint64_t seed) {
    best_ = with_workload_expanded(scenario, seed);
    best_.seed = seed;
    tried_.insert(std::hash<std::string>()(key_of(best_)));
    const auto failure = ask(best_);
    if (!failure) return std::nullopt;
    failure_ = *failure;
    bool changed = true;
    while (changed && !gave_up_) changed = round();
    return ShrinkResult{
        .scenario = std::move(best_), .failure = std::move(failure_), .runs = runs_, .minimal = !gave_up_};
  }

 private:
  bool round() {
    bool changed = step("events", [this] { return fewer_events(); });
    changed |= step("nodes", [this] { return fewer_nodes(); });
    changed |= step("names", [this] { return fewer_names(); });
    changed |= step("settings", [this] { return default_settings(); });
    changed |= step("time", [this] { return less_time(); });
    return changed;
  }

  template <class Step>
  bool step(std::string_view name, Step take) {
    step_ = name;
    return take();
  }

  bool over() {
    gave_up_ = gave_up_ || runs_ >= options_.runs_max || (options_.stop && options_.stop());
    return gave_up_;
  }

  std::optional<Failure> ask(const Scenario& candidate) {
    ++runs_;
    auto failure = run_candidate_(candidate);
    if (options_.progress) {
      options_.progress({.runs = runs_, .events = best_.timeline.size(), .nodes = best_.nodes.size(), .step = step_});
    }
    return failure;
  }

  // Whether it still fails; then it is the best.
  bool attempt(Scenario candidate) {
    if (over()) return false;
    prune(candidate);
    if (check(candidate)) return false;
    if (!tried_.insert(std::hash<std::string>()(key_of(candidate))).second) return false;
    const auto failure = ask(candidate);
    if (!failure || failure->law != failure_.law) return false;
    best_ = std::move(candidate);
    failure_ = *failure;
    return true;
  }

  bool attempt(const Change& change) {
    Scenario candidate = best_;
    change(candidate);
    return attempt(std::move(candidate));
  }

  // ddmin.  Only complements are tried: a subset is the complement of the rest, tried when it is two halves.
  bool fewer_events() {
    bool changed = false;
    for (std::size_t width = std::max<std::size_t>(best_.timeline.size() / 2, 1); !over();) {
      bool fewer = false;
      for (std::size_t from = 0; from < best_.timeline.size() && !over();) {
        if (without_events(from, width)) fewer = true;  // What came after stands there now.
        else from += width;
      }
      changed |= fewer;
      if (width > 1) width /= 2;
      else if (!fewer) break;
    }
    return changed;
  }

  bool without_events(std::size_t from, std::size_t width) {
    return attempt([&](Scenario& scenario) {
      auto& events = scenario.timeline;
      const auto begin = events.begin() + static_cast<std::ptrdiff_t>(from);
      events.erase(begin, begin + static_cast<std::ptrdiff_t>(std::min(width, events.size() - from)));
    });
  }

  bool fewer_nodes() {
    bool changed = false;
    for (std::size_t i = best_.nodes.size(); i-- > 0 && best_.nodes.size() > options_.nodes_min;) {
      changed |= attempt([&](Scenario& scenario) { erase_at(scenario.nodes, i); });
    }
    return changed;
  }

  // Takes names out of lists, one at a time, as long as one is left.
  bool shorter_list(const std::function<std::vector<std::string>&(Scenario&)>& list) {
    bool changed = false;
    for (std::size_t i = list(best_).size(); i-- > 0 && list(best_).size() > 1;) {
      if (i < list(best_).size()) changed |= attempt([&](Scenario& scenario) { erase_at(list(scenario), i); });
    }
    return changed;
  }

  bool fewer_names() {
    bool changed = false;
    // SUBTLE: with what it takes from one event an attempt may take that event, and others: so every index is looked at
    // again.
    for (std::size_t i = 0; i < best_.timeline.size(); ++i) {
      for (std::size_t g = 0; i < best_.timeline.size() && g < best_.timeline[i].groups.size(); ++g) {
        changed |= shorter_list([i, g](Scenario& scenario) -> std::vector<std::string>& { return at(scenario, i, g); });
      }
      if (i < best_.timeline.size()) changed |= simpler_event(i);
    }
    changed |= attempt([](Scenario& scenario) { scenario.groups.clear(); });
    std::vector<std::string> groups;
    for (const auto& [name, members] : best_.groups) groups.push_back(name);
    for (const std::string& name : groups) changed |= attempt([&](Scenario& scenario) { scenario.groups.erase(name); });
    changed |= shorter_list([](Scenario& scenario) -> std::vector<std::string>& { return scenario.core; });
    return changed;
  }

  static std::vector<std::string>& at(Scenario& scenario, std::size_t i, std::size_t group) {
    static std::vector<std::string> none;
    none.clear();
    if (i >= scenario.timeline.size() || group >= scenario.timeline[i].groups.size()) return none;
    return scenario.timeline[i].groups[group];
  }

  bool simpler_event(std::size_t i) {
    bool changed = false;
    const auto change = [&](const std::function<void(Event&)>& how) {
      if (i >= best_.timeline.size()) return;
      Event event = best_.timeline[i];
      how(event);
      if (event == best_.timeline[i]) return;
      changed |= attempt([&](Scenario& scenario) { scenario.timeline[i] = event; });
    };
    const bool several = best_.timeline[i].action == Action::kAdd || best_.timeline[i].action == Action::kRemove;
    for (std::size_t m = several ? best_.timeline[i].members.size() : 0; m-- > 0;) {
      change([m](Event& event) {
        if (event.members.size() > 1 && m < event.members.size()) erase_at(event.members, m);
      });
    }
    change([](Event& event) { event.replicas = 1; });
    change([](Event& event) { event.bridged = event.bridged && event.groups.size() < 3; });
    const auto less_weather = [&](auto field) {
      change([field](Event& event) {
        Weather less = event.weather;
        (less.*field).reset();
        if (!(less == Weather{})) event.weather = less;
      });
    };
    less_weather(&Weather::delay_us);
    less_weather(&Weather::jitter_us);
    less_weather(&Weather::loss);
    less_weather(&Weather::repeat);
    less_weather(&Weather::flip);
    return changed;
  }

  bool default_settings() {
    bool changed = false;
    for (const Change& change : simpler_settings()) changed |= attempt(change);
    for (std::size_t i = best_.between.size(); i-- > 0;) {
      if (i < best_.between.size()) changed |= attempt([i](Scenario& scenario) { erase_at(scenario.between, i); });
    }
    return changed;
  }

  bool less_time() {
    bool changed = false;
    // From the back, so that what was tried before stays where it is.
    for (std::size_t i = best_.timeline.size() + 1; i-- > 0 && !over();) changed |= shorter_gap(i);
    for (const std::int64_t unit : {kSecond, 100 * kMs, 10 * kMs, kMs}) {
      const bool rounded = attempt([unit](Scenario& scenario) {
        for (Event& event : scenario.timeline) event.at_us -= event.at_us % unit;
        scenario.duration_us += (unit - scenario.duration_us % unit) % unit;
      });
      changed |= rounded;
      if (rounded) break;
    }
    return changed;
  }

  // The idle stretch before event i, or behind the last: to nothing, to a second, to a half.
  bool shorter_gap(std::size_t i) {
    if (i > best_.timeline.size()) return false;
    const auto& events = best_.timeline;
    const std::int64_t before_us = i == 0 ? 0 : events[i - 1].at_us;
    const std::int64_t gap_us = (i == events.size() ? best_.duration_us : events[i].at_us) - before_us;
    for (const std::int64_t left_us : {std::int64_t{0}, kSecond, gap_us / 2}) {
      // A little is worth no run.
      if (gap_us - left_us < 100 * kMs) continue;
      const bool shorter = attempt([&](Scenario& scenario) {
        const std::int64_t less_us = gap_us - left_us;
        for (std::size_t at = i; at < scenario.timeline.size(); ++at) scenario.timeline[at].at_us -= less_us;
        scenario.duration_us = std::max<std::int64_t>(scenario.duration_us - less_us, 1);
      });
      if (shorter) return true;
    }
    return false;
  }

  const RunCandidate& run_candidate_;
  const ShrinkOptions& options_;
  Scenario best_;
  Failure failure_;
  std::set<std::size_t> tried_;  // Hashes: that two candidates share one costs a step, once in 2^64.
  std::uint64_t runs_ = 0;
  bool gave_up_ = false;
  std::string_view step_ = "the history itself";
};

}  // namespace

std::optional<ShrinkResult> shrink(const Scenario& scenario, std::uint64_t seed, const RunCandidate& run_candidate,
                                   const ShrinkOptions& options) {
  return Shrink(run_candidate, options).run(scenario, seed);
}

}  // namespace kith::sim
