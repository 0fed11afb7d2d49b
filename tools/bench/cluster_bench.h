// tools/bench/cluster_bench.h -- kith-bench cluster: real kithd processes on this machine, asked as any client asks.
//
//     writes a second at several depths in flight, through all nodes at once
//     replication lag under light load: from sending a write until every other node shows it
//     bytes of a gossip round in sync, with few keys and with many
//     bytes it takes a node that was down to catch up, against the bytes of the rows it lacked
#pragma once

#include <string>
#include <vector>

namespace kith::tools {

// `arguments` behind "cluster": [--nodes N] [--in-flight N] [--seconds N] [--json] [--kithd FILE] [--help].
// Prints to standard output; errors to standard error.  Returns the exit code of the process.
int run_cluster_bench(const std::vector<std::string>& arguments);

}  // namespace kith::tools
