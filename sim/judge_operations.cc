// What an operation may change, and what its answer may claim.
#include <algorithm>
#include <map>
#include <set>

#include "sim/judge.h"

namespace kith::sim {
namespace {

bool holds(const ActorMap& map, ActorId actor, const Entry& entry) {
  const Entry* found = map.find(actor);
  return found != nullptr && *found == entry;
}

std::string words(ActorId actor, Timestamp at) {
  return to_hex(actor.value).substr(0, 4) + "@" + std::to_string(at.ms() % 1'000'000) + "." +
         std::to_string(at.counter());
}

Kind kind_of(const Operation& operation) {
  const Verb verb = operation.verb;
  if (verb == Verb::kExpire || verb == Verb::kPersist) return operation.members.empty() ? Kind::kRegister : Kind::kHash;
  if (verb == Verb::kSetAdd || verb == Verb::kSetRemove) return Kind::kSet;
  if (verb == Verb::kIncrement) return Kind::kCounter;
  return verb == Verb::kHashSet || verb == Verb::kHashDelete ? Kind::kHash : Kind::kRegister;
}

// Of an increment without a tag nothing: what it wrote is known when the node has taken it in.
std::vector<std::string> members_of(const Operation& operation) {
  if (operation.verb == Verb::kIncrement) {
    return operation.tag ? std::vector{increment_member(*operation.tag)} : std::vector<std::string>{};
  }
  if (operation.verb == Verb::kSet || operation.verb == Verb::kDelete) return {""};
  if (kind_of(operation) == Kind::kRegister) return {""};
  std::vector<std::string> members = operation.members;
  for (const auto& [field, value] : operation.fields) members.push_back(field);
  return members;
}

}  // namespace

void Judge::before_operation(const Machine& at, const Operation& operation, std::int64_t now_us) {
  Attempt attempt{operation, {}, at.index, at.lives(), 0, 0, false};
  Machine& machine = const_cast<Machine&>(at);
  if (operation.tag) {
    attempt.age_ms = machine.engine().time(at.instant(now_us)).ms() - operation.tag->at.ms();
    attempt.ahead_ms = operation.tag->at.ms() - at.clock.wall_ms(now_us);
    tags_.try_emplace(*operation.tag, false);
  }
  for (const auto& member : members_of(operation)) {
    const CellKey cell{operation.table, operation.key, kind_of(operation), member};
    Seen seen{store_key(shard_of(cell, scenario_.shard_count), cell), {}, {}, {}, {}, true};
    GhostCell known;
    if (const auto ghost = at.disk.ghost.find(seen.cell); ghost != at.disk.ghost.end()) known = ghost->second;
    seen.certain = !known.rotten;
    if (const Content* pending = at.output().store.pending(cell)) {
      seen.pending = *pending;
      known.join(*pending);
    }
    seen.tag = known.tag();
    seen.value = known.value();
    seen.shown = known.value() && !known.expired(std::max(machine.time_ms(now_us), operation.tag ? operation.tag->at.ms() : 0) + kAheadMs);
    for (const auto& removal : known.removed()) seen.removed.emplace_back(removal.actor, removal.at);
    seen.newest = known.tag().at;
    for (const auto& add : known.adds()) {
      seen.adds.emplace_back(add.actor, add.at);
      seen.newest = std::max(seen.newest, add.at);
    }
    attempt.seen.push_back(std::move(seen));
  }
  attempts_.emplace(operation.request, std::move(attempt));
}

void Judge::after_operation(const Machine& at, std::uint64_t request, std::int64_t now_us) {
  const auto attempt = attempts_.find(request);
  if (attempt == attempts_.end()) return;
  const OriginId origin = origin_of(at);
  const Timestamp before = last_commit_[origin];
  const Operation& operation = attempt->second.operation;
  attempt->second.fenced = const_cast<Machine&>(at).engine().health(at.instant(now_us)).clock_fenced;
  auto members = members_of(operation);
  if (operation.verb == Verb::kIncrement && !operation.tag && !at.output().store.cells().empty()) {
    const auto& last = at.output().store.cells().back();
    const bool own = is_increment(last.cell) && last.cell.key == operation.key &&
                     last.delta.as_register().commit().origin == origin;
    if (own && last.delta.as_register().tag().at == last.delta.as_register().commit().at) {
      members.push_back(last.cell.member);
      attempt->second.seen.push_back({store_key(last.shard, last.cell), {}, {}, {}, {}, true});
    }
  }
  for (std::size_t i = 0; i < members.size(); ++i) {
    const Content* pending = at.output().store.pending({operation.table, operation.key, kind_of(operation), members[i]});
    if (pending == nullptr) continue;
    check_delta(at, attempt->second, i, *pending);
    Content own = *pending;
    const auto is_own = [&](const Commit& commit) { return commit.origin == origin && commit.at > before; };
    if (own.holds(Kind::kSet)) own.as_set_element().keep_commits(is_own);
    else own.as_register().keep_commits(is_own);
    if (!own.empty()) stepped_[at.index].emplace_back(attempt->second.seen[i].cell, std::move(own));
  }
}

std::vector<Effect> Judge::effects_of(const Attempt& attempt, const Tag& tag) const {
  std::vector<Effect> effects;
  const Operation& operation = attempt.operation;
  for (std::size_t i = 0; i < attempt.seen.size(); ++i) {
    const Seen& seen = attempt.seen[i];
    if (!seen.certain) continue;
    Effect effect{seen.cell, {}, {}, {}, {}};
    switch (operation.verb) {
      case Verb::kSetAdd: effect.adds.emplace_back(tag.actor, tag.at); break;
      case Verb::kSetRemove:
        for (const auto& [actor, add_at] : seen.adds) {
          if (add_at < tag.at && (actor != tag.actor || !operation.tag)) effect.removed.emplace_back(actor, add_at);
        }
        if (operation.tag) effect.removed.emplace_back(tag.actor, Timestamp{tag.at.value - 1});
        break;
      case Verb::kSet: effect.value = operation.value, effect.tag = tag; break;
      case Verb::kHashSet: effect.value = operation.fields[i].second, effect.tag = tag; break;
      case Verb::kExpire:
      case Verb::kPersist:
        if (seen.tag <= tag) effect.value = seen.value.value_or(""), effect.any_value = true, effect.tag = tag;
        break;
      case Verb::kIncrement: effect.value = encode_amount(operation.amount), effect.tag = tag; break;
      case Verb::kDelete:
      case Verb::kHashDelete: effect.tag = tag; break;
    }
    if (!effect.adds.empty() || !effect.removed.empty() || effect.tag.at) effects.push_back(std::move(effect));
  }
  return effects;
}

// `pending`: of the cell, in the batch at hand, now that the node has taken the operation in.
void Judge::check_delta(const Machine& at, const Attempt& attempt, std::size_t which, const Content& pending) const {
  const Seen& seen = attempt.seen[which];
  const Operation& operation = attempt.operation;
  if (!seen.certain) return;
  const auto fail = [&](const std::string& what) {
    throw Violation('O', at.name + " was asked to change " + cell_in_words(seen.cell) +
                             (operation.tag ? " under " + words(operation.tag->actor, operation.tag->at) : "") +
                             ", and " + what);
  };
  if (!pending.holds(Kind::kSet)) {
    const Register& now = pending.as_register();
    if (seen.pending && seen.pending->as_register() == now) return;
    if (operation.tag && now.tag() != *operation.tag) fail("wrote " + words(now.tag().actor, now.tag().at));
    const bool keeps_value = operation.verb == Verb::kExpire || operation.verb == Verb::kPersist;
    if (keeps_value && now.value() != seen.value) fail("wrote another value than it held");
    const std::int64_t expires_at_ms = operation.ttl_ms == 0 ? 0 : now.tag().at.ms() + operation.ttl_ms;
    if (now.expires_at_ms() != expires_at_ms) fail("wrote a value that expires at " + std::to_string(now.expires_at_ms()));
    return;
  }
  static const SetElement kNothing;
  const SetElement& before = seen.pending ? seen.pending->as_set_element() : kNothing;
  for (const auto& [actor, entry] : pending.as_set_element().adds()) {
    if (holds(before.adds(), actor, entry)) continue;
    const Tag tag = operation.tag.value_or(Tag{entry.commit.at, actor_of(entry.commit.origin)});
    if (operation.verb != Verb::kSetAdd || Tag{entry.at, actor} != tag) fail("added " + words(actor, entry.at));
  }
  for (const auto& [actor, entry] : pending.as_set_element().removed()) {
    if (holds(before.removed(), actor, entry)) continue;
    const Tag tag = operation.tag.value_or(Tag{entry.commit.at, actor_of(entry.commit.origin)});
    const bool own = operation.tag && actor == tag.actor && entry.at == Timestamp{tag.at.value - 1};
    const bool observed = entry.at < tag.at &&
                          std::find(seen.adds.begin(), seen.adds.end(), std::pair(actor, entry.at)) != seen.adds.end();
    if (operation.verb != Verb::kSetRemove || !(own || observed)) fail("removed " + words(actor, entry.at));
  }
}

void Judge::check_answer(const Machine& from, const Attempt& attempt, const Reply& reply) const {
  if (attempt.fenced)
    throw Violation('O', from.name + " took a write though it says itself that its clock is ahead of most");
  if (attempt.operation.tag) {
    if (attempt.ahead_ms <= scenario_.engine.max_skew_ms) return;
    throw Violation('O', from.name + " took an operation whose tag is " + std::to_string(attempt.ahead_ms) +
                             " ms ahead of its clock");
  }
  // SUBTLE: a life begins at its lease, which is above what was issued, not above what was heard of.  With a clock that
  // was set back it may give out less than its disk shows, and what it shows comes to others under its name.
  if (time_went_back_) return;
  for (const Seen& seen : attempt.seen) {
    if (!seen.certain || seen.newest < reply.tag.at) continue;
    throw Violation('U', from.name + " wrote " + cell_in_words(seen.cell) + " under " +
                             words(reply.tag.actor, reply.tag.at) +
                             ", which loses against what it held: " + std::to_string(seen.newest.ms() % 1'000'000) +
                             "." + std::to_string(seen.newest.counter()));
  }
}

void Judge::check_replicas(const Machine& from, const Attempt& attempt, const Reply& reply,
                           const std::vector<Machine*>& machines) const {
  const std::set<std::string> replicas(reply.replicas.begin(), reply.replicas.end());
  // Of all: at least as many as there were from the beginning, where this node cannot have known less.
  const bool founder = from.index < scenario_.nodes.size();
  const std::size_t wanted = attempt.operation.replicas != kAllReplicas ? attempt.operation.replicas
                             : founder && nothing_destroyed() && !may_evict() ? replicas_of_the_beginning()
                                                                        : 1;
  if (reply.outcome == Outcome::kOk && replicas.size() < wanted) {
    throw Violation('D', from.name + " said ok to a write that " + std::to_string(replicas.size()) +
                             " replicas hold, of " + std::to_string(wanted) + " asked for");
  }
  std::vector<Effect> effects = effects_of(attempt, reply.tag);
  // SUBTLE: what was removed already is left out: an answer waits for what this operation committed.
  for (Effect& effect : effects) {
    const auto seen =
        std::find_if(attempt.seen.begin(), attempt.seen.end(), [&](const Seen& it) { return it.cell == effect.cell; });
    std::erase_if(effect.removed, [&](const auto& removal) {
      return std::any_of(seen->removed.begin(), seen->removed.end(),
                         [&](const auto& it) { return it.first == removal.first && it.second >= removal.second; });
    });
  }
  std::erase_if(effects, [](const Effect& it) { return it.adds.empty() && it.removed.empty() && !it.tag.at; });
  // A machine and its copy go by one name, and either may have said so.
  std::map<std::string, std::vector<const Machine*>> by_name;
  for (const Machine* it : machines) by_name[it->disk.node_name].push_back(it);
  for (const std::string& name : replicas) {
    const auto& holders = by_name[name];
    // SUBTLE: an empty disk has the name of its machine, which may be that of a node which has moved to another one.
    if (!holders.empty() && std::all_of(holders.begin(), holders.end(), [](const Machine* it) { return it->disk.observer; })) {
      throw Violation('D', from.name + " counted " + name + ", which is an observer, among those that hold a write");
    }
    // What was destroyed may have been there when the replica said so.
    if (name == from.disk.node_name || holders.empty() || rolled_back_.contains(name)) continue;
    for (const Effect& effect : effects) {
      const bool held = std::any_of(holders.begin(), holders.end(), [&](const Machine* it) {
        const auto ghost = it->disk.ghost.find(effect.cell);
        const auto rotted = rotted_.find(effect.cell);
        // SUBTLE: given up as lost, and back with the old disk of another: clocks cover it, so it comes with the audit (check_claims).
        if (rotted != rotted_.end() && (disk_destroyed_ || rotted->second.contains(it->disk.node_name))) return true;
        // What was unseen may have been done again there as of today, since it said so.
        return ghost != it->disk.ghost.end() && (effect.held_by(ghost->second) || oracle_.as_redone(effect).held_by(ghost->second));
      });
      if (held) continue;
      throw Violation('D', from.name + " said that " + name + " holds a write to " + cell_in_words(effect.cell) +
                               ", which it does not");
    }
  }
}

}  // namespace kith::sim
