// store/transaction.h -- ordered bytes in named databases: the little that a store asks of what lies beneath.
//
//     LmdbStore   ->  LmdbTransaction      (store/lmdb_transaction.h), LayeredTransaction over it (store/layered_transaction.h)
//     MemoryStore ->  maps                 (store/memory_store.cc)
//
// What rows, feed, marks, counts and fingerprints mean is written once above this: applier.h writes, reader.h reads.
// A transaction and its walks are used by one thread at a time and end before their store does.  The machine's errors
// are thrown as StoreError.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace kith {

enum class Database : std::uint8_t {
  kMeta,
  kCells,
  kFeed,
  kMarks,
  kClocks,
  kCursors,
  kCounts,
  kFingerprints,
  kDamaged,
  kExpiries,
  kJournal,
};
inline constexpr std::size_t kDatabaseCount = 11;
inline constexpr std::array<const char*, kDatabaseCount> kDatabaseNames = {
    "meta", "cells", "feed", "marks", "clocks", "cursors", "counts", "fingerprints", "damaged", "expiries",
    "journal"};

// A place in one database.  Views live until the walk moves or its transaction writes.
class Walk {
 public:
  virtual ~Walk() = default;

  // Each returns whether there is such an item; when not, the walk is nowhere until the next seek.
  [[nodiscard]] virtual bool seek(std::string_view key) = 0;         // The first at or after `key`.
  [[nodiscard]] virtual bool seek_before(std::string_view key) = 0;  // The last before `key`.
  [[nodiscard]] virtual bool next() = 0;
  [[nodiscard]] virtual bool previous() = 0;

  virtual std::string_view key() const = 0;
  virtual std::string_view value() const = 0;
};

class ReadTransaction {
 public:
  virtual ~ReadTransaction() = default;

  // The view lives until the next call on this transaction.
  virtual std::optional<std::string_view> get(Database database, std::string_view key) const = 0;
  virtual std::unique_ptr<Walk> walk(Database database) const = 0;
  virtual bool empty(Database database) const = 0;  // O(1), mostly.
  // Of what lies on the disk in its order, where rot can be: without what is so recent that it is in memory.
  virtual std::unique_ptr<Walk> walk_on_disk(Database database) const { return walk(database); }
};

// SUBTLE: a put of the key that was the last one asked for in the same database is cheap: the place is still known.
class WriteTransaction : public ReadTransaction {
 public:
  virtual void put(Database database, std::string_view key, std::string_view value) = 0;
  virtual void del(Database database, std::string_view key) = 0;  // Nothing happens when there is no such key.
};

}  // namespace kith
