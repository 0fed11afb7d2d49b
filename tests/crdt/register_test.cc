#include "crdt/register.h"

#include <doctest/doctest.h>
#include <xxhash.h>

#include "tests/crdt/laws.h"

using namespace kith;
using namespace kith::test;

TEST_CASE("register: empty until written") {
  const Register state;
  CHECK(state.empty());
  CHECK_FALSE(state.present());
  CHECK(state.observable_hash() == 0);
}

TEST_CASE("register: the later tag wins, whichever arrives first") {
  const Register old = written("old", tag(10, 1), commit(90, 101));
  const Register young = written("young", tag(20, 1), commit(20, 102));
  CHECK(joined(old, young) == young);
  CHECK(joined(young, old) == young);
}

TEST_CASE("register: at one time the greater actor wins") {
  const Register one = written("one", tag(10, 1), commit(10, 101)), two = written("two", tag(10, 2), commit(10, 102));
  CHECK(joined(one, two) == two);
  CHECK(joined(two, one) == two);
}

// Every version has to choose alike, or nodes of two versions would never agree.
TEST_CASE("register: two values under one tag: the greater XXH3 wins, and any value over a delete (golden)") {
  const Register a = written("a", tag(10, 1), commit(10, 101)), b = written("b", tag(10, 1), commit(10, 102));
  const Register deleted = erased(tag(10, 1), commit(5, 103));
  REQUIRE(XXH3_64bits("a", 1) == 0xe6c632b61e964e1f);
  REQUIRE(XXH3_64bits("b", 1) == 0x575a0b1c44d8843f);
  CHECK(joined(a, b) == a);
  CHECK(joined(b, a) == a);
  CHECK(joined(b, deleted) == b);
  CHECK(joined(deleted, b) == b);
}

TEST_CASE("register: a delete is a write of nothing, and a later write ends it") {
  Register state;
  CHECK_FALSE(state.set("value", tag(10, 1), commit(10, 101)).empty());
  CHECK_FALSE(state.erase(tag(20, 2), commit(20, 101)).empty());
  CHECK_FALSE(state.present());
  CHECK_FALSE(state.empty());
  CHECK(state.observable_hash() == 0);
  CHECK(state.set("value", tag(10, 1), commit(30, 102)).empty());  // The retry of the first write.
  CHECK_FALSE(state.present());
  CHECK_FALSE(state.set("again", tag(30, 1), commit(30, 101)).empty());
  CHECK(state.value() == "again");
}

TEST_CASE("register: an empty value is a value") {
  const Register state = written("", tag(10, 1), commit(10, 101));
  CHECK(state.present());
  CHECK(state.value() == "");
  CHECK(state.observable_hash() != 0);
}

TEST_CASE("register: of one write committed at two nodes the earlier commit stays") {
  const Register first = written("v", tag(10, 1), commit(11, 101)), again = written("v", tag(10, 1), commit(12, 102));
  CHECK(joined(first, again) == first);
  CHECK(joined(again, first) == first);
  CHECK(first.observable_hash() == again.observable_hash());
}

TEST_CASE("register: the observable hash tells tags and values apart") {
  const Register state = written("v", tag(10, 1), commit(10, 101));
  CHECK(state.observable_hash() != written("w", tag(10, 1), commit(10, 101)).observable_hash());
  CHECK(state.observable_hash() != written("v", tag(11, 1), commit(10, 101)).observable_hash());
  CHECK(state.observable_hash() != written("v", tag(10, 2), commit(10, 101)).observable_hash());
}

TEST_CASE("register: keep_commits leaves the bottom when its commit is not wanted") {
  Register state = written("v", tag(10, 1), commit(10, 101));
  state.keep_commits([](const Commit& by) { return by == commit(10, 101); });
  CHECK(state.present());
  state.keep_commits([](const Commit&) { return false; });
  CHECK(state == Register{});
}

TEST_CASE("register: the laws of join hold (all triples: 2 actors, 2 timestamps, 3 values and deleted, 2 commits)") {
  const auto states = all_registers(2, 2, 2);
  REQUIRE(states.size() == 33);
  for (const Register& a : states) {
    KITH_LAW1(a);
    for (const Register& b : states) {
      KITH_LAW2(a, b);
      for (const Register& c : states) KITH_LAW3(a, b, c);
    }
  }
}

TEST_CASE("register: a join gives one of the two, never a mixture (all pairs)") {
  const auto states = all_registers(3, 3, 2);
  for (const Register& a : states) {
    for (const Register& b : states) {
      KITH_LAW2(a, b);
      const Register winner = joined(a, b);
      if (!(winner == a) && !(winner == b)) FAIL("a mixture of ", text_of(a), " and ", text_of(b));
    }
  }
}

TEST_CASE("register: the laws of join hold (random, 100,000 triples)") {
  const std::uint64_t seed = test_seed(16);
  CAPTURE(seed);
  Dice dice(seed);
  for (int n = 0; n < (kSanitized ? 10'000 : 100'000); ++n) {
    const Register a = random_register(dice), b = random_register(dice), c = random_register(dice);
    KITH_LAW1(a);
    KITH_LAW2(a, b);
    KITH_LAW3(a, b, c);
  }
}

TEST_CASE("register: old state and delta give the new state, and a retry gives an empty delta (exhaustive)") {
  for (const Register& old : all_registers(3, 3, 2)) {
    for (std::uint64_t actor = 1; actor <= 3; ++actor) {
      for (std::uint64_t at = 1; at <= 4; ++at) {
        for (const char* value : {"a", "c", static_cast<const char*>(nullptr)}) {
          Register state = old;
          const auto apply = [&](Commit by) {
            return value != nullptr ? state.set(value, tag(at, actor), by) : state.erase(tag(at, actor), by);
          };
          const Register delta = apply(commit(50, 101));
          INFO((value != nullptr ? value : "erase"), " at ", at, " by ", actor, " on ", text_of(old));
          if (!(joined(old, delta) == state)) FAIL("old state and delta do not give the new state");
          if (delta.empty() != (state == old)) FAIL("the delta is empty exactly when nothing changed");
          const Register once = state;
          for (const Commit again : {commit(60, 102), commit(1, 102)}) {  // Its clock may be ahead or behind.
            if (!apply(again).empty() || !(state == once)) FAIL("a retry changed something");
          }
        }
      }
    }
  }
}
