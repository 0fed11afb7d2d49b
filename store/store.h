// store/store.h -- what a node keeps on its disk, behind one interface.
//
//     cells         store key -> row                     feed    (shard, lsn) -> store key, one entry per cell
//     clocks        (shard, origin) -> held              marks   (shard, lsn) -> highest commit per origin so far
//     cursors       (shard, peer) -> feed epoch, lsn     counts  (table, key, kind) -> live cells, sum
//     fingerprints  shard -> 256 bucket sums             damaged store keys of rows that wait for a peer
//     meta          name -> bytes                            expiries  when, name -> store key
//
// Invariants:
//   I1. A batch is applied whole or not at all, and is durable when commit() returns.
//   I2. The feed has exactly one entry per row, under the row's own lsn.
//   I3. counts and fingerprints are those of the rows, always: they change in the same transaction.  A row that cannot
//       be read counts as nothing once a commit has come upon it; one that expired, once it is passed (store/expiries.h).
//   I4. A damaged row is never returned as a row; what is merged into it keeps it marked as damaged until mended.
//   I5. No increment of a counter is at or below its base (crdt/counter.h): what a base covers goes in the same commit.
//
// One thread commits; snapshots may be taken and read on any thread.  Two implementations with the same semantics:
// LmdbStore (store/lmdb_store.h) and MemoryStore (store/memory_store.h); one suite for both: tests/store/store_test.cc.
// Nothing here says B-tree: a journal with an in-memory table can be put in front without a caller noticing.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crdt/counter.h"
#include "store/row.h"
#include "store/store_batch.h"

namespace kith {

// The machine failed us (disk, map, permissions).  The batch at hand was not applied.
class StoreError : public std::runtime_error {
 public:
  enum class Kind {
    kFull,      // The map is full.
    kSync,      // A sync failed: what the disk holds now is unknown; the process must stop.
    kCorrupt,   // The file is not a Kith store, is cut short, or is damaged beyond single rows.
    kFormat,    // Written by a newer version.
    kInUse,     // Another process has it open.
    kOther,
  };
  StoreError(Kind kind, const std::string& what) : std::runtime_error(what), kind_(kind) {}
  Kind kind() const { return kind_; }

 private:
  Kind kind_;
};

inline constexpr std::size_t kFingerprintBuckets = 256;
using Buckets = std::array<std::uint64_t, kFingerprintBuckets>;

// The bucket of a cell, and what a live cell adds to it.  Sums are modulo 2^64, so order does not matter and a cell is
// taken out by subtraction.
std::size_t bucket_of(const CellKey& cell);
std::uint64_t fingerprint_of(const CellKey& cell, const Content& content);  // Zero when absent.

std::uint64_t feed_share(const StoreKey& key, const Row& row);  // Of a row's own entry to Snapshot::feed_sum.

// Highest commit per origin; sorted by origin.
using CommitClock = std::vector<std::pair<OriginId, Timestamp>>;

struct KeyCount {
  std::string table;
  std::string key;
  Kind kind;
  std::uint64_t live = 0;  // Live elements or fields; 1 for a register or a counter.
  std::int64_t total = 0;  // Of a counter, as shown.
};

struct CounterState {
  CounterSum sum;
  Timestamp folded_to;     // Zero: no base.
  std::uint64_t cells = 0; // Increments, and the base.
  bool added_up = false;   // From the rows, since what is kept of them rotted.
  StoreKey damaged;        // When that is the answer: a row that waits for a peer.
};

// One point in time.  Holds a read transaction: take it, read, let it go.  Never keep one across a wait for anybody.
class Snapshot {
 public:
  enum class Lookup { kFound, kMissing, kDamaged };

  virtual ~Snapshot() = default;

  virtual Lookup get(ShardId shard, const CellKey& cell, Row& out) const = 0;
  virtual Lookup get(const StoreKey& key, Row& out) const = 0;

  // The row right before or right behind the place of `key`, when it cannot be read and its key differs from `key` in a few
  // bits only.  Then nobody can say that there is no row under `key`: that may be it, its key flipped.  `around`: the same
  // of the rows right before and right behind those whose keys begin with `prefix`, and of a prefix.
  virtual std::optional<StoreKey> damage_beside(const StoreKey& key) const = 0;
  virtual std::optional<StoreKey> damage_around(const StoreKey& prefix) const = 0;

  // Rows whose store key begins with `prefix` and sorts after `after` (empty: from the start), in order, until `visit`
  // returns false.  For a damaged row, and for one that is lost and waits for a peer, `row` is null.
  using VisitRow = std::function<bool(const StoreKey& key, const Row* row)>;
  virtual void scan(const StoreKey& prefix, const StoreKey& after, const VisitRow& visit) const = 0;

  // Changes of a shard after `after`, oldest first.  For a damaged row `row` is null, and for an entry that is no row's own
  // (it is the entry that rotted, and some row is passed over) `key` is empty, too.
  using VisitFeed = std::function<bool(Lsn lsn, const StoreKey& key, const Row* row)>;
  virtual void feed_after(ShardId shard, Lsn after, const VisitFeed& visit) const = 0;
  // Entries of the feed after `after`, oldest first, with the key of the row when it has something to collect, else none.
  // Reads no rows.
  using VisitCollectable = std::function<bool(Lsn lsn, std::string_view key)>;
  virtual void collectable_after(ShardId shard, Lsn after, const VisitCollectable& visit) const = 0;
  virtual Lsn feed_end(ShardId shard) const = 0;  // Of the last change; zero when there is none.

  // The lsn after which somebody who holds what is `covered` has to begin reading: nothing at or before it is news to them.
  // From the sparse marks: at most one mark's interval (kMarkInterval) too early.  Zero when no mark is covered.
  using Covered = std::function<bool(const Commit&)>;  // Whether they hold what was committed so.
  virtual Lsn first_unseen(ShardId shard, const Covered& covered) const = 0;

  // Live keys of `table` that begin with `prefix`, in order of (key, kind), after the position `after`: key and kind.
  struct KeyPosition {
    std::string key;
    Kind kind = Kind::kRegister;
  };
  using VisitKey = std::function<bool(const KeyCount&)>;
  virtual void keys(std::string_view table, std::string_view prefix, const std::optional<KeyPosition>& after,
                    const VisitKey& visit) const = 0;
  // SUBTLE: with what expired since the last were passed; who lists keys takes those out (node/reads.cc).
  virtual std::uint64_t count(std::string_view table, std::string_view key, Kind kind) const = 0;

  // Values that expire, in the order in which they are over: those that are not passed yet, or all; until `visit` returns
  // false.  `key`: of the row, unless the entry is damaged; `entry`: as StoreBatch::forget_expiry takes it.
  struct Expiry {
    std::int64_t over_at_ms = 0;
    StoreKey key;
    std::string entry;
  };
  using VisitExpiry = std::function<bool(const Expiry&)>;
  enum class Expiries { kAll, kNotPassed };
  virtual void expiries(Expiries which, const VisitExpiry& visit) const = 0;
  virtual std::int64_t passed_up_to_ms() const = 0;  // When the last was over that is passed; zero: none is.
  // Whether the row under `key` counts for nothing any more, since its value expired.
  virtual bool passed(const StoreKey& key, const Content& content) const = 0;

  // What a counter stands at.  kMissing: it was never written; kDamaged: some row of it waits for a peer, so that no
  // value of it would be true.  Cost: O(1), whatever the number of its increments.
  virtual Lookup counter(ShardId shard, std::string_view table, std::string_view key, CounterState& out) const = 0;

  virtual CommitClock held(ShardId shard) const = 0;
  virtual std::vector<ShardId> shards() const = 0;  // Those of which anything is held, in order.
  // And those of which only a feed or sums are kept, which no shard has unless a bit of their names flipped.
  virtual std::vector<ShardId> shards_kept() const = 0;
  // Over all entries of the shard's feed, modulo 2^64; that of a sound one is the sum of feed_share() over its rows.
  virtual std::uint64_t feed_sum(ShardId shard) const = 0;
  virtual std::optional<Cursor> cursor(ShardId shard, NodeId peer) const = 0;
  virtual std::optional<std::string> meta(const std::string& name) const = 0;

  virtual Buckets buckets(ShardId shard) const = 0;
  virtual std::uint64_t shard_root(ShardId shard) const = 0;  // The sum of its buckets.
  virtual std::uint64_t root() const = 0;                     // The sum over all shards but kSystemShard.

  virtual std::vector<StoreKey> damaged(std::size_t most) const = 0;
};

struct CommitReport {
  std::size_t rows_changed = 0;
  std::size_t row_bytes = 0;           // Of the rows that changed, keys included.
  std::vector<StoreKey> damaged;       // Rows found damaged on the way: now marked so.
  // Deltas that could not be stored, whose rows stay as they were: the row would pass kEntriesPerCellMergedMax, or
  // another long name with the same hash has the place (store/row.h).
  std::vector<StoreKey> refused;
  struct Folded {                      // Of each fold of the batch, in their order.
    std::uint64_t increments = 0;
    bool more = false;                 // There is more to fold up to where it was asked for: ask again.
    bool waits = false;                // For a damaged row.
  };
  std::vector<Folded> folded;
};

class Store {
 public:
  // Every so many lsns of a shard a mark is kept; see Snapshot::first_unseen.
  static constexpr Lsn kMarkInterval = 2048;

  virtual ~Store() = default;

  // Throws StoreError; then nothing of the batch was applied.
  virtual CommitReport commit(const StoreBatch& batch) = 0;
  virtual std::unique_ptr<Snapshot> snapshot() const = 0;

  struct Usage {
    std::uint64_t bytes_used = 0;
    std::uint64_t bytes_max = 0;
    std::uint64_t rows = 0;
  };
  virtual Usage usage() const = 0;

  // Reads all there is and checks that it fits together: store/verify.h.  What it returns is for people; empty: sound.
  virtual std::vector<std::string> verify() const = 0;
};

}  // namespace kith
