// gossip/replication.h -- how many members keep a piece of data: the cluster's replication factor, and levels made of it.
//
// Fixed at the creation of the cluster, beside its id and its shard count.  Who gave none has kReplicasDefault, or all members
// as long as they are fewer.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "crdt/limits.h"

namespace kith {

struct ReplicationFactor {
  std::uint32_t given = 0;  // 0: nobody did.

  std::uint32_t number() const { return given != 0 ? given : kReplicasDefault; }
  std::uint32_t of(std::size_t members) const {
    return given != 0 ? given : std::clamp<std::uint32_t>(static_cast<std::uint32_t>(members), 1, kReplicasDefault);
  }
  friend bool operator==(const ReplicationFactor&, const ReplicationFactor&) = default;
};

enum class QuorumRule : std::uint8_t { kMajority, kTwoThirds };

// The least number of replicas of which any two choices have one in common; of kTwoThirds, a third.
std::uint32_t quorum_of(std::uint32_t replicas, QuorumRule rule);

// "keeps 2 replicas, fixed at its creation"
std::string replication_is(const ReplicationFactor& replication);

}  // namespace kith
