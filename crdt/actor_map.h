// crdt/actor_map.h -- actor -> its latest entry: a map of maxima, and so a lattice.
//
// Invariants (CHECKed on decode):
//   I1. Sorted by actor, no actor twice: equal states encode to equal bytes.
//   I2. Actors, timestamps, commits and origins are above zero.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "crdt/tag.h"

namespace kith {

class ActorMap {
 public:
  using Item = std::pair<ActorId, Entry>;

  // The actor's entry, or null.  Lives until the next change.  Cost: log(actors).
  const Entry* find(ActorId actor) const {
    const auto it = lower(actor);
    return it != items_.end() && it->first == actor ? &it->second : nullptr;
  }

  // Joins one entry in; false when nothing changed.
  bool raise(ActorId actor, const Entry& entry) {
    const auto at = items_.begin() + (lower(actor) - items_.cbegin());
    if (at == items_.end() || at->first != actor) {
      items_.insert(at, {actor, entry});
      return true;
    }
    const Entry winner = later(at->second, entry);
    if (winner == at->second) return false;
    at->second = winner;
    return true;
  }

  // Joins all of `other` in; false when nothing changed.  Cost: the actors of both; of few, little.
  bool join(const ActorMap& other) {
    // A delta of an operation is one or two entries.  More of them are merged: inserted one by one, 60,000 actors into
    // as many others would move 60,000 * 60,000 / 2 entries, for seconds.
    if (other.size() > kInsertedSinglyMax) return merge(other);
    bool changed = false;
    for (const auto& [actor, entry] : other.items_) changed |= raise(actor, entry);
    return changed;
  }

  template <class Predicate>  // (ActorId, const Entry&) -> bool
  void keep_if(Predicate wanted) {
    std::erase_if(items_, [&](const Item& item) { return !wanted(item.first, item.second); });
  }

  auto begin() const { return items_.begin(); }
  auto end() const { return items_.end(); }
  std::size_t size() const { return items_.size(); }
  bool empty() const { return items_.empty(); }

  friend bool operator==(const ActorMap&, const ActorMap&) = default;

 private:
  static constexpr std::size_t kInsertedSinglyMax = 4;

  bool merge(const ActorMap& other) {
    std::vector<Item> merged;
    merged.reserve(items_.size() + other.items_.size());
    bool changed = false;
    auto mine = items_.begin();
    for (const Item& theirs : other.items_) {
      while (mine != items_.end() && mine->first < theirs.first) merged.push_back(*mine++);
      if (mine == items_.end() || mine->first != theirs.first) {
        merged.push_back(theirs);
        changed = true;
        continue;
      }
      merged.emplace_back(mine->first, later(mine->second, theirs.second));
      changed |= !(merged.back() == *mine++);
    }
    if (!changed) return false;
    merged.insert(merged.end(), mine, items_.end());
    items_ = std::move(merged);
    return true;
  }

  std::vector<Item>::const_iterator lower(ActorId actor) const {
    return std::lower_bound(items_.begin(), items_.end(), actor,
                            [](const Item& item, ActorId wanted) { return item.first < wanted; });
  }

  std::vector<Item> items_;
};

}  // namespace kith
