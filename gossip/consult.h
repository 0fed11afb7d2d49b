// gossip/consult.h -- a read that asks others first: what they hold of the shard is merged here, and then it is read here.
//
//     coordinator -- pull {nonce, [shard, .., our clock]} --> every other member
//                 <- rows {nonce, [shard, cells, end]} --     asked on, to the end of its feed; then it has told
//
// When as many as the level asks for have told, this node among them, the read is answered from its own disk: it holds what each of
// them held when it was asked.  So any read of one key can be asked for at a level, a whole set as well as one element, and what this
// node was behind in is repaired, and spreads from here as if it had been pulled.  In step it costs a question and an empty answer a
// member; to a node that is far behind, what it lacks of that shard.
//
// RULE. A peer counts only for reads that were begun before it was asked.  An answer counts only with the nonce of the question that is
// outstanding with that peer; what was asked earlier may be older than a write that was acknowledged since.
// RULE. Effects after durability: the reply leaves when the batch with the rows is durable, so that who reads after it sees them.
// RULE. No clock is raised: that is for gossip/pull, which does it with all that belongs to it.
// Whoever has damaged rows in the shard, or sends what nobody may have yet, has not told.
//
// What a level promises: of a write that was acknowledged by W members, and a read that was begun later and told by R, at least one member
// took part in both when W + R is more than all who hold the data.  A quorum of reads is the R for which a quorum of writes is enough.
//
// Of one shard one question at a time is under way; reads that come meanwhile wait, and share the next.  Belongs to the engine.
// Tests: tests/gossip/consult_test.cc
#pragma once

#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "gossip/core.h"

namespace kith {

class Consultations {
 public:
  static constexpr std::size_t kReadsMax = 16'384;  // Under way at once; further ones are told to come again.

  explicit Consultations(Core& core) : core_(core) {}

  void begin(const Consult& consult);
  // Whether it was an answer to one of these.  REQUIRES: what it holds may be merged.
  bool take_rows(NodeId from, OriginId origin, const RowsBody& body);
  void forget(NodeId peer);  // It began a new life: the question that it was asked is gone.
  void tick();
  std::optional<std::int64_t> wake_at_ms() const;

 private:
  struct Reading {
    Reply reply;
    std::uint32_t wanted = 1;       // Replicas, this one among them if it is one.
    std::int64_t expires_at_ms = 0;
  };
  struct Asked {                    // A peer.
    std::uint64_t nonce = 0;
    std::optional<Cursor> behind;   // Read on from there.
    std::uint64_t setbacks = 0;     // That there had been in the shard.
    std::int64_t again_at_ms = 0;   // A question or an answer was lost, or it is away.
    std::int64_t patience_ms = 0;
    bool told = false;
  };
  struct OfShard {
    std::map<NodeId, Asked> asked;
    std::vector<Reading> readings;  // That were begun before these were asked.
    std::vector<Reading> next;
  };
  std::uint32_t level_of(const Consult& consult) const;
  std::uint32_t wanted_by(const Consult& consult) const;
  void ask_all(ShardId shard, OfShard& of);
  void ask(ShardId shard, NodeId peer, Asked& asked);
  void settle(ShardId shard, OfShard& of);             // Answers what has been told by enough, and begins the next.
  void refuse(Reading& reading, const std::string& told_by);
  std::string told_by(const OfShard& of) const;        // "n1 and n3"

  Core& core_;
  std::map<ShardId, OfShard> shards_;
  // How far the feed of a peer was read.  SUBTLE: not in the store: to remember it would be a commit for each read.
  std::map<std::pair<ShardId, NodeId>, Cursor> cursors_;
  std::size_t waiting_ = 0;
};

}  // namespace kith
