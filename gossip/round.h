// gossip/round.h -- anti-entropy: every interval one random peer is told, in a few bytes, what this node holds.
//
//     teller                                      peer
//       | -- summary {digest, promise, root} ---> |   equal: raises its clock to the teller's promise, and answers with
//       | <-- agreed {digest, promise, root} ---- |          its own; both then compare roots (gossip/audit)
//       | <------ digests {per shard} ----------- |   different: what differs can be told from these
//       | -- pull ... --------------------------> |          and the peer pulls back what it lacks (gossip/pull)
//
// A round in sync costs two messages of fixed size, whatever the size of the data.  A node's entry for its own origin
// is always "now"; that is how clocks, and so floors, advance when nobody writes.
// Peers are replicas: an observer (gossip/follow.h) tells, is answered, and pulls; it is told only when a life begins.
// Transcripts: tests/gossip/round_test.cc
#pragma once

#include "gossip/audit.h"
#include "gossip/core.h"
#include "gossip/pull.h"

namespace kith {

class Round {
 public:
  Round(Core& core, Horizon& horizon, Pull& pull, Audit& audit)
      : core_(core), horizon_(horizon), pull_(pull), audit_(audit) {}

  // At the start of a life, or of being a member: tells everybody, so that who hears of it can fence the earlier ones.
  // Of too many to tell each, the neighbours and a few others; the push of the record tells the rest.
  void begin();
  bool tick();            // True when a round began.
  std::int64_t wake_at_ms() const { return next_at_ms_; }

  // Both return whether the two nodes hold the same, as far as clocks know.
  bool on_summary(const Envelope& from, const SummaryBody& body);
  bool on_agreed(const Envelope& from, const AgreedBody& body);
  void on_digests(const Envelope& from, const DigestsBody& body);

 private:
  void tell(NodeId peer);
  void answered(NodeId peer);  // What it was told; for status only.

  std::vector<NodeId> first_to_tell();
  void compare_members(NodeId peer);
  void answer_observer(NodeId from, const SummaryBody& body);
  // RULE. A node that is not whole yet asks for every shard.  Of one in which all lives are retired nothing is left in clocks:
  // nothing differs, and there may be rows.  False: it is whole, or the peer is not.
  bool take_all(NodeId from, Horizon::AsOf as_of);
  // Unless enough are asked already: a later round will.
  void ask(NodeId peer, const std::vector<ShardId>& shards, std::optional<Horizon::AsOf> as_of = std::nullopt);
  void schedule();

  Core& core_;
  Horizon& horizon_;
  Pull& pull_;
  Audit& audit_;
  std::int64_t next_at_ms_ = 0;
  std::uint64_t rounds_ = 0;
};

}  // namespace kith
