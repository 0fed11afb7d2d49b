// tests/gossip/horizon_test.cc -- floors: how far everybody holds everything; and the horizon, below which history is settled.
#include "gossip/horizon.h"

#include <doctest/doctest.h>

#include <map>
#include <random>

#include "tests/gossip/frames.h"

namespace kith::test {
namespace {

constexpr std::int64_t kWindowMs = 5000;

EngineOptions options() {
  EngineOptions out;
  out.collect = true;
  out.retry_window_ms = kWindowMs;
  return out;
}

EngineStatus status(Network& network, const std::string& name) { return network.node(name).engine->status(instant_of(network)); }

// What every message said of floor and horizon, the last of each node; and what must be true of all of them.
struct Listener {
  explicit Listener(Network& of) : network(of), tap(of) {
    tap.pass = [this](const Tap::Sent& sent) {
      const Envelope& said = sent.envelope;
      if (check) check(sent);
      CHECK(said.floor <= time_of(network, network.options.lease_ms + 1));  // A life begins at its lease.
      CHECK(said.horizon.ms() <= std::max<std::int64_t>(time_of(network, -kWindowMs).ms(), 0));
      if (said.floor) CHECK(said.horizon <= said.floor);
      // Within a life neither falls, and the horizon never does.
      auto& before = last[sent.from];
      if (before.origin == said.origin) CHECK(said.floor >= before.floor);
      CHECK(said.horizon >= before.horizon);
      before = {said.origin, said.floor, said.horizon};
      if (tap.sent.size() > 1000) tap.sent.erase(tap.sent.begin(), tap.sent.end() - 1);  // The last is being looked at.
      return !lose || !lose();
    };
  }
  std::int64_t lag_ms(const std::string& name) { return time_of(network).ms() - last[name].floor.ms(); }

  struct Said {
    OriginId origin;
    Timestamp floor, horizon;
  };
  Network& network;
  Tap tap;
  std::map<std::string, Said> last;
  std::function<void(const Tap::Sent&)> check;
  std::function<bool()> lose;
};

TEST_CASE("horizon: floors rise on an idle cluster, a few rounds behind the present (2, 3 and 7 nodes)") {
  for (const int count : {2, 3, 7}) {
    CAPTURE(count);
    Network network(options());
    begin_cluster(network, count);
    Listener listener(network);
    network.run_ms(20'000);
    for (int pass = 0; pass < 5; ++pass) {
      network.run_ms(5000);
      for (int i = 1; i <= count; ++i) CHECK(listener.lag_ms("n" + std::to_string(i)) < 10'000);
    }
  }
}

// Goal: a floor is the truth.  Whoever says "I hold all that anybody committed up to F" holds it, on its disk.
// Method: adds only, all remembered by commit; at each message that leaves, all at or below its floor are looked for.
TEST_CASE("horizon: on a busy cluster floors rise, and are true whatever is lost (3 nodes, none and a fifth of the messages lost)") {
  for (const std::uint64_t lost_of_ten : {0u, 2u}) {
    CAPTURE(lost_of_ten);
    Network network(options());
    begin_cluster(network, 3);
    std::mt19937_64 random(lost_of_ten + 1);
    Listener listener(network);
    if (lost_of_ten > 0) listener.lose = [&] { return random() % 10 < lost_of_ten; };
    std::multimap<Timestamp, std::pair<std::string, std::string>> written;
    std::map<std::string, Timestamp> looked_up_to;
    std::size_t looked_for = 0;
    listener.check = [&](const Tap::Sent& sent) {
      const Timestamp floor = sent.envelope.floor;
      Timestamp& from = looked_up_to[sent.from];
      for (auto at = written.upper_bound(from); at != written.end() && at->first <= floor; ++at, ++looked_for) {
        REQUIRE(network.present(sent.from, at->second.first, at->second.second));
      }
      from = std::max(from, floor);
    };
    for (int i = 0; i < 600; ++i) {
      const std::string name = "n" + std::to_string(1 + random() % 3), key = "key" + std::to_string(random() % 9);
      const Reply reply = network.operate(name, sadd(key, {"m" + std::to_string(i)}));
      REQUIRE(reply.outcome == Outcome::kOk);
      written.emplace(reply.tag.at, std::pair(key, "m" + std::to_string(i)));
      network.run_ms(50);
    }
    CHECK(looked_for > 1000);
    for (const char* name : {"n1", "n2", "n3"}) CHECK(listener.lag_ms(name) < 15'000);
  }
}

TEST_CASE("horizon: a restart closes the former life and retires it, and it leaves every clock") {
  Network network(options());
  begin_cluster(network, 3);
  for (int i = 0; i < 8; ++i) network.operate("n2", sadd(key_in(static_cast<ShardId>(i % 4)), {"x" + std::to_string(i)}));
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  const OriginId former = status(network, "n2").origin;
  REQUIRE(held(network, "n1", 2, former));
  Listener listener(network);
  network.kill("n2");
  network.run_ms(3000);
  network.start("n2");
  const auto gone_from = [&](const std::string& name) {
    for (const ShardId shard : network.node(name).store->snapshot()->shards()) {
      if (held(network, name, shard, former)) return false;
    }
    return true;
  };
  REQUIRE(network.run_until([&] { return gone_from("n1") && gone_from("n2") && gone_from("n3"); }));
  CHECK(network.counter("n2", "lives_closed") == 1);
  CHECK(network.counter("n2", "lives_retired") == 1);
  for (const char* other : {"n1", "n3"}) {
    CHECK(network.counter(other, "lives_closed") == 0);
    for (const auto& member : status(network, other).members) CHECK(member.lives == 1);
  }
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  // What it wrote is there, and the cluster goes on.
  for (int i = 0; i < 8; ++i) CHECK(network.present("n3", key_in(static_cast<ShardId>(i % 4)), "x" + std::to_string(i)));
  CHECK(network.operate("n2", sadd("likes", {"later"})).outcome == Outcome::kOk);
  REQUIRE(network.run_until([&] { return network.present("n1", "likes", "later") && network.all_settled(); }));
  network.run_ms(10'000);
  for (const char* name : {"n1", "n2", "n3"}) CHECK(listener.lag_ms(name) < 10'000);
}

// Goal: what retired lives wrote is in no clock, so that nothing differs about it, and whoever joins gets it all the same.
TEST_CASE("horizon: who joins gets shards of which nothing is left in clocks") {
  Network network(options());
  begin_cluster(network, 2);
  for (ShardId shard = 0; shard < 4; ++shard) network.operate("n2", sadd(key_in(shard), {"x"}));
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  network.kill("n2");
  network.start("n2");
  REQUIRE(network.run_until([&] { return network.counter("n2", "lives_retired") == 1 && held(network, "n1", 2).empty(); }));
  network.add("n3", "n1");
  network.start("n3");
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  for (ShardId shard = 0; shard < 4; ++shard) CHECK(network.present("n3", key_in(shard), "x"));
  CHECK(network.counter("n3", "rows_repaired") == 0);
}

TEST_CASE("horizon: a former life is not closed before its node has got in step with every other member") {
  Network network(options());
  begin_cluster(network, 3);
  network.kill("n2");
  network.cut("n2", "n3");
  network.start("n2");
  network.run_ms(30'000);
  CHECK(network.counter("n2", "lives_closed") == 0);
  network.heal();
  REQUIRE(network.run_until([&] { return network.counter("n2", "lives_retired") == 1; }));
}

TEST_CASE("horizon: ten restarts of each node leave one life of each") {
  Network network(options());
  begin_cluster(network, 3);
  Listener listener(network);
  for (int i = 0; i < 30; ++i) {
    const std::string name = "n" + std::to_string(1 + i % 3);
    network.kill(name);
    network.start(name);
    network.operate(name, sadd("likes", {"x" + std::to_string(i)}));
    network.run_ms(700);
  }
  REQUIRE(network.run_until([&] {
    for (const char* name : {"n1", "n2", "n3"}) {
      for (const auto& member : status(network, name).members) {
        if (member.lives != 1) return false;
      }
      for (ShardId shard = 0; shard < 4; ++shard) {
        if (held(network, name, shard).size() > 3) return false;
      }
    }
    return network.all_settled();
  }));
  CHECK(network.members_of("n1", "likes").size() == 30);
}

TEST_CASE("horizon: it comes back from a kill where it was, and the floor above it") {
  Network network(options());
  begin_cluster(network, 2);
  Listener listener(network);
  for (int i = 0; i < 20; ++i) {
    network.operate("n1", sadd("likes", {"tea"}));
    network.operate("n2", srem("likes", {"tea"}));
    network.run_ms(1000);
    if (i % 5 != 4) continue;
    network.kill("n1");
    network.start("n1");
  }
  REQUIRE(network.run_until([&] { return listener.last["n1"].horizon && listener.last["n2"].horizon; }));
  CHECK(network.counter("n1", "rebases_needed") == 0);
  CHECK(network.counter("n2", "rebases_needed") == 0);
  const auto before = listener.last;
  for (const char* name : {"n1", "n2"}) network.kill(name);
  for (const char* name : {"n1", "n2"}) network.start(name);
  for (const char* name : {"n1", "n2"}) {
    network.run_ms(100);
    CHECK(listener.last[name].horizon >= before.at(name).horizon);
    CHECK(listener.last[name].floor >= listener.last[name].horizon);
  }
  network.run_ms(10'000);
  CHECK(network.counter("n1", "rebases_needed") == 0);
}

// RULE. The horizon is T less the retry window, T the least floor that all members have reported in their present lives.
TEST_CASE("horizon: one silent member holds it, and when it is back it goes on") {
  Network network(options());
  begin_cluster(network, 3);
  Listener listener(network);
  network.operate("n1", sadd("likes", {"tea"}));
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  network.cut("n3", "n1");
  network.cut("n3", "n2");
  const Timestamp cut = time_of(network);
  network.operate("n1", srem("likes", {"tea"}));
  network.run_ms(60'000);
  const auto remembers = [&](const std::string& name) {
    Row row;
    const CellKey cell{"t", "likes", Kind::kSet, "tea"};
    return network.node(name).store->snapshot()->get(shard_of(cell, 4), cell, row) == Snapshot::Lookup::kFound &&
           !row.content.as_set_element().removed().empty();
  };
  for (const char* name : {"n1", "n2"}) {
    CHECK(remembers(name));
    CHECK(listener.last[name].horizon <= cut);
    CHECK(network.counter(name, "rows_collected") == 0);
  }
  network.heal();
  REQUIRE(network.run_until([&] { return !remembers("n1") && !remembers("n2") && !remembers("n3"); }));
  for (const char* name : {"n1", "n2", "n3"}) {
    CHECK_FALSE(network.present(name, "likes", "tea"));
    CHECK(network.counter(name, "rebases_needed") == 0);
  }
}

// A member of whom nobody has heard yet how much it holds.
TEST_CASE("horizon: a member that has not reported in its present life holds it, whatever the others have reported") {
  Network network(options());
  begin_cluster(network, 2);
  Puppet puppet(network, "n2");
  network.operate("n1", sadd("likes", {"tea"}));
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  network.operate("n1", srem("likes", {"tea"}));
  network.run_ms(kWindowMs - 300);
  Envelope envelope = puppet.envelope(AckBody{1});
  const OriginId origin{0xbeef};
  const Timestamp start = time_of(network);
  Content record(Kind::kHash);
  (void)record.as_register().set(encode(MemberRecord{"n9", "n9:1", "n9:2", {{origin, start}}}), {start, actor_of(origin)}, {start, origin});
  envelope.members.append(member_cell(NodeId{0x99}), record);
  network.feed("n1", encode(envelope));
  REQUIRE(status(network, "n1").members.size() == 3);
  network.run_ms(60'000);
  REQUIRE(status(network, "n2").members.size() == 3);
  const CellKey cell{"t", "likes", Kind::kSet, "tea"};
  for (const char* name : {"n1", "n2"}) {
    Row row;
    REQUIRE(network.node(name).store->snapshot()->get(shard_of(cell, 4), cell, row) == Snapshot::Lookup::kFound);
    CHECK_FALSE(row.content.as_set_element().removed().empty());
    CHECK(network.counter(name, "rows_collected") == 0);
  }
}

TEST_CASE("horizon: status has what each member has confirmed, and names the one whose silence holds the floor") {
  Network network(options());
  begin_cluster(network, 3);
  const auto floor_of = [&](const std::string& member) {
    for (const MemberStatus& it : status(network, "n1").members) {
      if (it.name == member) return it.floor;
    }
    return Timestamp{};
  };
  REQUIRE(network.run_until([&] { return floor_of("n1") && floor_of("n2") && floor_of("n3"); }));
  network.kill("n3");
  network.run_ms(20'000);
  const EngineStatus after = status(network, "n1");
  CHECK(after.garbage.floor_held_by == "n3");
  CHECK_FALSE(after.garbage.floor_held_by_former_life);
  CHECK(after.garbage.floor == floor_of("n1"));
  CHECK(time_of(network).ms() - floor_of("n3").ms() >= 20'000);
  CHECK(floor_of("n3") <= after.garbage.held_at);
  for (const MemberStatus& it : after.members) {
    if (it.name == "n3") CHECK(it.floor_held_ms >= 19'000);
    if (it.self) CHECK(it.floor_held_ms == 0);
  }
  // Back in another life, it is the former one that waits to be closed, and then nothing.
  network.cut("n3", "n2");
  network.start("n3");
  REQUIRE(network.run_until([&] { return status(network, "n1").garbage.floor_held_by_former_life; }));
  CHECK(status(network, "n1").garbage.floor_held_by == "n3");
  network.heal();
  REQUIRE(network.run_until([&] { return time_of(network).ms() - floor_of("n1").ms() < 5000; }));
}

TEST_CASE("horizon: whose life it was is remembered of one that is retired, also when its row is collected") {
  Network network(options());
  begin_cluster(network, 2);
  const EngineStatus before = status(network, "n2");
  network.kill("n2");
  network.start("n2");
  const auto gone = [&](const std::string& name) {
    Row row;
    return network.node(name).store->snapshot()->get(kSystemShard, life_cell(before.node, before.origin), row) == Snapshot::Lookup::kMissing;
  };
  REQUIRE(network.run_until([&] { return gone("n1") && gone("n2"); }, 120'000));
  for (const char* name : {"n1", "n2"}) {
    CHECK(meta::decode_number(network.node(name).store->snapshot()->meta(meta::former_life(before.origin))) == before.node.value);
    CHECK_FALSE(network.node(name).store->snapshot()->meta(meta::former_life(status(network, "n2").origin)).has_value());
  }
}

}  // namespace
}  // namespace kith::test
