#include "store/store_batch.h"

#include "crdt/check.h"
#include "crdt/counter.h"

namespace kith {

const Content* StoreBatch::pending(const CellKey& cell) const {
  if (cells_.empty()) return nullptr;
  const auto [begin, end] = by_hash_.equal_range(hash_of(cell));
  for (auto it = begin; it != end; ++it) {
    if (cells_[it->second].cell == cell) return &cells_[it->second].delta;
  }
  return nullptr;
}

StoreBatch::CellDelta& StoreBatch::entry_for(ShardId shard, const CellKey& cell, const Content& delta) {
  KITH_CHECK(delta.holds(cell.kind), "a delta of another shape than its cell", to_string(cell.kind));
  KITH_CHECK(delta.empty() || fits_its_cell(cell, delta), "a counter's cell with what is no increment and no base",
             cell.key);
  const std::uint64_t hash = hash_of(cell);
  const auto [begin, end] = by_hash_.equal_range(hash);
  for (auto it = begin; it != end; ++it) {
    CellDelta& entry = cells_[it->second];
    if (entry.cell != cell) continue;
    KITH_CHECK(entry.shard == shard, "one cell in two shards", entry.shard, shard);
    entry.delta.join(delta);
    return entry;
  }
  by_hash_.emplace(hash, cells_.size());
  return cells_.emplace_back(CellDelta{shard, cell, delta});
}

void StoreBatch::merge(ShardId shard, const CellKey& cell, const Content& delta) {
  KITH_CHECK(!delta.empty(), "a delta with nothing in it changes nothing: leave it out", cell.table, cell.key);
  entry_for(shard, cell, delta);
}

void StoreBatch::mend(ShardId shard, const CellKey& cell, const Content& content) {
  // An empty content comes without a shape of its own.
  entry_for(shard, cell, content.empty() ? Content(cell.kind) : content).mends = true;
}

void StoreBatch::hold(ShardId shard, OriginId origin, Timestamp held) {
  Timestamp& at = held_[{shard, origin}];
  if (at < held) at = held;
}

void StoreBatch::forget_clock(OriginId origin) {
  std::erase_if(held_, [&](const auto& item) { return item.first.second == origin; });
  clocks_forgotten_.insert(origin);
}

void StoreBatch::forget_cursors(ShardId shard) {
  std::erase_if(cursors_, [&](const auto& item) { return item.first.first == shard; });
  cursors_forgotten_.insert(shard);
}

const Content* StoreBatch::leaving(const StoreKey& key) const {
  const auto at = leaving_.find(key);
  return at == leaving_.end() ? nullptr : &at->second;
}

void StoreBatch::redo(Redone redone) {
  const auto [at, first] = leaving_.try_emplace(redone.key, redone.these);
  if (!first) (void)at->second.join(redone.these);
  redone_.push_back(std::move(redone));
}

bool StoreBatch::empty() const {
  return cells_.empty() && held_.empty() && cursors_.empty() && clocks_forgotten_.empty() && cursors_forgotten_.empty() &&
         meta_.empty() && forgotten_.empty() && collected_.empty() && dropped_.empty() && redone_.empty() && folds_.empty() &&
         meta_forgotten_.empty() && recounts_.empty() && passing_.limit == 0 && expiries_forgotten_.empty();
}

void StoreBatch::clear() {
  cells_.clear();
  by_hash_.clear();
  held_.clear();
  cursors_.clear();
  clocks_forgotten_.clear();
  cursors_forgotten_.clear();
  meta_.clear();
  meta_forgotten_.clear();
  recounts_.clear();
  forgotten_.clear();
  collected_.clear();
  dropped_.clear();
  redone_.clear();
  leaving_.clear();
  folds_.clear();
  passing_ = {};
  expiries_forgotten_.clear();
}

}  // namespace kith
