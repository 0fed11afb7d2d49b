// tools/bench/merge_bench.h -- `kith-bench merge`: rows received from peers, and whether the size of a set matters.
#pragma once

#include <string>
#include <vector>

#include "tools/bench/table.h"

namespace kith::bench {

struct MergeBenchOptions {
  double seconds = 2;               // For each kind of merge.
  std::size_t rows_per_commit = 1024;
  std::size_t actors = 64;          // Sessions that added the element with many.
  std::size_t large_set = 1'000'000;
  std::size_t small_set = 10;
  std::string directory;
};

std::vector<Table> run_merge_bench(const MergeBenchOptions& options);

}  // namespace kith::bench
