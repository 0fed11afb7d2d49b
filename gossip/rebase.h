// gossip/rebase.h -- how a node comes back that was away for longer than removal records are kept (DESIGN.md, section 8).
//
//     stale node                                           member whose floor is at or above every horizon
//       | -- rebase {shard, 256 sums} ---------------------> |  stateless: one snapshot, one answer
//       | <- rebased {buckets, cells, next, end, clock} ---- |  of the buckets that differ all rows, to a limit
//       | -- rebase {shard, buckets, after} ... -----------> |  until the shard is at its end, then the next shard
//       | -- pull {all shards} ----------------------------> |  then an ordinary pull, to the end of each
//
// A node whose floor is below some horizon may hold adds of which everybody else has seen the removal, and has forgotten
// it.  What it is told would not remove them, and what it tells would bring them back.
// RULE (the fence). A message that carries rows is merged only if its sender's floor is at or above our horizon.
// RULE. A node whose own floor is below a peer's horizon does nothing with rows until it has rebased: it merges none but
// in this conversation, and takes no writes.  It serves reads, and says that they may be stale.
// RULE. It keeps every removal.  It keeps an add or a value only if the member holds it, too, or the member's clock does
// not cover its commit: what the member has seen and holds no more is gone, what it has not seen survives.
// Equal sums are equal adds, so buckets that are equal cost nothing.  What the member has and the stale node has not
// comes with the pull, which filters by the stale node's clock: that is honest, it is only old.
// SUBTLE: taking out is not a join.  It is exact (StoreBatch::drop), decided from rows and clock of one snapshot of the
// member, and harmless to repeat; a kill in between costs the way begun.  When the member's horizon rises above the floor it had
// at the beginning, removals may have been forgotten again that nobody told of, and it begins anew; but horizons wait for the
// floor of whoever is known.
// A node that has joined, and holds a part of what there is when a horizon rises above the floor of who gave it, is stale
// in the same way, whatever its clocks say; so is one that was killed in between.
// Tests: tests/gossip/rebase_test.cc
#pragma once

#include <deque>
#include <map>
#include <optional>

#include "gossip/core.h"
#include "gossip/horizon.h"
#include "gossip/mend.h"
#include "gossip/pull.h"

namespace kith {

class Rebase {
 public:
  Rebase(Core& core, Mend& mend, Pull& pull) : core_(core), mend_(mend), pull_(pull) {}

  void begin();   // A life begins.
  bool needed() const;

  // Of every message that is listened to: what it tells of horizons.  May begin.
  void heard(const Envelope& from);
  // Rows of it were merged, of the member table at least, whether or not its sender is listened to.
  void took_rows_of(const Envelope& from);
  // Whether rows of this message may be merged; counts what may not.
  [[nodiscard]] bool admits(const Envelope& from);

  void on_rebase(const Envelope& from, const RebaseBody& body) const;
  void on_rebased(const Envelope& from, const RebasedBody& body);
  void forget(NodeId peer);
  void tick();
  std::optional<std::int64_t> wake_at_ms() const;

  struct Progress {
    NodeId onto;
    std::size_t shards = 0, shards_done = 0;
    std::uint64_t dropped = 0;
  };
  std::optional<Progress> progress() const;

 private:
  struct Question {
    NodeId peer;
    std::uint64_t nonce = 0;
    std::int64_t expires_at_ms = 0;
    Timestamp first_floor;               // Of the member, when it began.
    std::deque<ShardId> left;            // The first is being gone through.
    std::size_t shards = 0;
    BucketSet buckets;                   // Of it, that differ.
    StoreKey after;
    Horizon::AsOf as_of;                 // What the member said last.
    bool pulling = false;                // All shards are gone through.
    std::uint64_t dropped = 0;
  };
  void ask();
  bool outrun(const Envelope& from) const;
  // Takes out what the member has seen and holds no more.  Returns up to where; empty: to the end.
  StoreKey take_out(const Envelope& from, const RebasedBody& body, const std::vector<Cell>& cells);
  void done();

  Core& core_;
  Mend& mend_;
  Pull& pull_;
  // SUBTLE: of each member what its present life says.  A disk that went back has its horizon of then, and the removals it
  // had forgotten since: when all of those that had forgotten something went back, nobody is behind them any more.
  struct Told {
    OriginId origin;
    Timestamp horizon;
  };
  std::map<NodeId, Told> told_horizons_;
  bool had_rows_ = false;                // When this life began.
  Timestamp first_floor_;                // The least of those whose rows a node took that is not whole yet.
  std::optional<Question> question_;
  std::int64_t patience_ms_ = 0;
  bool told_ = false;
};

}  // namespace kith
