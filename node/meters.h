// node/meters.h -- what a node measures of itself while it works: how long, how large, how late, how often.
//
// Written by the thread that does the work, one a meter, and read by any other: a reader may see a sample in one part of a
// histogram and not yet in another, never a torn number.  What is shown of it: docs/HTTP.md
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace kith {

class Histogram {
 public:
  static constexpr std::size_t kBoundsMax = 20;

  // REQUIRES: rising, at most kBoundsMax.
  explicit Histogram(std::vector<double> bounds) : bounds_(std::move(bounds)) {}

  void observe(double value) {
    const auto at = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
    add(counts_[static_cast<std::size_t>(at)], 1);
    sum_.store(sum_.load(std::memory_order_relaxed) + value, std::memory_order_relaxed);
  }

  struct Reading {
    std::vector<double> bounds;
    std::vector<std::uint64_t> counts;  // One for each bound, and one for what is above all of them.
    double sum = 0;
  };
  Reading read() const {
    Reading out{bounds_, {}, sum_.load(std::memory_order_relaxed)};
    for (std::size_t i = 0; i <= bounds_.size(); ++i) out.counts.push_back(counts_[i].load(std::memory_order_relaxed));
    return out;
  }

  // One thread writes, so a plain load and store will do.
  static void add(std::atomic<std::uint64_t>& to, std::uint64_t by) {
    to.store(to.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }

 private:
  const std::vector<double> bounds_;
  std::array<std::atomic<std::uint64_t>, kBoundsMax + 1> counts_{};
  std::atomic<double> sum_{0};
};

// Of the engine's thread.
struct Meters {
  // From the origin's timestamp to durable here, for each cell that came from a peer and was news.
  Histogram convergence_lag_seconds{{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600, 86400}};
  Histogram commit_seconds{{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10}};
  Histogram commit_rows{{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 50000}};

  // Writes that came with a client's tag, so that a retry of one can be told from a new one.
  enum Outcome : std::size_t {
    kApplied,       // Something changed here.
    kUnchanged,     // Nothing had to: it was applied before, or what it says was so already.
    kWindowPassed,  // Refused: too old to tell.
    kFromFuture,    // Refused: its tag is ahead of the clock.
    kRefused,       // For any other reason.
    kOutcomes,
  };
  std::array<std::atomic<std::uint64_t>, kOutcomes> tagged_writes{};
};

}  // namespace kith
