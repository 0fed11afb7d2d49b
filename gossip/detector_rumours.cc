#include "gossip/detector_rumours.h"

namespace kith {

void RumourQueue::erase(std::map<Key, Entry>::iterator at) {
  by_rank_.erase({at->second.sent, at->second.order, at->first});
  rumours_.erase(at);
}

void RumourQueue::forget(NodeId node) {
  for (auto at = rumours_.lower_bound({node, NodeId{}}); at != rumours_.end() && at->first.first == node;) erase(at++);
}

void RumourQueue::put(const Rumour& rumour) {
  const auto stands_beside = [&](const Rumour& other) {
    return rumour.kind == Rumour::Kind::kSuspect && other.kind == rumour.kind && other.start == rumour.start &&
           other.incarnation == rumour.incarnation && other.by != rumour.by;
  };
  for (auto at = rumours_.lower_bound({rumour.node, NodeId{}}); at != rumours_.end() && at->first.first == rumour.node;) {
    const auto next = std::next(at);
    if (!stands_beside(at->second.rumour)) erase(at);
    at = next;
  }
  const Key key{rumour.node, rumour.by};
  const std::uint64_t order = ++last_order_;
  rumours_[key] = {rumour, 0, order};
  by_rank_.insert({0, order, key});
}

std::vector<Rumour> RumourQueue::take(NodeId to, std::size_t bytes, int times) {
  std::vector<Rumour> out;
  std::vector<Key> taken;
  for (const auto& [sent, order, key] : by_rank_) {
    if (key.first == to) continue;
    const Rumour& rumour = rumours_.at(key).rumour;
    const std::size_t needed = bytes_of(rumour);
    if (needed > bytes) break;
    bytes -= needed;
    out.push_back(rumour);
    taken.push_back(key);
  }
  for (const Key& key : taken) {
    const auto at = rumours_.find(key);
    by_rank_.erase({at->second.sent, at->second.order, key});
    if (++at->second.sent >= times) rumours_.erase(at);
    else by_rank_.insert({at->second.sent, at->second.order, key});
  }
  return out;
}

}  // namespace kith
