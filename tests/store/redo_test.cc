// tests/store/redo_test.cc -- StoreBatch::redo: entries leave their row and enter it, or another, anew in one commit.
#include "crdt/counter.h"
#include "tests/store/harness.h"

namespace kith::test {
namespace {

#define EACH_STORE(name) TEST_CASE_TEMPLATE(name, Harness, MemoryHarness, LmdbHarness, JournalHarness)

constexpr ShardId kShard = 3;
constexpr Commit kAnew{Timestamp{900}, kNode3};

StoreKey key_of(const CellKey& cell) { return store_key(kShard, cell); }

std::optional<Row> row_of(const Store& store, const CellKey& cell) {
  Row row;
  if (store.snapshot()->get(kShard, cell, row) != Snapshot::Lookup::kFound) return std::nullopt;
  return row;
}

Content content_of(const Store& store, const CellKey& cell) {
  const auto row = row_of(store, cell);
  REQUIRE(row.has_value());
  return row->content;
}

Content recommitted(Content these) {
  these.recommit(kAnew);
  return these;
}

// As gossip/redo does: what is committed anew is merged by the same batch, before or after.
StoreBatch redo(const CellKey& cell, const Content& these, const CellKey& as, const Content& anew, bool merge_first = true) {
  StoreBatch batch;
  if (merge_first && !anew.empty()) batch.merge(kShard, as, anew);
  batch.redo({key_of(cell), these, anew.empty() ? StoreKey() : key_of(as), anew});
  if (!merge_first && !anew.empty()) batch.merge(kShard, as, anew);
  return batch;
}

std::vector<std::pair<Lsn, StoreKey>> feed(const Store& store) {
  std::vector<std::pair<Lsn, StoreKey>> out;
  store.snapshot()->feed_after(kShard, 0, [&](Lsn lsn, const StoreKey& key, const Row* row) {
    REQUIRE(row != nullptr);
    out.emplace_back(lsn, key);
    return true;
  });
  return out;
}

void require_sound(const Store& store) { REQUIRE(store.verify() == std::vector<std::string>{}); }

EACH_STORE("redo: an add is in its row once, under the new commit, and has the last place in the feed") {
  for (const bool merge_first : {true, false}) {
    Harness harness;
    Store& store = harness.store();
    const CellKey tea = element("likes", "tea"), milk = element("likes", "milk");
    store.commit(batch_of(kShard, tea, added(10)));
    store.commit(batch_of(kShard, milk, added(20)));
    const std::uint64_t root = store.snapshot()->root();
    const Content anew = recommitted(added(10));
    store.commit(redo(tea, added(10), tea, anew, merge_first));
    // SUBTLE: joined to what was there, the earlier commit would have stayed.
    CHECK(content_of(store, tea) == anew);
    CHECK(feed(store) == std::vector<std::pair<Lsn, StoreKey>>{{2, key_of(milk)}, {3, key_of(tea)}});
    CHECK(store.snapshot()->count("default", "likes", Kind::kSet) == 2);
    CHECK(store.snapshot()->root() == root);  // The same add shows.
    require_sound(store);
    harness.reopen();
    CHECK(content_of(harness.store(), tea) == anew);
    require_sound(harness.store());
  }
}

EACH_STORE("redo: a pull that has come past the old entry finds the new one") {
  Harness harness;
  Store& store = harness.store();
  const CellKey tea = element("likes", "tea");
  store.commit(batch_of(kShard, tea, added(10)));
  const Lsn end = store.snapshot()->feed_end(kShard);
  store.commit(redo(tea, added(10), tea, recommitted(added(10))));
  std::size_t found = 0;
  store.snapshot()->feed_after(kShard, end, [&](Lsn, const StoreKey& key, const Row* row) {
    found += key == key_of(tea) && row != nullptr && row->content == recommitted(added(10)) ? 1 : 0;
    return true;
  });
  CHECK(found == 1);
}

EACH_STORE("redo: of a row only what is named goes, the rest stays as it was committed") {
  Harness harness;
  Store& store = harness.store();
  const CellKey tea = element("likes", "tea");
  Content both = added(10);
  both.join(removed(5, kNode2, 12, kNode2));
  store.commit(batch_of(kShard, tea, both));
  store.commit(redo(tea, removed(5, kNode2, 12, kNode2), tea, recommitted(removed(5, kNode2, 12, kNode2))));
  Content expected = added(10);
  expected.join(recommitted(removed(5, kNode2, 12, kNode2)));
  CHECK(content_of(store, tea) == expected);
  CHECK(store.snapshot()->count("default", "likes", Kind::kSet) == 1);
  require_sound(store);
}

EACH_STORE("redo: entries under another commit are not those that are named") {
  Harness harness;
  Store& store = harness.store();
  const CellKey tea = element("likes", "tea"), color = value("color");
  store.commit(batch_of(kShard, tea, added(10, kNode1)));
  store.commit(batch_of(kShard, color, written("red", 10, kNode1)));
  Content other = added(10, kNode1);
  other.recommit({Timestamp{11}, kNode2});
  Content other_value = written("red", 10, kNode1);
  other_value.recommit({Timestamp{11}, kNode2});
  const auto root = store.snapshot()->root();
  CHECK(store.commit(redo(tea, other, tea, {})).rows_changed == 0);
  CHECK(store.commit(redo(color, other_value, color, {})).rows_changed == 0);
  CHECK(content_of(store, tea) == added(10, kNode1));
  CHECK(content_of(store, color) == written("red", 10, kNode1));
  CHECK(store.snapshot()->root() == root);
  require_sound(store);
}

EACH_STORE("redo: what is done again nowhere is gone, with its row, its count and its place in the feed") {
  Harness harness;
  Store& store = harness.store();
  const CellKey tea = element("likes", "tea"), color = value("color");
  const std::uint64_t root = store.snapshot()->root();
  store.commit(batch_of(kShard, tea, added(10)));
  store.commit(batch_of(kShard, color, written("red", 12)));
  store.commit(redo(tea, added(10), tea, {}));
  CHECK_FALSE(row_of(store, tea).has_value());
  CHECK(store.snapshot()->count("default", "likes", Kind::kSet) == 0);
  CHECK(feed(store).size() == 1);
  store.commit(redo(color, written("red", 12), color, {}));
  CHECK_FALSE(row_of(store, color).has_value());
  CHECK(store.snapshot()->root() == root);
  CHECK(feed(store).empty());
  require_sound(store);
}

EACH_STORE("redo: a value and a deletion, under another tag or the same") {
  Harness harness;
  Store& store = harness.store();
  const CellKey color = value("color"), shape = value("shape");
  store.commit(batch_of(kShard, color, written("red", 10)));
  store.commit(batch_of(kShard, shape, erased(10)));
  const Content today(Register{}.set("red", {kAnew.at, actor_of(kAnew.origin)}, kAnew));
  store.commit(redo(color, written("red", 10), color, today));
  store.commit(redo(shape, erased(10), shape, recommitted(erased(10))));
  CHECK(content_of(store, color) == today);
  CHECK(content_of(store, shape) == recommitted(erased(10)));
  CHECK(store.snapshot()->count("default", "color", Kind::kRegister) == 1);
  CHECK(store.snapshot()->count("default", "shape", Kind::kRegister) == 0);
  // What is over at the horizon of the old commit is not settled at that: the entry is of today.
  StoreBatch collect;
  collect.collect(key_of(shape), Timestamp{899});
  CHECK(store.commit(collect).rows_changed == 0);
  StoreBatch later;
  later.collect(key_of(shape), Timestamp{900});
  CHECK(store.commit(later).rows_changed == 1);
  require_sound(store);
}

EACH_STORE("redo: an increment changes its name, and counts once") {
  Harness harness;
  Store& store = harness.store();
  const Tag old{Timestamp{10}, ActorId{0x77}}, today{kAnew.at, actor_of(kAnew.origin)};
  const CellKey was = increment_cell("default", "visits", old), is = increment_cell("default", "visits", today);
  const auto plus = [](const Tag& tag, Commit by) { return Content(Register{}.set(encode_amount(5), tag, by)); };
  const Content these = plus(old, {Timestamp{11}, kNode1}), anew = plus(today, kAnew);
  store.commit(batch_of(kShard, was, these));
  const auto counter = [&] {
    CounterState state;
    REQUIRE(store.snapshot()->counter(kShard, "default", "visits", state) != Snapshot::Lookup::kDamaged);
    return std::pair(state.sum.shown(), state.cells);
  };
  REQUIRE(counter() == std::pair(std::int64_t{5}, std::uint64_t{1}));
  store.commit(redo(was, these, is, anew));
  CHECK_FALSE(row_of(store, was).has_value());
  CHECK(content_of(store, is) == anew);
  CHECK(counter() == std::pair(std::int64_t{5}, std::uint64_t{1}));
  require_sound(store);
  // Said once more, it is not there any more: nothing changes.
  StoreBatch again;
  again.redo({key_of(was), these, key_of(is), anew});
  CHECK(store.commit(again).rows_changed == 0);
  CHECK(counter() == std::pair(std::int64_t{5}, std::uint64_t{1}));
  require_sound(store);
}

// Goal: an increment that nobody has seen is not swallowed by the base that comes in the same batch.
EACH_STORE("redo: an increment leaves its row before the base of the same batch takes what it covers") {
  Harness harness;
  Store& store = harness.store();
  const Tag old{Timestamp{10}, ActorId{0x77}}, today{kAnew.at, actor_of(kAnew.origin)};
  const CellKey was = increment_cell("default", "visits", old), is = increment_cell("default", "visits", today);
  const auto plus = [](const Tag& tag, Commit by) { return Content(Register{}.set(encode_amount(5), tag, by)); };
  const Content these = plus(old, {Timestamp{11}, kNode1}), anew = plus(today, kAnew);
  store.commit(batch_of(kShard, was, these));
  StoreBatch batch = redo(was, these, is, anew);
  batch.merge(kShard, base_cell("default", "visits"), Content(base_register(Timestamp{500}, {CounterSum(100), 7}, {Timestamp{400}, kNode2})));
  store.commit(batch);
  CounterState state;
  REQUIRE(store.snapshot()->counter(kShard, "default", "visits", state) == Snapshot::Lookup::kFound);
  CHECK(state.sum == CounterSum(105));
  require_sound(store);
}

EACH_STORE("redo: values that expire keep their place among the expiries") {
  Harness harness;
  Store& store = harness.store();
  const CellKey color = value("color");
  const Content these(Register{}.set("red", {Timestamp::at_ms(100), actor_of(kNode1)}, {Timestamp::at_ms(100), kNode1}, 500));
  Content anew = these;
  anew.recommit({Timestamp::at_ms(700), kNode3});
  store.commit(batch_of(kShard, color, these));
  StoreBatch pass;
  pass.pass_expired(600, 10);
  store.commit(pass);
  REQUIRE(store.snapshot()->count("default", "color", Kind::kRegister) == 0);
  store.commit(redo(color, these, color, anew));
  CHECK(content_of(store, color) == anew);
  std::vector<std::int64_t> over;
  store.snapshot()->expiries(Snapshot::Expiries::kAll, [&](const Snapshot::Expiry& it) {
    over.push_back(it.over_at_ms);
    return true;
  });
  CHECK(over == std::vector<std::int64_t>{700});
  require_sound(store);
  StoreBatch pass_again;
  pass_again.pass_expired(700, 10);
  store.commit(pass_again);
  CHECK(store.snapshot()->count("default", "color", Kind::kRegister) == 0);
  require_sound(store);
}

TEST_CASE("redo: a batch that has nothing else is not empty, and a cleared one is") {
  StoreBatch batch;
  batch.redo({key_of(value("color")), written("red", 10), {}, {}});
  CHECK_FALSE(batch.empty());
  CHECK(batch.redoes(key_of(value("color"))));
  CHECK_FALSE(batch.redoes(key_of(value("shape"))));
  batch.clear();
  CHECK_FALSE(batch.redoes(key_of(value("color"))));
  CHECK(batch.empty());
  CHECK(batch.redone().empty());
}

// Method: random rows of four origins; what one of them committed is done again, in batches with other changes.
EACH_STORE("redo: counts, fingerprints and feed are those of the rows (random)") {
  Harness harness;
  Store& store = harness.store();
  RandomChanges random(77);
  std::size_t redone = 0;
  for (int round = 0; round < 60; ++round) {
    StoreBatch batch;
    for (int i = 0; i < 20; ++i) {
      const RandomChange change = random.next();
      batch.merge(change.shard, change.cell, change.delta);
    }
    store.commit(batch);
    std::vector<std::pair<StoreKey, Row>> rows;
    const auto snapshot = store.snapshot();
    for (const ShardId shard : snapshot->shards_kept()) {
      snapshot->scan(shard_prefix(shard), {}, [&](const StoreKey& key, const Row* row) {
        REQUIRE(row != nullptr);
        rows.emplace_back(key, *row);
        return true;
      });
    }
    StoreBatch again;
    std::vector<std::tuple<ShardId, CellKey, Content>> expected;
    for (const auto& [key, row] : rows) {
      const Content these = row.content.where([](const Commit& by) { return by.origin == OriginId{0x1000}; });
      if (these.empty() || random.below(3) != 0) continue;
      Content anew = these, whole = row.content;
      anew.recommit({Timestamp{1'000'000 + static_cast<std::uint64_t>(round)}, kNode3});
      const ShardId shard = shard_of_store_key(key);
      again.merge(shard, row.cell, anew);
      again.redo({key, these, key, anew});
      REQUIRE(whole.drop(these));
      whole.join(anew);
      expected.emplace_back(shard, row.cell, whole);
      ++redone;
    }
    if (again.empty()) continue;
    store.commit(again);
    for (const auto& [shard, cell, whole] : expected) {
      Row row;
      REQUIRE(store.snapshot()->get(shard, cell, row) == Snapshot::Lookup::kFound);
      REQUIRE(row.content == whole);
    }
    require_sound(store);
  }
  CHECK(redone > 100);
}

}  // namespace
}  // namespace kith::test
