// tools/bench/measure.h -- time, medians, directories and made-up data for measurements.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "crdt/cell_key.h"
#include "crdt/content.h"

namespace kith::bench {

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

double median(std::vector<double> values);  // REQUIRES: not empty.

// A fresh directory under `parent` (empty: the system's place for such), gone with it.
class ScratchDirectory {
 public:
  explicit ScratchDirectory(const std::string& parent);
  ~ScratchDirectory();
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  std::string path(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline constexpr OriginId kBenchOrigin{0x6b6974682d62656e};

// An untagged add of that origin, as a node makes it.
Content plain_add(std::uint64_t at);

// An add that each of `actors` client sessions made.
Content add_of_sessions(std::size_t actors, std::uint64_t at);

}  // namespace kith::bench
