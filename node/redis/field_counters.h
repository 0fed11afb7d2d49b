// node/redis/field_counters.h -- the counters of hash fields: what HINCRBY counts, under names of their own.
//
//     table    redis.fields
//     key      := table 00 key' 00 01 field      table: the one of the Redis port; key': the hash's, each 00 of it as 00 ff
//
// Counters of Kith belong to keys, so that of a field has a key made of the names of both.  All counters of one hash lie
// together, and those of hashes in the order of their keys: 00 01 sorts before everything that a longer name can go on with.
// (Of names beyond about two hundred bytes that does not hold: docs/DISK.md.)  Pure functions.
// Tests: tests/node/redis_field_counters_test.cc
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kith::redis {

inline constexpr std::string_view kFieldTable = "redis.fields";

// The key of a field's counter; longer than kKeyBytesMax when the names are too long to be counted under.
std::string field_counter(std::string_view table, std::string_view key, std::string_view field);
// What those of all fields of a hash begin with, and of all hashes whose keys begin so.
std::string field_counters_of(std::string_view table, std::string_view key);
std::string field_counters_below(std::string_view table, std::string_view key_prefix);

struct FieldName {
  std::string key;
  std::string field;
  friend bool operator==(const FieldName&, const FieldName&) = default;
};
// Nothing when it is no such name, or of another table.
std::optional<FieldName> parse_field_counter(std::string_view table, std::string_view counter);

}  // namespace kith::redis
