#include "crdt/hlc.h"

#include <doctest/doctest.h>

#include "tests/crdt/universe.h"

using namespace kith;
using namespace kith::test;

TEST_CASE("timestamp: milliseconds and counter share one word, and order as a pair") {
  const Timestamp t = Timestamp::at_ms(0x0123456789ab, 0xcdef);
  CHECK(t.value == 0x0123456789abcdef);
  CHECK(t.ms() == 0x0123456789ab);
  CHECK(t.counter() == 0xcdef);
  CHECK(Timestamp::at_ms(5, Timestamp::kCounterMax) < Timestamp::at_ms(6));
  CHECK(just_before(Timestamp::at_ms(6)) == Timestamp::at_ms(5, Timestamp::kCounterMax));
  CHECK_FALSE(Timestamp{});
  CHECK(Timestamp::at_ms(Timestamp::kMillisecondsMax, Timestamp::kCounterMax).value == ~std::uint64_t{0});
}

TEST_CASE("hlc: follows the wall when the wall moves") {
  Hlc clock;
  CHECK(clock.issue(100) == Timestamp::at_ms(100));
  CHECK(clock.issue(101) == Timestamp::at_ms(101));
}

TEST_CASE("hlc: counts within one millisecond") {
  Hlc clock;
  CHECK(clock.issue(100) == Timestamp::at_ms(100, 0));
  CHECK(clock.issue(100) == Timestamp::at_ms(100, 1));
  CHECK(clock.issue(100) == Timestamp::at_ms(100, 2));
}

TEST_CASE("hlc: a wall that jumps back does not take it back") {
  Hlc clock;
  CHECK(clock.issue(100) == Timestamp::at_ms(100));
  CHECK(clock.issue(40) == Timestamp::at_ms(100, 1));
  CHECK(clock.issue(-5) == Timestamp::at_ms(100, 2));
  CHECK(clock.issue(101) == Timestamp::at_ms(101));
}

TEST_CASE("hlc: a full counter gives nothing until the wall moves") {
  Hlc clock;
  for (std::uint64_t n = 0; n <= Timestamp::kCounterMax; ++n) REQUIRE(clock.issue(100) == Timestamp::at_ms(100, n));
  CHECK(clock.issue(100) == std::nullopt);
  CHECK(clock.issue(99) == std::nullopt);
  CHECK(clock.last() == Timestamp::at_ms(100, Timestamp::kCounterMax));
  CHECK(clock.issue(101) == Timestamp::at_ms(101));
}

// Goal: a clock that is set back by an hour does not stop writes for an hour once 65,536 of them were made.
TEST_CASE("hlc: with the wall far behind, a full counter goes on with the next millisecond") {
  constexpr std::int64_t kHourMs = 3'600'000;
  Hlc clock(Timestamp::at_ms(kHourMs, Timestamp::kCounterMax));
  CHECK(clock.issue(kHourMs - Hlc::kWaitMsMax) == std::nullopt);
  CHECK(clock.issue(0) == Timestamp::at_ms(kHourMs + 1));
  Timestamp previous = clock.last();
  for (int n = 0; n < 200'000; ++n) {
    const auto issued = clock.issue(0);
    REQUIRE(issued.has_value());
    REQUIRE(*issued > previous);
    previous = *issued;
  }
  CHECK(previous.ms() == kHourMs + 4);
}

TEST_CASE("hlc: issues above what it has observed") {
  Hlc clock;
  clock.observe(Timestamp::at_ms(200, 7));
  CHECK(clock.issue(100) == Timestamp::at_ms(200, 8));
  clock.observe(Timestamp::at_ms(150));  // Old news.
  CHECK(clock.issue(100) == Timestamp::at_ms(200, 9));
  clock.observe(Timestamp::at_ms(300, Timestamp::kCounterMax));
  CHECK(clock.issue(300) == std::nullopt);
  CHECK(clock.issue(301) == Timestamp::at_ms(301));
}

TEST_CASE("hlc: starts above its lease") {
  Hlc clock(Timestamp::at_ms(500, 3));
  CHECK(clock.last() == Timestamp::at_ms(500, 3));
  CHECK(clock.issue(100) == Timestamp::at_ms(500, 4));
}

TEST_CASE("hlc: read shows the clock and changes nothing") {
  Hlc clock;
  CHECK(clock.read(100) == Timestamp::at_ms(100));
  CHECK(clock.read(100) == Timestamp::at_ms(100));
  CHECK(clock.last() == Timestamp{});
  CHECK(clock.issue(100) == Timestamp::at_ms(100));
  CHECK(clock.read(50) == Timestamp::at_ms(100));
}

TEST_CASE("hlc: never issues zero, which means none") {
  Hlc clock;
  CHECK(clock.issue(0) == Timestamp{1});
  CHECK(Hlc().issue(-1) == Timestamp{1});
}

TEST_CASE("hlc: a wall outside 48 bits is bounded") {
  Hlc clock;
  CHECK(clock.issue(Timestamp::kMillisecondsMax + 1) == Timestamp::at_ms(Timestamp::kMillisecondsMax));
  clock.observe(Timestamp{~std::uint64_t{0}});
  CHECK(clock.issue(Timestamp::kMillisecondsMax + 1) == std::nullopt);
}

// Method: a wall that wanders, jumps back and stands still; peers whose timestamps are observed.
TEST_CASE("hlc: strictly rising, above all observed, ahead of wall and observed only when set back (random)") {
  const std::uint64_t seed = test_seed(12);
  CAPTURE(seed);
  Dice dice(seed);
  Hlc clock;
  std::int64_t wall = 1'000'000, wall_highest = 0;  // Never below zero, however often it jumps back.
  Timestamp previous, observed_highest;
  for (int n = 0; n < 200'000; ++n) {
    if (dice.one_in(4)) wall += static_cast<std::int64_t>(dice.below(4)) - 1;
    if (dice.one_in(1000)) wall -= 500;
    wall_highest = std::max(wall_highest, wall);
    if (dice.one_in(10)) {
      const std::int64_t theirs = wall + 20 - static_cast<std::int64_t>(dice.below(40));
      const Timestamp seen = Timestamp::at_ms(theirs, dice.below(1 << 16));
      clock.observe(seen);
      observed_highest = std::max(observed_highest, seen);
    }
    const auto issued = clock.issue(wall);
    if (!issued) {
      REQUIRE(clock.last().counter() == Timestamp::kCounterMax);
      continue;
    }
    REQUIRE(*issued > previous);
    REQUIRE(*issued > observed_highest);
    const bool set_back = issued->ms() - wall > Hlc::kWaitMsMax;
    REQUIRE((set_back || issued->ms() <= std::max(wall_highest, observed_highest.ms())));
    previous = *issued;
  }
}
