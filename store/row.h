// store/row.h -- a cell as it is stored, and where.
//
//     store key := shard:u16  table 00  key-part  kind:u8  member-part          at most 511 bytes (LMDB's limit)
//     part      := escaped bytes 00 01                                          00 is escaped as 00 ff
//                | the first escaped bytes 00 02 xxh3-128 of the whole          when too long for the key
//     row       := version:u8  checksum:u64  lsn:u64  flags:u8  [key: counted  member: counted]  content
//                  flags: 1 the names follow, because the store key holds only a prefix and a hash of one of them
//     checksum  := xxh3-64 of all of the row behind the checksum, seeded with the xxh3-64 of the store key
//
// Store keys sort by shard, table, key, kind, member, so all of a set lies together and a table lists in order.
// The checksum is bound to the row's own key: a row found under another key is as damaged as one with a flipped bit.
// LMDB has no page checksums, so this is what stands between a bad disk and the cluster (DESIGN.md, section 5).
//
// A part takes at most kPartBytesMax bytes: names of up to 219 escaped bytes are whole, longer ones keep 203.  Names
// that share those 203 bytes sort by their hash; two of them that share the hash too cannot both be stored: the row
// has the whole names, so the second is refused, and never mistaken for the first.
// Golden bytes: tests/store/row_test.cc and docs/DISK.md
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "crdt/cell_key.h"
#include "crdt/content.h"
#include "crdt/ids.h"
#include "crdt/tag.h"

namespace kith {

using StoreKey = std::string;
using Lsn = std::uint64_t;  // Per shard, counts changes; zero comes before the first.

inline constexpr std::uint8_t kRowVersion = 1;
inline constexpr std::size_t kStoreKeyBytesMax = 511;
inline constexpr std::size_t kPartBytesMax = 221;  // (511 - shard 2 - table 64 - its end 1 - kind 1) / 2, rounded down.

struct Row {
  CellKey cell;
  Content content;
  Lsn lsn = 0;
  std::size_t bytes = 0;  // As stored, store key included.
};

StoreKey store_key(ShardId shard, const CellKey& cell);  // REQUIRES: names within crdt/limits.h.

// What every store key of these begins with.
StoreKey shard_prefix(ShardId shard);
StoreKey value_prefix(ShardId shard, std::string_view table, std::string_view key, Kind kind);
StoreKey value_prefix_end(StoreKey prefix);  // What all of these sort before, and nothing else between.

ShardId shard_of_store_key(std::string_view store_key);  // REQUIRES: at least two bytes.

// Of an increment (crdt/counter.h), whose tag is its member: also when its row cannot be read.  Else nothing.
std::optional<Tag> increment_tag_of_store_key(std::string_view store_key);
// The store key of the base of the counter that this is a cell of.  REQUIRES: a store key of a counter's cell.
StoreKey base_store_key(std::string_view store_key);

std::string encode_row(std::string_view store_key, const CellKey& cell, const Content& content, Lsn lsn);

// Nothing when the row is damaged: wrong checksum, unknown version, or bytes that no encoder wrote.
std::optional<Row> decode_row(std::string_view store_key, std::string_view row);

// ---- For whoever knows the cell already, and for the other databases

// A row whose checksum fits.  Borrows its bytes.
struct RowView {
  Lsn lsn = 0;
  bool has_names = false;
  std::string_view key, member;  // When it has names.
  std::string_view content;      // Not decoded yet.

  bool may_be(const CellKey& cell) const { return !has_names || (key == cell.key && member == cell.member); }
};
std::optional<RowView> open_row(std::string_view store_key, std::string_view row);

// A key and its kind within a table, as `counts` names it: table 00 key-part kind.  It is what a store key has behind
// its shard, so that this is a part of the argument; empty when that is not a store key.
std::string_view value_of_store_key(std::string_view store_key);
std::string value_key(std::string_view table, std::string_view key, Kind kind);

bool value_key_is_whole(std::string_view value_key);

struct ValueName {
  std::string table;
  std::string key;
  Kind kind = Kind::kRegister;
  bool whole = true;  // False: `key` is only its beginning.
};
std::optional<ValueName> parse_value_key(std::string_view value_key);

// What the value keys of all keys of `table` that begin with `prefix` begin with; others may begin with it as well.
std::string value_key_floor(std::string_view table, std::string_view prefix);

}  // namespace kith
