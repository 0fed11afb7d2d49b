// tests/gossip/push_test.cc -- a node's own commits on their way: merged always, counted only without a gap.
#include <doctest/doctest.h>

#include <algorithm>

#include "gossip/early_pushes.h"
#include "tests/gossip/frames.h"

namespace kith::test {
namespace {

constexpr ShardId kShard = 2;

PushBody push(ShardId shard, Timestamp previous, Timestamp commit, CellBlock cells, std::uint64_t nonce = 0) {
  PushBody out;
  out.parts.push_back({shard, previous, commit, std::move(cells)});
  out.nonce = nonce;
  return out;
}

// n1 runs, n2 is a puppet.
struct Stage : PuppetStage {
  Timestamp held_of_puppet() { return held(network, "n1", kShard, puppet->origin); }

  std::string key = key_in(kShard);
};

TEST_CASE("push: behind a gap it is merged, but the clock does not move until the gap is filled") {
  Stage stage;
  const OriginId origin = stage.puppet->origin;
  const Timestamp first = stage.puppet->now(), second{first.value + 1}, third{first.value + 2};
  stage.feed(push(kShard, {}, first, plain_add(stage.key, "a", origin, first)));
  CHECK(stage.held_of_puppet() == first);
  stage.feed(push(kShard, second, third, plain_add(stage.key, "c", origin, third)));
  CHECK(stage.network.present("n1", stage.key, "c"));
  CHECK(stage.held_of_puppet() == first);
  CHECK(stage.network.counter("n1", "push_gaps") == 1);
  // What overtook it is here already.
  stage.feed(push(kShard, first, second, plain_add(stage.key, "b", origin, second)));
  CHECK(stage.held_of_puppet() == third);
  CHECK(stage.network.counter("n1", "push_gaps_closed") == 1);
  // Late and repeated ones change nothing.
  stage.feed(push(kShard, {}, first, plain_add(stage.key, "a", origin, first)));
  CHECK(stage.held_of_puppet() == third);
}

// Goal: reordering costs nothing but its delay.
TEST_CASE("push: in whatever order four arrive, the clock ends at the last, and no pull is needed") {
  std::vector<std::uint64_t> order{1, 2, 3, 4};
  Stage stage;  // Each order in a shard of a life of its own.
  stage.tap->lose = {"summary"};
  std::uint64_t life = 0x1000;
  do {
    CAPTURE(order);
    stage.puppet->origin = OriginId{++life};
    stage.network.run_ms(5);
    stage.puppet->start = stage.puppet->now();
    const OriginId origin = stage.puppet->origin;
    const std::uint64_t base = stage.puppet->now().value;
    std::uint64_t whole = 0;  // How many have come without a gap.
    std::vector<bool> came(5);
    for (const std::uint64_t i : order) {
      const Timestamp previous = i == 1 ? Timestamp{} : Timestamp{base + i - 1}, commit{base + i};
      const auto acks = stage.tap->count("ack");
      stage.feed(push(kShard, previous, commit, plain_add(stage.key, std::to_string(i), origin, commit), i));
      came[i] = true;
      while (whole < 4 && came[whole + 1]) ++whole;
      CHECK(stage.held_of_puppet() == (whole == 0 ? Timestamp{} : Timestamp{base + whole}));
      // No ack behind a gap.
      CHECK(stage.tap->count("ack") - acks == (whole >= i ? 1 : 0));
    }
    CHECK(stage.held_of_puppet() == Timestamp{base + 4});
  } while (std::next_permutation(order.begin(), order.end()));
  CHECK(stage.tap->count("pull") == 0);
}

TEST_CASE("push: what came early is held by the clock of a pull as well") {
  Stage stage;
  const OriginId origin = stage.puppet->origin;
  const Timestamp first = stage.puppet->now(), second{first.value + 1}, third{first.value + 2};
  stage.feed(push(kShard, second, third, plain_add(stage.key, "c", origin, third)));
  stage.feed(DigestsBody{{{kShard, 12345}}});
  RowsBody rows;
  rows.nonce = stage.tap->last<PullBody>("n1", "n2")->nonce;
  rows.parts.push_back({kShard, 1, true, true, {{origin, second}}, plain_add(stage.key, "b", origin, second)});
  stage.feed(rows);
  CHECK(stage.held_of_puppet() == third);
}

TEST_CASE("push: a new life of ours knows of nothing that came early") {
  Stage stage;
  const OriginId origin = stage.puppet->origin;
  const Timestamp first = stage.puppet->now(), second{first.value + 1}, third{first.value + 2};
  stage.feed(push(kShard, {}, first, plain_add(stage.key, "a", origin, first)));
  stage.feed(push(kShard, second, third, plain_add(stage.key, "c", origin, third)));
  stage.network.kill("n1");
  stage.network.start("n1");
  stage.feed(push(kShard, first, second, plain_add(stage.key, "b", origin, second)));
  CHECK(stage.held_of_puppet() == second);
}

TEST_CASE("early pushes: bounded for each origin and in all, and the oldest are forgotten") {
  EarlyPushes early;
  const OriginId origin{7};
  const std::uint64_t most = EarlyPushes::kPerOriginMax;
  for (std::uint64_t i = 1; i <= most + 1; ++i) early.add(kShard, origin, Timestamp{10 * i}, Timestamp{10 * i + 10});
  CHECK(early.size() == most);
  CHECK_FALSE(early.take(kShard, origin, Timestamp{10}).has_value());  // The first is forgotten, and the chain begins later.
  CHECK(early.take(kShard, origin, Timestamp{20}) == Timestamp{10 * most + 20});
  CHECK(early.empty());

  for (std::uint64_t i = 1; i <= EarlyPushes::kAllMax + 3; ++i) early.add(kShard, OriginId{i}, Timestamp{5}, Timestamp{6});
  CHECK(early.size() == EarlyPushes::kAllMax);
  CHECK_FALSE(early.has(kShard, OriginId{3}, Timestamp{5}, Timestamp{6}));
  CHECK(early.has(kShard, OriginId{4}, Timestamp{5}, Timestamp{6}));
  CHECK_FALSE(early.has(static_cast<ShardId>(kShard + 1), OriginId{4}, Timestamp{5}, Timestamp{6}));
  // The same again takes no room; what is below a clock is forgotten.
  early.add(kShard, OriginId{4}, Timestamp{5}, Timestamp{6});
  CHECK(early.size() == EarlyPushes::kAllMax);
  CHECK_FALSE(early.take(kShard, OriginId{4}, Timestamp{6}).has_value());
  CHECK(early.size() == EarlyPushes::kAllMax - 1);
}

TEST_CASE("push: a cell in a shard that is not its own has the whole message refused") {
  Stage stage;
  const OriginId origin = stage.puppet->origin;
  const Timestamp at = stage.puppet->now();
  PushBody body = push(kShard, {}, at, plain_add(stage.key, "a", origin, at), 9);
  body.parts.push_back({3, {}, at, plain_add(stage.key, "b", origin, at)});
  stage.feed(body);
  CHECK(stage.network.counter("n1", "dropped_bad_cells") == 1);
  CHECK(stage.network.members_of("n1", stage.key).empty());
  CHECK_FALSE(stage.held_of_puppet());
  CHECK_FALSE(held(stage.network, "n1", 3, origin));
  CHECK(stage.tap->count("ack") == 0);
}

TEST_CASE("push: a shard that the cluster does not have moves no clock, even without cells") {
  Stage stage;
  const auto none = static_cast<ShardId>(stage.network.node("n1").setup.shard_count);
  stage.feed(push(none, {}, stage.puppet->now(), CellBlock{}));
  CHECK(stage.network.counter("n1", "dropped_bad_cells") == 1);
  CHECK_FALSE(held(stage.network, "n1", none, stage.puppet->origin));
}

TEST_CASE("push: a malformed cell has the whole message refused") {
  Stage stage;
  const OriginId origin = stage.puppet->origin;
  const Timestamp at = stage.puppet->now();
  CellBlock cells = plain_add(stage.key, "a", origin, at);
  cells.append(CellBlock("not a cell"));
  stage.feed(push(kShard, {}, at, cells, 9));
  CHECK(stage.network.counter("n1", "dropped_bad_cells") == 1);
  CHECK(stage.network.members_of("n1", stage.key).empty());
  CHECK_FALSE(stage.held_of_puppet());
}

TEST_CASE("push: an ack says that nothing up to the commit is missing, so behind a gap there is none") {
  Stage stage;
  const OriginId origin = stage.puppet->origin;
  const Timestamp first = stage.puppet->now(), second{first.value + 1}, third{first.value + 2};
  stage.feed(push(kShard, {}, first, plain_add(stage.key, "a", origin, first), 7));
  REQUIRE(stage.tap->last<AckBody>("n1", "n2").has_value());
  CHECK(stage.tap->last<AckBody>("n1", "n2")->nonce == 7);
  stage.feed(push(kShard, second, third, plain_add(stage.key, "c", origin, third), 8));
  CHECK(stage.tap->count("ack") == 1);
  CHECK(stage.network.present("n1", stage.key, "c"));
}

// Goal: an operation is not answered `ok` for a replica that does not hold it.
// Method: its push is lost, the push of a later one in the same shard arrives and would be acknowledged.
TEST_CASE("push: the ack of a later push does not vouch for one that was lost") {
  Network network;
  begin_cluster(network, 2);
  Tap tap(network);
  tap.lose = {"push", "summary", "digests", "agreed", "pull", "rows"};
  Operation lost = sadd("likes", {"lost"}), arrives = sadd("likes", {"arrives"});
  lost.replicas = arrives.replicas = 2;
  const auto first = network.submit("n1", lost);
  tap.lose.erase("push");
  const auto second = network.submit("n1", arrives);
  network.run_ms(100);
  CHECK(network.present("n2", "likes", "arrives"));
  CHECK_FALSE(network.present("n2", "likes", "lost"));
  CHECK_FALSE(network.reply(first).has_value());
  tap.lose.clear();
  REQUIRE(network.run_until([&] { return network.reply(first) && network.reply(second); }));
  CHECK(network.reply(first)->outcome == Outcome::kOk);
  CHECK(network.reply(second)->outcome == Outcome::kOk);
  CHECK(network.present("n2", "likes", "lost"));
}

TEST_CASE("push: nothing leaves before it is durable, and then one message a peer") {
  Network network;
  begin_cluster(network, 3);
  Engine& engine = *network.node("n1").engine;
  Output out;
  for (const char* member : {"a", "b", "c"}) engine.step(instant_of(network), sadd(key_in(kShard), {member}), out);
  CHECK(out.sends.empty());
  const CommitReport report = network.node("n1").store->commit(out.store);
  engine.committed(instant_of(network), report, out);
  REQUIRE(out.sends.size() == 2);
  for (const auto& send : out.sends) {
    Envelope envelope;
    REQUIRE(decode(send.bytes, envelope) == FrameError::kNone);
    const auto& body = std::get<PushBody>(envelope.body);
    REQUIRE(body.parts.size() == 1);
    CHECK(body.parts[0].cells.read()->size() == 3);
  }
}

TEST_CASE("push: cut between commits, never inside one, and each part begins where the last one ended") {
  Network network;
  network.options.push_bytes_max = 1;
  begin_cluster(network, 2);
  Engine& engine = *network.node("n1").engine;
  const Timestamp before = held(network, "n1", kShard, engine.status({}).origin);
  Output out;
  engine.step(instant_of(network), sadd(key_in(kShard), {"a", "b", "c"}), out);
  engine.step(instant_of(network), sadd(key_in(kShard), {"d"}), out);
  engine.step(instant_of(network), sadd(key_in(kShard), {"e", "f"}), out);
  engine.committed(instant_of(network), network.node("n1").store->commit(out.store), out);
  std::vector<std::size_t> cells;
  Timestamp previous = before;
  for (const auto& send : out.sends) {
    Envelope envelope;
    REQUIRE(decode(send.bytes, envelope) == FrameError::kNone);
    for (const auto& part : std::get<PushBody>(envelope.body).parts) {
      CHECK(part.previous == previous);
      previous = part.commit;
      cells.push_back(part.cells.read()->size());
    }
  }
  CHECK(cells == std::vector<std::size_t>{3, 1, 2});
}

// Goal: "nothing of mine is missing up to here" is said of what is durable only.
TEST_CASE("push: an answer given while a commit is not durable yet promises only what is before it") {
  Network network;
  begin_cluster(network, 2);
  Puppet puppet(network, "n2");
  Engine& engine = *network.node("n1").engine;
  Output out;
  engine.step(instant_of(network), sadd(key_in(kShard), {"a"}), out);
  REQUIRE(out.store.held().size() == 1);
  const Timestamp commit = out.store.held().begin()->second;
  PullBody pull;
  pull.nonce = 5;
  pull.parts.push_back({kShard, {}, 0, {}});
  engine.step(instant_of(network), PeerFrame{puppet.says(pull)}, out);
  REQUIRE(out.sends.size() == 1);
  Envelope envelope;
  REQUIRE(decode(out.sends[0].bytes, envelope) == FrameError::kNone);
  const auto& rows = std::get<RowsBody>(envelope.body);
  CHECK(rows.promise < commit);
  REQUIRE(rows.parts.size() == 1);
  CHECK(rows.parts[0].cells.empty());
}

}  // namespace
}  // namespace kith::test
