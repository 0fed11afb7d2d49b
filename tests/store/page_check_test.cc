// tests/store/page_check_test.cc -- damaged files of which nothing is known: found damaged, or harmless, never a crash.
//
// Method: a store with small rows, large values, deletions and free pages; then its file is cut at every page, or a bit
// of it is flipped, and it is looked at offline, walked when that says it can be.
#include "store/page_check.h"

#include <fcntl.h>
#include <lmdb.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "crdt/tag.h"
#include "store/offline_store.h"
#include "store/records.h"
#include "store/transaction.h"
#include "tests/store/harness.h"

namespace kith::test {
namespace {

void write_file(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

// Fills `directory` and cuts its file to the pages in use.
void make_store(const std::string& directory, std::uint64_t seed, int commits) {
  {
    const auto store = LmdbStore::open(directory, {.map_bytes = 64 << 20});
    RandomChanges changes(seed);
    for (int i = 0; i < commits; ++i) {
      StoreBatch batch;
      for (int j = 0; j < 12; ++j) {
        const RandomChange change = changes.next(40, 40);
        batch.merge(change.shard, change.cell, change.delta);
      }
      if (i % 10 == 0) {
        batch.merge(1, value("large" + std::to_string(i % 50)), written(std::string(9000 + 100 * static_cast<std::size_t>(i), 'x'),
                                                                         1'000'000 + static_cast<std::uint64_t>(i)));
      }
      batch.hold(1, kNode1, Timestamp{static_cast<std::uint64_t>(i) + 1});
      batch.set_meta("name", "value");
      store->commit(batch);
    }
    REQUIRE(store->verify().empty());
  }
  const PageReport pages = check_pages(directory + "/data.mdb");
  REQUIRE(pages.findings.empty());
  REQUIRE(::truncate((directory + "/data.mdb").c_str(), static_cast<off_t>(pages.pages * pages.page_bytes)) == 0);
}

// All that can be read of rows.
std::string contents_of(const OfflineStore& store) {
  std::string out;
  const auto snapshot = store.snapshot();
  snapshot->scan({}, {}, [&](const StoreKey& key, const Row* row) {
    out += key;
    if (row != nullptr) out += encode_row(key, row->cell, row->content, row->lsn);
    return true;
  });
  for (const auto& [origin, at] : snapshot->held(1)) out += to_hex(origin.value) + to_hex(at.value);
  return out;
}

TEST_CASE("page check: a sound store has no finding, and its pages are all accounted for (5 seeds)") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const TemporaryDirectory directory;
    make_store(directory.path("node"), seed, 60);
    const PageReport pages = check_pages(directory.path("node") + "/data.mdb");
    CHECK(pages.findings.empty());
    std::uint64_t used = 2;
    for (const DatabasePages& database : pages.databases) used += database.pages();
    CHECK(used + pages.free_pages + pages.lost_pages == pages.pages);
    CHECK(pages.lost_pages == 0);
    CHECK(pages.databases.size() == kDatabaseCount + 2);
    const OfflineStore store(directory.path("node"));
    CHECK(store.verify().empty());
  }
}

TEST_CASE("page check: a file cut short at any multiple of 4 KiB, and between, is found to be") {
  const TemporaryDirectory directory;
  make_store(directory.path("node"), 7, 40);
  const std::string file = directory.path("node") + "/data.mdb";
  const std::string whole = bytes_of(file);
  for (std::size_t size = 0; size < whole.size(); size += 1024) {
    CAPTURE(size);
    write_file(file, std::string_view(whole).substr(0, size));
    const OfflineStore store(directory.path("node"));
    CHECK_FALSE(store.walkable());
  }
}

// Goal: what is said to be sound reads as it was written, and nothing ends the process.
TEST_CASE("page check: with any bit flipped a file is damaged, or reads as before (4,000 bits)") {
  const TemporaryDirectory directory;
  const std::string node = directory.path("node");
  make_store(node, 11, 40);
  const std::string file = node + "/data.mdb";
  const std::string whole = bytes_of(file);
  const std::string truth = contents_of(OfflineStore(node));
  std::mt19937_64 random(20261122);
  std::size_t pages_found = 0, records_found = 0, harmless = 0;
  for (int i = 0; i < 4000; ++i) {
    // Every other one where LMDB keeps its books: at the beginning of a page.
    const std::size_t page = random() % (whole.size() / 4096);
    const std::size_t at = page * 4096 + random() % (i % 2 == 0 ? 4096 : 48);
    const char flipped = static_cast<char>(whole[at] ^ (1 << (random() % 8)));
    CAPTURE(at);
    const int fd = ::open(file.c_str(), O_WRONLY);
    REQUIRE(::pwrite(fd, &flipped, 1, static_cast<off_t>(at)) == 1);
    try {
      const OfflineStore store(node);
      if (!store.walkable()) {
        ++pages_found;
      } else if (!store.verify().empty()) {
        ++records_found;
      } else {
        ++harmless;
        CHECK(contents_of(store) == truth);
      }
    } catch (const StoreError& error) {
      const bool said = error.kind() == StoreError::Kind::kCorrupt || error.kind() == StoreError::Kind::kFormat;
      CHECK(said);
      ++records_found;
    }
    REQUIRE(::pwrite(fd, &whole[at], 1, static_cast<off_t>(at)) == 1);
    ::close(fd);
  }
  MESSAGE("in inner pages ", pages_found, ", in records ", records_found, ", where nothing is ", harmless);
  CHECK(pages_found > 100);
  CHECK(records_found > 100);
  CHECK(harmless > 100);
}

// Goal: what LMDB reads as it is, and would trip over later or take for another commit.
TEST_CASE("page check: commits and kinds in the meta pages are held against each other (every bit)") {
  const TemporaryDirectory directory;
  const std::string node = directory.path("node");
  make_store(node, 13, 20);
  const std::string file = node + "/data.mdb";
  const std::string whole = bytes_of(file);
  const auto transaction_of = [&](std::size_t page) {
    std::uint64_t out = 0;
    whole.copy(reinterpret_cast<char*>(&out), sizeof out, page * 4096 + 16 + 128);
    return out;
  };
  const std::size_t newest = transaction_of(1) > transaction_of(0) ? 1 : 0;
  const auto found = [&](std::size_t at, std::size_t bit) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
    write_file(file, bytes);
    return !check_pages(file).findings.empty();
  };
  for (std::size_t bit = 0; bit < 64; ++bit) {
    CAPTURE(bit);
    for (const std::size_t page : {0, 1}) CHECK(found(page * 4096 + 16 + 128 + bit / 8, bit % 8));
    if (bit >= 14) continue;
    CHECK(found(newest * 4096 + 16 + 24 + 4 + bit / 8, bit % 8));       // Of the free pages.
    CHECK(found(newest * 4096 + 16 + 24 + 48 + 4 + bit / 8, bit % 8));  // Of the names.
  }
}

// Goal: no sound file is refused, whatever the commits were like.
TEST_CASE("page check: a store is sound after each commit, and so is a packed copy of it (2 x 150 commits)") {
  const TemporaryDirectory directory;
  std::string node = directory.path("node");
  RandomChanges changes(17);
  for (const bool copied : {false, true}) {
    const auto store = LmdbStore::open(node, {.map_bytes = 64 << 20});
    for (int i = 0; i < 150; ++i) {
      StoreBatch batch;
      for (std::uint64_t j = changes.below(4) == 0 ? changes.below(60) : 0; j > 0; --j) {
        const RandomChange change = changes.next(40, 40);
        batch.merge(change.shard, change.cell, change.delta);
      }
      if (changes.below(2) == 0) batch.set_meta("name", std::to_string(i));
      if (changes.below(3) == 0) batch.recount(static_cast<ShardId>(changes.below(4)));
      store->commit(batch);
      REQUIRE(check_pages(node + "/data.mdb").findings == std::vector<std::string>{});
    }
    if (copied) continue;
    node = directory.path("copy");
    std::filesystem::create_directory(node);
    const int fd = ::open((node + "/data.mdb").c_str(), O_WRONLY | O_CREAT | O_EXCL, 0600);
    store->copy_to(fd, LmdbCopy::kCompact);
    ::close(fd);
    REQUIRE(check_pages(node + "/data.mdb").findings == std::vector<std::string>{});
  }
}

TEST_CASE("page check: a large value written twice in a commit, the second time smaller, is sound") {
  const TemporaryDirectory directory;
  MDB_env* env = nullptr;
  MDB_txn* txn = nullptr;
  MDB_dbi dbi = 0;
  REQUIRE(mdb_env_create(&env) == 0);
  REQUIRE(mdb_env_set_maxdbs(env, 2) == 0);
  REQUIRE(mdb_env_open(env, directory.path().c_str(), MDB_NOTLS, 0600) == 0);
  REQUIRE(mdb_txn_begin(env, nullptr, 0, &txn) == 0);
  REQUIRE(mdb_dbi_open(txn, "name", MDB_CREATE, &dbi) == 0);
  for (const std::size_t size : {30'000, 9'000, 100}) {
    std::string bytes(size, 'x');
    MDB_val key{3, const_cast<char*>("key")}, value{bytes.size(), bytes.data()};
    REQUIRE(mdb_put(txn, dbi, &key, &value, 0) == 0);
  }
  REQUIRE(mdb_txn_commit(txn) == 0);
  mdb_env_close(env);
  CHECK(check_pages(directory.path("data.mdb")).findings == std::vector<std::string>{});
}

TEST_CASE("page check: what is no store at all is said to be none") {
  const TemporaryDirectory directory;
  const std::string file = directory.path("data.mdb");
  std::mt19937_64 random(3);
  for (int i = 0; i < 200; ++i) {
    std::string bytes(random() % 20000, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    write_file(file, bytes);
    CHECK_FALSE(check_pages(file).findings.empty());
  }
  write_file(file, "This is a text, not a store.\n");
  CHECK_FALSE(check_pages(file).findings.empty());
  CHECK_FALSE(check_pages(directory.path()).findings.empty());
  CHECK_FALSE(check_pages("/dev/null").findings.empty());
  CHECK_THROWS_AS(check_pages(directory.path("absent")), StoreError);
}

TEST_CASE("offline store: changes nothing, and is refused while a node has the directory") {
  const TemporaryDirectory directory;
  const std::string node = directory.path("node");
  make_store(node, 5, 20);
  const std::string before = bytes_of(node + "/data.mdb");
  for (const char* name : {"/kith.lock", "/lock.mdb"}) std::filesystem::remove(node + name);
  {
    const OfflineStore store(node);
    CHECK(store.verify().empty());
    CHECK_FALSE(contents_of(store).empty());
  }
  CHECK(bytes_of(node + "/data.mdb") == before);
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(node)) ++files;
  CHECK(files == 1);

  const auto running = LmdbStore::open(node);
  const auto kind_of = [](const std::string& where) {
    try {
      const OfflineStore store(where);
    } catch (const StoreError& error) {
      return error.kind();
    }
    return StoreError::Kind::kSync;  // Not what any of these is.
  };
  CHECK(kind_of(node) == StoreError::Kind::kInUse);
  CHECK(kind_of(directory.path("absent")) == StoreError::Kind::kOther);
  CHECK(kind_of(directory.path()) == StoreError::Kind::kOther);
  CHECK(kind_of(node + "/data.mdb") == StoreError::Kind::kOther);
}

TEST_CASE("lmdb store: a copy is that of one moment, packed or as it is, and opens as a store") {
  const TemporaryDirectory directory;
  const std::string node = directory.path("node");
  make_store(node, 9, 30);
  const auto store = LmdbStore::open(node);
  for (const LmdbCopy how : {LmdbCopy::kCompact, LmdbCopy::kAsItIs}) {
    const std::string to = directory.path(how == LmdbCopy::kCompact ? "packed" : "plain");
    std::filesystem::create_directory(to);
    const int fd = ::open((to + "/data.mdb").c_str(), O_WRONLY | O_CREAT | O_EXCL, 0600);
    REQUIRE(fd >= 0);
    store->copy_to(fd, how);
    ::close(fd);
    const auto copy = LmdbStore::open(to, {.create = false});
    CHECK(copy->verify().empty());
    CHECK(copy->snapshot()->root() == store->snapshot()->root());
    CHECK(copy->usage().rows == store->usage().rows);
  }
  CHECK_THROWS_AS(store->copy_to(-1, LmdbCopy::kCompact), StoreError);
}

// Goal: what LMDB no longer finds shows in the fingerprint again, so that peers can be asked, and counts are right
// after.
TEST_CASE("recount: rows that were lost inside of the file are taken out of counts and fingerprints, and wait for a peer") {
  LmdbHarness harness;
  Twin twin;
  for (std::uint64_t i = 0; i < 40; ++i) {
    const CellKey cell = element(i < 30 ? "many" : "few", "m" + std::to_string(i));
    harness.store().commit(batch_of(1, cell, added(10 + i)));
    if (i % 3 != 0 && i < 30) twin.merge(1, cell, added(10 + i));
  }
  const CellKey moved = element("many", "m1");  // Its entry in the feed alone is lost.
  for (std::uint64_t i = 0; i < 40; ++i) {
    if (i % 3 == 0 || i >= 30) harness.lose(Database::kCells, store_key(1, element(i < 30 ? "many" : "few", "m" + std::to_string(i))));
  }
  Row row;
  REQUIRE(harness.store().snapshot()->get(1, moved, row) == Snapshot::Lookup::kFound);
  harness.lose(Database::kFeed, shard_entry_key(1, row.lsn));
  REQUIRE_FALSE(harness.store().verify().empty());
  CHECK(harness.store().snapshot()->count("default", "few", Kind::kSet) == 10);

  StoreBatch batch;
  batch.recount(1);
  CHECK_FALSE(batch.empty());
  const CommitReport report = harness.store().commit(batch);
  CHECK(report.damaged.size() == 20);
  CHECK(harness.store().snapshot()->get(1, element("many", "m0"), row) == Snapshot::Lookup::kDamaged);
  CHECK_FALSE(harness.store().verify().empty());
  std::size_t lost = 0;
  harness.store().snapshot()->scan(shard_prefix(1), {}, [&](const StoreKey&, const Row* found) {
    lost += found == nullptr ? 1 : 0;
    return true;
  });
  CHECK(lost == 20);
  batch.clear();
  for (const StoreKey& key : report.damaged) batch.forget_damaged(key);  // No peer knows them.
  harness.store().commit(batch);
  CHECK(harness.store().verify() == std::vector<std::string>{});
  const auto snapshot = harness.store().snapshot();
  CHECK(snapshot->count("default", "few", Kind::kSet) == 0);
  CHECK(snapshot->count("default", "many", Kind::kSet) == 20);
  std::size_t seen = 0;
  snapshot->feed_after(1, 0, [&](Lsn, const StoreKey&, const Row* found) {
    CHECK(found != nullptr);
    ++seen;
    return true;
  });
  CHECK(seen == 20);
  CHECK(twin.rows().size() == 20);
  for (const auto& [where, twin_row] : twin.rows()) {
    REQUIRE(snapshot->get(1, twin_row.cell, row) == Snapshot::Lookup::kFound);
    CHECK(row.content == twin_row.content);
  }
}

TEST_CASE("store batch: meta that is forgotten is gone, and what is set in the same batch stays") {
  LmdbHarness harness;
  StoreBatch batch;
  batch.set_meta("a", "1");
  batch.set_meta("b", "2");
  harness.store().commit(batch);
  batch.clear();
  batch.forget_meta("a");
  batch.forget_meta("b");
  batch.forget_meta("absent");
  batch.set_meta("b", "3");
  CHECK_FALSE(batch.empty());
  harness.store().commit(batch);
  CHECK_FALSE(harness.store().snapshot()->meta("a"));
  CHECK(harness.store().snapshot()->meta("b") == "3");
}

}  // namespace
}  // namespace kith::test
