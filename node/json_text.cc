#include "node/json_text.h"

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

namespace kith {

bool valid_utf8(std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size();) {
    const auto at = [&](std::size_t offset) { return static_cast<unsigned char>(bytes[i + offset]); };
    const unsigned char lead = at(0);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
    if (length == 0 || bytes.size() - i < length) return false;
    for (std::size_t k = 1; k < length; ++k) {
      if ((at(k) & 0xc0) != 0x80) return false;
    }
    // Overlong forms, surrogates, and what lies beyond the last code point.
    if (lead == 0xe0 && at(1) < 0xa0) return false;
    if (lead == 0xed && at(1) > 0x9f) return false;
    if (lead == 0xf0 && at(1) < 0x90) return false;
    if (lead == 0xf4 && at(1) > 0x8f) return false;
    i += length;
  }
  return true;
}

std::string hex_text(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(2 * bytes.size());
  for (const char c : bytes) {
    out += kDigits[static_cast<unsigned char>(c) >> 4];
    out += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

std::string iso_time(std::int64_t unix_ms) {
  const std::time_t seconds = unix_ms / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char date[40];
  const std::size_t size = std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts);
  std::string ms = std::to_string(unix_ms % 1000);
  ms.insert(0, 3 - std::min<std::size_t>(3, ms.size()), '0');
  return std::string(date, size) + "." + ms + "Z";
}

nlohmann::json name_json(std::string_view bytes) {
  if (valid_utf8(bytes)) return bytes;
  return {{"hex", hex_text(bytes)}};
}

nlohmann::json time_json(Timestamp time) { return {{"hlc", to_hex(time.value)}, {"time", iso_time(time.ms())}}; }

nlohmann::json commit_json(const Commit& commit) {
  return {{"origin", to_hex(commit.origin.value)}, {"at", time_json(commit.at)}};
}

std::string shown(std::string_view name) {
  constexpr std::size_t kMost = 64;
  const bool printable = valid_utf8(name) && std::none_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) < ' ' || c == 0x7f;
  });
  const bool cut = name.size() > kMost;
  std::string_view part = name.substr(0, kMost);
  // Not inside of a character.
  while (printable && cut && !part.empty() && (static_cast<unsigned char>(name[part.size()]) & 0xc0) == 0x80) {
    part.remove_suffix(1);
  }
  return (printable ? "\"" + std::string(part) : "\"0x" + hex_text(part)) + (cut ? "...\"" : "\"");
}

std::string dump(const nlohmann::json& document) {
  return document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace kith
