#include "sim/ghost.h"

#include <xxhash.h>

#include <algorithm>

namespace kith::sim {
namespace {

// Of one tag: the earlier commit stands.  What a rebase took out has none until it comes from elsewhere.
bool stands_before(const Commit& a, const Commit& b) { return a.at && (!b.at || a < b); }

bool overtakes(const GhostCell::Item& a, const GhostCell::Item& b) {
  if (a.at != b.at) return a.at > b.at;
  return stands_before(a.commit, b.commit);
}

std::string words(std::uint64_t id, Timestamp at) {
  return to_hex(id).substr(0, 4) + "@" + std::to_string(at.ms() % 1'000'000) + "." + std::to_string(at.counter());
}

std::string words(ActorId actor, Timestamp at, const Commit& commit) {
  return words(actor.value, at) + "(by " + in_words(commit) + ")";
}

}  // namespace

std::string in_words(const Commit& commit) { return words(commit.origin.value, commit.at); }

void GhostCell::raise(std::vector<Item>& items, const Item& item) {
  auto at = items.begin();
  while (at != items.end() && at->actor < item.actor) ++at;
  if (at == items.end() || at->actor != item.actor) {
    items.insert(at, item);
  } else if (overtakes(item, *at)) {
    *at = item;
  }
}

const GhostCell::Item* GhostCell::find(const std::vector<Item>& items, ActorId actor) {
  for (const Item& item : items) {
    if (item.actor == actor) return &item;
  }
  return nullptr;
}

void GhostCell::join(const Content& content) {
  if (content.holds(Kind::kSet)) {
    const SetElement& element = content.as_set_element();
    for (const auto& [actor, entry] : element.adds()) raise(adds_, {actor, entry.at, entry.commit});
    for (const auto& [actor, entry] : element.removed()) raise(removed_, {actor, entry.at, entry.commit});
    return;
  }
  const Register& other = content.as_register();
  if (other.empty() || other.tag() < tag_) return;
  if (other.tag() == tag_) {
    // Of an `expire` that two nodes took in, with what either held: two values under one tag.
    const auto hash = [](const std::optional<std::string>& value) { return value ? XXH3_64bits(value->data(), value->size()) : 0; };
    if (other.value() != value_) {
      if (std::pair(hash(other.value()), other.value()) < std::pair(hash(value_), value_)) return;
    } else if (other.expires_at_ms() != expires_at_ms_) {
      if (expires_at_ms_ == 0 || (other.expires_at_ms() != 0 && other.expires_at_ms() < expires_at_ms_)) return;
    } else {
      if (stands_before(other.commit(), commit_)) commit_ = other.commit();
      return;
    }
  }
  tag_ = other.tag();
  commit_ = other.commit();
  value_ = other.value();
  expires_at_ms_ = other.expires_at_ms();
}

bool GhostCell::equals(const Content& content) const {
  const auto same = [](const std::vector<Item>& items, const ActorMap& map) {
    return items.size() == map.size() &&
           std::equal(items.begin(), items.end(), map.begin(), [](const Item& item, const auto& entry) {
             return item == Item{entry.first, entry.second.at, entry.second.commit};
           });
  };
  if (content.holds(Kind::kSet)) {
    return same(adds_, content.as_set_element().adds()) && same(removed_, content.as_set_element().removed());
  }
  const Register& other = content.as_register();
  return other.tag() == tag_ && other.commit() == commit_ && other.value() == value_ &&
         other.expires_at_ms() == expires_at_ms_;
}

bool GhostCell::settled(Timestamp horizon) const {
  return value_ && expires_at_ms_ != 0 && commit_.at <= horizon && Timestamp::at_ms(expires_at_ms_) <= horizon;
}

void GhostCell::take_out(ActorId actor, Timestamp removed_at) {
  std::erase_if(adds_, [&](const Item& add) { return add.actor == actor && add.at <= removed_at; });
  raise(removed_, {actor, removed_at, {}});
}

void GhostCell::drop(const Content& these) {
  if (!these.holds(Kind::kSet)) {
    if (tag_ == these.as_register().tag() && commit_ == these.as_register().commit()) tag_ = {}, collected_elsewhere();
    return;
  }
  const auto drop_from = [](std::vector<Item>& items, const ActorMap& dropped) {
    for (const auto& [actor, entry] : dropped) {
      std::erase_if(items, [&](const Item& item) { return item == Item{actor, entry.at, entry.commit}; });
    }
  };
  drop_from(adds_, these.as_set_element().adds());
  drop_from(removed_, these.as_set_element().removed());
}

void GhostCell::forget(ActorId actor) {
  std::erase_if(adds_, [&](const Item& add) { return add.actor == actor; });
}

void GhostCell::overtake(const GhostCell& other) {
  tag_ = other.tag_;
  commit_ = {};
  value_ = other.value_;
  expires_at_ms_ = other.expires_at_ms_;
}

bool GhostCell::dead(const Item& add) const {
  const Item* removal = find(removed_, add.actor);
  return removal != nullptr && removal->at >= add.at;
}

bool GhostCell::collects_to(const Content& content, Timestamp horizon) const {
  if (content.holds(Kind::kSet) || !adds_.empty() || !removed_.empty()) {
    static const SetElement kNothing;
    const SetElement& element = content.holds(Kind::kSet) ? content.as_set_element() : kNothing;
    if (!content.holds(Kind::kSet) && !content.empty()) return false;
    const auto has = [](const ActorMap& map, const Item& item) {
      const Entry* entry = map.find(item.actor);
      return entry != nullptr && item == Item{item.actor, entry->at, entry->commit};
    };
    const auto among = [horizon](const std::vector<Item>& items, const ActorMap& map) {
      return std::all_of(map.begin(), map.end(), [&](const auto& entry) {
        const Item* mine = find(items, entry.first);
        const Item theirs{entry.first, entry.second.at, entry.second.commit};
        if (mine == nullptr) return false;
        // Known to have been removed by somebody; or collected here, and come again under a later commit of its tag.
        if (mine->at >= theirs.at && !mine->commit.at) return true;
        return *mine == theirs || (mine->at == theirs.at && mine->commit < theirs.commit && mine->commit.at <= horizon);
      });
    };
    if (adds_.empty() && removed_.empty()) return content.empty() && (!tag_.at || (!value_ && commit_.at <= horizon) || settled(horizon));
    // Of an actor an earlier removal than one that was collected may come again: kept by who was away, or done again.  It takes
    // away less, and is collected in its turn.
    const auto settled_removal = [&](const auto& entry) {
      const Item* mine = find(removed_, entry.first);
      return mine != nullptr && mine->at > entry.second.at && mine->commit.at <= horizon;
    };
    ActorMap removals = element.removed();
    removals.keep_if([&](ActorId actor, const Entry& entry) { return !settled_removal(std::pair(actor, entry)); });
    // And, in a row that was mended or repaired, with the dead add that it takes away, which then stays for as long as some removal does.
    const auto dead_in_both = [&](ActorId actor, const Entry& entry) {
      const Item* mine = find(removed_, actor);
      return element.dead(actor, entry) && mine != nullptr && mine->at >= entry.at;
    };
    ActorMap adds = element.adds();
    adds.keep_if([&](ActorId actor, const Entry& entry) { return !dead_in_both(actor, entry); });
    if (!among(adds_, adds) || !among(removed_, removals)) return false;
    const bool adds_fit = std::all_of(adds_.begin(), adds_.end(), [&](const Item& add) {
      if (has(element.adds(), add)) return true;
      return dead(add) && add.commit.at <= horizon;  // Perhaps with an earlier removal than the one that is known now.
    });
    return adds_fit && std::all_of(removed_.begin(), removed_.end(), [&](const Item& removal) {
      return has(element.removed(), removal) || removal.commit.at <= horizon;
    });
  }
  const bool collected = (!value_ && commit_.at <= horizon) || settled(horizon);
  if (content.empty()) return collected;
  // What was collected may come again: kept by who was away, or done again under a later commit, or what it had overtaken.
  const Register& it = content.as_register();
  // Or of a value that was over when it was done again: it takes away, and no more (gossip/redo.h).
  const Timestamp over = Timestamp::at_ms(it.expires_at_ms());
  const bool shows_nothing = !it.present() || (it.expires_at_ms() != 0 && (over <= horizon || over <= it.commit().at));
  if (collected && shows_nothing && it.tag() <= tag_) return true;
  return !commit_.at && !value_ && !it.present() && it.tag() <= tag_;
}

Content GhostCell::without_returned(const Content& content, Timestamp horizon) const {
  if (!content.holds(Kind::kSet)) {
    const bool older = content.as_register().tag() < tag_ && ((!value_ && commit_.at <= horizon) || settled(horizon));
    return older ? Content(Register{}) : content;
  }
  Content out = content;
  out.as_set_element().keep_adds_only([&](ActorId actor, const Entry& add) {
    const Item* removal = find(removed_, actor);
    return removal == nullptr || removal->at < add.at || removal->commit.at > horizon;
  });
  return out;
}

bool GhostCell::covers(const Content& content) const {
  const auto within = [](const std::vector<Item>& items, const ActorMap& map) {
    return std::all_of(map.begin(), map.end(), [&](const auto& entry) {
      const Item theirs{entry.first, entry.second.at, entry.second.commit};
      const Item* mine = find(items, entry.first);
      return mine != nullptr && !overtakes(theirs, *mine);
    });
  };
  if (content.holds(Kind::kSet)) {
    return within(adds_, content.as_set_element().adds()) && within(removed_, content.as_set_element().removed());
  }
  const Register& other = content.as_register();
  return other.empty() || other.tag() < tag_ || (other.tag() == tag_ && other.value() == value_ &&
                                                      other.expires_at_ms() == expires_at_ms_ && !(other.commit() < commit_));
}

bool GhostCell::present() const {
  if (value_) return true;
  return std::any_of(adds_.begin(), adds_.end(), [&](const Item& add) {
    const Item* dead = find(removed_, add.actor);
    return dead == nullptr || dead->at < add.at;
  });
}

bool is_base_key(const StoreKey& key) {
  const std::string_view value = value_of_store_key(key);
  return !value.empty() && value.back() == static_cast<char>(Kind::kCounter) && base_store_key(key) == key;
}

bool in_base(const Snapshot& snapshot, const StoreKey& key) {
  const auto tag = increment_tag_of_store_key(key);
  Row base;
  return tag && snapshot.get(base_store_key(key), base) == Snapshot::Lookup::kFound &&
         tag->at <= base.content.as_register().tag().at;
}

std::string in_words(const GhostCell& cell) {
  std::string out;
  for (const auto& item : cell.adds()) out += " +" + words(item.actor, item.at, item.commit);
  for (const auto& item : cell.removed()) out += " -" + words(item.actor, item.at, item.commit);
  if (cell.tag().at) out += " tag " + words(cell.tag().actor, cell.tag().at, cell.commit()) + (cell.value() ? " value of " + std::to_string(cell.value()->size()) + " bytes" +
      (cell.expires_at_ms() != 0 ? " until " + std::to_string(cell.expires_at_ms() % 1'000'000) : std::string()) : " deleted");
  return out.empty() ? "nothing" : out.substr(1);
}

std::string in_words(const Content& content) {
  GhostCell cell;
  cell.join(content);
  return in_words(cell);
}

}  // namespace kith::sim
