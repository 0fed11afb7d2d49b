#include "gossip/eviction.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "crdt/bytes.h"

namespace kith {
namespace {

// After one that was given up, so that two who propose at the same time do not do so for ever.
constexpr std::int64_t kPauseMs = 5000;

void put(ByteWriter& out, const Eviction::Nodes& nodes) {
  out.varint(nodes.size());
  for (const NodeId node : nodes) out.u64(node.value);
}

Eviction::Nodes get_nodes(ByteReader& in) {
  Eviction::Nodes out;
  for (std::uint64_t left = in.varint(); in.ok() && left > 0; --left) out.push_back(NodeId{in.u64()});
  return out;
}

Eviction::Nodes without(const Eviction::Nodes& all, const Eviction::Nodes& but) {
  Eviction::Nodes out;
  std::set_difference(all.begin(), all.end(), but.begin(), but.end(), std::back_inserter(out));
  return out;
}

Eviction::Nodes both(const Eviction::Nodes& a, const Eviction::Nodes& b) {
  Eviction::Nodes out;
  std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(out));
  return out;
}

std::size_t common(const Eviction::Nodes& a, const Eviction::Nodes& b) { return a.size() - without(a, b).size(); }

bool more_than_half(const Eviction::Nodes& these, const Eviction::Nodes& of) { return 2 * common(these, of) > of.size(); }

}  // namespace

bool Eviction::contains(const Nodes& nodes, NodeId node) { return std::binary_search(nodes.begin(), nodes.end(), node); }

void Eviction::load() {
  const auto snapshot = core_.store.snapshot();
  if (const auto bytes = snapshot->meta(meta::kVote)) {
    ByteReader in(*bytes);
    vote_.promised = {Timestamp{in.u64()}, OriginId{in.u64()}};
    vote_.accepted = {Timestamp{in.u64()}, OriginId{in.u64()}};
    vote_.members = get_nodes(in);
    vote_.going = get_nodes(in);
    vote_.proposer = NodeId{in.u64()};
    vote_.confirmed = in.u8() != 0;
    if (!in.ok()) vote_ = {};
  }
  if (const auto bytes = snapshot->meta(meta::kElectorate)) {
    ByteReader in(*bytes);
    core_.electorate = get_nodes(in);
    if (!in.ok()) core_.electorate.clear();
  }
  core_.voted_against = vote_.going;
}

void Eviction::begin() {
  // What this node proposed in an earlier life nobody will bring about any more.
  if (outstanding() && vote_.proposer == core_.self.node && !took_effect(vote_.going, vote_.accepted.at)) {
    core_.note(Output::Note::Level::kWarning, "the eviction of " + names_of(vote_.going) + ", which this node had proposed before it stopped, is given up");
    drop_vote();
  }
  life_began_at_ms_ = heard_of_vote_at_ms_ = voted_at_ms_ = core_.now.monotonic_ms;
  if (core_.joined() && core_.electorate.empty()) take_electorate(core_.members.replicas());  // It founded the cluster.
}

void Eviction::take_electorate(const Nodes& nodes) {
  core_.electorate = nodes;
  keep_electorate();
}

void Eviction::keep_vote() {
  ByteWriter out;
  out.u64(vote_.promised.at.value), out.u64(vote_.promised.origin.value);
  out.u64(vote_.accepted.at.value), out.u64(vote_.accepted.origin.value);
  put(out, vote_.members), put(out, vote_.going);
  out.u64(vote_.proposer.value), out.u8(vote_.confirmed ? 1 : 0);
  core_.out->store.set_meta(meta::kVote, out.take());
  core_.voted_against = vote_.going;
}

void Eviction::drop_vote() {
  vote_.members.clear(), vote_.going.clear();
  vote_.accepted = {};
  vote_.confirmed = false;
  keep_vote();
}

void Eviction::keep_electorate() {
  ByteWriter out;
  put(out, core_.electorate);
  core_.out->store.set_meta(meta::kElectorate, out.take());
}

bool Eviction::good_standing() const {
  return core_.got_in_step && may_put_observers_out();
}

// SUBTLE: not only in step with somebody: the only replica has nobody for that.
bool Eviction::may_put_observers_out() const {
  return !core_.observer() && core_.options.collect && core_.joined() && core_.introduced && core_.whole && !core_.behind && !core_.superseded &&
         !core_.returning && !core_.stopping && core_.in_table();
}

std::string Eviction::names_of(const Nodes& nodes) const {
  std::string out;
  for (const NodeId node : nodes) out += (out.empty() ? "" : ", ") + core_.name_of(node);
  return out;
}

// ---- Whom to ask, and who is counted

void Eviction::look_at_electorate() {
  const Nodes& ids = core_.members.replicas();
  if (core_.electorate == ids || !core_.joined()) return;
  // Who is out is so by the vote of more than half of it.
  Nodes kept = core_.electorate;
  std::erase_if(kept, [&](NodeId node) { return core_.members.out(node); });
  Nodes know_all;
  if (!outstanding()) {
    for (const NodeId node : ids) {
      const auto peer = core_.peers.find(node);
      const bool knows = peer != core_.peers.end() && peer->second.members_version == core_.members.version() && !peer->second.voted;
      if (node == core_.self.node || knows) know_all.push_back(node);
    }
    if (more_than_half(know_all, kept) && more_than_half(know_all, ids)) kept = ids;
  }
  if (kept == core_.electorate) return;
  core_.electorate = std::move(kept);
  keep_electorate();
}

// SUBTLE: who is voted against and speaks is back, though nobody listens.  Were it silent, proposal would follow upon proposal before
// it could say as much as its new address, and what it alone holds of a damaged row would never come.
bool Eviction::silent(NodeId node, std::int64_t for_ms) const {
  const auto peer = core_.peers.find(node);
  const std::int64_t heard_ms = peer == core_.peers.end() ? -1 : std::max(peer->second.heard_at_ms, peer->second.fenced_at_ms);
  return core_.now.monotonic_ms - std::max(heard_ms, life_began_at_ms_) >= for_ms;
}

Eviction::Nodes Eviction::silent() const {
  Nodes out;
  for (const NodeId node : core_.other_replicas()) {
    if (silent(node, core_.options.evict_after_ms)) out.push_back(node);
  }
  return out;
}

std::int64_t Eviction::my_turn_ms(const Nodes& but) const {
  const Nodes others = without(core_.members.replicas(), but);
  const auto place = std::lower_bound(others.begin(), others.end(), core_.self.node) - others.begin();
  return static_cast<std::int64_t>(place) * kTurnMs;
}

Eviction::Nodes Eviction::left_over(const Proposal& proposal) const { return without(proposal.members, proposal.going); }

std::string Eviction::misses_half(const Proposal& proposal) const {
  const Nodes left = left_over(proposal);
  if (proposal.without_half) return "";
  if (half_will_do(proposal)) return "";
  if (2 * left.size() <= proposal.members.size()) {
    return "only " + std::to_string(left.size()) + " of " + std::to_string(proposal.members.size()) +
           " members would be left over, and more than half have to agree: else two sides that do not hear each other could each "
           "go on without the other. If the others are gone for good, `kith recover` goes on with what is left";
  }
  const auto fits = [&](const Nodes& electorate) {
    Nodes of = electorate;
    std::erase_if(of, [&](NodeId node) { return core_.members.out(node); });
    return of.empty() || more_than_half(left, of);
  };
  bool all = fits(core_.electorate);
  for (const auto& [node, vote] : proposal.votes) all = all && fits(vote.electorate);
  if (!all) {
    return "more than half of those have to agree who were members before the last ones joined, and they are not among those "
           "left over. If they are gone for good, `kith recover` goes on with what is left";
  }
  return "";
}

bool Eviction::asks_to_go(const Nodes& going) const {
  const auto* member = going.size() == 1 ? core_.member(going.front()) : nullptr;
  return member != nullptr && member->record.handed_over;
}

// SUBTLE: of two members who goes has given its vote by saying so.  Not when this node has said so as well, nor where it took its word
// back later than the other gave its: that may have been before it took its own back, and each could go on without the other.
bool Eviction::half_will_do(const Proposal& proposal) const {
  if (proposal.members.size() != 2 || !asks_to_go(proposal.going) || core_.handed_over) return false;
  return core_.member(proposal.going.front())->record.leaving > core_.stayed;
}

// Of those that ask to go, one after the other, so that more than half are left each time.  Not while somebody is away who has to vote.
Eviction::Nodes Eviction::next_to_leave() {
  Nodes next;
  bool all_there = true;
  for (const NodeId node : core_.other_replicas()) {
    if (next.empty() && core_.member(node)->record.handed_over) next = {node};
    else all_there = all_there && !silent(node, kSilentMs);
  }
  if (next != leaving_) {
    leaving_ = next;
    leaving_at_ms_ = core_.now.monotonic_ms;
  }
  const bool my_turn = !next.empty() && core_.now.monotonic_ms - leaving_at_ms_ >= my_turn_ms(next);
  if (!my_turn || !all_there) return {};
  Proposal would;
  would.members = core_.members.replicas();
  would.going = next;
  return misses_half(would).empty() ? next : Nodes{};
}

std::string Eviction::what(const Nodes& going) const {
  return (asks_to_go(going) ? "the leaving of " : "the eviction of ") + names_of(going);
}

// ---- Who votes

VoteBody Eviction::answer(NodeId proposer, const EvictBody& body) {
  VoteBody out;
  out.step = body.step;
  out.ballot = body.ballot;
  if (body.step == VoteStep::kConfirm) {
    const bool bound = outstanding() && body.ballot == vote_.accepted;
    out.refusal = bound ? VoteRefusal::kNone : VoteRefusal::kOutbid;
    vote_.confirmed = vote_.confirmed || bound;
    if (bound) keep_vote();
    return out;
  }
  const bool goes_on = body.step == VoteStep::kAccept && body.ballot == vote_.promised;
  if (body.members != core_.members.replicas() || contains(body.going, core_.self.node)) {
    out.refusal = VoteRefusal::kOtherTable;
  } else if (!body.asked_for && std::any_of(body.going.begin(), body.going.end(), [&](NodeId node) { return !silent(node, core_.options.evict_after_ms / 2); })) {
    out.refusal = VoteRefusal::kHeardOfIt;
  } else if (!good_standing() || mend_.waits_for_more_than(asks_to_go(body.going) && !silent(body.going.front(), kSilentMs) ? Nodes{} : body.going)) {
    out.refusal = VoteRefusal::kNotInGoodStanding;
  } else if (body.ballot < vote_.promised || (body.step == VoteStep::kAccept && !goes_on && body.ballot == vote_.promised)) {
    out.refusal = VoteRefusal::kOutbid;
  } else {
    core_.hlc.observe(body.ballot.at);
    vote_.promised = body.ballot;
    if (body.step == VoteStep::kAccept) {
      vote_.accepted = body.ballot;
      vote_.members = body.members;
      vote_.going = body.going;
      vote_.proposer = proposer;
      vote_.confirmed = false;
      if (outstanding()) core_.count("evictions_voted_for");
    }
    keep_vote();
  }
  out.promised = vote_.promised;
  if (vote_.confirmed) {
    out.accepted = vote_.accepted;
    out.members = vote_.members;
    out.going = vote_.going;
  }
  out.electorate = core_.electorate;
  return out;
}

void Eviction::on_evict(const Envelope& from, const EvictBody& body) {
  if (body.step == VoteStep::kWithdrawn) return on_withdrawn(from, body);
  if (body.step == VoteStep::kStands) return;
  if (outstanding() && body.going == vote_.going) heard_of_vote_at_ms_ = core_.now.monotonic_ms;
  const VoteBody vote = answer(from.sender, body);
  if (vote.refusal == VoteRefusal::kNone && body.step == VoteStep::kAccept) heard_of_vote_at_ms_ = voted_at_ms_ = core_.now.monotonic_ms;
  core_.send(from.sender, vote);
}

// They are out since then; perhaps they are back already.
bool Eviction::took_effect(const Nodes& going, Timestamp ballot) const {
  return std::all_of(going.begin(), going.end(), [&](NodeId node) {
    const auto* member = core_.member(node);
    return (member != nullptr && member->out) || core_.members.evicted().at(node) > ballot;
  });
}

void Eviction::on_word(const Envelope& from) {
  if (const auto* evict = std::get_if<EvictBody>(&from.body); evict != nullptr && evict->step == VoteStep::kWithdrawn) on_withdrawn(from, *evict);
  if (const auto* vote = std::get_if<VoteBody>(&from.body); vote != nullptr && vote->step == VoteStep::kStands) say_if_withdrawn(from, *vote);
}

// SUBTLE: where it took effect the table says so, and goes round like all tables.
void Eviction::say_if_withdrawn(const Envelope& from, const VoteBody& body) {
  const bool stands = (proposal_ && proposal_->ballot == body.accepted) || (outstanding() && vote_.accepted == body.accepted);
  const bool left_over = contains(body.members, core_.self.node) && !contains(body.going, core_.self.node);
  if (!body.accepted || stands || !left_over || took_effect(body.going, body.accepted.at)) return;
  // Nor will this node vote for it when it is asked late.
  vote_.promised = std::max(vote_.promised, Ballot{just_after(body.accepted.at), body.accepted.origin});
  keep_vote();
  core_.send(from.sender, EvictBody{VoteStep::kWithdrawn, body.accepted, body.members, body.going, false});
}

void Eviction::on_withdrawn(const Envelope& from, const EvictBody& body) {
  if (!outstanding() || body.ballot != vote_.accepted || !contains(without(vote_.members, vote_.going), from.sender)) return;
  core_.count("votes_withdrawn");
  drop_vote();
}

void Eviction::look_at_vote() {
  if (!outstanding()) return;
  if (took_effect(vote_.going, vote_.accepted.at) || core_.members.out(vote_.proposer)) return drop_vote();
  if (vote_.proposer == core_.self.node) return;
  if (!vote_.confirmed && silent(vote_.proposer, kSilentMs) && core_.now.monotonic_ms - voted_at_ms_ >= kSilentMs) {
    core_.count("votes_dropped");
    return drop_vote();
  }
  if (core_.now.monotonic_ms - heard_of_vote_at_ms_ < kAskedMs) return;
  heard_of_vote_at_ms_ = core_.now.monotonic_ms;
  const VoteBody question{VoteStep::kStands, vote_.accepted, VoteRefusal::kNone, vote_.promised, vote_.accepted, vote_.members, vote_.going, {}};
  for (const NodeId node : without(vote_.members, vote_.going)) {
    if (node != core_.self.node && (vote_.confirmed || node == vote_.proposer)) core_.send(node, question);
  }
}

// ---- Who proposes

std::string Eviction::propose(const std::vector<std::string>& names, bool without_half) {
  if (!core_.options.collect) return "this cluster collects nothing (kithd without --collect): nobody holds anything up, and nobody is evicted";
  if (core_.observer()) return core_.self.name + " is an observer, and has no vote: ask a replica";
  Nodes going, observers;
  for (const std::string& name : names) {
    NodeId node;
    if (core_.members.find_by_name(name, &node) == nullptr) return "there is no member '" + name + "' (or it is evicted already): `kith status` lists them";
    if (node == core_.self.node) return "a node does not evict itself: ask another member";
    (core_.members.observes(node) ? observers : going).push_back(node);
  }
  if (going.empty() && observers.empty()) return "nobody was named";
  std::sort(observers.begin(), observers.end());
  observers.erase(std::unique(observers.begin(), observers.end()), observers.end());
  if (going.empty()) {
    if (!may_put_observers_out()) return core_.self.name + " is not in good standing itself yet: ask another member, or try again when `kith status` shows it in step";
    for (const NodeId node : observers) put_out(node);
    return "";
  }
  if (proposal_) return "an eviction is under way already, of " + names_of(proposal_->going) + ": see `kith status`";
  if (!good_standing()) return core_.self.name + " is not in good standing itself yet: ask another member, or try again when `kith status` shows it in step";
  std::sort(going.begin(), going.end());
  going.erase(std::unique(going.begin(), going.end()), going.end());
  Proposal would;
  would.members = core_.members.replicas();
  would.going = going;
  would.without_half = without_half;
  if (std::string against = misses_half(would); !against.empty()) return against;
  for (const NodeId node : observers) put_out(node);
  begin(std::move(going), true, without_half);
  return "";
}

void Eviction::begin(Nodes going, bool asked_for, bool without_half) {
  proposal_ = Proposal{};
  core_.hlc.observe(vote_.promised.at);
  proposal_->ballot = {core_.issue_now(), core_.self.origin};
  proposal_->members = core_.members.replicas();
  // SUBTLE: who is voted against is not heard, so its promise would never come; and what all have confirmed may have taken effect.
  proposal_->going = both(going, vote_.going);
  proposal_->asked_for = asked_for;
  proposal_->without_half = without_half;
  proposal_->began_at_ms = core_.now.monotonic_ms;
  core_.count("evictions_proposed");
  ask();
}

VoteStep Eviction::step_of(Phase phase) {
  return phase == Phase::kPrepare ? VoteStep::kPrepare : phase == Phase::kConfirm ? VoteStep::kConfirm : VoteStep::kAccept;
}

void Eviction::ask() {
  const EvictBody body{step_of(proposal_->phase), proposal_->ballot, proposal_->members, proposal_->going, proposal_->asked_for};
  for (const NodeId node : left_over(*proposal_)) {
    if (proposal_->votes.contains(node)) continue;
    if (node != core_.self.node) {
      core_.send(node, body);
      continue;
    }
    const VoteBody own = answer(node, body);
    if (own.refusal != VoteRefusal::kNone) return give_up("another one has been proposed");
    proposal_->votes[node] = own;
  }
  counted();
}

void Eviction::on_vote(const Envelope& from, const VoteBody& body) {
  if (body.step == VoteStep::kStands) return say_if_withdrawn(from, body);
  if (!proposal_ || body.ballot != proposal_->ballot || proposal_->phase == Phase::kGetInStep) return;
  if (body.step != step_of(proposal_->phase)) return;
  if (!contains(left_over(*proposal_), from.sender)) return;
  if (body.refusal == VoteRefusal::kOutbid) {
    core_.hlc.observe(body.promised.at);
    return give_up(core_.name_of(from.sender) + " has promised its vote to another one");
  }
  if (body.refusal == VoteRefusal::kHeardOfIt) {
    return give_up(core_.name_of(from.sender) + " hears of it");
  }
  // Their tables become equal, and they come into good standing: they are asked again.
  if (body.refusal != VoteRefusal::kNone) return core_.count("votes_refused_for_now");
  proposal_->votes[from.sender] = body;
  if (body.step == VoteStep::kAccept) proposal_->voted_at[from.sender] = from.hlc;
  counted();
}

// Of the highest ballot that anybody voted in: nothing when it was not chosen, since some who should have voted for it have not, and have
// promised now not to.
std::optional<Eviction::Nodes> Eviction::may_have_been_chosen() const {
  const VoteBody* last = nullptr;
  for (const auto& [node, vote] : proposal_->votes) {
    if (vote.accepted && (last == nullptr || vote.accepted > last->accepted)) last = &vote;
  }
  if (last == nullptr || last->going.empty()) return std::nullopt;
  for (const NodeId node : without(last->members, last->going)) {
    const auto vote = proposal_->votes.find(node);
    if (vote != proposal_->votes.end() && vote->second.accepted != last->accepted) return std::nullopt;
  }
  Nodes out = last->going;
  std::erase_if(out, [&](NodeId node) { return !contains(core_.members.replicas(), node); });
  return out;
}

void Eviction::counted() {
  Proposal& it = *proposal_;
  if (it.phase == Phase::kPrepare) {
    const Nodes left = left_over(it);
    if (!std::all_of(left.begin(), left.end(), [&](NodeId node) { return it.votes.contains(node); })) return;
    if (const auto chosen = may_have_been_chosen()) {
      it.going = both(it.going, *chosen);
      if (contains(it.going, core_.self.node)) return give_up("the others may have agreed to go on without this node");
    }
    if (const std::string against = misses_half(it); !against.empty()) return give_up(against);
    it.phase = Phase::kAccept;
    it.votes.clear();
    return ask();
  }
  const Nodes left = left_over(it);
  if (!std::all_of(left.begin(), left.end(), [&](NodeId node) { return it.votes.contains(node); })) return;
  if (it.phase == Phase::kConfirm) return take_effect();
  if (it.phase != Phase::kAccept) return;
  it.phase = Phase::kGetInStep;
  core_.count("evictions_agreed");
  get_in_step();
}

void Eviction::in_step_with(NodeId peer, Timestamp said_at) {
  if (!proposal_ || proposal_->phase != Phase::kGetInStep) return;
  const auto voted = proposal_->voted_at.find(peer);
  if (voted == proposal_->voted_at.end() || said_at <= voted->second) return;
  proposal_->in_step.insert(peer);
  get_in_step();
}

void Eviction::get_in_step() {
  const auto& voted = proposal_->voted_at;
  if (!good_standing() || !std::all_of(voted.begin(), voted.end(), [&](const auto& vote) { return proposal_->in_step.contains(vote.first); })) return;
  proposal_->phase = Phase::kConfirm;
  proposal_->votes.clear();
  ask();
}

void Eviction::take_effect() {
  const Nodes going = std::exchange(proposal_, std::nullopt)->going;
  for (const NodeId node : going) {
    const auto* member = core_.member(node);
    if (member == nullptr || member->out) continue;
    // Its last life may be known from what it said only.
    if (const auto& [origin, start] = member->life; core_.members.lives().find(origin) == nullptr && core_.clocks.knows(origin)) {
      lives_.write(node, origin, LifeRecord{start});
    }
  }
  // Also of those that are over already: who held them whole may be among those that go, or have gone before.
  std::vector<std::pair<OriginId, LifeTable::Entry>> over;
  for (const auto& [origin, life] : core_.members.lives().entries()) {
    const bool goes = contains(going, life.node) || core_.members.out(life.node);
    if (goes && !(life.record.closed() && core_.clocks.whole(origin))) over.emplace_back(origin, life);
  }
  for (const auto& [origin, life] : over) lives_.close(life.node, origin, life.record);
  for (const NodeId node : going) {
    const auto* member = core_.member(node);
    if (member == nullptr || member->out) continue;
    put_out(node);
    if (member->record.handed_over) {
      core_.count("members_left");
      core_.note(Output::Note::Level::kInfo, core_.name_of(node) + " has left the cluster: everybody left over agreed, and holds what it had");
      continue;
    }
    core_.note(Output::Note::Level::kWarning, "evicted " + core_.name_of(node) +
                                                  ": everybody left over agreed. Removals wait for it no more; should it return, it does "
                                                  "again what it had taken in alone, and lists it");
  }
  look_at_vote();
}

void Eviction::put_out(NodeId node) {
  const auto* member = core_.member(node);
  const CellKey cell = evicted_cell(node);
  Content content(Kind::kHash);
  if (const auto known = core_.members.evicted().cells().find(node); known != core_.members.evicted().cells().end()) content = known->second;
  const Timestamp commit = core_.issue_now();
  const Tag tag = core_.tag_above(content.as_register(), commit);
  const Register delta = content.as_register().set(encode(Evicted{tag.at, member->life.start}), tag, {commit, core_.self.origin});
  core_.commit_own(kSystemShard, cell, Content(delta), commit);
  core_.count("members_evicted");
  if (member->record.role != Role::kObserver) return;
  core_.count("observers_put_out");
  core_.note(Output::Note::Level::kInfo, "observer " + core_.name_of(node) + " is out of the cluster" +
                                             (member->record.handed_over ? ", as it wanted" : ": should it return, it is let in again, and copies what it missed"));
}

// The first by order of ids at once, the next when that does not.
void Eviction::put_leaving_observers_out() {
  Nodes leaving;
  for (const NodeId node : core_.others()) {
    if (core_.members.observes(node) && core_.member(node)->record.handed_over) leaving.push_back(node);
  }
  if (leaving.empty()) return observer_leaves_at_ms_.reset();
  if (!observer_leaves_at_ms_) observer_leaves_at_ms_ = core_.now.monotonic_ms;
  if (!may_put_observers_out() || core_.now.monotonic_ms - *observer_leaves_at_ms_ < my_turn_ms({})) return;
  for (const NodeId node : leaving) put_out(node);
}

void Eviction::give_up(const std::string& why) {
  core_.count("evictions_given_up");
  if (proposal_->asked_for) {
    core_.note(Output::Note::Level::kWarning, what(proposal_->going) + " is given up: " + why);
  }
  // Nobody else could bring it about, and now this node will not.
  const Proposal it = *std::exchange(proposal_, std::nullopt);
  if (outstanding() && vote_.accepted == it.ballot) drop_vote();
  for (const NodeId node : it.phase == Phase::kPrepare ? Nodes{} : left_over(it)) {
    if (node != core_.self.node) core_.send(node, EvictBody{VoteStep::kWithdrawn, it.ballot, it.members, it.going, false});
  }
  not_before_ms_ = core_.now.monotonic_ms + kPauseMs + static_cast<std::int64_t>(core_.random.below(kPauseMs));
}

void Eviction::tick() {
  if (!core_.options.collect || !core_.joined() || core_.evicted) return;
  look_at_electorate();
  if (core_.observer()) return;
  put_leaving_observers_out();
  look_at_vote();
  if (proposal_) {
    const bool agreed = proposal_->phase == Phase::kGetInStep;
    if (proposal_->phase <= Phase::kAccept && proposal_->members != core_.members.replicas()) return give_up("the members are others now");
    if (core_.now.monotonic_ms - proposal_->began_at_ms >= kPatienceMs) {
      Nodes missing;
      for (const NodeId node : left_over(*proposal_)) {
        const bool done = agreed ? node == core_.self.node || proposal_->in_step.contains(node) : proposal_->votes.contains(node);
        if (!done) missing.push_back(node);
      }
      if (agreed) return give_up("everybody agreed, and this node did not get in step with " + (missing.empty() ? "all" : names_of(missing)) + " in time");
      return give_up("every member left over has to agree, and these have not answered: " + names_of(missing));
    }
    return agreed ? get_in_step() : ask();
  }
  if (core_.now.monotonic_ms < not_before_ms_ || outstanding() || !good_standing()) return;
  if (Nodes leaving = next_to_leave(); !leaving.empty()) return begin(std::move(leaving), true, false);
  if (core_.options.evict_after_ms <= 0) return;
  Nodes going = silent();
  if (going != silent_) {
    silent_ = going;
    silent_at_ms_ = core_.now.monotonic_ms;
  }
  if (going.empty() || core_.now.monotonic_ms - silent_at_ms_ < my_turn_ms(going)) return;
  Proposal would;
  would.members = core_.members.replicas();
  would.going = going;
  if (!misses_half(would).empty()) return;
  begin(std::move(going), false, false);
}

Eviction::Status Eviction::status() const {
  Status out;
  out.proposes = proposal_.has_value();
  out.going = proposal_ ? proposal_->going : vote_.going;
  if (!proposal_) {
    if (vote_.confirmed && vote_.proposer != core_.self.node) out.waits_for.push_back(vote_.proposer);
    return out;
  }
  out.agreed = proposal_->phase >= Phase::kGetInStep;
  for (const NodeId node : left_over(*proposal_)) {
    if (node == core_.self.node) continue;
    if (proposal_->phase == Phase::kGetInStep ? !proposal_->in_step.contains(node) : !proposal_->votes.contains(node)) out.waits_for.push_back(node);
  }
  return out;
}

}  // namespace kith
