// store/store_batch.h -- what one durable commit will change: a value, built by the engine, applied by a Store.
//
// Cells are *deltas*: the store joins each with the row it has.  Deltas of one cell are joined as they come in, so a
// thousand operations on one cell are one write.  A reader who wants to see what is pending joins the stored row with
// pending(cell): that is all there is to reading one's own writes, because a cell is a lattice.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "crdt/cell_key.h"
#include "crdt/content.h"
#include "crdt/ids.h"
#include "crdt/timestamp.h"
#include "store/row.h"

namespace kith {

// How far a peer's feed has been read.  The epoch is the peer's origin: another life, another feed.
struct Cursor {
  OriginId epoch;
  Lsn lsn = 0;
  friend bool operator==(const Cursor&, const Cursor&) = default;
};

class StoreBatch {
 public:
  struct CellDelta {
    ShardId shard;
    CellKey cell;
    Content delta;
    bool mends = false;  // The whole of what a peer holds: ends the row's being damaged.
  };

  // Joins `delta` into the cell's row.  REQUIRES: delta is not empty.
  void merge(ShardId shard, const CellKey& cell, const Content& delta);
  // The same, and the row counts as sound again.  `content` may be empty: the peer holds nothing.
  void mend(ShardId shard, const CellKey& cell, const Content& content);
  // A damaged row of which no peer knows anything, under a name that is lost.
  void forget_damaged(const StoreKey& key) { forgotten_.push_back(key); }

  // Of a row what is settled at `horizon` goes, before anything of this batch is joined.  It keeps its place in the feed.
  void collect(const StoreKey& key, Timestamp horizon) { collected_.emplace_back(key, horizon); }
  // Adds and values that are exactly these go from the row, before anything of this batch is joined (gossip/rebase.h).
  void drop(const StoreKey& key, Content these) { dropped_.emplace_back(key, std::move(these)); }
  // The same, of entries that this batch commits anew: under another commit, or another name (gossip/redo.h).
  struct Redone {
    StoreKey key;
    Content these;
    StoreKey as;                  // Where they are written again; the same row but for increments; empty: nowhere.
    Content anew;
  };
  void redo(Redone redone);
  bool redoes(const StoreKey& key) const { return leaving_.contains(key); }  // Something of that row.
  const Content* leaving(const StoreKey& key) const;  // What; null: nothing.
  // Folds the counter's increments with tags at or below `up_to` into its base, oldest first, at most about `limit` of
  // them (store/counter_rows.h); what else the batch merges is merged before.  CommitReport::folded says how far it came.
  // REQUIRES: every member holds all that it will ever accept at or below `up_to`: it is at or below the horizon.
  // SUBTLE: the horizon speaks of commits, and a tag is at most one retry window older than its commit.  What is committed
  // again long after its tag (an eviction, a rebase) must be everywhere before anybody folds past that tag: who has folded
  // further drops it, and members would differ in what their bases hold.
  struct Fold {
    ShardId shard;
    std::string table;
    std::string key;
    Timestamp up_to;
    std::size_t limit;
  };
  void fold(Fold fold) { folds_.push_back(std::move(fold)); }

  // Values that are over at `now_ms` count no more: the next few of them, `limit` at most; and those that were passed and are
  // not over count again (store/expiries.h).  Before everything else of the batch.
  struct Passing {
    std::int64_t now_ms = 0;
    std::size_t limit = 0;
  };
  void pass_expired(std::int64_t now_ms, std::size_t limit) { passing_ = {now_ms, limit}; }
  // An entry of the expiries that is no row's own.
  void forget_expiry(std::string entry) { expiries_forgotten_.push_back(std::move(entry)); }

  // "This node holds all that `origin` committed in `shard` up to its commit at `held`."  Only ever rises.
  void hold(ShardId shard, OriginId origin, Timestamp held);
  void set_cursor(ShardId shard, NodeId peer, Cursor cursor) { cursors_[{shard, peer}] = cursor; }
  // The origin's entries in the clocks of all shards; what is held of it afterwards counts.
  void forget_clock(OriginId origin);
  // Of a shard, for all peers; those set afterwards count.
  void forget_cursors(ShardId shard);
  void set_meta(const std::string& name, std::string value) { meta_[name] = std::move(value); }
  void forget_meta(const std::string& name) { meta_forgotten_.insert(name); }  // Before what is set.

  // Feed, counts and fingerprints of the shard are made anew from its rows: somebody found that they are not theirs.
  // Cost: all rows of the shard are read, before anything else of the batch is applied.
  void recount(ShardId shard) { recounts_.insert(shard); }

  // What is pending for a cell, or null.  Lives until the next change.
  const Content* pending(const CellKey& cell) const;

  bool empty() const;
  void clear();

  const std::vector<CellDelta>& cells() const { return cells_; }  // In the order in which they first came.
  const std::map<std::pair<ShardId, OriginId>, Timestamp>& held() const { return held_; }
  const std::map<std::pair<ShardId, NodeId>, Cursor>& cursors() const { return cursors_; }
  const std::set<OriginId>& clocks_forgotten() const { return clocks_forgotten_; }
  const std::set<ShardId>& cursors_forgotten() const { return cursors_forgotten_; }
  const std::map<std::string, std::string>& meta() const { return meta_; }
  const std::vector<std::pair<StoreKey, Timestamp>>& collected() const { return collected_; }
  const std::vector<std::pair<StoreKey, Content>>& dropped() const { return dropped_; }
  const std::vector<Redone>& redone() const { return redone_; }
  const std::set<std::string>& meta_forgotten() const { return meta_forgotten_; }
  const std::set<ShardId>& recounts() const { return recounts_; }
  const std::vector<StoreKey>& forgotten() const { return forgotten_; }
  const std::vector<Fold>& folds() const { return folds_; }
  const Passing& passing() const { return passing_; }
  const std::vector<std::string>& expiries_forgotten() const { return expiries_forgotten_; }

 private:
  CellDelta& entry_for(ShardId shard, const CellKey& cell, const Content& delta);

  std::vector<CellDelta> cells_;
  std::unordered_multimap<std::uint64_t, std::size_t> by_hash_;  // hash_of(cell) -> index in cells_
  std::map<std::pair<ShardId, OriginId>, Timestamp> held_;
  std::map<std::pair<ShardId, NodeId>, Cursor> cursors_;
  std::set<OriginId> clocks_forgotten_;
  std::set<ShardId> cursors_forgotten_;
  std::map<std::string, std::string> meta_;
  std::set<std::string> meta_forgotten_;
  std::set<ShardId> recounts_;
  std::vector<StoreKey> forgotten_;
  std::vector<std::pair<StoreKey, Timestamp>> collected_;
  std::vector<std::pair<StoreKey, Content>> dropped_;
  std::vector<Redone> redone_;
  std::map<StoreKey, Content> leaving_;
  std::vector<Fold> folds_;
  Passing passing_;
  std::vector<std::string> expiries_forgotten_;
};

}  // namespace kith
