#include "sim/oracle.h"

#include <xxhash.h>

#include <algorithm>

#include "crdt/counter.h"

namespace kith::sim {
namespace {

enum class Role : std::uint64_t { kAdd, kRemove, kRegister };

std::uint64_t entry_hash(std::uint64_t cell, Role role, ActorId actor, Timestamp at, const Commit& commit,
                         const std::optional<std::string>& value, std::int64_t expires_at_ms) {
  const std::uint64_t words[] = {static_cast<std::uint64_t>(expires_at_ms), cell,         static_cast<std::uint64_t>(role), actor.value, at.value, commit.at.value,
                                 commit.origin.value, value ? XXH3_64bits(value->data(), value->size()) | 1 : 0};
  return XXH3_64bits(words, sizeof words);
}

// Calls `visit(role, actor, at, commit, value)` for each entry.
template <class Visit>
void each_entry(const Content& content, Visit visit) {
  static const std::optional<std::string> kNoValue;
  if (content.holds(Kind::kSet)) {
    for (const auto& [actor, entry] : content.as_set_element().adds()) visit(Role::kAdd, actor, entry.at, entry.commit, kNoValue, 0);
    for (const auto& [actor, entry] : content.as_set_element().removed()) {
      visit(Role::kRemove, actor, entry.at, entry.commit, kNoValue, 0);
    }
  } else if (!content.as_register().empty()) {
    const Register& it = content.as_register();
    visit(Role::kRegister, it.tag().actor, it.tag().at, it.commit(), it.value(), it.expires_at_ms());
  }
}

std::string words(ActorId actor, Timestamp at) {
  return to_hex(actor.value).substr(0, 4) + "@" + std::to_string(at.ms() % 1'000'000) + "." + std::to_string(at.counter());
}

void raise(Timestamp& at, Timestamp to) { at = std::max(at, to); }

Timestamp in(const std::map<ActorId, Timestamp>& map, ActorId actor) {
  const auto it = map.find(actor);
  return it == map.end() ? Timestamp{} : it->second;
}

}  // namespace

bool Effect::held_by(const GhostCell& ghost) const {
  const auto reached = [](const std::vector<GhostCell::Item>& items, const auto& wanted) {
    return std::any_of(items.begin(), items.end(),
                       [&](const auto& item) { return item.actor == wanted.first && item.at >= wanted.second; });
  };
  // An add that is removed already need not be written any more.
  return std::all_of(adds.begin(), adds.end(),
                     [&](const auto& add) { return reached(ghost.adds(), add) || reached(ghost.removed(), add); }) &&
         std::all_of(removed.begin(), removed.end(), [&](const auto& removal) { return reached(ghost.removed(), removal); }) &&
         ghost.tag() >= tag;
}

void Oracle::committed(const StoreKey& cell, const Content& delta) {
  const std::uint64_t hash = XXH3_64bits(cell.data(), cell.size());
  Bounds& may = may_[cell];
  each_entry(delta, [&](Role role, ActorId actor, Timestamp at, const Commit& commit, const std::optional<std::string>& value,
                        std::int64_t expires_at_ms) {
    entries_.insert(entry_hash(hash, role, actor, at, commit, value, expires_at_ms));
    if (role == Role::kAdd) raise(may.adds[actor], at);
    if (role == Role::kRemove) {
      raise(may.removed[actor], at);
      Timestamp& first = may.removal_commits.try_emplace({actor, at}, commit.at).first->second;
      first = std::min(first, commit.at);
    }
    if (role != Role::kRemove) tags_.insert({at.value, actor.value});
    if (role == Role::kRegister && may.tag < Tag{at, actor}) may.tag = {at, actor}, may.value = value;
    if (role == Role::kRegister && increment_tag_of_store_key(cell)) may.commits.insert(commit);
    if (role == Role::kRegister && !value) may.deletion = std::max(may.deletion, Tag{at, actor});
    if (role == Role::kRegister && (!value || expires_at_ms != 0)) {
      const Timestamp settled = value ? std::max(commit.at, Timestamp::at_ms(expires_at_ms)) : commit.at;
      Timestamp& first = may.deletions_settled.try_emplace(Tag{at, actor}, settled).first->second;
      first = std::min(first, settled);
    }
    if (expires_at_ms != 0) may.expiries.emplace(Tag{at, actor}, expires_at_ms);
    if (expires_at_ms != 0 && may.expiring <= Tag{at, actor}) may.expiring = {at, actor}, may.expires_at_ms = expires_at_ms;
  });
}

// An operation of which `redone` is what became.
void Oracle::follow(const StoreBatch::Redone& redone, Effect& effect) {
  if (effect.cell != redone.key) return;
  if (!redone.these.holds(Kind::kSet)) {
    const Register &was = redone.these.as_register(), &is = redone.anew.as_register();
    if (was.tag() != is.tag() && effect.tag == was.tag()) effect.cell = redone.as, effect.tag = is.tag();
    return;
  }
  const SetElement &was = redone.these.as_set_element(), &is = redone.anew.as_set_element();
  for (const auto& [actor, add] : is.adds()) {
    if (const Entry* same = was.adds().find(actor); same != nullptr && same->at == add.at) continue;
    for (auto& [of, at] : effect.adds) {
      const Entry* old = was.adds().find(of);
      const Entry* kept = is.adds().find(of);
      if (old != nullptr && at <= old->at && (kept == nullptr || kept->at != old->at)) of = actor, at = add.at;
    }
  }
}

void Oracle::redone(const StoreBatch::Redone& redone) {
  if (redone.anew.empty()) return;
  redone_[redone.key].push_back(redone);
  for (Acknowledged& it : acknowledged_) follow(redone, it.effect);
  if (redone.these.holds(Kind::kSet) || redone.as == redone.key) return;
  Bounds& may = may_[redone.key];
  may.commits.erase(redone.these.as_register().commit());
  if (may.commits.empty()) may_.erase(redone.key);
}

Effect Oracle::as_redone(Effect effect) const {
  if (const auto all = redone_.find(effect.cell); all != redone_.end()) {
    for (const StoreBatch::Redone& redone : all->second) follow(redone, effect);
  }
  return effect;
}

std::optional<std::string> Oracle::unknown_in(const StoreKey& cell, const Content& content) const {
  const std::uint64_t hash = XXH3_64bits(cell.data(), cell.size());
  std::optional<std::string> unknown;
  if (is_base_key(cell)) return unknown;
  each_entry(content, [&](Role role, ActorId actor, Timestamp at, const Commit& commit, const std::optional<std::string>& value,
                          std::int64_t expires_at_ms) {
    if (unknown || entries_.contains(entry_hash(hash, role, actor, at, commit, value, expires_at_ms))) return;
    unknown = std::string(role == Role::kAdd ? "an add " : role == Role::kRemove ? "a removal " : "a value ") + words(actor, at) +
              " of " + cell_in_words(cell) + " that nobody committed so";
  });
  return unknown;
}

std::uint64_t Oracle::excuse(const Holds& still_held, const StoreKey* only_cell) {
  std::uint64_t excused = 0;
  for (Acknowledged& it : acknowledged_) {
    if (it.excused || (only_cell != nullptr && it.effect.cell != *only_cell) || still_held(it.effect)) continue;
    it.excused = true;
    ++excused;
  }
  return excused;
}

std::size_t Oracle::excused_count() const {
  return static_cast<std::size_t>(std::count_if(acknowledged_.begin(), acknowledged_.end(), [](const auto& it) { return it.excused; }));
}

bool Oracle::removal_committed(const StoreKey& cell, ActorId actor, Timestamp add) const {
  const auto may = may_.find(cell);
  return may != may_.end() && in(may->second.removed, actor) >= add;
}

std::optional<Timestamp> Oracle::removal_commit(const StoreKey& cell, ActorId actor, Timestamp add) const {
  std::optional<Timestamp> first;
  const auto may = may_.find(cell);
  if (may == may_.end()) return first;
  const auto& removals = may->second.removal_commits;
  for (auto at = removals.lower_bound({actor, add}); at != removals.end() && at->first.first == actor; ++at) {
    first = std::min(first.value_or(at->second), at->second);
  }
  return first;
}

std::optional<Timestamp> Oracle::deletion_settled(const StoreKey& cell, const Tag& value) const {
  std::optional<Timestamp> first;
  const auto may = may_.find(cell);
  if (may == may_.end()) return first;
  const auto& deletions = may->second.deletions_settled;
  for (auto at = deletions.upper_bound(value); at != deletions.end(); ++at) first = std::min(first.value_or(at->second), at->second);
  return first;
}

std::optional<Oracle::Wrong> Oracle::judge(const std::map<StoreKey, Content>& final, std::int64_t over_at_ms) const {
  std::map<StoreKey, Bounds> all_must;
  for (const Acknowledged& it : acknowledged_) {
    if (it.excused) continue;
    Bounds& must = all_must[it.effect.cell];
    for (const auto& [actor, at] : it.effect.adds) raise(must.adds[actor], at);
    for (const auto& [actor, at] : it.effect.removed) raise(must.removed[actor], at);
    if (must.tag < it.effect.tag) must.tag = it.effect.tag, must.value = it.effect.value, must.any_value = it.effect.any_value;
  }
  for (const auto& [cell, content] : final) {
    if (shard_of_store_key(cell) == kSystemShard) continue;
    if (is_base_key(cell)) continue;  // Judged as a sum.
    if (auto unknown = unknown_in(cell, content)) return Wrong{'K', *unknown};
    if (!content.holds(Kind::kSet)) continue;
    // What is live must not have been removed by anybody who was told that it is.
    const auto must = all_must.find(cell);
    if (must == all_must.end()) continue;
    for (const auto& [actor, entry] : content.as_set_element().adds()) {
      if (content.as_set_element().dead(actor, entry) || entry.at > in(must->second.removed, actor)) continue;
      return Wrong{'G', cell_in_words(cell) + ": add " + words(actor, entry.at) + " is there, but its removal was acknowledged"};
    }
  }
  for (const auto& [cell, must] : all_must) {
    const auto found = final.find(cell);
    static const Content kNoElement{Kind::kSet}, kNoRegister{Kind::kRegister};
    const auto may = may_.find(cell);
    if (may == may_.end()) return Wrong{'D', cell_in_words(cell) + ": acknowledged, and never committed"};
    for (const auto& [actor, at] : must.adds) {
      if (at <= in(may->second.removed, actor)) continue;  // Somebody removed it, or may have.
      const SetElement& element = (found == final.end() ? kNoElement : found->second).as_set_element();
      const Entry* add = element.adds().find(actor);
      if (add != nullptr && add->at >= at && !element.dead(actor, *add)) continue;
      return Wrong{'D', cell_in_words(cell) + ": acknowledged add " + words(actor, at) + " is gone, and nobody removed it"};
    }
    if (!must.tag.at) continue;
    const Register& it = (found == final.end() ? kNoRegister : found->second).as_register();
    // SUBTLE: where a deletion is known, an older one, or nothing, the same is shown; deletions that nobody needs are in no
    // fingerprint, so nothing has to bring them everywhere once their origin is gone.
    if (!must.value && !it.value()) continue;
    // Nor does an older value that had expired when it was done again, where the deletion is collected.
    if (!must.value && it.tag() < must.tag && it.expires_at_ms() != 0 && it.expires_at_ms() <= over_at_ms) continue;
    // A later deletion that nobody was told of was carried out, and collected.
    if (it.empty() && may->second.deletion > must.tag) continue;
    // So did one that expires, and was collected when it had: that nothing else is, the ghosts see to.
    // SUBTLE: what came behind a gap that nobody fills, only an audit brings, and it has an eye for what shows only.  Where both
    // have expired, this one and an older one that is left, or that is a deletion, the same shows: nothing.
    const bool over = !it.value() || it.expires_at_ms() != 0;
    const bool both_over = over && std::max(it.expires_at_ms(), may->second.expires_at_ms) <= over_at_ms;
    if ((it.empty() || both_over) && may->second.expiring >= must.tag) continue;
    const auto expiry = may->second.expiries.find(must.tag);
    if (expiry != may->second.expiries.end() && over && std::max(it.expires_at_ms(), expiry->second) <= over_at_ms) continue;
    if (const auto tag = increment_tag_of_store_key(cell); tag && found == final.end()) {
      const auto base = final.find(base_store_key(cell));
      if (base != final.end() && base->second.as_register().tag().at >= tag->at) continue;
    }
    if (it.tag() < must.tag) {
      return Wrong{'D', cell_in_words(cell) + ": acknowledged write " + words(must.tag.actor, must.tag.at) + " is gone, there is " +
                            (it.empty() ? "nothing" : "an older one, " + words(it.tag().actor, it.tag().at))};
    }
    if (it.tag() == must.tag && it.value() != must.value && !must.any_value) {
      return Wrong{'O', cell_in_words(cell) + ": shows another value than was written under its tag"};
    }
  }
  return std::nullopt;
}

std::optional<Oracle::Wrong> Oracle::judge_counters(const Snapshot& final) const {
  std::map<StoreKey, CounterSum> sums;  // By the base's key.
  for (const auto& [cell, may] : may_) {
    if (!increment_tag_of_store_key(cell) || !may.value) continue;
    sums[base_store_key(cell)] += CounterSum(decode_amount(*may.value).value_or(0));
  }
  for (const auto& [base, right] : sums) {
    const auto name = parse_value_key(value_of_store_key(base));
    CounterState state;
    if (!name || final.counter(shard_of_store_key(base), name->table, name->key, state) != Snapshot::Lookup::kFound) {
      return Wrong{'D', "counter " + cell_in_words(base) + " is gone"};
    }
    if (state.sum == right) continue;
    return Wrong{'O', "counter " + cell_in_words(base) + " stands at " + std::to_string(state.sum.shown()) +
                          "; what was committed adds up to " + std::to_string(right.shown())};
  }
  return std::nullopt;
}

std::string cell_in_words(const StoreKey& cell) {
  std::string out;
  for (const char c : cell.substr(std::min<std::size_t>(2, cell.size()))) {
    if (c >= 0x20 && c < 0x7f) out += c;
    else if (!out.empty() && out.back() != ' ') out += ' ';
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return "'" + out + "'";
}

}  // namespace kith::sim
