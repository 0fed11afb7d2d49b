// tests/gossip/probe_test.cc -- failure detection in the engine: what it tells, whom it lets speak, and that no data depends on it.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/gossip/frames.h"
#include "tests/gossip/network.h"

namespace kith::test {
namespace {

EngineOptions probing(std::int64_t dead_after_ms = 10'000) {
  EngineOptions out;
  out.probe_every_ms = 1000;
  out.dead_after_ms = dead_after_ms;
  return out;
}

// n1 to n5, all members, with what their outputs are.
struct Stage {
  explicit Stage(const EngineOptions& options, std::size_t count = 5) : network(options) {
    for (std::size_t i = 1; i <= count; ++i) {
      names.push_back("n" + std::to_string(i));
      network.add(names.back(), i == 1 ? "" : "n1");
      network.start(names.back());
      network.run_ms(500);
    }
    REQUIRE(network.run_until([&] { return network.all_settled(); }));
    network.run_ms(15'000);  // Each has heard of each.
  }

  MemberStatus status(const std::string& at, const std::string& of) {
    const EngineStatus all = network.node(at).engine->status({network.now_ms(), 1'700'000'000'000 + network.now_ms()});
    const auto member = std::ranges::find_if(all.members, [&](const auto& it) { return it.name == of; });
    REQUIRE(member != all.members.end());
    return *member;
  }
  bool all_say(const std::string& of, Liveness what) {
    return std::ranges::all_of(names, [&](const auto& at) { return at == of || !network.node(at).engine || status(at, of).liveness == what; });
  }
  std::size_t notes_of(const std::string& at, const std::string& part) {
    return static_cast<std::size_t>(std::ranges::count_if(network.node(at).notes, [&](const auto& it) { return it.find(part) != std::string::npos; }));
  }

  Network network;
  std::vector<std::string> names;
};

bool is_probe(const std::string& bytes) {
  Envelope envelope;
  return decode(bytes, envelope) == FrameError::kNone && std::holds_alternative<ProbeBody>(envelope.body);
}

TEST_CASE("probe: a killed member is dead in everybody's status, in one line of the log, and back in one line") {
  Stage stage(probing());
  CHECK(stage.all_say("n3", Liveness::kAlive));
  stage.network.kill("n3");
  const std::int64_t killed_ms = stage.network.now_ms();
  REQUIRE(stage.network.run_until([&] { return stage.all_say("n3", Liveness::kDead); }, 30'000));
  CHECK(stage.network.now_ms() - killed_ms > 10'000);
  CHECK(stage.network.now_ms() - killed_ms < 20'000);
  stage.network.run_ms(30'000);
  for (const std::string at : {"n1", "n2", "n4", "n5"}) {
    CAPTURE(at);
    CHECK(stage.notes_of(at, "n3 is taken for dead: ") == 1);
    CHECK(stage.status(at, "n3").liveness_ms >= 30'000);
    CHECK(stage.status(at, "n3").liveness_by.size() == 2);
    CHECK(stage.status(at, at == "n1" ? "n2" : "n1").liveness == Liveness::kAlive);
  }
  stage.network.start("n3");
  REQUIRE(stage.network.run_until([&] { return stage.all_say("n3", Liveness::kAlive); }, 30'000));
  stage.network.run_ms(30'000);
  for (const std::string at : {"n1", "n2", "n4", "n5"}) {
    CHECK(stage.notes_of(at, "n3 is back; it was taken for dead for ") == 1);
    CHECK(stage.notes_of(at, "taken for dead: ") == 1);
  }
}

TEST_CASE("probe: who stops is dead by its own word, for all within four seconds") {
  Stage stage(probing());
  stage.network.input("n2", Stop{});
  stage.network.kill("n2");
  CHECK(stage.network.run_until([&] { return stage.all_say("n2", Liveness::kDead); }, 4000));
  CHECK(stage.status("n4", "n2").liveness_by == "n2");
  CHECK(stage.notes_of("n4", "n2 is taken for dead: it says that it stops") == 1);
}

// Goal: probes change no history of data.
// Method: the same cluster, operations, losses and restarts with probes and without; all other messages, with their times, and replies.
TEST_CASE("probe: every message about data, and every reply, is as it would be without probes (500 operations)") {
  const auto history = [](bool probes) {
    EngineOptions options = probing();
    if (!probes) options.probe_every_ms = 0;
    Network network(options);
    std::vector<std::string> seen;
    std::uint64_t data = 0;
    network.filter = [&](const std::string& from, const std::string& to, std::string& bytes) {
      if (is_probe(bytes)) return true;
      seen.push_back(std::to_string(network.now_ms()) + " " + from + " " + to + " " + hex_of(bytes).substr(0, 400));
      return ++data % 7 != 0;
    };
    for (const std::string name : {"n1", "n2", "n3", "n4"}) {
      network.add(name, name == "n1" ? "" : "n1");
      network.start(name);
      network.run_ms(700);
    }
    for (int i = 0; i < 500; ++i) {
      const std::string at = "n" + std::to_string(1 + i % 4);
      network.submit(at, i % 3 == 0 ? srem("s", {"m" + std::to_string(i % 5)}) : sadd("s", {"m" + std::to_string(i % 7)}));
      network.run_ms(37);
      if (i == 250) {
        network.kill("n3");
        network.run_ms(2000);
        network.start("n3");
      }
    }
    network.run_ms(5000);
    return seen;
  };
  const auto without = history(false), with = history(true);
  CHECK(without.size() > 1000);
  CHECK(with == without);
}

TEST_CASE("probe: who is believed dead is told of rounds seldom, and is not forgotten") {
  Stage stage(probing(5000));
  stage.network.kill("n2");
  REQUIRE(stage.network.run_until([&] { return stage.all_say("n2", Liveness::kDead); }, 30'000));
  std::size_t to_dead = 0, all = 0;
  stage.network.filter = [&](const std::string&, const std::string& to, std::string& bytes) {
    if (!describe(bytes).starts_with("summary")) return true;
    ++all;
    to_dead += to == "n2" ? 1 : 0;
    return true;
  };
  stage.network.run_ms(400'000);
  CHECK(all > 1500);
  CHECK(to_dead > 10);            // A quarter of the eighth that goes wherever it is drawn: 50 of 1,600.
  CHECK(to_dead < all / 16);      // A quarter, without a detector.
}

TEST_CASE("probe: a node that does not probe answers, and counts as alive") {
  Stage stage(probing());
  stage.network.kill("n5");
  stage.network.options.probe_every_ms = 0;
  stage.network.start("n5");
  stage.network.run_ms(120'000);
  CHECK(stage.all_say("n5", Liveness::kAlive));
  CHECK(stage.status("n5", "n1").liveness == Liveness::kAlive);
  CHECK(stage.status("n5", "n1").liveness_ms == -1);
  CHECK(stage.notes_of("n1", "taken for dead") == 0);
}

// Goal: who lies about its address, or has it wrong, harms itself only.
// Method: n3 starts with an address at which n2 is, or nobody, so that whatever is sent to it goes there, while it is heard by all.
TEST_CASE("probe: a member that gives another's address, or nobody's, has nobody else taken for dead, and is well with its own again") {
  for (const std::string address : {"n2:2", "nowhere:2"}) {
    CAPTURE(address);
    Stage stage(probing());
    const std::vector<std::string> honest = {"n1", "n2", "n4", "n5"};
    stage.network.kill("n3");
    stage.network.node("n3").setup.peer_address = address;
    stage.network.start("n3");
    for (int i = 0; i < 300; ++i) {
      stage.network.run_ms(1000);
      if (i % 30 == 0) stage.network.submit("n1", set("k", std::to_string(i)));
      for (const auto& at : honest) {
        for (const auto& of : honest) {
          if (at != of) REQUIRE(stage.status(at, of).liveness != Liveness::kDead);
        }
      }
    }
    for (const auto& at : honest) {
      CHECK(stage.network.value(at, "k") == "270");
      for (const auto& of : honest) CHECK(stage.notes_of(at, of + " is taken for dead") == 0);
    }
    CHECK(stage.notes_of("n3", "no member was heard of for ") == 1);
    CHECK(stage.notes_of("n3", "they are told that this node is at " + address + ": see that it can be reached there") == 1);
    stage.network.node("n3").notes.clear();
    stage.network.kill("n3");
    stage.network.node("n3").setup.peer_address = "n3:2";
    stage.network.start("n3");
    for (const auto& of : stage.names) CHECK(stage.network.run_until([&] { return stage.all_say(of, Liveness::kAlive); }, 60'000));
    CHECK(stage.network.run_until([&] { return stage.network.all_settled(); }, 120'000));
    CHECK(stage.network.value("n3", "k") == "270");
    for (const auto& at : stage.names) CHECK(stage.notes_of(at, "no member was heard of") == 0);
  }
}

TEST_CASE("probe: who hears nobody says so once, and once that it does again, and who is alone says nothing") {
  Stage stage(probing(), 3);
  stage.network.cut("n1", "n2");
  stage.network.cut("n1", "n3");
  stage.network.run_ms(60'000);
  CHECK(stage.notes_of("n1", "no member was heard of for ") == 1);
  stage.network.heal();
  stage.network.run_ms(60'000);
  CHECK(stage.notes_of("n1", "no member was heard of") == 1);
  CHECK(stage.notes_of("n1", "members are heard of again, after ") == 1);
  for (const std::string at : {"n2", "n3"}) CHECK(stage.notes_of(at, "heard of again") + stage.notes_of(at, "no member was heard of") == 0);
  Stage alone(probing(), 1);
  alone.network.run_ms(60'000);
  CHECK(alone.notes_of("n1", "no member was heard of") == 0);
}

TEST_CASE("probe: strangers, other clusters, earlier lives and our own echo are not answered") {
  Stage stage(probing(), 3);
  Puppet puppet(stage.network, "n2");
  stage.network.kill("n2");
  const Envelope good = puppet.envelope(ProbeBody{ProbeBody::Step::kPing, 77, 0});
  const auto answered = [&](const Envelope& envelope) {
    std::size_t pongs = 0;
    stage.network.filter = [&](const std::string&, const std::string&, std::string& bytes) {
      Envelope out;
      const bool probe = decode(bytes, out) == FrameError::kNone && std::holds_alternative<ProbeBody>(out.body);
      if (probe && std::get<ProbeBody>(out.body).step == ProbeBody::Step::kPong && std::get<ProbeBody>(out.body).nonce == 77) ++pongs;
      return true;
    };
    stage.network.feed("n1", encode(envelope));
    stage.network.run_ms(20);
    stage.network.filter = nullptr;
    return pongs == 1;
  };
  CHECK(answered(good));
  Envelope bad = good;
  bad.cluster = ClusterId{bad.cluster.value + 1};
  CHECK_FALSE(answered(bad));
  CHECK(stage.network.counter("n1", "dropped_probe_wrong_cluster") == 1);
  bad = good;
  bad.sender = NodeId{12345};
  CHECK_FALSE(answered(bad));
  CHECK(stage.network.counter("n1", "dropped_probe_stranger") == 1);
  bad = good;
  bad.start = Timestamp{bad.start.value - 1};
  CHECK_FALSE(answered(bad));
  CHECK(stage.network.counter("n1", "dropped_probe_earlier_life") == 1);
  bad = Puppet(stage.network, "n1").envelope(ProbeBody{ProbeBody::Step::kPing, 77, 0});
  CHECK_FALSE(answered(bad));
  CHECK(stage.network.counter("n1", "dropped_probe_own") == 1);
  bad = good;  // What is not of the fence is not looked at.
  bad.hlc = Timestamp::at_ms(Timestamp::kMillisecondsMax);
  bad.wall_ms = Timestamp::kMillisecondsMax;
  bad.members_version = 1;
  CHECK(answered(bad));
}

// Goal: what a probe may be, and nothing else.
TEST_CASE("probe: a body that makes no sense is refused") {
  const auto sound = [](const ProbeBody& body) {
    Envelope out;
    return decode(encode(example(body)), out) == FrameError::kNone;
  };
  using Step = ProbeBody::Step;
  CHECK(sound({Step::kPing, 1, kIncarnationMax}));
  CHECK_FALSE(sound({Step::kPing, 1, kIncarnationMax + 1}));
  CHECK_FALSE(sound({Step::kPing, 0, 1}));
  CHECK(sound({Step::kRumours, 0, 1}));
  CHECK_FALSE(sound({Step::kRumours, 1, 1}));
  for (const Step step : {Step::kPingFor, Step::kPongFor, Step::kSilent}) {
    CHECK(sound({step, 1, 1, NodeId{4}}));
    CHECK_FALSE(sound({step, 1, 1, NodeId{}}));
  }
  CHECK_FALSE(sound({static_cast<Step>(6), 1, 1}));
  const auto of_third = [](std::uint64_t step) {
    Envelope out;
    return decode(framed(pack::map({{0, pack::number(1)}, {1, pack::number(2)}, {2, pack::number(3)}, {3, pack::number(4)}, {4, pack::number(0)},
                                    {5, pack::number(0)}, {6, pack::number(0)}, {7, pack::number(0)}, {8, pack::number(23)},
                                    {9, pack::map({{0, pack::number(step)}, {1, pack::number(9)}, {2, pack::number(0)}, {3, pack::number(7)}})}})), out);
  };
  CHECK(of_third(2) == FrameError::kNone);
  CHECK(of_third(0) == FrameError::kBody);  // A ping is about nobody else.
}

}  // namespace
}  // namespace kith::test
