// tests/gossip/roster_test.cc -- what clients are told of the cluster.
#include <doctest/doctest.h>

#include "tests/gossip/frames.h"

namespace kith::test {
namespace {

Roster roster_at(Network& network, const std::string& name) {
  return network.node(name).engine->roster({network.now_ms(), 0});
}

std::vector<std::string> living(const Roster& roster) {
  std::vector<std::string> out;
  for (const auto& member : roster.members) {
    if (member.living) out.push_back(member.name);
  }
  return out;
}

TEST_CASE("roster: a node that has not joined tells nothing, one that founded a cluster tells of itself") {
  Network network;
  network.add("n1");
  network.start("n1");
  const Roster alone = roster_at(network, "n1");
  CHECK(alone.cluster);
  CHECK(living(alone) == std::vector<std::string>{"n1"});
  CHECK(alone.leader() == network.node("n1").engine->status({}).node);
  CHECK(alone.warnings().empty());  // Nobody gave a replication factor.
  network.add("n2", "nowhere");
  network.start("n2");
  CHECK_FALSE(roster_at(network, "n2").cluster);
}

TEST_CASE("roster: all nodes tell the same, and its version says so") {
  Network network;
  begin_cluster(network, 3);
  network.run_ms(5000);
  const Roster one = roster_at(network, "n1");
  CHECK(living(one) == std::vector<std::string>{"n1", "n2", "n3"});
  for (const char* name : {"n2", "n3"}) {
    CHECK(roster_at(network, name) == one);
    CHECK(roster_at(network, name).version() == one.version());
  }
  CHECK(one.leader() == std::min({one.members[0].id, one.members[1].id, one.members[2].id}));
}

TEST_CASE("roster: who is not heard of for a while is not living, another one leads, and who is back is living at once") {
  Network network;
  begin_cluster(network, 3);
  network.run_ms(5000);
  const Roster before = roster_at(network, "n1");
  const std::string leader = before.find(before.leader())->name;
  const std::string other = leader == "n1" ? "n2" : "n1";
  network.kill(leader);
  network.run_ms(5000);
  CHECK(roster_at(network, other).leader() == before.leader());
  REQUIRE(network.run_until([&] { return roster_at(network, other).size() == 2; }, 10'000));
  const Roster after = roster_at(network, other);
  CHECK(after.members.size() == 3);
  CHECK(after.leader() != before.leader());
  CHECK(after.version() != before.version());
  network.start(leader);
  REQUIRE(network.run_until([&] { return roster_at(network, other) == before; }, 5000));
}

TEST_CASE("roster: a node that says that it stops is not living from then on") {
  Network network;
  begin_cluster(network, 2);
  network.run_ms(3000);
  network.input("n2", Stop{});
  network.run_ms(50);
  CHECK(living(roster_at(network, "n1")) == std::vector<std::string>{"n1"});
}

TEST_CASE("roster: fewer nodes than the replication factor that was given is a warning, for the number of those living") {
  Roster roster;
  roster.cluster = ClusterId{1};
  roster.replication.given = 2;
  roster.members = {{NodeId{1}, "n1", "h:1", true}, {NodeId{2}, "n2", "h:2", false}};
  CHECK(roster.warnings() == std::vector<std::string>{"cluster size (1) is smaller than a replication factor (2)!"});
  roster.members[1].living = true;
  CHECK(roster.warnings().empty());
}

// ---- The replication factor

TEST_CASE("join: the replication factor that was given at creation is learnt, and kept") {
  Network network;
  network.add("n1").setup.replicas = 2;
  network.start("n1");
  network.add("n2", "n1");
  network.start("n2");
  REQUIRE(network.run_until([&] { return network.node("n2").engine->status({}).joined; }));
  CHECK(network.node("n2").engine->status({}).replication.given == 2);
  network.kill("n2");
  network.start("n2");
  CHECK(network.node("n2").engine->status({}).replication.given == 2);
  network.add("n3", "n2").setup.replicas = 2;
  network.start("n3");
  CHECK(network.run_until([&] { return network.node("n3").engine->status({}).joined; }));
}

TEST_CASE("join: another replication factor is refused for good, also where it is the default one") {
  for (const std::uint32_t given : {2u, 0u}) {
    CAPTURE(given);
    Network network;
    network.add("n1").setup.replicas = given;
    network.start("n1");
    network.add("n2", "n1").setup.replicas = 5;
    network.start("n2");
    network.run_ms(200);
    CHECK(network.node("n2").refused_for_good);
    CHECK(network.node("n2").notes.back().find(given == 2 ? "keeps 2 replicas, fixed at its creation, not 5; leave --replicas out"
                                                         : "keeps 3 replicas, fixed at its creation, not 5; leave --replicas out") !=
          std::string::npos);
    network.add("n3", "n1").setup.replicas = given == 2 ? 2 : kReplicasDefault;
    network.start("n3");
    CHECK(network.run_until([&] { return network.node("n3").engine->status({}).joined; }));
    CHECK(network.node("n3").engine->status({}).replication.given == given);
  }
}

TEST_CASE("setup: a directory of a cluster with another replication factor is refused with what to do") {
  Network network;
  network.add("n1").setup.replicas = 2;
  network.start("n1");
  NodeSetup setup = network.node("n1").setup;
  CHECK_FALSE(check_setup(*network.node("n1").store->snapshot(), setup));
  setup.replicas = 0;
  CHECK_FALSE(check_setup(*network.node("n1").store->snapshot(), setup));
  setup.replicas = 3;
  const auto problem = check_setup(*network.node("n1").store->snapshot(), setup);
  REQUIRE(problem);
  CHECK(problem->find("keeps 2 replicas, fixed at its creation, not 3: leave --replicas out") != std::string::npos);
}

// Method: every message between the two says another version, as those of another release would.
TEST_CASE("join: another version of the protocol is refused for good, told both ways") {
  Network network;
  network.filter = [&](const std::string& from, const std::string& to, std::string& bytes) {
    if (from == "n2") bytes = framed(payload_of(bytes), 2);
    if (to == "n2") bytes = framed(payload_of(bytes), 3);  // As if n1 were the other one.
    return true;
  };
  network.add("n1");
  network.start("n1");
  network.add("n2", "n1");
  network.start("n2");
  network.run_ms(200);
  CHECK(network.node("n2").refused_for_good);
  CHECK(network.node("n2").notes.back().find("n1 speaks version 1 of the protocol between nodes, not 2") != std::string::npos);
  CHECK(network.node("n1").engine->status({}).members.size() == 1);
}

// ---- Levels

TEST_CASE("replication: a quorum is more than half, or two thirds, rounded up") {
  const std::vector<std::pair<std::uint32_t, std::uint32_t>> majority = {{1, 1}, {2, 2}, {3, 2}, {4, 3}, {5, 3}, {6, 4}, {7, 4}};
  for (const auto& [replicas, quorum] : majority) CHECK(quorum_of(replicas, QuorumRule::kMajority) == quorum);
  const std::vector<std::pair<std::uint32_t, std::uint32_t>> thirds = {{1, 1}, {2, 2}, {3, 2}, {4, 3}, {5, 4}, {6, 4}, {7, 5}};
  for (const auto& [replicas, quorum] : thirds) CHECK(quorum_of(replicas, QuorumRule::kTwoThirds) == quorum);
}

TEST_CASE("replication: without a factor it is three, or all when they are fewer") {
  const ReplicationFactor none;
  CHECK(none.of(1) == 1);
  CHECK(none.of(2) == 2);
  CHECK(none.of(3) == 3);
  CHECK(none.of(100) == 3);
  CHECK(ReplicationFactor{5}.of(1) == 5);
}

}  // namespace
}  // namespace kith::test
