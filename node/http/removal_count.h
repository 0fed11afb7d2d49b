// node/http/removal_count.h -- counts the rows of this node that have something to collect: removals, deletions, increments
// that a base will take in.
//
// Nobody keeps that number: it is made by reading all feeds, some entries a step (no rows), and is as old as the last pass that
// came to its end.  step() belongs to one thread, read() to any.
#pragma once

#include <atomic>
#include <cstdint>

#include "store/store.h"

namespace kith {

inline constexpr std::size_t kRemovalEntriesAStep = 50'000;

class RemovalCount {
 public:
  struct Reading {
    std::uint64_t rows = 0;
    std::int64_t counted_wall_ms = 0;  // When; zero: no pass has ended yet.
  };

  void step(const Snapshot& snapshot, std::uint32_t shard_count, std::int64_t now_wall_ms);
  Reading read() const { return {rows_, counted_wall_ms_}; }

 private:
  std::uint32_t shard_ = 0;
  Lsn after_ = 0;
  std::uint64_t rows_of_pass_ = 0;
  std::atomic<std::uint64_t> rows_{0};
  std::atomic<std::int64_t> counted_wall_ms_{0};
};

}  // namespace kith
