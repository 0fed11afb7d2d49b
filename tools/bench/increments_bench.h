// tools/bench/increments_bench.h -- `kith-bench increments`: is the count exact?
//
// Real kithd processes on this machine; clients increment one counter through all of them, lose a share of the replies and
// retry elsewhere under the same tags, while nodes are killed and started again.  In the end every node must count each
// increment once.  Kills are spread over the increments, so that a small run has as many as a large one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/bench/table.h"

namespace kith::bench {

struct IncrementsBenchOptions {
  std::uint64_t count = 1'000'000;
  std::size_t nodes = 3;
  std::size_t clients = 2;
  std::size_t window = 256;      // On the way, of each client to each node.
  double lose = 0.05;            // Share of the replies.
  std::size_t kills = 30;
  std::int64_t down_ms = 1500;   // A killed node is down for up to so long.
  bool collect = false;          // Increments are folded.
  std::string retry_window = "10m";
  std::int64_t patience_s = 300; // Without any increment being done, or until all nodes hold the same: then it has failed.
  std::uint64_t seed = 0;        // 0: any.
  std::string kithd;             // The program; empty: the one beside this.
  std::string directory;         // On the disk to use.
};

struct IncrementsOutcome {
  std::vector<Table> tables;
  std::string failure;           // Empty: exact at all nodes.
};

IncrementsOutcome run_increments_bench(const IncrementsBenchOptions& options);

}  // namespace kith::bench
