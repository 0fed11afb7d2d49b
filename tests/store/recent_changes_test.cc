// Goal: with recent changes in a journal a store is what it is without: after a kill at any commit, to readers on other threads,
// to whoever reads its directory, and when it was written by an earlier version.
#include <lmdb.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "store/journal.h"
#include "store/offline_store.h"
#include "store/records.h"
#include "tests/crdt/universe.h"
#include "tests/store/harness.h"

namespace kith::test {
namespace {

namespace fs = std::filesystem;

constexpr LmdbOptions kSmall{.map_bytes = 64 << 20, .recent_bytes = 8192};

// As a kill leaves it: all is synced.
void copy_as_killed(const std::string& from, const std::string& to) {
  fs::remove_all(to);
  fs::create_directory(to);
  fs::copy_file(from + "/data.mdb", to + "/data.mdb");
}

// With LMDB alone.
template <class Change>
void with_lmdb(const std::string& directory, Change change) {
  MDB_env* env = nullptr;
  MDB_txn* txn = nullptr;
  REQUIRE(mdb_env_create(&env) == 0);
  REQUIRE(mdb_env_set_maxdbs(env, 16) == 0);
  REQUIRE(mdb_env_set_mapsize(env, 64 << 20) == 0);
  REQUIRE(mdb_env_open(env, directory.c_str(), 0, 0600) == 0);
  REQUIRE(mdb_txn_begin(env, nullptr, 0, &txn) == 0);
  change(txn);
  REQUIRE(mdb_txn_commit(txn) == 0);
  mdb_env_close(env);
}

MDB_dbi open_one(MDB_txn* txn, const char* name) {
  MDB_dbi out = 0;
  REQUIRE(mdb_dbi_open(txn, name, 0, &out) == 0);
  return out;
}

std::size_t entries_of(const std::string& directory, const char* name) {
  std::size_t out = 0;
  with_lmdb(directory, [&](MDB_txn* txn) {
    MDB_stat stat;
    REQUIRE(mdb_stat(txn, open_one(txn, name), &stat) == 0);
    out = stat.ms_entries;
  });
  return out;
}

std::string value_of(const Store& store, const std::string& key) {
  Row row;
  if (store.snapshot()->get(1, value(key), row) != Snapshot::Lookup::kFound) return "none";
  return row.content.as_register().value().value_or("deleted");
}

}  // namespace

// Method: a file copied right after a commit is what a kill there leaves. Some commits are small, some are larger than a table.
TEST_CASE("recent changes: after a kill at any commit all that was committed is there (random batches)") {
  const std::uint64_t seed = test_seed(91);
  CAPTURE(seed);
  const TemporaryDirectory directory;
  const std::string node = directory.path("node"), killed = directory.path("killed");
  RandomChanges random(seed);
  Twin twin;
  auto store = LmdbStore::open(node, kSmall);
  const int commits = kSanitized ? 60 : 300;
  for (int commit = 0; commit < commits; ++commit) {
    StoreBatch batch;
    for (std::uint64_t i = random.below(commit % 20 == 7 ? 200 : 12); i > 0; --i) {
      const RandomChange change = random.next(40, 40);
      batch.merge(change.shard, change.cell, change.delta);
    }
    std::map<StoreKey, const StoreBatch::CellDelta*> in_order;  // As the store numbers them.
    for (const auto& change : batch.cells()) in_order[store_key(change.shard, change.cell)] = &change;
    for (const auto& [key, change] : in_order) twin.merge(change->shard, change->cell, change->delta);
    store->commit(batch);
    REQUIRE(store->usage().rows == twin.rows().size());
    if (commit % 7 != 0) continue;
    twin.require_equal(*store);
    copy_as_killed(node, killed);
    {
      const OfflineStore offline(killed);  // It reads the journal, and leaves it as it is.
      REQUIRE(offline.walkable());
      REQUIRE(offline.verify().empty());
      REQUIRE(offline.snapshot()->root() == store->snapshot()->root());
    }
    const auto again = LmdbStore::open(killed, kSmall);
    twin.require_equal(*again);
    REQUIRE(again->usage().rows == twin.rows().size());
  }
  store.reset();  // Stopped: then the journal is empty.
  CHECK(entries_of(node, "journal") == 0);
  CHECK(entries_of(node, "cells") == twin.rows().size());
  twin.require_equal(*LmdbStore::open(node));
}

TEST_CASE("recent changes: readers on other threads see whole commits, and never less than was committed before") {
  const TemporaryDirectory directory;
  const auto store = LmdbStore::open(directory.path("node"), kSmall);
  constexpr int kKeys = 20;
  const int commits = kSanitized ? 150 : 600;
  std::atomic<int> done{0}, wrong{0}, looked{0};
  const auto commit = [&](int number) {
    StoreBatch batch;
    for (int i = 0; i < kKeys; ++i) {
      batch.merge(1, value("key" + std::to_string(i)), written(std::to_string(number), static_cast<std::uint64_t>(number)));
    }
    // Some that come and stay, so that tables fill and settle.
    batch.merge(2, element("set", "m" + std::to_string(number * 7919 % 100'000)), added(static_cast<std::uint64_t>(number)));
    store->commit(batch);
    done = number;
  };
  commit(1);
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      while (done < commits) {
        const int least = done;
        const auto snapshot = store->snapshot();
        std::string seen;
        int found = 0;
        snapshot->scan(shard_prefix(1), {}, [&](const StoreKey&, const Row* row) {
          const std::string text = row == nullptr ? "damaged" : row->content.as_register().value().value_or("deleted");
          if (seen.empty()) seen = text;
          wrong += text == seen ? 0 : 1;
          ++found;
          return true;
        });
        int in_feed = 0;
        snapshot->feed_after(1, 0, [&](Lsn, const StoreKey&, const Row* row) {
          wrong += row != nullptr && row->content.as_register().value() == seen ? 0 : 1;
          ++in_feed;
          return true;
        });
        if (found != kKeys || in_feed != kKeys || seen == "damaged" || std::stoi(seen) < least) ++wrong;
        if (snapshot->count("default", "set", Kind::kSet) != static_cast<std::uint64_t>(std::stoi(seen))) ++wrong;
        ++looked;
      }
    });
  }
  for (int number = 2; number <= commits; ++number) commit(number);
  for (std::thread& reader : readers) reader.join();
  CHECK(wrong == 0);
  CHECK(looked > 0);
  CHECK(store->verify().empty());
}

TEST_CASE("recent changes: a commit that fails leaves what was there, in memory and in the journal") {
  const TemporaryDirectory directory;
  const auto store = LmdbStore::open(directory.path("node"), {.map_bytes = 1 << 20, .recent_bytes = 64 << 10});
  store->commit(batch_of(1, value("a"), written("before", 1)));
  StoreBatch large;
  large.merge(1, value("a"), written("after", 2));
  for (int i = 0; i < 3000; ++i) large.merge(1, value("k" + std::to_string(i)), written(std::string(400, 'v'), 3));
  CHECK_THROWS_AS(store->commit(large), StoreError);
  CHECK(value_of(*store, "a") == "before");
  CHECK(value_of(*store, "k1") == "none");
  CHECK(store->usage().rows == 1);
  store->commit(batch_of(1, value("b"), written("later", 4)));
  copy_as_killed(directory.path("node"), directory.path("killed"));
  const auto again = LmdbStore::open(directory.path("killed"), kSmall);
  CHECK(value_of(*again, "a") == "before");
  CHECK(value_of(*again, "b") == "later");
  CHECK(again->verify().empty());
}

TEST_CASE("recent changes: a damaged journal keeps a store from opening, and a rotted row in it is found when it is read") {
  const TemporaryDirectory directory;
  auto store = LmdbStore::open(directory.path("node"), {.map_bytes = 64 << 20, .recent_bytes = 1 << 20});
  store->commit(batch_of(1, value("color"), written("a color that is easily found", 1)));
  const std::string killed = directory.path("killed");
  const auto damage = [&](bool in_row) {
    copy_as_killed(directory.path("node"), killed);
    with_lmdb(killed, [&](MDB_txn* txn) {
      const MDB_dbi journal = open_one(txn, "journal");
      MDB_cursor* cursor = nullptr;
      MDB_val key, bytes;
      REQUIRE(mdb_cursor_open(txn, journal, &cursor) == 0);
      REQUIRE(mdb_cursor_get(cursor, &key, &bytes, MDB_LAST) == 0);
      std::string record(static_cast<char*>(bytes.mv_data), bytes.mv_size);
      const std::size_t text = record.find("easily");
      REQUIRE(text != std::string::npos);
      record[in_row ? text : 12] ^= 1;
      MDB_val changed{record.size(), record.data()};
      REQUIRE(mdb_cursor_put(cursor, &key, &changed, MDB_CURRENT) == 0);
      mdb_cursor_close(cursor);
    });
  };
  damage(false);
  try {
    (void)LmdbStore::open(killed, kSmall);
    FAIL("it opened");
  } catch (const StoreError& error) {
    CHECK(error.kind() == StoreError::Kind::kCorrupt);
    CHECK(std::string(error.what()).find("the journal in " + killed) != std::string::npos);
    CHECK(std::string(error.what()).find("join again") != std::string::npos);
  }
  {
    const OfflineStore offline(killed);
    REQUIRE(offline.verify().size() == 1);
    CHECK(offline.verify().front().find("the journal") != std::string::npos);
  }
  damage(true);
  const auto again = LmdbStore::open(killed, kSmall);
  Row row;
  CHECK(again->snapshot()->get(1, value("color"), row) == Snapshot::Lookup::kDamaged);
}

TEST_CASE("recent changes: a store without a journal is opened, and is of the present format from then on") {
  const TemporaryDirectory directory;
  const std::string node = directory.path("node");
  LmdbStore::open(node, {.map_bytes = 64 << 20})->commit(batch_of(1, value("a"), written("x", 1)));
  with_lmdb(node, [&](MDB_txn* txn) {  // As the format before had it.
    REQUIRE(mdb_drop(txn, open_one(txn, "journal"), 1) == 0);
    const std::string name(kFormatName), version = seal(Database::kMeta, name, encode_u64(kFormatWithoutJournal));
    MDB_val key{name.size(), const_cast<char*>(name.data())}, bytes{version.size(), const_cast<char*>(version.data())};
    REQUIRE(mdb_put(txn, open_one(txn, "meta"), &key, &bytes, 0) == 0);
  });
  {
    const OfflineStore offline(node);
    REQUIRE(offline.walkable());
    CHECK(offline.verify().empty());
  }
  {
    const auto store = LmdbStore::open(node, kSmall);
    CHECK(value_of(*store, "a") == "x");
    store->commit(batch_of(1, value("b"), written("y", 2)));
  }
  const auto store = LmdbStore::open(node, kSmall);
  CHECK(value_of(*store, "a") == "x");
  CHECK(value_of(*store, "b") == "y");
  CHECK(store->verify().empty());
}

}  // namespace kith::test
