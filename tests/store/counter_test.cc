// tests/store/counter_test.cc -- counters as they are kept: sums, folds, bases that come from peers, damage.
#include <algorithm>
#include <limits>
#include <optional>
#include <set>

#include "store/cell_digest.h"
#include "tests/store/harness.h"

namespace kith::test {
namespace {

#define EACH_STORE(name) TEST_CASE_TEMPLATE(name, Harness, MemoryHarness, LmdbHarness, JournalHarness)

constexpr ShardId kShard = 3;
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

struct Increment {
  Tag tag;
  std::int64_t amount = 0;
  Commit commit;
};

Increment plus(std::uint64_t at, std::int64_t amount, std::uint64_t actor = 0x77) {
  return {{Timestamp{at}, ActorId{actor}}, amount, {Timestamp{at + 1}, kNode1}};
}

void put(StoreBatch& batch, const Increment& it, const std::string& key = "visits") {
  batch.merge(kShard, increment_cell("default", key, it.tag),
              Content(Register{}.set(encode_amount(it.amount), it.tag, it.commit)));
}

CommitReport commit(Store& store, const std::vector<Increment>& increments, const std::string& key = "visits") {
  StoreBatch batch;
  for (const Increment& it : increments) put(batch, it, key);
  return store.commit(batch);
}

CommitReport fold(Store& store, std::uint64_t up_to, std::size_t limit = 1000, const std::string& key = "visits") {
  StoreBatch batch;
  batch.fold({kShard, "default", key, Timestamp{up_to}, limit});
  return store.commit(batch);
}

CounterState state_of(const Store& store, const std::string& key = "visits") {
  CounterState out;
  REQUIRE(store.snapshot()->counter(kShard, "default", key, out) != Snapshot::Lookup::kDamaged);
  return out;
}

std::int64_t value_of(const Store& store, const std::string& key = "visits") { return state_of(store, key).sum.shown(); }

std::optional<Row> base_of(const Store& store, const std::string& key = "visits") {
  Row row;
  if (store.snapshot()->get(kShard, base_cell("default", key), row) != Snapshot::Lookup::kFound) return std::nullopt;
  return row;
}

void require_sound(const Store& store) {
  const auto findings = store.verify();
  REQUIRE_MESSAGE(findings.empty(), (findings.empty() ? std::string() : findings.front()));
}

// All rows of the shard, as a peer would send them.
std::vector<std::pair<CellKey, Content>> rows_of(const Store& store) {
  std::vector<std::pair<CellKey, Content>> out;
  store.snapshot()->scan(shard_prefix(kShard), {}, [&](const StoreKey&, const Row* row) {
    REQUIRE(row != nullptr);
    out.emplace_back(row->cell, row->content);
    return true;
  });
  return out;
}

}  // namespace

EACH_STORE("counters: one that was never written stands at nothing") {
  Harness harness;
  CounterState state;
  CHECK(harness.store().snapshot()->counter(kShard, "default", "visits", state) == Snapshot::Lookup::kMissing);
  CHECK(fold(harness.store(), 100).folded.at(0).increments == 0);
  CHECK(rows_of(harness.store()).empty());
  require_sound(harness.store());
}

EACH_STORE("counters: increments add up, a retry changes nothing, and the sum survives reopening") {
  Harness harness;
  commit(harness.store(), {plus(10, 5), plus(11, -2), plus(10, 4, 0x78)});
  CHECK(value_of(harness.store()) == 7);
  CHECK(commit(harness.store(), {plus(11, -2)}).rows_changed == 0);
  harness.reopen();
  CHECK(value_of(harness.store()) == 7);
  CHECK(state_of(harness.store()).cells == 3);
  const auto snapshot = harness.store().snapshot();
  CHECK(snapshot->count("default", "visits", Kind::kCounter) == 1);
  std::vector<KeyCount> keys;
  snapshot->keys("default", "", std::nullopt, [&](const KeyCount& key) {
    keys.push_back(key);
    return true;
  });
  REQUIRE(keys.size() == 1);
  CHECK(keys[0].kind == Kind::kCounter);
  CHECK(keys[0].live == 1);
  CHECK(keys[0].total == 7);
  require_sound(harness.store());
}

EACH_STORE("counters: a retry that was committed by two nodes counts once, and keeps the earlier commit") {
  Harness harness;
  Increment first = plus(10, 5), second = first;
  second.commit = {Timestamp{40}, kNode2};
  commit(harness.store(), {second});
  commit(harness.store(), {first});
  CHECK(value_of(harness.store()) == 5);
  CHECK(rows_of(harness.store()).at(0).second.as_register().commit() == first.commit);
  require_sound(harness.store());
}

EACH_STORE("counters: one tag with two amounts counts one of them, the same whichever came first") {
  Harness harness;
  commit(harness.store(), {plus(10, 5)});
  commit(harness.store(), {plus(10, 9)});
  Harness other;
  commit(other.store(), {plus(10, 9)});
  commit(other.store(), {plus(10, 5)});
  CHECK(value_of(harness.store()) == value_of(other.store()));
  CHECK(harness.store().snapshot()->root() == other.store().snapshot()->root());
  require_sound(harness.store());
}

EACH_STORE("counters: a fold keeps value and fingerprint, and leaves one row") {
  Harness harness;
  commit(harness.store(), {plus(10, 5), plus(11, -2), plus(12, 4)});
  const std::uint64_t root = harness.store().snapshot()->root();
  const CommitReport report = fold(harness.store(), 11);
  CHECK(report.folded.at(0).increments == 2);
  CHECK_FALSE(report.folded.at(0).more);
  CHECK(value_of(harness.store()) == 7);
  CHECK(state_of(harness.store()).folded_to == Timestamp{11});
  CHECK(state_of(harness.store()).cells == 2);
  CHECK(harness.store().snapshot()->root() == root);
  fold(harness.store(), 1000);
  CHECK(rows_of(harness.store()).size() == 1);
  CHECK(value_of(harness.store()) == 7);
  CHECK(harness.store().snapshot()->root() == root);
  CHECK(base_of(harness.store())->content.as_register().commit() == Commit{Timestamp{13}, kNode1});
  harness.reopen();
  CHECK(value_of(harness.store()) == 7);
  require_sound(harness.store());
}

EACH_STORE("counters: folding in steps gives the base of folding at once (limits 1 to 5)") {
  Harness whole;
  std::vector<Increment> all;
  for (std::uint64_t i = 0; i < 12; ++i) all.push_back(plus(10 + i / 3, 2 * static_cast<std::int64_t>(i) - 5, 0x70 + i));
  commit(whole.store(), all);
  fold(whole.store(), 13);
  for (std::size_t limit = 1; limit <= 5; ++limit) {
    CAPTURE(limit);
    Harness steps;
    commit(steps.store(), all);
    int rounds = 0;
    while (fold(steps.store(), 13, limit).folded.at(0).more) {
      require_sound(steps.store());
      REQUIRE(value_of(steps.store()) == value_of(whole.store()));
      REQUIRE(++rounds < 20);
    }
    CHECK(base_of(steps.store())->content == base_of(whole.store())->content);
  }
}

EACH_STORE("counters: all increments of one timestamp are folded together, whatever the limit") {
  Harness harness;
  commit(harness.store(), {plus(10, 1, 1), plus(10, 1, 2), plus(10, 1, 3), plus(11, 1, 1)});
  const CommitReport report = fold(harness.store(), 20, 1);
  CHECK(report.folded.at(0).increments == 3);
  CHECK(report.folded.at(0).more);
  CHECK(state_of(harness.store()).folded_to == Timestamp{10});
}

EACH_STORE("counters: what comes at or below the base is ignored, at its timestamp and one on either side") {
  Harness harness;
  commit(harness.store(), {plus(10, 5)});
  fold(harness.store(), 10);
  const Lsn end = harness.store().snapshot()->feed_end(kShard);
  CHECK(commit(harness.store(), {plus(9, 100)}).rows_changed == 0);
  CHECK(commit(harness.store(), {plus(10, 100)}).rows_changed == 0);
  CHECK(commit(harness.store(), {plus(10, 100, ~std::uint64_t{0})}).rows_changed == 0);
  CHECK(value_of(harness.store()) == 5);
  CHECK(harness.store().snapshot()->feed_end(kShard) == end);
  commit(harness.store(), {plus(11, 100, 1)});
  CHECK(value_of(harness.store()) == 105);
  require_sound(harness.store());
}

EACH_STORE("counters: a base from a peer takes what it covers out of rows, feed and sum in its own commit") {
  Harness peer;
  commit(peer.store(), {plus(10, 5), plus(11, 7), plus(12, 9)});
  fold(peer.store(), 11);
  Harness harness;
  commit(harness.store(), {plus(10, 5), plus(12, 9), plus(13, 1)});
  StoreBatch batch;
  batch.merge(kShard, base_cell("default", "visits"), base_of(peer.store())->content);
  put(batch, plus(11, 7));  // Late, and in the base.
  put(batch, plus(14, 2));
  harness.store().commit(batch);
  CHECK(value_of(harness.store()) == 5 + 7 + 9 + 1 + 2);
  CHECK(rows_of(harness.store()).size() == 4);
  require_sound(harness.store());
  // An older base, and one that is known already, change nothing.
  Harness older;
  commit(older.store(), {plus(10, 5)});
  fold(older.store(), 10);
  for (const Store* from : {&older.store(), &peer.store()}) {
    CHECK(harness.store().commit(batch_of(kShard, base_cell("default", "visits"), base_of(*from)->content)).rows_changed == 0);
  }
}

EACH_STORE("counters: what is merged in a batch is folded by the same batch") {
  Harness harness;
  StoreBatch batch;
  batch.fold({kShard, "default", "visits", Timestamp{11}, 10});
  put(batch, plus(10, 5));
  put(batch, plus(12, 6));
  harness.store().commit(batch);
  CHECK(rows_of(harness.store()).size() == 2);
  CHECK(value_of(harness.store()) == 11);
  require_sound(harness.store());
}

EACH_STORE("counters: past 64 bits the nearest is shown, in every order, folded or not") {
  for (const bool folded : {false, true}) {
    Harness harness;
    commit(harness.store(), {plus(10, kMost), plus(11, kMost), plus(12, -5)});
    if (folded) fold(harness.store(), 11);
    CHECK(value_of(harness.store()) == kMost);
    commit(harness.store(), {plus(13, -kMost)});
    CHECK(value_of(harness.store()) == kMost - 5);
    require_sound(harness.store());
  }
}

EACH_STORE("counters: keys of every length, side by side, do not touch each other (1 to 4,096 bytes)") {
  Harness harness;
  std::vector<std::string> keys;
  for (const std::size_t size : {1u, 100u, 218u, 219u, 220u, 1000u, 4096u}) {
    keys.push_back(std::string(size, 'x'));
    keys.push_back(std::string(size - 1, 'x') + std::string(1, '\0'));
  }
  std::int64_t amount = 0;
  for (const std::string& key : keys) commit(harness.store(), {plus(10, ++amount), plus(11, 100)}, key);
  for (const std::string& key : keys) fold(harness.store(), 10, 9, key);
  amount = 0;
  for (const std::string& key : keys) {
    CHECK(value_of(harness.store(), key) == 100 + ++amount);
    CHECK(state_of(harness.store(), key).cells == 2);
  }
  require_sound(harness.store());
}

EACH_STORE("counters: another shard and other kinds of the same key are left alone by a fold") {
  Harness harness;
  StoreBatch batch;
  batch.merge(kShard, value("visits"), written("text", 10));
  batch.merge(kShard, element("visits", "tea"), added(11));
  put(batch, plus(10, 5));
  harness.store().commit(batch);
  fold(harness.store(), 100);
  CHECK(rows_of(harness.store()).size() == 3);
  CHECK(harness.store().snapshot()->count("default", "visits", Kind::kSet) == 1);
  require_sound(harness.store());
}

// ---- Damage

EACH_STORE("counters: a damaged increment is never folded over and never shown, and is mended") {
  Harness harness;
  commit(harness.store(), {plus(10, 5), plus(11, 7), plus(12, 9)});
  const CellKey cell = increment_cell("default", "visits", plus(11, 7).tag);
  const StoreKey key = store_key(kShard, cell);
  harness.overwrite(Database::kCells, key, flipped(*harness.stored(Database::kCells, key), 200));
  CHECK(value_of(harness.store()) == 21);  // Kept apart from the rows: it is still right.
  const CommitReport report = fold(harness.store(), 100);
  CHECK(report.folded.at(0).waits);
  CHECK(report.folded.at(0).increments == 1);
  CHECK(report.damaged == std::vector<StoreKey>{key});
  CounterState state;
  CHECK(harness.store().snapshot()->counter(kShard, "default", "visits", state) == Snapshot::Lookup::kDamaged);
  CHECK(state.damaged == key);
  CHECK(fold(harness.store(), 100).folded.at(0).waits);

  SUBCASE("from a peer that holds it") {
    StoreBatch batch;
    batch.mend(kShard, cell, Content(Register{}.set(encode_amount(7), plus(11, 7).tag, plus(11, 7).commit)));
    harness.store().commit(batch);
  }
  SUBCASE("from a peer that has it in its base") {
    Harness peer;
    commit(peer.store(), {plus(10, 5), plus(11, 7)});
    fold(peer.store(), 11);
    StoreBatch batch;
    batch.forget_damaged(key);
    batch.merge(kShard, base_cell("default", "visits"), base_of(peer.store())->content);
    harness.store().commit(batch);
  }
  CHECK(value_of(harness.store()) == 21);
  require_sound(harness.store());
  fold(harness.store(), 100);
  CHECK(value_of(harness.store()) == 21);
  require_sound(harness.store());
}

EACH_STORE("counters: a damaged base is not shown, not folded onto, and mended by a peer's") {
  Harness harness, peer;
  for (Harness* it : {&harness, &peer}) commit(it->store(), {plus(10, 5), plus(11, 7), plus(12, 9)});
  fold(harness.store(), 10);
  fold(peer.store(), 11);
  const StoreKey key = store_key(kShard, base_cell("default", "visits"));
  harness.overwrite(Database::kCells, key, flipped(*harness.stored(Database::kCells, key), 200));
  CounterState state;
  CHECK(harness.store().snapshot()->counter(kShard, "default", "visits", state) == Snapshot::Lookup::kDamaged);
  const CommitReport report = fold(harness.store(), 100);
  CHECK(report.folded.at(0).waits);
  CHECK(report.folded.at(0).increments == 0);
  CHECK(report.damaged == std::vector<StoreKey>{key});
  StoreBatch batch;
  batch.mend(kShard, base_cell("default", "visits"), base_of(peer.store())->content);
  harness.store().commit(batch);
  CHECK(value_of(harness.store()) == 21);
  CHECK(rows_of(harness.store()).size() == 2);
  require_sound(harness.store());
}

EACH_STORE("counters: a sum that rotted is not shown but added up again, and is right after the next write (every bit)") {
  Harness harness;
  commit(harness.store(), {plus(10, 5), plus(11, 7)});
  fold(harness.store(), 10);
  const std::string record = value_key("default", "visits", Kind::kCounter);
  const std::string sound = *harness.stored(Database::kCounts, record);
  std::int64_t expected = 12;
  for (std::size_t bit = 0; bit < sound.size() * 8; bit += 13) {
    harness.overwrite(Database::kCounts, record, flipped(*harness.stored(Database::kCounts, record), bit));
    REQUIRE(value_of(harness.store()) == expected);
    REQUIRE_FALSE(harness.store().verify().empty());
    commit(harness.store(), {plus(20 + bit, 1)});
    REQUIRE(value_of(harness.store()) == ++expected);
    require_sound(harness.store());
  }
}

// ---- The property

// Goal: whatever is merged in whatever order and folded wherever the rule allows, a replica's sum is that of the
// increments it was given, and replicas that were given the same have equal fingerprints.
// Method: an oracle keeps what each replica was given. Replicas get increments one by one or many at a time, rows of one
// another (bases among them), and fold at points that lie below everything that somebody still lacks.
EACH_STORE("counters: random increments, merges, folds and bases agree with the oracle (30 runs)") {
  constexpr std::size_t kReplicas = 3;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    const auto below = [&](std::uint64_t end) { return random() % end; };
    std::vector<Harness> replicas(kReplicas);
    std::vector<std::set<std::size_t>> given(kReplicas);
    std::vector<Increment> all;
    std::uint64_t now = 10;
    const auto settled = [&] {  // Every replica has all up to here.
      std::uint64_t up_to = now;
      for (std::size_t i = 0; i < all.size(); ++i) {
        for (const auto& has : given) {
          if (!has.contains(i)) up_to = std::min(up_to, all[i].tag.at.value - 1);
        }
      }
      return up_to;
    };
    const auto check = [&](std::size_t r) {
      CounterSum right;
      for (const std::size_t i : given[r]) right += CounterSum(all[i].amount);
      REQUIRE(state_of(replicas[r].store()).sum == right);
    };
    for (int step = 0; step < 120; ++step) {
      const std::size_t r = below(kReplicas);
      switch (below(6)) {
        case 0:
        case 1: {  // A new increment, sometimes of a time that others have as well.
          now += below(3);
          const std::int64_t amount = below(10) == 0 ? kMost : static_cast<std::int64_t>(below(100)) - 50;
          all.push_back({{Timestamp{now + 1}, ActorId{0x100 + all.size()}}, amount == 0 ? 1 : amount,
                         {Timestamp{now + 2 + below(5)}, OriginId{0x1000 + r}}});
          ++now;
          given[r].insert(all.size() - 1);
          commit(replicas[r].store(), {all.back()});
          break;
        }
        case 2: {  // Some that were missed, or were there already, in one batch.
          std::vector<Increment> some;
          for (std::size_t i = 0; i < all.size(); ++i) {
            if (below(3) != 0) continue;
            some.push_back(all[i]);
            given[r].insert(i);
          }
          std::shuffle(some.begin(), some.end(), random);
          if (!some.empty()) commit(replicas[r].store(), some);
          break;
        }
        case 3: {  // All rows of another: what is in its base, this one has (the rule), or gets with the base.
          const std::size_t from = below(kReplicas);
          StoreBatch batch;
          for (const auto& [cell, content] : rows_of(replicas[from].store())) batch.merge(kShard, cell, content);
          if (!batch.empty()) replicas[r].store().commit(batch);
          given[r].insert(given[from].begin(), given[from].end());
          break;
        }
        case 4:
        case 5: {
          const std::uint64_t most = settled();
          fold(replicas[r].store(), most - std::min<std::uint64_t>(below(4), most - 1), 1 + below(6));
          break;
        }
      }
      check(r);
      for (std::size_t a = 0; a < kReplicas; ++a) {
        for (std::size_t b = 0; b < a; ++b) {
          if (given[a] != given[b]) continue;
          REQUIRE(replicas[a].store().snapshot()->buckets(kShard) == replicas[b].store().snapshot()->buckets(kShard));
        }
      }
      if (step % 10 == 0) require_sound(replicas[r].store());
    }
    // Everybody gets everything, folds at its own pace, and all bases are one.
    for (std::size_t r = 0; r < kReplicas; ++r) {
      commit(replicas[r].store(), all);
      for (std::size_t i = 0; i < all.size(); ++i) given[r].insert(i);
      check(r);
    }
    for (auto& replica : replicas) {
      while (fold(replica.store(), now + 100, 1 + below(9)).folded.at(0).more) {
      }
      require_sound(replica.store());
      REQUIRE(rows_of(replica.store()) == rows_of(replicas[0].store()));
    }
  }
}

}  // namespace kith::test
