#include "gossip/owner.h"

#include <algorithm>

#include "gossip/core.h"
#include "gossip/member_table.h"

namespace kith {

Owner owner_of(const Snapshot& snapshot) {
  Owner out;
  out.node = NodeId{meta::decode_number(snapshot.meta(meta::kNodeId))};
  out.node_name = snapshot.meta(meta::kNodeName).value_or("");
  out.cluster = ClusterId{meta::decode_number(snapshot.meta(meta::kClusterId))};
  out.cluster_name = snapshot.meta(meta::kClusterName).value_or("");
  out.shard_count = static_cast<std::uint32_t>(meta::decode_number(snapshot.meta(meta::kShardCount)));
  out.retry_window_ms = static_cast<std::int64_t>(meta::decode_number(snapshot.meta(meta::kRetryWindow)));
  out.replication.given = static_cast<std::uint32_t>(meta::decode_number(snapshot.meta(meta::kReplicas)));
  return out;
}

std::vector<std::string> member_names(const Snapshot& snapshot) {
  MemberTable members;
  snapshot.scan(shard_prefix(kSystemShard), {}, [&](const StoreKey&, const Row* row) {
    if (row == nullptr) return true;
    if (node_of_evicted_cell(row->cell)) (void)members.merge_evicted(row->cell, row->content);
    else (void)members.merge(row->cell, row->content);
    return true;
  });
  std::vector<std::string> out;
  for (const NodeId node : members.ids()) out.push_back(members.find(node)->record.name);
  std::sort(out.begin(), out.end());
  return out;
}

Timestamp newest_held(const Snapshot& snapshot) {
  Timestamp newest;
  for (const ShardId shard : snapshot.shards()) {
    for (const auto& [origin, at] : snapshot.held(shard)) newest = std::max(newest, at);
  }
  return newest;
}

StoreBatch without_owner(const Snapshot& snapshot) {
  StoreBatch out;
  for (const std::string& name : {meta::kNodeId, meta::kNodeName, meta::kOrigin, meta::kIntroduced, meta::kVote, meta::kReturned, meta::kBackSince, meta::kReturning, meta::kUnheardOf, meta::kRole}) out.forget_meta(name);
  const Timestamp lease{meta::decode_number(snapshot.meta(meta::kLease))};
  out.set_meta(meta::kLease, meta::encode_number(std::max(lease, newest_held(snapshot)).value));
  for (const ShardId shard : snapshot.shards()) out.forget_cursors(shard);
  return out;
}

}  // namespace kith
