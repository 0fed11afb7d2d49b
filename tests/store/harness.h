// tests/store/harness.h -- one face for both stores, so that one suite runs against both; and a dumb twin of a store.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <random>
#include <string>

#include "store/lmdb_store.h"
#include "store/memory_store.h"

namespace kith::test {

// A directory of its own, gone with it.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  std::string path(const std::string& name = "") const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

// What a kill leaves of `from` at this moment: all of it is synced.  `to` must not be there yet, or goes.
void copy_as_killed(const std::string& from, const std::string& to);

std::string bytes_of(const std::string& path);  // Of a file.

class MemoryHarness {
 public:
  explicit MemoryHarness(std::uint64_t bytes_max = std::uint64_t{1} << 30) : store_(bytes_max) {}

  Store& store() { return store_; }
  void reopen() { store_.crash(); }  // All is synced, so that only what the writer remembered is gone.
  std::optional<std::string> stored(Database database, const std::string& key) { return store_.stored(database, key); }
  void overwrite(Database database, const std::string& key, const std::string& value) {
    REQUIRE(store_.overwrite(database, key, value));
  }

 private:
  MemoryStore store_;
};

// Changes what is stored behind the store's back: closes it, writes with LMDB alone, opens it again.
class LmdbHarness {
 public:
  explicit LmdbHarness(std::uint64_t map_bytes = std::uint64_t{1} << 30, std::size_t recent_bytes = 0);

  Store& store() { return *store_; }
  void reopen();
  std::optional<std::string> stored(Database database, const std::string& key);
  void overwrite(Database database, const std::string& key, const std::string& value);
  void lose(Database database, const std::string& key);

 protected:
  TemporaryDirectory directory_;
  LmdbOptions options_;
  std::unique_ptr<LmdbStore> store_;
};

// With tables of recent changes that are full after a few commits.  Reopened as after a kill.
class JournalHarness : public LmdbHarness {
 public:
  explicit JournalHarness(std::uint64_t map_bytes = std::uint64_t{1} << 30) : LmdbHarness(map_bytes, 4096) {}
  void reopen();

 private:
  int kills_ = 0;
};

// ---- Cells and contents for tests

inline constexpr OriginId kNode1{0x1111}, kNode2{0x2222}, kNode3{0x3333};

inline CellKey element(const std::string& key, const std::string& member) {
  return {"default", key, Kind::kSet, member};
}
inline CellKey value(const std::string& key) { return {"default", key, Kind::kRegister, ""}; }

// A delta with one untagged add, removal or write, whose tag is its commit.
Content added(std::uint64_t at, OriginId origin = kNode1);
Content removed(std::uint64_t add_at, OriginId adder, std::uint64_t at, OriginId origin = kNode1);
Content written(const std::string& text, std::uint64_t at, OriginId origin = kNode1);
Content erased(std::uint64_t at, OriginId origin = kNode1);

StoreBatch batch_of(ShardId shard, const CellKey& cell, const Content& delta);
inline Snapshot::Covered covered_by(CommitClock held) {
  return [held = std::move(held)](const Commit& commit) {
    return std::any_of(held.begin(), held.end(),
                       [&](const auto& entry) { return entry.first == commit.origin && commit.at <= entry.second; });
  };
}

std::string flipped(std::string bytes, std::size_t bit);
std::string hex(std::string_view bytes);

// A store of maps without any cleverness: what the real ones must agree with.
class Twin {
 public:
  void merge(ShardId shard, const CellKey& cell, const Content& delta);
  // Asserts that rows, feed, counts and fingerprints of `store` are those of the twin, and that it verifies.
  void require_equal(const Store& store) const;

  struct TwinRow {
    CellKey cell;
    Content content;
    Lsn lsn = 0;
  };
  const std::map<std::pair<ShardId, CellKey>, TwinRow>& rows() const { return rows_; }
  Lsn end(ShardId shard) const { return ends_.contains(shard) ? ends_.at(shard) : 0; }

 private:
  std::map<std::pair<ShardId, CellKey>, TwinRow> rows_;
  std::map<ShardId, Lsn> ends_;
};

// A random change: few cells, so that they meet; adds, removals and writes of several origins and sessions.
struct RandomChange {
  ShardId shard;
  CellKey cell;
  Content delta;
};
class RandomChanges {
 public:
  explicit RandomChanges(std::uint64_t seed) : random_(seed) {}
  RandomChange next(std::size_t keys = 6, std::size_t members = 12);
  std::uint64_t below(std::uint64_t end) { return random_() % end; }

 private:
  std::mt19937_64 random_;
  std::uint64_t time_ = 100;
};

}  // namespace kith::test
