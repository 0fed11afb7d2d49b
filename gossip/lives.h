// gossip/lives.h -- origins: how a node begins a life, and whose messages it listens to (DESIGN.md, section 7).
//
// RULE. Every start is a new origin with a start timestamp; a node's lives are ordered by it.  Peers that learn of one
// begin its clock entry at that start and refuse all messages of the node's earlier lives from then on.
// Closing and retiring former lives is not here yet: their clock entries stay, and hold back nothing but floors.
// Transcripts: tests/gossip/lives_test.cc
#pragma once

#include "gossip/core.h"

namespace kith {

class Lives {
 public:
  explicit Lives(Core& core) : core_(core) {}

  // What the store remembers of this node, its clocks and the member table.  Returns rows of the table that are damaged.
  [[nodiscard]] std::vector<StoreKey> load();

  // Draws the origin, makes identity and start durable, and, when this node belongs to a cluster, writes the life into
  // its record.
  void begin(const NodeSetup& setup);

  // Writes this node's record, with this life as the last.  REQUIRES: joined.
  void publish();

  // The fence.  Merges the member table that came along, learns of new lives, and tells whether the rest of the message
  // may be looked at.  What it refuses is counted, and changed nothing.
  [[nodiscard]] bool accept(const Envelope& envelope);

  // The fence for what a relay sends on: whether the life is that of a member and not an earlier one.  Learns of a
  // newer one; what is known of the originator as a peer stays as it was, since it was not the one who spoke.
  [[nodiscard]] bool accept_relayed(NodeId node, Life life);

  // Whether the sender's clock is too far ahead of ours; `ahead_ms` says how far.
  bool skewed(const Envelope& envelope, std::int64_t* ahead_ms) const;

  // How far this machine's clock is ahead of the majority of its peers; positive above max_skew only when they agree.
  bool clock_fenced(std::int64_t* ahead_ms = nullptr) const;

  void stop();                                           // Tells every peer, or, of many, the neighbours.
  void on_stopping(NodeId from) { core_.peers[from].stopping = true; }

  // Peers know a later life of this node than this one: its disk is an old copy, or a copy of it runs elsewhere.  They
  // refuse all that this life says, so what it took in would reach nobody: it takes in nothing any more.
  void on_superseded(NodeId from, const SupersededBody& body);

 private:
  std::int64_t ahead_of_most() const;                    // 0: nobody to judge by.
  bool merge_members(const Envelope& envelope);
  void tell_superseded(const Envelope& envelope);
  // What keeps a life from being listened to, as counters name it; empty: nothing.  Then it is learnt of.
  std::string_view fence(NodeId node, Life life);
  void heard(const Envelope& envelope);
  bool refuse(std::string_view counter) const {
    core_.count(counter);
    return false;
  }

  Core& core_;
  std::map<NodeId, std::int64_t> told_at_ms_;            // Superseded lives, once an interval each.
  std::map<NodeId, std::int64_t> warned_at_ms_;          // Not more than one line a peer every ten seconds.
  // Asked for with every operation, and the answer changes with time and with what is heard only.
  std::uint64_t heard_ = 0;
  mutable std::uint64_t judged_heard_ = 0;
  mutable std::int64_t judged_at_ms_ = -1;
  mutable std::int64_t ahead_ms_ = 0;
};

}  // namespace kith
