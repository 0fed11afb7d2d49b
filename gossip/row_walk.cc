#include "gossip/row_walk.h"

namespace kith {

RowWalk walk_rows(const Snapshot& snapshot, Mend& mend, const RowRange& range, const VisitBucketRow& visit) {
  RowWalk out;
  out.whole = true;
  snapshot.scan(shard_prefix(range.shard), range.after, [&](const StoreKey& key, const Row* row) {
    if (!range.until.empty() && key > range.until) return false;
    const bool stop = out.scanned == kRowsPerWalkMax ||
                      (row != nullptr && range.buckets[bucket_of(row->cell)] && !visit(key, *row));
    if (stop) {
      out.whole = false;
      return false;
    }
    ++out.scanned;
    if (row == nullptr) mend.found(key);
    out.next = key;
    return true;
  });
  if (out.whole) out.next = range.until;
  return out;
}

RowsRead read_rows(const Snapshot& snapshot, Mend& mend, const RowRange& range, std::size_t bytes_max, const WantedRow& wanted) {
  RowsRead out;
  out.walk = walk_rows(snapshot, mend, range, [&](const StoreKey&, const Row& row) {
    if (!wanted(row)) return true;
    CellBlock cell;
    cell.append(row.cell, row.content);
    if (!out.cells.empty() && out.cells.size() + cell.size() > bytes_max) return false;
    out.cells.append(cell);
    ++out.rows;
    return true;
  });
  return out;
}

}  // namespace kith
