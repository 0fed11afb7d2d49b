#include "store/verify.h"

#include <map>

#include "store/cell_digest.h"
#include "store/counter_rows.h"
#include "store/expiries.h"
#include "store/fingerprints.h"
#include "store/records.h"

namespace kith {
namespace {

// Names as people can read them: bytes that do not print as \xx.
std::string readable(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '\\') {
      out.push_back(c);
    } else {
      out.append({'\\', kDigits[byte >> 4], kDigits[byte & 15]});
    }
  }
  return out;
}

class Verification {
 public:
  explicit Verification(const ReadTransaction& transaction) : transaction_(transaction) {}

  std::vector<std::string> run() {
    try {
      expired_mark_ = expired_mark(transaction_);
    } catch (const StoreError&) {
      // Its seal is looked at below.
    }
    check_rows();
    check_feed();
    check_counts();
    check_fingerprints();
    check_seals(Database::kMeta);
    check_seals(Database::kClocks);
    check_seals(Database::kCursors);
    check_seals(Database::kMarks);
    if (more_ > 0) findings_.push_back("and " + std::to_string(more_) + " more");
    return std::move(findings_);
  }

 private:
  void report(std::string finding) {
    if (findings_.size() < kFindingsMax) {
      findings_.push_back(std::move(finding));
    } else {
      ++more_;
    }
  }

  void check_rows();
  void check_feed();
  void check_counts();
  void check_fingerprints();
  void check_seals(Database database);

  const ReadTransaction& transaction_;
  std::string expired_mark_;
  std::uint64_t rows_ = 0;
  struct Count {
    std::uint64_t live = 0;
    CounterSum sum;
  };
  std::map<std::string, Count> counts_;  // By value key; only what is live.
  std::map<ShardId, Buckets> buckets_;
  std::vector<std::string> findings_;
  std::size_t more_ = 0;
};

void Verification::check_rows() {
  const auto walk = transaction_.walk(Database::kCells);
  for (bool more = walk->seek({}); more; more = walk->next()) {
    ++rows_;
    const bool marked = transaction_.get(Database::kDamaged, walk->key()).has_value();
    const auto row = decode_row(walk->key(), walk->value());
    if (!row) {
      report("row " + readable(walk->key()) + " is damaged" + (marked ? " and waits for a peer" : ""));
      continue;
    }
    if (marked)
      report("row " + readable(walk->key()) + " was damaged, is readable again, and waits for a peer for the rest");
    const ShardId shard = shard_of_store_key(walk->key());
    const std::string expiry = expiry_entry(walk->key(), row->content);
    if (!expiry.empty() && transaction_.get(Database::kExpiries, expiry) != walk->key()) {
      report("row " + readable(walk->key()) + " expires, and has no entry among the expiries");
    }
    const bool counts = expiry.empty() || expiry > expired_mark_;
    if (row->content.present() && counts) {
      Count& count = counts_[std::string(value_of_store_key(walk->key()))];
      ++count.live;
      if (row->cell.kind == Kind::kCounter) count.sum += counter_share(row->cell, row->content);
    }
    if (is_increment(row->cell) &&
        row->content.as_register().tag().at <= folded_to(transaction_, base_store_key(walk->key()))) {
      report("row " + readable(walk->key()) + " is an increment that is in its counter's base already");
    }
    if (counts) buckets_[shard][bucket_of(row->cell)] += fingerprint_of(row->cell, row->content);
    const auto entry = transaction_.get(Database::kFeed, shard_entry_key(shard, row->lsn));
    if (entry && is_collectable(*entry) != is_collectable(row->cell, row->content)) {
      report("the feed entry of row " + readable(walk->key()) + " is wrong about whether it has something to collect");
    }
    if (!entry || key_of_feed_entry(*entry) != walk->key()) {
      report("row " + readable(walk->key()) + " has no entry in the feed under its lsn " + std::to_string(row->lsn));
    }
  }
}

void Verification::check_feed() {
  std::uint64_t entries = 0;
  const auto walk = transaction_.walk(Database::kFeed);
  for (bool more = walk->seek({}); more; more = walk->next()) {
    ++entries;
    const auto entry = parse_shard_entry(walk->key());
    const std::string_view key = key_of_feed_entry(walk->value());
    const auto bytes = transaction_.get(Database::kCells, key);
    const auto row = bytes ? decode_row(key, *bytes) : std::nullopt;
    // A damaged row was reported, and its lsn is not known.
    if (entry && bytes && (!row || row->lsn == entry->id) && shard_of_store_key(key) == entry->shard)
      continue;
    if (!bytes && transaction_.get(Database::kDamaged, key)) {
      report("row " + readable(key) + " is lost and waits for a peer");
      continue;
    }
    report("feed entry " + readable(walk->key()) + " names " + readable(key) +
           (bytes ? ", which has another lsn" : ", which is no row"));
  }
  if (entries != rows_) {
    report("the feed has " + std::to_string(entries) + " entries for " + std::to_string(rows_) + " rows");
  }
}

void Verification::check_counts() {
  const auto walk = transaction_.walk(Database::kCounts);
  for (bool more = walk->seek({}); more; more = walk->next()) {
    const auto record = decode_count(walk->key(), walk->value());
    const auto it = counts_.find(std::string(walk->key()));
    const Count right = it == counts_.end() ? Count{} : it->second;
    if (!record || record->live != right.live || right.live == 0) {
      report("the count of " + readable(walk->key()) + " is " + (record ? std::to_string(record->live) : "damaged") +
             " instead of " + std::to_string(right.live));
    } else if (record->sum != right.sum) {
      report("the sum of " + readable(walk->key()) + " is " + std::to_string(record->sum.shown()) + " instead of " +
             std::to_string(right.sum.shown()));
    }
    if (it != counts_.end()) counts_.erase(it);
  }
  for (const auto& [value, right] : counts_) {
    report("the count of " + readable(value) + " is missing instead of " + std::to_string(right.live));
  }
}

void Verification::check_fingerprints() {
  // Also shards that have sums and no rows.
  const auto walk = transaction_.walk(Database::kFingerprints);
  for (bool more = walk->seek({}); more; more = walk->next()) {
    if (walk->key().size() < 3 || walk->key().starts_with(kLogPrefix)) continue;
    buckets_.try_emplace(shard_of_store_key(walk->key().substr(1)));
  }
  std::uint64_t root = 0;
  for (const auto& [shard, right] : buckets_) {
    std::uint64_t shard_root = 0;
    for (const std::uint64_t bucket : right) shard_root += bucket;
    if (shard != kSystemShard) root += shard_root;
    if (read_buckets(transaction_, shard) != right) {
      report("the fingerprint of shard " + std::to_string(shard) + " is not that of its rows");
    }
    if (read_sum(transaction_, shard_root_key(shard)) != shard_root) {
      report("the root of the fingerprint of shard " + std::to_string(shard) + " is not that of its rows");
    }
  }
  if (read_sum(transaction_, kRootKey) != root) report("the root fingerprint is not that of the rows");
}

void Verification::check_seals(Database database) {
  const auto walk = transaction_.walk(database);
  for (bool more = walk->seek({}); more; more = walk->next()) {
    if (unseal(database, walk->key(), walk->value())) continue;
    report(std::string("the record ") + readable(walk->key()) + " of '" +
           kDatabaseNames[static_cast<std::size_t>(database)] + "' is damaged");
  }
}

}  // namespace

std::vector<std::string> verify(const ReadTransaction& transaction) { return Verification(transaction).run(); }

}  // namespace kith
