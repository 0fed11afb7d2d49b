#include "gossip/horizon.h"

#include <algorithm>

namespace kith {
namespace {

// Of members in one message: some 300 bytes at most.
constexpr std::size_t kMembersPerStanding = 64;

}  // namespace

void Horizon::load() {
  const auto snapshot = core_.store.snapshot();
  core_.horizon = Timestamp{meta::decode_number(snapshot->meta(meta::kHorizon))};
  durable_floor_ = Timestamp{meta::decode_number(snapshot->meta(meta::kFloor))};
  core_.clocks.promise_all(durable_floor_);
}

void Horizon::tick() {
  const Timestamp floor = core_.floor_held();
  const bool went_back = floor < durable_floor_;
  if (went_back || (floor && floor.ms() - durable_floor_.ms() >= std::max<std::int64_t>(core_.options.retry_window_ms / 4, 1))) {
    durable_floor_ = floor;
    core_.out->store.set_meta(meta::kFloor, meta::encode_number(floor.value));
  }
  lives_.retire(least_floor());
  // SUBTLE: it is over, too, when a horizon has passed it: of those that went on without this node.  All would fence it, for ever.
  const bool passed = core_.held_back && core_.held_back->at < std::max(core_.horizon, core_.highest_horizon);
  if (core_.held_back && (passed || least_floor_of_others() > core_.held_back->commit)) {
    core_.held_back.reset();
    core_.out->store.forget_meta(meta::kHeldBack);
    core_.out->store.forget_meta(meta::kHeldBackUntil);
  }
}

std::optional<OriginId> Horizon::life_of(NodeId node) const {
  const auto* member = core_.member(node);
  return member == nullptr ? std::nullopt : life_of(*member);
}

std::optional<OriginId> Horizon::life_of(const MemberTable::Member& member) {
  if (member.record.lives.back().origin != member.life.origin) return std::nullopt;
  return member.life.origin;
}

Standing Horizon::standing() {
  Standing out;
  out.last = core_.last_commit ? core_.last_commit : core_.self.start;
  const auto& ids = core_.members.ids();
  const std::size_t count = std::min(ids.size(), kMembersPerStanding);
  if (count < ids.size()) out.first = static_cast<std::uint32_t>(core_.random.below(ids.size()));
  for (std::size_t i = 0; i < count; ++i) {
    const NodeId node = ids[(out.first + i) % ids.size()];
    Standing::Member member;
    if (const auto life = life_of(node)) {
      member.promise = core_.clocks.up_to(*life);
      if (node == core_.self.node) member.floor = core_.floor();
      else if (const auto at = reports_.find(node); at != reports_.end() && at->second.origin == *life) member.floor = at->second.floor;
    }
    out.members.push_back(member);
  }
  return out;
}

void Horizon::report(NodeId node, OriginId origin, Timestamp floor) {
  if (!floor) return;
  Report& known = reports_[node];
  // A life begins with what its disk says, which may be less than was known of the one before.
  if (known.origin != origin) known = {origin, {}, core_.now.monotonic_ms};
  if (floor <= known.floor) return;
  known.floor = floor;
  known.rose_at_ms = core_.now.monotonic_ms;
}

void Horizon::heard(const Envelope& from, Timestamp promise, const Standing& standing) {
  report(from.sender, from.origin, from.floor);
  if (core_.behind || core_.members.observes(from.sender)) return;
  if (standing.last && core_.clocks.up_to(from.origin) >= standing.last) core_.clocks.promise(from.origin, promise);
  if (from.members_version != core_.members.version()) return;
  const auto& ids = core_.members.ids();
  for (std::size_t i = 0; i < standing.members.size() && i < ids.size(); ++i) {
    const NodeId node = ids[(standing.first + i) % ids.size()];
    const auto life = life_of(node);
    if (node != core_.self.node && life) report(node, *life, standing.members[i].floor);
  }
}

Horizon::AsOf Horizon::as_of(const Envelope& from, Timestamp promise, const Standing& standing) {
  return {from.sender, from.origin, promise, from.floor, from.horizon, from.members_version, standing, from.hlc};
}

void Horizon::in_step(const AsOf& with) {
  if (core_.members.observes(with.peer)) return;
  // Behind a horizon there is a way on only through gossip/rebase.
  if (core_.behind && !with.rebased) return;
  core_.clocks.promise(with.origin, with.promise);
  // What the peer said of others it said of those in its table.
  if (!with.rebased && with.members_version != core_.members.version()) {
    core_.unequal_tables += with.of_all && !core_.whole ? 1 : 0;
    return;
  }
  core_.count("in_step");
  core_.got_in_step = true;
  const bool takes_all = with.rebased || !core_.whole;
  // Where nothing is collected no life is retired, and every row is in some clock.
  if (!core_.whole && with.floor && (with.of_all || with.rebased || !core_.options.collect)) {
    core_.whole = true;
    core_.out->store.set_meta(meta::kWhole, "1");
  }
  const auto& ids = core_.members.ids();
  for (std::size_t i = 0; i < with.standing.members.size() && i < ids.size(); ++i) {
    const NodeId node = ids[(with.standing.first + i) % ids.size()];
    const auto life = life_of(node);
    if (node != core_.self.node && life && !core_.members.observes(node)) core_.clocks.promise(*life, with.standing.members[i].promise);
  }
  // Who has closed a life holds it whole.  From there the word of it spreads with floors.
  for (const OriginId origin : core_.members.lives().lives_of(with.peer)) {
    const LifeRecord& record = core_.members.lives().find(origin)->record;
    if (record.closed()) core_.clocks.promise(origin, record.final);
  }
  std::set<OriginId> but = with.unheard_of;
  if (with.rebased) {
    for (const OriginId origin : core_.clocks.known()) {
      if (!with.known_then.contains(origin)) but.insert(origin);
    }
  }
  // SUBTLE: a life that spoke to us first, and whose row of the table did not come yet, the peer may not have heard of: the tables are equal.
  for (const auto& [node, member] : core_.members.members()) {
    if (node != core_.self.node && !member.out && core_.members.lives().find(member.life.origin) == nullptr) but.insert(member.life.origin);
  }
  core_.clocks.promise_all(with.floor, but);
  // SUBTLE: with what the member holds comes what it has forgotten, and so its horizon: else the next stale node would
  // find us without a fence.  Not before its promises: on disk the horizon would be above the floor, and a kill would leave a
  // node behind its own horizon.
  if (takes_all) raise(with.horizon);
  // An observer settles what this member has settled, and never more: all that was said of lives before then is here.
  else if (core_.observer()) raise(std::min(with.horizon, less_window(core_.floor_held())));
  if (with.members_version == core_.members.version()) {  // What is retired in ours is in its table, too.
    for (const OriginId origin : std::set<OriginId>(core_.retiring)) core_.end_life(origin);
  }
  lives_.in_step_with(with.peer, with.said_at);
}

Timestamp Horizon::less_window(Timestamp at) const {
  const std::int64_t ms = at.ms() - core_.options.retry_window_ms;
  return ms > 0 ? Timestamp::at_ms(ms) : Timestamp{};
}

Timestamp Horizon::candidate() const {
  if (core_.observer()) return core_.horizon;
  return less_window(std::min(core_.floor(), least_floor_of_others(true)));
}

Timestamp Horizon::least_floor() const { return std::min(core_.floor(), least_floor_of_others()); }

Timestamp Horizon::least_floor_of_others(bool with_pushes) const {
  Timestamp least{~std::uint64_t{0}};
  auto at = reports_.begin();
  for (const auto& [node, member] : core_.members.members()) {
    if (node == core_.self.node || member.out || member.record.role == Role::kObserver) continue;
    while (at != reports_.end() && at->first < node) ++at;
    const auto life = life_of(member);
    if (!life || at == reports_.end() || at->first != node || at->second.origin != *life) return {};
    Timestamp floor = at->second.floor;
    if (const auto told = told_floors_.find(node); with_pushes && told != told_floors_.end() && told->second.first == *life) floor = std::max(floor, told->second.second);
    least = std::min(least, floor);
  }
  return least;
}

void Horizon::raise(Timestamp horizon) {
  if (horizon <= core_.horizon) return;
  core_.horizon = horizon;
  core_.out->store.set_meta(meta::kHorizon, meta::encode_number(horizon.value));
  // Above the horizon by the window at least, and written anyway.
  durable_floor_ = core_.floor_held();
  core_.out->store.set_meta(meta::kFloor, meta::encode_number(durable_floor_.value));
}

Horizon::Holder Horizon::told_by(NodeId node, std::int64_t now_ms) const {
  const auto life = life_of(node);
  const auto at = reports_.find(node);
  const bool told = life && at != reports_.end() && at->second.origin == *life;
  return {node, told ? at->second.floor : Timestamp{}, at == reports_.end() ? -1 : now_ms - at->second.rose_at_ms};
}

std::optional<Horizon::Holder> Horizon::holder(std::int64_t now_ms) const {
  std::optional<Holder> out;
  for (const NodeId node : core_.members.replicas()) {
    if (node == core_.self.node) continue;
    const Holder holder = told_by(node, now_ms);
    if (!out || holder.floor < out->floor) out = holder;
  }
  return out;
}

}  // namespace kith
