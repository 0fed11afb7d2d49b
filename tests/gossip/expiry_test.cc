// tests/gossip/expiry_test.cc -- values that expire: written, told to, kept; passed, and collected, everywhere alike.
#include "gossip/expiry.h"

#include <doctest/doctest.h>

#include "crdt/limits.h"
#include "gossip/collector.h"
#include "tests/gossip/frames.h"

namespace kith::test {
namespace {

constexpr std::int64_t kWindowMs = 5000;

EngineOptions options(bool collect = true) {
  EngineOptions out;
  out.collect = collect;
  out.retry_window_ms = kWindowMs;
  return out;
}

Operation lasting(Operation operation, std::int64_t ttl_ms) {
  operation.ttl_ms = ttl_ms;
  return operation;
}

Operation expire(const std::string& key, std::int64_t ttl_ms, std::vector<std::string> fields = {}) {
  Operation out = lasting(del(key), ttl_ms);
  out.verb = Verb::kExpire;
  out.members = std::move(fields);
  return out;
}

Operation persist(const std::string& key, std::vector<std::string> fields = {}) {
  Operation out = expire(key, 0, std::move(fields));
  out.verb = Verb::kPersist;
  return out;
}

std::int64_t time_ms(Network& network, const std::string& name) {
  const Network::Node& node = network.node(name);
  return node.engine->time({network.now_ms(), 1'700'000'000'000 + network.now_ms() + node.clock_offset_ms}).ms();
}

std::optional<Register> stored(Network& network, const std::string& name, const std::string& key, Kind kind = Kind::kRegister,
                               const std::string& field = "") {
  Row row;
  const auto found = network.node(name).store->snapshot()->get(shard_of("t", key, 4), {"t", key, kind, field}, row);
  if (found != Snapshot::Lookup::kFound) return std::nullopt;
  return row.content.as_register();
}

bool shows(Network& network, const std::string& name, const std::string& key) {
  const auto state = stored(network, name, key);
  return state && state->shows_at(time_ms(network, name));
}

std::uint64_t counted(Network& network, const std::string& name, const std::string& key, Kind kind = Kind::kRegister) {
  return network.node(name).store->snapshot()->count("t", key, kind);
}

TEST_CASE("expiry: a write says when, counted from its tag, and all nodes hold the same millisecond") {
  Network network(options());
  begin_cluster(network, 3);
  const Reply reply = network.operate("n1", lasting(set("door", "open"), 2000));
  REQUIRE(reply.outcome == Outcome::kOk);
  CHECK(reply.changed == 1);
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  for (const char* name : {"n1", "n2", "n3"}) {
    REQUIRE(stored(network, name, "door"));
    CHECK(stored(network, name, "door")->expires_at_ms() == reply.tag.at.ms() + 2000);
    CHECK(shows(network, name, "door"));
  }
  network.run_ms(2100);
  for (const char* name : {"n1", "n2", "n3"}) CHECK_FALSE(shows(network, name, "door"));
  CHECK(network.operate("n2", set("door", "shut")).outcome == Outcome::kOk);
  CHECK(stored(network, "n2", "door")->expires_at_ms() == 0);  // A write without takes it along.
}

TEST_CASE("expiry: a retry writes the same expiry, however late and at whatever node, and changes nothing where it is known") {
  Network network(options());
  begin_cluster(network, 2);
  network.run_ms(1000);
  const Tag tag{Timestamp::at_ms(time_ms(network, "n1")), ActorId{77}};
  network.cut("n1", "n2");
  REQUIRE(network.operate("n1", tagged(lasting(set("door", "open"), 4000), tag)).changed == 1);
  network.run_ms(1500);
  REQUIRE(network.operate("n2", tagged(lasting(set("door", "open"), 4000), tag)).changed == 1);
  for (const char* name : {"n1", "n2"}) CHECK(stored(network, name, "door")->expires_at_ms() == tag.at.ms() + 4000);
  network.heal();
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  CHECK(stored(network, "n1", "door") == stored(network, "n2", "door"));
  const Reply again = network.operate("n1", tagged(lasting(set("door", "open"), 4000), tag));
  CHECK(again.outcome == Outcome::kOk);
  CHECK(again.changed == 0);
}

TEST_CASE("expiry: expire and persist write the present value again, of registers and of fields") {
  Network network(options());
  begin_cluster(network, 2);
  network.operate("n1", set("door", "open"));
  network.operate("n1", hset("lamps", "hall", "on"));
  network.operate("n1", hset("lamps", "attic", "on"));
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  Reply reply = network.operate("n2", expire("door", 60'000));
  CHECK(reply.changed == 1);
  CHECK(stored(network, "n2", "door")->expires_at_ms() == reply.tag.at.ms() + 60'000);
  CHECK(stored(network, "n2", "door")->value() == "open");
  reply = network.operate("n2", expire("lamps", 60'000, {"hall", "attic"}));
  CHECK(reply.changed == 2);
  CHECK(stored(network, "n2", "lamps", Kind::kHash, "hall")->expires_at_ms() == reply.tag.at.ms() + 60'000);
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  CHECK(network.operate("n1", persist("lamps", {"attic"})).changed == 1);
  CHECK(network.operate("n2", persist("door")).changed == 1);
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  for (const char* name : {"n1", "n2"}) {
    CHECK(stored(network, name, "door")->expires_at_ms() == 0);
    CHECK(stored(network, name, "lamps", Kind::kHash, "attic")->expires_at_ms() == 0);
    CHECK(stored(network, name, "lamps", Kind::kHash, "hall")->expires_at_ms() == reply.tag.at.ms() + 60'000);
  }
}

TEST_CASE("expiry: a retried expire changes nothing and is answered alike, also when the value has expired by it") {
  Network network(options());
  begin_cluster(network, 1);
  network.operate("n1", set("door", "open"));
  network.run_ms(100);
  const Tag tag{Timestamp::at_ms(time_ms(network, "n1")), ActorId{77}};
  const Reply first = network.operate("n1", tagged(expire("door", 500), tag));
  REQUIRE(first.outcome == Outcome::kOk);
  CHECK(first.changed == 1);
  const auto written = stored(network, "n1", "door");
  for (int i = 0; i < 2; ++i) {
    const Reply again = network.operate("n1", tagged(expire("door", 500), tag));
    CHECK(again.outcome == Outcome::kOk);
    CHECK(again.tag == tag);
    CHECK(again.changed == 0);
    CHECK(stored(network, "n1", "door") == written);
    network.run_ms(1000);
  }
}

TEST_CASE("expiry: of two at once the greater tag wins everywhere") {
  Network network(options());
  begin_cluster(network, 2);
  network.operate("n1", set("door", "open"));
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  network.cut("n1", "n2");
  const Timestamp at = Timestamp::at_ms(time_ms(network, "n1"));
  REQUIRE(network.operate("n1", tagged(expire("door", 60'000), {at, ActorId{77}})).changed == 1);
  REQUIRE(network.operate("n2", tagged(persist("door"), {at, ActorId{78}})).changed == 1);
  network.heal();
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  for (const char* name : {"n1", "n2"}) CHECK(stored(network, name, "door")->expires_at_ms() == 0);
}

TEST_CASE("expiry: where there is no value, or none any more, expire and persist are refused and change nothing") {
  Network network(options());
  begin_cluster(network, 1);
  network.operate("n1", lasting(set("door", "open"), 500));
  network.operate("n1", hset("lamps", "hall", "on"));
  network.operate("n1", set("gone", "x"));
  network.operate("n1", del("gone"));
  network.run_ms(600);
  const std::uint64_t root = network.root("n1");
  for (const Operation& operation : {expire("none", 1000), persist("none"), expire("door", 1000), persist("door"), expire("gone", 1000),
                                     expire("lamps", 1000, {"hall", "attic"})}) {
    const Reply reply = network.operate("n1", operation);
    CHECK(reply.outcome == Outcome::kRefused);
    CHECK(reply.code == Refusal::kNoValue);
    CHECK(reply.message.starts_with("no such value"));
    CHECK(reply.message.ends_with("nothing changed"));
  }
  CHECK(stored(network, "n1", "lamps", Kind::kHash, "hall")->expires_at_ms() == 0);
  network.run_ms(2000);
  CHECK(network.root("n1") != root);  // The door is passed by now.
  CHECK(network.operate("n1", set("door", "open")).changed == 1);
}

TEST_CASE("expiry: durations that are none, and kinds that do not expire, are refused with the limit named") {
  Network network(options());
  begin_cluster(network, 1);
  Operation increment = lasting(del("visits"), 1000);
  increment.verb = Verb::kIncrement;
  increment.amount = 1;
  for (const Operation& operation :
       {lasting(set("a", "x"), -1), lasting(set("a", "x"), kTtlMsMax + 1), lasting(set("a", "x"), INT64_MAX), lasting(set("a", "x"), INT64_MIN),
        expire("a", 0), lasting(sadd("s", {"x"}), 1000), lasting(srem("s", {"x"}), 1000), lasting(del("a"), 1000), increment}) {
    const Reply reply = network.operate("n1", operation);
    CAPTURE(reply.message);
    CHECK(reply.outcome == Outcome::kRefused);
    CHECK(reply.code == Refusal::kLimit);
  }
  CHECK(network.operate("n1", lasting(set("a", "x"), kTtlMsMax)).outcome == Outcome::kOk);
  CHECK(network.operate("n1", lasting(set("a", "x"), 1)).outcome == Outcome::kOk);
}

// Goal: counts and fingerprints stop counting what expired, at all nodes, without a message, a scan or an audit.
TEST_CASE("expiry: what expired is passed at the next full second, at every node alike (300 fields of 400)") {
  Network network(options(false));
  begin_cluster(network, 3);
  for (int i = 0; i < 400; ++i) {
    network.operate("n1", lasting(hset("lamps", "f" + std::to_string(i), "on"), i < 100 ? 0 : 3000));
  }
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  REQUIRE(counted(network, "n2", "lamps", Kind::kHash) == 400);
  const std::int64_t last_ms = stored(network, "n1", "lamps", Kind::kHash, "f399")->expires_at_ms();
  REQUIRE(network.run_until([&] { return time_ms(network, "n1") >= last_ms; }));
  network.run_ms(Expiry::kGrainMs + 100);
  for (const char* name : {"n1", "n2", "n3"}) {
    CHECK(counted(network, name, "lamps", Kind::kHash) == 100);
    CHECK(network.node(name).store->verify().empty());
    CHECK(network.root(name) == network.root("n1"));
  }
  network.run_ms(10'000);
  CHECK(network.all_settled());
  for (const char* name : {"n1", "n2", "n3"}) {
    CHECK(network.counter(name, "audits_begun") == 0);
    CHECK(network.counter(name, "expiry_steps") <= 400 / Expiry::kPassedPerStep + 4);
    CHECK(stored(network, name, "lamps", Kind::kHash, "f399"));  // Where nothing is collected the rows stay.
  }
}

TEST_CASE("expiry: a node that was down when it happened passes it when it is back") {
  Network network(options(false));
  begin_cluster(network, 2);
  network.operate("n1", lasting(set("door", "open"), 2000));
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  network.kill("n2");
  network.run_ms(4000);
  REQUIRE(counted(network, "n1", "door") == 0);
  REQUIRE(counted(network, "n2", "door") == 1);
  network.start("n2");
  REQUIRE(network.run_until([&] { return counted(network, "n2", "door") == 0; }, 5000));
  CHECK(network.run_until([&] { return network.all_settled(); }));
}

TEST_CASE("expiry: a clock that was a year ahead, and is set right, counts again what is not over") {
  Network network(options(false));
  begin_cluster(network, 2);
  network.operate("n1", lasting(set("door", "open"), 3'600'000));
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  network.kill("n2");
  network.node("n2").clock_offset_ms = 365LL * 24 * 3600 * 1000;
  StoreBatch batch;
  batch.pass_expired(1'700'000'000'000 + network.node("n2").clock_offset_ms, 100);
  network.node("n2").store->commit(batch);
  REQUIRE(counted(network, "n2", "door") == 0);
  network.node("n2").clock_offset_ms = 0;
  network.start("n2");
  CHECK(network.run_until([&] { return counted(network, "n2", "door") == 1; }, 5000));
  CHECK(network.run_until([&] { return network.all_settled(); }));
}

TEST_CASE("expiry: an expired value goes from all stores when the horizon has passed it, and comes back from none") {
  Network network(options());
  begin_cluster(network, 3);
  network.operate("n1", lasting(set("door", "open"), 2000));
  network.operate("n1", lasting(set("far", "away"), 3'600'000));
  network.operate("n1", set("keep", "this"));
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  const std::int64_t over_ms = stored(network, "n1", "door")->expires_at_ms();
  const auto held = [&] {
    std::size_t out = 0;
    for (const char* name : {"n1", "n2", "n3"}) {
      if (!stored(network, name, "door")) continue;
      ++out;
      CHECK(network.node(name).engine->garbage({network.now_ms(), 1'700'000'000'000 + network.now_ms()}).horizon.ms() < over_ms + 20'000);
    }
    return out;
  };
  while (time_ms(network, "n1") < over_ms + kWindowMs - 100) {  // The horizon is a window behind.
    REQUIRE(held() == 3);
    network.run_ms(100);
  }
  REQUIRE(network.run_until([&] { return held() == 0; }));
  network.run_ms(20'000);
  CHECK(held() == 0);
  CHECK(network.all_settled());
  for (const char* name : {"n1", "n2", "n3"}) {
    CHECK(shows(network, name, "far"));
    CHECK(shows(network, name, "keep"));
    CHECK(network.counter(name, "rows_expired") == 1);
    CHECK(network.counter(name, "audits_begun") == 0);
    CHECK(network.node(name).store->verify().empty());
  }
}

// Goal: a far expiry holds nothing up, and each step is bounded.
TEST_CASE("expiry: what is far stands before nothing, and so many go in a step at most (600 values)") {
  constexpr int kMany = 600;
  Network network(options());
  begin_cluster(network, 2);
  network.operate("n1", lasting(set("far", "away"), 3'600'000));
  network.operate("n1", sadd("likes", {"tea"}));
  network.operate("n1", srem("likes", {"tea"}));
  for (int i = 0; i < kMany; ++i) network.operate("n1", lasting(set("k" + std::to_string(i), "x"), 1000));
  std::uint64_t before = 0;
  for (int i = 0; i < 3000 && network.counter("n1", "rows_expired") < kMany; ++i) {
    network.run_ms(Collector::kPauseMs / 2);
    const std::uint64_t now = network.counter("n1", "rows_expired");
    REQUIRE(now - before <= Collector::kExpiredPerStep);
    before = now;
  }
  CHECK(before == kMany);
  network.run_ms(3000);
  CHECK(network.counter("n1", "rows_collected") >= 1);
  CHECK(network.members_of("n1", "likes").empty());
  CHECK(shows(network, "n1", "far"));
}

// Goal: neither does a stale node bring back what the others collected, nor does an older value come up from under it.
TEST_CASE("expiry: a node that was away while a value expired and was collected comes back to nothing of it") {
  Network network(options());
  begin_cluster(network, 3);
  network.operate("n1", set("door", "old"));
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  network.kill("n3");
  network.operate("n1", lasting(set("door", "open"), 1000));
  REQUIRE(network.run_until([&] { return stored(network, "n2", "door")->value() == "open"; }));
  network.run_ms(30'000);
  REQUIRE(stored(network, "n1", "door"));  // A member that is away holds the horizon.
  network.start("n3");
  REQUIRE(network.run_until([&] { return !stored(network, "n1", "door") && !stored(network, "n2", "door") && !stored(network, "n3", "door"); }));
  network.run_ms(20'000);
  for (const char* name : {"n1", "n2", "n3"}) CHECK_FALSE(stored(network, name, "door"));
  CHECK(network.all_settled());
}

}  // namespace
}  // namespace kith::test
