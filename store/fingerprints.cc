#include "store/fingerprints.h"

#include <map>
#include <string>

#include "crdt/bytes.h"
#include "store/records.h"

namespace kith {
namespace {

using Quarter = std::array<std::uint64_t, kBucketsPerQuarter>;
using Quarters = std::map<std::pair<ShardId, std::size_t>, Quarter>;

std::uint64_t sum_of(const Buckets& buckets) {
  std::uint64_t sum = 0;
  for (const std::uint64_t bucket : buckets) sum += bucket;
  return sum;
}

void change_sum(WriteTransaction& transaction, std::string_view key, std::uint64_t by) {
  if (by != 0) transaction.put(Database::kFingerprints, key, encode_u64(read_sum(transaction, key) + by));
}

// Shard by shard as they come; the root of all only once.
void change_roots(WriteTransaction& transaction, const std::vector<BucketChange>& changes) {
  std::uint64_t root = 0;
  for (std::size_t i = 0; i < changes.size();) {
    const ShardId shard = changes[i].shard;
    std::uint64_t by = 0;
    for (; i < changes.size() && changes[i].shard == shard; ++i) by += changes[i].by;
    change_sum(transaction, shard_root_key(shard), by);
    if (shard != kSystemShard) root += by;
  }
  change_sum(transaction, kRootKey, root);
}

// How many changes the log has: its last record's key says.
std::uint64_t log_size(const ReadTransaction& transaction) {
  const auto walk = transaction.walk(Database::kFingerprints);
  if (!walk->seek_before(kLogEnd) || !walk->key().starts_with(kLogPrefix)) return 0;
  return decode_u64(walk->key().substr(kLogPrefix.size())).value_or(kLogChangesMax);
}

template <class Visitor>  // (const BucketChange&) -> void
void each_logged(const ReadTransaction& transaction, Visitor visit) {
  const auto walk = transaction.walk(Database::kFingerprints);
  for (bool more = walk->seek(kLogPrefix); more && walk->key().starts_with(kLogPrefix); more = walk->next()) {
    for (ByteReader in(walk->value()); in.left() > 0;) {
      BucketChange change{};
      change.shard = in.u16();
      change.bucket = in.u8();
      change.by = in.u64();
      if (in.ok()) visit(change);
    }
  }
}

void read_quarter(std::string_view record, Quarter& out) {
  if (record.size() != kQuarterBytes) return;  // Damaged: the shard will differ from its peers', which is found.
  ByteReader in(record);
  for (std::uint64_t& sum : out) sum += in.u64();
}

void write_quarter(WriteTransaction& transaction, std::string_view key, const Quarter& sums) {
  ByteWriter record;
  for (const std::uint64_t sum : sums) record.u64(sum);
  transaction.put(Database::kFingerprints, key, record.view());
}

void fold_log(WriteTransaction& transaction, const std::vector<BucketChange>& changes, LogSize& log) {
  Quarters quarters;
  const auto add = [&](const BucketChange& change) {
    const auto it = quarters.try_emplace({change.shard, change.bucket / kBucketsPerQuarter}).first;
    it->second[change.bucket % kBucketsPerQuarter] += change.by;
  };
  each_logged(transaction, add);
  for (const BucketChange& change : changes) add(change);
  for (auto& [which, sums] : quarters) {
    const std::string key = quarter_key(which.first, which.second);
    read_quarter(transaction.get(Database::kFingerprints, key).value_or(std::string_view()), sums);
    write_quarter(transaction, key, sums);
  }
  std::vector<std::string> folded;
  {
    const auto walk = transaction.walk(Database::kFingerprints);
    for (bool more = walk->seek(kLogPrefix); more && walk->key().starts_with(kLogPrefix); more = walk->next()) {
      folded.emplace_back(walk->key());
    }
  }
  for (const std::string& key : folded) transaction.del(Database::kFingerprints, key);
  log = 0;
}

}  // namespace

std::uint64_t read_sum(const ReadTransaction& transaction, std::string_view root_key) {
  const auto bytes = transaction.get(Database::kFingerprints, root_key);
  return bytes ? decode_u64(*bytes).value_or(0) : 0;
}

Buckets read_buckets(const ReadTransaction& transaction, ShardId shard) {
  Buckets buckets{};
  for (std::size_t i = 0; i < kQuarters; ++i) {
    Quarter quarter{};
    read_quarter(transaction.get(Database::kFingerprints, quarter_key(shard, i)).value_or(std::string_view()), quarter);
    std::copy(quarter.begin(), quarter.end(), buckets.begin() + static_cast<std::ptrdiff_t>(i * kBucketsPerQuarter));
  }
  each_logged(transaction, [&](const BucketChange& change) {
    if (change.shard == shard) buckets[change.bucket] += change.by;
  });
  return buckets;
}

void change_buckets(WriteTransaction& transaction, const std::vector<BucketChange>& changes, LogSize& log) {
  if (changes.empty()) return;
  change_roots(transaction, changes);
  if (!log) log = log_size(transaction);
  const std::uint64_t logged = *log + changes.size();
  if (logged >= kLogChangesMax) {
    fold_log(transaction, changes, log);
    return;
  }
  ByteWriter record;
  for (const auto& [shard, bucket, by] : changes) {
    record.u16(shard);
    record.u8(bucket);
    record.u64(by);
  }
  transaction.put(Database::kFingerprints, log_key(logged), record.view());
  log = logged;
}

void replace_buckets(WriteTransaction& transaction, ShardId shard, const Buckets& buckets, LogSize& log) {
  fold_log(transaction, {}, log);
  for (std::size_t i = 0; i < kQuarters; ++i) {
    Quarter quarter;
    const auto begin = buckets.begin() + static_cast<std::ptrdiff_t>(i * kBucketsPerQuarter);
    std::copy(begin, begin + static_cast<std::ptrdiff_t>(kBucketsPerQuarter), quarter.begin());
    write_quarter(transaction, quarter_key(shard, i), quarter);
  }
  const std::uint64_t by = sum_of(buckets) - read_sum(transaction, shard_root_key(shard));
  change_sum(transaction, shard_root_key(shard), by);
  if (shard != kSystemShard) change_sum(transaction, kRootKey, by);
}

void remake_root(WriteTransaction& transaction) {
  std::uint64_t root = 0;
  {
    const std::string first = shard_root_key(0);
    const auto walk = transaction.walk(Database::kFingerprints);
    for (bool more = walk->seek(first); more && walk->key().size() == first.size() && walk->key()[0] == first[0];
         more = walk->next()) {
      if (shard_of_store_key(walk->key().substr(1)) != kSystemShard) root += decode_u64(walk->value()).value_or(0);
    }
  }
  transaction.put(Database::kFingerprints, kRootKey, encode_u64(root));
}

}  // namespace kith
