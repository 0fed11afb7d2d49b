// gossip/placement.h -- which members hold which shard: a pure function of who is there and of how much each can take.
//
// Weighted rendezvous hashing (Thaler and Ravishankar, "Using name-based mappings to increase hit rates", 1998) gives each shard an
// order of all members, of which a new one changes nothing but its own place, and a shard goes to the first R.  Alone it leaves shares
// 15 to 30 % apart.  So loads are bounded (Mirrokni, Thorup, Zadimoghaddam, "Consistent hashing with bounded loads", 2016): who has its share and
// a tenth more is passed over, shard by shard in their order.
// Two things are ours, and both keep members from coming to their bound, where one move brings about another:
//   - The hashes of one member are spread evenly: its n-th lowest counts as n / shards.  That takes two thirds of the chance out of
//     a share, for three replicas.
//   - A weight is turned into the rate at which a member is among the first R as often as is its due, -log(1 - due / shards).  With the
//     weight itself a heavy one among few gets less than its due, being counted once a shard.
//
// Laws (tests/gossip/placement_test.cc):
//   I1. Equal members give equal placements, in whatever order they are named, on every machine: integers only.
//   I2. Each shard has min(R, members that take any) replicas, all different.
//   I3. Nobody has more than 1.1 of its due, or its due rounded up where that is more.
// SUBTLE: the bound and little moving work against each other where few shards are due to a node: with one replica and 16 shards a node
// a join moves twice what is due to it.  What a change moves, and what it costs to compute: `kith-bench placement`, docs/BENCHMARKS.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "crdt/ids.h"

namespace kith {

struct PlacementMember {
  NodeId node;
  std::uint32_t weight = 1;     // 0: takes nothing.
  bool observer = false;        // Copies and answers, and counts for nothing: takes nothing.
  friend bool operator==(const PlacementMember&, const PlacementMember&) = default;
};

class Placement {
 public:
  // REQUIRES: no node twice; 1 <= shards <= kShardsMax.  Cost: members times shards; 64 times 1,024 take some milliseconds.
  Placement(std::vector<PlacementMember> members, std::uint32_t shards, std::size_t replicas);

  // The first choice first.  Empty when nobody takes any.  Lives as long as this.
  std::span<const NodeId> replicas(ShardId shard) const {
    return std::span(places_).subspan(std::size_t{shard} * replicas_, replicas_);
  }
  std::uint32_t shards() const { return shards_; }
  std::size_t replica_count() const { return replicas_; }  // What was asked for, or all when they are fewer.

  struct Share {
    NodeId node;
    std::uint32_t held = 0;     // Shards.
    std::uint32_t most = 0;     // That it may hold.
    double due = 0;             // For people; nothing is computed with it.
  };
  const std::vector<Share>& shares() const { return shares_; }  // In order of node; of those that take any.

 private:
  struct Taker;
  void place(std::vector<Taker>& takers);
  void fill_gaps(std::vector<Taker>& takers, std::vector<std::vector<std::uint32_t>>& chosen) const;

  std::uint32_t shards_;
  std::size_t replicas_;
  std::vector<NodeId> places_;  // replicas_ for each shard.
  std::vector<Share> shares_;
};

}  // namespace kith
