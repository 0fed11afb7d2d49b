// crdt/timestamp.h -- a reading of the hybrid logical clock: 48 bits of Unix milliseconds, 16 bits of counter.
//
// One type orders writes, tags operations, drives replication and bounds garbage (DESIGN.md, section 2).
// Kulkarni et al., "Logical Physical Clocks" (2014), with the two parts in one word so that < is one comparison.
#pragma once

#include <compare>
#include <cstdint>

namespace kith {

struct Timestamp {
  std::uint64_t value = 0;

  static constexpr int kCounterBits = 16;
  static constexpr std::uint64_t kCounterMax = (1u << kCounterBits) - 1;
  static constexpr std::int64_t kMillisecondsMax = (std::int64_t{1} << 48) - 1;  // The year 10,889.

  // REQUIRES: 0 <= ms <= kMillisecondsMax.
  static constexpr Timestamp at_ms(std::int64_t ms, std::uint64_t counter = 0) {
    return Timestamp{(static_cast<std::uint64_t>(ms) << kCounterBits) | counter};
  }
  constexpr std::int64_t ms() const { return static_cast<std::int64_t>(value >> kCounterBits); }
  constexpr std::uint64_t counter() const { return value & kCounterMax; }

  constexpr explicit operator bool() const { return value != 0; }
  friend constexpr auto operator<=>(const Timestamp&, const Timestamp&) = default;
};

// The greatest timestamp below `t`.  REQUIRES: t is not zero.
constexpr Timestamp just_after(Timestamp t) { return Timestamp{t.value + 1}; }
constexpr Timestamp just_before(Timestamp t) { return Timestamp{t.value - 1}; }

}  // namespace kith
