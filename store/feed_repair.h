// store/feed_repair.h -- a shard's feed held against its rows: what has to change so that they fit again.
//
// Reads only.  Entries that a batch has begun or ended already are left to it.  Tests: tests/store/damage_test.cc
#pragma once

#include <set>
#include <utility>
#include <vector>

#include "store/store.h"
#include "store/transaction.h"

namespace kith {

struct FeedRepair {
  std::vector<Lsn> wrong;                          // Entries that no row stands for.
  std::vector<std::string> misnamed;               // Under keys that are none of an entry.
  std::vector<std::pair<StoreKey, Lsn>> unlisted;  // Without a right entry; its lsn if it names them, else zero.
  // SUBTLE: rows that are no longer found under their keys (a bit of these flipped, or one in LMDB's inner pages, which
  // have no checksums) still have their entries, which say what is lost.
  std::vector<StoreKey> lost;
};

// Cost: all entries and all rows of the shard.
FeedRepair plan_feed_repair(const ReadTransaction& transaction, ShardId shard, const std::set<Lsn>& begun,
                            const std::set<Lsn>& ended);

// What lay under `key` and could not be read may be of another shard, when it lies before the first or behind the last
// row of the one that it seems to be of.
std::vector<ShardId> shards_it_may_be_of(const ReadTransaction& transaction, const StoreKey& key);

}  // namespace kith
