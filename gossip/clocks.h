// gossip/clocks.h -- what this node holds of every origin, per shard, and digests of it.
//
//     held      the last commit of the origin in the shard up to which nothing is missing here; zero: none known
//     up to     "I hold everything this origin committed here up to then": at least held, the origin's start, and what
//               the origin (or somebody in step with it) promised.  A promise moves no data and is kept in memory only,
//               but for the floor (gossip/horizon.h).
//
// Invariants:
//   I1. Both only rise.
//   I2. digest(shard) is a function of the shard's held entries alone, so nodes that hold the same have equal digests.
//   I3. A life begins at its start, never at zero (DESIGN.md, section 7).
// Laws: tests/gossip/clocks_test.cc
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "crdt/tag.h"
#include "store/store.h"

namespace kith {

class Clocks {
 public:
  void begin_life(OriginId origin, Timestamp start);
  void close_life(OriginId origin, Timestamp final);  // It commits nothing above `final`.
  void end_life(OriginId origin);                      // Retired: out of everything.
  bool knows(OriginId origin) const;
  std::set<OriginId> known() const;
  bool whole(OriginId origin) const;                   // Closed, and held up to its final.
  std::set<OriginId> origins() const;                  // Of which something is held in some shard.

  // Each returns whether anything rose.
  bool hold(ShardId shard, OriginId origin, Timestamp commit);
  // Nothing of `origin` up to `at` is missing here, in any shard.
  bool promise(OriginId origin, Timestamp at);
  // Nothing of any origin that is known up to `at` is missing here.
  void promise_all(Timestamp at, const std::set<OriginId>& but = {});
  // The same of one origin for one shard.
  bool promise(ShardId shard, OriginId origin, Timestamp at);

  Timestamp held(ShardId shard, OriginId origin) const;
  Timestamp up_to(ShardId shard, OriginId origin) const;
  Timestamp up_to(OriginId origin) const;                // In every shard.
  // "I hold everything anyone committed up to then": the least of all origins but those that are closed and held whole.
  Timestamp floor() const;
  std::optional<OriginId> holds_floor() const;           // The one that is the least; none: there is none.
  CommitClock held(ShardId shard) const;                 // Sorted by origin; without zeros.
  bool behind(ShardId shard, const CommitClock& theirs) const;  // Some entry of theirs is above mine.
  std::vector<std::pair<OriginId, Timestamp>> newest_held() const;  // Over all shards.

  std::uint64_t digest() const { return digest_; }       // Over all shards: the sum of theirs.
  std::uint64_t digest(ShardId shard) const;
  std::vector<std::pair<ShardId, std::uint64_t>> digests() const;  // Of shards in which anything was committed.

 private:
  // Sorted by origin, in one piece: of a thousand members every node keeps a row each, in every shard they write to.
  struct Reach {
    OriginId origin;
    Timestamp held;
    Timestamp up_to;
  };
  struct Promise {
    OriginId origin;
    Timestamp at;
    Timestamp final;  // Zero: open.
    bool whole() const { return final && at >= final; }
  };
  struct Shard {
    std::vector<Reach> origins;
    std::uint64_t digest = 0;
  };
  const Reach* find(ShardId shard, OriginId origin) const;

  std::map<ShardId, Shard> shards_;
  std::vector<Promise> everywhere_;  // Starts and promises, for all shards.
  mutable std::optional<Timestamp> floor_;  // None: to be looked for.
  std::uint64_t digest_ = 0;
};

// Whether a holder of `held` has already got what was committed so.  An origin that is absent is covered by nothing.
// REQUIRES: sorted by origin.
bool covers(const CommitClock& held, const Commit& commit);

}  // namespace kith
