#include "sim/words.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdio>

namespace kith::sim {
namespace {

// Three significant digits at most, without zeros at the end.
std::string short_decimal(double number) {
  const int decimals = number >= 99.95 ? 0 : number >= 9.995 ? 1 : 2;
  std::array<char, 64> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%.*f", decimals, number);
  std::string text = buffer.data();
  if (decimals > 0) {
    while (text.ends_with('0')) text.pop_back();
    if (text.ends_with('.')) text.pop_back();
  }
  return text;
}

std::string unit(std::string number, std::string_view name) { return (number += kNoBreakSpace) += name; }

}  // namespace

std::string with_commas(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
  return text;
}

std::string plural(std::uint64_t count, std::string_view noun) {
  std::string text = unit(with_commas(count), noun);
  if (count != 1) text += 's';
  return text;
}

std::string in_words_time(std::int64_t us) {
  if (us < 0) return "-" + in_words_time(us == INT64_MIN ? INT64_MAX : -us);
  const auto real = static_cast<double>(us);
  if (us < 1'000) return unit(std::to_string(us), "\xC2\xB5s");
  if (us < 999'500) return unit(short_decimal(real / 1e3), "ms");
  if (us < 120'000'000) return unit(short_decimal(real / 1e6), "s");
  struct Unit {
    std::int64_t size_s;
    std::string_view name, smaller;
    std::int64_t smaller_s;
  };
  constexpr std::array<Unit, 3> kUnits = {{{86'400, "d", "h", 3'600}, {3'600, "h", "min", 60}, {60, "min", "s", 1}}};
  const std::int64_t s = (us + 500'000) / 1'000'000;
  for (const Unit& u : kUnits) {
    if (s < u.size_s && u.size_s > 60) continue;
    const std::int64_t in_smaller = (s + u.smaller_s / 2) / u.smaller_s, a_unit = u.size_s / u.smaller_s;
    std::string text = unit(with_commas(static_cast<std::uint64_t>(in_smaller / a_unit)), u.name);
    if (in_smaller % a_unit != 0) (text += kNoBreakSpace) += unit(std::to_string(in_smaller % a_unit), u.smaller);
    return text;
  }
  return {};
}

std::string in_words_bytes(double bytes) {
  constexpr std::array<std::string_view, 6> kNames = {"B", "kB", "MB", "GB", "TB", "PB"};
  std::size_t name = 0;
  while (bytes >= 999.5 && name + 1 < kNames.size()) {
    bytes /= 1000;
    ++name;
  }
  return unit(short_decimal(bytes), kNames[name]);
}

std::string in_words_number(double number) {
  if (number < 0) return "-" + in_words_number(-number);
  if (number >= 99.5) return with_commas(static_cast<std::uint64_t>(std::llround(std::min(number, 1e18))));
  return short_decimal(number);
}

std::string in_words_share(double share) {
  double percent = std::clamp(share, 0.0, 1.0) * 100;
  if (share < 1) percent = std::min(percent, 99.9);
  if (share > 0) percent = std::max(percent, 0.1);
  std::array<char, 32> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%.1f", percent);
  std::string text = buffer.data();
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return unit(std::move(text), "%");
}

}  // namespace kith::sim
