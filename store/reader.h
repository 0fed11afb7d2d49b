// store/reader.h -- a Snapshot of whatever a ReadTransaction sees: what the databases mean, read once for all stores.
#pragma once

#include <memory>

#include "store/store.h"
#include "store/transaction.h"

namespace kith {

class Reader final : public Snapshot {
 public:
  explicit Reader(std::unique_ptr<ReadTransaction> transaction);

  Lookup get(ShardId shard, const CellKey& cell, Row& out) const override;
  Lookup get(const StoreKey& key, Row& out) const override;
  std::optional<StoreKey> damage_beside(const StoreKey& key) const override;
  std::optional<StoreKey> damage_around(const StoreKey& prefix) const override;
  void scan(const StoreKey& prefix, const StoreKey& after, const VisitRow& visit) const override;
  void feed_after(ShardId shard, Lsn after, const VisitFeed& visit) const override;
  void collectable_after(ShardId shard, Lsn after, const VisitCollectable& visit) const override;
  Lsn feed_end(ShardId shard) const override;
  Lsn first_unseen(ShardId shard, const Covered& covered) const override;
  void keys(std::string_view table, std::string_view prefix, const std::optional<KeyPosition>& after,
            const VisitKey& visit) const override;
  std::uint64_t count(std::string_view table, std::string_view key, Kind kind) const override;
  void expiries(Expiries which, const VisitExpiry& visit) const override;
  std::int64_t passed_up_to_ms() const override;
  bool passed(const StoreKey& key, const Content& content) const override;
  Lookup counter(ShardId shard, std::string_view table, std::string_view key, CounterState& out) const override;
  CommitClock held(ShardId shard) const override;
  std::vector<ShardId> shards() const override;
  std::vector<ShardId> shards_kept() const override;
  std::uint64_t feed_sum(ShardId shard) const override;
  std::optional<Cursor> cursor(ShardId shard, NodeId peer) const override;
  std::optional<std::string> meta(const std::string& name) const override;
  Buckets buckets(ShardId shard) const override;
  std::uint64_t shard_root(ShardId shard) const override;
  std::uint64_t root() const override;
  std::vector<StoreKey> damaged(std::size_t most) const override;

 private:
  bool marked(std::string_view key) const;
  // The row under `key`, unless it is marked or cannot be read.
  std::optional<Row> sound(std::string_view key, std::string_view row) const;

  std::unique_ptr<ReadTransaction> transaction_;
  bool any_marked_;
  mutable std::unique_ptr<Walk> beside_;  // Of damage_beside(), which is asked for each key that is not there.
};

}  // namespace kith
