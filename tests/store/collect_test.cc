// tests/store/collect_test.cc -- taking out of rows what is settled, or exactly this: counts, fingerprints and feeds stay right.
#include "store/records.h"
#include "tests/store/harness.h"

namespace kith::test {
namespace {

using Lookup = Snapshot::Lookup;

#define EACH_STORE(name) TEST_CASE_TEMPLATE(name, Harness, MemoryHarness, LmdbHarness, JournalHarness)

StoreBatch collect_of(const StoreKey& key, std::uint64_t horizon) {
  StoreBatch batch;
  batch.collect(key, Timestamp{horizon});
  return batch;
}

StoreBatch drop_of(const StoreKey& key, Content these) {
  StoreBatch batch;
  batch.drop(key, std::move(these));
  return batch;
}

std::vector<Lsn> feed_of(const Store& store, ShardId shard) {
  std::vector<Lsn> out;
  store.snapshot()->feed_after(shard, 0, [&](Lsn lsn, const StoreKey&, const Row*) {
    out.push_back(lsn);
    return true;
  });
  return out;
}

// Entries of the feed behind `after`: lsn, and whether there is something to collect.
std::vector<std::pair<Lsn, bool>> collectable(const Store& store, ShardId shard, Lsn after = 0) {
  std::vector<std::pair<Lsn, bool>> out;
  const auto snapshot = store.snapshot();
  snapshot->collectable_after(shard, after, [&](Lsn lsn, std::string_view key) {
    if (!key.empty()) {
      Row row;
      REQUIRE(snapshot->get(StoreKey(key), row) == Lookup::kFound);
      REQUIRE(row.lsn == lsn);
    }
    out.emplace_back(lsn, !key.empty());
    return true;
  });
  return out;
}

EACH_STORE("collect: what is left keeps its place in the feed, and shows what it showed") {
  Harness harness;
  Store& store = harness.store();
  const StoreKey tea = store_key(3, element("likes", "tea"));
  store.commit(batch_of(3, element("likes", "tea"), added(10, kNode1)));
  store.commit(batch_of(3, element("likes", "tea"), added(11, kNode2)));
  store.commit(batch_of(3, element("likes", "tea"), removed(10, kNode1, 12, kNode2)));
  store.commit(batch_of(3, element("likes", "rum"), added(13)));
  const std::uint64_t root = store.snapshot()->root();
  REQUIRE(feed_of(store, 3) == std::vector<Lsn>{3, 4});
  CHECK(store.commit(collect_of(tea, 11)).rows_changed == 0);
  const CommitReport report = store.commit(collect_of(tea, 12));
  CHECK(report.rows_changed == 1);
  CHECK(report.damaged.empty());
  harness.reopen();
  CHECK(feed_of(harness.store(), 3) == std::vector<Lsn>{3, 4});
  CHECK(harness.store().snapshot()->root() == root);
  CHECK(harness.store().snapshot()->count("default", "likes", Kind::kSet) == 2);
  Row row;
  REQUIRE(harness.store().snapshot()->get(3, element("likes", "tea"), row) == Lookup::kFound);
  CHECK(row.content == added(11, kNode2));
  CHECK(row.lsn == 3);
  CHECK(harness.store().verify().empty());
}

EACH_STORE("collect: a row in which nothing is left is gone, with its entry in the feed, and the lsn is not given out again") {
  Harness harness;
  Store& store = harness.store();
  store.commit(batch_of(3, element("likes", "tea"), added(10)));
  store.commit(batch_of(3, value("color"), written("red", 11)));
  store.commit(batch_of(3, element("likes", "tea"), removed(10, kNode1, 12)));
  store.commit(batch_of(3, value("color"), erased(13)));
  REQUIRE(feed_of(store, 3) == std::vector<Lsn>{3, 4});
  store.commit(collect_of(store_key(3, element("likes", "tea")), 100));
  store.commit(collect_of(store_key(3, value("color")), 100));
  Row row;
  CHECK(store.snapshot()->get(3, element("likes", "tea"), row) == Lookup::kMissing);
  CHECK(store.snapshot()->get(3, value("color"), row) == Lookup::kMissing);
  CHECK(feed_of(store, 3).empty());
  CHECK(store.snapshot()->root() == 0);
  CHECK(store.verify().empty());
  CHECK(store.commit(collect_of(store_key(3, value("color")), 100)).rows_changed == 0);  // Nothing there, nothing done.
  store.commit(batch_of(3, value("color"), written("blue", 14)));
  CHECK(feed_of(store, 3) == std::vector<Lsn>{5});
  CHECK(store.verify().empty());
}

EACH_STORE("collect: before anything of the same batch is joined") {
  Harness harness;
  Store& store = harness.store();
  const CellKey tea = element("likes", "tea"), rum = element("likes", "rum");
  store.commit(batch_of(3, tea, added(10)));
  store.commit(batch_of(3, tea, removed(10, kNode1, 12)));
  store.commit(batch_of(3, rum, added(13)));
  StoreBatch batch;
  batch.merge(3, tea, added(20));
  batch.collect(store_key(3, tea), Timestamp{15});
  batch.merge(3, rum, added(13));                       // Again what goes.
  batch.drop(store_key(3, rum), added(13));
  store.commit(batch);
  Row row;
  REQUIRE(store.snapshot()->get(3, tea, row) == Lookup::kFound);
  CHECK(row.content == added(20));
  REQUIRE(store.snapshot()->get(3, rum, row) == Lookup::kFound);
  CHECK(row.content == added(13));
  CHECK(store.snapshot()->count("default", "likes", Kind::kSet) == 2);
  CHECK(store.verify().empty());
}

EACH_STORE("drop: adds and values that are exactly these go, and count no more, while others stay") {
  Harness harness;
  Store& store = harness.store();
  const CellKey tea = element("likes", "tea");
  Content both = added(10, kNode1);
  both.join(added(11, kNode2));
  store.commit(batch_of(3, tea, both));
  store.commit(batch_of(3, value("color"), written("red", 12)));
  CHECK(store.commit(drop_of(store_key(3, tea), added(9, kNode1))).rows_changed == 0);
  CHECK(store.commit(drop_of(store_key(3, value("color")), written("blue", 12))).rows_changed == 0);
  CHECK(store.commit(drop_of(store_key(3, tea), added(10, kNode1))).rows_changed == 1);
  Row row;
  REQUIRE(store.snapshot()->get(3, tea, row) == Lookup::kFound);
  CHECK(row.content == added(11, kNode2));
  CHECK(feed_of(store, 3) == std::vector<Lsn>{1, 2});
  CHECK(store.verify().empty());
  CHECK(store.commit(drop_of(store_key(3, tea), both)).rows_changed == 1);
  CHECK(store.commit(drop_of(store_key(3, value("color")), written("red", 12))).rows_changed == 1);
  CHECK(store.snapshot()->root() == 0);
  CHECK(store.snapshot()->count("default", "likes", Kind::kSet) == 0);
  CHECK(feed_of(store, 3).empty());
  harness.reopen();
  CHECK(harness.store().verify().empty());
}

EACH_STORE("collect, drop: a damaged row is not touched") {
  Harness harness;
  const StoreKey key = store_key(3, element("likes", "tea"));
  harness.store().commit(batch_of(3, element("likes", "tea"), added(10)));
  harness.store().commit(batch_of(3, element("likes", "tea"), removed(10, kNode1, 12)));
  const std::string damaged = flipped(*harness.stored(Database::kCells, key), 100);
  harness.overwrite(Database::kCells, key, damaged);
  CHECK(harness.store().commit(collect_of(key, 100)).rows_changed == 0);
  CHECK(harness.store().commit(drop_of(key, added(10))).rows_changed == 0);
  CHECK(harness.stored(Database::kCells, key) == damaged);
  CHECK(feed_of(harness.store(), 3) == std::vector<Lsn>{2});
}

EACH_STORE("feed: an entry says whether its row has something to collect") {
  Harness harness;
  Store& store = harness.store();
  store.commit(batch_of(3, element("likes", "tea"), added(10)));
  store.commit(batch_of(3, element("likes", "rum"), added(11)));
  store.commit(batch_of(3, value("color"), written("red", 12)));
  store.commit(batch_of(4, value("shape"), erased(13)));
  CHECK(collectable(store, 3) == std::vector<std::pair<Lsn, bool>>{{1, false}, {2, false}, {3, false}});
  CHECK(collectable(store, 4) == std::vector<std::pair<Lsn, bool>>{{1, true}});
  store.commit(batch_of(3, element("likes", "tea"), removed(10, kNode1, 14)));
  store.commit(batch_of(3, value("color"), erased(15)));
  CHECK(collectable(store, 3) == std::vector<std::pair<Lsn, bool>>{{2, false}, {4, true}, {5, true}});
  CHECK(collectable(store, 3, 4) == std::vector<std::pair<Lsn, bool>>{{5, true}});
  CHECK(collectable(store, 3, 5).empty());
  // It stops where it is told to.
  std::size_t seen = 0;
  store.snapshot()->collectable_after(3, 0, [&](Lsn, std::string_view) { return ++seen < 2; });
  CHECK(seen == 2);
  // Written anew: nothing is left to collect, at the end of the feed; cut: the same, in its place.
  store.commit(batch_of(3, value("color"), written("blue", 16)));
  Content again = added(17, kNode2);
  store.commit(batch_of(3, element("likes", "tea"), again));
  CHECK(collectable(store, 3) == std::vector<std::pair<Lsn, bool>>{{2, false}, {6, false}, {7, true}});
  store.commit(collect_of(store_key(3, element("likes", "tea")), 14));
  CHECK(collectable(store, 3) == std::vector<std::pair<Lsn, bool>>{{2, false}, {6, false}, {7, false}});
  harness.reopen();
  CHECK(collectable(harness.store(), 3).size() == 3);
  CHECK(harness.store().verify().empty());
}

TEST_CASE("verify: names a feed entry that is wrong about what there is to collect") {
  MemoryStore store(std::uint64_t{1} << 20);
  store.commit(batch_of(1, element("k", "a"), added(10)));
  REQUIRE(store.verify().empty());
  REQUIRE(store.overwrite(Database::kFeed, shard_entry_key(1, 1), encode_feed_entry(store_key(1, element("k", "a")), true)));
  REQUIRE(store.verify().size() == 1);
  CHECK(store.verify().front().find("something to collect") != std::string::npos);
}

// Goal: whatever is collected and dropped between changes, counts, fingerprints and feeds are right, nothing that shows
// changes by collecting, and both stores say the same.
TEST_CASE("collect, drop: random changes, collections and drops leave both stores sound and equal (10 x 60 batches)") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    RandomChanges random(seed);
    MemoryStore memory(std::uint64_t{1} << 26);
    LmdbHarness lmdb;
    std::uint64_t latest = 100;
    for (int step = 0; step < 60; ++step) {
      StoreBatch batch;
      for (std::uint64_t n = random.below(12); n > 0; --n) {
        const RandomChange change = random.next(3, 4);
        change.delta.each_commit([&](const Commit& commit) { latest = std::max(latest, commit.at.value); });
        batch.merge(change.shard, change.cell, change.delta);
      }
      memory.commit(batch);
      lmdb.store().commit(batch);
      StoreBatch cuts;
      const bool drops = random.below(3) == 0;
      const Timestamp horizon{random.below(latest + 1)};
      const auto before = memory.snapshot();
      for (const ShardId shard : before->shards()) {
        before->scan(shard_prefix(shard), {}, [&](const StoreKey& key, const Row* row) {
          REQUIRE(row != nullptr);
          if (drops && random.below(3) == 0) cuts.drop(key, row->content);
          else if (!drops) cuts.collect(key, horizon);
          return true;
        });
      }
      memory.commit(cuts);
      lmdb.store().commit(cuts);
      if (!drops) REQUIRE(memory.snapshot()->root() == before->root());
      const auto findings = memory.verify();
      REQUIRE_MESSAGE(findings.empty(), (findings.empty() ? std::string() : findings.front()));
    }
    const auto findings = lmdb.store().verify();
    REQUIRE_MESSAGE(findings.empty(), (findings.empty() ? std::string() : findings.front()));
    const auto one = memory.snapshot(), other = lmdb.store().snapshot();
    REQUIRE(one->shards() == other->shards());
    REQUIRE(one->root() == other->root());
    for (const ShardId shard : one->shards()) {
      std::map<StoreKey, std::pair<Lsn, Content>> rows;
      one->scan(shard_prefix(shard), {}, [&](const StoreKey& key, const Row* row) {
        rows.emplace(key, std::pair(row->lsn, row->content));
        return true;
      });
      other->scan(shard_prefix(shard), {}, [&](const StoreKey& key, const Row* row) {
        REQUIRE(rows.contains(key));
        REQUIRE(rows.at(key) == std::pair(row->lsn, row->content));
        rows.erase(key);
        return true;
      });
      REQUIRE(rows.empty());
      REQUIRE(collectable(memory, shard) == collectable(lmdb.store(), shard));
    }
  }
}

// The life is retired: no clock of any shard speaks of it.
EACH_STORE("clocks: those of one origin are forgotten in all shards, and what is held in the same batch afterwards counts") {
  Harness harness;
  Store& store = harness.store();
  StoreBatch batch;
  for (const ShardId shard : {ShardId{1}, ShardId{2}, kSystemShard}) {
    batch.hold(shard, kNode1, Timestamp{10});
    batch.hold(shard, kNode2, Timestamp{20});
  }
  store.commit(batch);
  StoreBatch forget;
  forget.hold(1, kNode1, Timestamp{30});
  forget.forget_clock(kNode1);
  CHECK_FALSE(forget.empty());
  forget.hold(2, kNode1, Timestamp{5});
  store.commit(forget);
  harness.reopen();
  const auto snapshot = harness.store().snapshot();
  CHECK(snapshot->held(1) == CommitClock{{kNode2, Timestamp{20}}});
  CHECK(snapshot->held(2) == CommitClock{{kNode1, Timestamp{5}}, {kNode2, Timestamp{20}}});
  CHECK(snapshot->held(kSystemShard) == CommitClock{{kNode2, Timestamp{20}}});
  CHECK(harness.store().verify().empty());
}

}  // namespace
}  // namespace kith::test
