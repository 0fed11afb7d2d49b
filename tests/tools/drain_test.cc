// tests/tools/drain_test.cc -- kith drain: a node leaves for good, as an operator sees it.  Real nodes.
#include <signal.h>

#include "tests/tools/three_nodes.h"

namespace kith {
namespace {

using Json = nlohmann::ordered_json;

std::string heard_of(ThreeNodes& nodes, KithdProcess& at, const std::string& name) {
  const Json members = Json::parse(nodes.at(at, {"nodes", "--json"}).out);
  for (const Json& member : members) {
    if (member["name"] == name) return member["left"] ? "left" : member["leaving"] ? "leaving" : member["evicted"] ? "evicted" : "member";
  }
  return "unknown";
}

TEST_CASE("drain: a node that is told to leave hands over, ends with exit code 0, and is said to have left") {
  ThreeNodes nodes({"--gossip-interval", "100ms"});
  nodes.at(nodes.n3, {"sadd", "likes", "tea"});
  const KithRun done = nodes.at(nodes.n1, {"drain", "n3"});
  CAPTURE(done.err);
  CHECK(done.code == 0);
  CHECK(done.out == "n3 has left the cluster: the others hold all that it had, and nobody waits for it any more\n");
  CHECK(nodes.n3.wait_exit().code == 0);
  CHECK(has(nodes.n3.output(), "left the cluster"));
  CHECK(eventually([&] { return heard_of(nodes, nodes.n2, "n3") == "left"; }));
  CHECK(has(nodes.at(nodes.n2, {"nodes"}).out, "left"));
  CHECK_FALSE(has(nodes.at(nodes.n2, {"status"}).out, "evicted"));
  CHECK(nodes.at(nodes.n2, {"smembers", "likes"}).out == "tea\n");
  // Once more is no error, and cannot be taken back.
  const KithRun again = nodes.at(nodes.n1, {"drain", "n3", "--json"});
  CHECK(again.code == 0);
  CHECK(Json::parse(again.out)["left"] == "n3");
  const KithRun late = nodes.at(nodes.n1, {"drain", "n3", "--cancel"});
  CHECK(late.code == 1);
  CHECK(has(late.err, "has left already"));
  // Started again it is a member.
  nodes.n3.restart();
  nodes.n3.wait_ready();
  CHECK(eventually([&] { return heard_of(nodes, nodes.n1, "n3") == "member"; }));
  CHECK(eventually([&] { return nodes.at(nodes.n3, {"sadd", "likes", "cake"}).code == 0; }));
}

TEST_CASE("drain: a member that is away is named, and the drain can be cancelled") {
  ThreeNodes nodes({"--gossip-interval", "100ms", "--probe-every", "100ms", "--dead-after", "400ms"});
  nodes.n2.kill();
  REQUIRE(eventually([&] { return has(nodes.at(nodes.n1, {"nodes"}).out, "dead"); }));
  const KithRun waits = nodes.at(nodes.n1, {"drain", "n3", "--timeout", "3s"});
  CAPTURE(waits.err);
  CHECK(waits.code == 5);
  CHECK(has(waits.err, "n3 is on its way out, and waits until n2 holds all that it has; n2 is away"));
  CHECK(has(waits.err, "--cancel"));
  CHECK(heard_of(nodes, nodes.n1, "n3") == "leaving");
  CHECK(has(nodes.at(nodes.n3, {"status"}).out, "n3 is leaving the cluster for good, and takes no writes"));
  CHECK(has(nodes.at(nodes.n1, {"nodes"}).out, "leaving"));
  const KithRun write = nodes.at(nodes.n3, {"sadd", "likes", "tea"});
  CHECK(write.code == 1);
  CHECK(has(write.err, "leaving the cluster for good"));

  const KithRun stays = nodes.at(nodes.n3, {"drain", "--cancel"});
  CHECK(stays.code == 0);
  CHECK(stays.out == "n3 stays in the cluster, and takes writes again\n");
  CHECK(nodes.at(nodes.n3, {"sadd", "likes", "tea"}).code == 0);
  CHECK(eventually([&] { return heard_of(nodes, nodes.n1, "n3") == "member"; }));
  const KithRun nothing = nodes.at(nodes.n3, {"drain", "--cancel"});
  CHECK(nothing.code == 1);
  CHECK(has(nothing.err, "n3 is not leaving"));
}

TEST_CASE("drain: a node that cannot be reached, or is none, or is the only one, is said to be so") {
  ThreeNodes nodes;
  const KithRun unknown = nodes.at(nodes.n1, {"drain", "n9"});
  CHECK(unknown.code == 3);
  CHECK(has(unknown.err, "there is no member 'n9'"));
  nodes.n3.kill();
  const KithRun gone = nodes.at(nodes.n1, {"drain", "n3"});
  CHECK(gone.code == 4);
  CHECK(has(gone.err, "kith evict n3"));

  NodeFixture alone;
  const KithRun only = alone.run({"drain"});
  CHECK(only.code == 1);
  CHECK(has(only.err, "only member of its cluster"));
  // Told to another than is meant, a node does nothing.
  Client client = alone.node.connect();
  Request request;
  request.op = ClientOp::kDrain;
  request.members = {"n2"};
  CHECK(client.call(request, std::chrono::seconds(10)).message.find("this is n1, not n2") != std::string::npos);
  request.members.clear();
  request.text = "perhaps";
  CHECK(client.call(request, std::chrono::seconds(10)).code == "bad_request");
}

TEST_CASE("drain: killed on its way out, a node goes on with that when it is started again") {
  ThreeNodes nodes({"--gossip-interval", "100ms"});
  nodes.n2.send_signal(SIGSTOP);
  nodes.at(nodes.n3, {"sadd", "likes", "tea"});
  CHECK(nodes.at(nodes.n3, {"drain", "--timeout", "500ms"}).code == 5);
  nodes.n3.kill();
  nodes.n2.send_signal(SIGCONT);
  nodes.n3.restart();
  CHECK(nodes.n3.wait_exit().code == 0);
  CHECK(has(nodes.n3.output(), "goes on with that"));
  CHECK(eventually([&] { return heard_of(nodes, nodes.n1, "n3") == "left"; }));
  CHECK(nodes.at(nodes.n2, {"smembers", "likes"}).out == "tea\n");
}

}  // namespace
}  // namespace kith
