#include "node/redis/field_counters.h"

namespace kith::redis {

namespace {

constexpr char kNul = '\0', kEscaped = '\xff', kEnd = '\x01';

}  // namespace

std::string field_counters_below(std::string_view table, std::string_view key_prefix) {
  std::string out;
  out.reserve(table.size() + key_prefix.size() + 3);
  out += table;
  out += kNul;
  for (const char c : key_prefix) {
    out += c;
    if (c == kNul) out += kEscaped;
  }
  return out;
}

std::string field_counters_of(std::string_view table, std::string_view key) {
  std::string out = field_counters_below(table, key);
  out += kNul;
  out += kEnd;
  return out;
}

std::string field_counter(std::string_view table, std::string_view key, std::string_view field) {
  return field_counters_of(table, key).append(field);
}

std::optional<FieldName> parse_field_counter(std::string_view table, std::string_view counter) {
  if (!counter.starts_with(table) || counter.size() == table.size() || counter[table.size()] != kNul) return std::nullopt;
  counter.remove_prefix(table.size() + 1);
  FieldName out;
  for (std::size_t i = 0; i < counter.size(); ++i) {
    if (counter[i] != kNul) {
      out.key += counter[i];
      continue;
    }
    if (++i == counter.size()) break;
    if (counter[i] == kEnd) {
      out.field = counter.substr(i + 1);
      return out.key.empty() || out.field.empty() ? std::nullopt : std::optional(std::move(out));
    }
    if (counter[i] != kEscaped) break;
    out.key += kNul;
  }
  return std::nullopt;
}

}  // namespace kith::redis
