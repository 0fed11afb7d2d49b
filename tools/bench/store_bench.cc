// Both sides write the same rows under the same keys, in commits of the same size, in turns: one commit here, one
// there, each timed alone.  What else the machine does in the meantime slows both.  Each side is given its batch ready
// made: what is timed is from the batch to the disk.
#include "tools/bench/store_bench.h"

#include <algorithm>
#include <map>
#include <random>

#include "crdt/check.h"
#include "crdt/limits.h"
#include "store/lmdb_store.h"
#include "store/records.h"
#include "tools/bench/measure.h"
#include "tools/bench/raw_lmdb.h"

namespace kith::bench {
namespace {

constexpr std::uint32_t kShards = kShardsDefault;
constexpr std::size_t kKeys = 10'000;
constexpr std::uint64_t kMapBytes = std::uint64_t{16} << 30;
constexpr std::size_t kPreloadBatch = 10'000;

enum class Workload { kFreshAdds, kOverwrites };

struct Write {
  ShardId shard;
  CellKey cell;
  Content delta;
};

// Makes the writes, and from them the bytes that raw LMDB is told.  Knows the lsns that the store will give.
class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  std::vector<Write> fresh(std::size_t count) {
    std::vector<Write> writes;
    for (std::size_t i = 0; i < count; ++i) {
      const std::string key = "user:" + std::to_string(random_() % kKeys);
      known_.push_back({"default", key, Kind::kSet, "item-" + to_hex(random_())});
      writes.push_back(write(known_.back()));
    }
    return writes;
  }

  std::vector<Write> overwrites(std::size_t count) {
    std::map<std::size_t, Write> writes;  // Each cell once a commit.
    while (writes.size() < std::min(count, known_.size())) {
      const std::size_t i = random_() % known_.size();
      if (!writes.contains(i)) writes.emplace(i, write(known_[i]));
    }
    std::vector<Write> out;
    for (auto& [i, one] : writes) out.push_back(std::move(one));
    std::shuffle(out.begin(), out.end(), random_);
    return out;
  }

  RawBatch raw(const std::vector<Write>& writes) {
    std::map<StoreKey, const Write*> sorted;
    for (const Write& one : writes) sorted.emplace(store_key(one.shard, one.cell), &one);
    RawBatch batch;
    for (const auto& [key, one] : sorted) {
      const Lsn lsn = ++ends_[one->shard];
      Lsn& before = lsns_[key];
      if (before != 0) batch.feed_ends.push_back(shard_entry_key(one->shard, before));
      before = lsn;
      batch.rows.push_back({key, encode_row(key, one->cell, one->delta, lsn)});
      batch.feed.push_back({shard_entry_key(one->shard, lsn), key});
    }
    std::sort(batch.feed_ends.begin(), batch.feed_ends.end());
    return batch;
  }

 private:
  Write write(const CellKey& cell) { return {shard_of(cell, kShards), cell, plain_add(++time_)}; }

  std::mt19937_64 random_;
  std::uint64_t time_ = 1000;
  std::vector<CellKey> known_;
  std::map<ShardId, Lsn> ends_;
  std::map<StoreKey, Lsn> lsns_;
};

// What the engine does for a commit of its own: the deltas, and per shard the promise that nothing of its is missing.
double timed_commit(LmdbStore& store, const std::vector<Write>& writes) {
  StoreBatch batch;
  for (const Write& one : writes) {
    batch.merge(one.shard, one.cell, one.delta);
    one.delta.each_commit([&](const Commit& commit) { batch.hold(one.shard, commit.origin, commit.at); });
  }
  const Stopwatch watch;
  const CommitReport report = store.commit(batch);
  const double seconds = watch.seconds();
  KITH_CHECK(report.rows_changed == writes.size(), "a write that changed nothing", report.rows_changed, writes.size());
  return seconds;
}

double timed_commit(RawLmdb& raw, const RawBatch& batch) {
  const Stopwatch watch;
  raw.commit(batch);
  return watch.seconds();
}

struct Outcome {
  double store_writes_per_s = 0;
  double raw_writes_per_s = 0;
  double store_commit_ms = 0;
  double raw_commit_ms = 0;
};

Outcome run_once(const StoreBenchOptions& options, Workload workload, std::size_t in_flight, std::uint64_t seed) {
  const ScratchDirectory scratch(options.directory);
  const auto store = LmdbStore::open(scratch.path("store"), {.map_bytes = kMapBytes});
  RawLmdb raw(scratch.path("raw"), kMapBytes);
  Generator generator(seed);
  for (std::size_t done = 0; done < options.preload;) {
    const auto writes = generator.fresh(std::min(kPreloadBatch, options.preload - done));
    done += writes.size();
    (void)timed_commit(*store, writes);
    (void)timed_commit(raw, generator.raw(writes));
  }

  std::vector<double> store_times, raw_times;
  const Stopwatch watch;
  for (bool store_first = seed % 2 == 0; watch.seconds() < options.seconds || store_times.empty();
       store_first = !store_first) {
    const auto writes =
        workload == Workload::kFreshAdds ? generator.fresh(in_flight) : generator.overwrites(in_flight);
    const RawBatch batch = generator.raw(writes);
    if (store_first) store_times.push_back(timed_commit(*store, writes));
    raw_times.push_back(timed_commit(raw, batch));
    if (!store_first) store_times.push_back(timed_commit(*store, writes));
  }
  double store_seconds = 0, raw_seconds = 0;
  for (const double seconds : store_times) store_seconds += seconds;
  for (const double seconds : raw_times) raw_seconds += seconds;
  const double writes = static_cast<double>(in_flight * store_times.size());
  return {writes / store_seconds, writes / raw_seconds, median(store_times) * 1e3, median(raw_times) * 1e3};
}

}  // namespace

std::vector<Table> run_store_bench(const StoreBenchOptions& options) {
  std::vector<Table> tables;
  for (const auto& [workload, name, title] :
       {std::tuple(Workload::kFreshAdds, "fresh_adds", "Durable writes: adds of new set elements"),
        std::tuple(Workload::kOverwrites, "overwrites", "Durable writes: adds of elements that are there already")}) {
    Table table(name, title, {"in flight", "store/s", "raw LMDB/s", "ratio", "least", "most", "store ms", "raw ms"});
    for (const std::size_t in_flight : options.in_flight) {
      std::vector<double> store, raw, ratio, store_ms, raw_ms;
      for (std::size_t run = 0; run < options.runs; ++run) {
        const Outcome outcome = run_once(options, workload, in_flight, run + 1);
        store.push_back(outcome.store_writes_per_s);
        raw.push_back(outcome.raw_writes_per_s);
        ratio.push_back(outcome.store_writes_per_s / outcome.raw_writes_per_s);
        store_ms.push_back(outcome.store_commit_ms);
        raw_ms.push_back(outcome.raw_commit_ms);
      }
      table.add({static_cast<double>(in_flight), median(store), median(raw), median(ratio),
                 *std::min_element(ratio.begin(), ratio.end()), *std::max_element(ratio.begin(), ratio.end()),
                 median(store_ms), median(raw_ms)});
    }
    table.note("medians of " + std::to_string(options.runs) + " runs with " + std::to_string(options.preload) +
               " rows there before; ms: one commit");
    table.note("raw LMDB writes the same rows and feed entries, and nothing else");
    tables.push_back(std::move(table));
  }
  return tables;
}

}  // namespace kith::bench
