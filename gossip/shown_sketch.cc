#include "gossip/shown_sketch.h"

#include <algorithm>
#include <cmath>

#include "gossip/shown.h"

namespace kith {

std::size_t sketch_cells_for(double differences) {
  return Sketch::cells_for(static_cast<std::size_t>(differences + 3 * std::sqrt(differences)));
}

// In the first question about a shard: n rows that differ fall into 256 buckets like rain, and leave 256 * exp(-n / 256)
// as they were.  A row that is only here or only there is one difference, one that was changed two; where they were more
// last time, they may be again.
std::size_t sketch_cells_of(const RebaseBody& asked, const BucketSet& differing) {
  if (!asked.sketch_cells) return 0;
  constexpr double kBuckets = kFingerprintBuckets;
  const std::size_t wished = *asked.sketch_cells;
  if (!asked.sums && wished > 0) return wished;
  const auto equal = static_cast<double>(kFingerprintBuckets - differing.count());
  const std::size_t likely = sketch_cells_for(2 * kBuckets * std::log(kBuckets / std::max(equal, 0.5)));
  if (wished == 0) return likely;
  if (equal == 0) return wished;  // There is no telling how many.
  return std::clamp(wished, likely, std::min(2 * likely, Sketch::kCellsMax));
}

ShownSketch read_sketch(const Snapshot& snapshot, Mend& mend, const RowRange& range, std::uint64_t salt, std::size_t cells) {
  ShownSketch out;
  Sketch sketch(cells);
  const std::size_t bytes = sketch.cells() * Sketch::kCellBytes;
  std::size_t shows = 0;
  Shown shown(salt, [&](const CellKey&, const ShownThing& thing) {
    sketch.toggle(thing.hash);
    ++shows;
  });
  out.walk = walk_rows(snapshot, mend, range, [&](const StoreKey&, const Row& row) {
    if (shows > 0 && shows + row.content.entry_count() > kShownPerWalkMax) return false;
    shown.row(row);
    if (out.cells.size() <= bytes) out.cells.append(row.cell, row.content);
    return true;
  });
  shown.end();
  if (out.cells.size() <= bytes) return out;
  out.cells = {};
  out.sketch = sketch.bytes();
  return out;
}

}  // namespace kith
