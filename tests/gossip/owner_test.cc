// tests/gossip/owner_test.cc -- what of a store is its node's alone, and what a copy keeps.
#include "gossip/owner.h"

#include <doctest/doctest.h>

#include "tests/gossip/frames.h"

namespace kith::test {
namespace {

TEST_CASE("owner: read from the store of a node as its engine knows it") {
  Network network;
  begin_cluster(network, 2);
  const EngineStatus status = network.node("n2").engine->status(instant_of(network));
  const Owner owner = owner_of(*network.node("n2").store->snapshot());
  CHECK(owner.node == status.node);
  CHECK(owner.node_name == "n2");
  CHECK(owner.cluster == status.cluster);
  CHECK(owner.cluster_name == status.cluster_name);
  CHECK(owner.shard_count == status.shard_count);
  CHECK(member_names(*network.node("n2").store->snapshot()) == std::vector<std::string>{"n1", "n2"});
}

// Goal: a copy without its owner is nobody's, holds what it held, and begins a life above all of it, on a wall that is
// years late, too.
TEST_CASE("owner: a copy without it keeps rows, clocks and cluster, and begins another node that starts later") {
  Network network;
  begin_cluster(network, 2);
  network.operate("n1", sadd("likes", {"tea"}));
  network.operate("n2", sadd("likes", {"milk"}));
  network.run_ms(5000);
  const EngineStatus before = network.node("n2").engine->status(instant_of(network));
  const auto copy = network.node("n2").store->clone();
  const std::uint64_t root = copy->snapshot()->root();
  const auto shards = copy->snapshot()->shards();
  std::map<ShardId, CommitClock> clocks;
  for (const ShardId shard : shards) clocks[shard] = copy->snapshot()->held(shard);
  const Timestamp newest = newest_held(*copy->snapshot());
  REQUIRE(newest);

  copy->commit(without_owner(*copy->snapshot()));
  const auto snapshot = copy->snapshot();
  const Owner owner = owner_of(*snapshot);
  CHECK_FALSE(owner.node);
  CHECK(owner.node_name.empty());
  CHECK_FALSE(snapshot->meta("origin"));
  CHECK(owner.cluster == before.cluster);
  CHECK(snapshot->root() == root);
  for (const ShardId shard : shards) {
    CHECK(snapshot->held(shard) == clocks[shard]);
    for (const auto& member : before.members) CHECK_FALSE(snapshot->cursor(shard, member.id));
  }
  CHECK(copy->verify().empty());

  NodeSetup setup;
  setup.name = "n3";
  setup.client_address = "n3:1";
  setup.peer_address = "n3:2";
  REQUIRE_FALSE(check_setup(*snapshot, setup));
  Engine engine(EngineOptions{}, setup, *copy, 4711);
  Output out;
  engine.start({1000, 1000}, out);
  const EngineStatus after = engine.status({1000, 1000});
  CHECK(after.joined);
  CHECK(after.cluster == before.cluster);
  CHECK(after.node != before.node);
  CHECK(after.origin != before.origin);
  CHECK(after.start > newest);
  CHECK(after.members.size() == 3);
}

}  // namespace
}  // namespace kith::test
