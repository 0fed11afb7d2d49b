// gossip/consult.h -- a read that asks others first: what they hold of some rows is merged here, and then they are read here.
//
//     coordinator -- fetch {store keys, nonce} --> every other member
//                 <- mended {cells, missing, nonce} --  until as many as the level asks for have told of all of them
//
// Rows join with nothing but one another, so whatever comes is merged as any row is, behind the same fence; no clock is raised by it.
// What this node was behind in is so repaired, and spreads from here as if it had been pulled.  The reply leaves when the batch with the
// rows is durable: who reads a snapshot after it sees them.
//
// RULE. An answer counts only with the nonce of this question: one that was asked for earlier, by a mend or by another read, may be older than
// a write that was acknowledged since.
// What a level promises: of two operations, a write that was acknowledged by W replicas and a read that begins after it and is told by R,
// at least one member took part in both when W + R is more than all who hold the row.  A quorum of reads is that R for a quorum of writes.
// Tests: tests/gossip/consult_test.cc
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "gossip/core.h"

namespace kith {

class ConsultOthers {
 public:
  static constexpr std::size_t kRowsMax = 64;    // Of one read.
  static constexpr std::size_t kReadsMax = 4096; // Waiting at once; further ones are told that they were not reached.

  explicit ConsultOthers(Core& core) : core_(core) {}

  void begin(const Consult& consult);
  // `admitted`: what it holds may be merged.  Else it cannot help.
  void on_mended(NodeId from, const MendedBody& body, bool admitted);
  void tick();
  std::optional<std::int64_t> wake_at_ms() const;

 private:
  struct Reading {
    Reply reply;
    std::uint64_t nonce = 0;
    std::vector<StoreKey> keys;
    std::map<NodeId, std::set<StoreKey>> told;   // Of which rows.
    std::uint32_t wanted = 1;
    std::int64_t ask_again_at_ms = 0;
    std::int64_t expires_at_ms = 0;
  };
  std::uint32_t wanted_by(const Consult& consult) const;
  void ask(Reading& reading);
  void told(Reading& reading, NodeId from, const StoreKey& key);
  void answer(Reading& reading, Outcome outcome);

  Core& core_;
  std::vector<Reading> readings_;
};

}  // namespace kith
