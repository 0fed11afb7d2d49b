// tests/gossip/counters_test.cc -- increments as operations, how they spread, and what folding at one member does to others.
#include <doctest/doctest.h>

#include <limits>

#include "crdt/counter.h"
#include "tests/gossip/frames.h"

namespace kith::test {
namespace {

constexpr ActorId kAlice{77};
constexpr ShardId kShard = 2;
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max(), kLeast = std::numeric_limits<std::int64_t>::min();

Operation incr(const std::string& key, std::int64_t amount) {
  Operation out = del(key);
  out.verb = Verb::kIncrement;
  out.amount = amount;
  return out;
}

struct Stage {
  explicit Stage(int count, EngineOptions options = {}) : network(options) { begin_cluster(network, count); }

  CounterState state(const std::string& name) {
    CounterState out;
    (void)network.node(name).store->snapshot()->counter(kShard, "t", key, out);
    return out;
  }
  std::int64_t value(const std::string& name) { return state(name).sum.shown(); }
  // As the collector does, once everybody holds all up to `up_to`.
  void fold(const std::string& name, Timestamp up_to) {
    StoreBatch batch;
    batch.fold({kShard, "t", key, up_to, 1000});
    network.node(name).store->commit(batch);
  }
  Reply add(const std::string& name, std::int64_t amount) { return network.operate(name, incr(key, amount)); }
  Operation with_tag(std::int64_t amount) { return tagged(incr(key, amount), {time_of(network), kAlice}); }
  std::uint64_t sum(const std::string& counter) {
    std::uint64_t out = 0;
    for (const char* name : {"n1", "n2", "n3"}) out += network.counter(name, counter);
    return out;
  }

  Network network;
  std::string key = key_in(kShard);
};

}  // namespace

TEST_CASE("increments: they add up, tell what the counter stands at, and a retry changes nothing at any node") {
  Stage stage(3);
  CHECK(stage.add("n1", 5).total == 5);
  const Reply untagged = stage.add("n1", -7);
  CHECK(untagged.total == -2);
  CHECK(untagged.changed == 1);
  const Operation again = stage.with_tag(10);
  const Reply first = stage.network.operate("n1", again);
  CHECK(first.changed == 1);
  CHECK(first.total == 8);
  const Reply retry = stage.network.operate("n1", again);
  CHECK(retry.outcome == Outcome::kOk);
  CHECK(retry.changed == 0);
  CHECK(retry.total == 8);
  CHECK(retry.tag == *again.tag);
  stage.network.operate("n3", again);
  REQUIRE(stage.network.run_until([&] { return stage.network.all_settled(); }));
  for (const char* name : {"n1", "n2", "n3"}) CHECK(stage.value(name) == 8);
}

// Method: two operations come before the first is durable.
TEST_CASE("increments: those of one batch count for one another, and a retry among them once") {
  Stage stage(1);
  Network::Node& node = stage.network.node("n1");
  const Operation first = stage.with_tag(kMost - 1);
  for (Operation operation : {first, first, incr(stage.key, 1), incr(stage.key, 1), incr(stage.key, -5)}) {
    node.engine->step(instant_of(stage.network), operation, node.out);
  }
  REQUIRE(node.out.replies.size() == 5);
  CHECK(node.out.replies[0].total == kMost - 1);
  CHECK(node.out.replies[1].total == kMost - 1);
  CHECK(node.out.replies[1].changed == 0);
  CHECK(node.out.replies[2].total == kMost);
  CHECK(node.out.replies[3].code == Refusal::kOverflow);
  CHECK(node.out.replies[4].total == kMost - 5);
  stage.network.input("n1", Tick{});
  CHECK(stage.value("n1") == kMost - 5);
  CHECK(stage.add("n1", 1).total == kMost - 4);
}

TEST_CASE("increments: what makes no sense is refused and changes nothing (0, no key, over the limit of a key, bad table)") {
  Stage stage(1);
  const auto refusal = [&](Operation operation) {
    const Reply reply = stage.network.operate("n1", std::move(operation));
    CHECK(reply.outcome == Outcome::kRefused);
    CHECK(reply.message.find("nothing changed") != std::string::npos);
    CHECK_FALSE(reply.total.has_value());
    return reply.code;
  };
  CHECK(refusal(incr(stage.key, 0)) == Refusal::kLimit);
  CHECK(refusal(incr("", 1)) == Refusal::kLimit);
  CHECK(refusal(incr(std::string(4097, 'x'), 1)) == Refusal::kLimit);
  Operation table = incr(stage.key, 1);
  table.table = "_kith";
  CHECK(refusal(table) == Refusal::kBadName);
  CHECK(stage.network.operate("n1", incr(std::string(4096, 'x'), 1)).outcome == Outcome::kOk);
  CHECK(stage.state("n1").cells == 0);
}

TEST_CASE("increments: one that would carry the counter past 64 bits is refused, at the edge and one past it, both ways") {
  for (const int sign : {1, -1}) {
    Stage stage(1);
    const std::int64_t edge = sign > 0 ? kMost : kLeast;
    CHECK(stage.add("n1", edge).total == edge);
    const Reply refused = stage.add("n1", sign);
    CHECK(refused.code == Refusal::kOverflow);
    CHECK(refused.message.find(std::to_string(edge)) != std::string::npos);
    CHECK(stage.value("n1") == edge);
    CHECK(stage.add("n1", -sign).total == edge - sign);
    CHECK(stage.add("n1", sign).total == edge);
  }
}

// Goal: nodes that were apart may pass 64 bits together; then both show the nearest, and the way back is open.
TEST_CASE("increments: past 64 bits together, nodes show the nearest and take what leads back") {
  Stage stage(2);
  stage.network.cut("n1", "n2");
  stage.add("n1", kMost);
  stage.add("n2", kMost - 10);
  stage.network.heal();
  REQUIRE(stage.network.run_until([&] { return stage.network.all_settled(); }));
  for (const char* name : {"n1", "n2"}) CHECK(stage.value(name) == kMost);
  CHECK(stage.add("n1", 1).code == Refusal::kOverflow);
  CHECK(stage.add("n1", -5).total == kMost);
  CHECK(stage.add("n1", -kMost).total == kMost - 15);
}

// Goal: an increment that a base may hold already is never counted twice, even by a session whose clock is behind.
TEST_CASE("increments: a tag at or below the base is refused, and one above is taken") {
  Stage stage(1);
  const Operation early = stage.with_tag(5);
  stage.network.operate("n1", early);
  stage.fold("n1", early.tag->at);
  const Reply refused = stage.network.operate("n1", early);
  CHECK(refused.code == Refusal::kRetryWindowPassed);
  CHECK(stage.value("n1") == 5);
  CHECK(stage.network.operate("n1", tagged(incr(stage.key, 1), {just_before(early.tag->at), kAlice})).code ==
        Refusal::kRetryWindowPassed);
  CHECK(stage.network.operate("n1", tagged(incr(stage.key, 1), {Timestamp{early.tag->at.value + 1}, kAlice})).total == 6);
}

// Goal: a counter that is folded here and not yet there is no difference.
TEST_CASE("increments: members that are folded differently far agree, and nobody audits or repairs anything") {
  Stage stage(3);
  for (int i = 1; i <= 4; ++i) {
    for (const char* name : {"n1", "n2", "n3"}) stage.add(name, i);
  }
  REQUIRE(stage.network.run_until([&] { return stage.network.all_settled(); }));
  const Timestamp all = time_of(stage.network);
  stage.network.run_ms(1000);
  stage.fold("n1", all);
  stage.network.run_ms(20'000);
  CHECK(stage.state("n1").cells == 1);
  CHECK(stage.state("n2").cells == 12);
  stage.add("n2", 100);
  stage.add("n1", 1000);
  stage.network.run_ms(20'000);
  for (const char* name : {"n1", "n2", "n3"}) CHECK(stage.value(name) == 1130);
  CHECK(stage.network.all_settled());
  CHECK(stage.sum("audits_begun") == 0);
  CHECK(stage.sum("rows_repaired") == 0);
  stage.fold("n2", all);
  stage.fold("n3", all);
  for (const char* name : {"n2", "n3"}) CHECK(stage.state(name).cells == stage.state("n1").cells);
}

// Goal: a member whose rows differ gets what it lacks, in a base or as rows, and what it has in its own base stays out.
TEST_CASE("increments: an audit brings the base to a member that lacks what is in it") {
  Stage stage(2);
  stage.add("n1", 5);
  stage.add("n2", 7);
  REQUIRE(stage.network.run_until([&] { return stage.network.all_settled(); }));
  // n1 has one more, of which no clock speaks, and folds it with the others.
  const Tag tag{time_of(stage.network), kAlice};
  StoreBatch batch;
  batch.merge(kShard, increment_cell("t", stage.key, tag),
              Content(Register{}.set(encode_amount(100), tag, Commit{tag.at, OriginId{1}})));
  batch.fold({kShard, "t", stage.key, tag.at, 100});
  stage.network.node("n1").store->commit(batch);
  stage.network.run_ms(50);
  stage.add("n1", 1);  // So that the engine looks at its root again.
  CHECK(stage.value("n1") == 113);
  REQUIRE(stage.network.run_until([&] { return stage.value("n2") == 113; }));
  CHECK(stage.network.all_equal());
  CHECK(stage.state("n2").cells == 2);
  CHECK(stage.network.counter("n1", "rows_repaired") == 0);
}

TEST_CASE("increments: a damaged one that the peer has folded is mended by the peer's base") {
  Stage stage(2);
  const Operation early = stage.with_tag(5);
  stage.network.operate("n1", early);
  stage.add("n1", 7);
  REQUIRE(stage.network.run_until([&] { return stage.network.all_settled(); }));
  stage.fold("n2", early.tag->at);
  const StoreKey row = store_key(kShard, increment_cell("t", stage.key, *early.tag));
  REQUIRE(stage.network.node("n1").store->flip_bit(Database::kCells, row, 200));
  stage.network.input("n1", RowDamaged{row});
  CHECK(stage.network.node("n1").engine->status({}).rows_damaged == 1);
  REQUIRE(stage.network.run_until([&] { return stage.network.node("n1").engine->status({}).rows_damaged == 0; }));
  CHECK(stage.value("n1") == 12);
  CHECK(stage.state("n1").folded_to == early.tag->at);
  CHECK(stage.network.node("n1").store->verify().empty());
  CHECK(stage.add("n1", 1).total == 13);
  REQUIRE(stage.network.run_until([&] { return stage.network.all_settled(); }));
  CHECK(stage.value("n2") == 13);
}

// Goal: members fold by themselves, so one may have lost with its base what the others still hold as increments.
// Method: n2 asks for its base, and says how far it may have been folded.
TEST_CASE("increments: for a damaged base that was folded further than here one is made of base and increments") {
  EngineOptions options;
  options.retry_window_ms = 1000;
  options.collect = false;  // What is folded, and when, is said by hand.
  Stage stage(2, options);
  std::vector<Tag> tags;
  for (int i = 1; i <= 4; ++i) {
    const Operation one = stage.with_tag(i);
    tags.push_back(*one.tag);
    stage.network.operate("n1", one);
    stage.network.run_ms(10);
  }
  REQUIRE(stage.network.run_until([&] { return stage.network.all_settled(); }));
  stage.network.run_ms(10'000);
  Puppet puppet(stage.network, "n2");
  stage.network.kill("n2");
  Tap tap(stage.network);
  const StoreKey base = store_key(kShard, base_cell("t", stage.key));
  const auto fetched = [&](Timestamp horizon) {
    tap.sent.clear();
    Envelope envelope = puppet.envelope(FetchBody{{base}});
    envelope.horizon = horizon;
    stage.network.feed("n1", encode(envelope));
    return tap.last<MendedBody>("n1", "n2").value_or(MendedBody{});
  };
  const auto check_is_fold = [&](const MendedBody& answer, Timestamp up_to) {
    stage.fold("n1", up_to);
    Row folded;
    REQUIRE(stage.network.node("n1").store->snapshot()->get(base, folded) == Snapshot::Lookup::kFound);
    REQUIRE(answer.parts.size() == 1);
    const auto cells = answer.parts[0].cells.read();
    REQUIRE(cells->size() == 1);
    CHECK(cells->front().key == folded.cell);
    CHECK(cells->front().content == folded.content);
    REQUIRE(answer.clocks.size() == 1);
  };
  REQUIRE(stage.network.node("n1").engine->garbage({}).floor >= tags.back().at);
  CHECK(fetched(just_before(tags[0].at)).missing == std::vector<StoreKey>{base});
  const MendedBody of_two = fetched(tags[1].at), of_all = fetched(time_of(stage.network, -2000));
  CHECK(stage.state("n1").cells == 4);  // Nothing was folded here.
  check_is_fold(of_two, tags[1].at);
  CHECK(stage.state("n1").cells == 3);
  const MendedBody onto_base = fetched(time_of(stage.network, -2000));
  check_is_fold(of_all, tags[3].at);
  check_is_fold(onto_base, tags[3].at);
}

// Goal: an increment that cannot be read is in no base that is made for others.
TEST_CASE("increments: no base is made of damaged increments, nor by who lacks something below the horizon of who asks") {
  Stage stage(2);
  const Operation one = stage.with_tag(5);
  stage.network.operate("n1", one);
  REQUIRE(stage.network.run_until([&] { return stage.network.all_settled(); }));
  stage.network.run_ms(10'000);
  Puppet puppet(stage.network, "n2");
  stage.network.kill("n2");
  Tap tap(stage.network);
  const StoreKey base = store_key(kShard, base_cell("t", stage.key));
  Envelope envelope = puppet.envelope(FetchBody{{base}});
  envelope.horizon = time_of(stage.network, 1000);
  stage.network.feed("n1", encode(envelope));
  REQUIRE(tap.last<MendedBody>("n1", "n2").has_value());
  CHECK(tap.last<MendedBody>("n1", "n2")->missing == std::vector<StoreKey>{base});
  tap.sent.clear();
  const StoreKey row = store_key(kShard, increment_cell("t", stage.key, *one.tag));
  REQUIRE(stage.network.node("n1").store->flip_bit(Database::kCells, row, 200));
  envelope.horizon = one.tag->at;
  stage.network.feed("n1", encode(envelope));
  CHECK_FALSE(tap.last<MendedBody>("n1", "n2").has_value());
  CHECK(stage.network.node("n1").engine->status({}).rows_damaged == 1);
}

TEST_CASE("increments: while a row of the counter is damaged they are refused, and afterwards taken") {
  Stage stage(2);
  const Operation early = stage.with_tag(5);
  stage.network.operate("n1", early);
  REQUIRE(stage.network.run_until([&] { return stage.network.all_settled(); }));
  stage.fold("n1", early.tag->at);
  const StoreKey row = store_key(kShard, base_cell("t", stage.key));
  REQUIRE(stage.network.node("n1").store->flip_bit(Database::kCells, row, 200));
  const Reply refused = stage.add("n1", 1);
  CHECK(refused.code == Refusal::kDamaged);
  REQUIRE(stage.network.run_until([&] { return stage.network.node("n1").engine->status({}).rows_damaged == 0; }));
  CHECK(stage.add("n1", 1).outcome == Outcome::kOk);
  REQUIRE(stage.network.run_until([&] { return stage.network.all_settled(); }));
  for (const char* name : {"n1", "n2"}) CHECK(stage.value(name) == 6);
}

// Method: a member speaks; each of its pushes holds one cell of a counter that no counter can hold.
TEST_CASE("increments: a cell of a counter that is neither an increment nor a base has the whole message refused") {
  PuppetStage stage;
  const std::string key = key_in(kShard);
  const Timestamp at = stage.puppet->now();
  const Tag tag{at, kAlice};
  const Commit commit{at, stage.puppet->origin};
  const auto push = [&](const CellKey& cell, const Content& content) {
    CellBlock cells;
    cells.append(cell, content);
    PushBody body;
    body.parts.push_back({kShard, {}, at, cells});
    body.nonce = 9;
    stage.feed(body);
    return stage.network.counter("n1", "dropped_bad_cells");
  };
  const CellKey increment = increment_cell("t", key, tag), base = base_cell("t", key);
  CHECK(push(increment, Content(Register{}.set("abc", tag, commit))) == 1);
  CHECK(push(increment, Content(Register{}.set(encode_amount(0), tag, commit))) == 2);
  CHECK(push(increment, Content(Register{}.erase(tag, commit))) == 3);
  CHECK(push(increment, Content(Register{}.set(encode_amount(1), {at, ActorId{78}}, commit))) == 4);
  CHECK(push(base, Content(Register{}.set(encode_amount(1), {at, kBaseActor}, commit))) == 5);
  CHECK(push({"t", key, Kind::kCounter, "0123456789abcde"}, Content(Register{}.set(encode_amount(1), tag, commit))) == 6);
  CHECK(push(increment, Content(Register{}.set(encode_amount(1), tag, commit))) == 6);
  CounterState state;
  CHECK(stage.network.node("n1").store->snapshot()->counter(kShard, "t", key, state) == Snapshot::Lookup::kFound);
  CHECK(state.sum == CounterSum(1));
  CHECK(state.cells == 1);
}

}  // namespace kith::test
