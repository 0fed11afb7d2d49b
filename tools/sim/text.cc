#include "tools/sim/text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>

namespace kith::sim::tool {
namespace {

template <class... Values>
std::string formatted(const char* format, Values... values) {
  std::array<char, 64> out;
  const int length = std::snprintf(out.data(), out.size(), format, values...);
  return {out.data(), static_cast<std::size_t>(std::clamp(length, 0, static_cast<int>(out.size()) - 1))};
}

}  // namespace

std::string with_commas(std::uint64_t number) {
  std::string out = std::to_string(number);
  for (std::size_t at = out.size(); at > 3; at -= 3) out.insert(at - 3, ",");
  return out;
}

std::string one_digit(double number) {
  if (number >= 100) return with_commas(static_cast<std::uint64_t>(number + 0.5));
  return formatted("%.1f", number);
}

std::string span_words(std::int64_t us) {
  if (us < 0) return "-" + span_words(-us);
  const double ms = static_cast<double>(us) / 1e3;
  if (us < 1'000) return std::to_string(us) + " us";
  if (us < 10'000) return formatted("%.1f ms", ms);
  if (us < 1'000'000) return formatted("%.0f ms", ms);
  if (us < 60'000'000) return formatted("%.1f s", ms / 1e3);
  const std::int64_t seconds = (us + 500'000) / 1'000'000;
  const auto two = [](std::int64_t large, const char* large_unit, std::int64_t small, const char* small_unit) {
    std::string out = std::to_string(large) + " " + large_unit;
    if (small > 0) out += " " + std::to_string(small) + " " + small_unit;
    return out;
  };
  if (seconds < 3600) return two(seconds / 60, "min", seconds % 60, "s");
  if (seconds < 86'400) return two(seconds / 3600, "h", seconds % 3600 / 60, "min");
  return two(seconds / 86'400, "d", seconds % 86'400 / 3600, "h");
}

std::string time_words(std::int64_t at_us) {
  if (at_us < 0) return "?";
  return formatted("%lld.%03llds", static_cast<long long>(at_us / 1'000'000),
                   static_cast<long long>(at_us / 1000 % 1000));
}

std::string hash_words(std::uint64_t hash) { return formatted("%016llx", static_cast<unsigned long long>(hash)); }

std::string counted(std::uint64_t number, std::string_view noun) {
  return with_commas(number) + " " + std::string(noun) + (number == 1 ? "" : "s");
}

std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool blank = c == '\n' || c == '\r' || c == '\t' || c == ' ';
    if (!blank) out += c;
    else if (!out.empty() && out.back() != ' ') out += ' ';
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

std::string in_shell(const std::string& word) {
  const auto plain = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("._-/:,=+@%").find(c) != std::string_view::npos;
  };
  if (!word.empty() && std::all_of(word.begin(), word.end(), plain)) return word;
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

}  // namespace kith::sim::tool
