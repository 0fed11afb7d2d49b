// crdt/hlc.h -- the hybrid logical clock: issues timestamps that only rise, close to wall time.
//
// Invariants:
//   I1. issue() never returns the same or a smaller timestamp twice, nor one at or below anything observed.
//   I2. A full counter waits for the next millisecond: issue() then has nothing to give until the wall moves.  Only when
//       the wall is more than kWaitMsMax behind, because it was set back, does it go on with the next millisecond by
//       itself: 65,536 writes are no reason to refuse the rest for as long as the clock was set back.
//
// Is handed `now`, never reads a clock.  That nothing is issued twice across a restart is the business of the lease
// that the engine keeps in the store: a new Hlc starts at the lease.  Laws: tests/crdt/hlc_test.cc
#pragma once

#include <cstdint>
#include <optional>

#include "crdt/timestamp.h"

namespace kith {

class Hlc {
 public:
  static constexpr std::int64_t kWaitMsMax = 1000;

  explicit Hlc(Timestamp at_least = {}) : last_(at_least) {}

  // What the clock would show now; changes nothing.
  Timestamp read(std::int64_t wall_ms) const;
  Timestamp last() const { return last_; }

  // A new timestamp, or nothing when the counter of the current millisecond is full: ask again when the wall has
  // passed last().ms().
  [[nodiscard]] std::optional<Timestamp> issue(std::int64_t wall_ms);

  // Somebody else has used `seen`: what is issued from now on is above it.
  void observe(Timestamp seen) {
    if (seen > last_) last_ = seen;
  }

 private:
  Timestamp last_;
};

}  // namespace kith
