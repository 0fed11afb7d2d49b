// gossip/early_pushes.h -- pushes that came before their predecessors.
//
//     held ----------|            |== early ==|== early ==|         (previous, commit] of one origin in one shard
//                    |<- late  ->|                                 when it comes, the clock is raised through all three
//
// A push that overtakes another is merged at once and moves no clock: something before it is missing.  Mostly it is on
// its way, and only then, with what is remembered here, no pull is needed.
//
// Invariants:
//   I1. What is in here has been merged, in the batch at hand or before: a clock raised through it claims what is
//   there.
//   I2. At most kPerOriginMax intervals an origin and shard, kAllMax in all; the oldest are forgotten, and cost a pull.
// In memory only: a life begins with none.  Tests: tests/gossip/push_test.cc
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "crdt/ids.h"
#include "crdt/timestamp.h"

namespace kith {

class EarlyPushes {
 public:
  static constexpr std::size_t kPerOriginMax = 64;
  static constexpr std::size_t kAllMax = 4096;

  bool empty() const { return by_age_.empty(); }
  std::size_t size() const { return by_age_.size(); }
  bool has(ShardId shard, OriginId origin, Timestamp previous, Timestamp commit) const;

  // REQUIRES: what `origin` committed in `shard` after `previous` and up to `commit` is merged.
  void add(ShardId shard, OriginId origin, Timestamp previous, Timestamp commit);

  void forget(ShardId shard);

  // How far a clock that stands at `up_to` can be raised; nothing: not at all.  Forgets what is below.
  std::optional<Timestamp> take(ShardId shard, OriginId origin, Timestamp up_to);

 private:
  struct Interval {
    Timestamp previous;
    Timestamp commit;
    std::uint64_t number;  // In order of arrival.
  };
  using Place = std::pair<ShardId, OriginId>;
  void drop(std::uint64_t number);

  std::map<Place, std::vector<Interval>> by_place_;  // Never empty ones.
  std::map<std::uint64_t, Place> by_age_;
  std::uint64_t last_number_ = 0;
};

}  // namespace kith
