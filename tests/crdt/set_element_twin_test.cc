// A dumb twin of the set element, which keeps every tag that it ever heard of and finds out by looking.

#include <doctest/doctest.h>

#include <map>
#include <set>
#include <vector>

#include "tests/crdt/universe.h"

using namespace kith;
using namespace kith::test;

namespace {

// Every add, and every tag that some applied remove had observed.  To observe an add is to observe whatever its actor
// did before it, since an actor's later add replaces its earlier ones.
struct Twin {
  std::set<Tag> adds;
  std::set<Tag> observed;

  void observe(ActorId actor, Timestamp up_to) {
    for (std::uint64_t at = 1; at <= up_to.value; ++at) observed.insert({Timestamp{at}, actor});
  }

  void add(Tag what) {
    if (!observed.contains(what)) adds.insert(what);
  }

  void remove(Tag what, bool session) {
    std::map<ActorId, Timestamp> latest;
    for (const Tag& one : adds) latest[one.actor] = std::max(latest[one.actor], one.at);
    for (const auto& [actor, at] : latest) {
      if (at < what.at) observe(actor, at);
    }
    if (session) observe(what.actor, just_before(what.at));  // Its own earlier adds, known here or not.
  }

  void merge(const Twin& other) {
    adds.insert(other.adds.begin(), other.adds.end());
    observed.insert(other.observed.begin(), other.observed.end());
  }

  std::set<Tag> live() const {
    std::map<ActorId, Timestamp> latest;
    for (const Tag& one : adds) latest[one.actor] = std::max(latest[one.actor], one.at);
    std::set<Tag> out;
    for (const auto& [actor, at] : latest) {
      if (!observed.contains({at, actor})) out.insert({at, actor});
    }
    return out;
  }

  Twin since(const Twin& before) const {
    Twin delta;
    for (const Tag& one : adds) {
      if (!before.adds.contains(one) && live().contains(one)) delta.adds.insert(one);
    }
    for (const Tag& one : observed) {
      if (!before.observed.contains(one)) delta.observe(one.actor, one.at);
    }
    return delta;
  }
};

struct Replica {
  SetElement real;
  Twin twin;
};

std::set<Tag> live(const SetElement& element) {
  std::set<Tag> out;
  for (const auto& [actor, entry] : element.adds()) {
    if (!element.dead(actor, entry)) out.insert({entry.at, actor});
  }
  return out;
}

struct Operation {
  bool removal;
  Tag tag;  // Zero: the origin that takes it in gives its commit as the tag.
};

// Returns what has to travel.
Replica apply(const Operation& what, Commit by, Replica& at) {
  const bool session = static_cast<bool>(what.tag.at);
  const Tag tag = session ? what.tag : Tag{by.at, actor_of(by.origin)};
  const Twin before = at.twin;
  Replica delta;
  delta.real = what.removal ? at.real.remove(tag, by) : at.real.add(tag, by);
  if (what.removal) {
    at.twin.remove(tag, session);
  } else {
    at.twin.add(tag);
  }
  delta.twin = at.twin.since(before);
  return delta;
}

}  // namespace

// Method: three replicas take in operations and retries; deltas are lost, repeated and reordered; states are exchanged
//         whole, or without their dead adds, as pulls do.
TEST_CASE("set element: present exactly when some add was not observed by an applied remove (random histories)") {
  const std::uint64_t seed = test_seed(17);
  CAPTURE(seed);
  Dice dice(seed);
  int present = 0, absent = 0, retries_without_effect = 0;
  for (int history = 0; history < (kSanitized ? 300 : 3'000); ++history) {
    CAPTURE(history);
    std::vector<Replica> replicas(3);
    std::vector<Operation> issued;
    std::vector<Replica> deltas;
    std::uint64_t now = 5;
    for (int step = 0; step < 40; ++step) {
      const std::size_t here = static_cast<std::size_t>(dice.below(3)), there = static_cast<std::size_t>(dice.below(3));
      const Commit by = commit(now += dice.from(1, 2), 101 + here);
      switch (dice.below(4)) {
        case 0: {  // A new operation, sometimes of a session whose clock is a little behind.
          Operation fresh{dice.one_in(2), {}};
          if (!dice.one_in(3)) fresh.tag = tag(now - dice.below(4), dice.from(1, 3));
          for (const Operation& old : issued) {
            if (old.tag == fresh.tag) fresh.tag = {};  // A tag names one operation: this one goes without.
          }
          if (fresh.tag.at) issued.push_back(fresh);
          deltas.push_back(apply(fresh, by, replicas[here]));
          break;
        }
        case 1:  // A retry of any earlier one.
          if (issued.empty()) break;
          deltas.push_back(apply(issued[dice.below(issued.size())], by, replicas[here]));
          retries_without_effect += deltas.back().real.empty();
          break;
        case 2:  // A push, or an old one once more.
          if (deltas.empty()) break;
          {
            const Replica& delta = deltas[dice.below(deltas.size())];
            replicas[there].real.join(delta.real);
            replicas[there].twin.merge(delta.twin);
          }
          break;
        default: {
          SetElement sent = replicas[here].real;
          if (dice.one_in(2)) sent.drop_dead();
          replicas[there].real.join(sent);
          replicas[there].twin.merge(replicas[here].twin);
        }
      }
      for (const Replica& replica : replicas) {
        CAPTURE(step);
        REQUIRE(replica.real.present() == !replica.twin.live().empty());
        REQUIRE(live(replica.real) == replica.twin.live());
        ++(replica.real.present() ? present : absent);
      }
    }
    Replica all;
    for (const Replica& replica : replicas) {
      all.real.join(replica.real);
      all.twin.merge(replica.twin);
    }
    REQUIRE(live(all.real) == all.twin.live());
  }
  CHECK(present > 1'000);  // The histories were about something.
  CHECK(absent > 1'000);
  CHECK(retries_without_effect > 100);
}
