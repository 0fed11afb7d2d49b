// node/redis/changes.h -- what a commit changes of what the keys of one table show, for those who subscribed to that.
//
//     before(batch) reads the rows that the batch touches; after() reads them again: what differs is an event
//
// So an event is told when something shows another value, whoever wrote it, here or elsewhere: a retry that changes nothing, or
// a row that only came once more, is none.  Changes of one kind to one key in one commit are one event.
// Cost: two lookups a cell of the batch, and only while somebody is subscribed.  Belongs to the engine's thread.
// Tests: tests/node/redis_changes_test.cc
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/store.h"

namespace kith::redis {

// In Redis's words, and in the order in which those of one key are told.
enum class Event : std::uint8_t {
  kSet, kIncrby, kSadd, kSrem, kHset, kHincrby, kHdel, kExpire, kPersist, kHexpired, kExpired, kDel,
};
inline constexpr std::size_t kEventCount = 12;
std::string_view to_string(Event event);  // "set", "incrby", ...

struct KeyChange {
  std::string key;
  std::uint16_t events = 0;  // A bit each.

  bool has(Event event) const { return (events >> static_cast<unsigned>(event) & 1U) != 0; }
  void add(Event event) { events = static_cast<std::uint16_t>(events | 1U << static_cast<unsigned>(event)); }
  void drop(Event event) { events = static_cast<std::uint16_t>(events & ~(1U << static_cast<unsigned>(event))); }
};

class Changes {
 public:
  Changes(const Store& store, std::string table) : store_(store), table_(std::move(table)) {}

  // Both throw StoreError.
  void before(const StoreBatch& batch);
  std::vector<KeyChange> after(std::uint32_t shard_count, std::int64_t now_ms);  // In the order of the keys.

 private:
  struct Cell {
    CellKey name;
    bool present = false;
    std::optional<std::string> value;
    std::int64_t expires_at_ms = 0;
  };
  void look_at(const Snapshot& snapshot, const StoreKey& key);
  void look_at_counter(const Snapshot& snapshot, ShardId shard, const CellKey& cell);
  static Cell cell_in(const Snapshot& snapshot, const StoreKey& key);
  bool ours(std::string_view table) const;
  void compare(const Cell& old, const Cell& now);
  KeyChange& change_of(const std::string& key);
  bool shows(const Snapshot& snapshot, std::uint32_t shard_count, const std::string& key, std::int64_t now_ms) const;

  const Store& store_;
  const std::string table_;
  std::map<StoreKey, Cell> cells_;                                // As they were.
  std::map<std::pair<ShardId, CellKey>, CounterSum> counters_;    // By their bases.
  std::vector<CellKey> over_;                                     // What expires with this commit.
  std::map<std::string, KeyChange> changed_;
};

}  // namespace kith::redis
