// tests/sim/workload_test.cc -- a workload as events.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>

#include "gossip/operation.h"
#include "sim/scenario.h"

namespace kith::sim {
namespace {

Scenario scenario_of(std::int64_t seconds) {
  Scenario scenario;
  scenario.duration_us = seconds * 1'000'000;
  for (int i = 1; i <= 5; ++i) scenario.nodes.push_back("n" + std::to_string(i));
  scenario.groups["west"] = {"n1", "n2"};
  return scenario;
}

std::uint64_t hash_of(const std::vector<Event>& events) {  // FNV-1a.
  std::uint64_t hash = 14695981039346656037u;
  for (const Event& event : events) {
    for (const char c : to_words(event) + "\n") hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  }
  return hash;
}

TEST_CASE("workload: the same seed gives the same events, another seed others") {
  Scenario scenario = scenario_of(600);
  scenario.workload.writes_per_second = 20;
  scenario.workload.reads_per_second = 5;
  scenario.workload.retries = 0.2;
  scenario.workload.untagged = 0.1;
  scenario.workload.wait_for_all = 0.1;
  const auto events = expand_workload(scenario, 7);
  CHECK(events == expand_workload(scenario, 7));
  CHECK_FALSE(events == expand_workload(scenario, 8));
  // Pinned: whoever changes what is drawn changes every history that was reported with its seed.
  CHECK(hash_of(events) == 2947614425916606904u);
}

TEST_CASE("workload: what is added is removed so much later, once each, and nothing after the run (1,000 adds)") {
  Scenario scenario = scenario_of(100);
  Workload& load = scenario.workload;
  load.writes_per_second = 10;
  load.removes = load.sets = load.deletes = load.fields = load.increments = 0;
  load.removed_after_us = 10'000'000;
  const auto events = expand_workload(scenario, 3);
  std::map<std::int64_t, std::vector<const Event*>> removes;
  std::set<std::string> labels;
  std::size_t adds = 0, late = 0, removals = 0;
  for (const Event& event : events) {
    CHECK(labels.insert(event.label).second);
    if (event.action == Action::kRemove) removes[event.at_us].push_back(&event), ++removals;
  }
  for (const Event& event : events) {
    if (event.action == Action::kRemove) continue;
    CHECK(event.action == Action::kAdd);
    ++adds;
    const std::int64_t due_us = event.at_us + load.removed_after_us;
    if (due_us > scenario.duration_us) {
      ++late;
      continue;
    }
    const auto& then = removes[due_us];
    CHECK(std::any_of(then.begin(), then.end(), [&](const Event* it) {
      return it->key == event.key && it->members == event.members;
    }));
  }
  CHECK(adds == 1000);
  CHECK(late == 100);
  CHECK(removals == 900);
}

TEST_CASE("workload: proportions are those asked for (12,000 writes)") {
  Scenario scenario = scenario_of(1200);
  Workload& load = scenario.workload;
  load.writes_per_second = 10;
  load.reads_per_second = 2;
  load.retries = 0.25;
  load.deletes = load.increments = 0.5;
  load.untagged = 0.2;
  load.wait_for_all = 0.1;
  const auto events = expand_workload(scenario, 1);
  std::map<Action, double> by_action;
  std::map<std::string, double> by_node, by_session;
  double writes = 0, tagged = 0, all = 0, observed = 0;
  std::set<std::string> labels, values;
  std::set<std::pair<std::string, std::string>> added;
  for (const Event& event : events) {
    ++by_action[event.action];
    if (!is_write(event.action)) continue;
    ++writes;
    tagged += !event.session.empty();
    all += event.replicas == kAllReplicas;
    ++by_node[event.groups.at(0).at(0)];
    ++by_session[event.session];
    CHECK(labels.insert(event.label).second);
    if (!event.value.empty()) CHECK(values.insert(event.value).second);
    if (event.action == Action::kAdd) added.insert({event.key, event.members.at(0)});
    if (event.action == Action::kRemove) observed += added.contains({event.key, event.members.at(0)});
  }
  const auto near = [](double actual, double expected) { return doctest::Approx(expected).epsilon(0.1) == actual; };
  CHECK(writes == 12'000);
  CHECK(by_action[Action::kRead] == 2'400);
  CHECK(near(by_action[Action::kAdd], 4'800));
  CHECK(near(by_action[Action::kRemove], 2'400));
  CHECK(near(by_action[Action::kSet], 2'400));
  CHECK(near(by_action[Action::kDelete], 600));
  CHECK(near(by_action[Action::kIncrement], 600));
  CHECK(near(by_action[Action::kSetField] + by_action[Action::kDeleteField], 1'200));
  CHECK(near(tagged, 9'600));
  CHECK(near(by_action[Action::kRetry], 2'400));
  CHECK(near(all, 1'200));
  CHECK(observed > by_action[Action::kRemove] * 0.85);
  CHECK(by_node.size() == 5);
  for (const auto& [node, count] : by_node) CHECK(near(count, 2'400));
  CHECK(by_session.size() == 5);  // s1 to s4, and nobody.
}

TEST_CASE("workload: keys, elements, fields and values are as many and as long as asked for") {
  Scenario scenario = scenario_of(1000);
  scenario.workload.writes_per_second = 10;
  scenario.workload.keys = 3;
  scenario.workload.members = 2;
  scenario.workload.value_bytes = 20;
  std::set<std::string> keys, members;
  for (const Event& event : expand_workload(scenario, 1)) {
    keys.insert(event.key);
    members.insert(event.members.begin(), event.members.end());
    if (!event.value.empty()) CHECK(event.value.size() == 20);
  }
  CHECK(keys == std::set<std::string>{"set1", "set2", "set3", "reg1", "reg2", "reg3", "hash1", "hash2", "hash3",
                                      "ctr1", "ctr2", "ctr3"});
  CHECK(members == std::set<std::string>{"e1", "e2", "f1", "f2"});
}

TEST_CASE("workload: events are even, in order, in their time and at their nodes") {
  Scenario scenario = scenario_of(100);
  Workload& load = scenario.workload;
  load.writes_per_second = 10;
  load.from_us = 20'000'000;
  load.to_us = 60'000'000;
  load.at = {"west"};
  const auto events = expand_workload(scenario, 1);
  CHECK(events.size() == 400);
  CHECK(std::is_sorted(events.begin(), events.end(), [](const Event& a, const Event& b) { return a.at_us < b.at_us; }));
  for (std::size_t i = 0; i < events.size(); ++i) {
    const std::int64_t slot_us = 20'000'000 + static_cast<std::int64_t>(i) * 100'000;
    CHECK(events[i].at_us >= slot_us);
    CHECK(events[i].at_us < slot_us + 100'000);
    CHECK((events[i].groups.at(0).at(0) == "n1" || events[i].groups.at(0).at(0) == "n2"));
  }
}

// Goal: retries come soon and late, some when nobody may accept them any more.
TEST_CASE("workload: retries follow their writes by milliseconds to more than the retry window") {
  Scenario scenario = scenario_of(3600);
  scenario.workload.writes_per_second = 2;
  scenario.workload.retries = 1;
  std::map<std::string, std::int64_t> written;
  std::size_t soon = 0, later = 0, beyond = 0, last = 0;
  for (const Event& event : expand_workload(scenario, 1)) {
    CHECK(event.at_us <= scenario.duration_us);
    if (event.action != Action::kRetry) {
      written[event.label] = event.at_us;
      continue;
    }
    REQUIRE(written.contains(event.label));
    const std::int64_t delay_us = event.at_us - written[event.label];
    ++(delay_us < 100'000 ? soon : delay_us < 10'000'000 ? later : delay_us < 600'000'000 ? last : beyond);
  }
  CHECK(soon > 500);
  CHECK(later > 500);
  CHECK(last > 500);
  CHECK(beyond > 50);
}

TEST_CASE("workload: with its events in the timeline a scenario is still sound, whatever labels it had") {
  Scenario scenario = scenario_of(60);
  scenario.workload.writes_per_second = 20;
  scenario.workload.retries = 0.5;
  scenario.workload.untagged = 0.3;
  scenario.workload.reads_per_second = 5;
  std::string problem;
  for (const char* words : {"at 1s alice sets a to b at n1 as #w1", "at 2s alice sets a to c at n1 as #w3"}) {
    scenario.timeline.push_back(parse_event(words, problem).value());
  }
  for (const Event& event : expand_workload(scenario, 1)) scenario.timeline.push_back(event);
  std::stable_sort(scenario.timeline.begin(), scenario.timeline.end(),
                   [](const Event& a, const Event& b) { return a.at_us < b.at_us; });
  CHECK(check(scenario) == std::nullopt);
  CHECK(parse_scenario(to_toml(scenario), problem) == scenario);
}

TEST_CASE("workload: none asked for, none there") {
  CHECK(expand_workload(scenario_of(60), 1).empty());
  Scenario point = scenario_of(60);
  point.workload.writes_per_second = 1000;
  point.workload.from_us = point.workload.to_us = 5'000'000;
  CHECK(expand_workload(point, 1).empty());
  Scenario last = scenario_of(1);
  last.workload.writes_per_second = 1000;
  last.workload.retries = 1;
  for (const Event& event : expand_workload(last, 1)) CHECK(event.at_us <= 1'000'000);
}

}  // namespace
}  // namespace kith::sim
