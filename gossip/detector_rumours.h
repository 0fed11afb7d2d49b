// gossip/detector_rumours.h -- the rumours that a node still has to pass on.
//
// Each goes along with so many messages, those that went least first, and is then forgotten here: with a number of times that
// grows as the logarithm of the members everybody hears of it (Das et al., "SWIM", 2002, section 4.1).  Of one node there is what counts
// most, which for a suspicion is all who share it.
// Deterministic; in the order in which they came where they went equally often.  Tests: tests/gossip/detector_rumours_test.cc
#pragma once

#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "gossip/detector_message.h"

namespace kith {

class RumourQueue {
 public:
  // In place of what is known of that node, but for suspicions of the same incarnation by others.
  void put(const Rumour& rumour);
  void forget(NodeId node);

  // What goes along to `to` in so many bytes: nothing about itself, which it hears otherwise.  Each that went `times` is dropped.
  std::vector<Rumour> take(NodeId to, std::size_t bytes, int times);

  bool has_for(NodeId to) const {
    return !rumours_.empty() && (rumours_.begin()->first.first != to || rumours_.rbegin()->first.first != to);
  }
  bool empty() const { return rumours_.empty(); }
  std::size_t size() const { return rumours_.size(); }

 private:
  using Key = std::pair<NodeId, NodeId>;               // About whom, by whom.
  struct Entry {
    Rumour rumour;
    int sent = 0;
    std::uint64_t order = 0;
  };
  using Rank = std::tuple<int, std::uint64_t, Key>;
  void erase(std::map<Key, Entry>::iterator at);

  std::map<Key, Entry> rumours_;
  std::set<Rank> by_rank_;
  std::uint64_t last_order_ = 0;
};

}  // namespace kith
