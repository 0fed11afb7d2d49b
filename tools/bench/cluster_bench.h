// tools/bench/cluster_bench.h -- `kith-bench cluster`: real kithd processes on this machine, asked as any client asks.
//
//     writes a second at several depths in flight, through all nodes at once
//     replication lag under light load: from sending a write until every other node shows it
//     bytes of a gossip round in sync, with few keys and with many
//     bytes it takes a node that was down to catch up, against the bytes of the rows it lacked
#pragma once

#include <string>
#include <vector>

#include "tools/bench/table.h"

namespace kith::bench {

struct ClusterBenchOptions {
  std::size_t nodes = 3;
  std::vector<std::size_t> in_flight = {1, 16, 128, 1024};  // Per node.
  std::int64_t seconds = 5;                                 // For each measurement that takes time.
  std::size_t many_keys = 50'000;                           // Of the second look at rounds.
  std::size_t writes_missed = 10'000;
  std::string kithd;                                        // The program; empty: the one beside this.
  std::string directory;                                    // On the disk to measure.
};

std::vector<Table> run_cluster_bench(const ClusterBenchOptions& options);

}  // namespace kith::bench
