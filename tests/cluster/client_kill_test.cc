// tests/cluster/client_kill_test.cc -- SIGKILL in the middle of writes, seen from the client library.
//
// Goal: who writes through a Client sees no error, nothing that was answered is lost, and nothing is counted twice.
// Method: 10,000 writes, half of them increments of one counter, half of them elements of a set, pipelined, at the level of a
//         quorum of two; the node that the client is connected to is killed three times on the way, and started again.
//         Each write is answered exactly once, under a tag that no other has; in the end each node has the count and the elements.
#include <doctest/doctest.h>

#include <random>
#include <set>

#include "gossip/operation.h"
#include "tests/cluster/cluster.h"

namespace kith {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kWrites = 10'000;
constexpr std::size_t kInFlight = 200;
constexpr std::size_t kKills = 3;

Request write_of(std::size_t number) {
  Request out;
  out.op = number % 2 == 0 ? ClientOp::kIncr : ClientOp::kSadd;
  out.key = number % 2 == 0 ? "visits" : "elements";
  if (number % 2 != 0) out.members = {"e" + std::to_string(number)};
  out.replicas = kQuorumReplicas;
  out.timeout_ms = 30'000;
  return out;
}

TEST_CASE("cluster: SIGKILL in the middle of 10,000 writes through the client library: no error, no loss, no double") {
  const std::uint64_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  TestCluster cluster(3, {"--replicas", "2"});
  REQUIRE(eventually([&] { return cluster.all_know_all(); }));
  ClientOptions options;
  options.addresses = {cluster.node(0).client_address()};
  Client client = Client::open(options);
  REQUIRE(eventually([&] { return client.wait_for(-1, 50ms), client.roster().size() == 3; }));

  std::set<std::size_t> kill_at;
  // Further apart than what is in flight: the client has moved before the next one.
  for (std::size_t kill = 0; kill < kKills; ++kill) kill_at.insert(500 + kill * 3000 + random() % 2000);
  std::size_t sent = 0, answered = 0, alone = 0;
  std::set<std::uint64_t> waiting;  // Ids of what was sent and is not answered.
  std::set<Tag> tags;
  std::vector<std::string> moved_to = {client.address()};
  while (answered < kWrites) {
    while (sent < kWrites && client.in_flight() < kInFlight) waiting.insert(client.send(write_of(sent++)));
    const auto reply = client.receive(60s);
    REQUIRE(reply);
    CAPTURE(reply->code);
    CAPTURE(reply->message);
    REQUIRE((reply->status == Status::kOk || reply->status == Status::kStored));
    REQUIRE(waiting.erase(reply->id) == 1);
    REQUIRE(reply->tag);
    REQUIRE(tags.insert(*reply->tag).second);
    alone += reply->status == Status::kStored ? 1 : 0;
    ++answered;
    if (client.address() != moved_to.back()) moved_to.push_back(client.address());
    if (kill_at.erase(answered) == 0) continue;
    for (std::size_t i = 0; i < cluster.size(); ++i) {  // So that two are there at any time.
      if (cluster.node(i).running()) continue;
      cluster.node(i).restart();
      cluster.node(i).wait_ready();
    }
    for (std::size_t i = 0; i < cluster.size(); ++i) {
      if (cluster.node(i).client_address() == client.address()) cluster.node(i).kill();
    }
  }
  CHECK(waiting.empty());
  CHECK_FALSE(client.receive(0ms));
  CHECK(client.moves() == kKills + 1);
  CHECK(moved_to.size() == kKills + 1);
  CHECK(alone == 0);
  for (std::size_t i = 0; i < cluster.size(); ++i) {
    if (!cluster.node(i).running()) cluster.node(i).restart();
    cluster.node(i).wait_ready();
  }
  REQUIRE(eventually([&] { return cluster.all_equal(); }));
  std::set<std::string> elements;
  for (std::size_t number = 1; number < kWrites; number += 2) elements.insert(write_of(number).members.front());
  for (std::size_t i = 0; i < cluster.size(); ++i) {
    Client reader = cluster.node(i).connect();
    Request count;
    count.op = ClientOp::kCount;
    count.key = "visits";
    CHECK(reader.call(count, 30s).total == kWrites / 2);
    const auto members = members_of(reader, "elements");
    CHECK(members.size() == kWrites / 2);
    CHECK(std::set<std::string>(members.begin(), members.end()) == elements);
  }
}

}  // namespace
}  // namespace kith
