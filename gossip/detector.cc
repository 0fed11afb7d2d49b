#include "gossip/detector.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace kith {
namespace {

constexpr std::size_t kRelaysAsked = 3;
constexpr std::size_t kConfirmationsMax = 3;
constexpr std::size_t kSpreadTo = 3;              // In one step, of which there are kStepsAPeriod.
constexpr std::int64_t kStepsAPeriod = 5;
constexpr std::size_t kToldOfStop = 8;
constexpr std::size_t kCorrectedMax = 64;

// Of a period: until the direct ping has failed, and until a relay says that it has no answer either.
constexpr std::int64_t kDirectTenths = 3, kRelayTenths = 3;

// Nobody is accused by others within so many periods of a word of its own.
constexpr std::int64_t kFreshPeriods = 2;

// How much of the way from the longest suspicion to the shortest so many confirmations are, of those that can be expected, in
// thousandths: log(c + 1) / log(k + 1), of Lifeguard.
constexpr std::int64_t kShortened[kConfirmationsMax + 1][kConfirmationsMax + 1] = {
    {1000, 1000, 1000, 1000}, {0, 1000, 1000, 1000}, {0, 631, 1000, 1000}, {0, 500, 792, 1000}};
constexpr std::int64_t kLongestTimes = 3;         // The longest is so many times the shortest.

}  // namespace

void Detector::be(NodeId self, Timestamp start) {
  if (self == self_ && start == start_) return;
  self_ = self;
  start_ = start;
  incarnation_ = 0;
}

void Detector::members(std::int64_t now_ms, const std::vector<Peer>& peers, Output& out) {
  now_ms_ = now_ms;
  out_ = &out;
  for (auto at = members_.begin(); at != members_.end();) {
    const bool stays = std::binary_search(peers.begin(), peers.end(), Peer{at->first, {}},
                                          [](const Peer& a, const Peer& b) { return a.node < b.node; });
    if (stays) {
      ++at;
      continue;
    }
    const NodeId node = at->first;
    if (at->second.belief.state == State::kAlive) --alive_;
    for (auto* set : {&suspects_, &not_alive_, &to_tell_}) set->erase(node);
    rumours_.forget(node);
    if (probe_ && probe_->target == node) probe_.reset();
    at = members_.erase(at);
  }
  for (const Peer& peer : peers) {
    if (peer.node == self_) continue;
    const auto [at, fresh] = members_.try_emplace(peer.node);
    Member& member = at->second;
    if (fresh) {
      ++alive_;
      member.start = peer.start;
      member.belief.since_ms = now_ms;
      order_.insert(order_.begin() + static_cast<std::ptrdiff_t>(random_.below(order_.size() + 1)), peer.node);
    } else if (peer.start > member.start) {
      begin_life(peer.node, member, peer.start);
    }
  }
  if (!next_probe_ms_) next_probe_ms_ = now_ms + static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(options_.probe_every_ms)));
  settle();
}

void Detector::begin_life(NodeId node, Member& member, Timestamp start) {
  member.start = start;
  member.incarnation = 0;
  member.doubted = false;
  member.to_be_told.reset();
  to_tell_.erase(node);
  rumours_.forget(node);
  become(node, member, State::kAlive, {});
}

// ---- Time

void Detector::settle() {
  if (!next_probe_ms_ || members_.empty()) return void(wake_at_ms_ = now_ms_ + options_.probe_every_ms);
  std::int64_t at_ms = *next_probe_ms_;
  if (probe_ && !probe_->others_asked && !probe_->answered) at_ms = std::min(at_ms, probe_->ask_others_at_ms);
  for (const auto& [nonce, relayed] : relayed_) at_ms = std::min(at_ms, relayed.until_ms);
  for (const NodeId node : suspects_) at_ms = std::min(at_ms, dead_at_ms(members_.at(node)));
  if (!rumours_.empty() || !to_tell_.empty()) at_ms = std::min(at_ms, spread_at_ms_);
  // SUBTLE: what others say may have shortened a suspicion to what is past already, and that is no delay of ours.
  wake_at_ms_ = std::max(at_ms, now_ms_);
}

// SUBTLE: a process that stood still has heard nothing, and its timers are all over at once: that says nothing of others.
void Detector::look_for_delay(std::int64_t now_ms) {
  const std::int64_t late_ms = now_ms - wake_at_ms_;
  if (members_.empty() || late_ms < options_.probe_every_ms) return;
  out_->counted.push_back("probe_held_up");
  for (const NodeId node : suspects_) members_.at(node).failed_at_ms += late_ms;
  for (auto& [node, member] : members_) member.doubted = false;
  probe_.reset();
  relayed_.clear();
  next_probe_ms_ = now_ms;
  less_healthy(1);
}

void Detector::tick(std::int64_t now_ms, Output& out) {
  out_ = &out;
  if (!next_probe_ms_ || stopped_) {
    now_ms_ = now_ms;
    return settle();
  }
  look_for_delay(now_ms);
  now_ms_ = now_ms;
  give_up_relayed();
  if (probe_ && !probe_->others_asked && !probe_->answered && now_ms >= probe_->ask_others_at_ms) ask_others();
  if (now_ms >= *next_probe_ms_) {
    conclude_probe();
    begin_probe();
  }
  judge_suspects();
  if ((!rumours_.empty() || !to_tell_.empty()) && now_ms >= spread_at_ms_) spread();
  settle();
}

// ---- Probing

NodeId Detector::next_target() {
  while (!doubted_.empty()) {
    const NodeId node = doubted_.front();
    doubted_.pop_front();
    const auto at = members_.find(node);
    if (at != members_.end() && at->second.doubted) return node;
  }
  for (std::size_t looked_at = 0; looked_at <= order_.size(); ++looked_at) {
    if (place_ >= order_.size()) {
      place_ = 0;
      std::erase_if(order_, [&](NodeId node) { return !members_.contains(node); });
      for (std::size_t i = order_.size(); i > 1; --i) std::swap(order_[i - 1], order_[random_.below(i)]);
      if (order_.empty()) break;
    }
    const NodeId node = order_[place_++];
    if (members_.contains(node)) return node;
  }
  return {};
}

void Detector::begin_probe() {
  next_probe_ms_ = now_ms_ + stretched(options_.probe_every_ms);
  const NodeId target = next_target();
  if (!target) return;
  probe_ = Probe{};
  probe_->target = target;
  probe_->nonce = random_.nonzero();
  probe_->began_ms = now_ms_;
  probe_->ask_others_at_ms = now_ms_ + stretched(options_.probe_every_ms) * kDirectTenths / 10;
  out_->counted.push_back("probes");
  send(target, {.step = ProbeBody::Step::kPing, .nonce = probe_->nonce});
}

void Detector::ask_others() {
  Probe& probe = *probe_;
  probe.others_asked = true;
  if (dead(probe.target)) return;
  out_->counted.push_back("probes_indirect");
  send(probe.target, {.step = ProbeBody::Step::kPing, .nonce = probe.nonce});
  for (const NodeId relay : some(kRelaysAsked, probe.target, State::kAlive)) {
    probe.silent.insert(relay);
    ++probe.relays;
    send(relay, {.step = ProbeBody::Step::kPingFor, .nonce = probe.nonce, .node = probe.target});
  }
}

void Detector::conclude_probe() {
  if (!probe_) return;
  const Probe probe = *std::exchange(probe_, std::nullopt);
  if (probe.answered) return healthier();
  const auto at = members_.find(probe.target);
  if (at == members_.end() || at->second.belief.state == State::kDead) return;
  out_->counted.push_back("probes_failed");
  less_healthy(probe.relays == 0 ? 1 : probe.silent.size());
  Member& member = at->second;
  if (member.belief.state == State::kSuspect || member.doubted) return accuse(probe.target, member);
  member.doubted = true;
  member.failed_at_ms = probe.began_ms;
  doubted_.push_back(probe.target);
}

void Detector::less_healthy(std::size_t by) { score_ = std::min(score_ + static_cast<int>(by), kScoreMax); }

void Detector::give_up_relayed() {
  for (auto at = relayed_.begin(); at != relayed_.end();) {
    if (now_ms_ < at->second.until_ms) {
      ++at;
      continue;
    }
    const Relayed it = at->second;
    at = relayed_.erase(at);
    send(it.asker, {.step = ProbeBody::Step::kSilent, .nonce = it.nonce, .node = it.target});
  }
}

void Detector::answer(const Peer& from, const ProbeBody& body) {
  using Step = ProbeBody::Step;
  if (body.step == Step::kPing || body.step == Step::kPingFor) {
    if (now_ms_ - window_began_ms_ >= options_.probe_every_ms) {
      window_began_ms_ = now_ms_;
      answers_ = 0;
    }
    if (++answers_ > kAnswersMax) return out_->counted.push_back("dropped_probe_flood");
  }
  switch (body.step) {
    case Step::kPing: return send(from.node, {.step = Step::kPong, .nonce = body.nonce});
    case Step::kPong: {
      const auto at = relayed_.find(body.nonce);
      if (at == relayed_.end() || at->second.target != from.node) return;
      const Relayed it = at->second;
      relayed_.erase(at);
      return send(it.asker, {.step = Step::kPongFor, .nonce = it.nonce, .node = it.target});
    }
    case Step::kPingFor: {
      if (!members_.contains(body.node) || relayed_.size() >= kRelaysMax) {
        return send(from.node, {.step = Step::kSilent, .nonce = body.nonce, .node = body.node});
      }
      const std::uint64_t nonce = random_.nonzero();
      relayed_[nonce] = {from.node, body.nonce, body.node, now_ms_ + options_.probe_every_ms * kRelayTenths / 10};
      return send(body.node, {.step = Step::kPing, .nonce = nonce});
    }
    case Step::kPongFor:
    case Step::kSilent: {
      if (!probe_ || probe_->nonce != body.nonce || probe_->target != body.node || probe_->silent.erase(from.node) == 0) return;
      if (body.step == Step::kPongFor) {
        probe_->answered = true;
        if (const auto at = members_.find(body.node); at != members_.end()) at->second.doubted = false;
      }
      return;
    }
    case Step::kRumours: return;
  }
}

// ---- Believing

void Detector::receive(std::int64_t now_ms, Peer from, const ProbeBody& body, Output& out) {
  now_ms_ = now_ms;
  out_ = &out;
  const auto at = members_.find(from.node);
  if (at == members_.end() || stopped_ || from.start < at->second.start) return;
  if (from.start > at->second.start) begin_life(from.node, at->second, from.start);  // The table will tell; its word counts now.
  bool stops = false;
  for (const Rumour& rumour : body.rumours) {
    take(from.node, rumour);
    stops = stops || (rumour.kind == Rumour::Kind::kDead && rumour.node == from.node && rumour.by == from.node);
  }
  if (!stops) {
    word_of(from.node, at->second, body.incarnation);
    answer(from, body);
  }
  settle();
}

void Detector::heard(std::int64_t now_ms, Peer from, Output& out) {
  now_ms_ = now_ms;
  out_ = &out;
  const auto at = members_.find(from.node);
  if (at == members_.end() || stopped_ || from.start < at->second.start) return;
  if (from.start > at->second.start) begin_life(from.node, at->second, from.start);
  word_of(from.node, at->second, std::nullopt);
  if (!out.changes.empty()) settle();  // Else there is nothing that would be due earlier.
}

void Detector::word_of(NodeId node, Member& member, std::optional<std::uint64_t> incarnation) {
  member.belief.heard_ms = now_ms_;
  member.doubted = false;
  if (probe_ && probe_->target == node) probe_->answered = true;
  if (member.belief.state != State::kAlive) {
    member.to_be_told = what_is_known(node, member);
    to_tell_.insert(node);
    become(node, member, State::kAlive, {});
  }
  if (!incarnation) return;
  member.incarnation = *incarnation;
  if (member.to_be_told && *incarnation > member.to_be_told->incarnation) {
    member.to_be_told.reset();
    to_tell_.erase(node);
    pass_on(what_is_known(node, member));
  }
}

void Detector::take(NodeId from, const Rumour& rumour) {
  if (rumour.node == self_) return refute(rumour);
  const auto at = members_.find(rumour.node);
  if (at == members_.end()) return out_->counted.push_back("dropped_rumour_stranger");
  Member& member = at->second;
  if (rumour.start != member.start) return out_->counted.push_back("dropped_rumour_other_life");
  if (!rumour.accuses()) {
    if (rumour.incarnation <= member.incarnation) return;
    member.incarnation = rumour.incarnation;
    member.to_be_told.reset();
    member.doubted = false;
    become(rumour.node, member, State::kAlive, {});
    return pass_on(rumour);
  }
  const bool own_word = rumour.by == rumour.node && from == rumour.node;
  if (!own_word) {
    if (rumour.incarnation >= kIncarnationMax || rumour.incarnation > member.incarnation + kJumpMax) {
      return out_->counted.push_back("dropped_rumour_implausible");
    }
    if (rumour.incarnation < member.incarnation) {
      if (to_correct_.size() < kCorrectedMax) to_correct_[from] = rumour.node;
      return out_->counted.push_back("dropped_rumour_stale");
    }
    const bool fresh = member.belief.heard_ms >= 0 && now_ms_ - member.belief.heard_ms < kFreshPeriods * options_.probe_every_ms;
    if (fresh) return out_->counted.push_back("dropped_rumour_disproved");
  }
  const State accused = rumour.kind == Rumour::Kind::kDead ? State::kDead : State::kSuspect;
  if (rumour.incarnation > member.incarnation || accused > member.belief.state) {
    if (rumour.incarnation > member.incarnation || member.belief.state != State::kSuspect) member.failed_at_ms = now_ms_;
    member.incarnation = rumour.incarnation;
    become(rumour.node, member, accused, rumour.by);
    return pass_on(rumour);
  }
  if (accused == State::kSuspect && member.belief.state == State::kSuspect) joins_suspicion(rumour.node, member, rumour.by);
}

void Detector::refute(const Rumour& rumour) {
  if (rumour.start != start_ || stopped_) return;
  if (rumour.incarnation < incarnation_ || (rumour.incarnation == incarnation_ && !rumour.accuses())) return;
  if (rumour.accuses()) {
    less_healthy(1);
    out_->counted.push_back("probe_refutations");
  }
  incarnation_ = std::min(rumour.incarnation + 1, kIncarnationMax);
  pass_on({.kind = Rumour::Kind::kAlive, .node = self_, .start = start_, .incarnation = incarnation_});
}

void Detector::accuse(NodeId node, Member& member) {
  if (member.belief.state == State::kSuspect) return joins_suspicion(node, member, self_);
  become(node, member, State::kSuspect, self_);
  to_tell_.insert(node);
  pass_on(what_is_known(node, member));
}

void Detector::joins_suspicion(NodeId node, Member& member, NodeId by) {
  // The first of them is who accused; more than can shorten it are not listened to.
  if (member.accusers.size() > kConfirmationsMax || !member.accusers.insert(by).second) return;
  Rumour rumour = what_is_known(node, member);
  rumour.by = by;
  pass_on(rumour);
}

void Detector::become(NodeId node, Member& member, State state, NodeId by) {
  Belief& belief = member.belief;
  member.accusers.clear();
  if (state == State::kSuspect) member.accusers.insert(by);
  if (belief.state == state) return;
  const Belief before = belief;
  if (before.state == State::kAlive) --alive_;
  if (state == State::kAlive) ++alive_;
  belief.state = state;
  belief.since_ms = now_ms_;
  belief.by = by;
  if (state == State::kAlive) {
    rumours_.forget(node);
    not_alive_.erase(node);
  } else {
    not_alive_.insert(node);
  }
  if (state == State::kSuspect) suspects_.insert(node);
  else suspects_.erase(node);
  out_->changes.push_back({node, before, belief});
}

std::size_t Detector::confirmations_wanted() const { return std::min(kConfirmationsMax, alive_); }

std::int64_t Detector::dead_at_ms(const Member& member) const {
  const std::size_t wanted = confirmations_wanted(), have = std::min(member.accusers.size() - 1, kConfirmationsMax);
  const std::int64_t shortest = options_.dead_after_ms, longest = kLongestTimes * shortest;
  return member.failed_at_ms + longest - (longest - shortest) * kShortened[wanted][have] / 1000;
}

void Detector::judge_suspects() {
  const std::set<NodeId> suspects = suspects_;
  for (const NodeId node : suspects) {
    Member& member = members_.at(node);
    if (now_ms_ < dead_at_ms(member)) continue;
    become(node, member, State::kDead, self_);
    pass_on(what_is_known(node, member));
  }
}

// ---- Telling

Rumour Detector::what_is_known(NodeId node, const Member& member) const {
  Rumour out{.kind = Rumour::Kind::kAlive, .node = node, .start = member.start, .incarnation = member.incarnation};
  if (member.belief.state == State::kAlive) return out;
  out.kind = member.belief.state == State::kDead ? Rumour::Kind::kDead : Rumour::Kind::kSuspect;
  out.by = member.belief.by;
  return out;
}

void Detector::pass_on(const Rumour& rumour) {
  if (rumour.accuses() && rumour.incarnation >= kIncarnationMax) return;  // Nobody would listen.
  if (rumours_.empty() && to_tell_.empty()) spread_at_ms_ = std::max(spread_at_ms_, now_ms_);
  rumours_.put(rumour);
}

int Detector::times() const { return 2 * static_cast<int>(std::bit_width(members_.size() + 1)); }

std::vector<Rumour> Detector::rumours_for(NodeId to, NodeId about) {
  std::vector<Rumour> out;
  std::size_t bytes = kRumourBytesMax;
  const auto add = [&](const Rumour& rumour) {
    if (bytes_of(rumour) > bytes || std::find(out.begin(), out.end(), rumour) != out.end()) return;
    bytes -= bytes_of(rumour);
    out.push_back(rumour);
  };
  // The one who is accused comes first.
  if (const auto at = members_.find(to); at != members_.end()) {
    if (at->second.belief.state != State::kAlive) add(what_is_known(to, at->second));
    if (at->second.to_be_told) add(*at->second.to_be_told);
  }
  if (const auto at = members_.find(about); at != members_.end()) add(what_is_known(about, at->second));
  if (const auto at = to_correct_.find(to); at != to_correct_.end()) {
    if (const auto known = members_.find(at->second); known != members_.end()) add(what_is_known(at->second, known->second));
    to_correct_.erase(at);
  }
  for (const Rumour& rumour : rumours_.take(to, bytes, times())) add(rumour);
  // Who came late, or missed it, hears of those who are not there, one with each message.
  if (out.empty() && !not_alive_.empty()) {
    auto at = not_alive_.upper_bound(last_recalled_);
    if (at == not_alive_.end()) at = not_alive_.begin();
    last_recalled_ = *at;
    add(what_is_known(*at, members_.at(*at)));
  }
  return out;
}

void Detector::send(NodeId to, ProbeBody body) {
  body.incarnation = incarnation_;
  body.rumours = rumours_for(to, body.step == ProbeBody::Step::kPingFor || body.step == ProbeBody::Step::kPongFor ? body.node : NodeId{});
  out_->sends.push_back({to, std::move(body)});
}

std::vector<NodeId> Detector::some(std::size_t count, NodeId but, State worst) {
  std::vector<NodeId> from;
  for (const auto& [node, member] : members_) {
    if (node != but && member.belief.state <= worst) from.push_back(node);
  }
  count = std::min(count, from.size());
  for (std::size_t i = 0; i < count; ++i) std::swap(from[i], from[i + random_.below(from.size() - i)]);
  from.resize(count);
  return from;
}

void Detector::spread() {
  spread_at_ms_ = now_ms_ + options_.probe_every_ms / kStepsAPeriod;
  std::size_t told = 0;
  while (!to_tell_.empty() && told < kSpreadTo) {
    const NodeId node = *to_tell_.begin();
    to_tell_.erase(to_tell_.begin());
    if (!members_.contains(node)) continue;
    send(node, {.step = ProbeBody::Step::kRumours});
    ++told;
  }
  if (told == kSpreadTo || rumours_.empty()) return;
  const std::vector<NodeId> others = some(kSpreadTo - told, {}, State::kSuspect);
  const auto news = [&](NodeId node) { return rumours_.has_for(node); };
  // SUBTLE: of two nodes one has nobody to tell of the other.
  if (members_.size() - (not_alive_.size() - suspects_.size()) <= 1 && std::none_of(others.begin(), others.end(), news)) rumours_ = {};
  for (const NodeId node : others) {
    if (news(node)) send(node, {.step = ProbeBody::Step::kRumours});
  }
}

void Detector::stop(std::int64_t now_ms, Output& out) {
  now_ms_ = now_ms;
  out_ = &out;
  if (stopped_) return;
  next_probe_ms_.reset();
  settle();
  const Rumour rumour{.kind = Rumour::Kind::kDead, .node = self_, .start = start_, .incarnation = incarnation_, .by = self_};
  for (const NodeId node : some(kToldOfStop, {}, State::kSuspect)) {
    out.sends.push_back({node, {.step = ProbeBody::Step::kRumours, .incarnation = incarnation_, .rumours = {rumour}}});
  }
  stopped_ = true;
}

std::optional<Detector::Belief> Detector::belief(NodeId node) const {
  const auto at = members_.find(node);
  return at == members_.end() ? std::nullopt : std::optional(at->second.belief);
}

bool Detector::dead(NodeId node) const {
  const auto at = members_.find(node);
  return at != members_.end() && at->second.belief.state == State::kDead;
}

}  // namespace kith
