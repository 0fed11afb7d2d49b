// store/tally.h -- what a batch does to counts and fingerprints: gathered while rows change, written once at the end.
//
// Invariant: after write(), the sums are those of the rows (store/store.h, I3), provided they were before.  Where that
// is not known (a row could not be read, a count would fall below zero), the shard is recounted from its rows.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/cell_key.h"
#include "crdt/content.h"
#include "crdt/counter.h"
#include "store/expiries.h"
#include "store/fingerprints.h"
#include "store/store.h"
#include "store/transaction.h"

namespace kith {

class Tally {
 public:
  // `log` is remembered from one batch to the next (store/fingerprints.h).
  explicit Tally(LogSize& log) : log_(log) {}

  // What a row adds to the sums.  Nothing, when it is absent, or passed (store/expiries.h).
  struct Share {
    bool present = false;
    std::uint64_t observable = 0;
    CounterSum sum{};
  };
  static Share share_of(const CellKey& cell, const Content& content);
  Share share_of(const CellKey& cell, std::string_view store_key, const Content& content) const {
    return is_passed(expired_mark_, store_key, content) ? Share{} : share_of(cell, content);
  }
  void set_expired_mark(std::string mark) { expired_mark_ = std::move(mark); }

  // `cell` must outlive the tally.  Cheap when shards come in order.
  void change(ShardId shard, const CellKey& cell, std::string_view store_key, Share before, Share after);

  // The row under `store_key` cannot be read, so what it had added is not known.
  void recount(std::string_view store_key);
  // The sums of the shard are not those of its rows.
  void recount(ShardId shard) {
    recount_[shard];
    doubted_ = true;
  }

  // Returns the store keys of rows that were found damaged while recounting and not marked so yet.
  // Cost: what changed; with recounts, all rows of those shards.
  [[nodiscard]] std::vector<StoreKey> write(WriteTransaction& transaction);

 private:
  struct CountChange {
    std::string value_key;
    ShardId shard;
    const CellKey* cell;
    std::int64_t by;
    CounterSum sum;
  };

  void write_counts(WriteTransaction& transaction);
  void recount_shard(WriteTransaction& transaction, ShardId shard, const std::set<std::string>& unknown,
                     std::vector<StoreKey>& damaged) const;

  LogSize& log_;
  std::vector<CountChange> counts_;
  std::vector<BucketChange> buckets_;
  // By shard, the values (store/row.h) whose counts are not known; the shard's other values may have changed as well.
  std::map<ShardId, std::set<std::string>> recount_;
  std::string expired_mark_;
  bool doubted_ = false;  // Some sum was not what had been written.
};

}  // namespace kith
