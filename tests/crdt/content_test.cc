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

// Goal: what is done again is all that the row holds of it, dead adds as well, and the rest of the row stays.
TEST_CASE("content: where keeps exactly the entries that are wanted, and with what it leaves out is the whole (exhaustive)") {
  const auto wanted = [](const Commit& by) { return by.origin == OriginId{101}; };
  const auto others = [&](const Commit& by) { return !wanted(by); };
  const auto check = [&](const Content& whole) {
    const Content these = whole.where(wanted), rest = whole.where(others);
    bool only_wanted = true, only_others = true;
    these.each_commit([&](const Commit& by) { only_wanted &= wanted(by); });
    rest.each_commit([&](const Commit& by) { only_others &= others(by); });
    REQUIRE(only_wanted);
    REQUIRE(only_others);
    REQUIRE(these.entry_count() + rest.entry_count() == whole.entry_count());
    REQUIRE(joined(these, rest) == whole);
    Content cut = whole;
    REQUIRE(cut.drop(these) == !these.empty());
    REQUIRE(cut == rest);
  };
  for (const SetElement& element : all_set_elements(2, {1, 2}, 2)) check(Content(element));
  for (const Register& state : all_registers(2, 2, 2)) check(Content(state));
}

TEST_CASE("content: where keeps an add that is dead, which is not sent on") {
  const Content whole(joined(added(tag(5, 1), commit(6, 101)), removed(tag(5, 1), commit(9, 102))));
  const auto first = [](const Commit& by) { return by.origin == OriginId{101}; };
  CHECK(whole.where(first) == Content(added(tag(5, 1), commit(6, 101))));
  CHECK(whole.shown_where(first).empty());
}

// Goal: what is committed anew is the same operation: it takes away, shows and wins as it did.
TEST_CASE("content: recommit changes the commits of all entries and nothing else (random)") {
  const std::uint64_t seed = test_seed(21);
  CAPTURE(seed);
  Dice dice(seed);
  const Commit anew = commit(50, 109);
  const auto check_map = [&](const ActorMap& before, const ActorMap& after) {
    REQUIRE(before.size() == after.size());
    for (const auto& [actor, entry] : before) {
      const Entry* same = after.find(actor);
      REQUIRE(same != nullptr);
      REQUIRE(*same == Entry{entry.at, anew});
    }
  };
  for (int n = 0; n < 20'000; ++n) {
    const SetElement element = random_set_element(dice);
    Content content(element);
    content.recommit(anew);
    check_map(element.adds(), content.as_set_element().adds());
    check_map(element.removed(), content.as_set_element().removed());
    REQUIRE(content.observable_hash() == element.observable_hash());
    REQUIRE(content.present() == element.present());
    // The old entries are gone from the row before: then a member that holds the old ones as well ends at the earlier commits.
    REQUIRE(joined(Content(element), content).entry_count() == Content(element).entry_count());

    const Register state = random_register(dice);
    Content value(state);
    value.recommit(anew);
    REQUIRE(value.empty() == state.empty());
    if (state.empty()) continue;
    const Register& after = value.as_register();
    REQUIRE(after.commit() == anew);
    REQUIRE(after.tag() == state.tag());
    REQUIRE(after.value() == state.value());
    REQUIRE(value.observable_hash() == state.observable_hash());
  }
}

TEST_CASE("content: recommit keeps the expiry, and with it when the value is over") {
  Register state;
  (void)state.set("v", {Timestamp::at_ms(100), ActorId{1}}, {Timestamp::at_ms(101), OriginId{101}}, 500);
  Content content(state);
  content.recommit({Timestamp::at_ms(400), OriginId{109}});
  CHECK(content.as_register().expires_at_ms() == 500);
  CHECK(content.over_at_ms() == 500);
  content.recommit({Timestamp::at_ms(700), OriginId{109}});  // Done again after it was over: as a retry that came in late.
  CHECK(content.over_at_ms() == 700);
  CHECK_FALSE(content.shows_at(600));
}
