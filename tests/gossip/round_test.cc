// tests/gossip/round_test.cc -- anti-entropy: what a round costs, what it raises, and what it must not.
#include <doctest/doctest.h>

#include "tests/gossip/frames.h"

namespace kith::test {
namespace {

constexpr ShardId kShard = 2;

// n1 runs, n2 is a puppet with nothing to hide: both hold the same.
struct Stage : PuppetStage {
  std::uint64_t digest() {  // Of n1, as it tells.
    feed(SummaryBody{0, {}});
    const auto digests = tap->last<DigestsBody>("n1", "n2");
    REQUIRE(digests.has_value());
    std::uint64_t sum = 0;
    for (const auto& [shard, of_shard] : digests->shards) sum += of_shard;
    return sum;
  }
  // Whether n1 believes that nothing of the puppet's up to `at` is missing: a push that follows on it is no gap.
  bool up_to(Timestamp at) {
    const auto gaps = network.counter("n1", "push_gaps");
    const Timestamp commit{at.value + 1};
    PushBody push;
    push.parts.push_back({kShard, at, commit, plain_add(key_in(kShard), "x", puppet->origin, commit)});
    feed(push);
    return network.counter("n1", "push_gaps") == gaps;
  }
};

TEST_CASE("round: in sync it is two messages of a few hundred bytes, whatever the size of the data") {
  Network network;
  begin_cluster(network, 2);
  for (int i = 0; i < 50; ++i) network.operate("n1", set("key" + std::to_string(i), std::string(5000, 'v')));
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  network.run_ms(3000);
  Tap tap(network);
  const auto rounds = network.counter("n1", "rounds") + network.counter("n2", "rounds");
  network.run_ms(20'000);
  const auto began = network.counter("n1", "rounds") + network.counter("n2", "rounds") - rounds;
  CHECK(began >= 20);
  CHECK(tap.count("summary") == began);
  CHECK(tap.sent.size() <= 2 * began);
  CHECK(tap.sent.size() >= 2 * began - 2);
  for (const auto& sent : tap.sent) {
    CHECK(sent.bytes.size() < 200);
    CHECK(sent.envelope.members.empty());
  }
}

TEST_CASE("round: equal digests are agreed on, and the teller's promise is taken") {
  Stage stage;
  const std::uint64_t digest = stage.digest();
  const Timestamp promise = time_of(stage.network, 100);
  stage.feed(SummaryBody{digest, promise});
  REQUIRE(stage.tap->last<AgreedBody>("n1", "n2").has_value());
  CHECK(stage.tap->last<AgreedBody>("n1", "n2")->digest == digest);
  CHECK(stage.network.counter("n1", "rounds_in_sync") == 1);
  CHECK(stage.up_to(promise));
}

TEST_CASE("round: different digests raise nothing and are answered shard by shard") {
  Stage stage;
  const std::uint64_t digest = stage.digest();
  const Timestamp promise = time_of(stage.network, 100);
  stage.feed(SummaryBody{digest + 1, promise});
  CHECK_FALSE(stage.tap->last<AgreedBody>("n1", "n2").has_value());
  CHECK_FALSE(stage.up_to(promise));
}

// SUBTLE of gossip/round.cc: an answer to an earlier life, whose disk may have held more, must not raise a clock.
TEST_CASE("round: an agreement on something else than what is held now raises nothing") {
  Stage stage;
  const std::uint64_t digest = stage.digest();
  const Timestamp promise = time_of(stage.network, 100);
  stage.feed(AgreedBody{digest + 1, promise});
  const EngineStatus status = stage.network.node("n1").engine->status(instant_of(stage.network));
  for (const auto& member : status.members) {
    if (member.name == "n2") CHECK(member.agreed_ms_ago != 0);
  }
  CHECK_FALSE(stage.up_to(promise));

  Stage other;
  other.feed(AgreedBody{other.digest(), promise});
  CHECK(other.up_to(promise));
}

TEST_CASE("round: an answer to a pull promises for the shards that came to their end soundly, and for no other") {
  const std::vector<std::pair<bool, bool>> cases = {{true, true}, {true, false}, {false, true}};
  for (const auto& [end, sound] : cases) {
    CAPTURE(end);
    CAPTURE(sound);
    Stage stage;
    stage.feed(DigestsBody{{{kShard, 12345}}});
    RowsBody rows;
    rows.nonce = stage.tap->last<PullBody>("n1", "n2")->nonce;
    rows.parts.push_back({kShard, 1, end, sound, {}, {}});
    rows.promise = time_of(stage.network, 100);
    stage.feed(rows);
    CHECK(stage.up_to(rows.promise) == (end && sound));
  }
}

TEST_CASE("round: only shards that differ are asked for") {
  Network network;
  begin_cluster(network, 2);
  for (ShardId shard = 0; shard < 4; ++shard) network.operate("n1", set(key_in(shard), "v"));
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  Tap tap(network);
  tap.lose = {"push"};
  network.operate("n1", set(key_in(kShard), "w"));
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  for (const auto& sent : tap.sent) {
    if (const auto* pull = std::get_if<PullBody>(&sent.envelope.body)) {
      REQUIRE(pull->parts.size() == 1);
      CHECK(pull->parts[0].shard == kShard);
    }
  }
  CHECK(tap.count("pull") > 0);
}

TEST_CASE("round: a life begins by telling everybody") {
  Network network;
  begin_cluster(network, 4);
  network.kill("n2");
  Tap tap(network);
  network.start("n2");
  for (const char* name : {"n1", "n3", "n4"}) CHECK(tap.last<SummaryBody>("n2", name).has_value());
}

// Goal: what everybody would send is not asked of everybody.
// Method: no answer comes, so that all that is asked is still asked.
TEST_CASE("round: a new life asks four of those who hold something else, and one who has just joined asks one") {
  Network network;
  network.options.gossip_interval_ms = 10'000;  // None of their own rounds falls in between: who is asked by them asks in return.
  begin_cluster(network, 8);
  network.run_ms(30'000);
  network.kill("n8");
  network.operate("n1", set("key", "v"));
  network.run_ms(100);
  Tap tap(network);
  tap.lose = {"rows", "push"};
  const auto asked_by = [&](const std::string& name) {
    std::set<std::string> peers;
    for (const auto& sent : tap.sent) {
      if (sent.from == name && std::holds_alternative<PullBody>(sent.envelope.body)) peers.insert(sent.to);
    }
    return peers.size();
  };
  network.start("n8");
  network.run_ms(200);
  CHECK(asked_by("n8") == 4);
  CHECK(network.counter("n8", "pulls_put_off") >= 3);
  network.add("n9", "n1");
  network.start("n9");
  network.run_ms(200);
  CHECK(asked_by("n9") == 1);
  tap.lose.clear();
  CHECK(network.run_until([&] { return network.all_settled(); }));
}

TEST_CASE("round: members come along until both tables are equal, and then no more") {
  Network network;
  begin_cluster(network, 2);
  network.run_ms(5000);
  Tap tap(network);
  network.add("n3", "n1");
  network.start("n3");
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  std::size_t with = 0;
  for (const auto& sent : tap.sent) with += sent.envelope.members.empty() ? 0 : 1;
  CHECK(with > 0);
  network.run_ms(10'000);
  tap.sent.clear();
  network.run_ms(10'000);
  for (const auto& sent : tap.sent) CHECK(sent.envelope.members.empty());
}

}  // namespace
}  // namespace kith::test
