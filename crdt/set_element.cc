#include "crdt/set_element.h"

#include <xxhash.h>

#include "crdt/bytes.h"

namespace kith {

bool SetElement::dead(ActorId actor, const Entry& add) const {
  const Entry* killer = removed_.find(actor);
  return killer != nullptr && add.at <= killer->at;
}

bool SetElement::present() const {
  return std::any_of(adds_.begin(), adds_.end(), [this](const auto& item) { return !dead(item.first, item.second); });
}

std::uint64_t SetElement::observable_hash() const {
  ByteWriter live;
  for (const auto& [actor, entry] : adds_) {
    if (dead(actor, entry)) continue;
    live.u64(actor.value);
    live.u64(entry.at.value);
  }
  if (live.size() == 0) return 0;
  const std::uint64_t hash = XXH3_64bits(live.view().data(), live.size());
  return hash != 0 ? hash : 1;
}

SetElement SetElement::add(Tag tag, Commit commit) {
  SetElement delta;
  const Entry entry{tag.at, commit};
  const Entry* mine = adds_.find(tag.actor);
  if ((mine != nullptr && mine->at >= tag.at) || dead(tag.actor, entry)) return delta;
  adds_.raise(tag.actor, entry);
  delta.adds_.raise(tag.actor, entry);
  return delta;
}

SetElement SetElement::remove(Tag tag, Commit commit) {
  SetElement delta;
  const auto observe = [&](ActorId actor, Timestamp up_to) {
    const Entry* known = removed_.find(actor);
    if (up_to && (known == nullptr || known->at < up_to)) delta.removed_.raise(actor, {up_to, commit});
  };
  for (const auto& [actor, entry] : adds_) {
    if (entry.at < tag.at) observe(actor, entry.at);
  }
  if (from_session(tag, commit)) observe(tag.actor, just_before(tag.at));
  removed_.join(delta.removed_);
  return delta;
}

bool SetElement::join(const SetElement& other) {
  const bool adds_changed = adds_.join(other.adds_);
  const bool removed_changed = removed_.join(other.removed_);
  return adds_changed || removed_changed;
}

void SetElement::drop_dead() {
  adds_.keep_if([this](ActorId actor, const Entry& entry) { return !dead(actor, entry); });
}

bool SetElement::collect(Timestamp horizon) {
  const auto goes = [&](ActorId actor, const Entry& removal) {
    if (removal.commit.at > horizon) return false;
    const Entry* add = adds_.find(actor);
    return add == nullptr || !dead(actor, *add) || add->commit.at <= horizon;
  };
  const std::size_t before = adds_.size() + removed_.size();
  adds_.keep_if([&](ActorId actor, const Entry& add) {
    return !dead(actor, add) || !goes(actor, *removed_.find(actor));
  });
  // A dead add that has stayed keeps its removal.
  removed_.keep_if([&](ActorId actor, const Entry& removal) { return !goes(actor, removal); });
  return adds_.size() + removed_.size() != before;
}

bool SetElement::drop(const SetElement& these) {
  const std::size_t before = adds_.size() + removed_.size();
  const auto drop_from = [](ActorMap& map, const ActorMap& dropped) {
    map.keep_if([&](ActorId actor, const Entry& entry) {
      const Entry* same = dropped.find(actor);
      return same == nullptr || *same != entry;
    });
  };
  drop_from(adds_, these.adds_);
  drop_from(removed_, these.removed_);
  return adds_.size() + removed_.size() != before;
}

void SetElement::recommit(Commit commit) {
  for (ActorMap* map : {&adds_, &removed_}) {
    ActorMap out;
    for (const auto& [actor, entry] : *map) out.raise(actor, {entry.at, commit});
    *map = std::move(out);
  }
}

}  // namespace kith
