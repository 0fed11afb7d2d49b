// gossip/mend.h -- damaged rows, asked for by store key at one peer after the other until somebody has them.
//
//     holder of the damage -- fetch {store keys} --> peer
//                          <- mended {cells, missing} --
//
// Until mended a damaged row is neither served nor gossiped, and writes to it are refused.  The first peer that has it
// mends it; the others are asked all the same, since one of them may hold more of it, which our clock covers and which
// would never come again.  Until all have answered the shard is unsound: nobody takes a clock from us.  When every other
// member has said that it holds nothing under that key, the row is given up, and the log says so.
// Falls short: who is still to be asked after the first answer is forgotten when this node is killed.
// Transcripts: tests/gossip/mend_test.cc
#pragma once

#include <set>

#include "gossip/core.h"

namespace kith {

class Mend {
 public:
  explicit Mend(Core& core) : core_(core) {}

  void load();                          // What the store has marked in earlier lives.
  void found(const StoreKey& key);      // Asks a peer at once when this is news.
  void refused(const StoreKey& key);    // The store could not take what was merged: says so, once a commit.
  void round();                         // Asks the next peer for what is still damaged.
  std::size_t waiting() const;          // Not mended yet.
  bool waiting_in(ShardId shard) const; // Some row of the shard is not mended, or not by everybody yet.

  void on_fetch(NodeId from, const FetchBody& body);
  void on_mended(NodeId from, const MendedBody& body);

 private:
  struct Damage {
    bool mended = false;       // Somebody had it.
    std::set<NodeId> answered;
  };
  void ask(NodeId peer, const std::vector<StoreKey>& keys);
  void answered(const StoreKey& key, NodeId peer);

  Core& core_;
  std::map<StoreKey, Damage> damaged_;
};

}  // namespace kith
