// Goal: who joins a cluster with much data in few shards gets all of it, and the member that it asks goes on serving.
// Method: real processes; one shard, so that the feed has hundreds of marks, and more rows than an answer reads by far.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "node/client.h"
#include "tests/node/kithd_process.h"
#include "tests/node/temporary_directory.h"

namespace kith {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr int kKeys = 100;
constexpr int kElements = 1000;

std::string root(KithdProcess& node) {
  Client client = node.connect();
  Request request;
  request.op = ClientOp::kStatus;
  return json::parse(client.call(request, 60s).document)["store"]["root"];
}

ClientReply add(Client& client, const std::string& key, std::vector<std::string> members) {
  Request request;
  request.op = ClientOp::kSadd;
  request.key = key;
  request.members = std::move(members);
  request.tag = client.mint_tag();
  return client.call(request, 60s);
}

TEST_CASE("join: a shard of 100,000 rows comes to who joins, and to who was away while it was written") {
  TemporaryDirectory directory;
  const std::vector<std::string> flags{"--gossip-interval", "200ms"};
  std::vector<std::string> founding = flags;
  founding.insert(founding.end(), {"--shards", "1"});
  KithdProcess n1{{.data = directory / "n1", .name = "n1", .flags = founding}};
  KithdProcess n2{{.data = directory / "n2", .name = "n2", .join = {n1.peer_address()}, .flags = flags}};
  for (KithdProcess* node : {&n1, &n2}) node->wait_ready();
  Client client = n1.connect();
  REQUIRE(add(client, "first", {"before"}).status == Status::kOk);
  REQUIRE(eventually([&] { return root(n2) == root(n1); }));
  n2.kill();
  for (int key = 0; key < kKeys; ++key) {
    std::vector<std::string> members;
    for (int i = 0; i < kElements; ++i) members.push_back("element " + std::to_string(i));
    REQUIRE(add(client, "set " + std::to_string(key), std::move(members)).status == Status::kOk);
  }
  const std::string all = root(n1);
  KithdProcess n3{{.data = directory / "n3", .name = "n3", .join = {n1.peer_address()}, .flags = flags}};
  n3.wait_ready();
  n2.restart();
  n2.wait_ready();
  // The member answers meanwhile.
  REQUIRE(add(client, "first", {"meanwhile"}).status == Status::kOk);
  CHECK(root(n1) != all);
  CHECK(eventually([&] { return root(n3) == root(n1) && root(n2) == root(n1); }));
  for (KithdProcess* node : {&n2, &n3}) {
    Client reader = node->connect();
    Request request;
    request.op = ClientOp::kScard;
    request.key = "set " + std::to_string(kKeys - 1);
    CHECK(reader.call(request, 60s).number == kElements);
  }
}

}  // namespace
}  // namespace kith
