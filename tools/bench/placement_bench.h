// tools/bench/placement_bench.h -- `kith-bench placement`: how even shares are, what a change moves, and how long it takes to compute.
#pragma once

#include <cstdint>
#include <vector>

#include "tools/bench/table.h"

namespace kith::bench {

struct PlacementBenchOptions {
  std::uint32_t shards = 1024;
  std::vector<std::size_t> replicas = {3};
  std::size_t nodes_max = 64;
  std::size_t clusters = 20;        // Drawn for each number of nodes.
  std::uint32_t weight_max = 4;     // Of the unequal ones; drawn evenly from 1 on.
  std::uint64_t seed = 1;
};

// Nothing of it but the time depends on the machine.
std::vector<Table> run_placement_bench(const PlacementBenchOptions& options);

}  // namespace kith::bench
