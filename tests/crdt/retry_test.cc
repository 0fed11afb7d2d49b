// f(g(f(x))) = g(f(x)): a retry changes nothing, wherever it lands and in whatever order the news of it travels.
//
// Two replicas hold x.  One client operation f is taken in by one of them, f again (the retry, same tag, another
// commit) by one of them, and g by one of them; each delta is delivered to the other replica, at any time after it was
// made.  Every interleaving of these six steps is run.  A third replica gets the deltas alone, in every order.
//
// The law is checked against a run in which the retry is replaced by a delivery of f's first delta: sending an
// operation again must do no more than bring the news of it.

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "tests/crdt/universe.h"

using namespace kith;
using namespace kith::test;

namespace {

enum Step : int { kF, kG, kAgain, kDeliverF, kDeliverG, kDeliverAgain };
using Schedule = std::array<int, 6>;

// All orders in which a delta is made before it is delivered, and the first attempt is made before the retry: 45.
std::vector<Schedule> all_schedules() {
  std::vector<Schedule> out;
  Schedule order{0, 1, 2, 3, 4, 5};
  do {
    const auto place = [&](int step) { return std::find(order.begin(), order.end(), step) - order.begin(); };
    if (place(kF) < place(kDeliverF) && place(kG) < place(kDeliverG) && place(kAgain) < place(kDeliverAgain) &&
        place(kF) < place(kAgain)) {
      out.push_back(order);
    }
  } while (std::next_permutation(order.begin(), order.end()));
  return out;
}

struct SetOperation {
  using State = SetElement;
  bool removal;
  Tag tag;
  SetElement operator()(SetElement& state, Commit by) const {
    return removal ? state.remove(tag, by) : state.add(tag, by);
  }
  std::string text() const { return (removal ? "remove " : "add ") + to_string(tag); }
};

struct RegisterOperation {
  using State = Register;
  const char* value;  // Null: erase.
  Tag tag;
  Register operator()(Register& state, Commit by) const {
    return value != nullptr ? state.set(value, tag, by) : state.erase(tag, by);
  }
  std::string text() const { return (value != nullptr ? value : "erase") + (" " + to_string(tag)); }
};

struct Places { int f, g, again; };

struct Commits { Commit f, g, again; };

template <class Operation>
struct Run {
  using State = typename Operation::State;
  std::array<State, 2> replicas;
  State f_delta, g_delta, again_delta;

  Run(const State& x, const Operation& f, const Operation& g, const Schedule& schedule, Places at, const Commits& by,
      bool retries)
      : replicas{x, x} {
    const auto here = [&](int place) -> State& { return replicas[static_cast<std::size_t>(place)]; };
    for (const int step : schedule) {
      switch (step) {
        case kF: f_delta = f(here(at.f), by.f); break;
        case kG: g_delta = g(here(at.g), by.g); break;
        case kAgain:
          if (retries) {
            again_delta = f(here(at.again), by.again);
          } else if (here(at.again).join(f_delta)) {
            again_delta = f_delta;
          }
          break;
        case kDeliverF: here(1 - at.f).join(f_delta); break;
        case kDeliverG: here(1 - at.g).join(g_delta); break;
        case kDeliverAgain: here(1 - at.again).join(again_delta); break;
        default: break;
      }
    }
  }
};

// What of a state a retry must leave alone, commits included.  Not dead adds and not removals: an add that is dead here
// may be recorded where that is not known yet, and a removal of an add that its own actor has since replaced.
ActorMap lasting(SetElement state) {
  state.drop_dead();
  return state.adds();
}
Register lasting(const Register& state) { return state; }

// Returns what is wrong, or nothing.
template <class Operation>
const char* wrong_with(const typename Operation::State& x, const Operation& f, const Operation& g,
                       const Schedule& schedule, Places at, const Commits& by, bool retry_is_harmless) {
  const Run<Operation> real(x, f, g, schedule, at, by, true);
  if (!(real.replicas[0] == real.replicas[1])) return "all deltas are delivered and the replicas differ";

  std::array<const typename Operation::State*, 3> deltas{&real.f_delta, &real.g_delta, &real.again_delta};
  std::array<int, 3> order{0, 1, 2};
  do {
    typename Operation::State onlooker = x;
    for (const int i : order) onlooker.join(*deltas[static_cast<std::size_t>(i)]);
    if (!(onlooker == real.replicas[0])) return "a replica that got the deltas alone differs";
  } while (std::next_permutation(order.begin(), order.end()));

  if (!retry_is_harmless) return nullptr;
  const Run<Operation> told(x, f, g, schedule, at, by, false);
  if (real.replicas[0].present() != told.replicas[0].present()) return "the retry changed whether it is present";
  if (real.replicas[0].observable_hash() != told.replicas[0].observable_hash()) return "the retry changed what is live";
  const bool same = lasting(real.replicas[0]) == lasting(told.replicas[0]);
  if (by.f < by.again && !same) return "the retry changed a commit";
  return nullptr;
}

template <class Operation, class Harmless>
void run_all(const std::vector<typename Operation::State>& states, const std::vector<Operation>& operations,
             std::size_t stride, Harmless retry_is_harmless) {
  const auto schedules = all_schedules();
  REQUIRE(schedules.size() == 45);
  const Commits usual{commit(50, 101), commit(51, 102), commit(52, 103)};
  // A retry may carry the earlier commit: the node that took it in has a slower clock.
  const Commits swapped{commit(52, 103), commit(51, 102), commit(50, 101)};
  std::size_t turn = 0;
  for (const auto& x : states) {
    for (const Operation& f : operations) {
      for (const Operation& g : operations) {
        if (f.tag == g.tag) continue;  // A tag is minted once.
        const bool harmless = retry_is_harmless(f, g);
        for (const Schedule& schedule : schedules) {
          for (int place = 0; place < 4; ++place) {  // f is at replica 0: which is which does not matter.
            if (turn++ % stride != 0) continue;
            const Places at{0, place & 1, place >> 1};
            const Commits& by = turn / stride % 2 == 0 ? swapped : usual;
            if (const char* wrong = wrong_with(x, f, g, schedule, at, by, harmless)) {
              std::string steps;
              for (const int step : schedule) steps += std::to_string(step) + " ";
              INFO("x: ", text_of(x), "\nf: ", f.text(), "\ng: ", g.text(), "\nsteps: ", steps, " g at ", at.g,
                   " again at ", at.again);
              FAIL(std::string(wrong));
            }
          }
        }
      }
    }
  }
}

}  // namespace

// SUBTLE: the one retry that may do more than bring news is a remove that finds, at its retry, somebody else's *older*
// add which its first attempt had not observed: see "a retried remove observes anew" in set_element_test.cc.  Replicas
// agree then too, and no add that is newer than the remove is ever touched; that much is checked for all.
TEST_CASE("set element: a retry is as good as news of the first attempt (every interleaving)") {
  std::vector<SetOperation> operations;
  for (const bool removal : {false, true}) {
    for (const std::uint64_t actor : {1u, 2u, 3u}) {
      for (const std::uint64_t at : {2u, 4u}) operations.push_back({removal, tag(at, actor)});
    }
  }
  // Tags 1 and 3 lie in x, so that f and g at 2 and 4 come before, between and after.
  const auto states = all_set_elements(2, {1, 3});
  run_all(states, operations, kSanitized ? 41 : 1, [](const SetOperation& f, const SetOperation& g) {
    const bool may_observe_more = f.removal && !g.removal && g.tag < f.tag && g.tag.actor != f.tag.actor;
    return !may_observe_more;
  });
}

TEST_CASE("register: a retry is as good as news of the first attempt (every interleaving)") {
  std::vector<RegisterOperation> operations;
  for (const char* value : {"f", "g", static_cast<const char*>(nullptr)}) {
    for (const std::uint64_t actor : {1u, 2u}) {
      for (const std::uint64_t at : {1u, 2u}) operations.push_back({value, tag(at, actor)});
    }
  }
  run_all(all_registers(2, 2, 1), operations, kSanitized ? 7 : 1,
          [](const RegisterOperation&, const RegisterOperation&) { return true; });
}

// Goal: the checker itself notices a retry that does harm.
// Method: the retry is minted a new tag, as a client without tags would.
TEST_CASE("retry: without its tag, a retried add does bring back what was removed") {
  SetElement likes;
  CHECK_FALSE(likes.add(tag(10, 101), commit(10, 101)).empty());
  CHECK_FALSE(likes.remove(tag(20, 102), commit(20, 102)).empty());
  CHECK_FALSE(likes.add(tag(30, 101), commit(30, 101)).empty());
  CHECK(likes.present());
}
