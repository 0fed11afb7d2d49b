#include "tools/sim/progress.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <iostream>

#include "tools/sim/text.h"

namespace kith::sim::tool {
namespace {

constexpr std::int64_t kBarIntervalUs = 200'000, kLineIntervalUs = 10'000'000;
constexpr std::uint64_t kBarWidth = 24;

std::int64_t now_us() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

}  // namespace

Progress::Progress(std::string noun, std::uint64_t all, std::int64_t limit_us)
    : noun_(std::move(noun)),
      all_(all),
      limit_us_(limit_us),
      began_us_(now_us()),
      terminal_(::isatty(STDERR_FILENO) != 0),
      shown_us_(began_us_) {}

Progress::~Progress() { clear(); }

std::int64_t Progress::elapsed_us() const { return now_us() - began_us_; }

void Progress::clear() {
  if (bar_) std::cerr << "\r\033[K" << std::flush;
  bar_ = false;
}

void Progress::line(const std::string& text) {
  clear();
  std::cerr << text << std::flush;
}

void Progress::show(std::uint64_t done, const std::string& more, bool now) {
  const std::int64_t at_us = now_us();
  if (!now && at_us - shown_us_ < (terminal_ ? kBarIntervalUs : kLineIntervalUs)) return;
  shown_us_ = at_us;
  const auto elapsed_us = static_cast<double>(std::max<std::int64_t>(at_us - began_us_, 1));
  const double per_second = static_cast<double>(done) * 1e6 / elapsed_us;
  double share = all_ == 0 ? 0 : static_cast<double>(done) / static_cast<double>(all_);
  if (limit_us_ > 0) share = std::max(share, elapsed_us / static_cast<double>(limit_us_));
  share = std::clamp(share, 0.0, 1.0);
  std::string text =
      with_commas(done) + " of " + counted(all_, noun_) + more + ", " + one_digit(per_second) + " a second";
  if (share > 0) text += ", " + span_words(static_cast<std::int64_t>(elapsed_us * (1 / share - 1))) + " left";
  if (!terminal_) {
    std::cerr << text << "\n" << std::flush;
    return;
  }
  const auto full = static_cast<std::size_t>(share * static_cast<double>(kBarWidth));
  std::cerr << "\r\033[K[" << std::string(full, '#') << std::string(kBarWidth - full, '-') << "] " << text
            << std::flush;
  bar_ = true;
}

}  // namespace kith::sim::tool
