// tests/gossip/collector_test.cc -- removal records below the horizon go, everywhere, and a few at a time.
#include "gossip/collector.h"

#include <doctest/doctest.h>

#include <algorithm>
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

// Rows of data that have something to collect.
std::size_t collectable(Network& network, const std::string& name) {
  std::size_t out = 0;
  const auto snapshot = network.node(name).store->snapshot();
  for (const ShardId shard : snapshot->shards()) {
    if (shard == kSystemShard) continue;
    snapshot->scan(shard_prefix(shard), {}, [&](const StoreKey&, const Row* row) {
      REQUIRE(row != nullptr);
      out += row->content.collectable() ? 1 : 0;
      return true;
    });
  }
  return out;
}

TEST_CASE("collector: removals and deletions go at all nodes after the retry window, and not before") {
  Network network(options());
  begin_cluster(network, 3);
  network.operate("n1", sadd("likes", {"tea", "rum"}));
  network.operate("n1", set("color", "red"));
  network.operate("n1", hset("hash", "field", "value"));
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  network.operate("n2", srem("likes", {"tea"}));
  network.operate("n3", del("color"));
  network.run_ms(kWindowMs - 500);
  REQUIRE(network.all_settled());
  for (const char* name : {"n1", "n2", "n3"}) CHECK(collectable(network, name) == 2);
  const std::uint64_t root = network.root("n1");
  REQUIRE(network.run_until([&] {
    return collectable(network, "n1") + collectable(network, "n2") + collectable(network, "n3") == 0;
  }));
  for (const char* name : {"n1", "n2", "n3"}) {
    CHECK(network.root(name) == root);
    CHECK(network.counter(name, "rows_collected") >= 2);
    CHECK(network.members_of(name, "likes") == std::vector<std::string>{"rum"});
    CHECK_FALSE(network.value(name, "color").has_value());
    CHECK(network.node(name).store->verify().empty());
  }
  network.run_ms(20'000);
  CHECK(network.all_settled());
  for (const char* name : {"n1", "n2", "n3"}) CHECK(network.counter(name, "audits_begun") == 0);
}

TEST_CASE("collector: an element that is there again keeps its add and loses its removal, and stays in its place") {
  Network network(options());
  begin_cluster(network, 2);
  network.operate("n1", sadd("likes", {"tea"}));
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  network.operate("n2", srem("likes", {"tea"}));
  network.operate("n2", sadd("likes", {"tea"}));
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  const ShardId shard = shard_of("t", "likes", 4);
  const Lsn end = network.node("n1").store->snapshot()->feed_end(shard);
  REQUIRE(collectable(network, "n1") == 1);
  REQUIRE(network.run_until([&] { return collectable(network, "n1") + collectable(network, "n2") == 0; }));
  CHECK(network.counter("n1", "rows_collected_in_part") == 1);
  CHECK(network.node("n1").store->snapshot()->feed_end(shard) == end);
  CHECK(network.members_of("n1", "likes") == std::vector<std::string>{"tea"});
  CHECK(network.members_of("n2", "likes") == std::vector<std::string>{"tea"});
}

// Goal: what waits goes within a gossip interval, as long as a step may take that many.
TEST_CASE("collector: more rows go in a step when more wait, and four times as many at most (30,000 removals)") {
  constexpr std::size_t kMany = 30'000, kAtOnce = 2000;
  Network network(options());
  begin_cluster(network, 1);
  for (std::size_t i = 0; i < kMany; i += kAtOnce) {
    std::vector<std::string> members;
    for (std::size_t j = i; j < i + kAtOnce; ++j) members.push_back("m" + std::to_string(j));
    REQUIRE(network.operate("n1", sadd("likes", members)).outcome == Outcome::kOk);
    REQUIRE(network.operate("n1", srem("likes", members)).outcome == Outcome::kOk);
  }
  REQUIRE(collectable(network, "n1") == kMany);
  std::uint64_t before = 0;
  std::size_t most = 0;
  REQUIRE(network.run_until([&] {
    const auto now = network.counter("n1", "rows_collected");
    most = std::max<std::size_t>(most, now - std::exchange(before, now));
    return collectable(network, "n1") == 0;
  }));
  CHECK(before == kMany);
  CHECK(most == Collector::kRowsGrowth * EngineOptions().collect_rows_per_step);
}

// Goal: work per step is bounded, however much there is, and all of it gets done.
TEST_CASE("collector: at most collect_rows_per_step rows go in a step (2,000 removals)") {
  constexpr std::size_t kMany = 2000;
  Network network(options());
  begin_cluster(network, 2);
  std::vector<std::string> members;
  for (std::size_t i = 0; i < kMany; ++i) members.push_back("m" + std::to_string(i));
  REQUIRE(network.operate("n1", sadd("likes", members)).outcome == Outcome::kOk);
  network.operate("n1", sadd("likes", {"stays"}));
  REQUIRE(network.operate("n1", srem("likes", members)).outcome == Outcome::kOk);
  std::map<std::string, std::uint64_t> before;
  std::map<std::string, std::size_t> steps;
  std::size_t most = 0;
  REQUIRE(network.run_until([&] {
    for (const char* name : {"n1", "n2"}) {
      const auto now = network.counter(name, "rows_collected");
      const std::size_t rows = now - std::exchange(before[name], now);
      most = std::max(most, rows);
      steps[name] += rows > 0 ? 1 : 0;
    }
    return collectable(network, "n1") + collectable(network, "n2") == 0;
  }));
  CHECK(most == EngineOptions().collect_rows_per_step);
  for (const char* name : {"n1", "n2"}) {
    CHECK(steps[name] >= kMany / EngineOptions().collect_rows_per_step);
    CHECK(network.members_of(name, "likes") == std::vector<std::string>{"stays"});
    CHECK(network.node(name).store->verify().empty());
  }
}

// Goal: nothing to collect costs nothing: no shard is looked at, however many there are, and no entry.
TEST_CASE("collector: a node at rest looks at no shard and reads no entry (2,000 rows, 4,096 shards)") {
  Network network(options());
  network.add("n1").setup.shard_count = kShardsMax;
  network.start("n1");
  std::vector<std::string> members;
  for (int i = 0; i < 2000; ++i) members.push_back("m" + std::to_string(i));
  REQUIRE(network.operate("n1", sadd("likes", members)).outcome == Outcome::kOk);
  REQUIRE(network.operate("n1", srem("likes", {"m1", "m2"})).outcome == Outcome::kOk);
  REQUIRE(network.run_until([&] { return collectable(network, "n1") == 0; }));
  network.run_ms(5000);
  const std::uint64_t shards = network.counter("n1", "collector_shards"), entries = network.counter("n1", "collector_entries");
  CHECK(shards > kShardsMax);
  network.run_ms(60'000);
  CHECK(network.counter("n1", "collector_shards") == shards);
  CHECK(network.counter("n1", "collector_entries") == entries);
  network.operate("n1", srem("likes", {"m3"}));
  CHECK(network.run_until([&] { return collectable(network, "n1") == 0; }));
}

// Goal: the work of one step is bounded in shards, too.
// Method: between two looks at the counters there is at most one step, since steps are kPauseMs apart.
TEST_CASE("collector: at most kShardsPerStep shards are looked at in a step (4,096 shards)") {
  Network network(options());
  network.add("n1").setup.shard_count = kShardsMax;
  network.start("n1");
  network.operate("n1", sadd("likes", {"tea"}));
  std::uint64_t before = 0, most = 0;
  REQUIRE(network.run_until([&] {
    const auto now = network.counter("n1", "collector_shards");
    most = std::max(most, now - std::exchange(before, now));
    return now > kShardsMax;
  }));
  CHECK(most == Collector::kShardsPerStep);
}

// Goal: what cannot be done at once keeps nothing else waiting.
TEST_CASE("collector: a counter with many increments keeps no removal waiting (30,000 increments)") {
  constexpr std::uint64_t kMany = 30'000;
  Network network(options());
  begin_cluster(network, 1);
  const std::string busy = key_in(0), other = key_in(1);
  Operation increment;
  increment.verb = Verb::kIncrement;
  increment.table = "t";
  increment.key = busy;
  increment.amount = 1;
  for (std::uint64_t i = 0; i < kMany; ++i) {
    const std::uint64_t request = network.submit("n1", increment);
    if (i % 1000 == 999) network.run_ms(1);
    REQUIRE(request != 0);
  }
  REQUIRE(network.operate("n1", sadd(other, {"tea"})).outcome == Outcome::kOk);
  REQUIRE(network.operate("n1", srem(other, {"tea"})).outcome == Outcome::kOk);
  REQUIRE(network.run_until([&] { return network.counter("n1", "rows_collected") > 0; }));
  CHECK(network.counter("n1", "increments_folded") < kMany);
  CHECK(network.run_until([&] { return network.counter("n1", "increments_folded") == kMany; }));
}

// Goal: rows that lie together in the store go together, whatever the order in which they were removed.
TEST_CASE("collector: what is settled goes in the order of the store (1,000 removals)") {
  constexpr std::size_t kMany = 1000;
  Network network(options());
  begin_cluster(network, 1);
  std::vector<std::string> members;
  for (std::size_t i = 0; i < kMany; ++i) members.push_back("m" + std::to_string(1000 + i));
  REQUIRE(network.operate("n1", sadd("likes", members)).outcome == Outcome::kOk);
  std::mt19937_64 random(1);
  std::vector<std::string> shuffled = members;
  std::shuffle(shuffled.begin(), shuffled.end(), random);
  for (const std::string& member : shuffled) network.operate("n1", srem("likes", {member}));
  REQUIRE(network.run_until([&] { return network.counter("n1", "rows_collected") > 0; }));
  std::vector<std::string> left;
  network.node("n1").store->snapshot()->scan(shard_prefix(shard_of("t", "likes", 4)), {}, [&](const StoreKey&, const Row* row) {
    left.push_back(row->cell.member);
    return true;
  });
  CHECK(left == std::vector<std::string>(members.end() - static_cast<std::ptrdiff_t>(left.size()), members.end()));
  CHECK(left.size() == kMany - EngineOptions().collect_rows_per_step);
}

TEST_CASE("collector: a cluster of one collects, too") {
  Network network(options());
  begin_cluster(network, 1);
  network.operate("n1", sadd("likes", {"tea", "rum"}));
  network.operate("n1", srem("likes", {"tea"}));
  CHECK(network.run_until([&] { return collectable(network, "n1") == 0; }));
  CHECK(network.members_of("n1", "likes") == std::vector<std::string>{"rum"});
}

TEST_CASE("collector: a cluster of one that was restarted closes its former life, and collects on") {
  Network network(options());
  begin_cluster(network, 1);
  network.operate("n1", sadd("likes", {"tea", "rum"}));
  network.kill("n1");
  network.start("n1");
  network.operate("n1", srem("likes", {"tea"}));
  CHECK(network.run_until([&] { return collectable(network, "n1") == 0; }));
  CHECK(network.members_of("n1", "likes") == std::vector<std::string>{"rum"});
  CHECK(network.counter("n1", "lives_closed") == 1);
}

// Nothing is kept across a restart: a new life begins at the beginning.
TEST_CASE("collector: what a killed node had not collected goes in its next life") {
  Network network(options());
  begin_cluster(network, 2);
  network.operate("n1", sadd("likes", {"tea", "rum"}));
  network.operate("n1", srem("likes", {"tea"}));
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  network.kill("n2");
  network.run_ms(30'000);
  CHECK(collectable(network, "n1") == 1);
  network.start("n2");
  REQUIRE(network.run_until([&] { return collectable(network, "n1") + collectable(network, "n2") == 0; }));
  CHECK(network.members_of("n2", "likes") == std::vector<std::string>{"rum"});
}

// Goal: collecting changes nothing that anybody can see, whatever happens meanwhile.
// Method: random adds and removals of few elements at three nodes, kills and losses, while horizons rise; beside it a set
//         of what must be there: each element is only written by one node, so that its last word is known.
TEST_CASE("collector: nothing that was removed returns and nothing else goes (random writes, losses and restarts)") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    CAPTURE(seed);
    Network network(options());
    begin_cluster(network, 3);
    std::mt19937_64 random(seed);
    Tap tap(network);
    bool lossy = true;
    tap.pass = [&](const Tap::Sent&) {
      if (tap.sent.size() > 1000) tap.sent.erase(tap.sent.begin(), tap.sent.end() - 1);  // The last is being looked at.
      return !lossy || random() % 10 != 0;
    };
    std::map<std::string, bool> expected;
    for (int i = 0; i < 300; ++i) {
      const std::string name = "n" + std::to_string(1 + random() % 3), member = name + "_" + std::to_string(random() % 8);
      const bool adds = random() % 2 == 0;
      if (!network.node(name).engine) network.start(name);
      const Reply reply = network.operate(name, adds ? sadd("likes", {member}) : srem("likes", {member}));
      REQUIRE(reply.outcome == Outcome::kOk);
      expected[member] = adds;
      network.run_ms(static_cast<std::int64_t>(random() % 300));
      if (random() % 40 == 0) {
        network.kill(name);
        network.start(name);
      }
    }
    lossy = false;
    REQUIRE(network.run_until([&] {
      return network.all_settled() && collectable(network, "n1") + collectable(network, "n2") + collectable(network, "n3") == 0;
    }));
    for (const char* name : {"n1", "n2", "n3"}) {
      CHECK(network.counter(name, "rebases_needed") == 0);
      for (const auto& [member, there] : expected) CHECK(network.present(name, "likes", member) == there);
      CHECK(network.node(name).store->verify().empty());
    }
  }
}

}  // namespace
}  // namespace kith::test
