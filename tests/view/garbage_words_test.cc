#include "node/view/garbage_words.h"

#include <doctest/doctest.h>

namespace kith {
namespace {

using Lines = std::vector<std::string>;

NodeStatus status() {
  NodeStatus status;
  status.name = "n1";
  status.now_ms = 1'700'000'000'000;  // 22:13:20
  status.garbage.collects = true;
  status.garbage.horizon_ms = status.now_ms - 600'000;
  status.garbage.held_by = "n4";
  status.garbage.held_at_ms = status.now_ms - 300'000;
  status.garbage.held_for_ms = 900;
  return status;
}

TEST_CASE("garbage: nothing is said where nothing is kept back") {
  CHECK(garbage_in_words(status()).empty());
  NodeStatus off = status();
  off.garbage.held_for_ms = 900'000;
  off.garbage.collects = false;
  CHECK(garbage_in_words(off).empty());
}

TEST_CASE("garbage: who holds the horizon, and since when") {
  NodeStatus held = status();
  held.garbage.held_for_ms = 300'000;
  CHECK(garbage_in_words(held) == Lines{"removal records since 22:03:20 UTC are kept: n4 holds the horizon; for 5.0 min it has confirmed nothing newer "
                                        "than 22:08:20 UTC; `kith evict n4` goes on without it"});
  held.garbage.evict_after_ms = 86'400'000;
  CHECK(garbage_in_words(held).front().find(" of silence the others go on without it") != std::string::npos);
  held.garbage.evicting = {"n4"};
  held.garbage.eviction_waits_for = {"n2", "n3"};
  MemberRow out_of_it;
  out_of_it.name = "n5";
  out_of_it.evicted = true;
  held.members.push_back(out_of_it);
  held.garbage.returning = true;
  const Lines evicting = garbage_in_words(held);
  REQUIRE(evicting.size() == 4);
  CHECK(evicting[1] == "the members agree on going on without n4: it waits for n2 and n3");
  CHECK(evicting[2] == "evicted, and not back: n5");
  CHECK(evicting[3].ends_with("was evicted while it was away: what it had taken in alone is done again"));
  held = status();
  held.garbage.horizon_ms = 0;
  held.garbage.held_at_ms = 0;
  held.garbage.held_for_ms = -1;
  CHECK(garbage_in_words(held) == Lines{"all removal records are kept: n4 has not said yet how far it is"});
}

TEST_CASE("garbage: what a node that was away too long is doing") {
  NodeStatus away = status();
  away.garbage.rebasing = true;
  CHECK(rebase_in_words(away.garbage) == "waits for a member that has all there is");
  away.garbage.onto = "n2";
  away.garbage.shards = 65;
  away.garbage.shards_done = 3;
  CHECK(garbage_in_words(away) == Lines{"n1 was away for longer than removals are remembered: reads may be stale and writes are refused until it is "
                                        "done (3 of 65 shards compared with n2)"});
}

TEST_CASE("garbage: where nobody is left that has all there is, the way out is said") {
  NodeStatus away = status();
  away.garbage.nobody_in_good_standing = away.garbage.rebasing = true;
  const std::string behind = "n1 was away for longer than removals are remembered: reads may be stale and writes are refused until it is done (waits for a member that has all there is)";
  CHECK(garbage_in_words(away) ==
        Lines{behind, "no member is heard of that has all there is: if none comes back, `kith recover` at the node with the newest data goes on with what that has"});
  away.garbage.recover_at = "n4";
  CHECK(garbage_in_words(away) ==
        Lines{behind, "no member is heard of that has all there is: if none comes back, `kith recover` at n4, which has seen the most, goes on with what that has"});
  // It has all there is, and something to do again, and all others wait for that.
  away.garbage.rebasing = false;
  away.garbage.recover_at = "n1";
  CHECK(garbage_in_words(away) == Lines{"what earlier lives of n1 took in alone waits to be done again: no member is heard of that has all there is: if none comes back, `kith "
                                        "recover` at n1, which has seen the most, goes on with what that has"});
}

TEST_CASE("garbage: what former lives wait for") {
  NodeStatus open = status();
  open.garbage.lives_to_close = 2;
  open.garbage.closing_waits_for = {"n2", "n3", "n4"};
  CHECK(garbage_in_words(open) == Lines{"2 former lives of n1 can be closed once it has been in step with n2, n3 and n4"});
  open.garbage.lives_to_close = 1;
  open.garbage.closing_waits_for = {"n2"};
  CHECK(garbage_in_words(open) == Lines{"1 former life of n1 can be closed once it has been in step with n2"});
}

TEST_CASE("garbage: where it is listed what a node did again") {
  NodeStatus it = status();
  CHECK(redone_in_words(it).empty());
  it.redone_file = "/srv/n1/redone.jsonl";
  it.redone_lines = 1;
  CHECK(redone_in_words(it) == "n1 found writes of its earlier lives that nobody else had seen, and did again what still counts: 1 line in "
                               "/srv/n1/redone.jsonl on its machine");
}

}  // namespace
}  // namespace kith
