// tests/gossip/clocks_test.cc -- the laws of what is held: it only rises, and its digest says it all.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "gossip/clocks.h"

namespace kith::test {
namespace {

constexpr OriginId kA{0x0a}, kB{0x0b}, kC{0x0c};
constexpr ShardId kShard = 2, kOther = 3;

TEST_CASE("clocks: held and up to only rise") {
  Clocks clocks;
  CHECK_FALSE(clocks.held(kShard, kA));
  CHECK(clocks.hold(kShard, kA, Timestamp{5}));
  CHECK_FALSE(clocks.hold(kShard, kA, Timestamp{5}));
  CHECK_FALSE(clocks.hold(kShard, kA, Timestamp{4}));
  CHECK(clocks.held(kShard, kA) == Timestamp{5});
  CHECK(clocks.promise(kShard, kA, Timestamp{9}));
  CHECK_FALSE(clocks.promise(kShard, kA, Timestamp{8}));
  CHECK(clocks.up_to(kShard, kA) == Timestamp{9});
  CHECK(clocks.promise(kA, Timestamp{20}));
  CHECK_FALSE(clocks.promise(kA, Timestamp{19}));
  clocks.begin_life(kA, Timestamp{3});
  CHECK(clocks.up_to(kShard, kA) == Timestamp{20});
  CHECK(clocks.held(kShard, kA) == Timestamp{5});
}

TEST_CASE("clocks: what is held is up to there as well, and a promise moves no data") {
  Clocks clocks;
  (void)clocks.hold(kShard, kA, Timestamp{5});
  CHECK(clocks.up_to(kShard, kA) == Timestamp{5});
  CHECK_FALSE(clocks.up_to(kOther, kA));
  const std::uint64_t digest = clocks.digest();
  (void)clocks.promise(kA, Timestamp{9});
  (void)clocks.promise(kOther, kA, Timestamp{7});
  CHECK(clocks.held(kShard, kA) == Timestamp{5});
  CHECK_FALSE(clocks.held(kOther, kA));
  CHECK(clocks.digest() == digest);
  CHECK(clocks.up_to(kShard, kA) == Timestamp{9});
  CHECK(clocks.up_to(kOther, kA) == Timestamp{9});
  CHECK(clocks.held(kOther).empty());
  CHECK(clocks.digests().size() == 1);
}

TEST_CASE("clocks: a promise for one shard says nothing of another") {
  Clocks clocks;
  (void)clocks.promise(kShard, kA, Timestamp{7});
  CHECK(clocks.up_to(kShard, kA) == Timestamp{7});
  CHECK_FALSE(clocks.up_to(kOther, kA));
  CHECK_FALSE(clocks.up_to(kShard, kB));
}

TEST_CASE("clocks: a life begins at its start, in every shard") {
  Clocks clocks;
  clocks.begin_life(kA, Timestamp{100});
  CHECK(clocks.up_to(kShard, kA) == Timestamp{100});
  CHECK(clocks.up_to(kSystemShard, kA) == Timestamp{100});
  CHECK_FALSE(clocks.held(kShard, kA));
  CHECK(clocks.digest() == 0);
}

TEST_CASE("clocks: the digest is a function of what is held alone, in whatever order it came") {
  std::mt19937_64 random(7);
  for (int run = 0; run < 200; ++run) {
    struct Step {
      ShardId shard;
      OriginId origin;
      Timestamp at;
    };
    std::vector<Step> steps;
    for (int i = 0; i < 20; ++i) {
      steps.push_back({static_cast<ShardId>(random() % 3), OriginId{1 + random() % 3}, Timestamp{1 + random() % 50}});
    }
    Clocks one, two;
    for (const Step& step : steps) (void)one.hold(step.shard, step.origin, step.at);
    std::shuffle(steps.begin(), steps.end(), random);
    for (const Step& step : steps) {
      (void)two.hold(step.shard, step.origin, step.at);
      if (random() % 2 == 0) (void)two.hold(step.shard, step.origin, Timestamp{step.at.value / 2});
      (void)two.promise(step.shard, step.origin, Timestamp{random() % 99});
      (void)two.promise(step.origin, Timestamp{random() % 99});
      two.begin_life(step.origin, Timestamp{random() % 99});
    }
    REQUIRE(one.digest() == two.digest());
    REQUIRE(one.digests() == two.digests());
    REQUIRE(one.newest_held() == two.newest_held());
    std::uint64_t sum = 0;
    for (const auto& [shard, digest] : one.digests()) {
      REQUIRE(one.held(shard) == two.held(shard));
      REQUIRE(one.digest(shard) == digest);
      sum += digest;
    }
    REQUIRE(one.digest() == sum);
    // One entry more, and they differ.
    const Step& step = steps.front();
    (void)two.hold(step.shard, step.origin, Timestamp{51});
    REQUIRE(one.digest() != two.digest());
  }
}

TEST_CASE("clocks: equal timestamps of other origins and shards have other digests") {
  std::vector<std::uint64_t> digests;
  for (const ShardId shard : {kShard, kOther, kSystemShard}) {
    for (const OriginId origin : {kA, kB}) {
      for (const std::uint64_t at : {5u, 6u}) {
        Clocks clocks;
        (void)clocks.hold(shard, origin, Timestamp{at});
        digests.push_back(clocks.digest());
      }
    }
  }
  std::sort(digests.begin(), digests.end());
  CHECK(std::adjacent_find(digests.begin(), digests.end()) == digests.end());
}

TEST_CASE("clocks: whose silence holds the floor is the least that is not over and held whole") {
  Clocks clocks;
  CHECK_FALSE(clocks.holds_floor().has_value());
  clocks.begin_life(kA, Timestamp{10});
  CHECK(clocks.holds_floor() == kA);
  clocks.begin_life(kB, Timestamp{5});
  CHECK(clocks.holds_floor() == kB);
  (void)clocks.promise(kB, Timestamp{20});
  CHECK(clocks.holds_floor() == kA);
  CHECK(clocks.floor() == Timestamp{10});
  clocks.close_life(kA, Timestamp{12});
  CHECK(clocks.holds_floor() == kA);  // Closed, and not whole here.
  (void)clocks.promise(kA, Timestamp{12});
  CHECK(clocks.holds_floor() == kB);
  clocks.end_life(kB);
  CHECK_FALSE(clocks.holds_floor().has_value());
}

TEST_CASE("clocks: behind is told from what is held, not from what was promised") {
  Clocks clocks;
  (void)clocks.hold(kShard, kA, Timestamp{5});
  (void)clocks.promise(kA, Timestamp{50});
  CHECK_FALSE(clocks.behind(kShard, {}));
  CHECK_FALSE(clocks.behind(kShard, {{kA, Timestamp{5}}}));
  CHECK(clocks.behind(kShard, {{kA, Timestamp{6}}}));
  CHECK(clocks.behind(kShard, {{kA, Timestamp{5}}, {kB, Timestamp{1}}}));
  CHECK(clocks.behind(kOther, {{kA, Timestamp{1}}}));
}

TEST_CASE("clocks: held of a shard is sorted and without zeros") {
  Clocks clocks;
  (void)clocks.hold(kShard, kC, Timestamp{1});
  (void)clocks.hold(kShard, kA, Timestamp{2});
  (void)clocks.promise(kShard, kB, Timestamp{9});
  CHECK(clocks.held(kShard) == CommitClock{{kA, Timestamp{2}}, {kC, Timestamp{1}}});
  (void)clocks.hold(kOther, kA, Timestamp{7});
  CHECK(clocks.newest_held() == CommitClock{{kA, Timestamp{7}}, {kC, Timestamp{1}}});
}

TEST_CASE("clocks: a commit is covered by its own origin's entry alone") {
  const CommitClock held{{kA, Timestamp{5}}, {kC, Timestamp{9}}};
  CHECK(covers(held, {Timestamp{4}, kA}));
  CHECK(covers(held, {Timestamp{5}, kA}));
  CHECK_FALSE(covers(held, {Timestamp{6}, kA}));
  CHECK(covers(held, {Timestamp{9}, kC}));
  CHECK_FALSE(covers(held, {Timestamp{1}, kB}));           // Absent: covered by nothing.
  CHECK_FALSE(covers(held, {Timestamp{1}, OriginId{0xff}}));
  CHECK_FALSE(covers({}, {Timestamp{1}, kA}));
}

}  // namespace
}  // namespace kith::test
