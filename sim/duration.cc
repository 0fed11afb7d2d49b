// Durations in words: the last part of sim/event.h.
#include <algorithm>
#include <array>
#include <limits>

#include "sim/event.h"

namespace kith::sim {

namespace {

struct Unit {
  std::string_view name;
  std::uint64_t us;
};

// From the largest to the smallest, as they are tried; "m" is read, as kithd's configuration reads it, but not written.
constexpr std::array<Unit, 7> kUnits = {{{"d", 86'400'000'000},
                                         {"h", 3'600'000'000},
                                         {"min", 60'000'000},
                                         {"m", 60'000'000},
                                         {"s", 1'000'000},
                                         {"ms", 1'000},
                                         {"us", 1}}};

// As many as an int64 has, and as the shortest form of any may have: 9.000000005d.  10^19 times 8.64 * 10^10 us a day
// is far below 2^128.
constexpr std::size_t kWholeDigitsMax = 19;
constexpr std::size_t kFractionDigitsMax = 12;

// The digits of us / unit, or nothing when they do not end or there is nothing before the point.
std::string digits_of(std::uint64_t us, std::uint64_t unit) {
  if (us < unit) return "";
  std::string out = std::to_string(us / unit);
  std::uint64_t rest = us % unit;
  if (rest != 0) out += '.';
  for (std::size_t i = 0; rest != 0; ++i) {
    if (i == kFractionDigitsMax) return "";
    out += static_cast<char>('0' + rest * 10 / unit);
    rest = rest * 10 % unit;
  }
  return out;
}

}  // namespace

std::string to_words_duration(std::int64_t us, bool with_sign) {
  if (us == 0) return "0s";
  const std::uint64_t magnitude = us < 0 ? ~static_cast<std::uint64_t>(us) + 1 : static_cast<std::uint64_t>(us);
  std::string best, unit_of_best;
  for (const Unit& unit : kUnits) {
    if (unit.name == "m") continue;
    const std::string digits = digits_of(magnitude, unit.us);
    const bool whole = digits.find('.') == std::string::npos;
    // Of two that are as long, the one without a point; of those, the larger unit.
    const bool better = best.empty() || digits.size() < best.size() ||
                        (digits.size() == best.size() && whole && best.find('.') != std::string::npos);
    if (digits.empty() || !better) continue;
    best = digits;
    unit_of_best = unit.name;
  }
  return (us < 0 ? "-" : with_sign ? "+" : "") + best + unit_of_best;
}

std::optional<std::int64_t> parse_duration(std::string_view words) {
  const bool negative = words.starts_with('-');
  if (negative || words.starts_with('+')) words.remove_prefix(1);
  const std::size_t end = std::min(words.find_first_not_of("0123456789."), words.size());
  const std::string_view number = words.substr(0, end), name = words.substr(end);
  const auto unit = std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& it) { return it.name == name; });
  if (unit == kUnits.end()) return std::nullopt;
  const std::size_t point = std::min(number.find('.'), number.size());
  const std::string_view whole = number.substr(0, point);
  const std::string_view fraction = point == number.size() ? "" : number.substr(point + 1);
  if (whole.empty() || whole.size() > kWholeDigitsMax || fraction.size() > kFractionDigitsMax) return std::nullopt;
  if (point != number.size() && (fraction.empty() || fraction.find('.') != std::string_view::npos)) return std::nullopt;
  __extension__ using Wide = unsigned __int128;
  Wide sum = 0, part = 0, scale = 1;
  for (const char c : whole) sum = sum * 10 + static_cast<unsigned>(c - '0');
  for (const char c : fraction) {
    part = part * 10 + static_cast<unsigned>(c - '0');
    scale *= 10;
  }
  if (part * unit->us % scale != 0) return std::nullopt;  // Finer than a microsecond.
  sum = sum * unit->us + part * unit->us / scale;
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (sum > Wide{kMost} + (negative ? 1 : 0)) return std::nullopt;
  const auto magnitude = static_cast<std::uint64_t>(sum);
  return static_cast<std::int64_t>(negative ? ~magnitude + 1 : magnitude);
}

}  // namespace kith::sim
