#include "crdt/actor_map.h"

#include <doctest/doctest.h>

#include <map>

#include "tests/crdt/universe.h"

using namespace kith;
using namespace kith::test;

namespace {

Entry entry(std::uint64_t at, std::uint64_t commit_at = 50, std::uint64_t origin = 101) {
  return {Timestamp{at}, commit(commit_at, origin)};
}

}  // namespace

TEST_CASE("actor map: empty finds nothing") {
  const ActorMap map;
  CHECK(map.empty());
  CHECK(map.size() == 0);
  CHECK(map.find(ActorId{1}) == nullptr);
}

TEST_CASE("actor map: raise takes the later entry and says whether it changed anything") {
  ActorMap map;
  CHECK(map.raise(ActorId{7}, entry(5)));
  CHECK_FALSE(map.raise(ActorId{7}, entry(5)));
  CHECK_FALSE(map.raise(ActorId{7}, entry(4)));
  CHECK(map.find(ActorId{7})->at == Timestamp{5});
  CHECK(map.raise(ActorId{7}, entry(6)));
  CHECK(map.find(ActorId{7})->at == Timestamp{6});
  CHECK(map.size() == 1);
}

TEST_CASE("actor map: of one tag committed twice the earlier commit stays") {
  ActorMap map;
  CHECK(map.raise(ActorId{7}, entry(5, 60)));
  CHECK_FALSE(map.raise(ActorId{7}, entry(5, 70)));
  CHECK(map.raise(ActorId{7}, entry(5, 50, 102)));
  CHECK(map.raise(ActorId{7}, entry(5, 50, 101)));  // Equal times: the smaller origin, so that all agree.
  CHECK(map.find(ActorId{7})->commit == commit(50, 101));
}

TEST_CASE("actor map: walks in the order of actors, whatever the order of arrival") {
  ActorMap map;
  for (const std::uint64_t actor : {5u, 1u, 9u, 3u}) CHECK(map.raise(ActorId{actor}, entry(actor)));
  std::vector<std::uint64_t> walked;
  for (const auto& [actor, item] : map) walked.push_back(actor.value);
  CHECK(walked == std::vector<std::uint64_t>{1, 3, 5, 9});
}

TEST_CASE("actor map: keep_if drops what is not wanted and keeps the order") {
  ActorMap map;
  for (std::uint64_t actor = 1; actor <= 6; ++actor) map.raise(ActorId{actor}, entry(actor));
  map.keep_if([](ActorId actor, const Entry& item) { return actor.value % 2 == 0 && item.at < Timestamp{6}; });
  CHECK(map.size() == 2);
  CHECK(map.find(ActorId{2}) != nullptr);
  CHECK(map.find(ActorId{4}) != nullptr);
  CHECK(map.find(ActorId{6}) == nullptr);
}

// Method: the same random entries go into the map and into a std::map.
TEST_CASE("actor map: equals a std::map of maxima (random)") {
  const std::uint64_t seed = test_seed(11);
  CAPTURE(seed);
  Dice dice(seed);
  for (int round = 0; round < 500; ++round) {
    ActorMap map, other;
    std::map<std::uint64_t, Entry> twin;
    for (std::uint64_t n = dice.below(40); n > 0; --n) {
      const std::uint64_t actor = dice.from(1, 12);
      const Entry item = entry(dice.from(1, 4), dice.from(1, 4), dice.from(101, 102));
      const auto old = twin.find(actor);
      const bool news = old == twin.end() || old->second.at < item.at ||
                        (old->second.at == item.at && item.commit < old->second.commit);
      if (news) twin[actor] = item;
      if (dice.one_in(3)) {
        other.raise(ActorId{actor}, item);  // Comes in later, by join().
      } else {
        map.raise(ActorId{actor}, item);
      }
    }
    const ActorMap before = map;
    const bool changed = map.join(other);
    REQUIRE(changed == !(map == before));
    REQUIRE_FALSE(map.join(other));
    REQUIRE(map.size() == twin.size());
    auto expected = twin.begin();
    for (const auto& [actor, item] : map) {
      REQUIRE(actor.value == expected->first);
      REQUIRE(item == expected->second);
      ++expected;
    }
  }
}

// Goal: a join of many entries, which takes another path than one of few, gives the same.
TEST_CASE("actor map: joined at once or entry by entry, it is the same (every size to 12, random)") {
  const std::uint64_t seed = test_seed(26);
  CAPTURE(seed);
  Dice dice(seed);
  for (std::uint64_t round = 0; round < 13 * 13 * 20; ++round) {
    ActorMap mine, theirs;
    const auto fill = [&dice](ActorMap& map, std::uint64_t entries) {
      for (; entries > 0; --entries) map.raise(ActorId{dice.from(1, 16)}, entry(dice.from(1, 3), dice.from(1, 2)));
    };
    fill(mine, round % 13);
    fill(theirs, round / 13 % 13);
    ActorMap singly = mine, at_once = mine;
    bool changed = false;
    for (const auto& [actor, item] : theirs) changed |= singly.raise(actor, item);
    REQUIRE(at_once.join(theirs) == changed);
    REQUIRE(at_once == singly);
  }
}
