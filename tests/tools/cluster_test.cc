#include "tests/tools/three_nodes.h"

namespace kith {
namespace {

using Json = nlohmann::ordered_json;

TEST_CASE("status: converged, then a node that is gone is a row, and the sentence names it") {
  ThreeNodes nodes;
  nodes.at(nodes.n2, {"sadd", "likes", "tea"});
  CHECK(nodes.at(nodes.n1, {"wait", "--converged"}).code == 0);
  const KithRun healthy = nodes.at(nodes.n1, {"status"});
  CHECK(healthy.code == 0);
  CHECK(has(healthy.out, "converged at root "));
  CHECK(has(healthy.out, "n2    127.0.0.1:"));

  const std::string gone = nodes.n3.client_address();
  nodes.n3.kill();
  const KithRun without = nodes.at(nodes.n1, {"status"});
  CHECK(without.code == 0);
  CHECK(has(without.out, "unknown: n3 (" + gone + ") cannot be reached"));
  CHECK(has(without.out, "unreachable"));
  CHECK(has(without.err, gone));
  const Json document = Json::parse(nodes.at(nodes.n1, {"status", "--json"}).out);
  CHECK(document["agreement"] == "unknown");
  REQUIRE(document["nodes"].size() == 3);
  CHECK(document["nodes"][0]["reachable"] == true);
  CHECK(document["nodes"][2]["name"] == "n3");
  CHECK(document["nodes"][2]["reachable"] == false);

  const KithRun waited = nodes.at(nodes.n1, {"wait", "--converged", "--timeout", "300ms"});
  CHECK(waited.code == 5);
  CHECK(has(waited.err, "n3"));
}

// Goal: both sides of a partition count on, a retry at the other side counts once, and healed they agree on the sum.
TEST_CASE("counters: two sides of a partition count on, diff shows both values, and healed they add up") {
  ThreeNodes nodes;
  nodes.at(nodes.n1, {"incr", "visits", "10"});
  REQUIRE(nodes.at(nodes.n1, {"wait", "--converged"}).code == 0);
  for (const char* peer : {"cut n2", "cut n3"}) nodes.fault(nodes.n1, peer);
  const std::string tag = Json::parse(nodes.at(nodes.n1, {"incr", "visits", "5", "--json"}).out)["tag"];
  CHECK(nodes.at(nodes.n2, {"incr", "visits", "5", "--tag", tag}).out == "15\n");
  CHECK(nodes.at(nodes.n2, {"decr", "visits", "3"}).out == "12\n");
  CHECK(nodes.at(nodes.n1, {"incr", "visits", "100"}).out == "115\n");
  const KithRun differ = nodes.at(nodes.n3, {"diff", "n1", "n2"});
  CAPTURE(differ.out);
  CHECK(differ.code == 1);
  CHECK(has(differ.out, "counter"));
  CHECK(has(differ.out, "115"));
  CHECK(has(differ.out, "12"));
  CHECK(has(differ.out, "differ in 1 cell of 1 key"));
  nodes.fault(nodes.n1, "heal");
  REQUIRE(nodes.at(nodes.n1, {"wait", "--converged"}).code == 0);
  for (KithdProcess* node : {&nodes.n1, &nodes.n2, &nodes.n3}) CHECK(nodes.at(*node, {"count", "visits"}).out == "112\n");
  CHECK(nodes.at(nodes.n1, {"diff", "n1", "n2"}).code == 0);
  nodes.n2.kill();
  CHECK(nodes.at(nodes.n3, {"incr", "visits", "5", "--tag", tag}).out == "112\n");
}

TEST_CASE("diff: shows what two sides of a partition have written, and nothing once they are healed") {
  ThreeNodes nodes;
  nodes.at(nodes.n1, {"sadd", "likes", "tea"});
  nodes.at(nodes.n1, {"set", "long", std::string(1000, 'x')});
  REQUIRE(nodes.at(nodes.n1, {"wait", "--converged"}).code == 0);
  for (const char* peer : {"cut n2", "cut n3"}) nodes.fault(nodes.n1, peer);
  nodes.at(nodes.n1, {"sadd", "likes", "coffee"});
  nodes.at(nodes.n2, {"srem", "likes", "tea"});
  nodes.at(nodes.n2, {"set", "long", std::string(999, 'x') + "y"});

  const KithRun differ = nodes.at(nodes.n3, {"diff", "n1", "n2"});
  CAPTURE(differ.out);
  CHECK(differ.code == 1);
  CHECK(has(differ.out, "coffee"));
  CHECK(has(differ.out, "n1 and n2 differ in 3 cells of 2 keys"));
  const Json document = Json::parse(nodes.at(nodes.n3, {"diff", "n1", "n2", "--json"}).out);
  CHECK(document["equal"] == false);
  REQUIRE(document["differences"].size() == 3);
  for (const Json& difference : document["differences"]) {  // In the order of shards.
    if (difference["key"] == "long") {
      CHECK(difference["at"]["n1"]["value"] == std::string(1000, 'x'));
      CHECK(difference["at"]["n2"]["value"] == std::string(999, 'x') + "y");
    } else {
      CHECK(difference["key"] == "likes");
      CHECK(difference["at"][difference["member"] == "coffee" ? "n2" : "n1"].is_null() ==
            (difference["member"] == "coffee"));
    }
  }
  CHECK(has(nodes.at(nodes.n1, {"status"}).out, " shards differ"));

  nodes.fault(nodes.n1, "heal");
  CHECK(nodes.at(nodes.n1, {"wait", "--converged"}).code == 0);
  const KithRun same = nodes.at(nodes.n1, {"diff", nodes.n1.client_address(), "n2"});
  CHECK(same.code == 0);
  CHECK(has(same.out, "hold the same"));
  const KithRun unknown = nodes.at(nodes.n1, {"diff", "n1", "n9"});
  CHECK(unknown.code == 1);
  CHECK(has(unknown.err, "no node is named \"n9\""));
}

TEST_CASE("explain: says on every node why an element is there or not") {
  ThreeNodes nodes;
  const std::string tag = Json::parse(nodes.at(nodes.n1, {"sadd", "likes", "tea", "--json"}).out)["tag"];
  nodes.at(nodes.n1, {"sadd", "likes", "milk"});
  nodes.at(nodes.n1, {"srem", "likes", "milk"});
  REQUIRE(nodes.at(nodes.n1, {"wait", "--converged"}).code == 0);
  const KithRun there = nodes.at(nodes.n2, {"explain", "likes", "tea"});
  CAPTURE(there.out);
  CHECK(there.code == 0);
  CHECK(has(there.out, "n3: \"tea\" is there: added at "));
  CHECK(has(there.out, tag));
  CHECK(has(there.out, "alive  alive  alive"));
  const KithRun gone = nodes.at(nodes.n2, {"explain", "likes", "milk"});
  CHECK(has(gone.out, "n1: \"milk\" is not there: removed at "));
  const Json document = Json::parse(nodes.at(nodes.n2, {"explain", "likes", "--json"}).out);
  CHECK(document["nodes"].size() == 3);
  CHECK(document["nodes"][0]["stored"][0]["live"] == 1);
}

TEST_CASE("faults: a node that was not started for them refuses") {
  NodeFixture n1;
  Client client = n1.node.connect();
  Request request;
  request.op = ClientOp::kFault;
  request.text = "heal";
  const ClientReply reply = client.call(request, std::chrono::seconds(10));
  CHECK(reply.status == Status::kError);
  CHECK(reply.code.ends_with("not_allowed"));
}

}  // namespace
}  // namespace kith
