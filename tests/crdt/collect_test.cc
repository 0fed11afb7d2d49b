// tests/crdt/collect_test.cc -- what is settled goes, and nothing that shows changes; and what is taken out exactly.
#include <doctest/doctest.h>

#include "tests/crdt/universe.h"

using namespace kith;
using namespace kith::test;

namespace {

constexpr std::uint64_t kLast = 10;  // Above all commits of random_set_element and random_register.

// What of `before` may go at `horizon`, said once more and otherwise.
bool goes(const SetElement& before, ActorId actor, Timestamp horizon) {
  const Entry* removal = before.removed().find(actor);
  if (removal == nullptr || removal->commit.at > horizon) return false;
  const Entry* add = before.adds().find(actor);
  return add == nullptr || add->at > removal->at || add->commit.at <= horizon;
}

}  // namespace

TEST_CASE("set element: collecting changes nothing that shows, and takes what is settled and nothing else (200,000 random states)") {
  const std::uint64_t seed = test_seed(1);
  INFO("KITH_TEST_SEED=", seed);
  Dice dice(seed);
  std::size_t collected = 0, kept_for_its_add = 0;
  for (int i = 0; i < (kSanitized ? 20'000 : 200'000); ++i) {
    const SetElement before = random_set_element(dice, 9);
    const Timestamp horizon{dice.below(kLast + 1)};
    SetElement after = before;
    const bool changed = after.collect(horizon);
    INFO("before: ", text_of(before), "\nafter: ", text_of(after), "\nhorizon: ", horizon.value);
    REQUIRE(changed == !(after == before));
    REQUIRE(after.present() == before.present());
    REQUIRE(after.observable_hash() == before.observable_hash());
    for (const auto& [actor, removal] : before.removed()) {
      const Entry* left = after.removed().find(actor);
      REQUIRE((left == nullptr) == goes(before, actor, horizon));
      if (left != nullptr) REQUIRE(*left == removal);
      if (left != nullptr && removal.commit.at <= horizon) ++kept_for_its_add;
    }
    for (const auto& [actor, add] : before.adds()) {
      const Entry* left = after.adds().find(actor);
      REQUIRE((left == nullptr) == (before.dead(actor, add) && goes(before, actor, horizon)));
      if (left != nullptr) REQUIRE(*left == add);
    }
    REQUIRE(after.adds().size() <= before.adds().size());
    REQUIRE(after.removed().size() <= before.removed().size());
    REQUIRE_FALSE(after.collect(horizon));
    collected += changed ? 1 : 0;
  }
  CHECK(collected > 1000);
  CHECK(kept_for_its_add > 1000);
}

TEST_CASE("set element: collecting in steps equals collecting at once (50,000 random states)") {
  const std::uint64_t seed = test_seed(2);
  INFO("KITH_TEST_SEED=", seed);
  Dice dice(seed);
  for (int i = 0; i < (kSanitized ? 5'000 : 50'000); ++i) {
    const SetElement before = random_set_element(dice, 9);
    SetElement stepwise = before, at_once = before;
    for (std::uint64_t at = 0; at <= kLast; at += dice.below(4)) stepwise.collect(Timestamp{at});
    stepwise.collect(Timestamp{kLast});
    at_once.collect(Timestamp{kLast});
    INFO("before: ", text_of(before));
    REQUIRE(stepwise == at_once);
    REQUIRE(at_once.removed().empty());
  }
}

// Goal: what two replicas collect at different moments is the same in the end.
TEST_CASE("set element: collecting above every commit and joining commute when both sides had the removals (50,000 pairs)") {
  const std::uint64_t seed = test_seed(3);
  INFO("KITH_TEST_SEED=", seed);
  Dice dice(seed);
  for (int i = 0; i < (kSanitized ? 5'000 : 50'000); ++i) {
    // All below the horizon is at both: that is what a horizon says.
    SetElement settled = random_set_element(dice);
    SetElement collected = settled;
    collected.collect(Timestamp{kLast});
    const Commit by = commit(dice.from(kLast + 1, kLast + 5), 101);
    const SetElement news = dice.one_in(2) ? added(tag(dice.from(kLast + 1, kLast + 5), dice.from(1, 5)), by)
                                           : removed(tag(dice.from(kLast + 1, kLast + 5), dice.from(1, 5)), by);
    SetElement joined_first = joined(settled, news);
    joined_first.collect(Timestamp{kLast});
    SetElement collected_first = joined(collected, news);
    INFO("settled: ", text_of(settled), "\nnews: ", text_of(news));
    REQUIRE(collected_first.observable_hash() == joined_first.observable_hash());
    REQUIRE(collected_first.present() == joined_first.present());
  }
}

TEST_CASE("set element: a removal waits for the commit of the add that it names") {
  // A retry: the add was removed, and then the same add was committed once more, by somebody who had not heard of it.
  SetElement state = removed(tag(5, 1), commit(6, 101));
  state.join(added(tag(5, 1), commit(9, 102)));
  REQUIRE_FALSE(state.present());
  SetElement at_its_commit = state;
  const bool earlier = joined(removed(tag(5, 1), commit(6, 101)), added(tag(5, 1), commit(9, 102))).collect(Timestamp{8});
  CHECK_FALSE(earlier);
  CHECK(at_its_commit.collect(Timestamp{9}));
  CHECK(at_its_commit.empty());
}

TEST_CASE("set element: drop takes out entries that are exactly these (50,000 random pairs)") {
  const std::uint64_t seed = test_seed(4);
  INFO("KITH_TEST_SEED=", seed);
  Dice dice(seed);
  std::size_t dropped = 0, others = 0;
  for (int i = 0; i < (kSanitized ? 5'000 : 50'000); ++i) {
    const SetElement before = random_set_element(dice, 8), these = dice.one_in(4) ? before : random_set_element(dice, 8);
    SetElement after = before;
    const bool changed = after.drop(these);
    INFO("before: ", text_of(before), "\nthese: ", text_of(these));
    REQUIRE(changed == !(after == before));
    const auto check = [&](const ActorMap& was, const ActorMap& is, const ActorMap& named_in) {
      for (const auto& [actor, entry] : was) {
        const Entry* named = named_in.find(actor);
        const bool exactly = named != nullptr && named->at == entry.at && named->commit == entry.commit;
        REQUIRE((is.find(actor) == nullptr) == exactly);
        dropped += exactly ? 1 : 0;
        others += named != nullptr && !exactly ? 1 : 0;
      }
      REQUIRE(is.size() <= was.size());
    };
    check(before.adds(), after.adds(), these.adds());
    check(before.removed(), after.removed(), these.removed());
    REQUIRE_FALSE(after.drop(these));  // Harmless to repeat.
  }
  CHECK(dropped > 1000);
  CHECK(others > 1000);
}

TEST_CASE("set element: keep_adds_only keeps the adds it is told to, and no removals (20,000 random states)") {
  const std::uint64_t seed = test_seed(5);
  INFO("KITH_TEST_SEED=", seed);
  Dice dice(seed);
  for (int i = 0; i < 20'000; ++i) {
    const SetElement before = random_set_element(dice, 8);
    const Timestamp at{dice.below(kLast)};
    SetElement after = before;
    after.keep_adds_only([&](ActorId, const Entry& add) { return add.commit.at <= at; });
    REQUIRE(after.removed().empty());
    for (const auto& [actor, add] : before.adds()) REQUIRE((after.adds().find(actor) != nullptr) == (add.commit.at <= at));
  }
}

TEST_CASE("register: a deletion goes at or above its commit, a value never does") {
  const std::uint64_t seed = test_seed(6);
  INFO("KITH_TEST_SEED=", seed);
  Dice dice(seed);
  std::size_t gone = 0;
  for (int i = 0; i < 20'000; ++i) {
    const Register before = random_register(dice);
    const Timestamp horizon{dice.below(kLast + 1)};
    Register after = before;
    const bool settled = !before.empty() && !before.present() && before.commit().at <= horizon;
    REQUIRE(after.collect(horizon) == settled);
    REQUIRE(after == (settled ? Register{} : before));
    REQUIRE(after.observable_hash() == before.observable_hash());
    gone += settled ? 1 : 0;
  }
  CHECK(gone > 100);
  // By its commit, not by its tag: a client may have said long ago what was committed just now.
  Register late = erased(tag(1, 1), commit(9, 101));
  CHECK_FALSE(late.collect(Timestamp{8}));
  CHECK(late.collect(Timestamp{9}));
}

TEST_CASE("content: collectable tells what a horizon will take some day, and collecting at the end of time takes all of it") {
  const std::uint64_t seed = test_seed(7);
  INFO("KITH_TEST_SEED=", seed);
  Dice dice(seed);
  for (int i = 0; i < 20'000; ++i) {
    Content content = dice.one_in(2) ? Content(random_set_element(dice, 5)) : Content(random_register(dice));
    const Content before = content;
    const bool collectable = content.collectable();
    REQUIRE(content.collect(Timestamp{kLast}) == collectable);
    REQUIRE_FALSE(content.collectable());
    REQUIRE(content.observable_hash() == before.observable_hash());
    if (!collectable) REQUIRE(content == before);
  }
}

TEST_CASE("content: dropping takes out exactly these, and another shape never") {
  const Register value = written("a", tag(5, 1), commit(6, 101));
  Content content(value);
  CHECK_FALSE(content.drop(Content(written("b", tag(5, 1), commit(6, 101)))));
  CHECK_FALSE(content.drop(Content(written("a", tag(5, 1), commit(7, 101)))));
  CHECK_FALSE(content.drop(Content(written("a", tag(6, 1), commit(6, 101)))));
  CHECK_FALSE(content.drop(Content(SetElement{})));
  CHECK(content == Content(value));
  CHECK(content.drop(Content(value)));
  CHECK(content.empty());
  CHECK(content.holds(Kind::kRegister));
  CHECK_FALSE(content.drop(Content(Register{})));  // Nothing is not there.

  Content element(added(tag(5, 1), commit(6, 101)));
  CHECK_FALSE(element.drop(Content(value)));
  CHECK(element.drop(Content(added(tag(5, 1), commit(6, 101)))));
  CHECK(element.empty());
  CHECK(element.holds(Kind::kSet));
}
