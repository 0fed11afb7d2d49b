// gossip/row_walk.h -- the rows of some buckets of a shard, in order of store key, some tens of milliseconds at a time.
//
// Who is asked for rows reads from behind the key up to which it was read before, and says how far it came: nobody keeps a
// place for anybody.  Damaged rows are passed over, and given to gossip/mend.  Who walks: gossip/audit, gossip/rebase.
// Tests: tests/gossip/audit_test.cc, tests/gossip/rebase_test.cc
#pragma once

#include <cstdint>
#include <functional>

#include "gossip/mend.h"
#include "gossip/message.h"

namespace kith {

// So that one question cannot hold the node up.
inline constexpr std::uint64_t kRowsPerWalkMax = 32 * 1024;

struct RowRange {
  ShardId shard = 0;
  BucketSet buckets;
  StoreKey after;          // Empty: from the beginning.
  StoreKey until = {};     // Up to here; empty: to the end.
};

struct RowWalk {
  StoreKey next;           // Read up to here; empty at the end of the shard, which a range with `until` never comes to.
  bool whole = false;      // All of the range was read.
  std::uint64_t scanned = 0;
};

// Of other buckets as well are read, but not shown.  `visit` returns false to stop before the row.
using VisitBucketRow = std::function<bool(const StoreKey& key, const Row& row)>;
RowWalk walk_rows(const Snapshot& snapshot, Mend& mend, const RowRange& range, const VisitBucketRow& visit);

// Those rows, whole, as many as fit; one row always does, so that even a limit of one byte makes progress.
struct RowsRead {
  RowWalk walk;
  CellBlock cells;
  std::uint64_t rows = 0;
};
using WantedRow = std::function<bool(const Row& row)>;
RowsRead read_rows(const Snapshot& snapshot, Mend& mend, const RowRange& range, std::size_t bytes_max, const WantedRow& wanted);

}  // namespace kith
