// store/fingerprints.h -- the bucket sums of the shards as they are kept: quarters, and a short log of what came since.
//
// A commit touches buckets all over the place, and each would be a page to write.  So it appends what it changed to the
// log, as one record, and only when the log has kLogChangesMax changes are they added to the quarters.  Roots are
// written at once.  Readers add the log to the quarters: the sums are always those of the rows.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "store/store.h"
#include "store/transaction.h"

namespace kith {

// 45 KiB of log: reading a shard's buckets walks it, so it must stay short.
inline constexpr std::size_t kLogChangesMax = 4096;

struct BucketChange {
  ShardId shard;
  std::uint8_t bucket;
  std::uint64_t by;
};

// How many changes the log has; nothing: it is not known, and is looked up.  Remembered from one commit to the next, since the place
// of the last record is one of many that were deleted.
using LogSize = std::optional<std::uint64_t>;

// Zeros where nothing is.
Buckets read_buckets(const ReadTransaction& transaction, ShardId shard);
std::uint64_t read_sum(const ReadTransaction& transaction, std::string_view root_key);  // records.h

// Cost: a page or two; every kLogChangesMax changes, all that they touch.
void change_buckets(WriteTransaction& transaction, const std::vector<BucketChange>& changes, LogSize& log);

// Sets a shard's sums, whatever they were.
void replace_buckets(WriteTransaction& transaction, ShardId shard, const Buckets& buckets, LogSize& log);

// The root of all, from those of the shards: where one of these was not what had been written, it is wrong as well.
void remake_root(WriteTransaction& transaction);

}  // namespace kith
