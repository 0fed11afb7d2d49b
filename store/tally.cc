#include "store/tally.h"

#include <algorithm>
#include <map>

#include "store/cell_digest.h"
#include "store/records.h"

namespace kith {
namespace {

struct Count {
  std::uint64_t live = 0;
  CounterSum sum;
  friend bool operator==(const Count&, const Count&) = default;
};

void put_count(WriteTransaction& transaction, std::string_view value_key, std::string_view key, const Count& count) {
  if (count.live == 0) {
    transaction.del(Database::kCounts, value_key);
  } else {
    transaction.put(Database::kCounts, value_key, encode_count(value_key, key, count.live, count.sum));
  }
}

// Nothing when the record is damaged.
std::optional<Count> read_count(const ReadTransaction& transaction, std::string_view value_key) {
  const auto bytes = transaction.get(Database::kCounts, value_key);
  if (!bytes) return Count{};
  const auto record = decode_count(value_key, *bytes);
  if (!record) return std::nullopt;
  return Count{record->live, record->sum};
}

}  // namespace

Tally::Share Tally::share_of(const CellKey& cell, const Content& content) {
  Share out{content.present(), CellDigest::observable_of(cell, content)};
  if (cell.kind == Kind::kCounter) out.sum = counter_share(cell, content);
  return out;
}

void Tally::change(ShardId shard, const CellKey& cell, std::string_view store_key, Share before, Share after) {
  if (before.present != after.present || before.sum != after.sum) {
    const std::string_view value_key = value_of_store_key(store_key);
    const std::int64_t by = (after.present ? 1 : 0) - (before.present ? 1 : 0);
    const CounterSum sum = after.sum - before.sum;
    if (!counts_.empty() && counts_.back().value_key == value_key) {
      counts_.back().by += by;
      counts_.back().sum += sum;
    } else {
      counts_.push_back({std::string(value_key), shard, &cell, by, sum});
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
  change_buckets(transaction, buckets_, log_);
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
    CounterSum sum;
    for (; i < counts_.size() && counts_[i].value_key == change.value_key; ++i) {
      by += counts_[i].by;
      sum += counts_[i].sum;
    }
    if (by == 0 && sum == CounterSum{}) continue;
    auto count = read_count(transaction, change.value_key);
    if (!count && !is_counter(change.value_key)) count = Count{};
    if (!count || (by < 0 && count->live < static_cast<std::uint64_t>(-by))) {
      recount_[change.shard].insert(change.value_key);  // The record is not what was written: the disk.
      continue;
    }
    count->live += static_cast<std::uint64_t>(by);
    count->sum += sum;
    put_count(transaction, change.value_key, change.cell->key, *count);
  }
}

void Tally::recount_shard(WriteTransaction& transaction, ShardId shard, const std::set<std::string>& unknown,
                          std::vector<StoreKey>& damaged) const {
  struct Value {
    std::string key;
    Count count;
  };
  std::map<std::string, Value> wrong;  // By value key: those whose count is not what the rows say.
  for (const std::string& lost : unknown) wrong[lost];  // It may have no row left to be counted below.

  Buckets buckets{};
  std::string value_key;
  Value value;
  const auto finish_value = [&] {
    if (!value_key.empty() && (wrong.contains(value_key) || read_count(transaction, value_key) != value.count)) {
      wrong[value_key] = value;
    }
    value = Value{};
  };
  std::vector<std::pair<std::string, std::string>> unlisted;  // Expiries whose entry may be what rotted.
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
    const Share share = share_of(row->cell, rows->key(), row->content);
    value.count.live += share.present ? 1 : 0;
    value.count.sum += share.sum;
    const CellDigest digest(row->cell);
    buckets[digest.bucket()] += digest.fingerprint(share.observable);
    if (const std::string entry = expiry_entry(rows->key(), row->content); !entry.empty()) unlisted.emplace_back(entry, rows->key());
  }
  finish_value();

  for (const auto& [entry, key] : unlisted) transaction.put(Database::kExpiries, entry, key);
  for (const auto& [counted, right] : wrong) put_count(transaction, counted, right.key, right.count);
  replace_buckets(transaction, shard, buckets, log_);
}

}  // namespace kith
