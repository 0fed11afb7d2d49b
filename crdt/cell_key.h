// crdt/cell_key.h -- names one cell: the unit of state, of merging and of storage.
//
//     cell = (table, key, kind, member)      member: the set's element or the hash's field; empty for a register;
//                                            of a counter: an increment's tag, or empty (crdt/counter.h)
//
// A key holds up to one value of each kind, so two writers can never disagree about the kind.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "crdt/bytes.h"
#include "crdt/ids.h"

namespace kith {

enum class Kind : std::uint8_t {
  kRegister = 1,
  kSet = 2,
  kHash = 3,
  kCounter = 4,
};

std::string_view to_string(Kind kind);  // "register", "set", "hash", "counter"
std::optional<Kind> kind_from(std::uint8_t byte);

struct CellKey {
  std::string table;
  std::string key;
  Kind kind = Kind::kRegister;
  std::string member;

  friend auto operator<=>(const CellKey&, const CellKey&) = default;
};

// Tables named by users: 1 to 64 of A-Z a-z 0-9 . - _, not beginning with '_', which is kept for Kith itself.
bool valid_table_name(std::string_view table);
inline constexpr std::string_view kSystemTable = "_kith";
inline constexpr std::string_view kDefaultTable = "default";

// The shard of a key: all its kinds and members are together.  System tables are in kSystemShard.
// REQUIRES: shard_count > 0.
ShardId shard_of(std::string_view table, std::string_view key, std::uint32_t shard_count);
inline ShardId shard_of(const CellKey& cell, std::uint32_t shard_count) {
  return shard_of(cell.table, cell.key, shard_count);
}

// The canonical bytes of a cell's name, as in messages and in hashes:
//     kind:u8  table: counted  key: counted  member: counted
void encode(const CellKey& cell, ByteWriter& out);
std::optional<CellKey> decode_cell_key(ByteReader& in);  // Nothing when malformed or over a limit.
std::uint64_t hash_of(const CellKey& cell);              // XXH3-64 of those bytes.
std::uint64_t hash_of_value(const CellKey& cell);        // The same with the member left empty.

}  // namespace kith
