// Goal: with recent changes in a journal a store is what it is without: after a kill at any commit, to readers on other threads,
// to whoever reads its directory, and when it was written by an earlier version.
#include <fcntl.h>
#include <lmdb.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "crdt/bytes.h"
#include "store/journal_file.h"
#include "store/offline_store.h"
#include "store/records.h"
#include "tests/crdt/universe.h"
#include "tests/store/harness.h"

namespace kith::test {
namespace {

namespace fs = std::filesystem;

// A thread for each thing that is to be done, while the one before it is waited for.
class Beside {
 public:
  std::function<void(std::function<void()>)> runner() {
    return [this](std::function<void()> what) {
      if (thread_.joinable()) thread_.join();
      thread_ = std::thread(std::move(what));
    };
  }
  ~Beside() {
    if (thread_.joinable()) thread_.join();
  }

 private:
  std::thread thread_;
};

const LmdbOptions kSmall{.map_bytes = 64 << 20, .recent_bytes = 8192};

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
  store.reset();  // Stopped: then there is no journal.
  CHECK_FALSE(fs::exists(journal_path(node, 0)));
  CHECK_FALSE(fs::exists(journal_path(node, 1)));
  CHECK(entries_of(node, "cells") == twin.rows().size());
  twin.require_equal(*LmdbStore::open(node));
}

TEST_CASE("recent changes: readers on other threads see whole commits, and never less than was committed before") {
  const TemporaryDirectory directory;
  Beside beside;
  const auto store = LmdbStore::open(directory.path("node"), {.map_bytes = 64 << 20, .recent_bytes = 8192, .beside = beside.runner()});
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

// Method: a bit of one commit's frame is flipped in the journal, with another commit behind it.
TEST_CASE("recent changes: a damaged journal keeps a store from opening, and a rotted row in it is found when it is read") {
  const TemporaryDirectory directory;
  auto store = LmdbStore::open(directory.path("node"), {.map_bytes = 64 << 20, .recent_bytes = 1 << 20});
  store->commit(batch_of(1, value("color"), written("a color that is easily found", 1)));
  store->commit(batch_of(1, value("later"), written("x", 2)));
  const std::string killed = directory.path("killed"), journal = journal_path(killed, 1);
  const auto damage = [&](bool in_row) {
    copy_as_killed(directory.path("node"), killed);
    std::string bytes = bytes_of(journal);
    const std::size_t text = bytes.find("easily");
    REQUIRE(text != std::string::npos);
    bytes[in_row ? text : 4096 + 40] ^= 1;
    std::ofstream(journal, std::ios::binary | std::ios::trunc) << bytes;
  };
  damage(false);
  try {
    (void)LmdbStore::open(killed, kSmall);
    FAIL("it opened");
  } catch (const StoreError& error) {
    CHECK(error.kind() == StoreError::Kind::kCorrupt);
    CHECK(std::string(error.what()).find("the journal " + journal) != std::string::npos);
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
  CHECK(value_of(*again, "later") == "x");
}

// Goal: every step of a commit, of a change of journals and of what goes into the trees can be the last one.
// Method: a large number of commits; the directory is copied after each while slices are written, and opened.
TEST_CASE("recent changes: a kill between any two steps of the journals loses nothing") {
  const TemporaryDirectory directory;
  const std::string node = directory.path("node"), killed = directory.path("killed");
  Beside beside;
  auto store = LmdbStore::open(node, {.map_bytes = 64 << 20, .recent_bytes = 8192, .beside = beside.runner()});
  const int commits = kSanitized ? 60 : 140;
  for (int number = 1; number <= commits; ++number) {
    StoreBatch batch;
    batch.merge(1, value("last"), written(std::to_string(number), static_cast<std::uint64_t>(number)));
    batch.merge(2, element("set", "m" + std::to_string(number)), added(static_cast<std::uint64_t>(number)));
    store->commit(batch);
    copy_as_killed(node, killed);
    auto again = LmdbStore::open(killed, kSmall);
    REQUIRE(value_of(*again, "last") == std::to_string(number));
    REQUIRE(again->snapshot()->count("default", "set", Kind::kSet) == static_cast<std::uint64_t>(number));
    if (number % 20 != 0) continue;
    REQUIRE(again->verify().empty());
    // It was killed, came back, wrote, and is killed again.
    again->commit(batch_of(1, value("more"), written("x", static_cast<std::uint64_t>(number + 1'000'000))));
    copy_as_killed(killed, directory.path("twice"));
    REQUIRE(value_of(*LmdbStore::open(directory.path("twice"), kSmall), "more") == "x");
  }
}

// Method: while one thread writes, copies are taken; each must verify, and hold what was committed before it was begun.
TEST_CASE("recent changes: a copy is of one moment, with what is in the journal only") {
  const TemporaryDirectory directory;
  Beside beside;
  const auto store = LmdbStore::open(directory.path("node"), {.map_bytes = 64 << 20, .recent_bytes = 8192, .beside = beside.runner()});
  std::atomic<bool> stop{false};
  std::atomic<int> done{0};
  const auto commit = [&](int number) {
    StoreBatch batch;
    batch.merge(1, value("last"), written(std::to_string(number), static_cast<std::uint64_t>(number)));
    batch.merge(2, element("set", "m" + std::to_string(number)), added(static_cast<std::uint64_t>(number)));
    store->commit(batch);
    done = number;
  };
  commit(1);
  std::jthread writer([&] {
    for (int number = 2; !stop; ++number) commit(number);
  });
  const std::unique_ptr<std::atomic<bool>, void (*)(std::atomic<bool>*)> stops(&stop, [](std::atomic<bool>* flag) { *flag = true; });
  for (int i = 0; i < (kSanitized ? 5 : 25); ++i) {
    const int least = done;
    const std::string copy = directory.path("copy" + std::to_string(i));
    fs::create_directory(copy);
    const int file = ::open((copy + "/data.mdb").c_str(), O_WRONLY | O_CREAT | O_EXCL, 0600);
    const auto rest = store->copy_to(file, i % 2 == 0 ? LmdbCopy::kCompact : LmdbCopy::kAsItIs);
    ::close(file);
    std::unique_ptr<LmdbStore> copied;
    try {
      copied = LmdbStore::open(copy, {.map_bytes = 64 << 20, .create = false, .rest = rest});
    } catch (const StoreError& error) {  // These tables are so small that one may have come and gone while it began.
      CHECK(std::string(error.what()).find("take another") != std::string::npos);
      continue;
    }
    const std::string last = value_of(*copied, "last");
    CHECK(std::stoi(last) >= least);
    CHECK(copied->snapshot()->count("default", "set", Kind::kSet) == static_cast<std::uint64_t>(std::stoi(last)));
    CHECK(copied->verify().empty());
    copied.reset();
    CHECK(OfflineStore(copy).verify().empty());
  }
}

TEST_CASE("recent changes: what cannot go into the trees stops the store, and is there when there is room") {
  const TemporaryDirectory directory;
  const std::string node = directory.path("node");
  auto store = LmdbStore::open(node, {.map_bytes = 1 << 20, .recent_bytes = 64 << 10});
  int number = 0;
  try {
    for (; number < 4000; ++number) {
      store->commit(batch_of(1, value("k" + std::to_string(number)), written(std::string(400, 'v'), static_cast<std::uint64_t>(number + 1))));
    }
    FAIL("more went in than there is room for");
  } catch (const StoreError& error) {
    CHECK(error.kind() == StoreError::Kind::kFull);
    CHECK(std::string(error.what()).find("larger map") != std::string::npos);
  }
  CHECK_THROWS_AS(store->commit(batch_of(1, value("one more"), written("x", 9000))), StoreError);
  store.reset();
  store = LmdbStore::open(node, {.map_bytes = 64 << 20, .recent_bytes = 64 << 10});
  CHECK(store->usage().rows == static_cast<std::uint64_t>(number));
  CHECK(value_of(*store, "k" + std::to_string(number - 1)) == std::string(400, 'v'));
  CHECK(store->verify().empty());
}

// Method: what the formats before had, written with LMDB alone; of format 3 a journal that a kill left behind.
TEST_CASE("recent changes: a store of an earlier format is opened, and is of the present one from then on") {
  for (const std::uint64_t format : {kFormatWithoutJournal, kFormatWithJournalInside}) {
    CAPTURE(format);
    const TemporaryDirectory directory;
    const std::string node = directory.path("node"), later = directory.path("later");
    LmdbStore::open(node, {.map_bytes = 64 << 20})->commit(batch_of(1, value("a"), written("x", 1)));
    // The row of b, and what goes with it, as a frame has it.
    copy_as_killed(node, later);
    auto with_journal = LmdbStore::open(later, {.map_bytes = 64 << 20, .recent_bytes = 1 << 20});
    with_journal->commit(batch_of(1, value("b"), written("from the journal", 2)));
    const std::string frame = bytes_of(journal_path(later, 1)).substr(4096);
    const std::string record = frame.substr(24, ByteReader(std::string_view(frame).substr(8)).u64());
    with_journal.reset();
    with_lmdb(node, [&](MDB_txn* txn) {
      const std::string name(kFormatName), version = seal(Database::kMeta, name, encode_u64(format));
      MDB_val key{name.size(), const_cast<char*>(name.data())}, bytes{version.size(), const_cast<char*>(version.data())};
      REQUIRE(mdb_put(txn, open_one(txn, "meta"), &key, &bytes, 0) == 0);
      if (format == kFormatWithoutJournal) {
        REQUIRE(mdb_drop(txn, open_one(txn, "journal"), 1) == 0);
        return;
      }
      std::string place = encode_u64(1) + std::string(2, '\0');  // The first commit, part 0.
      MDB_val where{place.size(), place.data()}, what{record.size(), const_cast<char*>(record.data())};
      REQUIRE(mdb_put(txn, open_one(txn, "journal"), &where, &what, 0) == 0);
    });
    const bool has_b = format == kFormatWithJournalInside;
    {
      const OfflineStore offline(node);
      REQUIRE(offline.walkable());
      CHECK(offline.verify().empty());
      Row row;
      CHECK((offline.snapshot()->get(1, value("b"), row) == Snapshot::Lookup::kFound) == has_b);
    }
    {
      const auto store = LmdbStore::open(node, kSmall);
      CHECK(value_of(*store, "a") == "x");
      CHECK(value_of(*store, "b") == (has_b ? "from the journal" : "none"));
      store->commit(batch_of(1, value("c"), written("y", 3)));
    }
    CHECK(entries_of(node, "journal") == 1);
    const auto store = LmdbStore::open(node, kSmall);
    CHECK(value_of(*store, "b") == (has_b ? "from the journal" : "none"));
    CHECK(value_of(*store, "c") == "y");
    CHECK(store->verify().empty());
  }
}

}  // namespace kith::test
