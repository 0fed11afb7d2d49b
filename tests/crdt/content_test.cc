#include "crdt/content.h"

#include <doctest/doctest.h>

#include "tests/crdt/laws.h"

using namespace kith;
using namespace kith::test;

namespace {

std::vector<Commit> commits_of(const Content& content) {
  std::vector<Commit> out;
  content.each_commit([&](const Commit& by) { out.push_back(by); });
  return out;
}

}  // namespace

TEST_CASE("content: the bottom of each kind") {
  for (const Kind kind : {Kind::kRegister, Kind::kSet, Kind::kHash}) {
    const Content bottom(kind);
    CHECK(bottom.empty());
    CHECK_FALSE(bottom.present());
    CHECK(bottom.entry_count() == 0);
    CHECK(bottom.observable_hash() == 0);
    CHECK(commits_of(bottom).empty());
    CHECK(bottom.holds(kind));
  }
  CHECK(Content(Kind::kHash).holds(Kind::kRegister));  // A hash field is a register.
  CHECK_FALSE(Content(Kind::kSet).holds(Kind::kRegister));
  CHECK_FALSE(Content(Kind::kRegister).holds(Kind::kSet));
  CHECK(Content() == Content(Kind::kRegister));
}

TEST_CASE("content: says of its state what the state says of itself (random)") {
  const std::uint64_t seed = test_seed(19);
  CAPTURE(seed);
  Dice dice(seed);
  for (int n = 0; n < 2'000; ++n) {
    const SetElement element = random_set_element(dice);
    const Register state = random_register(dice);
    REQUIRE(Content(element).present() == element.present());
    REQUIRE(Content(element).empty() == element.empty());
    REQUIRE(Content(element).observable_hash() == element.observable_hash());
    REQUIRE(Content(element).entry_count() == element.adds().size() + element.removed().size());
    REQUIRE(commits_of(element).size() == Content(element).entry_count());
    REQUIRE(Content(state).present() == state.present());
    REQUIRE(Content(state).empty() == state.empty());
    REQUIRE(Content(state).observable_hash() == state.observable_hash());
    REQUIRE(Content(state).entry_count() == (state.empty() ? 0 : 1));
    REQUIRE(commits_of(state).size() == Content(state).entry_count());
  }
}

TEST_CASE("content: joins as its states do (random pairs of both kinds)") {
  const std::uint64_t seed = test_seed(20);
  CAPTURE(seed);
  Dice dice(seed);
  for (int n = 0; n < 20'000; ++n) {
    const SetElement a = random_set_element(dice), b = random_set_element(dice);
    REQUIRE(joined(Content(a), Content(b)) == Content(joined(a, b)));
    KITH_LAW2(Content(a), Content(b));
    const Register c = random_register(dice), d = random_register(dice);
    REQUIRE(joined(Content(c), Content(d)) == Content(joined(c, d)));
    KITH_LAW2(Content(c), Content(d));
  }
}

TEST_CASE("content: the laws of join hold (all triples of small sets and of small registers)") {
  const auto check_all = [](const auto& states) {
    std::vector<Content> contents(states.begin(), states.end());
    for (const Content& a : contents) {
      for (const Content& b : contents) {
        KITH_LAW2(a, b);
        for (const Content& c : contents) KITH_LAW3(a, b, c);
      }
    }
  };
  check_all(all_set_elements(1, {1, 2}, 2));
  check_all(all_registers(2, 2, 1));
}

TEST_CASE("content: each_commit walks adds and removals") {
  const SetElement element = joined(added(tag(9, 1), commit(10, 101)), removed(tag(8, 2), commit(20, 102)));
  CHECK(commits_of(element) == std::vector<Commit>{commit(10, 101), commit(20, 102)});
  CHECK(commits_of(erased(tag(9, 1), commit(30, 103))) == std::vector<Commit>{commit(30, 103)});
}

// Goal: what is sent of a cell, merged by somebody who holds the rest, gives the whole.
TEST_CASE("content: shown_where and what it leaves out join to what can be observed (exhaustive)") {
  for (const SetElement& element : all_set_elements(2, {1, 2}, 2)) {
    const Content whole(element);
    const auto new_to_them = [](const Commit& by) { return by.origin == OriginId{101}; };
    const auto known_to_them = [&](const Commit& by) { return !new_to_them(by); };
    const Content sent = whole.shown_where(new_to_them), held = whole.shown_where(known_to_them);
    bool only_wanted = true, none_dead = true;
    sent.each_commit([&](const Commit& by) { only_wanted &= new_to_them(by); });
    for (const auto& [actor, entry] : sent.as_set_element().adds()) none_dead &= !element.dead(actor, entry);
    const Content both = joined(sent, held);
    REQUIRE(only_wanted);
    REQUIRE(none_dead);
    REQUIRE(both.observable_hash() == whole.observable_hash());
    REQUIRE(both.as_set_element().removed() == element.removed());
    REQUIRE(joined(whole, sent) == whole);
  }
}

TEST_CASE("content: shown_where of a register is all or nothing, deletes included") {
  for (const Register& state : {written("v", tag(5, 1), commit(6, 101)), erased(tag(5, 1), commit(6, 101))}) {
    const Content whole(state);
    CHECK(whole.shown_where([](const Commit&) { return true; }) == whole);
    CHECK(whole.shown_where([](const Commit&) { return false; }).empty());
  }
}
