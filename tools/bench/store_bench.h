// tools/bench/store_bench.h -- `kith-bench store`: durable writes of the store against raw LMDB.
#pragma once

#include <string>
#include <vector>

#include "tools/bench/table.h"

namespace kith::bench {

struct StoreBenchOptions {
  std::vector<std::size_t> in_flight = {16, 128, 1024};  // Operations that share a commit.
  double seconds = 2;                                    // Of each run, for both together.
  std::size_t runs = 5;
  std::size_t preload = 100'000;                         // Rows that are there before.
  std::string directory;                                 // On the disk to measure.
};

std::vector<Table> run_store_bench(const StoreBenchOptions& options);

}  // namespace kith::bench
