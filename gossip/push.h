// gossip/push.h -- a node's own commits, sent to the other replicas the moment they are durable.
//
//     push {shard, previous own commit, this commit, entries}
//
// The receiver merges the entries always: they are true whatever else is missing.  It advances its clock entry for
// their origin only when it already holds the previous commit; a lost push leaves a gap that a pull fills (DESIGN.md,
// section 6), and one that was overtaken closes it when it comes (gossip/early_pushes.h).  A push is cut between
// commits, never inside one.
// To few members it goes directly; to many along the grid of gossip/spread.h, from which gossip/relay.h sends it on.
// When a client waits for acks it goes directly, however many there are.
// What others wrote and a relay sends on is judged like what they push themselves: merged when its originator passes
// the fence, held when nothing before it is missing.  Transcripts: tests/gossip/push_test.cc,
// tests/gossip/relay_test.cc
#pragma once

#include <deque>
#include <memory>

#include "gossip/lives.h"
#include "gossip/relay.h"

namespace kith {

class Push {
 public:
  Push(Core& core, Lives& lives, Relay& relay) : core_(core), lives_(lives), relay_(relay) {}

  // Sends what was committed since the last time.  With `ack`, receivers say when it is durable there.
  // REQUIRES: the batch that holds it is durable.
  void flush(bool ack);

  void on_push(const Envelope& from, const PushBody& body);

  // What the ack of a push that asked for one stands for; empty when it is not ours or was taken before.
  struct Covered {
    ShardId shard;
    Timestamp previous, commit;  // It carried what was committed after the first, up to the second.
  };
  std::vector<Covered> take_acked(NodeId from, std::uint64_t nonce);

 private:
  using Parts = std::vector<PushBody::Part>;
  using Cells = std::vector<std::vector<Cell>>;  // One for each part.

  struct Outstanding {
    NodeId to;
    std::shared_ptr<const std::vector<Covered>> parts;  // Of one push to many.
  };
  void send(PushBody body, bool ack);
  void send_for_acks(const PushBody& body, const CellBlock& record);
  void send_along_grid(PushBody body, const CellBlock& record);

  std::optional<Cells> read(const Parts& parts) const;  // Nothing when any of it is malformed.
  Parts unseen(OriginId origin, const Parts& parts) const;
  bool take(OriginId origin, const Parts& parts, const Cells& cells);  // False: behind a gap.

  Core& core_;
  Lives& lives_;
  Relay& relay_;
  std::map<std::uint64_t, Outstanding> outstanding_;
  // Of outstanding_, oldest first, and of some that were answered: the oldest are forgotten.
  std::deque<std::uint64_t> order_;
};

}  // namespace kith
