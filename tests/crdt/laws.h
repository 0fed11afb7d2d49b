// tests/crdt/laws.h -- the laws of a join-semilattice, for one pair or triple of states.
//
// Each says which law is broken, or nothing.  Plain functions and not doctest's CHECK, because they run by the million.
#pragma once

#include <doctest/doctest.h>

#include <string>

#include "tests/crdt/universe.h"

namespace kith::test {

template <class State>
const char* broken_law(const State& a, const State& b) {
  State ab = a;
  const bool changed = ab.join(b);
  if (changed == (ab == a)) return "join() tells whether anything changed";
  State ba = b;
  ba.join(a);
  if (!(ab == ba)) return "join is commutative";
  if (ab.join(a) || ab.join(b)) return "what is joined in already changes nothing";
  return nullptr;
}

template <class State>
const char* broken_law(const State& a, const State& b, const State& c) {
  if (!(joined(joined(a, b), c) == joined(a, joined(b, c)))) return "join is associative";
  return nullptr;
}

template <class State>
const char* broken_law(const State& a) {
  State twice = a;
  if (twice.join(a) || !(twice == a)) return "join is idempotent";
  if (!(joined(a, State{}) == a) || !(joined(State{}, a) == a)) return "the empty state is neutral";
  return nullptr;
}

}  // namespace kith::test

// Fails the test with the states in hand when a law is broken.
#define KITH_LAW1(a)                                                                                    \
  if (const char* broken = kith::test::broken_law(a)) {                                                 \
    INFO("a: ", kith::test::text_of(a));                                                                \
    FAIL(std::string(broken));                                                                          \
  }
#define KITH_LAW2(a, b)                                                                                 \
  if (const char* broken = kith::test::broken_law(a, b)) {                                              \
    INFO("a: ", kith::test::text_of(a), "\nb: ", kith::test::text_of(b));                               \
    FAIL(std::string(broken));                                                                          \
  }
#define KITH_LAW3(a, b, c)                                                                              \
  if (const char* broken = kith::test::broken_law(a, b, c)) {                                           \
    INFO("a: ", kith::test::text_of(a), "\nb: ", kith::test::text_of(b), "\nc: ", kith::test::text_of(c)); \
    FAIL(std::string(broken));                                                                          \
  }
