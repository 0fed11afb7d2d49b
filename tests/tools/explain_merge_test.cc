// Goal: what `kith explain --with` foretells of a merge is what a merge does, and it says why.
// Method: each sentence by hand; then random copies, against the join of crdt/.
#include "tools/kith/explain_merge.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "tests/view/explain_samples.h"

namespace kith::tools {
namespace {

using namespace samples;
using Lines = std::vector<std::string>;
using Values = std::vector<ExplainedValue>;

MergeVerdict merge(const Values& mine, const Values& theirs, std::int64_t horizon_ms = 0, std::int64_t their_floor_ms = 300'000) {
  NodeStatus here = status_at(300'000, their_floor_ms, 300'000), there = here;
  if (horizon_ms != 0) here.garbage.horizon = at(horizon_ms);
  there.name = "n2";
  there.garbage.floor = at(their_floor_ms);
  return merge_in_words({here, mine}, {there, theirs}, lives(), "\"tea\"");
}

bool says(const MergeVerdict& verdict, const std::string& part) {
  return std::any_of(verdict.sentences.begin(), verdict.sentences.end(), [&](const std::string& line) { return line.find(part) != std::string::npos; });
}

SetElement added(std::int64_t ms, ActorId actor, std::uint64_t origin) {
  SetElement out;
  (void)out.add({at(ms), actor}, {at(ms), OriginId{origin}});
  return out;
}
SetElement removed(SetElement element, std::int64_t ms, std::uint64_t origin) {
  (void)element.remove({at(ms), actor_of(OriginId{origin})}, {at(ms), OriginId{origin}});
  return element;
}

TEST_CASE("explain merge: equal copies, one that has nothing, and none at all") {
  const Values tea{element_of(added(100, kAnna, 0xa1))};
  MergeVerdict verdict = merge(tea, tea);
  CHECK_FALSE(verdict.would_change);
  CHECK(verdict.sentences == Lines{"n2 has nothing of \"tea\" that n1 lacks: nothing would change, it stays there"});
  verdict = merge(tea, {});
  CHECK_FALSE(verdict.would_change);
  CHECK(verdict.sentences == Lines{"n2 has stored nothing of the set \"tea\", not even a removal: nothing would change"});
  CHECK(merge({}, {}).sentences == Lines{"neither n1 nor n2 has stored anything of \"tea\": nothing would change"});
}

TEST_CASE("explain merge: an element comes, goes, stays, and why") {
  const SetElement first = added(100, kAnna, 0xa1);
  const SetElement gone = removed(first, 200, 0xb1);
  MergeVerdict verdict = merge({}, {element_of(first)});
  CHECK(verdict.would_change);
  CHECK(verdict.sentences == Lines{"\"tea\" would come (it is not at n1)",
                                   "the add of 22:13:20 UTC by session aaaa0000 through n1 would come, and lives: no removal that either has names it"});
  verdict = merge({element_of(first)}, {element_of(gone)});
  CHECK(verdict.would_change);
  CHECK(verdict.sentences == Lines{"\"tea\" would go", "the removal of 22:13:20 UTC through n2, which n1 has not seen, names the add of 22:13:20 UTC by "
                                                       "session aaaa0000 through n1"});
  // The lost remove's mirror: the add comes late, and is dead.
  verdict = merge({element_of(gone)}, {element_of(first)});
  CHECK_FALSE(verdict.would_change);
  CHECK(says(verdict, "nothing would change, it stays away"));
  // An add that the remover had not seen wins.
  SetElement both = first;
  (void)both.add({at(150), kBob}, {at(150), OriginId{0xa1}});
  verdict = merge({element_of(both)}, {element_of(gone)});
  CHECK(says(verdict, "\"tea\" would stay there"));
  CHECK(says(verdict, "by session bbbb0000 through n1, which n2 does not have, stays: no removal that either has names it"));
  verdict = merge({element_of(gone)}, {element_of(both)});
  CHECK(says(verdict, "\"tea\" would come"));
  CHECK(says(verdict, "the add of 22:13:20 UTC by session bbbb0000 through n1 would come, and lives"));
}

TEST_CASE("explain merge: as the join does it, in 2,000 random pairs of copies") {
  std::mt19937_64 random(4);
  const auto some = [&] {
    SetElement out;
    for (int i = 0; i < 4; ++i) {
      const std::int64_t ms = 100 + static_cast<std::int64_t>(random() % 8);
      const std::uint64_t origin = random() % 2 != 0 ? 0xa1 : 0xb1;
      const ActorId actor = random() % 3 == 0 ? actor_of(OriginId{origin}) : random() % 2 != 0 ? kAnna : kBob;
      const Commit commit{at(ms), OriginId{origin}};
      if (random() % 3 != 0) (void)out.add({at(ms), actor}, commit);
      else (void)out.remove({at(ms), actor}, commit);
    }
    return out;
  };
  std::size_t changes = 0;
  for (int i = 0; i < 2000; ++i) {
    const SetElement mine = some(), theirs = some();
    SetElement joined = mine;
    const bool changed = joined.join(theirs);
    const MergeVerdict verdict = merge({element_of(mine)}, {element_of(theirs)});
    REQUIRE(verdict.would_change == changed);
    changes += changed ? 1 : 0;
    if (!changed) continue;
    const char* expected = mine.present() ? (joined.present() ? " would stay there" : " would go") : joined.present() ? " would come" : " would stay away";
    REQUIRE(verdict.sentences[0].starts_with(std::string("\"tea\"") + expected));
  }
  CHECK(changes > 500);
}

TEST_CASE("explain merge: of two values the later tag stays, and of one tag the greater hash or the later expiry") {
  const auto older = written(value_of(100, kAnna, 0xa1, "1f")), newer = written(value_of(200, kBob, 0xb1, "2f"));
  const auto deleted = written(value_of(300, kBob, 0xb1, ""));
  CHECK(merge({older}, {older}).sentences == Lines{"both hold the same write of \"tea\": nothing would change"});
  MergeVerdict verdict = merge({older}, {newer});
  CHECK(verdict.would_change);
  CHECK(verdict.sentences == Lines{"the value of 22:13:20 UTC (session bbbb0000) through n2 would come from n2 and take the place of the value of 22:13:20 "
                                   "UTC (session aaaa0000) through n1: the later tag wins, wherever it was written",
                                   "\"tea\" would be there"});
  verdict = merge({newer}, {older});
  CHECK_FALSE(verdict.would_change);
  CHECK(says(verdict, "which stays: the later tag wins"));
  CHECK(says(merge({newer}, {deleted}), "\"tea\" would not be there"));
  CHECK(says(merge({}, {newer}), "n1 has stored nothing of \"tea\""));
  // One tag, two values.
  const auto twin = written(value_of(100, kAnna, 0xa1, "2f"));
  CHECK(merge({older}, {twin}).would_change);
  CHECK_FALSE(merge({twin}, {older}).would_change);
  CHECK(says(merge({twin}, {older}), "one tag with two values is a client's mistake"));
  // And two expiries: none is the latest.
  auto soon = older, late = older;
  soon.entries[0].expires = at(350'000);
  late.entries[0].expires = at(500'000);
  CHECK(merge({soon}, {late}).would_change);
  CHECK_FALSE(merge({late}, {soon}).would_change);
  CHECK(merge({late}, {older}).would_change);
  CHECK_FALSE(merge({older}, {late}).would_change);
  // One that has expired comes, and shows nowhere: it is 22:20:00 there.
  auto over = newer;
  over.entries[0].expires = at(350'000);
  CHECK(says(merge({older}, {over}), "would not be there, since that has expired"));
}

TEST_CASE("explain merge: increments add up, those that both have count once, and the base that is folded further wins") {
  const auto five = increment(200'000, kAnna, 0xa1, 5), seven = increment(210'000, kBob, 0xb1, 7), old = increment(50'000, kBob, 0xb1, 2);
  MergeVerdict verdict = merge({counter_of({five})}, {counter_of({five, seven})});
  CHECK(verdict.would_change);
  CHECK(verdict.sentences == Lines{"1 increment that n1 lacks would come, 7 in all; those that both have count once",
                                   "the counter \"tea\" would stand at 12; at n1 it stands at 5"});
  CHECK_FALSE(merge({counter_of({five, seven})}, {counter_of({five})}).would_change);
  CHECK(says(merge({}, {counter_of({five, seven})}), "would stand at 12; at n1 it stands at 0"));
  // n2 has folded what n1 has not.
  verdict = merge({counter_of({old, five})}, {counter_of({base(100'000, 2), five})});
  CHECK(verdict.would_change);
  CHECK(says(verdict, "the base of n2, with all increments up to 22:15:00 UTC, would take the place of those increments at n1"));
  CHECK(says(verdict, "would stand at 7; at n1 it stands at 7"));
  // And what n1 has folded already is no news from n2.
  CHECK_FALSE(merge({counter_of({base(100'000, 2), five})}, {counter_of({old, five})}).would_change);
  auto cut = counter_of({five});
  cut.entries_cut = true;
  CHECK(says(merge({cut}, {counter_of({five})}), "more increments than a document shows"));
}

TEST_CASE("explain merge: a copy from below the horizon is not taken, and what of it was removed is named") {
  const Values old{element_of(added(100, kAnna, 0xa1))};
  MergeVerdict verdict = merge({}, old, 200'000, 150'000);
  CHECK(verdict.fenced);
  CHECK(says(verdict, "but n1 would not take it: n2 has not confirmed more than what was written up to 22:15:50 UTC, and n1 has forgotten what was removed "
                      "up to 22:16:40 UTC; n2 has to compare its data with a member's first"));
  CHECK(says(verdict, "the add of 22:13:20 UTC by session aaaa0000 through n1 is taken out at n2 then"));
  // The fence is where the floor is below the horizon, and not at it.
  CHECK(merge({}, old, 200'000, 199'999).fenced);
  CHECK_FALSE(merge({}, old, 200'000, 200'000).fenced);
  // What n1 cannot have seen is not taken out.
  CHECK_FALSE(says(merge({}, {element_of(added(250'000, kAnna, 0xb1))}, 200'000, 150'000), "is taken out"));
}

TEST_CASE("explain merge: what cannot be told is said to be so") {
  ExplainedValue damaged;
  damaged.kind = "set";
  damaged.damaged = true;
  const Values tea{element_of(added(100, kAnna, 0xa1))};
  CHECK(says(merge(tea, {damaged}), "a row of the set \"tea\" is damaged at n2"));
  CHECK(says(merge({damaged}, tea), "a row of the set \"tea\" is damaged at n1"));
  ExplainedValue many;
  many.kind = "hash";
  many.collection = true;
  CHECK(says(merge({many}, {many}), "give one of them as ELEMENT"));
  for (const char* bytes : {"", "noise", "\x01\x01\x01"}) {
    ExplainedValue large = tea[0];
    large.content = bytes;
    CHECK(says(merge(tea, {large}), "more entries than a document shows"));
  }
}

}  // namespace
}  // namespace kith::tools
