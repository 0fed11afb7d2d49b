// What a detector believes of others, of what it finds out, and of what it is told.
#include <algorithm>

#include "gossip/detector.h"

namespace kith {
namespace {

constexpr std::size_t kConfirmationsMax = 3;
constexpr std::size_t kCorrectedMax = 64;

// Nobody is accused by others within so many periods of a word of its own.
constexpr std::int64_t kFreshPeriods = 2;

// SUBTLE: a death that others tell of counts when the node has been suspected here for so long, in which it can refute: who was alone on
// one side of a cut, or is heard but hears nobody, tells of everybody that they are dead.  Of a true death the suspicion was heard before.
constexpr std::int64_t kTrialPeriods = 2;

// How much of the way from the longest suspicion to the shortest so many confirmations are, of those that can be expected, in
// thousandths: log(c + 1) / log(k + 1), of Lifeguard.
constexpr std::int64_t kShortened[kConfirmationsMax + 1][kConfirmationsMax + 1] = {
    {1000, 1000, 1000, 1000}, {0, 1000, 1000, 1000}, {0, 631, 1000, 1000}, {0, 500, 792, 1000}};
constexpr std::int64_t kLongestTimes = 3;         // The longest is so many times the shortest.

}  // namespace

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
  // SUBTLE: what it had said before may come after its word that it stops.
  const bool stopped = member.belief.state == State::kDead && member.belief.by == node;
  if (stopped && now_ms_ - member.belief.since_ms < kFreshPeriods * options_.probe_every_ms) return;
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
  if (accused == State::kDead && !own_word && !tried(rumour, member)) return put_on_trial(rumour, member);
  if (rumour.incarnation > member.incarnation || accused > member.belief.state) {
    if (rumour.incarnation > member.incarnation || member.belief.state != State::kSuspect) member.failed_at_ms = now_ms_;
    member.incarnation = rumour.incarnation;
    become(rumour.node, member, accused, rumour.by);
    return pass_on(rumour);
  }
  if (accused == State::kSuspect && member.belief.state == State::kSuspect) joins_suspicion(rumour.node, member, rumour.by);
}

bool Detector::tried(const Rumour& rumour, const Member& member) const {
  if (member.belief.state == State::kDead) return true;
  return member.belief.state == State::kSuspect && rumour.incarnation == member.incarnation &&
         now_ms_ - member.belief.since_ms >= kTrialPeriods * options_.probe_every_ms;
}

void Detector::put_on_trial(const Rumour& rumour, Member& member) {
  if (member.belief.state != State::kSuspect || rumour.incarnation > member.incarnation) {
    member.failed_at_ms = now_ms_;
    member.incarnation = rumour.incarnation;
    become(rumour.node, member, State::kSuspect, rumour.by);
  }
  if (member.told_dead) return;
  member.told_dead = Member::ToldDead{now_ms_ + kTrialPeriods * options_.probe_every_ms, rumour.by};
  to_tell_.insert(rumour.node);
  pass_on(rumour);
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
  member.told_dead.reset();
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
  const std::int64_t by_itself_ms = member.failed_at_ms + longest - (longest - shortest) * kShortened[wanted][have] / 1000;
  return member.told_dead ? std::min(by_itself_ms, member.told_dead->until_ms) : by_itself_ms;
}

void Detector::judge_suspects() {
  const std::set<NodeId> suspects = suspects_;
  for (const NodeId node : suspects) {
    Member& member = members_.at(node);
    if (now_ms_ < dead_at_ms(member)) continue;
    become(node, member, State::kDead, member.told_dead ? member.told_dead->by : self_);
    pass_on(what_is_known(node, member));
  }
}

}  // namespace kith
