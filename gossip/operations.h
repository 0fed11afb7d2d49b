// gossip/operations.h -- client writes: checked, turned into deltas, answered.
//
// RULE. An operation is accepted only if now - retry_window < tag.timestamp <= now + max_skew.  Older: the distinct
// refusal "retry window passed", and nothing changes (DESIGN.md, section 4).
// A retry with the same tag changes nothing and is answered like the first attempt.
// An answer for more than one replica waits for acks of the push, or for a pull or a round that shows the same; when
// its time is up it says `stored`, never "failed".
// An increment of a counter is refused as well when it would carry the counter past 64 bits, as far as is known here: nodes
// that were apart may still pass them together (crdt/counter.h).
// kExpire and kPersist write the value that this node holds again, under their own tag, with another expiry or none: writes
// like any other.  So of two at once, and of one beside a `set`, the greater tag wins, wherever they were taken in; a value
// that was written elsewhere, and that this node has not heard of, loses against the one that is written again, if its tag is
// the smaller.  A retry finds its tag in the row, or a greater one, and changes nothing; at a node that has not heard of
// the first attempt it writes what that one holds, under the same tag, and of the two one wins everywhere.
// Tests: tests/gossip/expiry_test.cc, tests/gossip/operations_test.cc, tests/gossip/counters_test.cc
#pragma once

#include <map>
#include <set>

#include "crdt/counter.h"
#include "gossip/core.h"

namespace kith {

class Operations {
 public:
  Operations(Core& core) : core_(core) {}

  struct Standing {           // Reasons of the whole node to refuse writes.
    bool clock_fenced = false;
    std::int64_t clock_ahead_ms = 0;
    bool full = false;
    bool rebasing = false;
  };
  using FoundDamaged = std::function<void(const StoreKey&)>;
  void operate(const Operation& operation, const Standing& standing, const FoundDamaged& found_damaged);

  // Operations that came when the counter of the millisecond was used up, in their order.
  void retry_deferred(const Standing& standing, const FoundDamaged& found_damaged);

  bool wants_acks() const { return fresh_waiting_; }   // Some operation of the batch at hand waits for replicas.
  void batch_is_durable() {
    fresh_waiting_ = false;
    pending_sums_.clear();
    let_go();
  }
  void let_go() { reading_.reset(); }                  // Of what is durable; another look is taken when it is wanted.

  // `peer` has stored what this life committed in `shard` up to `at`, and says so; what it committed after `previous` came with the
  // push that it says so of, and is not only what its clock claims.
  void peer_stored(NodeId peer, ShardId shard, Timestamp previous, Timestamp at);
  // `peer` claims all of this clock; the same clocks as ours.  SUBTLE: it may claim what we vouched for.  So this does not
  // count for what waited when damage was found in the shard: the row may have been lost here before the peer had it.
  void peer_holds(NodeId peer, ShardId shard, const CommitClock& clock);
  void peer_holds_all(NodeId peer);

  void tick();                // Answers what has waited long enough.
  std::optional<std::int64_t> wake_at_ms() const;

 private:
  struct Waiting {
    Reply reply;
    ShardId shard = 0;
    std::vector<Commit> commits;   // A replica must hold all of these.
    std::uint64_t setbacks = 0;    // There had been.
    std::uint32_t replicas = 1;
    std::set<NodeId> holders;
    std::int64_t expires_at_ms = 0;
  };
  // The refusal, or nothing.
  std::optional<Reply> check(const Operation& operation, const Standing& standing) const;
  std::optional<Reply> against_rules(const Operation& operation) const;
  std::optional<Reply> against_table(const Operation& operation) const;
  Operation as_write(const Operation& operation) const;
  void write(const Operation& operation, const FoundDamaged& found_damaged);  // REQUIRES: !check(operation, ..).
  void answer(const Operation& operation, ShardId shard, Reply reply, std::vector<Commit> commits);
  const Snapshot& reading() {                          // Of what is durable: it changes with a commit, and not before.
    if (!reading_) reading_ = core_.store.snapshot();
    return *reading_;
  }
  bool vouched_for(const Waiting& waiting) const { return waiting.setbacks == core_.setbacks(waiting.shard); }
  bool settle(Waiting& waiting, NodeId peer);          // True when answered.

  Core& core_;
  std::vector<Operation> deferred_;
  std::vector<Waiting> waiting_;
  std::map<std::pair<std::string, std::string>, CounterSum> pending_sums_;  // By table and key: our own of the batch at hand.
  bool fresh_waiting_ = false;
  std::unique_ptr<Snapshot> reading_;
};

}  // namespace kith
