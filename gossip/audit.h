// gossip/audit.h -- rows compared by fingerprint, because clocks say what was sent and only the disk what is there.
//
//     asker                                                answerer
//       | -- audit {nonce, a root per shard} ----------------> |  stateless: one snapshot, one answer
//       | <- buckets {nonce, [shard, 256 sums]} -------------  |  of the shards that differ, so many at a time
//       | -- repair {nonce, shard, buckets, after} ----------> |  of one shard, those buckets that differ
//       | <- repaired {nonce, shard, cells, next, end} ------- |  whole rows in order of store key, to a limit
//       | -- repair {new nonce, ...} ... --------------------> |  until the last shard is at its end
//
// When: in a round whose digests agree the two nodes hold the same as far as clocks know, so their rows must have the
// same fingerprints; what is behind a gap on its way to one of them is the exception, and it goes by.  Fingerprints are
// sums, so our root less the peer's is what the differing rows amount to, whoever the peer is and whatever both have
// written since.
// RULE. A node audits when it has seen the same difference in two agreed rounds, with any peers, that are at least a
// gossip interval apart; never for one that is seen once.
// An asker merges what changes its own rows.  What the answerer lacks it asks for in return, of the same shard and
// buckets, when it is asked for rows; what is asked in return is not asked in return.  Two that see the difference in
// one round audit each other at the same time: then the audit of the lower node id serves both, and the other is
// dropped.
// RULE. An answer counts only if it carries the nonce of the question outstanding in this life.
// Nobody audits an observer (gossip/follow.h).  What an observer finds in its own rows that the answerer had seen, by the clocks that were equal
// when the audit began, and does not hold, it gives up.
// RULE. Repair moves no clock: that a row is here says nothing of what else is.  A row that changes moves to the end of
// the feed, as always, so others whose clocks do not cover it read it there.
// A shard of which a row is damaged, here or there, is left out until it is mended: its sums are not those of its rows.
// Damage that is met on the way is passed over and given to gossip/mend.
// At most one audit of our own is outstanding, and nothing is kept per row.  A difference that outlasts an audit waits
// for the next one twice as long, up to kPauseIntervalsMax intervals: rows that a store refuses would else be sent for
// ever.
// Tests: tests/gossip/audit_test.cc
#pragma once

#include <deque>
#include <map>
#include <optional>

#include "gossip/core.h"
#include "gossip/mend.h"

namespace kith {

class Audit {
 public:
  static constexpr std::int64_t kPauseIntervalsMax = 64;

  Audit(Core& core, Mend& mend) : core_(core), mend_(mend) {}

  // A round found equal digests, and the peer's root is this; nothing: it did not tell.
  void agreed(NodeId peer, std::optional<std::uint64_t> root);
  void forget(NodeId peer);  // It began a new life: the question it was asked is gone.
  void tick();               // Gives up a question that was not answered in time: a later round finds the difference.
  std::optional<std::int64_t> wake_at_ms() const;

  void on_audit(NodeId from, const AuditBody& body);
  void on_buckets(NodeId from, const BucketsBody& body);
  void on_repair(NodeId from, const RepairBody& body);
  void on_repaired(const Envelope& from, const RepairedBody& body);

 private:
  struct Doubt {
    std::uint64_t difference = 0;
    std::int64_t audit_at_ms = 0;      // When it is seen then or later.
    std::int64_t pause_ms = 0;         // Until the next audit, after that.
  };
  struct Differing {
    ShardId shard = 0;
    BucketSet buckets;
  };
  struct Question {
    NodeId peer;
    std::uint64_t nonce = 0;
    std::int64_t expires_at_ms = 0;
    bool back = false;                 // In return for what the peer asks.
    bool has_buckets = false;          // `audit` is answered, or was not needed: `repair` is outstanding.
    std::deque<Differing> differing;   // Still to be read; the first is being read.
    StoreKey after;                    // In it.
    int unanswered = 0;                // Since the last answer.
    std::uint64_t rows_repaired = 0;
    std::map<ShardId, CommitClock> clocks;  // When it began, of an observer.
  };
  void begin(NodeId peer);
  void ask_in_return(NodeId peer, const RepairBody& body);
  void ask(Body body);
  void ask_rows();
  void answered();
  void repair(const Snapshot& snapshot, ShardId shard, const Cell& cell);
  void give_up_what_is_not_there(const Snapshot& snapshot, const Envelope& from, const RepairedBody& body, const std::vector<Cell>& cells);
  void finish();
  bool asked(NodeId from, std::uint64_t nonce, bool has_buckets) const;
  bool exists(ShardId shard) const { return shard == kSystemShard || shard < core_.self.shard_count; }

  Core& core_;
  Mend& mend_;
  std::deque<Doubt> doubts_;           // The last few differences seen, oldest first.
  std::optional<Question> question_;
  std::int64_t patience_ms_ = 0;       // Grows when answers do not come, like that of gossip/pull.
};

}  // namespace kith
