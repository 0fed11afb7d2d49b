// Durations, sizes and near misses: the small print of node/config.h.
#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "gossip/duration_words.h"
#include "node/config.h"
#include "node/edit_distance.h"

namespace kith {

namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// From the largest to the smallest, as format_*() tries them.
constexpr std::array<Unit, 5> kDurations = {
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};
constexpr std::array<Unit, 5> kSizes = {{{"TiB", std::uint64_t{1} << 40},
                                         {"GiB", std::uint64_t{1} << 30},
                                         {"MiB", std::uint64_t{1} << 20},
                                         {"KiB", std::uint64_t{1} << 10},
                                         {"", 1}}};

template <std::size_t N>
std::optional<std::uint64_t> parse_with(const std::array<Unit, N>& units, std::string_view text) {
  std::uint64_t count = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, count);
  if (error != std::errc{}) return std::nullopt;
  const std::string_view unit(stop, static_cast<std::size_t>(end - stop));
  for (const Unit& known : units) {
    if (known.name != unit) continue;
    std::uint64_t out = 0;
    if (__builtin_mul_overflow(count, known.factor, &out) || out > INT64_MAX) return std::nullopt;
    return out;
  }
  return std::nullopt;
}

template <std::size_t N>
std::string format_with(const std::array<Unit, N>& units, std::uint64_t value) {
  for (const Unit& unit : units) {
    if (value % unit.factor == 0 && value >= unit.factor) {
      return std::to_string(value / unit.factor) + std::string(unit.name);
    }
  }
  return "0" + std::string(units.back().name);
}

}  // namespace

std::optional<std::int64_t> parse_duration_ms(std::string_view text) {
  const auto value = parse_with(kDurations, text);
  return value ? std::optional<std::int64_t>(static_cast<std::int64_t>(*value)) : std::nullopt;
}
std::optional<std::uint64_t> parse_bytes(std::string_view text) { return parse_with(kSizes, text); }
std::string format_duration(std::int64_t ms) { return duration_words(ms); }
std::string format_bytes(std::uint64_t bytes) { return format_with(kSizes, bytes); }

std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& known) {
  // Two slips, or a third of a longer word: beyond that a guess is noise.
  std::size_t best = std::max<std::size_t>(2, word.size() / 3) + 1;
  std::optional<std::string> out;
  if (word.size() > 64) return out;
  for (const std::string& candidate : known) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < best) {
      best = distance;
      out = candidate;
    }
  }
  return out;
}

}  // namespace kith
