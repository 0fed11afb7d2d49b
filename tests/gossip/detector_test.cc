// tests/gossip/detector_test.cc -- failure detection: who is believed dead, when, and that lies and losses do not decide it.
#include "gossip/detector.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/gossip/detector_net.h"

namespace kith::test {
namespace {

using State = Detector::State;
using Step = ProbeBody::Step;

// When `of` became that in the eyes of the first and of the last; -1: of nobody.
struct Span {
  std::int64_t first_ms = -1, last_ms = -1;
};
Span span_of(const DetectorNet& net, NodeId of, State state, std::int64_t since_ms = 0) {
  Span out;
  for (const auto& change : net.changes) {
    if (change.what.node != of || change.what.after.state != state || change.at_ms < since_ms) continue;
    if (out.first_ms < 0) out.first_ms = change.at_ms;
    out.last_ms = change.at_ms;
  }
  return out;
}

std::size_t deaths(const DetectorNet& net) {
  return static_cast<std::size_t>(std::ranges::count_if(net.changes, [](const auto& it) { return it.what.after.state == State::kDead; }));
}

// The node that everybody can be told to be, and its accusation.
Rumour rumour(const DetectorNet& net, std::size_t of, Rumour::Kind kind, std::uint64_t incarnation, std::size_t by) {
  const bool accuses = kind != Rumour::Kind::kAlive;
  return {.kind = kind, .node = net.nodes[of].id, .start = net.nodes[of].start, .incarnation = incarnation,
          .by = accuses ? net.nodes[by].id : NodeId{}};
}

TEST_CASE("detector: while all answer nobody is accused, and a node sends one ping a period") {
  DetectorNet net(10, 1);
  net.run_ms(600'000);
  CHECK(net.changes.empty());
  CHECK(net.counted("probes") >= 10 * 599);
  CHECK(net.counted("probes") <= 10 * 601);
  CHECK(net.counted("probes_failed") == 0);
  for (const auto& node : net.nodes) CHECK(node.rumour_bytes == 0);
}

// Goal: nobody waits for the n-th draw of a die.  Method: in 2 n - 1 periods each node has pinged each other.
TEST_CASE("detector: each node pings each other within two rounds") {
  DetectorNet net(12, 3);
  std::map<std::pair<std::size_t, std::size_t>, int> pings;
  net.passes = [&](std::size_t from, std::size_t to, const ProbeBody& body) {
    if (body.step == Step::kPing) ++pings[{from, to}];
    return true;
  };
  net.run_ms(2 * 11 * 1000);
  CHECK(pings.size() == 12 * 11);
}

TEST_CASE("detector: a node that is killed is suspected, and dead ten seconds after the first probe that failed (2 to 20 nodes)") {
  for (std::size_t count : {2, 3, 4, 5, 10, 20}) {
    CAPTURE(count);
    DetectorNet net(count, count);
    net.run_ms(30'000);
    net.kill(0);
    const std::int64_t killed_ms = net.now_ms();
    net.run_ms(60'000);
    CHECK(net.all_believe(0, State::kDead));
    const Span suspected = span_of(net, net.nodes[0].id, State::kSuspect), dead = span_of(net, net.nodes[0].id, State::kDead);
    CHECK(suspected.first_ms > killed_ms);
    CHECK(dead.first_ms - killed_ms > 10'000);
    CHECK(dead.first_ms - killed_ms < 10'000 + 1000 * (2 + static_cast<std::int64_t>(count) * 2));
    CHECK(dead.first_ms - suspected.first_ms < 10'000);
    CHECK(deaths(net) == count - 1);  // Nobody else.
  }
}

// Goal: Must show 3 of the issue, of the detector alone.
TEST_CASE("detector: of 100 nodes all know of a death within three periods after the suspicion ends (20 seeds)") {
  std::int64_t slowest_ms = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    DetectorNet net(100, seed);
    net.loss = seed % 2 == 0 ? 0.1 : 0;
    net.run_ms(10'000);
    net.kill(7);
    net.run_ms(40'000);
    CHECK(net.all_believe(7, State::kDead));
    const Span dead = span_of(net, net.nodes[7].id, State::kDead);
    CHECK(dead.last_ms - dead.first_ms <= 3000);
    slowest_ms = std::max(slowest_ms, dead.last_ms - dead.first_ms);
    CHECK(deaths(net) == 99);
  }
  MESSAGE("the slowest took ", slowest_ms, " ms");
}

TEST_CASE("detector: with a tenth of all messages lost nobody is called dead (100 nodes, 10 minutes, 5 seeds)") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    CAPTURE(seed);
    DetectorNet net(100, 100 + seed);
    net.loss = 0.1;
    net.run_ms(600'000);
    CHECK(deaths(net) == 0);
    CHECK(net.counted("probes_indirect") > 1000);
  }
}

TEST_CASE("detector: a node that comes back, in a new life or after a pause, is alive for all again") {
  DetectorNet net(10, 5);
  net.run_ms(5000);
  net.kill(1);
  net.pause(2);
  net.run_ms(60'000);
  for (std::size_t at : {0, 3, 9}) {
    REQUIRE(net.belief(at, 1).state == State::kDead);
    REQUIRE(net.belief(at, 2).state == State::kDead);
  }
  net.resume(2);
  net.start(1);
  for (std::size_t at = 0; at < 10; ++at) net.tell_all_members(at);
  CHECK(net.run_until([&] { return net.all_believe(1, State::kAlive) && net.all_believe(2, State::kAlive); }, 30'000));
  net.changes.clear();
  net.run_ms(60'000);
  CHECK(deaths(net) == 0);
  CHECK(net.nodes[2].detector->incarnation() > 0);
}

TEST_CASE("detector: a new life is believed by its word before the table tells of it") {
  DetectorNet net(5, 6);
  net.run_ms(5000);
  net.kill(4);
  net.run_ms(40'000);
  REQUIRE(net.all_believe(4, State::kDead));
  net.start(4);
  CHECK(net.run_until([&] { return net.all_believe(4, State::kAlive); }, 20'000));
}

// Goal: a process that stood still judges nobody by that.
TEST_CASE("detector: a node that stood still for a minute accuses nobody when it goes on") {
  DetectorNet net(10, 8);
  net.run_ms(5000);
  net.kill(3);
  net.run_ms(5000);
  REQUIRE(net.belief(0, 3).state == State::kSuspect);
  net.pause(0);
  net.run_ms(60'000);
  net.changes.clear();
  net.resume(0);
  net.run_ms(30'000);
  CHECK(net.counted("probe_held_up") == 1);
  for (const auto& change : net.changes) {
    if (change.at == 0 && change.what.node != net.nodes[3].id) CHECK(change.what.after.state == State::kAlive);
  }
  CHECK(net.belief(0, 3).state == State::kDead);
}

// Goal: a link between two that is down is no death: others reach both.
TEST_CASE("detector: two that do not reach each other, while others reach both, do not suspect each other") {
  DetectorNet net(5, 9);
  net.passes = [](std::size_t from, std::size_t to, const ProbeBody&) { return from + to != 1; };
  net.run_ms(300'000);
  CHECK(net.changes.empty());
  CHECK(net.counted("probes_indirect") > 50);
}

TEST_CASE("detector: two sides of a cut call each other dead, and are alive again within a minute after it") {
  DetectorNet net(20, 10);
  bool cut = false;
  net.passes = [&](std::size_t from, std::size_t to, const ProbeBody&) { return !cut || (from < 8) == (to < 8); };
  net.run_ms(5000);
  cut = true;
  net.run_ms(120'000);
  for (std::size_t at = 0; at < 20; ++at) {
    for (std::size_t of = 0; of < 20; ++of) {
      if (at != of) CHECK(net.belief(at, of).state == ((at < 8) == (of < 8) ? State::kAlive : State::kDead));
    }
  }
  cut = false;
  CHECK(net.run_until([&] {
    for (std::size_t of = 0; of < 20; ++of) {
      if (!net.all_believe(of, State::kAlive)) return false;
    }
    return true;
  }, 60'000));
  net.changes.clear();
  net.run_ms(60'000);
  CHECK(net.changes.empty());
}

// Goal: Lifeguard's case: a node that hears little accuses many, wrongly.
// Method: four in five of the messages to node 0 are lost, so that its probes fail while it is heard by all.
TEST_CASE("detector: a node that hears little takes longer for each probe, and calls nobody dead") {
  DetectorNet net(20, 11);
  Random random(4);
  net.passes = [&](std::size_t, std::size_t to, const ProbeBody&) { return to != 0 || random.below(5) == 0; };
  net.run_ms(120'000);
  CHECK(net.nodes[0].detector->health_score() >= 4);
  CHECK(deaths(net) == 0);
  net.passes = nullptr;
  net.run_ms(120'000);
  CHECK(net.nodes[0].detector->health_score() == 0);
}

TEST_CASE("detector: who says that it stops is dead by its own word at once") {
  DetectorNet net(30, 12);
  net.run_ms(3000);
  net.stop(9);
  CHECK(net.run_until([&] { return net.all_believe(9, State::kDead); }, 3000));
  for (std::size_t at = 0; at < 30; ++at) {
    if (at != 9) CHECK(net.belief(at, 9).by == net.nodes[9].id);
  }
}

TEST_CASE("detector: who joins late hears of the dead within seconds") {
  DetectorNet net(40, 13);
  net.run_ms(3000);
  for (std::size_t which : {3, 4, 5, 6, 7}) net.kill(which);
  net.run_ms(90'000);
  net.kill(20);
  net.start(20);
  for (std::size_t at = 0; at < 40; ++at) {
    if (net.nodes[at].detector) net.tell_all_members(at);
  }
  CHECK(net.run_until([&] { return net.belief(20, 3).state == State::kDead && net.belief(20, 7).state == State::kDead; }, 20'000));
}

// ---- Lies

TEST_CASE("detector: an accusation is refuted, and nobody goes on believing it") {
  DetectorNet net(10, 20);
  net.run_ms(20'000);
  const std::uint64_t before = net.nodes[3].detector->incarnation();
  net.inject(0, 1, {.step = Step::kRumours, .rumours = {rumour(net, 3, Rumour::Kind::kSuspect, before, 1)}});
  net.run_ms(15'000);
  CHECK(net.all_believe(3, State::kAlive));
  CHECK(deaths(net) == 0);
}

TEST_CASE("detector: a word of the node itself counts more than what anybody said before or says right after") {
  DetectorNet net(3, 21, {.probe_every_ms = 60'000, .dead_after_ms = 600'000});  // Nothing else is said meanwhile.
  net.inject(0, 1, {.step = Step::kRumours, .rumours = {rumour(net, 2, Rumour::Kind::kDead, 7, 1)}});
  CHECK(net.belief(0, 2).state == State::kDead);
  net.data(2, 0);
  CHECK(net.belief(0, 2).state == State::kAlive);
  net.inject(0, 1, {.step = Step::kRumours, .rumours = {rumour(net, 2, Rumour::Kind::kDead, 8, 1)}});
  CHECK(net.belief(0, 2).state == State::kAlive);
  CHECK(net.counted("dropped_rumour_disproved") == 1);
}

TEST_CASE("detector: an accusation at the highest incarnation, or far above what is known, or of another life is not believed") {
  DetectorNet net(4, 22, {.probe_every_ms = 60'000, .dead_after_ms = 600'000});
  const auto accuse = [&](Rumour it) {
    net.inject(0, 1, {.step = Step::kRumours, .rumours = {it}});
    return net.belief(0, 2).state;
  };
  CHECK(accuse(rumour(net, 2, Rumour::Kind::kDead, kIncarnationMax, 1)) == State::kAlive);
  CHECK(accuse(rumour(net, 2, Rumour::Kind::kDead, Detector::kJumpMax + 1, 1)) == State::kAlive);
  CHECK(net.counted("dropped_rumour_implausible") == 2);
  Rumour other = rumour(net, 2, Rumour::Kind::kDead, 0, 1);
  other.start = Timestamp{other.start.value + 1};
  CHECK(accuse(other) == State::kAlive);
  CHECK(net.counted("dropped_rumour_other_life") == 1);
  other.node = NodeId{999};
  CHECK(accuse(other) == State::kAlive);
  CHECK(net.counted("dropped_rumour_stranger") == 1);
  CHECK(accuse(rumour(net, 2, Rumour::Kind::kSuspect, Detector::kJumpMax, 1)) == State::kSuspect);
  CHECK(accuse(rumour(net, 2, Rumour::Kind::kDead, Detector::kJumpMax, 1)) == State::kDead);
}

// Goal: a flood of lies bricks nobody.
// Method: node 1 tells everybody, ten times a second, that node 2 is dead, at the incarnation that it has, at one above, and at random ones.
TEST_CASE("detector: a member about whom lies are told for minutes is alive for all seconds after they end") {
  DetectorNet net(20, 23);
  Random random(5);
  net.run_ms(5000);
  for (int i = 0; i < 1200; ++i) {
    const std::uint64_t own = net.nodes[2].detector->incarnation();
    const std::uint64_t incarnations[] = {own, own + 1, own + random.below(2000), random.below(kIncarnationMax + 1)};
    for (std::size_t to = 0; to < 20; ++to) {
      if (to == 1) continue;
      ProbeBody body{.step = Step::kRumours, .incarnation = net.nodes[1].detector->incarnation()};
      for (const auto incarnation : incarnations) body.rumours.push_back(rumour(net, 2, Rumour::Kind::kDead, incarnation, 1 + random.below(19)));
      net.inject(to, 1, body);
    }
    net.run_ms(100);
  }
  CHECK(net.run_until([&] { return net.all_believe(2, State::kAlive); }, 30'000));
  net.changes.clear();
  net.run_ms(60'000);
  CHECK(net.changes.empty());
  // What is true is found out as before.
  net.kill(2);
  CHECK(net.run_until([&] { return net.all_believe(2, State::kDead); }, 60'000));
}

// Goal: I3 at the cap.  Method: somebody has said of node 2, and to it, the highest incarnation but one.
TEST_CASE("detector: a member whose incarnation was driven to the cap is neither accused for good nor immortal") {
  DetectorNet net(10, 24);
  net.run_ms(5000);
  for (std::size_t to = 0; to < 10; ++to) {
    if (to != 1) net.inject(to, 1, {.step = Step::kRumours, .rumours = {rumour(net, 2, Rumour::Kind::kAlive, kIncarnationMax - 1, 1),
                                                                       rumour(net, 2, Rumour::Kind::kSuspect, kIncarnationMax - 1, 1)}});
  }
  net.run_ms(20'000);
  CHECK(net.nodes[2].detector->incarnation() == kIncarnationMax);
  CHECK(net.all_believe(2, State::kAlive));
  net.changes.clear();
  net.run_ms(60'000);
  CHECK(net.changes.empty());
  net.kill(2);
  CHECK(net.run_until([&] { return net.all_believe(2, State::kDead); }, 120'000));  // Each finds out by itself.
}

TEST_CASE("detector: a flood of pings is answered up to a bound") {
  DetectorNet net(3, 25);
  net.run_ms(2000);
  const std::uint64_t before = net.nodes[0].messages;
  for (int i = 0; i < 10'000; ++i) net.inject(0, 1, {.step = i % 2 == 0 ? Step::kPing : Step::kPingFor, .nonce = 5, .node = NodeId{3}});
  CHECK(net.nodes[0].messages - before == Detector::kAnswersMax);
  CHECK(net.counted("dropped_probe_flood") == 10'000 - Detector::kAnswersMax);
}

// Goal: I4.  Method: half of a hundred nodes die at once, and nobody sends more than the bound in any second.
TEST_CASE("detector: what a node sends in a period is bounded, however much there is to tell (50 of 100 die at once)") {
  DetectorNet net(100, 26);
  net.run_ms(5000);
  for (std::size_t which = 50; which < 100; ++which) net.kill(which);
  std::uint64_t most_messages = 0, most_bytes = 0;
  for (int second = 0; second < 60; ++second) {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> before;
    for (const auto& node : net.nodes) before.emplace_back(node.messages, node.rumour_bytes);
    net.run_ms(1000);
    for (std::size_t i = 0; i < 50; ++i) {
      most_messages = std::max(most_messages, net.nodes[i].messages - before[i].first);
      most_bytes = std::max(most_bytes, net.nodes[i].rumour_bytes - before[i].second);
    }
  }
  MESSAGE("at most ", most_messages, " messages and ", most_bytes, " bytes of rumours in a second");
  CHECK(most_messages <= 40);
  CHECK(most_bytes <= most_messages * kRumourBytesMax);
  for (std::size_t of = 50; of < 100; ++of) CHECK(net.all_believe(of, State::kDead));
  net.run_ms(60'000);
  CHECK(net.nodes[0].detector->rumours_waiting() == 0);
}

TEST_CASE("detector: equal histories give equal outputs") {
  const auto run = [] {
    DetectorNet net(15, 30);
    net.loss = 0.2;
    net.run_ms(30'000);
    net.kill(4);
    net.run_ms(60'000);
    std::vector<std::uint64_t> out;
    for (const auto& node : net.nodes) out.push_back(node.messages), out.push_back(node.rumour_bytes);
    for (const auto& change : net.changes) out.push_back(static_cast<std::uint64_t>(change.at_ms) ^ change.what.node.value);
    return out;
  };
  CHECK(run() == run());
}

TEST_CASE("detector: who is no member any more is forgotten, whatever was under way") {
  DetectorNet net(5, 31);
  net.run_ms(5000);
  net.kill(4);
  net.run_ms(5000);
  Detector::Output out;
  net.nodes[0].detector->members(net.now_ms(), {{NodeId{2}, net.nodes[1].start}, {NodeId{3}, net.nodes[2].start}}, out);
  CHECK_FALSE(net.nodes[0].detector->belief(NodeId{5}).has_value());
  CHECK_FALSE(net.nodes[0].detector->dead(NodeId{5}));
  net.run_ms(60'000);
  CHECK_FALSE(net.nodes[0].detector->belief(NodeId{4}).has_value());
  CHECK(net.belief(0, 1).state == State::kAlive);
  net.nodes[0].detector->members(net.now_ms(), {}, out);
  net.run_ms(5000);
}

}  // namespace
}  // namespace kith::test
