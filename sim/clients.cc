#include "sim/clients.h"

#include "sim/machine_clock.h"

namespace kith::sim {
namespace {

Verb verb_of(Action action) {
  switch (action) {
    case Action::kAdd: return Verb::kSetAdd;
    case Action::kRemove: return Verb::kSetRemove;
    case Action::kSet: return Verb::kSet;
    case Action::kDelete: return Verb::kDelete;
    case Action::kSetField: return Verb::kHashSet;
    case Action::kIncrement: return Verb::kIncrement;
    case Action::kExpire:
    case Action::kExpireField: return Verb::kExpire;
    case Action::kPersist:
    case Action::kPersistField: return Verb::kPersist;
    default: return Verb::kHashDelete;
  }
}

std::uint64_t hash_of(std::uint64_t seed, const std::string& name) {
  std::uint64_t hash = seed;
  for (const char c : name) hash = scatter(hash, static_cast<unsigned char>(c));
  return hash;
}

}  // namespace

Clients::Session& Clients::session(const std::string& name) {
  const auto [at, fresh] = sessions_.try_emplace(name);
  if (fresh) {
    const std::uint64_t hash = hash_of(seed_, name);
    at->second.actor = ActorId{hash | 1};
    if (behaviour_.skew_us > 0) at->second.skew_us = Draw(hash).between(-behaviour_.skew_us, behaviour_.skew_us);
  }
  return at->second;
}

std::uint32_t Clients::begin(const Event& event, std::int64_t now_us, Timestamp time) {
  Call call;
  call.event = &event;
  call.session = event.session;
  Operation& operation = call.operation;
  operation.verb = verb_of(event.action);
  operation.table = kSimulatedTable;
  operation.key = event.key;
  if (event.action == Action::kSet) operation.value = event.value;
  if (event.action == Action::kIncrement) operation.amount = event.amount;
  if (event.action == Action::kSetField) {
    operation.fields = {{event.members.front(), event.value}};
  } else {
    operation.members = event.members;
  }
  if (event.lasts_us != 0) operation.ttl_ms = std::max<std::int64_t>(event.lasts_us / 1000, 1);
  operation.replicas = event.replicas;
  operation.timeout_ms = behaviour_.timeout_us / 1000;
  if (!event.session.empty()) {
    Session& it = session(event.session);
    if (!it.knows_time) {
      it.knows_time = true;
      it.ahead_us = time.ms() * 1000 - kEpochUs - now_us + it.skew_us;
    }
    const std::int64_t wall_ms = (kEpochUs + now_us + it.ahead_us) / 1000;
    auto at = it.hlc.issue(wall_ms);
    if (!at) it.hlc.observe(Timestamp::at_ms(it.hlc.last().ms() + 1)), at = it.hlc.issue(wall_ms);
    operation.tag = Tag{*at, it.actor};
  }
  const auto index = static_cast<std::uint32_t>(calls_.size());
  if (!event.label.empty()) labels_[event.label] = index;
  calls_.push_back(std::move(call));
  return index;
}

std::optional<std::uint32_t> Clients::index_of(const std::string& label) const {
  const auto at = labels_.find(label);
  if (at == labels_.end()) return std::nullopt;
  return at->second;
}

const Clients::Call* Clients::find(const std::string& label) const {
  const auto index = index_of(label);
  return index ? &calls_[*index] : nullptr;
}

bool Clients::vanished(const std::string& name) const {
  const auto at = sessions_.find(name);
  return at != sessions_.end() && at->second.vanished;
}

bool Clients::answered(std::uint32_t index, const Reply& reply, Timestamp time, std::int64_t now_us) {
  Call& it = calls_[index];
  if (!it.session.empty()) {
    Session& by = session(it.session);
    by.hlc.observe(time);
    by.ahead_us = time.ms() * 1000 - kEpochUs - now_us + by.skew_us;
  }
  if (it.answered && reply.outcome == Outcome::kRefused) return false;
  const bool first = !it.answered;
  it.answered = true;
  it.answered_us = now_us;
  it.outcome = std::string(to_string(reply.outcome));
  it.reason.clear();
  if (reply.outcome == Outcome::kRefused) it.reason = to_string(reply.code);
  return first;
}

bool Clients::retries(std::uint32_t index) const {
  const Call& it = calls_[index];
  return !it.answered && it.operation.tag && it.attempts <= behaviour_.retries_max && !vanished(it.session);
}

}  // namespace kith::sim
