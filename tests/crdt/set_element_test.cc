#include "crdt/set_element.h"

#include <doctest/doctest.h>

#include "tests/crdt/laws.h"

using namespace kith;
using namespace kith::test;

namespace {

constexpr std::uint64_t kAlice = 1, kBob = 2, kCarol = 3;
constexpr std::uint64_t kNode1 = 101, kNode2 = 102, kNode3 = 103;

}  // namespace

// Goal: a retried add does not bring back what somebody removed meanwhile.
// Method: the add's acknowledgement is lost, another session removes, the add is sent again.
TEST_CASE("set element: an add retried after its removal changes nothing") {
  SetElement likes;
  CHECK_FALSE(likes.add(tag(10, kAlice), commit(10, kNode1)).empty());
  CHECK_FALSE(likes.remove(tag(20, kBob), commit(20, kNode2)).empty());
  CHECK(likes.add(tag(10, kAlice), commit(30, kNode3)).empty());
  CHECK_FALSE(likes.present());
}

TEST_CASE("set element: a remove retried after a newer add does not take it away") {
  SetElement likes;
  CHECK_FALSE(likes.add(tag(5, kAlice), commit(5, kNode1)).empty());
  CHECK_FALSE(likes.remove(tag(10, kBob), commit(10, kNode1)).empty());
  CHECK_FALSE(likes.add(tag(20, kCarol), commit(20, kNode2)).empty());
  CHECK(likes.remove(tag(10, kBob), commit(30, kNode2)).empty());
  CHECK(likes.present());
}

TEST_CASE("set element: a concurrent add that the remover had not observed survives") {
  SetElement here = added(tag(10, kAlice), commit(10, kNode1));
  SetElement there = here;
  CHECK_FALSE(here.remove(tag(20, kBob), commit(20, kNode1)).empty());
  CHECK_FALSE(there.add(tag(15, kCarol), commit(15, kNode2)).empty());
  here.join(there);
  CHECK(here.present());
  CHECK(here.dead(ActorId{kAlice}, *here.adds().find(ActorId{kAlice})));
}

TEST_CASE("set element: a session's remove covers its own earlier add, even where that has not arrived") {
  SetElement elsewhere;
  CHECK_FALSE(elsewhere.remove(tag(20, kAlice), commit(20, kNode2)).empty());
  CHECK_FALSE(elsewhere.present());
  CHECK(elsewhere.add(tag(10, kAlice), commit(30, kNode2)).empty());  // The earlier add's retry, here.
  elsewhere.join(added(tag(10, kAlice), commit(10, kNode1)));         // And the earlier add itself.
  CHECK_FALSE(elsewhere.present());
  CHECK_FALSE(elsewhere.add(tag(30, kAlice), commit(40, kNode2)).empty());
  CHECK(elsewhere.present());
}

TEST_CASE("set element: a remove without a client's tag records only what it observed") {
  SetElement likes;
  CHECK(likes.remove(tag(10, kNode1), commit(10, kNode1)).empty());
  CHECK(likes.empty());
  CHECK_FALSE(likes.add(tag(11, kNode1), commit(11, kNode1)).empty());
  const SetElement delta = likes.remove(tag(12, kNode1), commit(12, kNode1));
  CHECK(delta.adds().empty());
  CHECK(delta.removed().find(ActorId{kNode1})->at == Timestamp{11});
  CHECK_FALSE(likes.present());
}

TEST_CASE("set element: a remove takes no add that is newer than itself") {
  SetElement likes = joined(added(tag(10, kAlice), commit(10, kNode1)), added(tag(30, kBob), commit(30, kNode1)));
  const SetElement delta = likes.remove(tag(20, kCarol), commit(40, kNode1));
  CHECK(delta.removed().find(ActorId{kAlice})->at == Timestamp{10});
  CHECK(delta.removed().find(ActorId{kBob}) == nullptr);
  CHECK(likes.present());
}

TEST_CASE("set element: a session's very first timestamp leaves nothing before it to remove") {
  SetElement likes;
  CHECK(likes.remove(tag(1, kAlice), commit(5, kNode1)).empty());
  CHECK(likes.empty());
}

TEST_CASE("set element: of one tag committed at two nodes the earlier commit stays") {
  const SetElement first = added(tag(10, kAlice), commit(11, kNode1));
  const SetElement again = added(tag(10, kAlice), commit(12, kNode2));
  CHECK(joined(first, again) == first);
  CHECK(joined(again, first) == first);
}

// Goal: says exactly what a retried remove may do where the first attempt did not know everything.
// Method: a remove is applied; then an add by somebody else arrives whose tag is older; the remove is retried there.
TEST_CASE("set element: a retried remove observes anew, but never past its own tag") {
  SetElement likes;
  CHECK_FALSE(likes.remove(tag(20, kBob), commit(20, kNode1)).empty());
  likes.join(added(tag(15, kAlice), commit(15, kNode2)));
  CHECK(likes.present());  // Add wins: the first attempt had not observed it.
  CHECK_FALSE(likes.remove(tag(20, kBob), commit(30, kNode1)).empty());
  CHECK_FALSE(likes.present());  // The retry has, and it is older than what the client sent.
}

TEST_CASE("set element: the observable hash is the live tags, whatever lies dead or was committed elsewhere") {
  const SetElement alice = added(tag(10, kAlice), commit(10, kNode1));
  const SetElement bob = added(tag(11, kBob), commit(11, kNode1));
  CHECK(SetElement{}.observable_hash() == 0);
  CHECK(alice.observable_hash() != 0);
  CHECK(alice.observable_hash() != bob.observable_hash());
  CHECK(alice.observable_hash() == added(tag(10, kAlice), commit(44, kNode3)).observable_hash());
  CHECK(removed(tag(10, kAlice), commit(20, kNode1)).observable_hash() == 0);

  const SetElement both = joined(alice, bob);
  CHECK(both.observable_hash() != alice.observable_hash());
  const SetElement only_bob = joined(both, removed(tag(10, kAlice), commit(20, kNode2)));
  CHECK(only_bob.observable_hash() == bob.observable_hash());
}

TEST_CASE("set element: drop_dead changes nothing that can be observed") {
  for (const SetElement& state : all_set_elements(3, {1, 2, 3})) {
    SetElement shown = state;
    shown.drop_dead();
    REQUIRE(shown.present() == state.present());
    REQUIRE(shown.present() == !shown.adds().empty());
    REQUIRE(shown.observable_hash() == state.observable_hash());
    REQUIRE(shown.removed() == state.removed());
    REQUIRE(joined(state, shown) == state);
  }
}

TEST_CASE("set element: keep_commits keeps exactly the entries asked for") {
  SetElement whole = added(tag(10, kAlice), commit(10, kNode1));
  whole.join(removed(tag(9, kBob), commit(20, kNode2)));
  SetElement part = whole;
  part.keep_commits([](const Commit& by) { return by.origin == OriginId{kNode2}; });
  CHECK(part == removed(tag(9, kBob), commit(20, kNode2)));
  part.keep_commits([](const Commit&) { return false; });
  CHECK(part.empty());
}

TEST_CASE("set element: join is idempotent and commutative (all pairs over 3 actors, 3 timestamps)") {
  const auto states = all_set_elements(3, {1, 2, 3});
  REQUIRE(states.size() == 4096);
  for (const SetElement& a : states) KITH_LAW1(a);
  const std::size_t stride = kSanitized ? 61 : 1;  // A prime: all columns come up.
  std::size_t pair = 0;
  for (std::size_t i = 0; i < states.size(); ++i) {
    for (std::size_t j = i + 1; j < states.size(); ++j) {
      if (pair++ % stride != 0) continue;
      KITH_LAW2(states[i], states[j]);
    }
  }
}

TEST_CASE("set element: join is associative (all triples over 2 actors, 2 timestamps)") {
  const auto states = all_set_elements(2, {1, 2});
  REQUIRE(states.size() == 81);
  std::size_t triple = 0;
  const std::size_t stride = kSanitized ? 17 : 1;
  for (const SetElement& a : states) {
    for (const SetElement& b : states) {
      for (const SetElement& c : states) {
        if (triple++ % stride == 0) KITH_LAW3(a, b, c);
      }
    }
  }
}

TEST_CASE("set element: the laws hold when a tag was committed twice (all triples over 1 actor, 2 commits)") {
  const auto states = all_set_elements(1, {1, 2, 3}, 2);
  REQUIRE(states.size() == 49);
  for (const SetElement& a : states) {
    KITH_LAW1(a);
    for (const SetElement& b : states) {
      KITH_LAW2(a, b);
      for (const SetElement& c : states) KITH_LAW3(a, b, c);
    }
  }
}

TEST_CASE("set element: the laws hold (random, 100,000 triples)") {
  const std::uint64_t seed = test_seed(15);
  CAPTURE(seed);
  Dice dice(seed);
  for (int n = 0; n < (kSanitized ? 10'000 : 100'000); ++n) {
    const SetElement a = random_set_element(dice), b = random_set_element(dice), c = random_set_element(dice);
    KITH_LAW1(a);
    KITH_LAW2(a, b);
    KITH_LAW3(a, b, c);
  }
}

// Goal: what a mutator returns is all that has to travel.
// Method: every operation on every state; the delta joined to the old state must give the new one, and the same
//         operation once more, at this node or another, must return nothing and change nothing.
TEST_CASE("set element: old state and delta give the new state, and a retry gives an empty delta (exhaustive)") {
  for (const SetElement& old : all_set_elements(3, {1, 2, 3})) {
    for (std::uint64_t actor = 1; actor <= 4; ++actor) {
      for (std::uint64_t at = 1; at <= 4; ++at) {
        for (const bool removal : {false, true}) {
          SetElement state = old;
          const auto apply = [&](Commit by) {
            return removal ? state.remove(tag(at, actor), by) : state.add(tag(at, actor), by);
          };
          const SetElement delta = apply(commit(50, kNode1));
          INFO((removal ? "remove " : "add "), at, " by ", actor, " on ", text_of(old));
          if (!(joined(old, delta) == state)) FAIL("old state and delta do not give the new state");
          if (delta.empty() != (state == old)) FAIL("the delta is empty exactly when nothing changed");
          if ((removal ? delta.adds() : delta.removed()).size() != 0) FAIL("the delta holds what was not asked for");
          const SetElement once = state;
          for (const Commit again : {commit(60, kNode2), commit(1, kNode2)}) {  // Its clock may be ahead or behind.
            if (!apply(again).empty() || !(state == once)) FAIL("a retry changed something");
          }
        }
      }
    }
  }
}
