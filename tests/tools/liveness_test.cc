// tests/tools/liveness_test.cc -- who is believed to be there: in words, and told by real nodes.
#include "node/view/liveness_words.h"

#include <csignal>

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

// Goal: a process that the machine does not let run is taken for dead, and judges nobody by what it did not hear meanwhile.
TEST_CASE("liveness: a node that is stopped and let go on is back, and took nobody for dead") {
  ThreeNodes nodes({"--probe-every", "100ms", "--dead-after", "1s"});
  REQUIRE(eventually([&] { return has(nodes.at(nodes.n1, {"nodes"}).out, " alive") && has(nodes.at(nodes.n3, {"nodes"}).out, " alive"); }));
  nodes.n3.send_signal(SIGSTOP);
  REQUIRE(eventually([&] { return has(nodes.n1.output(), "n3 is taken for dead: ") && has(nodes.n2.output(), "n3 is taken for dead: "); }));
  nodes.n3.send_signal(SIGCONT);
  REQUIRE(eventually([&] { return has(nodes.n1.output(), "n3 is back; ") && has(nodes.n2.output(), "n3 is back; "); }));
  for (KithdProcess* node : {&nodes.n1, &nodes.n2, &nodes.n3}) {
    CAPTURE(node->output());
    CHECK_FALSE(has(node->output(), "n1 is taken for dead"));
    CHECK_FALSE(has(node->output(), "n2 is taken for dead"));
  }
}

// Goal: who lies about its address, or has it wrong, is told so, and harms nobody else.
TEST_CASE("liveness: a member that tells a peer address that is not its own says what to look at, and has nobody taken for dead") {
  ThreeNodes nodes({"--probe-every", "100ms", "--dead-after", "1s"});
  nodes.n3.kill();
  std::vector<std::string> flags = nodes.flags;
  flags.insert(flags.end(), {"--advertise-peer", "127.0.0.1:1"});
  KithdProcess wrong({.data = nodes.directory / "n3", .name = "n3", .join = {nodes.n1.peer_address()}, .flags = flags});
  REQUIRE(eventually([&] { return has(wrong.output(), "no member was heard of for "); }));
  CAPTURE(wrong.output());
  CHECK(has(wrong.output(), "they are told that this node is at 127.0.0.1:1: see that it can be reached there, or say with --advertise-peer where"));
  REQUIRE(eventually([&] { return has(nodes.at(nodes.n1, {"nodes"}).out, "127.0.0.1:1 "); }));  // It is heard.
  for (KithdProcess* node : {&nodes.n1, &nodes.n2}) {
    CHECK_FALSE(has(node->output(), "n1 is taken for dead"));
    CHECK_FALSE(has(node->output(), "n2 is taken for dead"));
  }
}

TEST_CASE("liveness: a node that is asked not to probe says nothing of others, and is alive for them") {
  ThreeNodes nodes({"--probe-every", "0"});
  CHECK_FALSE(has(nodes.at(nodes.n1, {"nodes"}).out, " alive"));
  CHECK(nlohmann::ordered_json::parse(nodes.at(nodes.n1, {"nodes", "--json"}).out)[1]["liveness"].is_null());
}

}  // namespace
}  // namespace kith
