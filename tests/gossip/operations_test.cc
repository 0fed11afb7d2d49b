// tests/gossip/operations_test.cc -- client writes: what is taken, what is refused and why, and what is answered.
#include <doctest/doctest.h>

#include "tests/gossip/frames.h"

namespace kith::test {
namespace {

constexpr ActorId kAlice{77};

// One node, all by itself.
struct Alone {
  Alone() { begin_cluster(network, 1); }
  Reply operate(Operation operation) { return network.operate("n1", std::move(operation)); }
  Refusal refusal(Operation operation) {
    const Lsn before = end();
    const Reply reply = operate(std::move(operation));
    CHECK((reply.outcome == Outcome::kRefused) == (reply.code != Refusal::kNone));
    if (reply.code != Refusal::kNone) {
      CHECK(reply.message.find("nothing changed") != std::string::npos);
      CHECK(end() == before);
    }
    last_message = reply.message;
    return reply.code;
  }
  Lsn end() {  // Moves with every change of any row.
    Lsn sum = 0;
    for (ShardId shard = 0; shard < 4; ++shard) sum += network.node("n1").store->snapshot()->feed_end(shard);
    return sum;
  }

  Network network;
  std::string last_message;
};

Operation incr(const std::string& key, std::int64_t amount) {
  Operation out = del(key);
  out.verb = Verb::kIncrement;
  out.amount = amount;
  return out;
}

Operation hdel(const std::string& key, std::vector<std::string> fields) {
  Operation out = sadd(key, std::move(fields));
  out.verb = Verb::kHashDelete;
  return out;
}

TEST_CASE("operations: each limit at the limit, one below and one above") {
  Alone alone;
  const auto bytes = [](std::size_t size) { return std::string(size, 'x'); };
  for (const int more : {-1, 0, 1}) {
    const auto near = [&](std::size_t limit) {
      return static_cast<std::size_t>(static_cast<std::int64_t>(limit) + more);
    };
    const Refusal expected = more > 0 ? Refusal::kLimit : Refusal::kNone;
    const auto check = [&](Operation operation, std::size_t limit) {
      CAPTURE(limit);
      CAPTURE(more);
      CHECK(alone.refusal(std::move(operation)) == expected);
      if (more > 0) CHECK(alone.last_message.find(std::to_string(limit)) != std::string::npos);
    };
    for (const auto& make : {set(bytes(near(kKeyBytesMax)), "v"), del(bytes(near(kKeyBytesMax))),
                             sadd(bytes(near(kKeyBytesMax)), {"m"}), srem(bytes(near(kKeyBytesMax)), {"m"}),
                             hset(bytes(near(kKeyBytesMax)), "f", "v"), hdel(bytes(near(kKeyBytesMax)), {"f"}),
                             incr(bytes(near(kKeyBytesMax)), 1)}) {
      check(make, kKeyBytesMax);
    }
    check(sadd("k", {"short", bytes(near(kMemberBytesMax))}), kMemberBytesMax);
    check(srem("k", {bytes(near(kMemberBytesMax))}), kMemberBytesMax);
    check(hdel("k", {bytes(near(kMemberBytesMax))}), kMemberBytesMax);
    check(hset("k", bytes(near(kMemberBytesMax)), "v"), kMemberBytesMax);
    check(set("k", bytes(near(kValueBytesMax))), kValueBytesMax);
    check(hset("k", "f", bytes(near(kValueBytesMax))), kValueBytesMax);
    std::vector<std::string> members;
    for (std::size_t i = 0; i < near(kOperationMembersMax); ++i) members.push_back(std::to_string(i));
    check(sadd("many", members), kOperationMembersMax);
    check(srem("many", members), kOperationMembersMax);
  }
}

TEST_CASE("operations: what must not be empty is not") {
  Alone alone;
  for (const auto& operation : {set("", "v"), del(""), sadd("", {"m"}), sadd("k", {}), srem("k", {}), hdel("k", {}),
                                sadd("k", {"m", ""}), srem("k", {""}), hset("k", "", "v"), hdel("k", {""})}) {
    CHECK(alone.refusal(operation) == Refusal::kLimit);
  }
  Operation no_fields = hset("k", "f", "v");
  no_fields.fields.clear();
  CHECK(alone.refusal(no_fields) == Refusal::kLimit);
  CHECK(alone.refusal(set("k", "")) == Refusal::kNone);  // An empty value is a value.
  CHECK(alone.network.value("n1", "k") == "");
  CHECK(alone.refusal(hset("k", "f", "")) == Refusal::kNone);
}

// Goal: what an operation changes fits into one push, to the byte.
TEST_CASE("operations: bytes of one operation at the limit and one above, the largest can be pushed") {
  Network network;
  begin_cluster(network, 2);
  // Per cell 64 + table + key + field + 32 for its entry + value: see cell_bytes_at_most() in operations.cc.
  const std::size_t around = 64 + 1 + 1 + 1 + 32;
  const std::size_t second = kOperationBytesMax - kValueBytesMax - 2 * around;
  const auto two = [&](std::size_t size) {
    Operation out = hset("k", "a", std::string(kValueBytesMax, 'a'));
    out.fields.emplace_back("b", std::string(size, 'b'));
    return out;
  };
  const Reply over = network.operate("n1", two(second + 1));
  CHECK(over.code == Refusal::kLimit);
  CHECK(over.message.find(std::to_string(kOperationBytesMax)) != std::string::npos);
  Tap tap(network);
  tap.lose = {"pull", "rows"};
  Operation largest = two(second);
  largest.replicas = 2;
  CHECK(network.operate("n1", largest).outcome == Outcome::kOk);
  CHECK(network.all_equal());
}

TEST_CASE("operations: a table has a table's name") {
  Alone alone;
  const auto with = [&](const std::string& table) {
    Operation operation = set("k", "v");
    operation.table = table;
    return alone.refusal(operation);
  };
  for (const auto& good : {std::string("a"), std::string("A.z-_9"), std::string(kTableNameBytesMax, 'a')})
    CHECK(with(good) == Refusal::kNone);
  for (const auto& bad :
       {std::string(), std::string("_kith"), std::string("_"), std::string("a b"), std::string("\xc3\xa4"),
        std::string("a/b"), std::string("a\0b", 3), std::string(kTableNameBytesMax + 1, 'a')}) {
    CHECK(with(bad) == Refusal::kBadName);
  }
}

// ---- Entries per cell

Content many_sessions(std::size_t count, Timestamp at) {
  Content out(Kind::kSet);
  for (std::size_t i = 1; i <= count; ++i) (void)out.as_set_element().add({at, ActorId{i}}, {at, OriginId{5}});
  return out;
}

void put(Network& network, const std::string& name, const CellKey& cell, const Content& content) {
  StoreBatch batch;
  batch.merge(shard_of(cell, 4), cell, content);
  (void)network.node(name).store->commit(batch);
}

TEST_CASE("operations: entries in one cell at the limit, and one above") {
  Alone alone;
  const Timestamp earlier = time_of(alone.network, -1000);
  put(alone.network, "n1", {"t", "likes", Kind::kSet, "x"}, many_sessions(kEntriesPerCellMax - 1, earlier));
  const Tag last{time_of(alone.network), ActorId{0xffff}};
  CHECK(alone.refusal(tagged(sadd("likes", {"x"}), last)) == Refusal::kNone);
  CHECK(alone.refusal(tagged(sadd("likes", {"x"}), {time_of(alone.network), ActorId{0xfffe}})) == Refusal::kLimit);
  CHECK(alone.last_message.find(std::to_string(kEntriesPerCellMax)) != std::string::npos);
  // The retry of what was taken is answered as it was.
  const Reply retry = alone.operate(tagged(sadd("likes", {"x"}), last));
  CHECK(retry.outcome == Outcome::kOk);
  CHECK(retry.changed == 0);
}

// ---- Tags

// RULE: now - retry_window < tag <= now + max_skew.
TEST_CASE("operations: tags at the exact edges of the window") {
  Alone alone;
  alone.network.run_ms(1000);
  const std::int64_t window = alone.network.options.retry_window_ms, skew = alone.network.options.max_skew_ms;
  const auto with = [&](std::int64_t ms, std::uint64_t counter = 0) {
    return alone.refusal(tagged(sadd("likes", {"x"}), {time_of(alone.network, ms, counter), kAlice}));
  };
  CHECK(with(-window - 1) == Refusal::kRetryWindowPassed);
  CHECK(with(-window) == Refusal::kRetryWindowPassed);
  CHECK(alone.last_message.find("retry window passed") != std::string::npos);
  CHECK(with(-10 * window) == Refusal::kRetryWindowPassed);
  CHECK(with(skew + 1) == Refusal::kTagFromFuture);
  CHECK(with(1000 * skew) == Refusal::kTagFromFuture);
  CHECK(alone.network.members_of("n1", "likes").empty());
  CHECK(with(-window + 1) == Refusal::kNone);
  CHECK(alone.network.members_of("n1", "likes").size() == 1);
  CHECK(with(0) == Refusal::kNone);
  CHECK(with(skew) == Refusal::kNone);
}

TEST_CASE("operations: a retry is answered as the first attempt, and changes nothing (each verb)") {
  Alone alone;
  alone.operate(sadd("likes", {"there"}));
  alone.operate(set("gone", "v"));
  alone.operate(hset("hash", "gone", "v"));
  alone.network.run_ms(5);
  std::int64_t plus_ms = 0;
  for (const Operation& operation : {set("k", "v"), del("gone"), sadd("likes", {"x", "y"}), srem("likes", {"there"}),
                                     hset("hash", "f", "v"), hdel("hash", {"gone"}), incr("visits", -3)}) {
    const Operation first = tagged(operation, {time_of(alone.network, plus_ms++), kAlice});
    const Reply reply = alone.operate(first);
    CHECK(reply.outcome == Outcome::kOk);
    CHECK(reply.changed == std::max<std::size_t>(1, operation.members.size()));
    CHECK(reply.tag == *first.tag);
    for (int i = 0; i < 3; ++i) {
      const Lsn before = alone.end();
      const Reply retry = alone.operate(first);
      CHECK(retry.outcome == Outcome::kOk);
      CHECK(retry.code == Refusal::kNone);
      CHECK(retry.changed == 0);
      CHECK(retry.tag == *first.tag);
      CHECK(retry.replicas == reply.replicas);
      CHECK(alone.end() == before);
    }
  }
}

TEST_CASE("operations: without a tag the commit is the tag, and each is another") {
  Alone alone;
  const Reply one = alone.operate(sadd("likes", {"x"})), two = alone.operate(sadd("likes", {"x"}));
  CHECK(one.tag.actor == actor_of(alone.network.node("n1").engine->status({}).origin));
  CHECK(one.tag < two.tag);
}

TEST_CASE("operations: what a client wrote later wins over what it wrote before, whoever mints the later tag") {
  Alone alone;
  alone.operate(tagged(set("k", "before"), {time_of(alone.network, 400), kAlice}));
  alone.operate(set("k", "after"));
  CHECK(alone.network.value("n1", "k") == "after");
}

// A cell with such an entry could be written and sent, but no node would read it.
TEST_CASE("operations: a tag without an actor or a time is refused") {
  Alone alone;
  for (const Tag tag : {Tag{time_of(alone.network, 0), ActorId{}}, Tag{Timestamp{}, kAlice}}) {
    const Reply reply = alone.network.operate("n1", tagged(sadd("k", {"a"}), tag));
    CHECK(reply.outcome == Outcome::kRefused);
    CHECK(alone.network.members_of("n1", "k").empty());
  }
}

TEST_CASE("operations: when the counter of the millisecond is used up, the answer comes a little later, in order") {
  Alone alone;
  // The tag carries the clock to the last timestamp of a millisecond.
  const auto first =
      alone.network.submit("n1", tagged(set("k", "1"), {time_of(alone.network, 5, Timestamp::kCounterMax), kAlice}));
  const auto second = alone.network.submit("n1", set("k", "2"));
  CHECK_FALSE(alone.network.reply(first).has_value());
  CHECK_FALSE(alone.network.reply(second).has_value());
  REQUIRE(alone.network.run_until([&] { return alone.network.reply(first) && alone.network.reply(second); }, 100));
  CHECK(alone.network.reply(first)->outcome == Outcome::kOk);
  CHECK(alone.network.value("n1", "k") == "2");
}

TEST_CASE("operations: what comes while others wait for a free timestamp waits behind them") {
  Alone alone;
  Engine& engine = *alone.network.node("n1").engine;
  Instant now = instant_of(alone.network);
  Output out;
  engine.step(now, tagged(set("k", "1"), {time_of(alone.network, 5, Timestamp::kCounterMax), kAlice}), out);
  CHECK(out.replies.empty());
  now.monotonic_ms += 10, now.wall_ms += 10;  // By now there would be one.
  Operation second = set("k", "2");
  second.request = 2;
  engine.step(now, second, out);
  CHECK(out.replies.empty());
  engine.step(now, Tick{}, out);
  REQUIRE(out.replies.size() == 2);
  CHECK(out.replies[1].request == 2);
  CHECK(out.replies[0].tag.at < out.replies[1].tag.at);
}

// ---- Counts

TEST_CASE("operations: changed counts cells whose presence or value changed") {
  Alone alone;
  const auto changed = [&](Operation operation) { return alone.operate(std::move(operation)).changed; };
  CHECK(changed(sadd("s", {"a", "b"})) == 2);
  CHECK(changed(sadd("s", {"b", "c"})) == 1);
  CHECK(changed(srem("s", {"c", "d"})) == 1);
  CHECK(changed(srem("s", {"d"})) == 0);
  CHECK(changed(set("r", "1")) == 1);
  CHECK(changed(set("r", "2")) == 1);
  CHECK(changed(del("r")) == 1);
  CHECK(changed(del("r")) == 0);
  CHECK(changed(del("never")) == 0);
  CHECK(changed(hset("h", "f", "1")) == 1);
  CHECK(changed(hdel("h", {"f", "g"})) == 1);
  CHECK(changed(hdel("h", {"f"})) == 0);
}

TEST_CASE("operations: a member named twice in one operation is one, and of a field the last value counts") {
  Alone alone;
  CHECK(alone.operate(sadd("s", {"a", "b", "a", "a"})).changed == 2);
  CHECK(alone.operate(srem("s", {"a", "a"})).changed == 1);
  CHECK(alone.network.members_of("n1", "s") == std::vector<std::string>{"b"});
  Operation operation = hset("h", "f", "first");
  operation.fields.emplace_back("g", "other");
  operation.fields.emplace_back("f", "last");
  CHECK(alone.operate(operation).changed == 2);
  Row row;
  const CellKey cell{"t", "h", Kind::kHash, "f"};
  REQUIRE(alone.network.node("n1").store->snapshot()->get(shard_of(cell, 4), cell, row) == Snapshot::Lookup::kFound);
  CHECK(row.content.as_register().value() == "last");
}

TEST_CASE("operations: gathered in one batch, each sees what the one before it did") {
  Alone alone;
  Engine& engine = *alone.network.node("n1").engine;
  Output out;
  engine.step(instant_of(alone.network), sadd("s", {"x"}), out);
  engine.step(instant_of(alone.network), srem("s", {"x"}), out);
  engine.step(instant_of(alone.network), srem("s", {"x"}), out);
  REQUIRE(out.replies.size() == 3);
  CHECK(out.replies[0].changed == 1);
  CHECK(out.replies[1].changed == 1);
  CHECK(out.replies[2].changed == 0);
  engine.committed(instant_of(alone.network), alone.network.node("n1").store->commit(out.store), out);
  CHECK(alone.network.members_of("n1", "s").empty());
}

// ---- Replicas

TEST_CASE("operations: one replica is this node, and the answer comes at once") {
  Network network;
  begin_cluster(network, 3);
  Tap tap(network);
  tap.lose = {"push"};
  const auto reply = network.reply(network.submit("n2", set("k", "v")));
  REQUIRE(reply.has_value());
  CHECK(reply->outcome == Outcome::kOk);
  CHECK(reply->replicas == std::vector<std::string>{"n2"});
}

TEST_CASE("operations: ok names as many replicas as were asked for, all when all were") {
  Network network;
  begin_cluster(network, 3);
  Operation operation = set("k", "v");
  operation.replicas = 2;
  Reply reply = network.operate("n1", operation);
  CHECK(reply.outcome == Outcome::kOk);
  REQUIRE(reply.replicas.size() == 2);
  CHECK(reply.replicas[0] == "n1");
  operation.replicas = kAllReplicas;
  reply = network.operate("n1", operation);
  CHECK(reply.outcome == Outcome::kOk);
  std::sort(reply.replicas.begin(), reply.replicas.end());
  CHECK(reply.replicas == std::vector<std::string>{"n1", "n2", "n3"});
  for (const char* name : {"n1", "n2", "n3"}) CHECK(network.value(name, "k") == "v");
}

TEST_CASE("operations: when the time is up the answer is stored, says what is known, and it spreads all the same") {
  Network network;
  begin_cluster(network, 3);
  network.cut("n1", "n3");
  network.cut("n2", "n3");
  Operation operation = set("k", "v");
  operation.replicas = kAllReplicas;
  operation.timeout_ms = 700;
  const std::int64_t began_ms = network.now_ms();
  const Reply reply = network.operate("n1", operation);
  CHECK(network.now_ms() - began_ms == 700);
  CHECK(reply.outcome == Outcome::kStored);
  CHECK(reply.code == Refusal::kNone);
  CHECK(reply.message.find("2 of the 3") != std::string::npos);
  CHECK(reply.replicas == std::vector<std::string>{"n1", "n2"});
  network.heal();
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  CHECK(network.value("n3", "k") == "v");
}

TEST_CASE("operations: more replicas than there are members are never had") {
  Network network;
  begin_cluster(network, 2);
  Operation operation = set("k", "v");
  operation.replicas = 3;
  operation.timeout_ms = 3000;
  const Reply reply = network.operate("n1", operation);
  CHECK(reply.outcome == Outcome::kStored);
  CHECK(reply.replicas.size() == 2);
}

TEST_CASE("operations: a lost ack is made up for by a pull or a round") {
  Network network;
  begin_cluster(network, 2);
  Tap tap(network);
  tap.lose = {"ack"};
  Operation operation = set("k", "v");
  operation.replicas = 2;
  operation.timeout_ms = 30'000;
  CHECK(network.operate("n1", operation).outcome == Outcome::kOk);
  tap.lose = {"push"};
  CHECK(network.operate("n1", operation).outcome == Outcome::kOk);
}

// Goal: equal clocks vouch only for what clocks cover.
// Method: n1 has an entry from behind a gap, so no clock covers it, and n2 does not have it, nor is it audited.  Its
//         retry at n1 asks for two replicas while rounds find n1 and n2 in step.
TEST_CASE("operations: nodes in step do not vouch for an entry from behind a gap") {
  Network network;
  network.options.collect = false;  // Else who got in step pulls the row whole.
  begin_cluster(network, 3);
  Tap tap(network);
  tap.lose = {"audit"};
  Puppet puppet(network, "n3");
  network.kill("n3");
  const Timestamp at = puppet.now();
  const Tag tag{at, kAlice};
  Content content(Kind::kSet);
  (void)content.as_set_element().add(tag, {at, puppet.origin});
  PushBody push;
  push.parts.push_back({shard_of("t", "likes", 4), just_before(at), at, {}});
  push.parts[0].cells.append({"t", "likes", Kind::kSet, "x"}, content);
  network.feed("n1", puppet.says(push));
  REQUIRE(network.counter("n1", "push_gaps") == 1);
  REQUIRE(network.present("n1", "likes", "x"));
  Operation retry = tagged(sadd("likes", {"x"}), tag);
  retry.replicas = 2;
  const Reply reply = network.operate("n1", retry);
  REQUIRE_FALSE(network.present("n2", "likes", "x"));
  CHECK(reply.outcome == Outcome::kStored);
  CHECK(reply.replicas == std::vector<std::string>{"n1"});
}

// Goal: nobody is said to hold what was lost here before they had it.
// Method: the write waits for a replica that it does not reach; its row rots, nobody has it, and then clocks become equal.
TEST_CASE("operations: what waits for replicas when its shard is damaged is not confirmed by clocks") {
  Network network;
  begin_cluster(network, 2);
  Tap tap(network);
  tap.lose = {"push", "pull", "rows"};
  Operation operation = sadd("likes", {"x"});
  operation.replicas = 2;
  operation.timeout_ms = 20'000;
  const std::uint64_t request = network.submit("n1", operation);
  network.run_ms(100);
  REQUIRE(network.present("n1", "likes", "x"));
  const StoreKey row = store_key(shard_of("t", "likes", 4), {"t", "likes", Kind::kSet, "x"});
  REQUIRE(network.node("n1").store->flip_bit(Database::kCells, row, 200));
  network.input("n1", RowDamaged{row});
  REQUIRE(network.run_until([&] { return network.node("n1").engine->status({}).rows_damaged == 0; }, 10'000));
  tap.lose.clear();
  REQUIRE(network.run_until([&] { return network.reply(request).has_value(); }));
  REQUIRE(network.all_settled());
  CHECK(network.reply(request)->outcome == Outcome::kStored);
  CHECK(network.reply(request)->replicas == std::vector<std::string>{"n1"});
}

// ---- The whole node

TEST_CASE("operations: a full store refuses writes and says so") {
  Network network;
  network.add("n1");
  network.node("n1").store = std::make_unique<MemoryStore>(64 * 1024);
  network.start("n1");
  std::optional<Reply> reply;
  for (int i = 0; i < 100 && (!reply || reply->outcome == Outcome::kOk); ++i) {
    reply = network.operate("n1", set("k" + std::to_string(i), std::string(2000, 'v')));
  }
  CHECK(reply->code == Refusal::kFull);
  CHECK(reply->message.find("--map-size") != std::string::npos);
  CHECK(network.node("n1").engine->status({}).full);
  const auto usage = network.node("n1").store->usage();
  CHECK(static_cast<double>(usage.bytes_used) >= network.options.full_at * static_cast<double>(usage.bytes_max));
  CHECK(usage.bytes_used < usage.bytes_max);
}

// Goal: a burst that is gathered into one batch does not run past the end of the map, where a node has to stop.
// Method: the store is far from its mark; more writes than it has room for come before the next commit.
TEST_CASE("operations: a batch takes no more than the store has room for") {
  Network network;
  network.add("n1");
  network.node("n1").store = std::make_unique<MemoryStore>(1024 * 1024);
  network.start("n1");
  Engine& engine = *network.node("n1").engine;
  MemoryStore& store = *network.node("n1").store;
  Output out;
  const Instant now = instant_of(network);
  for (int i = 0; i < 1000; ++i) engine.step(now, set("k" + std::to_string(i), std::string(2000, 'v')), out);
  REQUIRE(out.replies.size() == 1000);
  CHECK(out.replies.front().outcome == Outcome::kOk);
  CHECK(out.replies.back().code == Refusal::kFull);
  StoreBatch batch;
  std::swap(batch, out.store);
  CHECK(batch.cells().size() > 10);
  CommitReport report;
  REQUIRE_NOTHROW(report = store.commit(batch));
  engine.committed(now, report, out);
  out.clear();
  engine.step(now, set("after", "x"), out);  // The next batch has room again.
  CHECK(out.replies.front().outcome == Outcome::kOk);
}

TEST_CASE("operations: a node that goes down takes no more, and its peers know") {
  Network network;
  begin_cluster(network, 2);
  network.input("n1", Stop{});
  const Reply reply = network.operate("n1", set("k", "v"));
  CHECK(reply.code == Refusal::kStopping);
  network.run_ms(20);
  bool known = false;
  for (const auto& member : network.node("n2").engine->status({}).members)
    known |= member.name == "n1" && member.stopping;
  CHECK(known);
}

TEST_CASE("operations: a node without a cluster takes none") {
  Network network;
  network.add("n1", "nobody");
  network.start("n1");
  CHECK(network.operate("n1", set("k", "v")).code == Refusal::kNotJoined);
}

}  // namespace
}  // namespace kith::test
