#include "sim/claims.h"

#include <algorithm>

namespace kith::sim {

void Claims::committed(ShardId shard, const StoreKey& cell, const Content& delta) {
  const auto put = [&](const Commit& commit, Entry::Role role, ActorId actor, Timestamp at) {
    committed_[{shard, commit.origin}].insert({commit.at, cell, role, actor, at});
  };
  if (delta.holds(Kind::kSet)) {
    for (const auto& [actor, entry] : delta.as_set_element().adds())
      put(entry.commit, Entry::Role::kAdd, actor, entry.at);
    for (const auto& [actor, entry] : delta.as_set_element().removed())
      put(entry.commit, Entry::Role::kRemoval, actor, entry.at);
  } else if (!delta.empty()) {
    const Register& it = delta.as_register();
    put(it.commit(), Entry::Role::kRegister, it.tag().actor, it.tag().at);
  }
}

bool Claims::Entry::held_by(const GhostCell& ghost) const {
  const auto reached = [&](const std::vector<GhostCell::Item>& items) {
    return std::any_of(items.begin(), items.end(),
                       [&](const auto& item) { return item.actor == actor && item.at >= at; });
  };
  switch (role) {
    case Role::kAdd: return reached(ghost.adds()) || reached(ghost.removed());  // A dead add is not sent on.
    case Role::kRemoval: return reached(ghost.removed());
    case Role::kRegister: return ghost.tag() >= Tag{at, actor};
  }
  return false;
}

std::optional<Commit> Claims::Entry::commit_in(const GhostCell& ghost) const {
  if (role == Role::kRegister) return ghost.tag() == Tag{at, actor} ? std::optional(ghost.commit()) : std::nullopt;
  for (const auto& item : role == Role::kAdd ? ghost.adds() : ghost.removed()) {
    if (item.actor == actor && item.at == at) return item.commit;
  }
  return std::nullopt;
}

std::optional<Timestamp> Claims::Entry::ended_in(const GhostCell& ghost) const {
  if (role == Role::kRegister) {
    if (ghost.tag() == Tag{at, actor} && ghost.expires_at_ms() != 0) {
      return std::max(ghost.commit().at, Timestamp::at_ms(ghost.expires_at_ms()));
    }
    const bool over = ghost.tag() > Tag{at, actor} || (ghost.tag() == Tag{at, actor} && !ghost.value());
    return over ? std::optional(ghost.commit().at) : std::nullopt;
  }
  for (const auto& item : ghost.removed()) {
    if (item.actor == actor && item.at >= at) return item.commit.at;
  }
  return std::nullopt;
}

std::vector<std::pair<OriginId, Claims::Entry>> Claims::unheld(std::uint32_t machine, const Held& held,
                                                               const Ghost& ghost) {
  static const GhostCell kNothing;
  std::vector<std::pair<OriginId, Entry>> out;
  for (const auto& [place, at] : held) {
    Timestamp& looked_at = looked_at_[machine][place];
    const auto entries = committed_.find(place);
    if (entries == committed_.end()) continue;
    for (auto it = entries->second.upper_bound(Entry{looked_at, StoreKey(64, '\xff'), Entry::Role::kRegister, {}, {}});
         it != entries->second.end() && it->commit <= at; ++it) {
      const auto cell = ghost.find(it->cell);
      if (const auto tag = increment_tag_of_store_key(it->cell)) {  // Or in a base that came instead.
        const auto base = ghost.find(base_store_key(it->cell));
        if (base != ghost.end() && base->second.tag().at >= tag->at) continue;
      }
      if (!it->held_by(cell == ghost.end() ? kNothing : cell->second)) out.emplace_back(place.second, *it);
    }
    looked_at = std::max(looked_at, at);
  }
  return out;
}

}  // namespace kith::sim
