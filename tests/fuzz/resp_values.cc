#include "tests/fuzz/resp_values.h"

#include <cstdint>
#include <optional>

#include "node/redis/numbers.h"

namespace kith::fuzz {

namespace {

constexpr int kNestedMax = 16;

bool take_line(std::string_view& bytes, std::string_view& line) {
  const std::size_t end = bytes.find("\r\n");
  if (end == std::string_view::npos) return false;
  line = bytes.substr(0, end);
  bytes.remove_prefix(end + 2);
  return line.find_first_of("\r\n") == std::string_view::npos;
}

bool take_value(std::string_view& bytes, int nested) {
  std::string_view line;
  if (bytes.empty() || nested > kNestedMax) return false;
  const char type = bytes[0];
  bytes.remove_prefix(1);
  if (!take_line(bytes, line)) return false;
  if (type == '>' && nested > 0) return false;  // Out of turn, but never inside of an answer.
  if (type == '+' || type == '-') return true;
  if (type == '_') return line.empty();
  if (type == '#') return line == "t" || line == "f";
  const auto number = kith::redis::parse_integer(line);
  if (!number) return false;
  switch (type) {
    case ':': return true;
    case '$':
    case '=':
      if (*number == -1) return true;
      if (*number < 0 || bytes.size() < static_cast<std::uint64_t>(*number) + 2 || bytes.substr(static_cast<std::size_t>(*number), 2) != "\r\n") return false;
      bytes.remove_prefix(static_cast<std::size_t>(*number) + 2);
      return true;
    case '*':
    case '~':
    case '>':
    case '%': {
      if (*number == -1) return true;
      const std::int64_t values = type == '%' ? 2 * *number : *number;
      for (std::int64_t i = 0; i < values; ++i) {
        if (!take_value(bytes, nested + 1)) return false;
      }
      return values >= 0;
    }
    default: return false;
  }
}

}  // namespace

bool readable_values(std::string_view bytes) {
  while (!bytes.empty()) {
    if (!take_value(bytes, 0)) return false;
  }
  return true;
}

}  // namespace kith::fuzz
