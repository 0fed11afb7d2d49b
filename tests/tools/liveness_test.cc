// tests/tools/liveness_test.cc -- who is believed to be there: in words, and told by real nodes.
#include "node/view/liveness_words.h"

#include "tests/tools/three_nodes.h"

namespace kith {
namespace {

MemberRow member(const std::string& liveness, std::int64_t ms, const std::string& by) {
  MemberRow out;
  out.name = "n3";
  out.liveness = liveness;
  out.liveness_ms = ms;
  out.liveness_by = by;
  return out;
}

TEST_CASE("liveness: in words, with since when and by whom, and nothing where nothing is known") {
  CHECK(liveness_in_words(member("alive", 5000, "")) == "alive");
  CHECK(liveness_in_words(member("suspect", 3200, "n2")) == "suspect for 3.2 s, says n2");
  CHECK(liveness_in_words(member("dead", 120'000, "n3")) == "dead for 2.0 min, it said that it stops");
  CHECK(liveness_in_words(member("", -1, "")) == "-");
  CHECK(liveness_in_words(member("alive", -1, "")) == "-");
  MemberRow self = member("alive", 1, "");
  self.self = true;
  CHECK(liveness_in_words(self) == "-");
  NodeStatus status;
  status.members = {member("alive", 5000, ""), member("suspect", 3200, "n2"), member("dead", 120'000, "n1"), self};
  CHECK(missed_in_words(status) ==
        std::vector<std::string>{"n3 has not answered for 3.2 s, says n2; it is taken for dead unless it does",
                                 "n3 is taken for dead for 2.0 min, says n1; it is asked less, and nothing else follows from it"});
}

// Goal: the person at the shell sees one line about it.
TEST_CASE("liveness: a killed node is dead for kith nodes and kith status, in one line of each log, and back in another") {
  ThreeNodes nodes({"--probe-every", "100ms", "--dead-after", "1s"});
  const auto count = [](const std::string& text, const std::string& part) {
    std::size_t out = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++out;
    return out;
  };
  REQUIRE(eventually([&] { return count(nodes.at(nodes.n1, {"nodes"}).out, " alive") == 2; }));
  nodes.n3.kill();
  REQUIRE(eventually([&] { return has(nodes.at(nodes.n1, {"nodes"}).out, "dead for ") && has(nodes.at(nodes.n2, {"nodes"}).out, "dead for "); }));
  CHECK(has(nodes.at(nodes.n1, {"status"}).out, "n3 is taken for dead for "));
  const auto document = nlohmann::ordered_json::parse(nodes.at(nodes.n1, {"nodes", "--json"}).out);
  REQUIRE(document.size() == 3);
  CHECK(document[0]["liveness"].is_null());
  CHECK(document[1]["liveness"] == "alive");
  CHECK(document[1]["liveness_by"].is_null());
  CHECK(document[2]["liveness"] == "dead");
  CHECK(document[2]["liveness_ms"] >= 0);
  CHECK((document[2]["liveness_by"] == "n1" || document[2]["liveness_by"] == "n2"));
  nodes.n3.restart();
  nodes.n3.wait_ready();
  REQUIRE(eventually([&] { return count(nodes.at(nodes.n1, {"nodes"}).out, " alive") == 2 && count(nodes.at(nodes.n2, {"nodes"}).out, " alive") == 2; }));
  for (KithdProcess* node : {&nodes.n1, &nodes.n2}) {
    const std::string log = node->output();
    CAPTURE(log);
    CHECK(count(log, "n3 is taken for dead: ") == 1);
    CHECK(count(log, "n3 is back; it was taken for dead for ") == 1);
    CHECK(count(log, "taken for dead") == 2);
  }
}

TEST_CASE("liveness: a node that is asked not to probe says nothing of others, and is alive for them") {
  ThreeNodes nodes({"--probe-every", "0"});
  CHECK_FALSE(has(nodes.at(nodes.n1, {"nodes"}).out, " alive"));
  CHECK(nlohmann::ordered_json::parse(nodes.at(nodes.n1, {"nodes", "--json"}).out)[1]["liveness"].is_null());
}

}  // namespace
}  // namespace kith
