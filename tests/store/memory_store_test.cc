#include "store/memory_store.h"

#include "tests/store/harness.h"

namespace kith::test {

TEST_CASE("memory store: a crash forgets what was not synced, and only that") {
  MemoryStore store;
  store.commit(batch_of(1, value("a"), written("durable", 10)));
  store.hold_syncs(true);
  store.commit(batch_of(1, value("b"), written("synced", 11)));
  store.sync();
  store.commit(batch_of(1, value("a"), written("lost", 20)));
  store.commit(batch_of(1, value("c"), written("lost", 21)));
  Row row;
  REQUIRE(store.snapshot()->get(1, value("c"), row) == Snapshot::Lookup::kFound);
  store.crash();
  CHECK(store.snapshot()->get(1, value("c"), row) == Snapshot::Lookup::kMissing);
  REQUIRE(store.snapshot()->get(1, value("a"), row) == Snapshot::Lookup::kFound);
  CHECK(*row.content.as_register().value() == "durable");
  CHECK(store.snapshot()->get(1, value("b"), row) == Snapshot::Lookup::kFound);
  CHECK(store.snapshot()->feed_end(1) == 2);
  CHECK(store.verify().empty());
}

// Goal: after a crash the store is exactly what it was at the last sync, and goes on from there.
// Method: random histories with syncs and crashes against a twin that is copied at every sync.
TEST_CASE("memory store: random crashes leave what a twin had at the last sync") {
  for (const std::uint64_t seed : {31, 32}) {
    CAPTURE(seed);
    MemoryStore store;
    store.hold_syncs(true);
    Twin twin, synced;
    RandomChanges changes(seed);
    for (int step = 0; step < 3000; ++step) {
      const RandomChange change = changes.next();
      store.commit(batch_of(change.shard, change.cell, change.delta));
      twin.merge(change.shard, change.cell, change.delta);
      switch (changes.below(25)) {
        case 0: store.sync(); synced = twin; break;
        case 1: store.crash(); twin = synced; break;
        default: break;
      }
      if (step % 500 == 0) twin.require_equal(store);
    }
    twin.require_equal(store);
  }
}

TEST_CASE("memory store: a failing commit applies nothing, and the next one works (full, sync)") {
  for (const auto kind : {StoreError::Kind::kFull, StoreError::Kind::kSync}) {
    MemoryStore store;
    store.commit(batch_of(1, value("a"), written("x", 10)));
    store.fail_next_commit(kind);
    try {
      store.commit(batch_of(1, value("a"), written("y", 11)));
      FAIL("the commit did not fail");
    } catch (const StoreError& error) {
      CHECK(error.kind() == kind);
    }
    Row row;
    REQUIRE(store.snapshot()->get(1, value("a"), row) == Snapshot::Lookup::kFound);
    CHECK(*row.content.as_register().value() == "x");
    CHECK(store.commit(batch_of(1, value("a"), written("y", 11))).rows_changed == 1);
    CHECK(store.verify().empty());
  }
}

TEST_CASE("memory store: what is not there cannot be damaged") {
  MemoryStore store;
  CHECK_FALSE(store.flip_bit(Database::kCells, "nothing", 0));
  CHECK_FALSE(store.overwrite(Database::kCells, "nothing", "x"));
  store.commit(batch_of(1, value("a"), written("x", 10)));
  CHECK_FALSE(store.flip_bit(Database::kCells, store_key(1, value("a")), 1'000'000));
  CHECK(store.verify().empty());
}

}  // namespace kith::test
