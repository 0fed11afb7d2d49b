#include "gossip/roster_of.h"

#include <algorithm>

namespace kith {
namespace {

// A member is heard of directly, by one message in a round that goes to somebody at random.  Of n - 1 others each says something
// to each of the others, or is told something by it, every (n - 1) / 2 rounds: eight of these in a row are not missed by chance
// (e^-8 is once in three thousand), and never less than what a person would call silent.
constexpr std::int64_t kSilentMsLeast = 10'000;
constexpr std::int64_t kRoundsMissed = 8;

}  // namespace

bool living(const Core& core, NodeId node, Instant now) {
  if (node == core.self.node) return !core.stopping && !core.leaving;
  const auto peer = core.peers.find(node);
  // Two observers have nothing to tell each other: what there is to know of it failure detection tells.
  if (core.observer() && core.members.observes(node)) return !core.believed_dead(node) && (peer == core.peers.end() || !peer->second.stopping);
  if (peer == core.peers.end() || peer->second.stopping || peer->second.heard_at_ms < 0 || core.believed_dead(node)) return false;
  const auto others = static_cast<std::int64_t>(core.members.ids().size()) - 1;
  const std::int64_t silent_ms = std::max(kSilentMsLeast, kRoundsMissed * core.options.gossip_interval_ms * others / 2);
  return now.monotonic_ms - peer->second.heard_at_ms < silent_ms;
}

Roster roster_of(const Core& core, Instant now) {
  Roster out;
  if (!core.joined()) return out;
  out.cluster = core.self.cluster;
  out.name = core.self.cluster_name;
  out.replication = core.self.replication;
  for (const NodeId node : core.members.ids()) {
    const MemberRecord& record = core.member(node)->record;
    // Who is on its way out takes no writes: nobody shall go there, and it counts for nothing.
    out.members.push_back({node, record.name, record.client_address, !record.leaving && living(core, node, now), record.role == Role::kObserver});
  }
  std::sort(out.members.begin(), out.members.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return out;
}

}  // namespace kith
