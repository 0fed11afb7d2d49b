// gossip/shown_sketch.h -- a sketch of what shows in a range of rows, and how large it should be.
//
// For gossip/rebase, of which see the header.  The sizes are guesses: one that is too small is noticed, and costs its bytes.
// Tests: tests/gossip/rebase_test.cc, tests/gossip/rebase_cost_test.cc
#pragma once

#include "gossip/row_walk.h"
#include "gossip/sketch.h"

namespace kith {

// Of what shows in one walk over rows; of one row there may be more.
inline constexpr std::size_t kShownPerWalkMax = 2 * kRowsPerWalkMax;

// Cells for about so many differences.
std::size_t sketch_cells_for(double differences);
// Cells for an answer to this; zero: none is wanted.
std::size_t sketch_cells_of(const RebaseBody& asked, const BucketSet& differing);

// The sketch; or the rows, where these are no larger.
struct ShownSketch {
  RowWalk walk;
  std::string sketch;
  CellBlock cells;
};
ShownSketch read_sketch(const Snapshot& snapshot, Mend& mend, const RowRange& range, std::uint64_t salt, std::size_t cells);

}  // namespace kith
