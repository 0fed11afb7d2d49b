// sim/draw.h -- the simulator's randomness: the same on every machine, and as local as can be.
//
// SUBTLE: there is no one stream that everything draws from.  What happens to the nth message on a link is a function of
// seed, link and n; so cutting an event out of a history disturbs the rest as little as possible, which is what lets
// sim/shrink find short ones.  Only + - * / on doubles, whose results IEEE 754 fixes: no library logarithm.
#pragma once

#include <cstdint>

namespace kith::sim {

// Sebastiano Vigna's splitmix64: its finalizer is a bijection that scatters well.
constexpr std::uint64_t scatter(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

template <class... More>
constexpr std::uint64_t scatter(std::uint64_t first, std::uint64_t second, More... more) {
  return scatter(scatter(first) ^ second, static_cast<std::uint64_t>(more)...);
}

class Draw {
 public:
  explicit constexpr Draw(std::uint64_t seed) : state_(seed) {}

  constexpr std::uint64_t word() { return scatter(state_++); }
  constexpr std::uint64_t below(std::uint64_t n) { return word() % n; }  // REQUIRES: n > 0.
  constexpr std::int64_t between(std::int64_t least, std::int64_t most) {
    return least + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(most - least) + 1));
  }
  constexpr double share() { return static_cast<double>(word() >> 11) * 0x1p-53; }  // [0, 1)
  constexpr bool chance(double share_of_all) { return share_of_all > 0 && share() < share_of_all; }
  constexpr bool one_in(std::uint64_t n) { return below(n) == 0; }

  // Exponentially distributed, at most 40 times the mean.
  constexpr std::int64_t exponential(std::int64_t mean) {
    return mean <= 0 ? 0 : static_cast<std::int64_t>(static_cast<double>(mean) * minus_ln(word()));
  }

 private:
  // -ln(x / 2^64), to seven digits: x = 2^(63-n) * m with 1 <= m < 2, and ln m by the series of atanh.
  static constexpr double minus_ln(std::uint64_t x) {
    constexpr double kLn2 = 0.693147180559945309;
    if (x == 0) return 64 * kLn2 * 0.9;
    const int zeros = __builtin_clzll(x);
    const double m = 1.0 + static_cast<double>((x << zeros) & 0x7fffffffffffffff) * 0x1p-63;
    const double s = (m - 1) / (m + 1), q = s * s;
    const double ln_m = 2 * s * (1 + q * (1.0 / 3 + q * (1.0 / 5 + q * (1.0 / 7 + q * (1.0 / 9 + q / 11)))));
    return static_cast<double>(zeros + 1) * kLn2 - ln_m;
  }

  std::uint64_t state_;
};

}  // namespace kith::sim
