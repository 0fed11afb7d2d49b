#include "crdt/limits.h"
#include "store/feed_writer.h"
#include "tests/store/harness.h"

namespace kith::test {

#define EACH_STORE(name) TEST_CASE_TEMPLATE(name, Harness, MemoryHarness, LmdbHarness, JournalHarness)

namespace {

// Every commit a reader that begins behind `after` gets to see.
std::vector<Commit> commits_behind(const Snapshot& snapshot, ShardId shard, Lsn after) {
  std::vector<Commit> out;
  snapshot.feed_after(shard, after, [&](Lsn, const StoreKey&, const Row* row) {
    REQUIRE(row != nullptr);
    row->content.each_commit([&](const Commit& commit) { out.push_back(commit); });
    return true;
  });
  return out;
}

bool holds(const CommitClock& held, const Commit& commit) { return covers(held, {{commit.origin, commit.at}}); }

std::size_t unseen(const std::vector<Commit>& commits, const CommitClock& held) {
  return static_cast<std::size_t>(
      std::count_if(commits.begin(), commits.end(), [&](const Commit& commit) { return !holds(held, commit); }));
}

}  // namespace

EACH_STORE("feed: one entry per cell, which moves to the end when the cell changes") {
  Harness harness;
  for (const char* member : {"a", "b", "c"}) harness.store().commit(batch_of(1, element("k", member), added(10)));
  harness.store().commit(batch_of(1, element("k", "a"), added(20)));
  harness.store().commit(batch_of(2, element("other", "a"), added(21)));
  std::vector<std::pair<Lsn, std::string>> feed;
  harness.store().snapshot()->feed_after(1, 0, [&](Lsn lsn, const StoreKey& key, const Row* row) {
    REQUIRE(row != nullptr);
    CHECK(row->lsn == lsn);
    CHECK(key == store_key(1, row->cell));
    feed.emplace_back(lsn, row->cell.member);
    return true;
  });
  CHECK(feed == std::vector<std::pair<Lsn, std::string>>{{2, "b"}, {3, "c"}, {4, "a"}});
  CHECK(harness.store().snapshot()->feed_end(1) == 4);
  CHECK(harness.store().snapshot()->feed_end(2) == 1);
  CHECK(harness.store().snapshot()->feed_end(0) == 0);
}

// Goal: whoever begins at first_unseen misses nothing, and begins at most one interval too early.
// Method: random histories over several intervals with a clock of every moment kept; each is asked about afterwards, in
// the store as it is and as it is after reopening.
EACH_STORE("marks: first_unseen never skips what is unseen, and skips all but one interval of what is seen") {
  for (const std::uint64_t seed : {11, 12}) {
    CAPTURE(seed);
    Harness harness;
    RandomChanges random(seed);
    CommitClock clock;
    std::vector<std::pair<Lsn, CommitClock>> moments;
    std::uint64_t time = 1000;
    std::uint64_t fresh = 0;
    while (harness.store().snapshot()->feed_end(5) < 4 * Store::kMarkInterval) {
      StoreBatch batch;
      for (int i = 0; i < 300; ++i) {
        const OriginId origin{1 + random.below(3)};
        ++time;
        // Mostly new cells, and old ones that move, and so empty old intervals.
        const std::string member =
            random.below(4) == 0 ? "hot" + std::to_string(random.below(50)) : "m" + std::to_string(++fresh);
        batch.merge(5, element("k", member), added(time, origin));
        raise(clock, origin, Timestamp{time});
      }
      harness.store().commit(batch);
      moments.emplace_back(harness.store().snapshot()->feed_end(5), clock);
      if (random.below(8) == 0) harness.reopen();
    }
    for (int again = 0; again < 2; ++again) {
      auto snapshot = harness.store().snapshot();
      const auto all = commits_behind(*snapshot, 5, 0);
      for (const auto& [lsn, held] : moments) {
        const Lsn after = snapshot->first_unseen(5, covered_by(held));
        REQUIRE(unseen(commits_behind(*snapshot, 5, after), held) == unseen(all, held));
        REQUIRE(after + Store::kMarkInterval > lsn - std::min(lsn, Store::kMarkInterval));
        REQUIRE(after <= lsn);
      }
      CHECK(snapshot->first_unseen(5, covered_by({})) == 0);
      CHECK(snapshot->first_unseen(6, covered_by(clock)) == 0);
      CHECK(snapshot->first_unseen(5, covered_by(clock)) >= 4 * Store::kMarkInterval);
      snapshot = nullptr;  // It must not outlive the store.
      harness.reopen();
    }
  }
}

// Goal: the right one of many marks is found by looking at few, also by who has seen almost nothing.
TEST_CASE("marks: of hundreds a few are looked at, however far back the right one is") {
  MemoryStore store;
  constexpr Lsn kRows = 80'000;
  for (std::uint64_t at = 1; at <= kRows;) {
    StoreBatch batch;
    for (int i = 0; i < 500; ++i, ++at) batch.merge(5, element("k", "m" + std::to_string(at)), added(at));
    store.commit(batch);
  }
  const auto snapshot = store.snapshot();
  for (const Lsn seen_up_to : {0, 1, 255, 300, 2047, 2049, 5000, 20'000, 40'000, 57'857, 79'000, 80'000}) {
    CAPTURE(seen_up_to);
    int looks = 0;
    const Lsn after = snapshot->first_unseen(5, [&](const Commit& commit) {
      REQUIRE(++looks < 100);
      return commit.at.value <= seen_up_to;
    });
    CHECK(after <= seen_up_to);
    CHECK(after + Store::kMarkInterval > seen_up_to - std::min(seen_up_to, Store::kMarkInterval));
  }
}

// Goal: marks do not pile up when the same few cells change for ever, and the newest is always kept.
TEST_CASE("marks: those that tell no more than the one before are dropped") {
  MemoryStore store;
  std::uint64_t time = 1;
  const auto marks = [&] {
    std::size_t count = 0;
    for (Lsn lsn = FeedWriter::kFineMarkInterval; lsn <= time; lsn += FeedWriter::kFineMarkInterval) {
      std::string key = shard_prefix(5);
      for (int shift = 56; shift >= 0; shift -= 8) key.push_back(static_cast<char>(lsn >> shift));
      count += store.stored(Database::kMarks, key).has_value() ? 1 : 0;
    }
    return count;
  };
  for (Lsn end = 0; end < 40 * Store::kMarkInterval;) {
    StoreBatch batch;
    for (int cell = 0; cell < 512; ++cell) batch.merge(5, element("k", std::to_string(cell)), added(++time));
    end += store.commit(batch).rows_changed;
  }
  CHECK(marks() >= 1);
  CHECK(marks() <= 6);
  CHECK(store.snapshot()->first_unseen(5, covered_by({{kNode1, Timestamp{time}}})) == 40 * Store::kMarkInterval);
}

// Goal: an lsn at or below a mark is never given out, since those whom the mark covers would not see it.
TEST_CASE("marks: counting goes on behind the newest mark even when the feed's end was taken out") {
  MemoryStore store;
  for (Lsn end = 0; end < Store::kMarkInterval;) {
    StoreBatch batch;
    for (int i = 0; i < 512; ++i) batch.merge(5, element("k", std::to_string(end + static_cast<Lsn>(i))), added(10));
    end += store.commit(batch).rows_changed;
  }
  const CommitClock held = {{kNode1, Timestamp{10}}};
  REQUIRE(store.snapshot()->first_unseen(5, covered_by(held)) == Store::kMarkInterval);
  StoreKey last;
  store.snapshot()->feed_after(5, Store::kMarkInterval - 1, [&](Lsn, const StoreKey& key, const Row*) {
    last = key;
    return true;
  });
  REQUIRE(store.flip_bit(Database::kCells, last, 200));
  StoreBatch batch;
  batch.forget_damaged(last);
  store.commit(batch);
  CHECK(store.snapshot()->feed_end(5) == Store::kMarkInterval - 1);

  store.crash();  // The writer remembers nothing.
  store.commit(batch_of(5, element("new", "m"), added(11, kNode2)));
  CHECK(store.snapshot()->feed_end(5) == Store::kMarkInterval + 1);
  CHECK(unseen(commits_behind(*store.snapshot(), 5, store.snapshot()->first_unseen(5, covered_by(held))), held) == 1);
  CHECK(store.verify().empty());
}

// A peer was told that the feed ends there.
EACH_STORE("feed: a place is given out once in a life, also where what had it was collected before the life's first write") {
  Harness harness;
  for (const char* member : {"a", "b", "c"}) harness.store().commit(batch_of(1, element("k", member), added(10)));
  harness.reopen();
  REQUIRE(harness.store().snapshot()->feed_end(1) == 3);
  StoreBatch collected;
  collected.drop(store_key(1, element("k", "c")), added(10));
  collected.drop(store_key(1, element("k", "b")), added(10));
  harness.store().commit(collected);
  REQUIRE(harness.store().snapshot()->feed_end(1) == 1);
  harness.store().commit(batch_of(1, element("k", "d"), added(11)));
  CHECK(harness.store().snapshot()->feed_end(1) == 4);
  CHECK(harness.store().verify().empty());
}

TEST_CASE("marks: a damaged one is not believed") {
  MemoryStore store;
  for (Lsn end = 0; end < Store::kMarkInterval;) {
    StoreBatch batch;
    for (int i = 0; i < 512; ++i) batch.merge(5, element("k", std::to_string(end + static_cast<Lsn>(i))), added(10));
    end += store.commit(batch).rows_changed;
  }
  const CommitClock held = {{kNode1, Timestamp{10}}};
  const std::string key = shard_prefix(5) + std::string(6, '\0') + "\x08" + std::string(1, '\0');
  REQUIRE(store.stored(Database::kMarks, key).has_value());
  REQUIRE(store.flip_bit(Database::kMarks, key, 60));
  CHECK(store.snapshot()->first_unseen(5, covered_by(held)) == Store::kMarkInterval - FeedWriter::kFineMarkInterval);
  CHECK(store.verify().size() == 1);
  store.crash();
  store.commit(batch_of(5, element("k", "new"), added(11)));
  CHECK(store.snapshot()->feed_end(5) == Store::kMarkInterval + 1);
}

}  // namespace kith::test
