// tests/gossip/pull_test.cc -- questions and answers: what moves a clock, and what must not.
#include <doctest/doctest.h>

#include "gossip/ended_lives.h"
#include "store/records.h"
#include "tests/gossip/frames.h"

namespace kith::test {
namespace {

constexpr ShardId kShard = 2;

std::vector<std::string> numbers(int from, int to) {
  std::vector<std::string> out;
  for (int i = from; i < to; ++i) out.push_back("m" + std::to_string(i));
  return out;
}

// n1 runs, n2 is a puppet that n1 is made to ask.
struct Stage : PuppetStage {
  PullBody question() {  // n1 asks about kShard, and perhaps others.
    feed(DigestsBody{{{kShard, 12345}}});
    const auto pull = tap->last<PullBody>("n1", "n2");
    REQUIRE(pull.has_value());
    return *pull;
  }
  RowsBody answer(std::uint64_t nonce, bool end = true) {
    at = puppet->now();
    RowsBody rows;
    rows.nonce = nonce;
    rows.parts.push_back({kShard, 7, end, true, {{puppet->origin, at}}, plain_add(key, "a", puppet->origin, at)});
    rows.promise = at;
    return rows;
  }
  bool nothing_changed() {
    return network.members_of("n1", key).empty() && !held(network, "n1", kShard, puppet->origin);
  }

  std::string key = key_in(kShard);
  Timestamp at;
};

// ---- RULE. The clock moves only at `end`.

// Goal: a clock that moved with each chunk would cover what never came, and it would never come.
// Method: answers of one row each; after five of them the line goes dead.
TEST_CASE("pull: the clock does not move before the end of the feed, and a cut in the middle loses nothing") {
  Network network;
  network.options.answer_bytes_max = 1;
  begin_cluster(network, 2);
  network.run_ms(5000);  // They know each other whole.
  const OriginId origin = network.node("n1").engine->status({}).origin;
  Tap tap(network);
  tap.lose = {"push"};
  const std::string key = key_in(kShard);
  const Timestamp before = held(network, "n2", kShard, origin);
  for (const auto& member : numbers(0, 20)) network.operate("n1", sadd(key, {member}));
  int answers = 0;
  tap.pass = [&](const Tap::Sent& sent) {
    if (!std::holds_alternative<RowsBody>(sent.envelope.body) || sent.from != "n1") return true;
    return ++answers <= 5;
  };
  REQUIRE(network.run_until([&] { return answers > 5; }));
  network.run_ms(100);
  CHECK(network.members_of("n2", key).size() == 5);
  CHECK(held(network, "n2", kShard, origin) == before);
  for (const auto& sent : tap.sent) {
    if (const auto* rows = std::get_if<RowsBody>(&sent.envelope.body)) {
      for (const auto& part : rows->parts) {
        if (!part.end) CHECK(part.clock.empty());
      }
    }
  }
  // It goes on from the cursor: what came once does not come again.
  tap.pass = nullptr;
  const auto sent_before = network.counter("n1", "rows_sent");
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  CHECK(network.members_of("n2", key).size() == 20);
  CHECK(held(network, "n2", kShard, origin) > before);
  CHECK(network.counter("n1", "rows_sent") - sent_before <= 16);
}

// Goal: who joins has to get all shards of one member to their ends.  With an answer for each, some answer is always lost.
TEST_CASE("pull: what is at its end is not asked for again when an answer is lost") {
  EngineOptions options;
  options.collect = true;
  options.answer_bytes_max = 1;
  options.pull_timeout_ms = 200;
  Network network(options);
  begin_cluster(network, 1);
  for (int i = 0; i < 40; ++i) network.operate("n1", sadd("key" + std::to_string(i), {"a"}));
  network.add("n2", "n1");
  Tap tap(network);
  tap.lose = {"push"};
  std::size_t answers = 0;
  tap.pass = [&](const Tap::Sent& sent) { return !std::holds_alternative<RowsBody>(sent.envelope.body) || ++answers % 3 != 0; };
  network.start("n2");
  CHECK(network.run_until([&] { return static_cast<bool>(network.node("n2").engine->garbage({}).floor) && network.all_settled(); }, 120'000));
  CHECK(network.counter("n2", "pulls_cut_in_the_middle") > 3);
}

TEST_CASE("pull: a clock that comes without the end is not taken") {
  Stage stage;
  const auto question = stage.question();
  stage.feed(stage.answer(question.nonce, false));
  CHECK(stage.network.members_of("n1", stage.key).size() == 1);
  CHECK_FALSE(held(stage.network, "n1", kShard, stage.puppet->origin));
  // It asks on, from where that answer ended.
  const auto next = stage.tap->last<PullBody>("n1", "n2");
  REQUIRE(next->nonce != question.nonce);
  for (const auto& part : next->parts) {
    if (part.shard != kShard) continue;
    CHECK(part.after == 7);
    CHECK(part.epoch == stage.puppet->origin);
  }
  stage.feed(stage.answer(next->nonce, true));
  CHECK(held(stage.network, "n1", kShard, stage.puppet->origin) == stage.at);
}

// Goal: what is refused as never seen (gossip/ended_lives.h) is done again later, in the same row and perhaps in place of what was
// seen: who has read past it may not take the clock, in this question or in the next.
TEST_CASE("pull: what was not taken gives no clock at the end, and is read again") {
  Stage stage;
  const OriginId over{4711};
  const Timestamp before = stage.puppet->now();
  CellBlock ended;
  ended.append(ended_cell(stage.puppet->node, over),
               Content(Register{}.set(encode(EndedLife{before}), {before, ActorId{9}}, {before, stage.puppet->origin})));
  PushBody push;
  push.parts.push_back({kSystemShard, {}, before, ended});
  stage.feed(push);
  stage.network.run_ms(50);
  const auto first = stage.question();
  RowsBody rows = stage.answer(first.nonce, false);
  rows.parts[0].cells = plain_add(stage.key, "unseen", over, stage.puppet->now());
  stage.feed(rows);
  CHECK(stage.network.counter("n1", "unseen_entries_dropped") == 1);
  const auto part_of = [](const PullBody& pull) {
    for (const auto& part : pull.parts) {
      if (part.shard == kShard) return part;
    }
    FAIL("the shard is not asked for");
    return PullBody::Part{};
  };
  const auto second = stage.tap->last<PullBody>("n1", "n2");
  REQUIRE(second->nonce != first.nonce);
  CHECK(part_of(*second).after == 7);  // It goes on behind it.
  stage.feed(stage.answer(second->nonce));
  CHECK(stage.network.members_of("n1", stage.key) == std::vector<std::string>{"a"});
  CHECK_FALSE(held(stage.network, "n1", kShard, stage.puppet->origin));
  stage.network.run_ms(30'000);  // Until what else was asked is given up.
  const auto third = stage.question();
  CHECK(part_of(third).after == 0);
  stage.feed(stage.answer(third.nonce));
  CHECK(held(stage.network, "n1", kShard, stage.puppet->origin) == stage.at);
}

TEST_CASE("pull: the clock moves in the batch that brings the last entries") {
  Stage stage;
  const auto question = stage.question();
  Output out;
  Engine& engine = *stage.network.node("n1").engine;
  engine.step(instant_of(stage.network), PeerFrame{stage.puppet->says(stage.answer(question.nonce))}, out);
  CHECK(out.store.cells().size() == 1);
  CHECK(out.store.held().contains({kShard, stage.puppet->origin}));
  CHECK(out.store.cursors().at({kShard, stage.puppet->node}) == Cursor{stage.puppet->origin, 7});
}

// ---- RULE. An answer counts only with the nonce of the outstanding question, asked in this life.

TEST_CASE("pull: an answer with another nonce changes nothing, and the right one counts once") {
  Stage stage;
  const auto question = stage.question();
  stage.feed(stage.answer(question.nonce + 1));
  CHECK(stage.nothing_changed());
  CHECK(stage.network.counter("n1", "dropped_unasked_rows") == 1);
  stage.feed(stage.answer(question.nonce));
  CHECK_FALSE(stage.nothing_changed());
  stage.network.run_ms(5);
  const RowsBody again = stage.answer(question.nonce);
  stage.feed(again);
  CHECK(stage.network.counter("n1", "dropped_unasked_rows") == 2);
  CHECK(held(stage.network, "n1", kShard, stage.puppet->origin) < stage.at);
}

TEST_CASE("pull: an answer that nobody asked for changes nothing") {
  Stage stage;
  stage.feed(stage.answer(99));
  stage.feed(stage.answer(0));
  CHECK(stage.nothing_changed());
  CHECK(stage.network.counter("n1", "dropped_unasked_rows") == 2);
}

TEST_CASE("pull: an answer to a question of an earlier life changes nothing") {
  Stage stage;
  const auto question = stage.question();
  stage.network.kill("n1");
  stage.network.start("n1");
  stage.feed(stage.answer(question.nonce));
  CHECK(stage.nothing_changed());
  CHECK(stage.network.counter("n1", "dropped_unasked_rows") == 1);
}

TEST_CASE("pull: a peer's new life forgets what its earlier one was asked") {
  Stage stage;
  const auto question = stage.question();
  REQUIRE(stage.network.node("n1").engine->status({}).pulls_outstanding == 1);
  stage.puppet->origin = OriginId{0xbeef};
  stage.puppet->start = stage.puppet->now();
  stage.feed(StoppingBody{});
  CHECK(stage.network.node("n1").engine->status({}).pulls_outstanding == 0);
  stage.feed(stage.answer(question.nonce));
  CHECK(stage.nothing_changed());
}

TEST_CASE("pull: an answer about a shard that was not asked for changes nothing") {
  Stage stage;
  auto question = stage.question();
  RowsBody rows = stage.answer(question.nonce);
  ShardId other = 0;
  for (const auto& part : question.parts) REQUIRE(part.shard != other);
  rows.parts.push_back({other, 1, true, true, {{stage.puppet->origin, stage.at}}, {}});
  stage.feed(rows);
  CHECK(stage.nothing_changed());
  CHECK(stage.network.counter("n1", "dropped_bad_cells") == 1);
}

TEST_CASE("pull: a cell in a shard that is not its own has the whole answer refused") {
  Stage stage;
  const auto question = stage.question();
  RowsBody rows = stage.answer(question.nonce);
  rows.parts[0].cells.append(plain_add(key_in(3), "b", stage.puppet->origin, stage.at));
  stage.feed(rows);
  CHECK(stage.nothing_changed());
  CHECK(stage.network.counter("n1", "dropped_bad_cells") == 1);
}

TEST_CASE("pull: a question that is not answered is given up, and asked again after a later round") {
  Stage stage;
  const auto question = stage.question();
  stage.network.run_ms(stage.network.options.pull_timeout_ms + 10);
  CHECK(stage.network.counter("n1", "pulls_unanswered") == 1);
  CHECK(stage.network.node("n1").engine->status({}).pulls_outstanding == 0);
  stage.feed(stage.answer(question.nonce));
  CHECK(stage.nothing_changed());
  CHECK(stage.question().nonce != question.nonce);
}

TEST_CASE(
    "pull: while one answer is outstanding there is no second question, and what came up meanwhile is asked then") {
  Stage stage;
  const auto question = stage.question();
  stage.feed(DigestsBody{{{kShard, 1}, {1, 1}}});
  CHECK(stage.tap->count("pull") == 1);
  stage.feed(stage.answer(question.nonce));
  const auto next = stage.tap->last<PullBody>("n1", "n2");
  REQUIRE(next->nonce != question.nonce);
  bool asked = false;
  for (const auto& part : next->parts) asked |= part.shard == 1;
  CHECK(asked);
}

TEST_CASE("pull: who is asked by somebody that holds more asks back") {
  Stage stage;
  PullBody pull;
  pull.nonce = 5;
  pull.parts.push_back({kShard, {}, 0, {{stage.puppet->origin, stage.puppet->now()}}});
  stage.feed(pull);
  REQUIRE(stage.tap->last<RowsBody>("n1", "n2").has_value());
  CHECK(stage.tap->last<RowsBody>("n1", "n2")->nonce == 5);
  REQUIRE(stage.tap->last<PullBody>("n1", "n2").has_value());
  CHECK(stage.tap->last<PullBody>("n1", "n2")->parts[0].shard == kShard);
}

// ---- Where reading begins

TEST_CASE("pull: an answer leaves out what the asker's clock covers") {
  Network network;
  begin_cluster(network, 2);
  const std::string key = key_in(kShard);
  network.operate("n1", sadd(key, {"old"}));
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  Tap tap(network);
  tap.lose = {"push"};
  network.operate("n1", sadd(key, {"new"}));
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  std::vector<std::string> came;
  for (const auto& sent : tap.sent) {
    if (const auto* rows = std::get_if<RowsBody>(&sent.envelope.body)) {
      for (const auto& part : rows->parts) {
        const auto cells = part.cells.read();
        for (const auto& cell : *cells) came.push_back(cell.key.member);
      }
    }
  }
  CHECK(came == std::vector<std::string>{"new"});
}

TEST_CASE("pull: a position that this life never gave out is not believed") {
  Network network;
  begin_cluster(network, 2);
  const std::string key = key_in(kShard);
  network.operate("n1", sadd(key, {"a"}));
  Puppet puppet(network, "n2");
  const OriginId origin = network.node("n1").engine->status({}).origin;
  const Lsn end = network.node("n1").store->snapshot()->feed_end(kShard);
  network.kill("n2");
  Tap tap(network);
  const auto cells_after = [&](OriginId epoch, Lsn after) {
    PullBody pull;
    pull.nonce = 5;
    pull.parts.push_back({kShard, epoch, after, {}});
    network.feed("n1", puppet.says(pull));
    return tap.last<RowsBody>("n1", "n2")->parts[0].cells.read()->size();
  };
  CHECK(cells_after(origin, end) == 0);
  CHECK(cells_after(origin, end + 1) == 1);               // Past the end.
  CHECK(cells_after(OriginId{0xbeef}, end) == 1);         // Of another life.
  CHECK(cells_after(OriginId{}, 0) == 1);
}

TEST_CASE("pull: a position in the feed of a peer's earlier life is not sent to its next") {
  Stage stage;
  const auto position = [](const PullBody& pull) {
    for (const auto& part : pull.parts) {
      if (part.shard == kShard) return Cursor{part.epoch, part.after};
    }
    FAIL("not asked for");
    return Cursor{};
  };
  const auto give_up = [&] {
    REQUIRE(stage.network.run_until([&] { return stage.network.node("n1").engine->health({}).pulls_outstanding == 0; }));
  };
  stage.feed(stage.answer(stage.question().nonce));
  give_up();  // What was asked about other shards is not answered.
  CHECK(position(stage.question()) == Cursor{stage.puppet->origin, 7});
  give_up();
  stage.puppet->origin = OriginId{0xbeef};
  stage.puppet->start = stage.puppet->now();
  CHECK(position(stage.question()) == Cursor{});
}

// Goal: after a restart, when cursors mean nothing, the sparse marks spare a scan of the whole feed.
TEST_CASE("pull: the first answer of a new life begins at a mark, not at the beginning of the feed") {
  Network network;
  begin_cluster(network, 2);
  const std::string key = key_in(kShard);
  const int changes = static_cast<int>(3 * Store::kMarkInterval) + 500;
  for (int i = 0; i < changes; i += 100) network.operate("n1", sadd(key, numbers(i, std::min(i + 100, changes))));
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  REQUIRE(network.node("n1").store->snapshot()->feed_end(kShard) >= 3 * Store::kMarkInterval);
  network.kill("n1");
  network.start("n1");
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  Tap tap(network);
  tap.lose = {"push"};
  network.operate("n1", sadd(key, {"news"}));
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  CHECK(network.present("n2", key, "news"));
  CHECK(network.counter("n1", "feed_entries_scanned") > 0);
  CHECK(network.counter("n1", "feed_entries_scanned") <= Store::kMarkInterval + 100);
}

// Goal: a cursor that stayed behind, because pushes brought everything, does not make one lost push cost a scan.
TEST_CASE("pull: a cursor that is far behind does not have the feed scanned that pushes have brought") {
  Network network;
  begin_cluster(network, 2);
  const std::string key = key_in(kShard);
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  {
    Tap tap(network);
    tap.lose = {"push"};
    network.operate("n1", sadd(key, {"first"}));  // Pulled: from now on there is a cursor.
    REQUIRE(network.run_until([&] { return network.all_settled(); }));
  }
  network.filter = nullptr;
  const int changes = static_cast<int>(3 * Store::kMarkInterval) + 500;
  for (int i = 0; i < changes; i += 100) network.operate("n1", sadd(key, numbers(i, std::min(i + 100, changes))));
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  const std::uint64_t before = network.counter("n1", "feed_entries_scanned");
  Tap tap(network);
  tap.lose = {"push"};
  network.operate("n1", sadd(key, {"news"}));
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  CHECK(network.present("n2", key, "news"));
  const std::uint64_t scanned = network.counter("n1", "feed_entries_scanned") - before;
  CHECK(scanned > 0);
  CHECK(scanned <= Store::kMarkInterval + 100);
}

// Goal: one question about many shards does not hold the node up: under load all of them differ.
TEST_CASE("pull: one answer reads some thousand entries of the feed, of all shards together") {
  constexpr int kShards = 4, kOfEach = 2500;
  constexpr std::uint64_t kAnAnswer = 4096;
  Network network;
  begin_cluster(network, 2);
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  Tap tap(network);
  tap.lose = {"push", "digests", "pull", "rows"};
  for (ShardId shard = 0; shard < kShards; ++shard) {
    for (int i = 0; i < kOfEach; i += 100) network.operate("n1", sadd(key_in(shard), numbers(i, i + 100)));
  }
  tap.lose = {"push"};
  std::uint64_t most = 0;
  REQUIRE(network.run_until([&, scanned = network.counter("n1", "feed_entries_scanned"), answers = network.counter("n1", "pulls_answered")]() mutable {
    const std::uint64_t scanned_now = network.counter("n1", "feed_entries_scanned"), answers_now = network.counter("n1", "pulls_answered");
    if (answers_now > answers) most = std::max(most, (scanned_now - scanned) / (answers_now - answers));
    scanned = scanned_now;
    answers = answers_now;
    return network.all_settled();
  }));
  CHECK(most > kOfEach);  // Of more than one shard,
  CHECK(most <= kAnAnswer + 1);
  for (ShardId shard = 0; shard < kShards; ++shard) CHECK(network.members_of("n2", key_in(shard)).size() == kOfEach);
}

// ---- Damage

TEST_CASE("pull: a clock that comes from a shard with damage is not taken") {
  Stage stage;
  const auto question = stage.question();
  RowsBody rows = stage.answer(question.nonce);
  rows.parts[0].sound = false;
  stage.feed(rows);
  CHECK(stage.network.members_of("n1", stage.key).size() == 1);
  CHECK_FALSE(held(stage.network, "n1", kShard, stage.puppet->origin));
}

// Goal: nobody believes to hold what was passed over, however often it asks.
// Method: n1's row is damaged before n2 has it, and fetches are lost so that it stays so.
TEST_CASE("pull: a damaged row ends its shard without a clock, also in the rounds after it was passed over") {
  for (const std::size_t answer_bytes_max : {std::size_t{1}, std::size_t{1024 * 1024}}) {
    CAPTURE(answer_bytes_max);
    Network network;
    network.options.answer_bytes_max = answer_bytes_max;
    begin_cluster(network, 2);
    const OriginId origin = network.node("n1").engine->status({}).origin;
    Tap tap(network);
    tap.lose = {"push", "fetch"};
    const std::string key = key_in(kShard);
    const Timestamp before = held(network, "n2", kShard, origin);
    network.operate("n1", sadd(key, {"first"}));
    network.operate("n1", sadd(key, {"second"}));
    network.operate("n1", sadd(key, {"third"}));
    const StoreKey damaged = store_key(kShard, {"t", key, Kind::kSet, "second"});
    REQUIRE(network.node("n1").store->flip_bit(Database::kCells, damaged, 200));
    network.run_ms(20'000);
    CHECK(network.members_of("n2", key) == std::vector<std::string>{"first", "third"});
    CHECK(held(network, "n2", kShard, origin) == before);
    // Another row comes behind it, and still nothing vouches for the one in the middle.
    network.operate("n1", sadd(key, {"fourth"}));
    network.run_ms(20'000);
    CHECK(network.present("n2", key, "fourth"));
    CHECK(held(network, "n2", kShard, origin) == before);
    CHECK(network.node("n1").engine->status({}).rows_damaged == 1);
  }
}

// Goal: a row that is passed over since its entry in the feed names another is not vouched for, and comes all the same.
TEST_CASE("pull: a feed entry that rotted gives no clock, and the row is listed anew") {
  Network network;
  begin_cluster(network, 2);
  Tap tap(network);
  tap.lose = {"push", "audit"};
  const std::string key = key_in(kShard);
  MemoryStore& store = *network.node("n1").store;
  network.operate("n1", sadd(key, {"first"}));
  network.operate("n1", sadd(key, {"second"}));
  Row row;
  const StoreKey first = store_key(kShard, {"t", key, Kind::kSet, "first"}), second = store_key(kShard, {"t", key, Kind::kSet, "second"});
  REQUIRE(store.snapshot()->get(second, row) == Snapshot::Lookup::kFound);
  REQUIRE(store.overwrite(Database::kFeed, shard_entry_key(kShard, row.lsn), encode_feed_entry(first, false)));
  network.run_ms(20'000);
  CHECK(network.members_of("n2", key) == std::vector<std::string>{"first", "second"});
  CHECK(network.counter("n1", "shards_recounted") == 1);
  CHECK(store.verify() == std::vector<std::string>{});
}

// Goal: shards go on although the member tables stay different, as after rot, and each question begins with the table.
// Method: answers have room for nothing; the asker has the whole table by its clock, and asks for it all the same.
TEST_CASE("pull: an answer brings a cell of some other shard besides the end of the member table") {
  Stage stage;
  stage.network.node("n1").engine.reset();
  stage.network.options.answer_bytes_max = 1;
  stage.network.start("n1");
  stage.network.run_ms(100);
  REQUIRE(stage.network.operate("n1", sadd(stage.key, {"a", "b"})).outcome == Outcome::kOk);
  PullBody pull;
  pull.nonce = 5;
  for (const ShardId shard : {kShard, kSystemShard}) {
    PullBody::Part part;
    part.shard = shard;
    if (shard == kSystemShard) part.clock = held(stage.network, "n1", kSystemShard);
    pull.parts.push_back(part);
  }
  stage.feed(pull);
  const auto rows = stage.tap->last<RowsBody>("n1", "n2");
  REQUIRE(rows.has_value());
  REQUIRE(rows->nonce == 5);
  REQUIRE(rows->parts.size() == 2);
  CHECK(rows->parts[0].shard == kSystemShard);
  CHECK(rows->parts[0].end);
  CHECK(rows->parts[1].shard == kShard);
  CHECK_FALSE(rows->parts[1].end);
  CHECK(rows->parts[1].next == 1);
}

// ---- Size

// Goal: a question fits into a message, however many shards and lives there are.
// What a member table has lost, and no clock tells of, comes back all the same.
TEST_CASE("pull: where neither is ahead and the member tables differ the whole table comes along") {
  for (const std::string lost_at : {"n1", "n2"}) {
    CAPTURE(lost_at);
    Network network;
    begin_cluster(network, 2);
    Tap tap(network);
    tap.lose = {"audit"};
    const OriginId former = network.node("n1").engine->status(instant_of(network)).origin;
    network.kill("n1");
    network.start("n1");
    REQUIRE(network.run_until([&] { return network.all_settled(); }));
    network.run_ms(5000);
    network.kill(lost_at);
    Store& store = *network.node(lost_at).store;
    StoreBatch batch;
    std::size_t dropped = 0;
    store.snapshot()->scan(shard_prefix(kSystemShard), {}, [&](const StoreKey& key, const Row* row) {
      const auto life = life_of_cell(row->cell);
      if (life && life->second == former) batch.drop(key, row->content), ++dropped;
      return true;
    });
    REQUIRE(dropped == 1);
    (void)store.commit(batch);
    network.start(lost_at);
    REQUIRE(network.run_until([&] { return network.all_settled(); }));
    CHECK(network.all_equal());
  }
}

TEST_CASE("pull: a question about all shards of an old cluster is asked in parts") {
  Network network;
  network.add("n1");
  network.node("n1").setup.shard_count = kShardsMax;
  network.start("n1");
  network.add("n2", "n1");
  network.start("n2");
  for (const std::uint64_t lives : {40u, 41u}) {  // 4,096 clocks of 40 entries are 2.6 MiB.
    network.kill("n1");
    StoreBatch batch;
    for (ShardId shard = 0; shard < kShardsMax; ++shard) {
      for (std::uint64_t origin = 1; origin <= lives; ++origin) batch.hold(shard, OriginId{origin}, Timestamp{1});
    }
    for (std::uint64_t origin = 1; origin <= lives; ++origin) {
      Content life(Kind::kHash);
      (void)life.as_register().set(encode(LifeRecord{Timestamp{1}}), {Timestamp{1}, ActorId{origin}}, {Timestamp{1}, OriginId{origin}});
      batch.merge(kSystemShard, life_cell(NodeId{77}, OriginId{origin}), life);
    }
    (void)network.node("n1").store->commit(batch);
    network.start("n1");
    REQUIRE(network.run_until([&] { return network.all_settled(); }));
    CHECK(held(network, "n2", kShardsMax - 1, OriginId{lives}) == Timestamp{1});
  }
}

}  // namespace
}  // namespace kith::test
