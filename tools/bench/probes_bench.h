// tools/bench/probes_bench.h -- `kith-bench probes`: what failure detection costs, how soon a death is known, and who is wronged.
#pragma once

#include <cstdint>
#include <vector>

#include "tools/bench/table.h"

namespace kith::bench {

struct ProbesBenchOptions {
  std::vector<std::size_t> nodes = {100, 300, 1000};
  double loss = 0.1;                // Share of the messages; each number of nodes without it first.
  std::uint32_t seconds = 60;       // Virtual ones, in which nobody dies.
  std::uint32_t deaths = 3;         // One after another.
  std::uint64_t seed = 1;
};

// The detectors alone, on virtual time: equal options give equal figures on every machine.
std::vector<Table> run_probes_bench(const ProbesBenchOptions& options);

}  // namespace kith::bench
