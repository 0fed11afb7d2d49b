// tests/cluster/drain_test.cc -- nodes that leave for good while clients write: real processes.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "tests/cluster/cluster.h"

namespace kith {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

json status_at(KithdProcess& node) {
  Client client = node.connect();
  Request request;
  request.op = ClientOp::kStatus;
  return json::parse(client.call(request, 30s).document);
}
bool says_left(KithdProcess& node, const std::string& name) {
  const json status = status_at(node);
  for (const json& member : status["members"]) {
    if (member["name"] == name) return member["left"];
  }
  return false;
}
bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// Method: one client of the library, that begins at the node that goes; every write has to be acknowledged by somebody.
TEST_CASE("drain: a client that writes to a node which leaves goes on elsewhere, and nothing it was told is lost") {
  TestCluster cluster(3, {"--gossip-interval", "100ms"});
  ClientOptions options;
  options.addresses = {cluster.node(2).client_address()};
  Client writer = Client::open(options);
  std::set<std::string> written;
  const auto write = [&](int i) {
    Request request;
    request.op = ClientOp::kSadd;
    request.key = "likes";
    request.members = {"m" + std::to_string(i)};
    request.tag = writer.mint_tag();
    const ClientReply reply = writer.call(request, 60s);
    CAPTURE(reply.message);
    REQUIRE((reply.status == Status::kOk || reply.status == Status::kStored));
    written.insert(request.members.front());
  };
  for (int i = 0; i < 50; ++i) write(i);
  {
    Client operators = cluster.node(2).connect();
    Request request;
    request.op = ClientOp::kDrain;
    REQUIRE(operators.call(request, 30s).status == Status::kOk);
  }
  int i = 50;
  REQUIRE(eventually([&] {
    write(i++);
    return !cluster.node(2).running();
  }));
  CHECK(cluster.node(2).wait_exit().code == 0);
  for (int more = 0; more < 20; ++more) write(i++);
  for (std::size_t node = 0; node < 2; ++node) {
    REQUIRE(eventually([&] { return says_left(cluster.node(node), "n3"); }));
    REQUIRE(eventually([&] {
      Client reader = cluster.node(node).connect();
      const auto members = members_of(reader, "likes");
      return std::set<std::string>(members.begin(), members.end()) == written;
    }));
  }
}

TEST_CASE("drain: told to stop, a node with --leave stays a member, and one with --leave-for-good is out") {
  for (const bool for_good : {false, true}) {
    CAPTURE(for_good);
    std::vector<std::string> flags{"--gossip-interval", "100ms", "--leave", "1m"};
    if (for_good) flags.emplace_back("--leave-for-good");
    TestCluster cluster(3, flags);
    REQUIRE(eventually([&] { return cluster.all_know_all(); }));
    CHECK(cluster.node(2).terminate().code == 0);
    CHECK(contains(cluster.node(2).output(), "handed over"));
    if (for_good) CHECK(eventually([&] { return says_left(cluster.node(0), "n3"); }));
    else CHECK_FALSE(says_left(cluster.node(0), "n3"));
    cluster.node(2).restart();
    cluster.node(2).wait_ready();
    CHECK(eventually([&] { return !says_left(cluster.node(0), "n3"); }));
  }
}

TEST_CASE("drain: a node that was to leave for good and runs out of time stays a member, and says who it waited for") {
  TestCluster cluster(3, {"--gossip-interval", "100ms", "--leave", "2s", "--leave-for-good"});
  REQUIRE(eventually([&] { return cluster.all_know_all(); }));
  cluster.node(1).kill();
  CHECK(cluster.node(2).terminate().code == 1);
  CHECK(contains(cluster.node(2).output(), "went before it had left the cluster: n2 is not known to hold all that it has"));
  cluster.node(1).restart();
  cluster.node(2).restart();
  cluster.node(2).wait_ready();
  CHECK(eventually([&] { return status_at(cluster.node(2))["leaving"].is_null(); }));
  CHECK_FALSE(says_left(cluster.node(0), "n3"));
}

TEST_CASE("drain: a cluster's only member that is to leave for good cannot, and stops as any other") {
  TestCluster cluster(1, {"--leave", "1m", "--leave-for-good"});
  CHECK(cluster.node(0).terminate().code == 0);
  CHECK(contains(cluster.node(0).output(), "cannot leave for good"));
}

}  // namespace
}  // namespace kith
