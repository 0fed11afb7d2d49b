// store/row.h -- a cell as it is stored, and where.
//
//     store key := shard:u16  table 00  key-part  kind:u8  member-part          at most 511 bytes (LMDB's limit)
//     part      := escaped bytes 00 01                                          00 is escaped as 00 ff
//                | the first escaped bytes 00 02 xxh3-128 of the whole          when too long for the key
//     row       := version:u8  checksum:u64  lsn:u64  flags:u8  [key: counted  member: counted]  content
//                  flags: 1 the names follow, because the store key holds only a prefix and a hash of one of them
//     checksum  := xxh3-64 of (store key, then all of the row behind the checksum)
//
// Store keys sort by shard, table, key, kind, member, so all of a set lies together and a table lists in order.
// The checksum is bound to the row's own key: a row found under another key is as damaged as one with a flipped bit.
// LMDB has no page checksums, so this is what stands between a bad disk and the cluster (DESIGN.md, section 5).
// Golden bytes: tests/store/row_test.cc and docs/DISK.md
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "crdt/cell_key.h"
#include "crdt/content.h"
#include "crdt/ids.h"

namespace kith {

using StoreKey = std::string;
using Lsn = std::uint64_t;  // Per shard, counts changes; zero comes before the first.

inline constexpr std::uint8_t kRowVersion = 1;
inline constexpr std::size_t kStoreKeyBytesMax = 511;

struct Row {
  CellKey cell;
  Content content;
  Lsn lsn = 0;
  std::size_t bytes = 0;  // As stored, store key included.
};

StoreKey store_key(ShardId shard, const CellKey& cell);

// What every store key of these begins with.
StoreKey shard_prefix(ShardId shard);
StoreKey value_prefix(ShardId shard, std::string_view table, std::string_view key, Kind kind);

ShardId shard_of_store_key(std::string_view store_key);  // REQUIRES: at least two bytes.

std::string encode_row(std::string_view store_key, const CellKey& cell, const Content& content, Lsn lsn);

// Nothing when the row is damaged: wrong checksum, unknown version, or bytes that no encoder wrote.
std::optional<Row> decode_row(std::string_view store_key, std::string_view row);

}  // namespace kith
