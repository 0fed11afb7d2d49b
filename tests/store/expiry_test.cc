// tests/store/expiry_test.cc -- what expired counts no more, once it is passed: counts, fingerprints, and how they stay right.
#include "store/expiries.h"

#include "store/records.h"
#include "tests/store/harness.h"

namespace kith::test {
namespace {

#define EACH_STORE(name) TEST_CASE_TEMPLATE(name, Harness, MemoryHarness, LmdbHarness, JournalHarness)

constexpr ShardId kShard = 3;

CellKey field(const std::string& name) { return {"default", "lamps", Kind::kHash, name}; }

Content lasting(const std::string& text, std::int64_t at_ms, std::int64_t expires_at_ms, OriginId origin = kNode1) {
  Register out;
  REQUIRE_FALSE(out.set(text, {Timestamp::at_ms(at_ms), actor_of(origin)}, {Timestamp::at_ms(at_ms), origin}, expires_at_ms).empty());
  return out;
}

void put(Store& store, const CellKey& cell, const Content& delta) { store.commit(batch_of(kShard, cell, delta)); }

// Fields and when they are over; 0: never.
void put_fields(Store& store, const std::vector<std::pair<std::string, std::int64_t>>& all) {
  for (const auto& [name, over_at_ms] : all) put(store, field(name), lasting("on", 100, over_at_ms));
}

std::size_t collect(Store& store, const CellKey& cell, std::int64_t horizon_ms) {
  StoreBatch batch;
  batch.collect(store_key(kShard, cell), Timestamp::at_ms(horizon_ms));
  return store.commit(batch).rows_changed;
}

void pass(Store& store, std::int64_t now_ms, std::size_t limit = 1000) {
  StoreBatch batch;
  batch.pass_expired(now_ms, limit);
  REQUIRE_FALSE(batch.empty());
  store.commit(batch);
}

std::uint64_t fields(const Store& store) { return store.snapshot()->count("default", "lamps", Kind::kHash); }

std::vector<std::int64_t> expiries(const Store& store, Snapshot::Expiries which = Snapshot::Expiries::kAll) {
  std::vector<std::int64_t> out;
  store.snapshot()->expiries(which, [&](const Snapshot::Expiry& it) {
    out.push_back(it.over_at_ms);
    return true;
  });
  return out;
}

void require_sound(const Store& store) { REQUIRE(store.verify() == std::vector<std::string>{}); }

EACH_STORE("expiry: passing takes out of counts and fingerprints what is over, and of nothing else") {
  Harness harness;
  Store& store = harness.store();
  put(store, field("keep"), lasting("on", 100, 0));
  const std::uint64_t root = store.snapshot()->root();
  put(store, field("soon"), lasting("on", 100, 500));
  const std::uint64_t with_soon = store.snapshot()->root();
  put(store, field("late"), lasting("on", 100, 900));
  REQUIRE(fields(store) == 3);
  REQUIRE(expiries(store) == std::vector<std::int64_t>{500, 900});
  pass(store, 499);
  CHECK(fields(store) == 3);
  pass(store, 899);
  CHECK(fields(store) == 2);
  CHECK(expiries(store, Snapshot::Expiries::kNotPassed) == std::vector<std::int64_t>{900});
  CHECK(store.snapshot()->passed_up_to_ms() == 500);
  require_sound(store);
  pass(store, 900);
  CHECK(fields(store) == 1);
  CHECK(store.snapshot()->root() == root);
  CHECK(with_soon != root);
  CHECK(store.snapshot()->root() == store.snapshot()->shard_root(kShard));
  require_sound(store);
  harness.reopen();
  CHECK(fields(harness.store()) == 1);
  require_sound(harness.store());
}

EACH_STORE("expiry: a step passes so many at most, also of those that are over in one millisecond (50 fields)") {
  Harness harness;
  Store& store = harness.store();
  for (int i = 0; i < 50; ++i) put(store, field("f" + std::to_string(i)), lasting("on", 100, 500));
  for (std::uint64_t left = 50; left > 0; left -= 10) {
    REQUIRE(fields(store) == left);
    require_sound(store);
    pass(store, 500, 10);
  }
  CHECK(fields(store) == 0);
  CHECK(store.snapshot()->root() == 0);
}

EACH_STORE("expiry: collecting what was passed changes no sum, and leaves no entry") {
  Harness harness;
  Store& store = harness.store();
  put_fields(store, {{"a", 500}, {"b", 0}});
  pass(store, 600);
  const std::uint64_t root = store.snapshot()->root();
  CHECK(collect(store, field("a"), 499) == 0);
  CHECK(collect(store, field("a"), 500) == 1);
  CHECK(store.snapshot()->root() == root);
  CHECK(fields(store) == 1);
  CHECK(expiries(store).empty());
  Row row;
  CHECK(store.snapshot()->get(kShard, field("a"), row) == Snapshot::Lookup::kMissing);
  require_sound(store);
}

EACH_STORE("expiry: what is written over a passed value counts again, and what comes when it is over counts for nothing") {
  Harness harness;
  Store& store = harness.store();
  put_fields(store, {{"a", 500}, {"z", 700}});
  pass(store, 700);
  REQUIRE(fields(store) == 0);
  put(store, field("late"), lasting("on", 200, 400));
  CHECK(fields(store) == 0);
  CHECK(store.snapshot()->root() == 0);
  require_sound(store);
  put(store, field("a"), lasting("off", 800, 0));
  CHECK(fields(store) == 1);
  CHECK(expiries(store) == std::vector<std::int64_t>{400, 700});
  put(store, field("a"), lasting("off", 900, 2000));
  CHECK(fields(store) == 1);
  CHECK(expiries(store) == std::vector<std::int64_t>{400, 700, 2000});
  require_sound(store);
}

EACH_STORE("expiry: when the clock was set back, what is not over counts again") {
  Harness harness;
  Store& store = harness.store();
  put_fields(store, {{"f500", 500}, {"f600", 600}, {"f700", 700}});
  const std::uint64_t root = store.snapshot()->root();
  pass(store, 1'000'000);
  REQUIRE(fields(store) == 0);
  pass(store, 599, 1);
  CHECK(fields(store) == 1);
  require_sound(store);
  pass(store, 599);
  CHECK(fields(store) == 2);
  require_sound(store);
  pass(store, 0);
  CHECK(fields(store) == 3);
  CHECK(store.snapshot()->root() == root);
  CHECK(store.snapshot()->passed_up_to_ms() == 0);
  require_sound(store);
}

EACH_STORE("expiry: an entry without its row is taken out when it is met, and a row without its entry is told of") {
  Harness harness;
  Store& store = harness.store();
  put_fields(store, {{"a", 500}, {"b", 600}});
  const std::string entry = expiry_entry(store_key(kShard, field("a")), lasting("on", 100, 500));
  REQUIRE(entry.size() == 24);
  REQUIRE(over_at_ms_of_entry(entry) == 500);
  harness.overwrite(Database::kExpiries, entry, "another key");
  Store& again = harness.store();
  CHECK(again.verify().size() == 1);
  StoreBatch batch;
  batch.recount(kShard);
  again.commit(batch);
  require_sound(again);
  harness.overwrite(Database::kExpiries, entry, "another key");
  pass(harness.store(), 500);
  CHECK(expiries(harness.store()) == std::vector<std::int64_t>{600});
}

// Goal: the sums are those of the rows that are not passed, whatever came in which order.
// Method: random writes, passes to and fro, collections, and verify() after each.
EACH_STORE("expiry: random histories keep counts and fingerprints right (20 of 60 steps)") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    const auto below = [&](std::int64_t end) { return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(end)); };
    Harness harness;
    Store& store = harness.store();
    std::int64_t now_ms = 1000, passed_to = 0;
    for (int i = 0; i < 60; ++i) {
      now_ms += below(50);
      const CellKey cell = field("f" + std::to_string(below(6)));
      switch (below(5)) {
        case 0: pass(store, passed_to = now_ms - below(200), 1 + static_cast<std::size_t>(below(4))); break;
        case 1: collect(store, cell, now_ms - 300); break;
        default: put(store, cell, lasting("v", now_ms, below(3) == 0 ? 0 : now_ms + below(300) - 50, below(2) ? kNode1 : kNode2));
      }
      require_sound(store);
    }
    for (int i = 0; i < 20; ++i) pass(store, now_ms + 1000);
    std::uint64_t for_ever = 0;
    store.snapshot()->scan(shard_prefix(kShard), {}, [&](const StoreKey&, const Row* row) {
      for_ever += row->content.over_at_ms() == 0 ? 1 : 0;
      return true;
    });
    CHECK(fields(store) == for_ever);
  }
}

}  // namespace
}  // namespace kith::test
