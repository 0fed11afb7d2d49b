// tests/soak/figures.h -- what a soak counts while it runs: for its lines and its table.  Any thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace kith::soak {

struct Figures {
  std::atomic<std::uint64_t> acknowledged{0};        // Writes, by whatever level.
  std::atomic<std::uint64_t> at_quorum{0};           // Of these, by more than half of the nodes.
  std::atomic<std::uint64_t> stored_first{0};        // Answered `stored`, and asked again.
  std::atomic<std::uint64_t> refused_first{0};       // Told no, and asked again.
  std::atomic<std::uint64_t> unknown{0};             // No last word in the retry window.
  std::atomic<std::uint64_t> said_twice{0};          // On purpose, under the same tag.
  std::atomic<std::uint64_t> said_late{0};           // On purpose, after the retry window.
  std::atomic<std::uint64_t> moves{0};               // Of clients, from node to node.
  std::atomic<std::uint64_t> reads_of_own{0};        // Of what was just written, where it must be seen.
  std::atomic<std::uint64_t> reads_of_quorum{0};     // Of these, by a quorum, of what a quorum had acknowledged.
  std::atomic<std::uint64_t> reads_not_reached{0};   // No quorum was there to tell.
  std::atomic<std::uint64_t> reads_elsewhere{0};     // The answer came from where it need not.
  std::atomic<std::uint64_t> reads_stale{0};         // Said to be so.

  std::atomic<std::uint64_t> kills{0}, stops{0}, cuts{0}, breaks{0}, weathers{0};
  std::atomic<std::uint64_t> back_young{0}, back_old{0};
  std::atomic<std::uint64_t> put_off{0};             // Faults that never found their moment.

  std::atomic<std::uint64_t> disks_gone_back{0};     // Raised before the first of them is killed.

  // What must not be: each is a sentence.  The first hundred are kept.
  void find(const std::string& what) {
    const std::scoped_lock lock(mutex_);
    ++found_;
    if (findings_.size() < 100) findings_.push_back(what);
  }
  std::vector<std::string> findings() const {
    const std::scoped_lock lock(mutex_);
    return findings_;
  }
  std::uint64_t found() const {
    const std::scoped_lock lock(mutex_);
    return found_;
  }

  // From the acknowledgement of a write until every node showed it.
  void stable_after(double ms) {
    const std::scoped_lock lock(mutex_);
    stable_ms_.push_back(ms);
  }
  std::vector<double> stable_ms() const {
    const std::scoped_lock lock(mutex_);
    auto out = stable_ms_;
    std::sort(out.begin(), out.end());
    return out;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> findings_;
  std::uint64_t found_ = 0;
  std::vector<double> stable_ms_;
};

// Of sorted values; 0 when there are none.
inline double percentile(const std::vector<double>& sorted, double part) {
  if (sorted.empty()) return 0;
  return sorted[static_cast<std::size_t>(part * static_cast<double>(sorted.size() - 1))];
}

}  // namespace kith::soak
