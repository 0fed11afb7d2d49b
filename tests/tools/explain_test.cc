// Goal: `kith explain` at the real thing: nodes that restart, one that is gone, two that were apart, and bad input.
#include "tests/tools/three_nodes.h"

namespace kith {
namespace {

using Json = nlohmann::ordered_json;

const std::vector<std::string> kCollecting = {"--retry-window", "1s", "--gossip-interval", "50ms"};

TEST_CASE("explain: a life that is over is named, also once it is retired") {
  ThreeNodes nodes(kCollecting);
  REQUIRE(nodes.at(nodes.n2, {"sadd", "likes", "tea", "--replicas", "all"}).code == 0);
  CHECK(has(nodes.at(nodes.n1, {"explain", "likes", "tea"}).out, " through n2: seen by"));
  REQUIRE(nodes.n2.terminate().code == 0);
  nodes.n2.restart();
  nodes.n2.wait_ready();
  const auto lives_of_n2 = [&] {
    const Json status = Json::parse(nodes.at(nodes.n1, {"status", "--json"}).out);
    for (const Json& member : status["nodes"][0]["status"]["members"]) {
      if (member["name"] == "n2") return member["lives"].get<int>();
    }
    return 0;
  };
  CHECK(eventually([&] { return has(nodes.at(nodes.n1, {"explain", "likes", "tea"}).out, " through n2 in an earlier life: seen by"); }));
  CHECK(eventually([&] { return lives_of_n2() == 1; }));  // Retired.
  CHECK(has(nodes.at(nodes.n1, {"explain", "likes", "tea"}).out, " through n2 in an earlier life: seen by all: n1, n2 and n3"));
  CHECK(has(nodes.at(nodes.n1, {"explain", "likes", "tea"}).out, "taken in by n2 in an earlier life"));
}

TEST_CASE("explain: while a member is gone a removal waits for it and says so, and goes when it is back") {
  ThreeNodes nodes(kCollecting);
  REQUIRE(nodes.at(nodes.n1, {"sadd", "likes", "tea", "milk", "--replicas", "all"}).code == 0);
  REQUIRE(nodes.at(nodes.n1, {"wait", "--converged"}).code == 0);
  nodes.n3.kill();
  REQUIRE(nodes.at(nodes.n1, {"srem", "likes", "tea"}).code == 0);
  // What n3 had confirmed last is from before the removal.
  CHECK(eventually([&] {
    const std::string out = nodes.at(nodes.n1, {"explain", "likes", "tea"}).out;
    return has(out, " waits for n3: n1 does not know what that has written since ") && has(out, "n3: unreachable");
  }));
  const Json told = Json::parse(nodes.at(nodes.n1, {"explain", "likes", "tea", "--json"}).out);
  CHECK(told["explained"]["by"] == "n1");
  std::size_t removals = 0;
  for (const Json& entry : told["explained"]["entries"]) {
    if (entry["entry"] != "removal up to") continue;
    ++removals;
    CHECK(entry["through"] == "n1");
    const Json& missing = entry["not_confirmed_by"];
    CHECK(std::find(missing.begin(), missing.end(), "n3") != missing.end());
  }
  CHECK(removals > 0);
  CHECK(told["nodes"][2]["reachable"] == false);
  nodes.n3.restart();
  nodes.n3.wait_ready();
  CHECK(eventually([&] { return nodes.at(nodes.n1, {"explain", "likes", "tea"}).code == 3; }));
  CHECK(has(nodes.at(nodes.n1, {"explain", "likes"}).out, "a set of 1 live member; 1 row, "));
}

TEST_CASE("explain: where nothing is collected that is said, of removals, deletions and increments") {
  NodeFixture n1({"--collect=false"});
  n1.out({"sadd", "likes", "tea"});
  n1.out({"srem", "likes", "tea"});
  n1.out({"set", "color", "red"});
  n1.out({"del", "color"});
  n1.out({"incr", "visits", "3"});
  CHECK(has(n1.out({"explain", "likes", "tea"}), "record of the removals stays as it is: collection is switched off on n1"));
  CHECK(has(n1.out({"explain", "color"}), "the record of the deletion stays as it is: collection is switched off on n1"));
  CHECK(has(n1.out({"explain", "visits"}), "  +3 at "));
  CHECK(has(n1.out({"explain", "visits"}), "the last of these increments stays as it is: collection is switched off on n1"));
  CHECK_FALSE(has(n1.out({"explain", "likes"}), "switched off"));
}

TEST_CASE("explain: a counter is folded, and its base says up to when") {
  ThreeNodes nodes(kCollecting);
  REQUIRE(nodes.at(nodes.n1, {"incr", "visits", "40", "--replicas", "all"}).code == 0);
  REQUIRE(nodes.at(nodes.n2, {"incr", "visits", "2", "--replicas", "all"}).code == 0);
  CHECK(eventually([&] { return has(nodes.at(nodes.n1, {"explain", "visits"}).out, "  42 in the base, which has all increments up to "); }));
  CHECK(has(nodes.at(nodes.n1, {"explain", "visits"}).out, "n1: a counter at 42; 1 row, "));
}

// Method: n1 is cut off from the others; each side writes, then what the merge would do is told, then done.
TEST_CASE("explain: what a merge with another node's copy would do is told before, changes nothing, and comes true") {
  ThreeNodes nodes;
  REQUIRE(nodes.at(nodes.n1, {"sadd", "likes", "tea", "milk", "--replicas", "all"}).code == 0);
  REQUIRE(nodes.at(nodes.n1, {"set", "color", "red", "--replicas", "all"}).code == 0);
  REQUIRE(nodes.at(nodes.n1, {"incr", "visits", "5", "--replicas", "all"}).code == 0);
  REQUIRE(nodes.at(nodes.n1, {"wait", "--converged"}).code == 0);
  for (const char* peer : {"cut n2", "cut n3"}) nodes.fault(nodes.n1, peer);
  nodes.at(nodes.n2, {"srem", "likes", "tea"});
  nodes.at(nodes.n2, {"sadd", "likes", "rum"});
  nodes.at(nodes.n2, {"set", "color", "blue"});
  nodes.at(nodes.n2, {"incr", "visits", "7"});
  nodes.at(nodes.n1, {"incr", "visits", "100"});
  const auto with = [&](std::vector<std::string> words) {
    words.insert(words.begin(), "explain");
    words.insert(words.end(), {"--with", nodes.n2.client_address()});
    const KithRun run = nodes.at(nodes.n1, words);
    CHECK(run.code == 0);
    return run.out;
  };
  CHECK(has(with({"likes", "tea"}), "If n2's copy were merged into n1's (nothing is changed by asking):\n  \"tea\" would go\n"));
  CHECK(has(with({"likes", "rum"}), "\"rum\" would come (it is not at n1)"));
  CHECK(has(with({"likes", "milk"}), "nothing would change, it stays there"));
  CHECK(has(with({"color"}), "through n2 would come from n2 and take the place of the value of "));
  CHECK(has(with({"visits"}), "would stand at 112; at n1 it stands at 105"));
  CHECK(has(with({"likes"}), "give one of them as ELEMENT"));
  const Json told = Json::parse(with({"likes", "tea", "--json"}));
  CHECK(told["with"]["node"] == "n2");
  CHECK(told["with"]["would_change"] == true);
  CHECK(told["with"]["fenced"] == false);
  CHECK(nodes.at(nodes.n1, {"smembers", "likes"}).out == "milk\ntea\n");
  nodes.fault(nodes.n1, "heal");
  REQUIRE(nodes.at(nodes.n1, {"wait", "--converged"}).code == 0);
  CHECK(nodes.at(nodes.n1, {"smembers", "likes"}).out == "milk\nrum\n");
  CHECK(nodes.at(nodes.n1, {"get", "color"}).out == "blue\n");
  CHECK(nodes.at(nodes.n1, {"count", "visits"}).out == "112\n");
}

TEST_CASE("explain: keys that are not there, or of another kind, and nodes that are none, do not answer or are of another cluster") {
  NodeFixture n1, foreign;
  n1.out({"set", "color", "red"});
  n1.out({"incr", "color"});
  n1.out({"sadd", "likes", "tea"});
  const KithRun none = n1.run({"explain", "nothing"});
  CHECK(none.code == 3);
  CHECK(none.out == "n1: nothing is stored, not even a removal\n");
  CHECK(none.err.empty());
  const KithRun kind = n1.run({"explain", "color", "red"});
  CHECK(kind.code == 3);
  CHECK(has(kind.err, "\"color\" is a register and a counter, which has no elements: kith explain color"));
  CHECK(n1.run({"explain", "likes", "milk"}).err.empty());
  CHECK(n1.run({"explain", "likes", "milk", "--json"}).code == 3);
  const struct {
    std::vector<std::string> words;
    int code;
    std::string says;
  } kTable[] = {
      {{"explain"}, 2, "needs more arguments"},
      {{"explain", "a", "b", "c"}, 2, "too many arguments"},
      {{"explain", "likes", "--with"}, 2, "--with needs a value"},
      {{"explain", "likes", "--with="}, 2, "--with names no node"},
      {{"get", "likes", "--with", "n2"}, 2, "get has no option --with"},
      {{"explain", std::string(5000, 'k')}, 1, "the limit"},
      {{"explain", "likes", std::string(5000, 'm')}, 1, "the limit"},
      {{"explain", "likes", "tea", "--with", "n9"}, 1, "no node is named \"n9\""},
      {{"explain", "likes", "tea", "--with", "n1"}, 1, "the node that is asked"},
      {{"explain", "likes", "tea", "--with", "127.0.0.1:1"}, 4, "cannot connect to 127.0.0.1:1"},
      {{"explain", "likes", "tea", "--with", foreign.address()}, 1, "copies of two clusters are never merged"},
  };
  for (const auto& row : kTable) {
    const KithRun run = n1.run(row.words);
    CAPTURE(row.says);
    CAPTURE(run.err);
    CHECK(run.code == row.code);
    CHECK(has(run.err, row.says));
  }
  CHECK(run_kith({"-H", "127.0.0.1:1", "explain", "likes"}).code == 4);
}

}  // namespace
}  // namespace kith
