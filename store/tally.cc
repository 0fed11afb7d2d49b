#include "store/tally.h"

#include <algorithm>
#include <map>

#include "store/cell_digest.h"
#include "store/records.h"

namespace kith {
namespace {

void write_sum(WriteTransaction& transaction, std::string_view key, std::uint64_t by) {
  if (by != 0) transaction.put(Database::kFingerprints, key, encode_u64(read_sum(transaction, key) + by));
}

void write_roots(WriteTransaction& transaction, ShardId shard, std::uint64_t by) {
  write_sum(transaction, shard_root_key(shard), by);
  if (shard != kSystemShard) write_sum(transaction, kRootKey, by);
}

std::uint64_t sum_of(const Buckets& buckets) {
  std::uint64_t sum = 0;
  for (const std::uint64_t bucket : buckets) sum += bucket;
  return sum;
}

std::uint64_t bucket_at(std::string_view record, std::size_t i) {
  return record.size() == kQuarterBytes ? ByteReader(record.substr(i * 8, 8)).u64() : 0;
}

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

std::uint64_t read_sum(const ReadTransaction& transaction, std::string_view root_key) {
  const auto bytes = transaction.get(Database::kFingerprints, root_key);
  return bytes ? decode_u64(*bytes).value_or(0) : 0;
}

Buckets read_buckets(const ReadTransaction& transaction, ShardId shard) {
  Buckets buckets{};
  for (std::size_t quarter = 0; quarter < kQuarters; ++quarter) {
    const auto record = transaction.get(Database::kFingerprints, quarter_key(shard, quarter));
    if (!record) continue;
    for (std::size_t i = 0; i < kBucketsPerQuarter; ++i) buckets[quarter * kBucketsPerQuarter + i] = bucket_at(*record, i);
  }
  return buckets;
}

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
    if (shards_.empty() || shards_.back().shard != shard) shards_.push_back({shard, Buckets{}});
    const CellDigest digest(cell);
    shards_.back().by[digest.bucket()] += digest.fingerprint(after.observable) - digest.fingerprint(before.observable);
  }
}

void Tally::recount(std::string_view store_key) {
  recount_[shard_of_store_key(store_key)].emplace(value_of_store_key(store_key));
}

std::vector<StoreKey> Tally::write(WriteTransaction& transaction) {
  write_counts(transaction);
  write_fingerprints(transaction);
  std::vector<StoreKey> damaged;
  for (const auto& [shard, unknown] : recount_) recount_shard(transaction, shard, unknown, damaged);
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

void Tally::write_fingerprints(WriteTransaction& transaction) const {
  for (const auto& [shard, by] : shards_) {
    if (recount_.contains(shard)) continue;
    for (std::size_t quarter = 0; quarter < kQuarters; ++quarter) {
      const auto begin = by.begin() + static_cast<std::ptrdiff_t>(quarter * kBucketsPerQuarter);
      const auto end = begin + static_cast<std::ptrdiff_t>(kBucketsPerQuarter);
      if (std::all_of(begin, end, [](std::uint64_t sum) { return sum == 0; })) continue;

      const std::string key = quarter_key(shard, quarter);
      const std::string_view record = transaction.get(Database::kFingerprints, key).value_or(std::string_view());
      ByteWriter changed;
      for (std::size_t i = 0; i < kBucketsPerQuarter; ++i) {
        changed.u64(bucket_at(record, i) + by[quarter * kBucketsPerQuarter + i]);
      }
      transaction.put(Database::kFingerprints, key, changed.view());
    }
    write_roots(transaction, shard, sum_of(by));
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
  const std::uint64_t before = read_sum(transaction, shard_root_key(shard));
  for (std::size_t quarter = 0; quarter < kQuarters; ++quarter) {
    ByteWriter record;
    for (std::size_t i = 0; i < kBucketsPerQuarter; ++i) record.u64(buckets[quarter * kBucketsPerQuarter + i]);
    transaction.put(Database::kFingerprints, quarter_key(shard, quarter), record.view());
  }
  write_roots(transaction, shard, sum_of(buckets) - before);
}

}  // namespace kith
