// tools/sim/interrupt.h -- Ctrl-C as a question that long work asks: while a guard lives, it does not end the process.
#pragma once

namespace kith::sim::tool {

class InterruptGuard {
 public:
  InterruptGuard();   // SIGINT and SIGTERM are taken note of.  REQUIRES: no other one lives.
  ~InterruptGuard();  // As it was before.
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  bool interrupted() const;
};

}  // namespace kith::sim::tool
