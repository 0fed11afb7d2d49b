#include <algorithm>

#include "crdt/limits.h"
#include "store/records.h"
#include "tests/store/harness.h"

namespace kith::test {
namespace {

using Lookup = Snapshot::Lookup;

void damage(auto& harness, const StoreKey& key, std::size_t bit = 150) {
  harness.overwrite(Database::kCells, key, flipped(*harness.stored(Database::kCells, key), bit));
}

// Nothing that reads rows hands this one out.
void require_never_returned(const Snapshot& snapshot, ShardId shard, const CellKey& cell) {
  Row row;
  REQUIRE(snapshot.get(shard, cell, row) == Lookup::kDamaged);
  REQUIRE(snapshot.get(store_key(shard, cell), row) == Lookup::kDamaged);
  std::size_t seen = 0;
  const auto expect_null = [&](const StoreKey& key, const Row* found) {
    if (key != store_key(shard, cell)) return true;
    REQUIRE(found == nullptr);
    ++seen;
    return true;
  };
  snapshot.scan(shard_prefix(shard), {}, expect_null);
  snapshot.feed_after(shard, 0, [&](Lsn, const StoreKey& key, const Row* found) { return expect_null(key, found); });
  REQUIRE(seen == 2);
}

}  // namespace

#define EACH_STORE(name) TEST_CASE_TEMPLATE(name, Harness, MemoryHarness, LmdbHarness, JournalHarness)

EACH_STORE("damage: a damaged row is never returned, stays marked when merged into, and is whole when mended") {
  Harness harness;
  const CellKey cell = element("k", "m"), other = element("k", "n");
  const StoreKey key = store_key(1, cell);
  harness.store().commit(batch_of(1, cell, added(10, kNode1)));
  harness.store().commit(batch_of(1, other, added(11, kNode1)));
  damage(harness, key);
  require_never_returned(*harness.store().snapshot(), 1, cell);
  CHECK_FALSE(harness.store().verify().empty());

  const CommitReport merged = harness.store().commit(batch_of(1, cell, added(20, kNode2)));
  CHECK(merged.damaged == std::vector<StoreKey>{key});
  CHECK(merged.rows_changed == 1);
  require_never_returned(*harness.store().snapshot(), 1, cell);
  CHECK(harness.store().snapshot()->damaged(10) == std::vector<StoreKey>{key});
  CHECK(harness.store().verify().size() == 1);  // That it waits for a peer; all sums fit again.
  CHECK(harness.store().commit(batch_of(1, cell, added(21, kNode2))).damaged.empty());

  harness.reopen();
  CHECK(harness.store().snapshot()->damaged(10) == std::vector<StoreKey>{key});
  StoreBatch batch;
  batch.mend(1, cell, added(10, kNode1));
  harness.store().commit(batch);
  Row row;
  REQUIRE(harness.store().snapshot()->get(1, cell, row) == Lookup::kFound);
  Content whole = added(10, kNode1);
  whole.join(added(21, kNode2));
  CHECK(row.content == whole);
  CHECK(row.lsn == harness.store().snapshot()->feed_end(1));
  CHECK(harness.store().snapshot()->damaged(10).empty());
  CHECK(harness.store().snapshot()->count("default", "k", Kind::kSet) == 2);
  CHECK(harness.store().verify().empty());
}

EACH_STORE("damage: a peer that holds nothing, or nobody who knows the name, ends a row that cannot be read") {
  Harness harness;
  const CellKey cell = element("k", "m"), lost = element("k", "lost");
  harness.store().commit(batch_of(1, cell, added(10)));
  harness.store().commit(batch_of(1, lost, added(11)));
  damage(harness, store_key(1, cell));
  damage(harness, store_key(1, lost));
  StoreBatch batch;
  batch.mend(1, cell, Content());
  batch.forget_damaged(store_key(1, lost));
  CHECK(harness.store().commit(batch).rows_changed == 2);
  Row row;
  const auto snapshot = harness.store().snapshot();
  CHECK(snapshot->get(1, cell, row) == Lookup::kMissing);
  CHECK(snapshot->get(1, lost, row) == Lookup::kMissing);
  CHECK(snapshot->feed_end(1) == 0);
  CHECK(snapshot->root() == 0);
  CHECK(snapshot->count("default", "k", Kind::kSet) == 0);
  CHECK(harness.store().verify().empty());
}

EACH_STORE("damage: forgetting a row that is sound, or was merged into, loses nothing") {
  Harness harness;
  const CellKey sound = element("k", "sound"), merged = element("k", "merged");
  harness.store().commit(batch_of(1, sound, added(10)));
  harness.store().commit(batch_of(1, merged, added(11)));
  damage(harness, store_key(1, merged));
  harness.store().commit(batch_of(1, merged, added(20)));
  StoreBatch batch;
  batch.forget_damaged(store_key(1, sound));
  batch.forget_damaged(store_key(1, merged));
  batch.forget_damaged("no such key");
  batch.forget_damaged("");
  batch.merge(1, merged, added(21, kNode2));
  harness.store().commit(batch);
  Row row;
  REQUIRE(harness.store().snapshot()->get(1, sound, row) == Lookup::kFound);
  REQUIRE(harness.store().snapshot()->get(1, merged, row) == Lookup::kFound);
  CHECK(row.content.as_set_element().adds().size() == 2);
  CHECK(harness.store().verify().empty());
}

EACH_STORE("damage: what was merged in while a row waited can rot as well, and then mending it once is not enough") {
  Harness harness;
  const CellKey mended = element("k", "m"), given_up = element("k", "n"), merged = element("k", "o");
  const CellKey all[] = {mended, given_up, merged};
  for (const CellKey& cell : all) {
    harness.store().commit(batch_of(1, cell, added(10, kNode1)));
    damage(harness, store_key(1, cell));
    CHECK(harness.store().commit(batch_of(1, cell, added(20, kNode2))).damaged.size() == 1);
    damage(harness, store_key(1, cell));
  }
  harness.reopen();
  // The peer that vouches for `mended` knows nothing of 20.
  StoreBatch batch;
  batch.mend(1, mended, added(10, kNode1));
  batch.forget_damaged(store_key(1, given_up));
  batch.merge(1, merged, added(30, kNode2));
  const std::vector<StoreKey> reported = harness.store().commit(batch).damaged;
  for (const CellKey& cell : all) {
    CAPTURE(cell.member);
    CHECK(std::count(reported.begin(), reported.end(), store_key(1, cell)) == 1);
    require_never_returned(*harness.store().snapshot(), 1, cell);
  }
  StoreBatch again;
  again.mend(1, mended, added(20, kNode2));
  again.forget_damaged(store_key(1, given_up));
  again.mend(1, merged, added(20, kNode2));
  CHECK(harness.store().commit(again).damaged.empty());
  Row row;
  REQUIRE(harness.store().snapshot()->get(1, mended, row) == Lookup::kFound);
  CHECK(row.content.as_set_element().adds().size() == 2);
  CHECK(harness.store().snapshot()->get(1, given_up, row) == Lookup::kMissing);
  REQUIRE(harness.store().snapshot()->get(1, merged, row) == Lookup::kFound);
  CHECK(harness.store().snapshot()->damaged(10).empty());
  CHECK(harness.store().verify().empty());
}

// Goal: nobody is told that a row is not there because its key flipped, before or after what lies there was given up.
// Method: each bit of the key in turn; no peer knows the flipped name, so it is forgotten, and the true one is mended.
TEST_CASE("damage: a row whose key flipped counts as damaged under its own name, until it is mended (every bit)") {
  const CellKey cell = element("k", "m");
  const StoreKey key = store_key(1, cell);
  for (const bool alone : {true, false}) {
    for (std::size_t bit = 0; bit < key.size() * 8; ++bit) {
      CAPTURE(alone);
      CAPTURE(bit);
      MemoryStore store;
      if (!alone) {
        store.commit(batch_of(1, element("a", "before"), added(5)));
        store.commit(batch_of(1, element("z", "behind"), added(15)));
      }
      store.commit(batch_of(1, cell, added(10)));
      const auto wrong = store.flip_key_bit(Database::kCells, key, bit);
      REQUIRE(wrong.has_value());
      Row row;
      REQUIRE(store.snapshot()->get(*wrong, row) == Lookup::kDamaged);
      // Where it is still beside its place, as it is in a file whose pages are in order.
      if (alone) REQUIRE(store.snapshot()->damage_beside(key) == wrong);
      StoreBatch batch;
      batch.forget_damaged(*wrong);
      const std::vector<StoreKey> reported = store.commit(batch).damaged;
      // A row that lies among those of another shard: the scrub finds that its own lacks it.
      if (reported.empty()) {
        REQUIRE(bit < 16);
        REQUIRE_FALSE(alone);
        batch.clear();
        batch.recount(1);
        store.commit(batch);
      }
      REQUIRE(store.snapshot()->get(1, cell, row) == Lookup::kDamaged);
      REQUIRE(store.snapshot()->damaged(10) == std::vector<StoreKey>{key});
      bool seen = false;
      store.snapshot()->scan(value_prefix(1, "default", "k", Kind::kSet), {}, [&](const StoreKey& at, const Row* found) {
        seen = at == key && found == nullptr;
        return true;
      });
      REQUIRE(seen);
      batch.clear();
      batch.mend(1, cell, added(10));
      store.commit(batch);
      REQUIRE(store.snapshot()->get(1, cell, row) == Lookup::kFound);
      REQUIRE(store.snapshot()->count("default", "k", Kind::kSet) == 1);
      REQUIRE(store.verify() == std::vector<std::string>{});
    }
  }
}

// Goal: without its lease a node would issue timestamps twice, and without its horizon it would have no fence.
TEST_CASE("damage: a record of meta whose name flipped is not taken for one that was never written (every bit)") {
  const std::string name = "horizon";
  for (std::size_t bit = 0; bit < name.size() * 8; ++bit) {
    CAPTURE(bit);
    MemoryStore store;
    StoreBatch batch;
    batch.set_meta("floor", "1");
    batch.set_meta(name, "2");
    batch.set_meta("lease", "3");
    store.commit(batch);
    REQUIRE(store.snapshot()->meta("never") == std::nullopt);
    REQUIRE(store.flip_key_bit(Database::kMeta, name, bit).has_value());
    REQUIRE_THROWS_AS((void)store.snapshot()->meta(name), StoreError);
    REQUIRE(store.snapshot()->meta("floor") == "1");
  }
}

TEST_CASE("damage: an entry of the feed that rotted is no row's own, and made anew (every bit)") {
  const CellKey cell = element("k", "m"), other = element("k", "o");
  for (std::size_t bit = 0; bit < (store_key(1, cell).size() + 1) * 8; ++bit) {
    CAPTURE(bit);
    MemoryStore store;
    store.commit(batch_of(1, cell, added(10)));
    store.commit(batch_of(1, other, added(11)));
    REQUIRE(store.flip_bit(Database::kFeed, shard_entry_key(1, 1), bit));
    std::size_t passed_over = 0, right = 0;
    store.snapshot()->feed_after(1, 0, [&](Lsn, const StoreKey& key, const Row* row) {
      ++(row != nullptr ? right : passed_over);
      CHECK(key.empty() == (row == nullptr));
      return true;
    });
    if (bit >= 8) CHECK(passed_over == 1);
    StoreBatch batch;
    batch.recount(1);
    CHECK(store.commit(batch).damaged.empty());
    CHECK(store.verify() == std::vector<std::string>{});
  }
}

// Goal: a bit of the size that LMDB keeps beside a key makes a feed's key longer or shorter; nothing behind it goes unseen for that.
TEST_CASE_TEMPLATE("damage: a key of the feed that is longer or shorter than any ends no walk, is noticed, and goes when the feed is made anew",
                   Harness, LmdbHarness, JournalHarness) {
  const CellKey first = element("k", "a"), cell = element("k", "m"), last = element("k", "o"), later = element("k", "p");
  for (const std::string& rotted : {shard_entry_key(1, 2) + '\0', shard_entry_key(1, 2).substr(0, 9), shard_entry_key(1, 3) + '\0'}) {
    CAPTURE(rotted.size());
    Harness harness;
    harness.store().commit(batch_of(1, first, added(10)));
    harness.store().commit(batch_of(1, cell, added(11)));
    harness.store().commit(batch_of(1, last, added(12)));
    const std::string entry = rotted.starts_with(shard_entry_key(1, 3)) ? shard_entry_key(1, 3) : shard_entry_key(1, 2);
    const std::string value = *harness.stored(Database::kFeed, entry);
    harness.lose(Database::kFeed, entry);
    harness.overwrite(Database::kFeed, rotted, value);
    harness.reopen();
    std::vector<StoreKey> seen;
    std::size_t doubted = 0;
    harness.store().snapshot()->feed_after(1, 0, [&](Lsn, const StoreKey& key, const Row* row) {
      if (row != nullptr) seen.push_back(key);
      else ++doubted;
      return true;
    });
    CHECK(seen.size() == 2);
    if (rotted.size() > entry.size()) CHECK(doubted == 1);  // A shorter one sorts before all: its row is missed by the scrub.
    CHECK(harness.store().verify().size() >= 2);
    // What is written next stands behind all that was there.
    const Lsn end = harness.store().snapshot()->feed_end(1);
    CHECK(end == (entry == shard_entry_key(1, 3) ? 2 : 3));
    StoreBatch batch;
    batch.recount(1);
    batch.merge(1, later, added(13));
    CHECK(harness.store().commit(batch).damaged.empty());
    CHECK(harness.store().verify() == std::vector<std::string>{});
    CHECK(harness.store().snapshot()->feed_end(1) > end);
  }
}

TEST_CASE("damage: a row that rotted together with its entry of the feed leaves none behind (every bit)") {
  const CellKey cell = element("k", "m"), other = element("k", "o");
  const StoreKey key = store_key(1, cell);
  for (std::size_t bit = 0; bit < (key.size() + 1) * 8; ++bit) {
    CAPTURE(bit);
    MemoryHarness harness;
    harness.store().commit(batch_of(1, cell, added(10)));
    harness.store().commit(batch_of(1, other, added(11)));
    damage(harness, key);
    const std::string entry = shard_entry_key(1, 1);
    harness.overwrite(Database::kFeed, entry, flipped(*harness.stored(Database::kFeed, entry), bit));
    StoreBatch batch;
    batch.mend(1, cell, added(10));
    harness.store().commit(batch);
    // What the entry names is asked for, and nobody has it.
    StoreBatch gone;
    for (const StoreKey& lost : harness.store().snapshot()->damaged(10)) gone.forget_damaged(lost);
    harness.store().commit(gone);
    CHECK(harness.store().verify() == std::vector<std::string>{});
  }
}

// Goal: whatever byte of a row is damaged, it is found, never returned, and everything else stays right.
// Method: each byte in turn; in memory, since on disk it is the same code and a hundred times slower.
TEST_CASE("damage: every byte of a row in turn (found, marked when merged into, mended)") {
  const CellKey cell = element("k", "m");
  const StoreKey key = store_key(1, cell);
  const std::size_t size = encode_row(key, cell, added(10), 1).size();
  for (std::size_t byte = 0; byte < size; ++byte) {
    CAPTURE(byte);
    MemoryStore store;
    store.commit(batch_of(1, element("k", "before"), added(5)));
    store.commit(batch_of(1, cell, added(10)));
    store.commit(batch_of(1, element("k", "behind"), added(15)));
    REQUIRE(store.flip_bit(Database::kCells, key, byte * 8 + byte % 8));
    require_never_returned(*store.snapshot(), 1, cell);
    REQUIRE(store.commit(batch_of(1, cell, added(20))).damaged == std::vector<StoreKey>{key});
    require_never_returned(*store.snapshot(), 1, cell);
    StoreBatch batch;
    batch.mend(1, cell, added(10));
    store.commit(batch);
    Row row;
    REQUIRE(store.snapshot()->get(1, cell, row) == Lookup::kFound);
    REQUIRE(row.content == added(20));
    REQUIRE(store.verify().empty());
  }
}

// Goal: I3 holds through damage, mending and forgetting, in any order.
// Method: random histories in which rows rot; in the end all that is marked is mended from a twin that never rotted.
TEST_CASE("damage: random histories with rotting rows end as a twin whose disk is sound") {
  for (const std::uint64_t seed : {21, 22, 23}) {
    CAPTURE(seed);
    MemoryStore store, sound;
    RandomChanges changes(seed);
    std::map<StoreKey, std::pair<ShardId, CellKey>> cells;
    for (int step = 0; step < 1500; ++step) {
      const RandomChange change = changes.next();
      const StoreKey key = store_key(change.shard, change.cell);
      cells[key] = {change.shard, change.cell};
      store.commit(batch_of(change.shard, change.cell, change.delta));
      sound.commit(batch_of(change.shard, change.cell, change.delta));
      if (changes.below(20) == 0) {
        auto it = std::next(cells.begin(), static_cast<std::ptrdiff_t>(changes.below(cells.size())));
        const std::size_t size = store.stored(Database::kCells, it->first)->size();
        REQUIRE(store.flip_bit(Database::kCells, it->first, changes.below(size * 8)));
      }
      if (changes.below(100) == 0) store.crash();
    }
    for (int times = 0; times < 2; ++times) {  // Some rotted again after something was merged into them.
      StoreBatch batch;
      for (const auto& [key, cell] : cells) {
        Row mine, theirs;
        if (store.snapshot()->get(key, mine) != Lookup::kDamaged) continue;
        REQUIRE(sound.snapshot()->get(key, theirs) == Lookup::kFound);
        batch.mend(cell.first, cell.second, theirs.content);
      }
      store.commit(batch);
    }
    for (const auto& [key, cell] : cells) {
      Row mine, theirs;
      REQUIRE(store.snapshot()->get(key, mine) == Lookup::kFound);
      REQUIRE(sound.snapshot()->get(key, theirs) == Lookup::kFound);
      REQUIRE(mine.content == theirs.content);
    }
    REQUIRE(store.snapshot()->root() == sound.snapshot()->root());
    REQUIRE(store.snapshot()->damaged(10).empty());
    REQUIRE(store.verify().empty());
  }
}

// Goal: of two long names with one hash the second is refused, and neither is ever taken for the other.
// Method: such names are not at hand, so the row of one is put where the other's belongs, with a checksum that fits.
EACH_STORE("damage: a place that another name has taken is refused, and the rest of the batch is not") {
  Harness harness;
  const CellKey mine = element("k", std::string(300, 'x')), theirs = element("k", std::string(300, 'y'));
  const StoreKey key = store_key(1, mine);
  harness.store().commit(batch_of(1, mine, added(10)));
  harness.overwrite(Database::kCells, key, encode_row(key, theirs, added(10), 1));
  Row row;
  CHECK(harness.store().snapshot()->get(1, mine, row) == Lookup::kDamaged);
  StoreBatch batch;
  batch.merge(1, mine, added(20));
  batch.merge(1, element("k", "n"), added(21));
  const CommitReport report = harness.store().commit(batch);
  CHECK(report.refused == std::vector<StoreKey>{key});
  CHECK(report.rows_changed == 1);
  CHECK(*harness.stored(Database::kCells, key) == encode_row(key, theirs, added(10), 1));
}

EACH_STORE("damage: a clock or a cursor that rotted counts as none, and meta that rotted is an error") {
  Harness harness;
  StoreBatch batch;
  batch.hold(7, kNode1, Timestamp{100});
  batch.hold(7, kNode2, Timestamp{200});
  batch.set_cursor(7, NodeId{1}, {kNode1, 55});
  batch.set_meta("node", "me");
  harness.store().commit(batch);
  const auto rot = [&](Database database, const std::string& key) {
    harness.overwrite(database, key, flipped(*harness.stored(database, key), 5));
  };
  rot(Database::kClocks, shard_entry_key(7, kNode1.value));
  rot(Database::kCursors, shard_entry_key(7, 1));
  rot(Database::kMeta, "node");
  CHECK(harness.store().snapshot()->held(7) == CommitClock{{kNode2, Timestamp{200}}});
  CHECK_FALSE(harness.store().snapshot()->cursor(7, NodeId{1}).has_value());
  CHECK_THROWS_AS((void)harness.store().snapshot()->meta("node"), StoreError);
  CHECK(harness.store().verify().size() == 3);

  harness.store().commit(batch);
  CHECK(harness.store().snapshot()->held(7).size() == 2);
  CHECK(harness.store().snapshot()->meta("node") == "me");
  CHECK(harness.store().verify().empty());
}

EACH_STORE("damage: a count that rotted is made anew from the rows when it would go below zero") {
  Harness harness;
  StoreBatch batch;
  for (int i = 0; i < 5; ++i) batch.merge(1, element("k", std::to_string(i)), added(10));
  harness.store().commit(batch);
  const std::string key = value_key("default", "k", Kind::kSet);
  harness.overwrite(Database::kCounts, key, encode_count(key, "k", 0));
  CHECK(harness.store().verify().size() == 1);
  harness.store().commit(batch_of(1, element("k", "0"), removed(10, kNode1, 20)));
  CHECK(harness.store().snapshot()->count("default", "k", Kind::kSet) == 4);
  CHECK(harness.store().verify().empty());
}

// Goal: verify finds what only it can find.
TEST_CASE("verify: names a wrong fingerprint, a feed entry without a row and a row without a feed entry") {
  MemoryStore store;
  store.commit(batch_of(1, element("k", "a"), added(10)));
  store.commit(batch_of(1, element("k", "b"), added(11)));
  REQUIRE(store.verify().empty());
  const std::string root(kRootKey);
  const std::string sound = *store.stored(Database::kFingerprints, root);
  REQUIRE(store.flip_bit(Database::kFingerprints, root, 3));
  CHECK(store.verify().size() == 1);
  REQUIRE(store.overwrite(Database::kFingerprints, root, sound));
  REQUIRE(store.overwrite(Database::kFeed, shard_entry_key(1, 1), encode_feed_entry(store_key(1, element("k", "c")), false)));
  const auto findings = store.verify();
  REQUIRE(findings.size() == 2);
  CHECK(findings[0].find("no entry in the feed") != std::string::npos);
  CHECK(findings[1].find("which is no row") != std::string::npos);
}

}  // namespace kith::test
