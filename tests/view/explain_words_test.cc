// Goal: what `kith explain` says of a copy is what the node told, in words that name people, nodes and what is waited for.
#include "node/view/explain_words.h"

#include <doctest/doctest.h>

#include "tests/view/explain_samples.h"

namespace kith {
namespace {

using namespace samples;
using Lines = std::vector<std::string>;

TEST_CASE("explain words: lives are named, those that are over too, and those that nobody remembers by what is left") {
  CHECK(life_in_words(lives(), OriginId{0xa1}) == "n1");
  CHECK(life_in_words(lives(), OriginId{0xb0}) == "n2 in an earlier life");
  CHECK(life_in_words(lives(), OriginId{0x1234567800000000}) == "a life that nobody remembers (12345678)");
  CHECK(writer_in_words(lives(), add(100, kAnna, 0xb0)) == "session aaaa0000");
  CHECK(writer_in_words(lives(), add(100, ActorId{0xb0}, 0xb0)) == "no tag, by n2 in an earlier life");
}

TEST_CASE("explain words: who added and who removed, through which node, and who has seen that") {
  const ExplainedValue value = element({add(100, kAnna, 0xb0, true), removal(100, kAnna, 200, 0xc1)});
  const NodeStatus status = status_at(150, 150, 250);
  const Lines lines = history_in_words(value, lives(), status);
  REQUIRE(lines.size() == 3);
  CHECK(lines[0] == "added at 22:13:20 UTC by session aaaa0000 through n2 in an earlier life (removed since): seen by all: n1, n2 and n3");
  CHECK(lines[1] == "removed at 22:13:20 UTC through n3, what was added by session aaaa0000 up to 22:13:20 UTC: seen by n1 and n3, not confirmed "
                    "by n2 (up to 22:13:20 UTC)");
}

TEST_CASE("explain words: the edge of what a floor confirms") {
  const Commit commit{at(200), OriginId{0xb0}};
  const auto confirms = [&](Timestamp floor) {
    NodeStatus status = status_at(500, 500, 500);
    status.members[2].floor = floor;
    return seen_by(commit, lives(), status).not_confirmed.empty();
  };
  CHECK_FALSE(confirms({}));
  CHECK_FALSE(confirms(at(199)));
  CHECK(confirms(at(200)));
  CHECK(confirms(at(201)));
  // Who wrote it in its present life has it, whatever it has confirmed; in an earlier one that says nothing.
  NodeStatus silent = status_at(500, 0, 500);
  CHECK(seen_by({at(200), OriginId{0xb1}}, lives(), silent).not_confirmed.empty());
  CHECK(seen_by({at(200), OriginId{0xb0}}, lives(), silent).not_confirmed.size() == 1);
}

TEST_CASE("explain words: what is collected when, and for whom it waits") {
  const auto words = [](const NodeStatus& status) { return collection_in_words("it", at(200'000), status); };
  NodeStatus off = status_at(300'000, 300'000, 300'000);
  off.garbage.collects = false;
  CHECK(words(off) == "it stays as it is: collection is switched off on n1");

  NodeStatus rebasing = status_at(300'000, 300'000, 300'000);
  rebasing.garbage.rebasing = true;
  rebasing.garbage.onto = "n2";
  rebasing.garbage.shards = 65;
  CHECK(words(rebasing) == "it stays until n1 has caught up (0 of 65 shards compared with n2)");

  NodeStatus passed = status_at(300'000, 300'000, 300'000);
  passed.garbage.horizon = at(200'000);
  CHECK(words(passed) == "it goes with the next pass of the collector: the horizon has passed it");
  passed.garbage.horizon = at(199'999);
  CHECK(words(passed) == "it has been seen by all, and goes at about 22:26:40 UTC: retries are accepted for 10 min; furthest behind is n1, at 22:18:20 UTC");

  // n3 is silent: nobody can confirm more, and n3 alone is named.
  NodeStatus silent = status_at(150'000, 160'000, 100'000);
  silent.garbage.floor_held_by = "n3";
  CHECK(words(silent) == "it waits for n3: n1 does not know what that has written since 22:15:50 UTC, if anything, and confirms no more; it goes 10 min "
                         "after all have confirmed what was written up to 22:16:40 UTC");
  silent.garbage.floor_held_by_former_life = true;
  CHECK(words(silent).starts_with("it waits for an earlier life of n3 that is not closed yet: n1 does not know"));
  // n1 holds all; n2 is behind and n3 has not said.
  CHECK(words(status_at(300'000, 160'000, 0)) == "it waits for n2 (up to 22:16:00 UTC) and n3 (it has not said how far it is); it goes 10 min after all "
                                                 "have confirmed what was written up to 22:16:40 UTC");
  // The window has passed, and somebody has not confirmed it.
  NodeStatus due = status_at(700'000, 790'000, 790'000);
  due.now_ms = kNow + 900'000;
  CHECK(words(due) == "it was due at 22:26:40 UTC, and goes when all members have confirmed what was written up to then; furthest behind is n1, at "
                      "22:25:00 UTC");
  due.garbage.floor_held_by = "n3";
  CHECK(words(due) == "it was due at 22:26:40 UTC, and goes when all members have confirmed what was written up to then; it waits for n3: n1 does not "
                      "know what that has written since 22:25:00 UTC, if anything, and confirms no more");
  CHECK(collection_in_words("the value", at(3'600'000), status_at(300'000, 300'000, 300'000)) ==
        "the value expires at 23:13:20 UTC and goes 10 min after all members have confirmed what was written up to then");
}

TEST_CASE("explain words: values, deletions and expiries") {
  const NodeStatus status = status_at(300'000, 300'000, 300'000);
  ExplainedValue value = written(value_of(100, kAnna, 0xa1, "1f"));
  Lines lines = history_in_words(value, lives(), status);
  CHECK(lines == Lines{"set at 22:13:20 UTC by session aaaa0000 through n1, 5 B: seen by all: n1, n2 and n3"});  // Nothing of it goes.
  value.entries[0].expires = at(3'600'000);
  lines = history_in_words(value, lives(), status);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].starts_with("set at 22:13:20 UTC by session aaaa0000 through n1, 5 B, expires at 23:13:20 UTC: seen by all"));
  CHECK(lines[1].starts_with("the value expires at 23:13:20 UTC"));
  value = written(value_of(100, ActorId{0xa1}, 0xa1, ""));
  lines = history_in_words(value, lives(), status);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0] == "deleted at 22:13:20 UTC through n1, without a tag: seen by all: n1, n2 and n3");
  CHECK(lines[1].starts_with("the record of the deletion has been seen by all"));
}

TEST_CASE("explain words: a counter's base, its increments by whom, and which are below the horizon") {
  NodeStatus status = status_at(300'000, 300'000, 300'000);
  status.garbage.horizon = at(150'000);
  const ExplainedValue counter = counter_of({increment(200'000, kBob, 0xb1, -3), base(100'000, 40), increment(140'000, kAnna, 0xa1, 5)});
  const Lines lines = history_in_words(counter, lives(), status);
  REQUIRE(lines.size() == 4);
  CHECK(lines[0] == "40 in the base, which has all increments up to 22:15:00 UTC and needs none of them any more");
  CHECK(lines[1] == "+5 at 22:15:40 UTC by session aaaa0000 through n1 (below the horizon: to be folded): seen by all: n1, n2 and n3");
  CHECK(lines[2] == "-3 at 22:16:40 UTC by session bbbb0000 through n2: seen by all: n1, n2 and n3");
  CHECK(lines[3].starts_with("the last of these increments has been seen by all, and is folded at about 22:26:40 UTC"));
}

TEST_CASE("explain words: of many entries the newest are told, and of many members some are named") {
  std::vector<ExplainedEntry> entries = {base(1, 7)};
  for (int i = 0; i < 100; ++i) entries.push_back(increment(100 + i, kAnna, 0xa1, i + 1));
  NodeStatus status = status_at(300'000, 300'000, 300'000);
  Lines lines = history_in_words(counter_of(entries), lives(), status);
  REQUIRE(lines.size() == 1 + 1 + kEntriesTold + 1);
  CHECK(lines[0] == "80 earlier ones are left out");
  CHECK(lines[1].starts_with("7 in the base"));
  CHECK(lines[2].starts_with("+81 "));
  CHECK(lines[kEntriesTold + 1].starts_with("+100 "));
  ExplainedValue cut = counter_of({base(1, 7)});
  cut.entries_cut = true;
  CHECK(history_in_words(cut, lives(), status)[0] == "there is more than is told here");
  for (int i = 0; i < 20; ++i) {
    status.members.push_back(status.members[1]);
    status.members.back().name = "m" + std::to_string(i);
  }
  lines = history_in_words(written(value_of(100, kAnna, 0xa1, "1f")), lives(), status);
  CHECK(lines[0].ends_with("seen by all: n1, n2, n3, m0, m1, m2, m3, m4 and 15 more"));
}

TEST_CASE("explain words: a damaged row has no history") {
  ExplainedValue damaged;
  damaged.kind = "set";
  damaged.damaged = true;
  CHECK(history_in_words(damaged, lives(), status_at(1, 1, 1)).empty());
  CHECK(value_in_words(damaged, lives(), "\"tea\"") == "\"tea\": its row is damaged on this disk; a peer is being asked for it");
}

}  // namespace
}  // namespace kith
