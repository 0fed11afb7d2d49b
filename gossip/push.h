// gossip/push.h -- a node's own commits, sent to the other replicas the moment they are durable.
//
//     push {shard, previous own commit, this commit, entries}
//
// The receiver merges the entries always: they are true whatever else is missing.  It advances its clock entry for the
// sender's origin only when it already holds the previous commit; a lost push leaves a gap that a pull fills
// (DESIGN.md, section 6).  A push is cut between commits, never inside one.  Transcripts: tests/gossip/push_test.cc
#pragma once

#include "gossip/core.h"

namespace kith {

class Push {
 public:
  explicit Push(Core& core) : core_(core) {}

  // Sends what was committed since the last time.  With `ack`, receivers say when it is durable there.
  // REQUIRES: the batch that holds it is durable.
  void flush(bool ack);

  void on_push(NodeId from, OriginId origin, const PushBody& body);

  // What the ack of a push that asked for one stands for; empty when it is not ours or was taken before.
  struct Covered {
    ShardId shard;
    Timestamp commit;
  };
  std::vector<Covered> take_acked(NodeId from, std::uint64_t nonce);

 private:
  struct Outstanding {
    NodeId to;
    std::vector<Covered> parts;
  };
  void send(PushBody body, bool ack);

  Core& core_;
  std::map<std::uint64_t, Outstanding> outstanding_;
  std::vector<std::uint64_t> order_;  // Of outstanding_, oldest first: the oldest are forgotten.
};

}  // namespace kith
