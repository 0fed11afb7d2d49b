// Goal: with real processes: a dead member is evicted, and comes back, in the same process, with what it had taken in alone.
// Method: five kithd on loopback; n5 is cut off, takes in a write, and is evicted while it runs.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "tests/node/kithd_process.h"
#include "tests/node/temporary_directory.h"

namespace kith {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

ClientReply call(KithdProcess& node, ClientOp op, const std::string& key, std::vector<std::string> members = {}, const std::string& text = "") {
  Client client = node.connect();
  Request request;
  request.op = op;
  request.key = key;
  request.members = std::move(members);
  request.text = text;
  if (is_write(op)) request.tag = client.mint_tag();
  return client.call(request, 60s);
}
json status_of(KithdProcess& node) { return json::parse(call(node, ClientOp::kStatus, "").document); }
std::set<std::string> likes(KithdProcess& node) {
  const ClientReply reply = call(node, ClientOp::kSmembers, "likes");
  return {reply.members.begin(), reply.members.end()};
}
bool says_evicted(KithdProcess& node, const std::string& name) {
  const json status = status_of(node);
  for (const json& member : status["members"]) {
    if (member["name"] == name) return member["evicted"];
  }
  return false;
}

TEST_CASE("evict: a member that is cut off is evicted, and comes back in the same process with what it had taken in alone") {
  const TemporaryDirectory dir;
  const std::vector<std::string> flags{"--allow-faults", "--collect", "--retry-window", "2s"};
  KithdProcess n1({.data = dir / "n1", .name = "n1", .flags = flags});
  n1.wait_ready();
  KithdProcess n2({.data = dir / "n2", .name = "n2", .join = {n1.peer_address()}, .flags = flags});
  KithdProcess n3({.data = dir / "n3", .name = "n3", .join = {n1.peer_address()}, .flags = flags});
  for (KithdProcess* node : {&n2, &n3}) node->wait_ready();
  REQUIRE(call(n1, ClientOp::kSadd, "likes", {"both", "dropped"}).status == Status::kOk);
  REQUIRE(eventually([&] { return likes(n3).size() == 2; }));

  CHECK(eventually([&] { return call(n1, ClientOp::kEvict, "", {"nobody"}).message.find("no member 'nobody'") != std::string::npos; }));
  REQUIRE(call(n3, ClientOp::kFault, "", {}, "cut n1").status == Status::kOk);
  REQUIRE(call(n3, ClientOp::kFault, "", {}, "cut n2").status == Status::kOk);
  REQUIRE(call(n3, ClientOp::kSadd, "likes", {"alone"}).status == Status::kOk);
  REQUIRE(call(n1, ClientOp::kSrem, "likes", {"dropped"}).status == Status::kOk);
  const auto horizon = [&] { return status_of(n1)["garbage"]["horizon"]["hlc"].get<std::string>(); };
  REQUIRE(eventually([&] { return call(n1, ClientOp::kEvict, "", {"n3"}).status == Status::kOk; }));
  REQUIRE(eventually([&] { return says_evicted(n1, "n3") && says_evicted(n2, "n3"); }));
  const std::string before = horizon();
  REQUIRE(eventually([&] { return horizon() > before; }));  // It waits for nobody any more.
  CHECK(likes(n1) == std::set<std::string>{"both"});

  REQUIRE(call(n3, ClientOp::kFault, "", {}, "heal").status == Status::kOk);
  const std::set<std::string> wanted{"alone", "both"};
  for (KithdProcess* node : {&n1, &n2, &n3}) CHECK(eventually([&] { return likes(*node) == wanted; }));
  CHECK(eventually([&] { return !says_evicted(n1, "n3") && status_of(n3)["garbage"]["returning"] == false; }));
  CHECK(n3.output().find("evicted while it was away") != std::string::npos);
  CHECK(eventually([&] { return call(n3, ClientOp::kSadd, "likes", {"later"}).status == Status::kOk; }));
  CHECK(eventually([&] { return likes(n1).contains("later"); }));
  CHECK(eventually([&] { return !status_of(n3)["redone"].is_null(); }));
}

}  // namespace
}  // namespace kith
