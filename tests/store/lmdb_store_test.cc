#include "store/lmdb_store.h"

#include <lmdb.h>
#include <unistd.h>

#include <fstream>

#include "store/records.h"
#include "tests/store/harness.h"

namespace kith::test {
namespace {

namespace fs = std::filesystem;

// Opens it, which must fail, and gives the error.
StoreError error_of_opening(const std::string& directory, const LmdbOptions& options = {}) {
  try {
    (void)LmdbStore::open(directory, options);
  } catch (const StoreError& error) {
    return error;
  }
  FAIL("the store opened");
  return StoreError(StoreError::Kind::kOther, "");
}

bool mentions(const StoreError& error, const std::string& what) {
  return std::string(error.what()).find(what) != std::string::npos;
}

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

void fill(Store& store, int batches = 20) {
  std::uint64_t at = 0;
  for (int i = 0; i < batches; ++i) {
    StoreBatch batch;
    for (int j = 0; j < 100; ++j) {
      ++at;
      batch.merge(static_cast<ShardId>(at % 8), value("key" + std::to_string(at)), written(std::string(50, 'v'), at));
    }
    store.commit(batch);
  }
}

}  // namespace

TEST_CASE("lmdb store: is made where there is none, with its parents, unless that is not wanted") {
  const TemporaryDirectory directory;
  const StoreError error = error_of_opening(directory.path("a/b"), {.create = false});
  CHECK(error.kind() == StoreError::Kind::kOther);
  CHECK(mentions(error, directory.path("a/b")));
  CHECK_FALSE(fs::exists(directory.path("a")));

  { const auto store = LmdbStore::open(directory.path("a/b")); fill(*store, 1); }
  CHECK_FALSE(fs::exists(directory.path("a/b/creating")));
  const auto store = LmdbStore::open(directory.path("a/b"), {.create = false});
  CHECK(store->snapshot()->shards().size() == 8);
}

TEST_CASE("lmdb store: what a kill in the midst of creation leaves behind is cleared away") {
  const TemporaryDirectory directory;
  fs::create_directories(directory.path("creating"));
  write_file(directory.path("creating/data.mdb"), "half of a store");
  const auto store = LmdbStore::open(directory.path());
  CHECK(store->verify().empty());
}

TEST_CASE("lmdb store: a second opening is refused, in the same process too") {
  const TemporaryDirectory directory;
  const auto store = LmdbStore::open(directory.path());
  const StoreError error = error_of_opening(directory.path());
  CHECK(error.kind() == StoreError::Kind::kInUse);
  CHECK(mentions(error, "in use"));
  fill(*store, 1);
  CHECK(store->verify().empty());
}

// Goal: a file that is cut short anywhere is refused with a sentence, not with SIGBUS.
// Method: cut at every page and at odd places of the part that is used.
TEST_CASE("lmdb store: a truncated file is refused wherever it was cut") {
  const TemporaryDirectory directory;
  { const auto store = LmdbStore::open(directory.path("sound")); fill(*store); }
  std::uint64_t used = 0;
  {
    MDB_env* env = nullptr;
    MDB_envinfo info;
    REQUIRE(mdb_env_create(&env) == 0);
    REQUIRE(mdb_env_open(env, directory.path("sound").c_str(), MDB_RDONLY, 0600) == 0);
    REQUIRE(mdb_env_info(env, &info) == 0);
    used = (info.me_last_pgno + 1) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    mdb_env_close(env);
  }
  REQUIRE(fs::file_size(directory.path("sound/data.mdb")) >= used);
  std::vector<std::uint64_t> cuts = {0, 1, 4095, 4096, 8191, 8192, 8193, used / 2, used - 4096, used - 1};
  for (std::uint64_t page = 3; page * 4096 < used; page += 7) cuts.push_back(page * 4096);
  fs::create_directories(directory.path("cut"));
  for (const std::uint64_t cut : cuts) {
    CAPTURE(cut);
    fs::copy_file(directory.path("sound/data.mdb"), directory.path("cut/data.mdb"),
                  fs::copy_options::overwrite_existing);
    fs::resize_file(directory.path("cut/data.mdb"), cut);
    const StoreError error = error_of_opening(directory.path("cut"));
    CHECK(error.kind() == StoreError::Kind::kCorrupt);
    CHECK(mentions(error, directory.path("cut/data.mdb")));
    CHECK(fs::file_size(directory.path("cut/data.mdb")) == cut);  // Evidence is left alone.
  }
  fs::copy_file(directory.path("sound/data.mdb"), directory.path("cut/data.mdb"), fs::copy_options::overwrite_existing);
  fs::resize_file(directory.path("cut/data.mdb"), used);
  CHECK(LmdbStore::open(directory.path("cut"))->verify().empty());
}

TEST_CASE("lmdb store: what is not a store is refused (text, noise, another program's LMDB, a directory, a file)") {
  const TemporaryDirectory directory;
  write_file(directory.path("data.mdb"), "this is a text\n");
  CHECK(error_of_opening(directory.path()).kind() == StoreError::Kind::kCorrupt);
  std::string noise(100'000, '\0');
  for (std::size_t i = 0; i < noise.size(); ++i) noise[i] = static_cast<char>(i * 2654435761u >> 13);
  write_file(directory.path("data.mdb"), noise);
  CHECK(error_of_opening(directory.path()).kind() == StoreError::Kind::kCorrupt);

  fs::create_directories(directory.path("other"));
  MDB_env* env = nullptr;
  MDB_txn* txn = nullptr;
  MDB_dbi dbi = 0;
  REQUIRE(mdb_env_create(&env) == 0);
  REQUIRE(mdb_env_set_maxdbs(env, 2) == 0);
  REQUIRE(mdb_env_open(env, directory.path("other").c_str(), 0, 0600) == 0);
  REQUIRE(mdb_txn_begin(env, nullptr, 0, &txn) == 0);
  REQUIRE(mdb_dbi_open(txn, "meta", MDB_CREATE, &dbi) == 0);
  REQUIRE(mdb_txn_commit(txn) == 0);
  mdb_env_close(env);
  const StoreError error = error_of_opening(directory.path("other"));
  CHECK(error.kind() == StoreError::Kind::kCorrupt);
  CHECK(mentions(error, "not a store of Kith"));

  fs::create_directories(directory.path("odd/data.mdb"));
  CHECK(mentions(error_of_opening(directory.path("odd")), "data.mdb"));
  write_file(directory.path("file"), "x");
  CHECK(mentions(error_of_opening(directory.path("file")), directory.path("file")));
}

TEST_CASE("lmdb store: a newer format is refused by name of both versions") {
  LmdbHarness harness;
  const std::string name(kFormatName);
  const std::string newer = seal(Database::kMeta, name, encode_u64(7));
  try {
    harness.overwrite(Database::kMeta, name, newer);
    FAIL("the store opened");
  } catch (const StoreError& error) {
    CHECK(error.kind() == StoreError::Kind::kFormat);
    CHECK(mentions(error, "version 7"));
    CHECK(mentions(error, "version 4"));
  }
}

TEST_CASE("lmdb store: a directory that may not be written is named") {
  const TemporaryDirectory directory;
  { const auto store = LmdbStore::open(directory.path("node")); }
  fs::permissions(directory.path("node"), fs::perms::owner_read | fs::perms::owner_exec);
  fs::remove(directory.path("node/kith.lock"));
  if (::access(directory.path("node").c_str(), W_OK) == 0) {
    // Root may write everywhere; there is nothing to be refused.
    CHECK(LmdbStore::open(directory.path("node"))->verify().empty());
  } else {
    const StoreError error = error_of_opening(directory.path("node"));
    CHECK(error.kind() == StoreError::Kind::kOther);
    CHECK(mentions(error, directory.path("node")));
    CHECK(mentions(error, "permission"));
  }
  fs::permissions(directory.path("node"), fs::perms::owner_all);
}

// Goal: the file is never shorter than what LMDB counts as used, or a sound store would be refused as cut short.
// Method: many rows come, move and go, so that pages are given back within transactions; the file is looked at after
// every commit, and opened again now and then.
TEST_CASE("lmdb store: the file covers every page in use, whatever was written and taken out") {
  const TemporaryDirectory directory;
  auto store = LmdbStore::open(directory.path(), {.map_bytes = 64 << 20});
  RandomChanges random(41);
  std::uint64_t at = 0;
  for (int step = 0; step < 150; ++step) {
    StoreBatch batch;
    for (std::uint64_t i = random.below(300); i > 0; --i) {
      ++at;
      batch.merge(1, value("key" + std::to_string(random.below(500))),
                  written(std::string(random.below(6000), 'v'), at));
    }
    store->commit(batch);
    CHECK(fs::file_size(directory.path("data.mdb")) >= store->usage().bytes_used);
    if (step % 50 != 49) continue;
    store.reset();
    store = LmdbStore::open(directory.path(), {.map_bytes = 64 << 20});
  }
  CHECK(store->verify().empty());
}

TEST_CASE("lmdb store: more room is all that a full one needs") {
  const TemporaryDirectory directory;
  auto store = LmdbStore::open(directory.path(), {.map_bytes = 1 << 20});
  try {
    fill(*store, 200);
    FAIL("twenty thousand rows fit into one mebibyte");
  } catch (const StoreError& error) {
    CHECK(error.kind() == StoreError::Kind::kFull);
    CHECK(mentions(error, "larger map"));
  }
  store.reset();
  store = LmdbStore::open(directory.path(), {.map_bytes = 64 << 20});
  CHECK(store->commit(batch_of(1, value("more"), written("x", 1))).rows_changed == 1);
  CHECK(store->verify().empty());
}

}  // namespace kith::test
