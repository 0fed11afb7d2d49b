// sim/machine_clock.h -- the wall clock of a simulated machine: right, off, drifting, stepped or frozen.
#pragma once

#include <cstdint>

namespace kith::sim {

// Virtual time zero is this Unix time: 2023-11-14 22:13:20.
inline constexpr std::int64_t kEpochUs = 1'700'000'000'000'000;

class MachineClock {
 public:
  std::int64_t wall_us(std::int64_t now_us) const {
    const std::int64_t passed_us = now_us - since_us_;
    return shown_us_ + (frozen_ ? 0 : passed_us + passed_us / 1'000'000 * ppm_);
  }
  std::int64_t wall_ms(std::int64_t now_us) const { return wall_us(now_us) / 1000; }

  void step(std::int64_t now_us, std::int64_t by_us) { anchor(now_us), shown_us_ += by_us; }
  void drift(std::int64_t now_us, std::int64_t ppm) { anchor(now_us), ppm_ = ppm; }
  void freeze(std::int64_t now_us) { anchor(now_us), frozen_ = true; }
  void right(std::int64_t now_us) {
    since_us_ = now_us;
    shown_us_ = kEpochUs + now_us;
    ppm_ = 0;
    frozen_ = false;
  }

 private:
  void anchor(std::int64_t now_us) {
    shown_us_ = wall_us(now_us);
    since_us_ = now_us;
  }

  std::int64_t since_us_ = 0, shown_us_ = kEpochUs;
  std::int64_t ppm_ = 0;
  bool frozen_ = false;
};

}  // namespace kith::sim
