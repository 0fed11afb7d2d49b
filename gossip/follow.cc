#include "gossip/follow.h"

#include <algorithm>
#include <iterator>

namespace kith {
namespace {

constexpr std::size_t kAheadMax = 64 * 1024;  // Shards times lives.

template <class... Bodies>
bool is_one_of(const Body& body) {
  return (std::holds_alternative<Bodies>(body) || ...);
}

}  // namespace

bool takes(const Core& core, const Envelope& from) {
  if (!core.unheeded(from.sender)) return !core.observer() || !is_one_of<EvictBody, VoteBody>(from.body);
  if (const auto* push = std::get_if<PushBody>(&from.body)) return push->parts.empty();
  if (is_one_of<SummaryBody>(from.body)) return !core.observer();
  return is_one_of<PullBody, AuditBody, RepairBody, RebaseBody, FetchBody, AckBody, StoppingBody>(from.body);
}

std::vector<NodeId> Follow::heard_lately() {
  std::vector<NodeId> out = core_.other_replicas();
  std::erase_if(out, [&](NodeId node) { return !core_.heard_lately(node); });
  return out;
}

bool Follow::tables_stay_apart() {
  const std::vector<NodeId> replicas = heard_lately();
  const std::uint64_t ours = core_.members.version();
  const std::uint64_t theirs = replicas.empty() ? ours : core_.peers[replicas.front()].members_version;
  const bool one = std::all_of(replicas.begin(), replicas.end(), [&](NodeId node) { return core_.peers[node].members_version == theirs; });
  if (!one || theirs == ours) {
    apart_since_ms_ = -1;
    return false;
  }
  if (const std::pair now{ours, theirs}; apart_since_ms_ < 0 || apart_ != now) {
    apart_ = now;
    apart_since_ms_ = core_.now.monotonic_ms;
    told_of_table_ = 0;
  }
  return core_.now.monotonic_ms - apart_since_ms_ >= kStraysAfterMs && told_of_table_ >= kToldLeast;
}

void Follow::pulled(NodeId from, ShardId shard, const CommitClock& theirs) {
  if (!core_.observer() || !core_.options.collect) return;
  told_of_table_ += shard == kSystemShard ? 1 : 0;
  for (auto at = ahead_.lower_bound({shard, OriginId{}}); at != ahead_.end() && at->first.first == shard;) {
    const bool has = covers(theirs, {at->second.by, at->first.second}) || core_.clocks.held(shard, at->first.second) < at->second.by;
    at = has ? ahead_.erase(at) : std::next(at);
  }
  for (const auto& [origin, held] : core_.clocks.held(shard)) {
    if (covers(theirs, {held, origin}) || ahead_.size() >= kAheadMax) continue;
    Ahead& ahead = ahead_.try_emplace({shard, origin}, Ahead{held, core_.now.monotonic_ms, {}}).first->second;
    ahead.lacking.insert(from);
  }
}

// Of a life that is open, or that is in their clocks no more.
bool Follow::nobody_has_what_we_hold() {
  const std::vector<NodeId> replicas = heard_lately();
  if (replicas.empty()) return false;
  return std::any_of(ahead_.begin(), ahead_.end(), [&](const auto& item) {
    const Ahead& ahead = item.second;
    return core_.now.monotonic_ms - ahead.since_ms >= kStraysAfterMs &&
           std::all_of(replicas.begin(), replicas.end(), [&](NodeId node) { return ahead.lacking.contains(node); });
  });
}

void Follow::tick(bool above_all_others) {
  if (!core_.observer() || !core_.options.collect || core_.behind || core_.returning) return;
  if (!above_all_others) above_since_ms_ = -1;
  else if (above_since_ms_ < 0) above_since_ms_ = core_.now.monotonic_ms;
  const bool above = above_since_ms_ >= 0 && core_.now.monotonic_ms - above_since_ms_ >= kStraysAfterMs;
  if (!above && !tables_stay_apart() && !nobody_has_what_we_hold()) return;
  core_.strayed = true;
  core_.count("strayed");
}

}  // namespace kith
