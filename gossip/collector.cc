#include "gossip/collector.h"

#include <algorithm>

#include "crdt/counter.h"

namespace kith {

void Collector::begin() { next_at_ms_ = core_.now.monotonic_ms + core_.options.gossip_interval_ms; }

void Collector::tick() {
  if (!core_.options.collect || core_.now.monotonic_ms < next_at_ms_ || !core_.joined()) return;
  next_at_ms_ = core_.now.monotonic_ms + core_.options.gossip_interval_ms;
  more_ = false;
  const Timestamp horizon = std::max(horizon_.candidate(), core_.horizon);
  if (!horizon || core_.behind) return;
  const auto snapshot = core_.store.snapshot();
  auto shards = snapshot->shards();
  std::rotate(shards.begin(), std::lower_bound(shards.begin(), shards.end(), next_), shards.end());
  std::size_t entries = 0, rows = 0;
  folded_.clear();
  for (const ShardId shard : shards) {
    if (read(*snapshot, shard, horizon, entries, rows)) continue;
    next_ = shard;
    more_ = true;
    next_at_ms_ = core_.now.monotonic_ms + kPauseMs;
    break;
  }
  if (entries > 0) core_.count("collector_entries", entries);
  if (rows > 0) horizon_.raise(horizon);
}

bool Collector::read(const Snapshot& snapshot, ShardId shard, Timestamp horizon, std::size_t& entries, std::size_t& rows) {
  core_.count("collector_shards");
  Lsn& up_to = collected_up_to_[shard];
  bool within = true;
  snapshot.collectable_after(shard, up_to, [&](Lsn lsn, std::string_view key) {
    if (++entries > kEntriesPerStep || rows >= kRowsPerStep) return within = false;
    if (key.empty()) {
      up_to = lsn;
      return true;
    }
    Row row;
    const StoreKey store_key(key);
    if (snapshot.get(store_key, row) != Snapshot::Lookup::kFound) {  // Damaged: what it is mended with moves to the end.
      up_to = lsn;
      return true;
    }
    if (const auto tag = row.cell.kind == Kind::kCounter ? increment_tag(row.cell.member) : std::nullopt) {
      if (tag->at > horizon) return false;
      // Oldest first, and in one place with all others of its counter: what is folded is gone from the feed by the next step.
      if (folded_.insert(row.cell.key).second) {
        rows += kIncrementsPerFold;
        core_.out->store.fold({shard, row.cell.table, row.cell.key, horizon, kIncrementsPerFold});
        core_.count("counters_folded");
      }
      return within = false;
    }
    Content left = row.content;
    if (left.collect(horizon)) {
      ++rows;
      core_.out->store.collect(store_key, horizon);
      core_.count(left.empty() ? "rows_collected" : "rows_collected_in_part");
    }
    // SUBTLE: what is not settled yet will be; until then what is behind it waits, at most one retry window.
    if (left.collectable()) return false;
    up_to = lsn;
    return true;
  });
  return within;
}

}  // namespace kith
