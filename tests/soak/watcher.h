// tests/soak/watcher.h -- asks each node, again and again, for some elements that were acknowledged: how long until all of them show
// them?  One thread of its own.
//
// An element of which nobody is sure (it was on one disk, and that went back) may never be shown everywhere: what is left at the end is
// counted, and judged with everything else.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/soak/figures.h"

namespace kith::soak {

class Watcher {
 public:
  Watcher(std::vector<std::string> addresses, Figures& figures);
  ~Watcher();
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  // It was acknowledged just now.  Any thread.
  void watch(std::string key, std::string member);
  std::size_t waiting() const;  // Not shown by all yet.

 private:
  using SteadyClock = std::chrono::steady_clock;
  struct Sample {
    std::string key, member;
    SteadyClock::time_point acknowledged;
    std::uint64_t missing = 0;  // A bit for each node that has not shown it.
  };

  void run();
  void ask(std::size_t node);

  std::vector<std::string> addresses_;
  Figures& figures_;
  mutable std::mutex mutex_;
  std::vector<Sample> samples_;
  std::atomic<bool> ending_{false};
  std::thread thread_;
};

}  // namespace kith::soak
