// tests/sim/shrink_test.cc -- shrinking, with failures that are made up, so that the shortest history is known.
#include "sim/shrink.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "sim/shrink_prune.h"
#include "sim/swarm.h"

namespace kith::sim {
namespace {

Event write(std::int64_t at_us, const std::string& node, const std::string& member, const std::string& label = "") {
  Event event;
  event.at_us = at_us;
  event.action = Action::kAdd;
  event.groups = {{node}};
  event.session = "alice";
  event.key = "likes";
  event.members = {member};
  event.label = label;
  return event;
}

Event on(std::int64_t at_us, Action action, std::vector<std::vector<std::string>> groups) {
  Event event;
  event.at_us = at_us;
  event.action = action;
  event.groups = std::move(groups);
  return event;
}

Event retry(std::int64_t at_us, const std::string& label, const std::string& node) {
  Event event = on(at_us, Action::kRetry, {{node}});
  event.label = label;
  return event;
}

Scenario five_nodes() {
  Scenario scenario;
  scenario.nodes = {"n1", "n2", "n3", "n4", "n5"};
  return scenario;
}

// 500 writes, one every 100 ms; two of them are called for.
Scenario five_hundred() {
  Scenario scenario = five_nodes();
  for (int i = 0; i < 500; ++i) {
    scenario.timeline.push_back(write(i * 100'000, "n" + std::to_string(1 + i % 5), "e" + std::to_string(i)));
  }
  return scenario;
}

bool adds(const Scenario& scenario, const std::string& member) {
  return std::any_of(scenario.timeline.begin(), scenario.timeline.end(), [&](const Event& event) {
    return event.action == Action::kAdd && event.members == std::vector{member};
  });
}

std::optional<Failure> broken(bool whether, char law = 'D') {
  if (!whether) return std::nullopt;
  return Failure{law, 7, "made up"};
}

TEST_CASE("shrink: the two events of 500 that matter are found, and nothing else is left") {
  const auto result = shrink(five_hundred(), 17, [](const Scenario& it) {
    REQUIRE_FALSE(check(it));
    return broken(adds(it, "e123") && adds(it, "e456"));
  });
  REQUIRE(result);
  CHECK(result->minimal);
  CHECK(result->failure.law == 'D');
  CHECK(result->scenario.timeline.size() == 2);
  CHECK(adds(result->scenario, "e123"));
  CHECK(adds(result->scenario, "e456"));
  // They are at n4 and n2.
  CHECK(result->scenario.nodes == std::vector<std::string>{"n2", "n4"});
  CHECK(result->scenario.seed == 17);
  CHECK(result->scenario.duration_us <= 1'000'000);
  // ddmin: two events of 500 take about 2 * 2 * log2(500) = 36 runs, and the other steps some each.
  CHECK(result->runs < 200);
}

TEST_CASE("shrink: a history that does not fail is not cut down") {
  std::uint64_t runs = 0;
  CHECK_FALSE(shrink(five_hundred(), 1, [&](const Scenario&) {
    ++runs;
    return std::optional<Failure>();
  }));
  CHECK(runs == 1);
}

TEST_CASE("shrink: never more runs than allowed, and what was reached by then is the result") {
  for (const std::uint64_t runs_max : {1, 2, 5, 20}) {
    std::uint64_t runs = 0;
    ShrinkOptions options;
    options.runs_max = runs_max;
    const auto result = shrink(
        five_hundred(), 1,
        [&](const Scenario& it) {
          ++runs;
          return broken(adds(it, "e123"));
        },
        options);
    REQUIRE(result);
    CAPTURE(runs_max);
    CHECK(runs == runs_max);
    CHECK(result->runs == runs_max);
    CHECK_FALSE(result->minimal);
    CHECK(adds(result->scenario, "e123"));
  }
}

TEST_CASE("shrink: it stops when it is told to") {
  std::uint64_t runs = 0;
  ShrinkOptions options;
  options.stop = [&] { return runs >= 3; };
  const auto result = shrink(
      five_hundred(), 1,
      [&](const Scenario& it) {
        ++runs;
        return broken(adds(it, "e123"));
      },
      options);
  REQUIRE(result);
  CHECK(runs == 3);
  CHECK_FALSE(result->minimal);
}

TEST_CASE("shrink: another law is another failure") {
  const auto result = shrink(five_hundred(), 1, [](const Scenario& it) {
    if (!adds(it, "e7")) return broken(true, 'C');
    return broken(adds(it, "e400"), 'D');
  });
  REQUIRE(result);
  CHECK(result->failure.law == 'D');
  CHECK(result->scenario.timeline.size() == 2);
}

TEST_CASE("shrink: no candidate is run twice") {
  std::vector<std::string> seen;
  (void)shrink(five_hundred(), 1, [&](const Scenario& it) {
    seen.push_back(to_toml(it));
    return broken(adds(it, "e123") && adds(it, "e124"));
  });
  std::sort(seen.begin(), seen.end());
  CHECK(std::adjacent_find(seen.begin(), seen.end()) == seen.end());
}

// Goal: drawn histories with every kind of event stay valid whatever is taken away, and what is left is a file.
// Method: a failure that a hash of the candidate decides, so that odd subsets are kept.
TEST_CASE("shrink: every candidate of drawn histories passes check()") {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    const Scenario drawn = draw_scenario(seed, 80);
    std::uint64_t runs = 0;
    ShrinkOptions options;
    options.runs_max = 300;
    const auto result = shrink(
        drawn, seed,
        [&](const Scenario& it) {
          const auto problem = check(it);
          REQUIRE_MESSAGE(!problem, problem.value_or(""));
          return broken(runs++ == 0 || std::hash<std::string>()(to_toml(it)) % 3 == 0);
        },
        options);
    REQUIRE(result);
    CHECK(result->scenario.timeline.size() < with_workload_expanded(drawn, seed).timeline.size());
    std::string problem;
    CHECK_MESSAGE(parse_scenario(to_toml(result->scenario), problem), problem);
  }
}

TEST_CASE("shrink: the workload is written out, and nothing of it is left to draw") {
  Scenario scenario = five_nodes();
  scenario.workload.writes_per_second = 10;
  const auto result = shrink(scenario, 3, [](const Scenario& it) { return broken(it.timeline.size() >= 3); });
  REQUIRE(result);
  CHECK(result->scenario.timeline.size() == 3);
  CHECK(result->scenario.workload == Workload{});
}

TEST_CASE("shrink: settings that do not matter become as by default, those that do stay") {
  Scenario scenario = five_hundred();
  scenario.engine.lease_ms = 7;
  scenario.engine.pull_timeout_ms = 70;
  scenario.engine.relay_gather_ms = 3;
  scenario.links = {.delay_us = 9'000, .jitter_us = 8'000, .loss = 0.1, .repeat = 0.2, .flip = 0.3, .queue_max = 2};
  scenario.disks.sync_us = 5;
  scenario.clients.retries_max = 1;
  scenario.core = {"n1", "n2"};
  scenario.groups["west"] = {"n1", "n2"};
  scenario.between = {{"west", "n5", {.delay_us = 1}}};
  const auto result = shrink(scenario, 1, [](const Scenario& it) {
    return broken(it.engine.pull_timeout_ms == 70 && it.links.loss > 0 && adds(it, "e3"));
  });
  REQUIRE(result);
  EngineOptions engine;
  engine.pull_timeout_ms = 70;
  CHECK(result->scenario.engine == engine);
  CHECK(result->scenario.links == LinkQuality{.jitter_us = 0, .loss = 0.1});
  CHECK(result->scenario.disks.sync_us == DiskQuality{}.sync_us);
  CHECK(result->scenario.clients == ClientBehaviour{});
  CHECK(result->scenario.core.empty());
  CHECK(result->scenario.groups.empty());
  CHECK(result->scenario.between.empty());
}

TEST_CASE("shrink: lists of an event lose what does not matter") {
  Scenario scenario = five_nodes();
  scenario.timeline = {on(1'000'000, Action::kCrash, {{"n1", "n2", "n3"}}), write(2'000'000, "n4", "tea"),
                       on(3'000'000, Action::kCut, {{"n1", "n2"}, {"n3", "n4"}})};
  scenario.timeline[1].members = {"tea", "milk", "bread"};
  const auto result = shrink(scenario, 1, [](const Scenario& it) {
    const auto crash = std::find_if(it.timeline.begin(), it.timeline.end(),
                                    [](const Event& event) { return event.action == Action::kCrash; });
    const auto add = std::find_if(it.timeline.begin(), it.timeline.end(),
                                  [](const Event& event) { return event.action == Action::kAdd; });
    if (crash == it.timeline.end() || add == it.timeline.end()) return broken(false);
    const auto names = [](const std::vector<std::string>& list, const char* name) {
      return std::find(list.begin(), list.end(), name) != list.end();
    };
    return broken(names(crash->groups[0], "n2") && names(add->members, "milk"));
  });
  REQUIRE(result);
  REQUIRE(result->scenario.timeline.size() == 2);
  CHECK(result->scenario.timeline[0].groups == std::vector<std::vector<std::string>>{{"n2"}});
  CHECK(result->scenario.timeline[1].members == std::vector<std::string>{"milk"});
  CHECK(result->scenario.nodes == std::vector<std::string>{"n2", "n4"});
}

TEST_CASE("shrink: as few nodes as asked for, and no fewer") {
  const auto nodes_left = [](std::size_t nodes_min) {
    ShrinkOptions options;
    options.nodes_min = nodes_min;
    const auto result = shrink(five_nodes(), 1, [](const Scenario&) { return broken(true); }, options);
    return result->scenario.nodes.size();
  };
  CHECK(nodes_left(1) == 1);
  CHECK(nodes_left(2) == 2);
  CHECK(nodes_left(5) == 5);
}

TEST_CASE("prune: a node that is gone is gone from wherever it was named") {
  Scenario scenario = five_nodes();
  Event split = on(40, Action::kSplit, {{"n1"}, {"n2"}, {"n3"}});
  split.bridged = true;
  Event join = on(20, Action::kJoin, {{"n3"}});
  join.name = "n6";
  scenario.groups["west"] = {"n3"};
  scenario.core = {"n1", "n3", "west"};
  scenario.between = {{"n1", "n3", {}}};
  scenario.timeline = {on(10, Action::kCrash, {{"n3", "n1"}}),
                       join,
                       write(30, "n6", "tea", "tea"),
                       split,
                       on(50, Action::kSwapDisks, {{"n1", "n3"}}),
                       retry(60, "tea", "n1"),
                       write(70, "n2", "milk", "milk"),
                       retry(80, "milk", "n1")};
  REQUIRE_FALSE(check(scenario));
  std::erase(scenario.nodes, "n3");
  prune(scenario);
  const auto problem = check(scenario);
  CHECK_MESSAGE(!problem, problem.value_or(""));
  CHECK(scenario.groups.empty());
  CHECK(scenario.core == std::vector<std::string>{"n1"});
  CHECK(scenario.between.empty());
  // Nobody to join through: no n6, no tea at it, nothing to retry.
  REQUIRE(scenario.timeline.size() == 4);
  CHECK(to_words(scenario.timeline[0]) == "at 10us crash [n1]");
  CHECK(to_words(scenario.timeline[1]) == "at 40us split [n1] [n2]");
  CHECK(scenario.timeline[2].label == "milk");
  CHECK(scenario.timeline[3].action == Action::kRetry);
}

TEST_CASE("prune: what is whole stays as it is") {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    const Scenario drawn = with_workload_expanded(draw_scenario(seed, 70), seed);
    Scenario pruned = drawn;
    prune(pruned);
    CHECK(pruned == drawn);
  }
}

}  // namespace
}  // namespace kith::sim
