// gossip/random.h -- the engine's only source of randomness: seeded once, the same on every machine.
#pragma once

#include <cstdint>
#include <random>

namespace kith {

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  std::uint64_t word() { return engine_(); }
  std::uint64_t nonzero() {
    for (;;) {
      if (const std::uint64_t word = engine_(); word != 0) return word;
    }
  }
  // Uniform enough in [0, n).  REQUIRES: n > 0.  Not std::uniform_int_distribution, whose sequence is the library's own.
  std::uint64_t below(std::uint64_t n) { return engine_() % n; }

 private:
  std::mt19937_64 engine_;
};

}  // namespace kith
