// tests/node/instances_test.cc -- which node a client tries next.
#include "node/instances.h"

#include <doctest/doctest.h>

#include <set>

namespace kith {
namespace {

Roster three() {
  Roster out;
  out.cluster = ClusterId{7};
  out.name = "kith";
  out.replication.given = 2;
  out.members = {{NodeId{30}, "n1", "h1:1", true}, {NodeId{10}, "n2", "h2:2", true}, {NodeId{20}, "n3", "h3:3", true}};
  return out;
}

std::set<std::string> first_of(const Instances& instances, std::int64_t now_ms) {
  std::set<std::string> out;
  for (std::uint64_t draw = 0; draw < 64; ++draw) out.insert(instances.in_order(now_ms, draw).front());
  return out;
}

TEST_CASE("instances: before anything is known the seeds are tried, then all members, each address once") {
  Instances instances({"h1:1", "elsewhere:9"}, Route::kAny);
  CHECK(instances.in_order(0, 1).size() == 2);
  instances.learn(three());
  const auto order = instances.in_order(0, 1);
  CHECK(order.size() == 4);
  CHECK(std::set<std::string>(order.begin(), order.end()) == std::set<std::string>{"h1:1", "h2:2", "h3:3", "elsewhere:9"});
}

TEST_CASE("instances: clients of a node that is gone spread over all that are living") {
  Instances instances({"h1:1"}, Route::kAny);
  instances.learn(three());
  instances.failed("h1:1", "gone", 1000);
  CHECK(first_of(instances, 1000) == std::set<std::string>{"h2:2", "h3:3"});
  CHECK(instances.in_order(1000, 5).back() == "h1:1");
}

TEST_CASE("instances: an observer is asked when no replica is left, and never leads") {
  Instances instances({"h1:1"}, Route::kAny);
  Roster roster = three();
  for (Roster::Member& member : roster.members) member.observer = member.client_address == "h2:2";
  instances.learn(roster);
  instances.failed("h1:1", "gone", 1000);
  CHECK(first_of(instances, 1000) == std::set<std::string>{"h3:3"});
  CHECK_FALSE(roster.find(roster.leader())->observer);
  CHECK(roster.size() == 2);
}

TEST_CASE("instances: who was found gone is not living for half a minute, whatever the cluster says, and then its word counts") {
  Instances instances({"h1:1"}, Route::kAny);
  instances.learn(three());
  instances.failed("h1:1", "gone", 1000);
  CHECK(instances.roster(1000).size() == 2);
  instances.learn(three());
  CHECK(instances.roster(1000 + Instances::kOwnWordMs - 1).size() == 2);
  CHECK(instances.roster(1000 + Instances::kOwnWordMs).size() == 3);
  CHECK(instances.told().size() == 3);

  instances.failed("h1:1", "gone", 100'000);
  instances.answered("h1:1");
  CHECK(instances.roster(100'000).size() == 3);
}

TEST_CASE("instances: who was away by the cluster's word and is living again is believed at once") {
  Instances instances({}, Route::kAny);
  Roster away = three();
  away.members[0].living = false;
  instances.learn(three());
  instances.failed("h1:1", "gone", 1000);
  instances.learn(away);
  CHECK(instances.roster(2000).size() == 2);
  instances.learn(three());
  CHECK(instances.roster(2000).size() == 3);
  CHECK(instances.failures().empty());
}

TEST_CASE("instances: a node that was lost under another address than it tells counts as gone") {
  Instances instances({"localhost:1"}, Route::kAny);
  instances.learn(three());
  instances.failed_node("n1", 1000);
  CHECK(instances.roster(1000).size() == 2);
  instances.answered_node("n1");
  CHECK(instances.roster(1000).size() == 3);
}

TEST_CASE("instances: by the leader's route the least id of those living comes first, and nobody else will do") {
  Instances instances({"h1:1"}, Route::kLeader);
  CHECK(instances.may_stay("n1", 0));  // Until it tells who leads.
  instances.learn(three());
  CHECK(instances.leader_address(0) == "h2:2");
  CHECK(first_of(instances, 0) == std::set<std::string>{"h2:2"});
  CHECK(instances.may_stay("n2", 0));
  CHECK_FALSE(instances.may_stay("n1", 0));
  instances.failed("h2:2", "gone", 1000);
  CHECK(instances.leader_address(1000) == "h3:3");
  CHECK(instances.may_stay("n3", 1000));
}

}  // namespace
}  // namespace kith
