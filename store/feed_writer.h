// store/feed_writer.h -- hands out a shard's lsns, and keeps its marks.
//
//     mark at lsn L := the highest commit per origin that was merged into the shard up to L
//
// Whoever holds all of a mark can begin reading behind it: a row whose place in the feed is at or before L has not
// changed since, so all of its commits were merged by then.
//
// Invariants:
//   I1. An lsn is given out once in a life, and never one at or below the newest entry or mark, nor one at or below an entry that this
//       life has taken out: a peer may have read to its place.
//   I2. A mark is written under every lsn that is a multiple of kMarkInterval, and of kFineMarkInterval while few have written to the
//       shard; the newest is never dropped, so what has to be read on the first touch of a shard is less than one interval.
//   I3. A mark is dropped only when the feed has nothing between the mark before and itself: it then tells no more.
//
// Remembers between transactions; when one is not committed, forget(), which keeps what I1 needs.
#pragma once

#include <unordered_map>
#include <vector>

#include "crdt/content.h"
#include "store/store.h"
#include "store/transaction.h"

namespace kith {

class FeedWriter {
 public:
  // So much finer are marks than Store::kMarkInterval, as long as that is little to keep.
  static constexpr Lsn kFineMarkInterval = Store::kMarkInterval / 8;

  // The lsn of a change that brings the commits of `delta` to the shard.
  // Cost: O(1); on the first touch of a shard up to kMarkInterval rows are read.
  Lsn append(const ReadTransaction& transaction, ShardId shard, const Content& delta);

  // An entry is taken out, or moves.
  void ended(ShardId shard, Lsn lsn);

  // Writes the marks that have come due and drops a few useless ones.  Call once, when the feed has been written.
  void finish(WriteTransaction& transaction);

  void forget();

 private:
  struct Shard {
    Lsn last = 0;
    CommitClock highest;
    Lsn useful_up_to = 0;  // How far the present search for useless marks has come.
  };
  struct Mark {
    ShardId shard;
    Lsn lsn;
    CommitClock highest;
  };

  Shard load(const ReadTransaction& transaction, ShardId shard) const;
  void drop_useless(WriteTransaction& transaction, ShardId shard, Shard& state) const;

  std::unordered_map<ShardId, Shard> shards_;
  std::unordered_map<ShardId, Lsn> given_out_;  // Of shards not in shards_: the highest that is known to have been.
  std::vector<Mark> due_;
};

// Per origin the later; keeps `clock` sorted.
void raise(CommitClock& clock, OriginId origin, Timestamp at);

// Every commit of `clock` is at or below the one of its origin in `held`.
bool covers(const CommitClock& held, const CommitClock& clock);

}  // namespace kith
