// store/shard_walk.h -- a walk among the entries of one shard: of the feed, of marks, of clocks.
//
// SUBTLE: LMDB keeps the size of a key beside it, and a bit of that may flip: then a key that is none of ours stands in the middle of a
// shard.  It ends no walk.  Tests: tests/store/damage_test.cc
#pragma once

#include <cstdint>
#include <optional>

#include "store/records.h"
#include "store/transaction.h"

namespace kith {

inline bool in_shard(const Walk& walk, ShardId shard) { return walk.key().starts_with(shard_prefix(shard)); }

// Of the entry at which the walk stands.  None: its key has rotted.  REQUIRES: in_shard().
inline std::optional<std::uint64_t> id_at(const Walk& walk) {
  const auto entry = parse_shard_entry(walk.key());
  return entry ? std::optional(entry->id) : std::nullopt;
}

// The first at or after `id`, if any; the walk stands there.
inline std::optional<std::uint64_t> first_from(Walk& walk, ShardId shard, std::uint64_t id) {
  for (bool more = walk.seek(shard_entry_key(shard, id)); more && in_shard(walk, shard); more = walk.next()) {
    if (const auto at = id_at(walk)) return at;
  }
  return std::nullopt;
}

// The last before `id`, if any; the walk stands there.
inline std::optional<std::uint64_t> last_before(Walk& walk, ShardId shard, std::uint64_t id) {
  for (bool more = walk.seek_before(shard_entry_key(shard, id)); more && in_shard(walk, shard); more = walk.previous()) {
    if (const auto at = id_at(walk)) return at;
  }
  return std::nullopt;
}

}  // namespace kith
