// gossip/mend.h -- damaged rows, asked for by store key at one peer after the other until somebody has them.
//
//     holder of the damage -- fetch {store keys} --> peer
//                          <- mended {cells, missing} --
//
// Until mended a damaged row is neither served nor gossiped, and writes to it are refused.  When every other member has
// said that it holds nothing under that key, the row is given up, and the log says so.
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
  std::size_t waiting() const { return damaged_.size(); }
  bool waiting_in(ShardId shard) const;

  void on_fetch(NodeId from, const FetchBody& body);
  void on_mended(NodeId from, const MendedBody& body);

 private:
  void ask(NodeId peer, const std::vector<StoreKey>& keys);

  Core& core_;
  std::map<StoreKey, std::set<NodeId>> damaged_;  // Key -> who has said that it holds nothing.
};

}  // namespace kith
