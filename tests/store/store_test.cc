#include "tests/store/harness.h"

#include "crdt/limits.h"
#include "store/fingerprints.h"

#include <atomic>
#include <thread>

namespace kith::test {
namespace {

using Lookup = Snapshot::Lookup;

std::vector<std::string> members_of(const Snapshot& snapshot, const StoreKey& prefix, const StoreKey& after = {}) {
  std::vector<std::string> out;
  snapshot.scan(prefix, after, [&](const StoreKey&, const Row* row) {
    REQUIRE(row != nullptr);
    out.push_back(row->cell.member);
    return true;
  });
  return out;
}

}  // namespace

#define EACH_STORE(name) TEST_CASE_TEMPLATE(name, Harness, MemoryHarness, LmdbHarness, JournalHarness)

EACH_STORE("store: an empty one has nothing to show") {
  Harness harness;
  const auto snapshot = harness.store().snapshot();
  Row row;
  CHECK(snapshot->get(1, value("a"), row) == Lookup::kMissing);
  CHECK(snapshot->feed_end(1) == 0);
  CHECK(snapshot->first_unseen(1, covered_by({})) == 0);
  CHECK(snapshot->shards().empty());
  CHECK(snapshot->held(1).empty());
  CHECK_FALSE(snapshot->cursor(1, NodeId{5}).has_value());
  CHECK_FALSE(snapshot->meta("node").has_value());
  CHECK(snapshot->root() == 0);
  CHECK(snapshot->damaged(10).empty());
  CHECK(harness.store().verify().empty());
}

EACH_STORE("store: a batch is joined into the rows there are, and survives reopening") {
  Harness harness;
  harness.store().commit(batch_of(3, value("color"), written("red", 10)));
  StoreBatch batch;
  batch.merge(3, value("color"), written("blue", 20));
  batch.merge(3, element("likes", "tea"), added(21));
  const CommitReport report = harness.store().commit(batch);
  CHECK(report.rows_changed == 2);
  CHECK(report.damaged.empty());

  harness.reopen();
  const auto snapshot = harness.store().snapshot();
  Row row;
  REQUIRE(snapshot->get(3, value("color"), row) == Lookup::kFound);
  CHECK(*row.content.as_register().value() == "blue");
  CHECK(row.cell == value("color"));
  CHECK(row.lsn == 2);
  CHECK(row.bytes > 30);
  REQUIRE(snapshot->get(store_key(3, element("likes", "tea")), row) == Lookup::kFound);
  CHECK(row.content.present());
  CHECK(snapshot->get(4, value("color"), row) == Lookup::kMissing);
  CHECK(snapshot->shards() == std::vector<ShardId>{3});
}

EACH_STORE("store: a delta that is known already changes nothing and moves nothing") {
  Harness harness;
  harness.store().commit(batch_of(3, value("a"), written("x", 10)));
  harness.store().commit(batch_of(3, value("b"), written("y", 11)));
  CHECK(harness.store().commit(batch_of(3, value("a"), written("x", 10))).rows_changed == 0);
  CHECK(harness.store().commit(batch_of(3, value("a"), written("w", 9))).rows_changed == 0);
  const auto snapshot = harness.store().snapshot();
  Row row;
  REQUIRE(snapshot->get(3, value("a"), row) == Lookup::kFound);
  CHECK(row.lsn == 1);
  CHECK(snapshot->feed_end(3) == 2);
}

EACH_STORE("store: deltas of one cell in one batch are one change") {
  Harness harness;
  StoreBatch batch;
  for (std::uint64_t at = 1; at <= 1000; ++at) batch.merge(3, value("a"), written(std::to_string(at), at));
  REQUIRE(batch.pending(value("a")) != nullptr);
  CHECK(*batch.pending(value("a"))->as_register().value() == "1000");
  CHECK(batch.pending(value("b")) == nullptr);
  CHECK(harness.store().commit(batch).rows_changed == 1);
  CHECK(harness.store().snapshot()->feed_end(3) == 1);
  batch.clear();
  CHECK(batch.empty());
  CHECK(batch.pending(value("a")) == nullptr);
}

EACH_STORE("store: clocks only rise, cursors and meta are what was set last") {
  Harness harness;
  StoreBatch batch;
  batch.hold(7, kNode1, Timestamp{100});
  batch.hold(7, kNode1, Timestamp{90});
  batch.hold(7, kNode2, Timestamp{5});
  batch.hold(8, kNode2, Timestamp{6});
  batch.set_cursor(7, NodeId{1}, {kNode1, 55});
  batch.set_meta("node", std::string("\0\1name", 6));
  harness.store().commit(batch);
  batch.clear();
  batch.hold(7, kNode1, Timestamp{99});
  batch.hold(7, kNode2, Timestamp{50});
  batch.set_cursor(7, NodeId{1}, {kNode2, 3});
  batch.set_meta("node", "");
  harness.store().commit(batch);

  harness.reopen();
  const auto snapshot = harness.store().snapshot();
  CHECK(snapshot->held(7) == CommitClock{{kNode1, Timestamp{100}}, {kNode2, Timestamp{50}}});
  CHECK(snapshot->held(8) == CommitClock{{kNode2, Timestamp{6}}});
  CHECK(snapshot->cursor(7, NodeId{1}) == Cursor{kNode2, 3});
  CHECK_FALSE(snapshot->cursor(8, NodeId{1}).has_value());
  CHECK(snapshot->meta("node") == "");
  CHECK(snapshot->shards() == std::vector<ShardId>{7, 8});
}

EACH_STORE("store: names with 00 and ff bytes, empty and over-long ones come back in their order") {
  Harness harness;
  const std::string zero(1, '\0');
  std::vector<std::string> members = {"", zero, zero + zero, zero + "\xff", "\x01", "a", "a" + zero, "a" + zero + "b",
                                      "a\x01", "a\xff", "ab", "\xff", "\xff" + zero, "\xff\xff"};
  members.push_back(std::string(300, 'b'));
  members.push_back("c" + std::string(kMemberBytesMax - 1, '\0'));
  std::sort(members.begin(), members.end());
  for (const std::string& key : {std::string("k"), "k" + zero, std::string(kKeyBytesMax, 'z')}) {
    StoreBatch batch;
    for (std::size_t i = 0; i < members.size(); ++i) batch.merge(2, element(key, members[i]), added(10 + i));
    CHECK(harness.store().commit(batch).rows_changed == members.size());
    const auto snapshot = harness.store().snapshot();
    CHECK(members_of(*snapshot, value_prefix(2, "default", key, Kind::kSet)) == members);
    CHECK(snapshot->count("default", key, Kind::kSet) == members.size());
    for (const std::string& member : members) {
      Row row;
      REQUIRE(snapshot->get(2, element(key, member), row) == Lookup::kFound);
      CHECK(row.cell == element(key, member));
    }
    // Reading on behind each.
    for (std::size_t i = 0; i < members.size(); ++i) {
      const auto rest = members_of(*snapshot, value_prefix(2, "default", key, Kind::kSet),
                                   store_key(2, element(key, members[i])));
      CHECK(rest == std::vector<std::string>(members.begin() + static_cast<std::ptrdiff_t>(i) + 1, members.end()));
    }
  }
  CHECK(members_of(*harness.store().snapshot(), shard_prefix(2)).size() == 3 * members.size());
  CHECK(members_of(*harness.store().snapshot(), shard_prefix(1)).empty());
  CHECK(harness.store().verify().empty());
}

EACH_STORE("store: a scan ends when its visitor has seen enough") {
  Harness harness;
  StoreBatch batch;
  for (int i = 0; i < 10; ++i) batch.merge(2, element("k", std::to_string(i)), added(10));
  harness.store().commit(batch);
  int seen = 0;
  harness.store().snapshot()->scan(shard_prefix(2), {}, [&](const StoreKey&, const Row*) { return ++seen < 4; });
  CHECK(seen == 4);
  seen = 0;
  harness.store().snapshot()->feed_after(2, 3, [&](Lsn lsn, const StoreKey&, const Row*) {
    CHECK(lsn == static_cast<Lsn>(4 + seen));
    return ++seen < 2;
  });
  CHECK(seen == 2);
}

EACH_STORE("store: live keys are listed in order of key and kind, from any position, by any prefix") {
  Harness harness;
  const std::string zero(1, '\0');
  const std::string long_key = "long" + std::string(1000, 'x');
  StoreBatch batch;
  const auto live = [&](ShardId shard, const std::string& key, Kind kind) {
    const CellKey cell{"default", key, kind, kind == Kind::kRegister ? "" : "m"};
    batch.merge(shard, cell, kind == Kind::kSet ? added(10) : written("v", 10));
  };
  live(1, "b", Kind::kSet);
  live(2, "a" + zero, Kind::kRegister);
  live(3, "a", Kind::kHash);
  live(3, "a", Kind::kRegister);
  live(4, "a" + zero + "b", Kind::kSet);
  live(5, long_key, Kind::kSet);
  batch.merge(6, {"other", "a", Kind::kRegister, ""}, written("v", 10));
  batch.merge(6, value("dead"), erased(11));
  harness.store().commit(batch);

  const auto list = [&](const std::string& prefix, std::optional<Snapshot::KeyPosition> after = {}) {
    std::vector<std::pair<std::string, Kind>> out;
    harness.store().snapshot()->keys("default", prefix, after, [&](const KeyCount& key) {
      CHECK(key.live == 1);
      CHECK(key.table == "default");
      out.emplace_back(key.key, key.kind);
      return true;
    });
    return out;
  };
  using List = std::vector<std::pair<std::string, Kind>>;
  const List all = {{"a", Kind::kRegister},        {"a", Kind::kHash}, {"a" + zero, Kind::kRegister},
                    {"a" + zero + "b", Kind::kSet}, {"b", Kind::kSet},  {long_key, Kind::kSet}};
  CHECK(list("") == all);
  for (std::size_t i = 0; i < all.size(); ++i) {
    CHECK(list("", Snapshot::KeyPosition{all[i].first, all[i].second}) ==
          List(all.begin() + static_cast<std::ptrdiff_t>(i) + 1, all.end()));
  }
  CHECK(list("a" + zero) == List{all[2], all[3]});
  CHECK(list("long" + std::string(900, 'x')) == List{all[5]});
  CHECK(list(long_key) == List{all[5]});
  CHECK(list(long_key + "y").empty());
  CHECK(list("dead").empty());
  CHECK(list("b", Snapshot::KeyPosition{"a", Kind::kRegister}) == List{all[4]});
  CHECK(list("a", Snapshot::KeyPosition{"b", Kind::kRegister}).empty());
  CHECK(harness.store().snapshot()->count("default", long_key, Kind::kSet) == 1);
  CHECK(harness.store().snapshot()->count("default", "dead", Kind::kRegister) == 0);
}

// Goal: what is over the limit of a cell is refused, the rest of the batch is not, and the row stays readable.
EACH_STORE("store: a row that would pass the limit of entries stays as it is") {
  Harness harness;
  const auto sessions = [](std::uint64_t from, std::size_t count) {
    SetElement state;
    for (std::size_t i = 0; i < count; ++i) {
      (void)state.add({Timestamp{10}, ActorId{from + i}}, {Timestamp{20}, kNode1});
    }
    return Content(std::move(state));
  };
  const CellKey cell = element("k", "busy");
  harness.store().commit(batch_of(1, cell, sessions(1, kEntriesPerCellMergedMax - 1)));
  CHECK(harness.store().commit(batch_of(1, cell, sessions(100000, 1))).rows_changed == 1);
  StoreBatch batch;
  batch.merge(1, cell, sessions(200000, 1));
  batch.merge(1, element("k", "calm"), added(30));
  const CommitReport report = harness.store().commit(batch);
  CHECK(report.rows_changed == 1);
  CHECK(report.refused == std::vector<StoreKey>{store_key(1, cell)});
  Row row;
  REQUIRE(harness.store().snapshot()->get(1, cell, row) == Lookup::kFound);
  CHECK(row.content.entry_count() == kEntriesPerCellMergedMax);
  CHECK(harness.store().verify().empty());
}

// Goal: everything a store keeps about its rows is that of the rows, whatever was done (I2, I3).
// Method: random batches against a dumb twin, which is compared in full every so often.
EACH_STORE("store: random histories leave rows, feed, counts and fingerprints as a dumb twin has them") {
  for (const std::uint64_t seed : {1, 2, 3}) {
    CAPTURE(seed);
    Harness harness;
    Twin twin;
    RandomChanges changes(seed);
    for (int step = 0; step < 600; ++step) {
      StoreBatch batch;
      // The store takes a batch in the order of its store keys; for lsns to agree, so does the twin.
      std::map<StoreKey, RandomChange> sorted;
      for (std::uint64_t n = 1 + changes.below(8); n > 0; --n) {
        RandomChange change = changes.next();
        batch.merge(change.shard, change.cell, change.delta);
        const StoreKey key = store_key(change.shard, change.cell);
        if (const auto it = sorted.find(key); it != sorted.end()) {
          it->second.delta.join(change.delta);
        } else {
          sorted.emplace(key, std::move(change));
        }
      }
      harness.store().commit(batch);
      for (const auto& [key, change] : sorted) twin.merge(change.shard, change.cell, change.delta);
      if (step % 100 == 99) twin.require_equal(harness.store());
      if (step % 250 == 249) harness.reopen();
    }
    twin.require_equal(harness.store());
  }
}

// Goal: nothing is lost or counted twice when the log of fingerprints is folded, whatever fills it.
// Method: batches that end just below, at and above what the log takes, with a full comparison after each.
EACH_STORE("store: fingerprints are those of the rows before, at and after the folding of their log") {
  Harness harness;
  Twin twin;
  std::uint64_t at = 0;
  for (const std::size_t size : {kLogChangesMax - 2, std::size_t{1}, std::size_t{1}, std::size_t{1}, kLogChangesMax - 1,
                                 kLogChangesMax, 2 * kLogChangesMax}) {
    CAPTURE(size);
    StoreBatch batch;
    std::map<StoreKey, CellKey> sorted;
    const std::uint64_t first = ++at;
    for (std::size_t i = 0; i < size; ++i) {
      const CellKey cell = element("key" + std::to_string(i % 7), std::to_string(i));
      batch.merge(static_cast<ShardId>(i % 7), cell, added(first));
      sorted[store_key(static_cast<ShardId>(i % 7), cell)] = cell;
    }
    CHECK(harness.store().commit(batch).rows_changed == size);
    for (const auto& [key, cell] : sorted) twin.merge(shard_of_store_key(key), cell, added(first));
    twin.require_equal(harness.store());
  }
}

EACH_STORE("store: snapshots may be read on other threads while one commits") {
  Harness harness;
  harness.store().commit(batch_of(1, value("a"), written("0", 1)));
  std::atomic<bool> done{false};
  std::atomic<int> reads{0};
  std::thread reader([&] {
    while (!done || reads == 0) {
      const auto snapshot = harness.store().snapshot();
      Row row;
      if (snapshot->get(1, value("a"), row) != Lookup::kFound) continue;
      snapshot->scan(shard_prefix(1), {}, [](const StoreKey&, const Row* found) { return found != nullptr; });
      (void)snapshot->root();
      ++reads;
    }
  });
  for (std::uint64_t at = 2; at < 100; ++at) {
    harness.store().commit(batch_of(1, value("a"), written(std::to_string(at), at)));
    harness.store().commit(batch_of(1, element("k", std::to_string(at)), added(at)));
  }
  done = true;
  reader.join();
  CHECK(reads > 0);
  CHECK(harness.store().verify().empty());
}

// Goal: I1 when there is no room: nothing of the batch is there, everything from before is.
EACH_STORE("store: a full map refuses the whole batch and loses nothing") {
  Harness harness(std::uint64_t{1} << 20);
  std::uint64_t at = 0;
  std::size_t rows = 0;
  bool full = false;
  while (!full) {
    REQUIRE(rows < 100000);
    StoreBatch batch;
    for (int i = 0; i < 50; ++i) {
      ++at;
      batch.merge(1, value("key" + std::to_string(at)), written(std::string(100, 'x'), at));
    }
    try {
      rows += harness.store().commit(batch).rows_changed;
    } catch (const StoreError& error) {
      CHECK(error.kind() == StoreError::Kind::kFull);
      full = true;
    }
  }
  harness.reopen();
  std::size_t found = 0;
  harness.store().snapshot()->scan(shard_prefix(1), {}, [&](const StoreKey&, const Row* row) {
    REQUIRE(row != nullptr);
    ++found;
    return true;
  });
  CHECK(found == rows);
  CHECK(harness.store().snapshot()->feed_end(1) == rows);
  CHECK(harness.store().verify().empty());
  const Store::Usage usage = harness.store().usage();
  CHECK(usage.bytes_used > usage.bytes_max / 2);
  CHECK(usage.bytes_used <= usage.bytes_max);
}

}  // namespace kith::test
