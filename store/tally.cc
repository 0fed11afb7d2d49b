#include "store/tally.h"

#include <algorithm>
#include <map>

#include "store/cell_digest.h"
#include "store/records.h"

namespace kith {
namespace {

void put_count(WriteTransaction& transaction, std::string_view value_key, std::string_view key, std::uint64_t live) {
  if (live == 0) {
    transaction.del(Database::kCounts, value_key);
  } else {
    transaction.put(Database::kCounts, value_key, encode_count(value_key, key, live));
  }
}

std::uint64_t read_count(const ReadTransaction& transaction, std::string_view value_key) {
  const auto bytes = transaction.get(Database::kCounts, value_key);
  const auto record = bytes ? decode_count(*bytes) : std::nullopt;
  return record ? record->live : 0;
}

}  // namespace

void Tally::change(ShardId shard, const CellKey& cell, std::string_view store_key, Share before, Share after) {
  if (before.present != after.present) {
    const std::string_view value_key = value_of_store_key(store_key);
    const std::int64_t by = after.present ? 1 : -1;
    if (!counts_.empty() && counts_.back().value_key == value_key) {
      counts_.back().by += by;
    } else {
      counts_.push_back({std::string(value_key), shard, &cell, by});
    }
  }
  if (before.observable != after.observable) {
    const CellDigest digest(cell);
    buckets_.push_back({shard, static_cast<std::uint8_t>(digest.bucket()),
                        digest.fingerprint(after.observable) - digest.fingerprint(before.observable)});
  }
}

void Tally::recount(std::string_view store_key) {
  recount_[shard_of_store_key(store_key)].emplace(value_of_store_key(store_key));
}

std::vector<StoreKey> Tally::write(WriteTransaction& transaction) {
  write_counts(transaction);
  change_buckets(transaction, buckets_);
  std::vector<StoreKey> damaged;
  for (const auto& [shard, unknown] : recount_) recount_shard(transaction, shard, unknown, damaged);
  if (doubted_) remake_root(transaction);
  return damaged;
}

void Tally::write_counts(WriteTransaction& transaction) {
  std::sort(counts_.begin(), counts_.end(),
            [](const CountChange& a, const CountChange& b) { return a.value_key < b.value_key; });
  for (std::size_t i = 0; i < counts_.size();) {
    const CountChange& change = counts_[i];
    std::int64_t by = 0;
    for (; i < counts_.size() && counts_[i].value_key == change.value_key; ++i) by += counts_[i].by;
    if (by == 0) continue;
    const std::uint64_t live = read_count(transaction, change.value_key);
    if (by < 0 && live < static_cast<std::uint64_t>(-by)) {
      recount_[change.shard].insert(change.value_key);  // The record is not what was written: the disk.
      continue;
    }
    put_count(transaction, change.value_key, change.cell->key, live + static_cast<std::uint64_t>(by));
  }
}

void Tally::recount_shard(WriteTransaction& transaction, ShardId shard, const std::set<std::string>& unknown,
                          std::vector<StoreKey>& damaged) const {
  struct Value {
    std::string key;
    std::uint64_t live = 0;
  };
  std::map<std::string, Value> wrong;  // By value key: those whose count is not what the rows say.
  for (const std::string& lost : unknown) wrong[lost];  // It may have no row left to be counted below.

  Buckets buckets{};
  std::string value_key;
  Value value;
  const auto finish_value = [&] {
    if (!value_key.empty() && (wrong.contains(value_key) || read_count(transaction, value_key) != value.live)) {
      wrong[value_key] = value;
    }
    value = Value{};
  };
  const std::string prefix = shard_prefix(shard);
  const auto rows = transaction.walk(Database::kCells);
  for (bool more = rows->seek(prefix); more && rows->key().starts_with(prefix); more = rows->next()) {
    if (value_of_store_key(rows->key()) != value_key) {
      finish_value();
      value_key = value_of_store_key(rows->key());
    }
    const auto row = decode_row(rows->key(), rows->value());
    if (!row) {
      if (!transaction.get(Database::kDamaged, rows->key())) damaged.emplace_back(rows->key());
      continue;
    }
    value.key = row->cell.key;
    value.live += row->content.present() ? 1 : 0;
    buckets[bucket_of(row->cell)] += fingerprint_of(row->cell, row->content);
  }
  finish_value();

  for (const auto& [counted, right] : wrong) put_count(transaction, counted, right.key, right.live);
  replace_buckets(transaction, shard, buckets);
}

}  // namespace kith
