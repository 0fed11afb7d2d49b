// tools/bench/redis_bench.h -- `kith-bench redis`: the Redis port beside redis-server, in turn, under the same load.
//
//     redis-server    that syncs before it answers (as Kith does), every second, never; and syncing, with two replicas
//     kithd           one node alone, and three that replicate
//
// Each is started with an empty directory, loaded by redis-benchmark, and ended, before the next begins; all of that as often as
// asked for, and the medians are shown.  Then three nodes are looked at under half of what they took: how late the others are
// (tools/bench/redis_lag.h).
#pragma once

#include <string>
#include <vector>

#include "tools/bench/redis_server.h"
#include "tools/bench/table.h"

namespace kith::bench {

struct RedisBenchOptions {
  RedisLoad load;
  std::vector<std::size_t> pipelines = {1, 16};
  std::size_t runs = 3;
  int lag_seconds = 10;   // 0: not looked at.
  bool brief = false;     // Only redis always, kith and kith x3.
  std::string kithd;      // Empty: the one beside us.
  std::string directory;  // On the disk to measure.
};

std::vector<Table> run_redis_bench(const RedisBenchOptions& options);

}  // namespace kith::bench
