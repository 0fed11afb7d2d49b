#include "node/http/api_documents.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "tests/http/pictures.h"

namespace kith {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

json link_between(const json& status, const std::string& from, const std::string& to) {
  for (const json& link : status["links"]) {
    if (link["from"] == from && link["to"] == to) return link;
  }
  return nullptr;
}

json node_named(const json& status, const std::string& name) {
  for (const json& node : status["nodes"]) {
    if (node["name"] == name) return node;
  }
  return nullptr;
}

TEST_CASE("status document: equal nodes miss nothing, and every fact has its age") {
  const json status = json::parse(status_json(three_equal(), kThen + 1500ms));
  CHECK(status["agreement"] == "converged");
  CHECK(status["node"] == "n1");
  CHECK(status["age_ms"] == 1500);
  CHECK(status["nodes"].size() == 3);
  CHECK(status["links"].size() == 6);
  for (const json& link : status["links"]) {
    CHECK(link["missing"] == 0);
    CHECK(link["cut"] == false);
    CHECK(link["age_ms"] == 1500);
    CHECK(link["heard_ms_ago"] == 700);
    CHECK(link["round_trip_ms"].is_null());  // None was measured: null, not zero.
  }
  for (const json& node : status["nodes"]) CHECK(node["age_ms"] == 1500);
}

TEST_CASE("status document: what a silent node lacks is unknown, not zero, and its last word keeps its age") {
  Picture picture = three_equal();
  SeenNode& silent = picture.nodes[2];
  silent.error = "did not answer within 1 s";
  silent.told_at = kThen - 60s;
  silent.lag_ms = -1;
  picture.verdict = judge(picture.view());
  const json status = json::parse(status_json(picture, kThen));
  CHECK(status["agreement"] == "unknown");
  CHECK(status["headline"].get<std::string>().find("n3 (n3:8765) cannot be reached") != std::string::npos);
  const json node = node_named(status, "n3");
  CHECK(node["answers"] == false);
  CHECK(node["error"] == "did not answer within 1 s");
  CHECK(node["age_ms"] == 60'000);
  CHECK(node["lag_ms"].is_null());
  CHECK(node["missing"].is_null());
  CHECK(node["root"] == "aa");  // As it said then.
  CHECK(link_between(status, "n1", "n3")["missing"].is_null());
  CHECK(link_between(status, "n3", "n1")["missing"].is_null());
  CHECK(link_between(status, "n3", "n1")["age_ms"] == 60'000);
  CHECK(link_between(status, "n1", "n2")["missing"] == 0);
  // Whether n1 lacks anything that n3 holds nobody can tell.
  CHECK(node_named(status, "n1")["missing"].is_null());
}

TEST_CASE("status document: how much is missing is told per direction, and unknown where nobody has counted") {
  Picture picture = three_equal();
  picture.nodes[1].status->root = "bb";
  picture.nodes[0].lacked["n2"] = {{40, true}, kThen};
  picture.nodes[1].lacked["n1"] = {{0, true}, kThen};
  picture.nodes[1].lacked["n3"] = {{200'000, false}, kThen};
  const json status = json::parse(status_json(picture, kThen));
  CHECK(link_between(status, "n1", "n2")["missing"] == 40);
  CHECK(link_between(status, "n2", "n1")["missing"] == 0);
  CHECK(link_between(status, "n2", "n3")["missing"] == 200'000);
  CHECK(link_between(status, "n2", "n3")["complete"] == false);
  CHECK(link_between(status, "n3", "n2")["missing"].is_null());
  CHECK(link_between(status, "n1", "n3")["missing"] == 0);
}

TEST_CASE("status document: a link that is cut on purpose is told by who cuts it, by name or by address") {
  Picture picture = three_equal();
  picture.nodes[0].status->links_cut = {"n2"};
  picture.nodes[1].status->links_cut = {"n3:8766"};
  const json status = json::parse(status_json(picture, kThen));
  CHECK(link_between(status, "n1", "n2")["cut"] == true);
  CHECK(link_between(status, "n2", "n1")["cut"] == false);
  CHECK(link_between(status, "n2", "n3")["cut"] == true);
  CHECK(link_between(status, "n1", "n3")["cut"] == false);
}

TEST_CASE("status document: a node that has joined no cluster says so") {
  Picture picture = picture_of({seen_node("n1", "00", {})});
  picture.nodes[0].status->joined = false;
  picture.verdict = judge(picture.view());
  const json status = json::parse(status_json(picture, kThen));
  CHECK(status["cluster"].is_null());
  CHECK(status["agreement"] == "unknown");
  CHECK(status["links"].empty());
}

TEST_CASE("nodes document: the member table as this node has it, with its age") {
  const json nodes = json::parse(nodes_json(three_equal(), kThen + 10ms));
  CHECK(nodes["node"] == "n1");
  CHECK(nodes["age_ms"] == 10);
  CHECK(nodes["members"].size() == 1);
}

TEST_CASE("history document: a sample a picture, null where nothing was known") {
  History history;
  Picture picture = three_equal();
  history.add(picture);
  picture.nodes[2].error = "gone";
  picture.nodes[2].lag_ms = -1;
  picture.taken_wall_ms += 500;
  picture.verdict = judge(picture.view());
  history.add(picture);
  const json document = json::parse(history_json(history.since(0), 42));
  CHECK(document["nodes"] == json({"n1", "n2", "n3"}));
  REQUIRE(document["samples"].size() == 2);
  CHECK(document["samples"][0]["lag_ms"] == json({0, 0, 0}));
  CHECK(document["samples"][1]["lag_ms"] == json({0, 0, nullptr}));
  CHECK(document["samples"][1]["agreement"] == "unknown");
  CHECK(json::parse(history_json(history.since(picture.taken_wall_ms - 1), 42))["samples"].size() == 1);
}

TEST_CASE("history: keeps so many samples of so many nodes, and no more") {
  History history;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < kSampledNodesMax + 10; ++i) names.push_back("n" + std::to_string(1000 + i));
  std::vector<SeenNode> nodes;
  for (const std::string& name : names) nodes.push_back(seen_node(name, "aa", {}));
  Picture picture = picture_of(nodes);
  for (std::size_t i = 0; i < kSamplesMax + 10; ++i) {
    picture.taken_wall_ms = static_cast<std::int64_t>(i + 1);
    history.add(picture);
  }
  const auto reading = history.since(0);
  CHECK(reading.names.size() == kSampledNodesMax);
  CHECK(reading.samples.size() == kSamplesMax);
  CHECK(reading.samples.front().wall_ms == 11);
  CHECK(reading.samples.back().lag_ms.size() == kSampledNodesMax);
}

}  // namespace
}  // namespace kith
