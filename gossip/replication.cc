#include "gossip/replication.h"

namespace kith {

std::uint32_t quorum_of(std::uint32_t replicas, QuorumRule rule) {
  return rule == QuorumRule::kTwoThirds ? (2 * replicas + 2) / 3 : replicas / 2 + 1;
}

std::string replication_is(const ReplicationFactor& replication) {
  return "keeps " + std::to_string(replication.number()) + (replication.number() == 1 ? " replica" : " replicas") + ", fixed at its creation";
}

}  // namespace kith
