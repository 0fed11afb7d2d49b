#include "tools/kith/directory_facts.h"

#include <set>

#include "crdt/tag.h"

namespace kith::tools {

DirectoryFacts look_at(const OfflineStore& store, const std::string& directory) {
  DirectoryFacts out;
  out.backup = read_backup_note(directory);
  const auto snapshot = store.snapshot();
  out.owner = owner_of(*snapshot);
  snapshot->scan({}, {}, [&](const StoreKey& key, const Row* row) {
    if (row == nullptr) {
      ++out.damaged_rows;
      return true;
    }
    RowFacts& facts = out.tables[{row->cell.table, row->cell.kind}];
    ++facts.rows;
    facts.bytes += row->bytes;
    const bool present = row->content.present() && !snapshot->passed(key, row->content);
    facts.live += present ? 1 : 0;
    if (row->content.holds(Kind::kSet)) {
      facts.removed_entries += row->content.as_set_element().removed().size();
    } else {
      facts.removed_entries += present ? 0 : 1;
    }
    return true;
  });
  std::set<OriginId> origins;
  for (const ShardId shard : snapshot->shards()) {
    if (shard != kSystemShard) ++out.shards_used;
    for (const auto& [origin, at] : snapshot->held(shard)) {
      ++out.clock_entries;
      origins.insert(origin);
      out.newest = std::max(out.newest, at);
    }
  }
  out.clock_origins = origins.size();
  return out;
}

std::string whose(const DirectoryFacts& facts) {
  const std::string cluster =
      facts.owner.cluster ? " of cluster " + facts.owner.cluster_name + " (" + to_hex(facts.owner.cluster.value) + ")"
                          : ", which has not joined a cluster yet";
  if (facts.backup) {
    return "a backup of node " + facts.backup->name + " (" + to_hex(facts.backup->node.value) + ")" + cluster +
           ", taken at " + facts.backup->taken;
  }
  if (!facts.owner.node) return "a store that is no node's yet" + (facts.owner.cluster ? "," + cluster : std::string());
  return "the data of node " + facts.owner.node_name + " (" + to_hex(facts.owner.node.value) + ")" + cluster;
}

}  // namespace kith::tools
