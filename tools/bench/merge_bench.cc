#include "tools/bench/merge_bench.h"

#include <algorithm>
#include <functional>
#include <random>

#include "crdt/check.h"
#include "crdt/limits.h"
#include "store/lmdb_store.h"
#include "tools/bench/measure.h"

namespace kith::bench {
namespace {

constexpr std::uint32_t kShards = kShardsDefault;
constexpr std::uint64_t kMapBytes = std::uint64_t{16} << 30;
constexpr std::size_t kLoadBatch = 20'000;
constexpr std::size_t kKeys = 10'000;

CellKey cell_of(const std::string& key, std::uint64_t member) {
  return {"default", key, Kind::kSet, "item-" + to_hex(member)};
}

void merge(StoreBatch& batch, const CellKey& cell, const Content& delta) {
  batch.merge(shard_of(cell, kShards), cell, delta);
}

// ---- Merges per second

using MakeRow = std::function<std::pair<CellKey, Content>(std::uint64_t i)>;

double merges_per_s(const MergeBenchOptions& options, LmdbStore& store, const MakeRow& make, bool changes) {
  double seconds = 0;
  std::uint64_t merged = 0;
  while (seconds < options.seconds) {
    std::vector<std::pair<CellKey, Content>> rows;
    for (std::size_t i = 0; i < options.rows_per_commit; ++i) rows.push_back(make(merged++));
    const Stopwatch watch;
    StoreBatch batch;
    for (const auto& [cell, content] : rows) merge(batch, cell, content);
    const CommitReport report = store.commit(batch);
    seconds += watch.seconds();
    KITH_CHECK((report.rows_changed != 0) == changes, "a merge that is not what it is called", report.rows_changed);
  }
  return static_cast<double>(merged) / seconds;
}

Table merge_table(const MergeBenchOptions& options) {
  const ScratchDirectory scratch(options.directory);
  const auto store = LmdbStore::open(scratch.path("store"), {.map_bytes = kMapBytes});
  Table table("merges", "Merges of received rows, durable", {"rows", "merges/s"});
  std::mt19937_64 random(1);
  const auto key_of = [](std::uint64_t i) { return "user:" + std::to_string(i * 7919 % kKeys); };

  table.add({"new to the store", merges_per_s(options, *store, [&](std::uint64_t i) {
               return std::pair(cell_of(key_of(i), i), plain_add(1000 + i));
             }, true)});
  table.add({"known already", merges_per_s(options, *store, [&](std::uint64_t i) {
               const std::uint64_t known = i % options.rows_per_commit;
               return std::pair(cell_of(key_of(known), known), plain_add(1000 + known));
             }, false)});

  // Every merge brings one more add to an element that many sessions have added; the elements take turns.
  constexpr std::size_t kElements = 4096;
  StoreBatch batch;
  for (std::size_t i = 0; i < kElements; ++i) merge(batch, cell_of("busy", i), add_of_sessions(options.actors, 1000));
  store->commit(batch);
  table.add({"one more add to an element of " + std::to_string(options.actors) + " sessions",
             merges_per_s(options, *store, [&](std::uint64_t i) {
               SetElement state;
               const ActorId session{1 + i / kElements % options.actors};
               const Timestamp at{1'000'000 + i};
               auto delta = state.add({at, session}, {at, kBenchOrigin});
               return std::pair(cell_of("busy", i % kElements), Content(std::move(delta)));
             }, true)});
  table.note("commits of " + std::to_string(options.rows_per_commit) + " rows, each synced");
  return table;
}

// ---- The size of the set

// Sets of ten and one of a million in one store: the same tree, the same disk, in turns.
Table size_table(const MergeBenchOptions& options) {
  const ScratchDirectory scratch(options.directory);
  const auto store = LmdbStore::open(scratch.path("store"), {.map_bytes = kMapBytes});
  std::mt19937_64 random(2);
  std::uint64_t time = 1000;

  // As many small sets as are added to below, each then has the size it is said to have.
  constexpr std::size_t kAddsPerRound = 64, kRounds = 200;
  StoreBatch batch;
  std::size_t in_batch = 0;
  const auto load = [&](const CellKey& cell) {
    merge(batch, cell, plain_add(++time));
    if (++in_batch % kLoadBatch != 0) return;
    store->commit(batch);
    batch.clear();
  };
  const auto small_key = [](std::size_t i) { return "small:" + std::to_string(i); };
  for (std::size_t i = 0; i < kAddsPerRound * kRounds; ++i) {
    for (std::size_t member = 0; member < options.small_set; ++member) load(cell_of(small_key(i), random()));
  }
  for (std::size_t i = 0; i < options.large_set; ++i) load(cell_of("large", random()));
  store->commit(batch);

  std::vector<double> small_us, large_us;
  const auto add_round = [&](std::vector<double>& times, const auto& key_of) {
    std::vector<std::pair<CellKey, Content>> adds;
    for (std::size_t i = 0; i < kAddsPerRound; ++i) adds.emplace_back(cell_of(key_of(i), random()), plain_add(++time));
    const Stopwatch watch;
    StoreBatch one;
    for (const auto& [cell, content] : adds) merge(one, cell, content);
    store->commit(one);
    times.push_back(watch.seconds() * 1e6 / kAddsPerRound);
  };
  for (std::size_t round = 0; round < kRounds; ++round) {
    add_round(small_us, [&](std::size_t i) { return small_key(round * kAddsPerRound + i); });
    add_round(large_us, [&](std::size_t) { return std::string("large"); });
  }
  Table table("set_size", "An add to a small and to a large set, durable", {"elements", "us an add"});
  table.add({static_cast<double>(options.small_set), median(small_us)});
  table.add({static_cast<double>(options.large_set), median(large_us)});
  table.add({"ratio", median(large_us) / median(small_us)});
  table.note("medians of " + std::to_string(kRounds) + " commits of " + std::to_string(kAddsPerRound) +
             " adds each, in turns");
  return table;
}

}  // namespace

std::vector<Table> run_merge_bench(const MergeBenchOptions& options) {
  std::vector<Table> tables;
  tables.push_back(merge_table(options));
  tables.push_back(size_table(options));
  return tables;
}

}  // namespace kith::bench
