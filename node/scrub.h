// node/scrub.h -- reads every row now and then, so that a bit that flipped where nobody reads is found while a peer
// still has it.
//
//     a pass:  shard by shard, some rows a step, a pause after each, so that it takes `interval` in all
//              a row that cannot be read          -> damaged(key): the engine asks the peers for it
//              a shard whose rows do not add up   -> doubted(shard): rows were lost inside of the file, or what is kept
//              to its fingerprint, feed, counts      of them is damaged itself; also where there is only the latter
//
// A step reads at most kScrubRowsMax rows or kScrubBytesMax bytes from a snapshot of its own, on a thread of low
// priority, so writes notice nothing.  A shard's rows are added up over the steps, which means something when it did
// not change meanwhile; when it did, it is added up in one go if it has no more than kScrubRowsAtOnceMax rows, else in
// a later pass. A pass that cannot be done in `interval` takes longer.  The first begins at a random shard, so that a
// node which is restarted often gets around too.  Owns its thread.  Tests: tests/node/scrub_test.cc
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

#include "store/store.h"

namespace kith {

inline constexpr std::size_t kScrubRowsMax = 256;
inline constexpr std::size_t kScrubBytesMax = 1024 * 1024;
inline constexpr std::size_t kScrubRowsAtOnceMax = 64 * 1024;

struct ScrubCounters {
  std::atomic<std::uint64_t> rows{0};             // Read, in this life.
  std::atomic<std::uint64_t> damaged{0};          // Found so; one that is not mended yet counts in each pass.
  std::atomic<std::uint64_t> shards_doubted{0};
  std::atomic<std::uint64_t> shards_unsettled{0}; // Not added up: they changed while they were read.
  std::atomic<std::uint64_t> errors{0};           // Of reading, beyond single rows.
  std::atomic<std::uint64_t> passes{0};
  std::atomic<std::int64_t> last_pass_wall_ms{0}; // When it ended; zero: none yet.
  std::atomic<std::int64_t> last_pass_took_ms{0};
};

class Scrub {
 public:
  struct Callbacks {  // Called on the scrub's thread.
    std::function<void(const StoreKey&)> damaged;
    std::function<void(ShardId)> doubted;
  };

  // REQUIRES: interval_ms > 0.  Store and counters must outlive it.
  Scrub(const Store& store, std::int64_t interval_ms, ScrubCounters& counters, Callbacks callbacks);
  ~Scrub();
  Scrub(const Scrub&) = delete;
  Scrub& operator=(const Scrub&) = delete;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kith
