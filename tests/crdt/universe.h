// tests/crdt/universe.h -- small universes of states to be exhaustive over, and larger ones to draw from.
//
// Actors are 1, 2, 3, ..; timestamps likewise.  Origins are 101, 102, ..: no session shares its number with a node.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "crdt/content.h"
#include "crdt/register.h"
#include "crdt/set_element.h"

namespace kith::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;  // Five to twenty times slower: exhaustive loops take every so-manieth state.
#else
inline constexpr bool kSanitized = false;
#endif

// KITH_TEST_SEED repeats a random test's failure; every such test prints its seed when it fails.
inline std::uint64_t test_seed(std::uint64_t otherwise) {
  const char* given = std::getenv("KITH_TEST_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 0) : otherwise;
}

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : generator_(seed) {}
  std::uint64_t word() { return generator_(); }
  std::uint64_t below(std::uint64_t bound) { return generator_() % bound; }
  std::uint64_t from(std::uint64_t low, std::uint64_t high) { return low + below(high - low + 1); }
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  std::string bytes(std::size_t size) {
    std::string out(size, '\0');
    for (char& c : out) c = static_cast<char>(generator_());
    return out;
  }

 private:
  std::mt19937_64 generator_;
};

inline Tag tag(std::uint64_t at, std::uint64_t actor) { return {Timestamp{at}, ActorId{actor}}; }
inline Commit commit(std::uint64_t at, std::uint64_t origin) { return {Timestamp{at}, OriginId{origin}}; }

// States of one entry each, from which join() builds every other.
inline SetElement added(Tag what, Commit by) {
  SetElement element;
  return element.add(what, by);
}
inline SetElement removed(Tag what, Commit by) {
  SetElement element = added(what, by);
  // Its actor is the origin and no session, so only what was observed is recorded.
  return element.remove({Timestamp{what.at.value + 1}, actor_of(by.origin)}, by);
}
inline Register written(std::string value, Tag what, Commit by) {
  Register state;
  return state.set(std::move(value), what, by);
}
inline Register erased(Tag what, Commit by) {
  Register state;
  return state.erase(what, by);
}

template <class State>
State joined(State a, const State& b) {
  a.join(b);
  return a;
}

inline std::string text_of(const ActorMap& map) {
  std::string out = "{";
  for (const auto& [actor, entry] : map) {
    out += " " + std::to_string(actor.value) + ":" + std::to_string(entry.at.value) + " by " +
           std::to_string(entry.commit.origin.value) + "@" + std::to_string(entry.commit.at.value);
  }
  return out + " }";
}
inline std::string text_of(const SetElement& state) {
  return "adds " + text_of(state.adds()) + " removed " + text_of(state.removed());
}
inline std::string text_of(const Register& state) {
  return (state.value() ? "'" + *state.value() + "'" : std::string("nothing")) + " tag " + to_string(state.tag()) +
         " commit " + to_string(Tag{state.commit().at, actor_of(state.commit().origin)});
}
inline std::string text_of(const Content& content) {
  return content.holds(Kind::kSet) ? text_of(content.as_set_element()) : text_of(content.as_register());
}

// All set elements over `actors` actors where each of adds and removed is none or one of `timestamps`, committed by one
// of `commits`: ((1 + timestamps * commits)^2)^actors states.
inline std::vector<SetElement> all_set_elements(std::uint64_t actors, const std::vector<std::uint64_t>& timestamps,
                                                std::uint64_t commits = 1) {
  std::vector<SetElement> states{SetElement{}};
  for (std::uint64_t actor = 1; actor <= actors; ++actor) {
    for (const bool removal : {false, true}) {
      std::vector<SetElement> grown = states;
      for (const std::uint64_t at : timestamps) {
        for (std::uint64_t c = 1; c <= commits; ++c) {
          const Commit by = commit(at + 10 * c, 100 + c);
          const SetElement one = removal ? removed(tag(at, actor), by) : added(tag(at, actor), by);
          for (const SetElement& state : states) grown.push_back(joined(state, one));
        }
      }
      states = std::move(grown);
    }
  }
  return states;
}

// The empty register, and every one over the given actors, timestamps, values (and deleted), commits.
inline std::vector<Register> all_registers(std::uint64_t actors, std::uint64_t timestamps, std::uint64_t commits) {
  std::vector<Register> states{Register{}};
  for (std::uint64_t actor = 1; actor <= actors; ++actor) {
    for (std::uint64_t at = 1; at <= timestamps; ++at) {
      for (std::uint64_t c = 1; c <= commits; ++c) {
        const Commit by = commit(at + 10 * c, 100 + c);
        states.push_back(erased(tag(at, actor), by));
        for (const char* value : {"", "a", "b"}) states.push_back(written(value, tag(at, actor), by));
      }
    }
  }
  return states;
}

// Up to `most` entries; actors are sessions and origins, and one tag may stand under different commits.
inline SetElement random_set_element(Dice& dice, std::uint64_t most = 6) {
  SetElement state;
  for (std::uint64_t n = dice.below(most + 1); n > 0; --n) {
    const Commit by = commit(dice.from(1, 9), 100 + dice.from(1, 3));
    const bool plain = dice.one_in(3);
    const Tag what = plain ? Tag{by.at, actor_of(by.origin)} : tag(dice.from(1, 5), dice.from(1, 5));
    state.join(dice.one_in(2) ? added(what, by) : removed(what, by));
  }
  return state;
}

inline Register random_register(Dice& dice) {
  if (dice.one_in(20)) return {};
  const Commit by = commit(dice.from(1, 9), 100 + dice.from(1, 3));
  const Tag what = dice.one_in(3) ? Tag{by.at, actor_of(by.origin)} : tag(dice.from(1, 4), dice.from(1, 3));
  if (dice.one_in(4)) return erased(what, by);
  return written(dice.bytes(dice.below(3)), what, by);
}

}  // namespace kith::test
