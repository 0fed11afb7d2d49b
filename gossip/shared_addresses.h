// gossip/shared_addresses.h -- members that tell an address that is another's.
//
// Two that are both heard of and tell one address are named in the log: what is meant for one of them goes to the other.  Nothing
// else follows from it.  Of two of whom one is not heard of, the other may well have got its address.
// Tests: tests/node/join_test.cc
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "gossip/core.h"

namespace kith {

class SharedAddresses {
 public:
  static constexpr std::uint64_t kRoundsBetweenLooks = 16;

  explicit SharedAddresses(Core& core) : core_(core) {}

  void tick();  // Once a round.

 private:
  Core& core_;
  std::uint64_t rounds_since_ = 0;
  std::set<std::string> told_;  // Once a life.
};

}  // namespace kith
