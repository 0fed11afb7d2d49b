// tools/bench/redis_lag.h -- how late the other nodes are told of what is written through one Redis port, under a steady load.
//
//     50 connections: SET of random keys, so many a second -----> n1 ----> n2, n3
//     one more: SET lag:N, a hundred times a second        -----> n1
//     keyspace events of lag:*                                            <----- n2, n3
//
// The lag of a mark is from the moment in which it is sent to n1 until another node tells its subscriber of it, which a node does when
// it is durable there; so it has in it n1's own commit, and both ways through this process.
#pragma once

#include <cstddef>
#include <vector>

namespace kith::bench {

struct LagLoad {
  double per_second = 1000;
  double seconds = 10;
  std::size_t clients = 50;
  std::size_t keys = 100'000;
  std::size_t value_bytes = 64;
};

struct LagSeen {
  double reached_per_second = 0;  // Answered.
  std::vector<double> ms;         // Of each mark at each reader, sorted.
  std::size_t never = 0;          // Marks that a reader was not told of within ten seconds more.
};

// Throws std::runtime_error when a port does not answer, or refuses a write.
LagSeen measure_lag(int writer, const std::vector<int>& readers, const LagLoad& load);

}  // namespace kith::bench
