// gossip/relay.h -- what goes to this node's row of the grid (gossip/spread.h): pushes of others, sent on, and its own.
//
//     writer -- push {spread, parts} --> relay            commits; gathers for relay_gather_ms
//                                          | -- push {relayed: [[node, origin, start, floor, parts] ...]} --> each of its row
//
// RULE. Effects after durability: nothing is sent on before this node holds it durably itself.
// The first goes at once; what comes within relay_gather_ms of it goes together, in one message to each of the row: so
// the cost is one message an edge and interval, whatever the number of writers.  Parts are passed on as they came: a
// message is cut between parts only.  What was relayed is never relayed again, and nothing is sent on twice.
// What is gathered is bounded by push_bytes_max, after which it goes early, and is in memory only: what a killed relay
// had not sent on is pulled.  Tests: tests/gossip/relay_test.cc
#pragma once

#include <map>
#include <utility>

#include "gossip/core.h"

namespace kith {

class Relay {
 public:
  explicit Relay(Core& core) : core_(core) {}

  // To send on once the batch at hand is durable.
  void take(NodeId node, Life life, Timestamp floor, std::vector<PushBody::Part> parts);

  void batch_is_durable();
  void send_gathered();  // All of it, now.
  void tick();
  std::optional<std::int64_t> wake_at_ms() const;

 private:
  Core& core_;
  std::vector<PushBody::Relayed> arrived_;  // In the batch at hand.
  std::map<std::pair<NodeId, OriginId>, PushBody::Relayed> gathered_;  // Durable.
  std::size_t gathered_bytes_ = 0;
  std::optional<std::int64_t> sent_at_ms_;
};

}  // namespace kith
