// gossip/eviction.h -- the members left over agree that some are gone (DESIGN.md, section 8).
//
// A member that is away holds everybody's horizon: removal records pile up, and wait for it.  It can be put out: by an operator,
// or, after it was silent for EngineOptions::evict_after_ms, by itself.  What it took in alone is not lost: when it returns it
// begins a new life, rebases, and does that again (gossip/redo.h).
//
//     proposer                                   every member left over
//       | -- evict prepare {ballot, who goes} ----> |  the same members in its table?  in good standing?  a higher ballot
//       | <-- vote {accepted before, electorate} -- |  than any?  then it promises, durably, to vote in no lower one
//       | -- evict accept {ballot, who goes} -----> |  votes, durably, and listens no more to who goes
//       | <-- vote ------------------------------- |
//       gets in step with each of them, as it is after its vote
//       | -- evict confirm {ballot} --------------> |  is still bound by that vote?  from here only the others can free it
//       | <-- vote ------------------------------- |
//       writes, in one batch: what of the lives that go is held, that they are over, and that their nodes are out
//       (gossip/ended_lives.h, life_table.h, evicted_table.h)
//
// RULE. It takes effect when every member left over and more than half of all have voted for it: so of two sides that would
// evict each other one does at most, and nothing that anybody left over holds is taken for unseen.  After their votes the holdings
// of those left over grow no more, so who is in step with all of them holds all that survives.
// It is a single decree of Paxos (Lamport, "Paxos Made Simple", 2001), time and again, with quorums that depend on the value: an
// earlier value that may have taken effect is taken into the next one; one which somebody left over has not confirmed did not, and
// is dropped.
// RULE. A vote binds for as long as the proposal stands: else who was voted against and came back would be heard by nobody, for ever.
// It takes effect by who proposed it, and only when everybody left over has confirmed its vote.  So a voter that has not, and does not
// hear of the proposer for kSilentMs, drops it; and whoever is left over, is not bound by it and never will be, the proposer that gave
// up or began a new life among them, tells those who have and ask, fenced or not.  Where all have confirmed, and the proposer is gone for
// good before it told anybody whether it took effect, nobody can tell: then it has to be evicted as well, which takes along what it proposed.
// A voter with a damaged row that waits for others than those who go does not vote yet: it could not be got in step with.
// RULE. Half of whom?  A joiner that only one side knows must not help that side to more than a half.  So each node keeps an
// electorate: the members as they were when more than half of the electorate before, and of themselves, had all of them in their
// tables, and no vote outstanding.  More than half of everybody's electorate must have voted, too.  Joiners get that of who
// lets them in.
// An operator may go on without a half (`kith recover`): then no other side may be left.
// An observer (gossip/role.h) has no vote, and is none of those left over.  It is put out by any replica that is told to, or that it asked for
// it, at once: nothing is agreed on, since nothing hangs on it.
// A member that has handed over, and asks for it itself, is proposed by whoever is first among those left over (gossip/leave.h).
// Tests: tests/gossip/eviction_test.cc; scenarios in sim/scenarios.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "gossip/core.h"
#include "gossip/lives.h"
#include "gossip/mend.h"

namespace kith {

class Eviction {
 public:
  static constexpr std::int64_t kPatienceMs = 60'000;  // After it the proposal is given up.
  static constexpr std::int64_t kAskedMs = 5000;       // Whether it stands, when it was not heard of for so long.
  static constexpr std::int64_t kSilentMs = 20'000;
  static constexpr std::int64_t kTurnMs = 20'000;      // Who is next by order of ids proposes so much later.

  using Nodes = std::vector<NodeId>;  // Sorted.

  Eviction(Core& core, Lives& lives, const Mend& mend) : core_(core), lives_(lives), mend_(mend) {}

  void load();
  void begin();
  // An operator's.  Returns what speaks against it, for people; empty: it is under way, and status() tells how far.
  [[nodiscard]] std::string propose(const std::vector<std::string>& names, bool without_half);
  void tick();  // Once a round.

  void on_evict(const Envelope& from, const EvictBody& body);
  void on_vote(const Envelope& from, const VoteBody& body);
  void in_step_with(NodeId peer, Timestamp said_at);
  void on_word(const Envelope& from);  // Of a member that is not listened to.

  void take_electorate(const Nodes& nodes);  // Of who let this node in; core_.electorate.

  struct Status {
    Nodes going;                  // Of the proposal of this node, or that it voted for; empty: there is none.
    bool proposes = false;
    Nodes waits_for;              // Of its own proposal: whose votes, or with whom it gets in step.  Of another's: who proposed it, once
                                  // this node has confirmed its vote.
    bool agreed = false;
  };
  Status status() const;

 private:
  struct Vote {
    Ballot promised, accepted;
    Nodes members, going;         // Of what was accepted,
    NodeId proposer;              // and whose it was.
    bool confirmed = false;
  };
  enum class Phase : std::uint8_t { kPrepare, kAccept, kGetInStep, kConfirm };
  struct Proposal {
    Phase phase = Phase::kPrepare;
    Ballot ballot;
    Nodes members, going;
    bool without_half = false;
    bool asked_for = false;       // By an operator.
    std::map<NodeId, VoteBody> votes;          // Of this phase.
    std::map<NodeId, Timestamp> voted_at;      // When, by the voter's clock.
    std::set<NodeId> in_step;                  // Since then.
    std::int64_t began_at_ms = 0;
  };

  static bool contains(const Nodes& nodes, NodeId node);
  bool outstanding() const { return !vote_.going.empty(); }
  bool good_standing() const;
  bool silent(NodeId node, std::int64_t for_ms) const;
  void keep_vote();
  void keep_electorate();
  void look_at_electorate();
  void look_at_vote();
  bool took_effect(const Nodes& going, Timestamp ballot) const;
  void drop_vote();
  void say_if_withdrawn(const Envelope& from, const VoteBody& body);
  void on_withdrawn(const Envelope& from, const EvictBody& body);
  VoteBody answer(NodeId proposer, const EvictBody& body);
  void begin(Nodes going, bool asked_for, bool without_half);
  static VoteStep step_of(Phase phase);
  void ask();
  void counted();                              // Everybody asked has answered.
  void get_in_step();
  void take_effect();
  void put_out(NodeId node);                   // Writes that it is.
  bool may_put_observers_out() const;
  void put_leaving_observers_out();
  void give_up(const std::string& why);
  Nodes left_over(const Proposal& proposal) const;
  Nodes silent() const;
  bool asks_to_go(const Nodes& going) const;   // One alone, that has handed over.
  bool half_will_do(const Proposal& proposal) const;
  Nodes next_to_leave();
  std::string what(const Nodes& going) const;  // "the eviction of n5", for people.
  std::optional<Nodes> may_have_been_chosen() const;
  std::string misses_half(const Proposal& proposal) const;  // For people; empty: it does not.
  std::string names_of(const Nodes& nodes) const;
  std::int64_t my_turn_ms(const Nodes& but) const;  // Those before this one in order of ids go first.

  Core& core_;
  Lives& lives_;
  const Mend& mend_;
  Vote vote_;
  std::int64_t voted_at_ms_ = 0;
  std::int64_t heard_of_vote_at_ms_ = 0;       // From who proposes it, or when it was asked.
  std::optional<Proposal> proposal_;
  std::int64_t not_before_ms_ = 0;             // The next proposal of its own accord.
  Nodes silent_;                               // For evict_after, as found
  std::int64_t silent_at_ms_ = 0;              // then.
  Nodes leaving_;                              // The next that asks to go, as found
  std::int64_t leaving_at_ms_ = 0;             // then.
  std::int64_t life_began_at_ms_ = 0;
  std::optional<std::int64_t> observer_leaves_at_ms_;  // Since then one asks to go.
};

}  // namespace kith
