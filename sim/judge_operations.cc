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

}  // namespace

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
                             : founder && nothing_destroyed() && !may_evict() ? scenario_.nodes.size()
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
    // What was destroyed may have been there when the replica said so.
    if (name == from.disk.node_name || holders.empty() || rolled_back_.contains(name)) continue;
    for (const Effect& effect : effects) {
      const bool held = std::any_of(holders.begin(), holders.end(), [&](const Machine* it) {
        const auto ghost = it->disk.ghost.find(effect.cell);
        const auto rotted = rotted_.find(effect.cell);
        if (rotted != rotted_.end() && rotted->second.contains(it->disk.node_name)) return true;
        return ghost != it->disk.ghost.end() && effect.held_by(ghost->second);
      });
      if (held) continue;
      throw Violation('D', from.name + " said that " + name + " holds a write to " + cell_in_words(effect.cell) +
                               ", which it does not");
    }
  }
}

}  // namespace kith::sim
