#include "sim/ticks.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "crdt/check.h"
#include "sim/words.h"

namespace kith::sim {
namespace {

constexpr std::int64_t kSecond = 1'000'000, kMinute = 60 * kSecond, kHour = 60 * kMinute, kDay = 24 * kHour;

std::string label_of(double value, Unit unit) {
  switch (unit) {
    case Unit::kBytes: return in_words_bytes(value);
    case Unit::kShare: return in_words_share(value);
    case Unit::kCount: break;
  }
  return in_words_number(value);
}

// In one unit along the whole axis: "90 s" beside "100 s", never "1 min 30 s".
std::string time_label(std::int64_t us, std::int64_t step) {
  struct Named {
    std::int64_t size;
    const char* name;
  };
  constexpr std::array<Named, 6> kNames = {
      {{kDay, "d"}, {kHour, "h"}, {kMinute, "min"}, {kSecond, "s"}, {1'000, "ms"}, {1, "\xC2\xB5s"}}};
  for (const Named& named : kNames) {
    if (step % named.size == 0) {
      return with_commas(static_cast<std::uint64_t>(us / named.size)).append(kNoBreakSpace).append(named.name);
    }
  }
  return {};
}

}  // namespace

std::vector<Tick> linear_ticks(double max, int wanted, Unit unit) {
  if (!(max > 0) || !std::isfinite(max)) return {{0, label_of(0, unit)}, {1, label_of(1, unit)}};
  const double rough = max / std::max(1, wanted);
  const double power = std::pow(10, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double times : {1.0, 2.0, 5.0}) {
    if (times * power >= rough * 0.999) {
      step = times * power;
      break;
    }
  }
  if (unit == Unit::kCount && max > 2) step = std::max(step, 1.0);
  std::vector<Tick> ticks;
  const auto steps = static_cast<int>(std::ceil(max / step - 1e-9));
  for (int i = 0; i <= steps; ++i) ticks.push_back({i * step, label_of(i * step, unit)});
  return ticks;
}

std::vector<Tick> time_ticks(std::int64_t end_us, int most) {
  constexpr std::array<std::int64_t, 24> kLongSteps = {
      kSecond, 2 * kSecond, 5 * kSecond, 10 * kSecond, 20 * kSecond, 30 * kSecond, kMinute, 2 * kMinute,
      5 * kMinute, 10 * kMinute, 20 * kMinute, 30 * kMinute, kHour, 2 * kHour, 3 * kHour, 6 * kHour,
      12 * kHour, kDay, 2 * kDay, 5 * kDay, 10 * kDay, 20 * kDay, 50 * kDay, 100 * kDay};
  const std::int64_t end = std::max<std::int64_t>(end_us, 1);
  std::int64_t step = 0;
  for (std::int64_t power = 1; step == 0 && power < kSecond; power *= 10) {
    for (const std::int64_t times : {1, 2, 5}) {
      if (step == 0 && end / (times * power) <= most) step = times * power;
    }
  }
  for (const std::int64_t candidate : kLongSteps) {
    if (step == 0 && end / candidate <= most) step = candidate;
  }
  if (step == 0) step = (end / std::max(1, most) / kDay + 1) * kDay;
  std::vector<Tick> ticks;
  for (std::int64_t at = 0; at <= end; at += step) {
    ticks.push_back({static_cast<double>(at), at == 0 ? "0" : time_label(at, step)});
  }
  return ticks;
}

std::vector<Tick> duration_ticks(std::int64_t min_us, std::int64_t max_us) {
  KITH_CHECK(min_us > 0 && min_us <= max_us, "an axis of durations that is none", min_us, max_us);
  constexpr std::array<std::int64_t, 16> kMarks = {
      1, 10, 100, 1'000, 10'000, 100'000, kSecond, 10 * kSecond, kMinute, 10 * kMinute, kHour, 6 * kHour,
      kDay, 10 * kDay, 100 * kDay, 1'000 * kDay};
  std::size_t first = 0, last = 0;
  while (first + 2 < kMarks.size() && kMarks[first + 1] <= min_us) ++first;
  last = first + 1;
  while (last + 1 < kMarks.size() && kMarks[last] < max_us) ++last;
  std::vector<Tick> ticks;
  for (std::size_t i = first; i <= last; ++i)
    ticks.push_back({static_cast<double>(kMarks[i]), in_words_time(kMarks[i])});
  // "60 s", as in_words_time() has it, beside "10 min" would make two units of one.
  for (Tick& tick : ticks) {
    if (tick.value == static_cast<double>(kMinute)) tick.label = std::string("1").append(kNoBreakSpace).append("min");
  }
  return ticks;
}

double Scale::operator()(double value) const {
  const double bounded = std::clamp(value, std::min(low, high), std::max(low, high));
  if (!(high > low)) return at_low;
  const double share = logarithmic ? std::log(bounded / low) / std::log(high / low) : (bounded - low) / (high - low);
  return at_low + share * (at_high - at_low);
}

}  // namespace kith::sim
