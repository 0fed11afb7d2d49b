#include "node/view/text.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <ctime>

#include "node/edit_distance.h"
#include "node/json_text.h"

namespace kith {
namespace {

constexpr char kDigits[] = "0123456789abcdef";

// Length of the well-formed UTF-8 sequence at the front; 0 when there is none (RFC 3629: no overlong form, no
// surrogate).
std::size_t sequence_length(std::string_view in) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(in[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || in.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const unsigned char second = byte(1);
  if (lead == 0xe0 && second < 0xa0) return 0;
  if (lead == 0xed && second > 0x9f) return 0;
  if (lead == 0xf0 && second < 0x90) return 0;
  if (lead == 0xf4 && second > 0x8f) return 0;
  return length;
}

bool is_control(std::string_view sequence) {
  const auto first = static_cast<unsigned char>(sequence[0]);
  if (sequence.size() == 1) return first < 0x20 || first == 0x7f;
  return sequence.size() == 2 && first == 0xc2 && static_cast<unsigned char>(sequence[1]) < 0xa0;  // C1 controls.
}

void append_hex_escape(std::string& out, std::string_view bytes) {
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += "\\x";
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
}

std::string with_one_digit(double value, std::string_view unit) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, value < 9.95 ? "%.1f" : "%.0f", value);
  return std::string(buffer) + " " + std::string(unit);
}

}  // namespace

std::string escaped(std::string_view bytes) {
  std::string out;
  while (!bytes.empty()) {
    const std::size_t length = sequence_length(bytes);
    const std::string_view piece = bytes.substr(0, std::max<std::size_t>(length, 1));
    if (piece == "\\") {
      out += "\\\\";
    } else if (length == 0 || is_control(piece)) {
      append_hex_escape(out, piece);
    } else {
      out += piece;
    }
    bytes.remove_prefix(piece.size());
  }
  return out;
}

std::string quoted(std::string_view bytes) {
  const auto harmless = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_-./:@%+,=").find(c) != std::string_view::npos;
  };
  if (!bytes.empty() && std::all_of(bytes.begin(), bytes.end(), harmless)) return std::string(bytes);
  bool prints = valid_utf8(bytes);
  for (const char c : bytes) prints = prints && static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
  std::string out = prints ? "'" : "$'";
  for (std::string_view rest = bytes; !rest.empty(); rest.remove_prefix(1)) {
    const char c = rest.front();
    if (prints && c == '\'') {
      out += "'\\''";
    } else if (!prints && (c == '\'' || c == '\\')) {
      out += '\\';
      out += c;
    } else if (!prints && (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f)) {
      append_hex_escape(out, rest.substr(0, 1));
    } else {
      out += c;
    }
  }
  return out + "'";
}

std::optional<std::string> from_hex(std::string_view digits) {
  if (digits.size() % 2 != 0) return std::nullopt;
  std::string out;
  out.reserve(digits.size() / 2);
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(digits.data() + i, digits.data() + i + 2, value, 16);
    if (error != std::errc{} || end != digits.data() + i + 2) return std::nullopt;
    out += static_cast<char>(value);
  }
  return out;
}

std::size_t display_width(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string cut_to_width(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) return std::string(text);
  std::size_t columns = 0;
  std::size_t end = 0;
  while (end < text.size()) {
    const bool starts = (static_cast<unsigned char>(text[end]) & 0xc0) != 0x80;
    if (starts && columns == width - 1) break;
    columns += starts ? 1 : 0;
    ++end;
  }
  return std::string(text.substr(0, end)) + "…";
}

std::string duration_in_words(std::int64_t ms) {
  if (ms < 0) return "-" + duration_in_words(-ms);
  if (ms < 1000) return std::to_string(ms) + " ms";
  const double seconds = static_cast<double>(ms) / 1000;
  if (seconds < 120) return with_one_digit(seconds, "s");
  if (seconds < 2 * 3600) return with_one_digit(seconds / 60, "min");
  if (seconds < 48 * 3600) return with_one_digit(seconds / 3600, "h");
  return with_one_digit(seconds / 86400, "days");
}

std::string bytes_in_words(std::uint64_t bytes) {
  if (bytes < 1024) return std::to_string(bytes) + " B";
  double value = static_cast<double>(bytes) / 1024;
  static constexpr std::string_view kUnits[] = {"KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  return with_one_digit(value, kUnits[unit]);
}

std::string utc_clock(std::int64_t unix_ms, std::int64_t now_ms) {
  const auto broken_down = [](std::int64_t ms) {
    const auto seconds = static_cast<std::time_t>(ms / 1000);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    return parts;
  };
  const std::tm then = broken_down(unix_ms);
  const std::tm today = broken_down(now_ms);
  const bool same_day = then.tm_year == today.tm_year && then.tm_yday == today.tm_yday;
  char buffer[64];
  std::strftime(buffer, sizeof buffer, same_day ? "%H:%M:%S UTC" : "%Y-%m-%d %H:%M:%S UTC", &then);
  return buffer;
}

std::string utc_clock(std::int64_t unix_ms) {
  using namespace std::chrono;
  return utc_clock(unix_ms, duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count());
}

std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i) out += (i == 0 ? "" : i + 1 == names.size() ? " and " : ", ") + names[i];
  return out;
}

std::string count_of(std::uint64_t number, std::string_view one, std::string_view many) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits + " " + std::string(number == 1 ? one : many);
}

std::optional<std::uint64_t> number_from(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::int64_t> duration_from(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{}) return std::nullopt;
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const double scale = unit == "ms" ? 1 : unit.empty() || unit == "s" ? 1e3 : unit == "m" || unit == "min" ? 6e4
                       : unit == "h" ? 3.6e6 : unit == "d" ? 8.64e7 : 0;
  const double ms = value * scale;
  if (scale == 0 || !(ms >= 0) || ms > 1e13) return std::nullopt;
  return static_cast<std::int64_t>(std::llround(ms));
}

std::optional<std::string> closest(std::string_view word, const std::vector<std::string>& candidates) {
  std::optional<std::string> best;
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  if (best || word.size() < 2) return best;
  for (const std::string& candidate : candidates) {
    if (candidate.starts_with(word)) return candidate;
  }
  return best;
}

}  // namespace kith
