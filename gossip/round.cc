#include "gossip/round.h"

#include <map>
#include <set>
#include <utility>

namespace kith {

void Round::begin() {
  for (const NodeId peer : first_to_tell()) tell(peer);
  schedule();
}

void Round::tell(NodeId peer) {
  const Timestamp promise = core_.promise_of_step();
  core_.send(peer, SummaryBody{core_.clocks.digest(), promise, core_.root_of_durable(), horizon_.standing()});
  if (const auto known = core_.peers.find(peer); known != core_.peers.end()) known->second.told_at_ms = core_.now.monotonic_ms;
}

void Round::answered(NodeId peer) {
  const auto known = core_.peers.find(peer);
  if (known == core_.peers.end() || known->second.told_at_ms < 0) return;
  known->second.round_trip_ms = core_.now.monotonic_ms - std::exchange(known->second.told_at_ms, -1);
}

std::vector<NodeId> Round::first_to_tell() {
  const auto& others = core_.others();
  if (core_.tells_all()) return others;
  const Neighbours neighbours = core_.neighbours();
  std::set<NodeId> out(neighbours.row.begin(), neighbours.row.end());
  out.insert(neighbours.relays.begin(), neighbours.relays.end());
  // Somebody answers for certain only when not all of them are down.
  constexpr std::size_t kOthers = 8;
  for (std::size_t i = 0; i < kOthers; ++i) out.insert(others[core_.random.below(others.size())]);
  return {out.begin(), out.end()};
}

void Round::schedule() {
  const std::int64_t interval = core_.options.gossip_interval_ms;
  const std::int64_t jitter = interval / 4;
  next_at_ms_ = core_.now.monotonic_ms + interval - jitter +
                static_cast<std::int64_t>(core_.random.below(static_cast<std::uint64_t>(2 * jitter + 1)));
}

bool Round::tick() {
  if (core_.now.monotonic_ms < next_at_ms_) return false;
  schedule();
  const auto& peers = core_.other_replicas();
  if (core_.joined() && !peers.empty()) {
    core_.count("rounds");
    const std::size_t drawn = core_.random.below(peers.size());
    // Who is believed dead is passed over; every so often he is told all the same, since a belief may be wrong.
    constexpr std::uint64_t kToWhoeverIsDrawn = 8;
    tell(++rounds_ % kToWhoeverIsDrawn == 0 ? peers[drawn] : core_.next_living(peers, drawn));
  } else if (core_.joined()) {
    (void)core_.promise_of_step();  // There is nobody to be told, but observers, who ask; the own floor rises by it all the same.
  }
  return true;
}

bool Round::on_summary(const Envelope& envelope, const SummaryBody& body) {
  const NodeId from = envelope.sender;
  horizon_.heard(envelope, body.promise, body.standing);
  if (core_.unheeded(from)) {
    answer_observer(from, body);
    return false;
  }
  const Timestamp promise = core_.promise_of_step();
  if (body.digest != core_.clocks.digest()) {
    if (core_.observer() && core_.options.collect) {  // It is the one to ask.
      tell(from);
      return false;
    }
    core_.count("rounds_differing");
    // SUBTLE: a life that is retired in one of two tables makes the digests of all its shards differ.  So first the tables
    // are made equal, once: what keeps them from it must not keep data back.
    const bool tables_first = core_.table_differs(from) && !std::exchange(core_.peers[from].tables_first, true);
    if (!core_.table_differs(from)) core_.peers[from].tables_first = false;
    if (tables_first) {
      core_.count("rounds_members_first");
      ask(from, {kSystemShard});
      return false;
    }
    core_.send(from, DigestsBody{core_.clocks.digests(), promise, horizon_.standing()});
    return false;
  }
  core_.count("rounds_in_sync");
  take_all(from, Horizon::as_of(envelope, body.promise, body.standing));
  horizon_.in_step(Horizon::as_of(envelope, body.promise, body.standing));
  core_.peers[from].agreed_at_ms = core_.now.monotonic_ms;
  core_.send(from, AgreedBody{body.digest, promise, core_.root_of_durable(), horizon_.standing()});
  compare_members(from);
  audit_.agreed(from, body.root);
  return true;
}

// It asks for what it lacks; there is nothing to be asked of it, and nothing that it says raises a clock here.
void Round::answer_observer(NodeId from, const SummaryBody& body) {
  core_.count("rounds_of_observers");
  const Timestamp promise = core_.promise_of_step();
  if (body.digest != core_.clocks.digest()) return core_.send(from, DigestsBody{core_.clocks.digests(), promise, horizon_.standing()});
  core_.peers[from].agreed_at_ms = core_.now.monotonic_ms;
  core_.send(from, AgreedBody{body.digest, promise, core_.root_of_durable(), horizon_.standing()});
}

bool Round::on_agreed(const Envelope& envelope, const AgreedBody& body) {
  const NodeId from = envelope.sender;
  answered(from);
  horizon_.heard(envelope, body.promise, body.standing);
  // SUBTLE: compared with what is held now, not with what was asked: an answer to an earlier life, whose disk may have
  // held more than ours, must not raise a clock.
  if (body.digest != core_.clocks.digest()) return false;
  core_.peers[from].agreed_at_ms = core_.now.monotonic_ms;
  take_all(from, Horizon::as_of(envelope, body.promise, body.standing));
  horizon_.in_step(Horizon::as_of(envelope, body.promise, body.standing));
  compare_members(from);
  audit_.agreed(from, body.root);
  return true;
}

bool Round::take_all(NodeId from, Horizon::AsOf as_of) {
  if (core_.whole || !core_.options.collect || !as_of.floor) return false;
  std::vector<ShardId> shards;
  for (std::uint32_t shard = 0; shard < core_.self.shard_count; ++shard) shards.push_back(static_cast<ShardId>(shard));
  shards.push_back(kSystemShard);
  as_of.of_all = true;
  // SUBTLE: what is at its end stays at its end; else of many shards there would always be one that is asked for again.  To a
  // question that is not of all shards they are not added either: it would never be through with them before the next round.
  if (pull_.asking(from)) return true;
  ask(from, shards, std::move(as_of));
  return true;
}

void Round::compare_members(NodeId peer) {
  // SUBTLE: a record that came along with a message is in the table, but no clock covers it.  When its node is gone for
  // good before anybody held its commit, digests are equal for ever and the tables are not.
  if (!core_.table_differs(peer)) return;
  core_.count("rounds_members_differing");
  ask(peer, {kSystemShard});
}

void Round::ask(NodeId peer, const std::vector<ShardId>& shards, std::optional<Horizon::AsOf> as_of) {
  // A life begins with a summary to many, who all answer with the same.  To one who has just joined, and holds no clock
  // of the member table yet, each of them would send all of it.
  constexpr std::size_t kPullsMax = 4;
  const bool just_joined = core_.clocks.held(kSystemShard).size() <= 1;
  if (pull_.outstanding() >= (just_joined ? 1 : kPullsMax)) return core_.count("pulls_put_off");
  pull_.start(peer, shards, std::move(as_of));
}

void Round::on_digests(const Envelope& from, const DigestsBody& body) {
  answered(from.sender);
  horizon_.heard(from, body.promise, body.standing);
  if (take_all(from.sender, Horizon::as_of(from, body.promise, body.standing))) return;
  std::map<ShardId, std::uint64_t> theirs(body.shards.begin(), body.shards.end());
  std::vector<ShardId> differing;
  for (const auto& [shard, digest] : core_.clocks.digests()) {
    const auto at = theirs.find(shard);
    if (at == theirs.end() || at->second != digest) differing.push_back(shard);
    if (at != theirs.end()) theirs.erase(at);
  }
  for (const auto& [shard, digest] : theirs) differing.push_back(shard);
  if (differing.empty()) return horizon_.in_step(Horizon::as_of(from, body.promise, body.standing));
  ask(from.sender, differing, Horizon::as_of(from, body.promise, body.standing));
}

}  // namespace kith
