// tests/gossip/push_test.cc -- a node's own commits on their way: merged always, counted only without a gap.
#include <doctest/doctest.h>

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
  stage.feed(push(kShard, first, second, plain_add(stage.key, "b", origin, second)));
  CHECK(stage.held_of_puppet() == second);
  stage.feed(push(kShard, second, third, plain_add(stage.key, "c", origin, third)));
  CHECK(stage.held_of_puppet() == third);
  // Late and repeated ones change nothing.
  stage.feed(push(kShard, {}, first, plain_add(stage.key, "a", origin, first)));
  CHECK(stage.held_of_puppet() == third);
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
