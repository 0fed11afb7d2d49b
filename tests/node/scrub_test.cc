// tests/node/scrub_test.cc -- what nobody reads is read, at its pace, and what is wrong with it is told.
#include "node/scrub.h"

#include <doctest/doctest.h>

#include <atomic>
#include <mutex>
#include <set>

#include "crdt/counter.h"
#include "store/lmdb_store.h"
#include "store/memory_store.h"
#include "store/records.h"
#include "tests/node/kithd_process.h"
#include "tests/node/temporary_directory.h"

namespace kith {
namespace {

class Scrubbed {
 public:
  explicit Scrubbed(int rows) : store_(std::uint64_t{1} << 30) {
    for (int i = 0; i < rows; ++i) {
      StoreBatch batch;
      batch.merge(shard_of_row(i), cell_of(i), written(static_cast<std::uint64_t>(i) + 1));
      store_.commit(batch);
    }
  }

  static CellKey cell_of(int i) { return {"default", "k" + std::to_string(i), Kind::kRegister, ""}; }
  static Content written(std::uint64_t at) {
    Content state(Kind::kRegister);
    (void)state.as_register().set("v" + std::to_string(at), {Timestamp{at}, ActorId{7}}, {Timestamp{at}, OriginId{7}});
    return state;
  }
  static ShardId shard_of_row(int i) { return static_cast<ShardId>(i % 5); }

  void start(std::int64_t interval_ms) {
    scrub_ = std::make_unique<Scrub>(store_, interval_ms, counters,
                                     Scrub::Callbacks{[this](const StoreKey& key) {
                                                        const std::scoped_lock lock(mutex_);
                                                        damaged_.insert(key);
                                                      },
                                                      [this](ShardId shard) {
                                                        const std::scoped_lock lock(mutex_);
                                                        doubted_.insert(shard);
                                                      }});
  }
  bool wait_passes(std::uint64_t passes) {
    return eventually([&] { return counters.passes >= passes; });
  }
  std::set<StoreKey> damaged() {
    const std::scoped_lock lock(mutex_);
    return damaged_;
  }
  std::set<ShardId> doubted() {
    const std::scoped_lock lock(mutex_);
    return doubted_;
  }

  MemoryStore& store() { return store_; }
  ScrubCounters counters;

 private:
  MemoryStore store_;
  std::mutex mutex_;
  std::set<StoreKey> damaged_;  // Guarded by mutex_.
  std::set<ShardId> doubted_;
  std::unique_ptr<Scrub> scrub_;  // Last, so that it goes first.
};

TEST_CASE("scrub: passes over a sound store read every row and find nothing (0, 1, 300 and 2,000 rows)") {
  for (const int rows : {0, 1, 300, 2000}) {
    Scrubbed scrubbed(rows);
    scrubbed.start(20);
    REQUIRE(scrubbed.wait_passes(3));
    CHECK(scrubbed.counters.rows >= 3 * static_cast<std::uint64_t>(rows));
    CHECK(scrubbed.counters.last_pass_wall_ms > 0);
    CHECK(scrubbed.damaged().empty());
    CHECK(scrubbed.doubted().empty());
    CHECK(scrubbed.counters.errors == 0);
  }
}

TEST_CASE("scrub: every damaged row is told, and no other (50 of 1,000)") {
  Scrubbed scrubbed(1000);
  std::set<StoreKey> flipped;
  for (int i = 0; i < 1000; i += 20) {
    const StoreKey key = store_key(Scrubbed::shard_of_row(i), Scrubbed::cell_of(i));
    REQUIRE(scrubbed.store().flip_bit(Database::kCells, key, 80 + static_cast<std::size_t>(i % 64)));
    flipped.insert(key);
  }
  scrubbed.start(20);
  REQUIRE(scrubbed.wait_passes(1));
  CHECK(scrubbed.damaged() == flipped);
  CHECK(scrubbed.doubted().empty());  // Their sums wait until they are mended.
  CHECK(scrubbed.counters.damaged >= flipped.size());
}

TEST_CASE("scrub: a shard whose rows do not add up to its fingerprint is told, until it was made anew") {
  Scrubbed scrubbed(1000);
  const std::string key = shard_root_key(3);
  REQUIRE(scrubbed.store().flip_bit(Database::kFingerprints, key, 13));
  {
    Scrubbed& it = scrubbed;
    it.start(20);
    REQUIRE(it.wait_passes(1));
    CHECK(it.doubted() == std::set<ShardId>{3});
    CHECK(it.damaged().empty());
  }
  StoreBatch batch;
  batch.recount(3);
  scrubbed.store().commit(batch);
  CHECK(scrubbed.store().verify().empty());
  const std::uint64_t before = scrubbed.counters.shards_doubted, passes = scrubbed.counters.passes;
  REQUIRE(scrubbed.wait_passes(passes + 3));
  CHECK(scrubbed.counters.shards_doubted <= before + 1);  // One may have been under way.
}

TEST_CASE("scrub: a feed that is not that of its rows is told, and so are sums of shards that have no rows") {
  for (const std::string what : {"feed", "feed's shard", "sums", "root"}) {
    CAPTURE(what);
    Scrubbed scrubbed(100);
    ShardId expected = 3;
    if (what == "feed") {
      REQUIRE(scrubbed.store().flip_bit(Database::kFeed, shard_entry_key(3, 7), 100));
    } else {
      // Shard 4 has been written last; 12 and 6 have no rows.
      const bool feed = what == "feed's shard";
      StoreBatch batch;
      batch.recount(4);  // The log goes into the sums.
      scrubbed.store().commit(batch);
      const std::string key = feed ? shard_entry_key(4, 20) : what == "sums" ? quarter_key(4, 3) : shard_root_key(4);
      expected = feed ? 12 : 6;
      REQUIRE(scrubbed.store().flip_key_bit(feed ? Database::kFeed : Database::kFingerprints, key, feed ? 12 : 22));
    }
    scrubbed.start(20);
    REQUIRE(scrubbed.wait_passes(1));
    CHECK(scrubbed.doubted().contains(expected));
    StoreBatch batch;
    for (const ShardId shard : scrubbed.doubted()) batch.recount(shard);
    scrubbed.store().commit(batch);
    CHECK(scrubbed.store().verify() == std::vector<std::string>{});
    const std::uint64_t before = scrubbed.counters.shards_doubted, passes = scrubbed.counters.passes;
    REQUIRE(scrubbed.wait_passes(passes + 3));
    CHECK(scrubbed.counters.shards_doubted <= before + 2);
  }
}

TEST_CASE("scrub: counters are held against their increments: sound ones are not doubted, a sum that rotted is") {
  Scrubbed scrubbed(0);
  for (std::uint64_t i = 1; i <= 3; ++i) {
    const Tag tag{Timestamp{i}, ActorId{7}};
    StoreBatch batch;
    batch.merge(1, increment_cell("default", "visits", tag), Content(Register{}.set(encode_amount(5), tag, {tag.at, OriginId{7}})));
    scrubbed.store().commit(batch);
  }
  scrubbed.start(20);
  REQUIRE(scrubbed.wait_passes(3));
  CHECK(scrubbed.doubted().empty());
  REQUIRE(scrubbed.store().flip_bit(Database::kCounts, value_key("default", "visits", Kind::kCounter), 100));
  const std::uint64_t passes = scrubbed.counters.passes;
  REQUIRE(scrubbed.wait_passes(passes + 2));
  CHECK(scrubbed.doubted() == std::set<ShardId>{1});
  StoreBatch batch;
  batch.recount(1);
  scrubbed.store().commit(batch);
  CHECK(scrubbed.store().verify() == std::vector<std::string>{});
}

// Goal: a shard that changes while it is read is not mistaken for one that lost rows.
TEST_CASE("scrub: a store that is written to all the time is doubted nowhere") {
  const TemporaryDirectory directory;
  const auto store = LmdbStore::open(directory / "node", {.map_bytes = 64 << 20});
  std::uint64_t at = 0;
  const auto write = [&](int writes) {
    StoreBatch batch;
    for (int i = 0; i < writes; ++i) {
      const int row = static_cast<int>(++at % 3000);
      batch.merge(Scrubbed::shard_of_row(row), Scrubbed::cell_of(row), Scrubbed::written(at));
    }
    store->commit(batch);
  };
  write(1500);
  ScrubCounters counters;
  std::atomic<int> doubted{0}, damaged{0};
  {
    const Scrub scrub(*store, 1, counters, {[&](const StoreKey&) { ++damaged; }, [&](ShardId) { ++doubted; }});
    REQUIRE(eventually([&] {
      write(20);
      return counters.passes >= 10;
    }));
  }
  CHECK(doubted == 0);
  CHECK(damaged == 0);
  CHECK(store->verify().empty());
}

TEST_CASE("scrub: ends at once, whatever it waits for") {
  Scrubbed scrubbed(10);
  scrubbed.start(365LL * 24 * 3600 * 1000);
}

}  // namespace
}  // namespace kith
