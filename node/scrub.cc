#include "node/scrub.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "node/log.h"

namespace kith {

namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// However much there is to read.
constexpr milliseconds kPauseLeast{5};
constexpr int kNiceness = 10;

}  // namespace

struct Scrub::Impl {
  // What a shard's rows amount to, as far as they were read.
  struct Sum {
    Lsn feed_end = 0;   // When it was begun.
    Buckets buckets{};
    std::uint64_t feed = 0;
    std::size_t rows = 0;
    bool damaged = false;  // Then it says nothing: what the row had added is not known.
    bool unfindable = false;  // A row lies where nobody looks for it: keys are out of order.
    bool counts_differ = false;
    std::string value;     // Whose rows are being counted, as a store key names it (store/row.h), and with its name.
    CellKey named;
    ShardId shard = 0;
    std::uint64_t live = 0;
    CounterSum total;

    void add(const StoreKey& key, const Row& row, const Snapshot& snapshot) {
      const bool counts = !snapshot.passed(key, row.content);
      if (counts) buckets[bucket_of(row.cell)] += fingerprint_of(row.cell, row.content);
      feed += feed_share(key, row);
      if (value_of_store_key(key) != value) {
        end_value(snapshot);
        value = value_of_store_key(key);
        named = row.cell;
        shard = shard_of_store_key(key);
      }
      live += row.content.present() && counts ? 1 : 0;
      if (row.cell.kind == Kind::kCounter && row.content.present()) total += counter_share(row.cell, row.content);
    }
    void end_value(const Snapshot& snapshot) {
      if (!value.empty() && !counted(snapshot)) counts_differ = true;
      live = 0;
      total = {};
    }
    bool counted(const Snapshot& snapshot) const {
      if (named.kind != Kind::kCounter) return snapshot.count(named.table, named.key, named.kind) == live;
      CounterState state;  // Zeros, when nothing is found.
      return snapshot.counter(shard, named.table, named.key, state) != Snapshot::Lookup::kDamaged && !state.added_up &&
             state.cells == live && state.sum == total;
    }
  };

  void run() {
    // Of this thread alone: on Linux a thread has a niceness of its own.
    (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNiceness);
    begin_pass();
    std::size_t first = shards.empty() ? 0 : std::random_device()() % shards.size();
    std::rotate(shards.begin(), shards.begin() + static_cast<std::ptrdiff_t>(first), shards.end());
    while (pause()) {
      try {
        step();
      } catch (const StoreError& error) {
        ++counters.errors;
        log(LogLevel::kError, "scrub: a part of the store could not be read, and is passed over: " + std::string(error.what()) +
                                  "; stop this node and run `kith verify` on its data");
        next_shard();
      }
      if (at < shards.size()) continue;
      end_pass();
      begin_pass();
    }
  }

  bool pause() {
    const std::uint64_t steps = store.usage().rows / kScrubRowsMax + 1;
    const auto wait = std::max(kPauseLeast, milliseconds(interval_ms / static_cast<std::int64_t>(steps)));
    std::unique_lock lock(mutex);
    return !wanted.wait_for(lock, wait, [&] { return stop; });
  }

  void begin_pass() {
    pass_began = Clock::now();
    shards = store.snapshot()->shards_kept();
    at = 0;
    begin_shard();
  }

  void end_pass() {
    const auto wall = std::chrono::system_clock::now().time_since_epoch();
    counters.last_pass_took_ms = std::chrono::duration_cast<milliseconds>(Clock::now() - pass_began).count();
    counters.last_pass_wall_ms = std::chrono::duration_cast<milliseconds>(wall).count();
    ++counters.passes;
  }

  void begin_shard() {
    after.clear();
    sum = Sum{};
    begun = false;
  }
  void next_shard() {
    ++at;
    begin_shard();
  }

  // Shards are read on until the step has read enough, so that a thousand small ones do not take a thousand pauses.
  void step() {
    const auto snapshot = store.snapshot();
    std::size_t rows = 0, bytes = 0;
    while (at < shards.size() && rows < kScrubRowsMax && bytes < kScrubBytesMax) {
      const ShardId shard = shards[at];
      if (!begun) sum.feed_end = snapshot->feed_end(shard);
      begun = true;
      bool whole = true;
      snapshot->scan(shard_prefix(shard), after, [&](const StoreKey& key, const Row* row) {
        if (rows >= kScrubRowsMax || bytes >= kScrubBytesMax) {
          whole = false;
          return false;
        }
        after = key;
        ++rows;
        look(key, row, *snapshot);
        bytes += row == nullptr ? key.size() : row->bytes;
        return true;
      });
      if (!whole) break;
      settle(*snapshot, shard);
      next_shard();
    }
    counters.rows += rows;
  }

  void look(const StoreKey& key, const Row* row, const Snapshot& snapshot) {
    ++sum.rows;
    if (row != nullptr) return sum.add(key, *row, snapshot);
    sum.damaged = true;
    ++counters.damaged;
    Row found;
    if (snapshot.get(key, found) == Snapshot::Lookup::kMissing) {
      sum.unfindable = true;
    } else {
      callbacks.damaged(key);
    }
  }

  void settle(const Snapshot& snapshot, ShardId shard) {
    if (sum.unfindable) return doubt(shard);  // What lay there is in the feed by its right name.
    if (sum.damaged) return;  // Its sums are made anew when it is mended.
    if (snapshot.feed_end(shard) == sum.feed_end && adds_up(snapshot, shard, sum)) return;
    if (sum.rows > kScrubRowsAtOnceMax) {
      ++counters.shards_unsettled;
      return;
    }
    // What is read in one snapshot is certain.
    Sum again;
    snapshot.scan(shard_prefix(shard), {}, [&](const StoreKey& key, const Row* row) {
      if (row == nullptr) again.damaged = true;  // Since: the next pass finds it.
      else again.add(key, *row, snapshot);
      return true;
    });
    if (again.damaged || adds_up(snapshot, shard, again)) return;
    doubt(shard);
  }

  void doubt(ShardId shard) {
    ++counters.shards_doubted;
    callbacks.doubted(shard);
  }

  static bool adds_up(const Snapshot& snapshot, ShardId shard, Sum& of) {
    of.end_value(snapshot);
    std::uint64_t root = 0;
    for (const std::uint64_t bucket : of.buckets) root += bucket;
    return !of.counts_differ && snapshot.shard_root(shard) == root && snapshot.buckets(shard) == of.buckets &&
           snapshot.feed_sum(shard) == of.feed;
  }

  const Store& store;
  const std::int64_t interval_ms;
  ScrubCounters& counters;
  const Callbacks callbacks;

  Clock::time_point pass_began;
  std::vector<ShardId> shards;
  std::size_t at = 0;  // In shards.
  StoreKey after;      // In that shard.
  bool begun = false;  // That shard.
  Sum sum;

  std::mutex mutex;
  std::condition_variable wanted;
  bool stop = false;  // Guarded by mutex.
  std::thread thread;
};

Scrub::Scrub(const Store& store, std::int64_t interval_ms, ScrubCounters& counters, Callbacks callbacks)
    : impl_(std::unique_ptr<Impl>(new Impl{.store = store,
                                           .interval_ms = interval_ms,
                                           .counters = counters,
                                           .callbacks = std::move(callbacks),
                                           .pass_began = {},
                                           .shards = {},
                                           .after = {},
                                           .sum = {},
                                           .mutex = {},
                                           .wanted = {},
                                           .thread = {}})) {
  impl_->thread = std::thread([impl = impl_.get()] { impl->run(); });
}

Scrub::~Scrub() {
  {
    const std::scoped_lock lock(impl_->mutex);
    impl_->stop = true;
  }
  impl_->wanted.notify_all();
  impl_->thread.join();
}

}  // namespace kith
