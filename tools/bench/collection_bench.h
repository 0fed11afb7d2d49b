// tools/bench/collection_bench.h -- `kith-bench collection`: what it costs to drop what was removed.
//
//     throughput    one engine that collects and one that does not, the same adds and removes, in turns
//     pauses        on many cells: the longest step of the collector and the longest commit of what it asked for, while there
//                   is much to collect, nothing, and at the beginning of a life
//
// The real engine on the real store, without sockets.  Each engine lives by a clock of its own that runs only while it
// works: so it has as much time to collect as it would have alone.
#pragma once

#include <string>
#include <vector>

#include "gossip/options.h"
#include "tools/bench/table.h"

namespace kith::bench {

struct CollectionBenchOptions {
  std::vector<std::size_t> in_flight = {16, 128, 1024};  // Operations that share a commit.
  double seconds = 4;                                    // Of each run, for each of the two.
  std::size_t runs = 5;
  std::size_t live = 100'000;                            // Elements that are there at any time.
  std::int64_t retry_window_ms = 4000;
  std::size_t rows_per_step = EngineOptions().collect_rows_per_step;
  std::size_t cells = 1'000'000;                         // Of the store on which pauses are measured.
  std::size_t removed = 200'000;                         // Of these.
  std::size_t increments = 200'000;                      // Of one counter.
  std::string directory;                                 // On the disk to measure.
};

std::vector<Table> run_collection_bench(const CollectionBenchOptions& options);

}  // namespace kith::bench
