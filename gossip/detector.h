// gossip/detector.h -- who answers, and who does not: failure detection as a pure state machine.
//
//                 a probe fails                the next one, too, or somebody says so
//     alive ---------------------> (doubted) ----------------------------------------> suspect
//       ^                                                                                 |  dead_after
//       +---- a word of its own; or, from somebody else, a higher incarnation ---- dead <--+
//
// SWIM (Das, Gupta, Motivala 2002): every period each node pings one other, in an order that comes to everybody once before it comes
// to anybody twice; who does not answer is asked once more, and through three others.  What is found out goes along with these very
// messages, and with a few that are sent while there is news.  Lifeguard (Dadgar, Phillips, Currey 2018): a node whose own probes
// fail takes longer for each and waits longer, since the fault may be its own (relays say that they are there though the one asked
// about is not); a suspicion that others come to by themselves is shorter; and the first to be told is the suspect.
//
// Invariants:
//   I1. It is told time and randomness, and equal histories give equal outputs.
//   I2. A word of the node itself counts more than what anybody says of it, whatever the incarnations.
//   I3. A live node refutes what it is accused of in one step: nobody believes an accusation at the highest incarnation, nor one far
//       above what is known, nor one of another life than the one that is known.
//   I4. What it sends in a period is bounded, in messages and in bytes, whatever it is told.
// It steers traffic and status; no data follows from it (DESIGN.md, section 10).
// Where this departs from the papers, and why: ARCHITECTURE.md.  Tests: tests/gossip/detector_test.cc
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "gossip/detector_message.h"
#include "gossip/detector_rumours.h"
#include "gossip/random.h"

namespace kith {

class Detector {
 public:
  struct Options {
    std::int64_t probe_every_ms = 1000;
    // From the first probe that failed until it is called dead, where as many as can have come to the same suspicion; three times as
    // long where nobody has.
    std::int64_t dead_after_ms = 10'000;
  };
  using State = Liveness;
  struct Belief {
    State state = State::kAlive;
    std::int64_t since_ms = 0;
    NodeId by = {};                      // Who said so first: this node, the node itself (it stops), or another.  None when alive.
    std::int64_t heard_ms = -1;          // Its own last word to this node; -1: none in this life.
  };
  struct Peer {
    NodeId node;
    Timestamp start;                     // Of its present life.
  };

  struct Output {
    struct Send {
      NodeId to;
      ProbeBody body;
    };
    struct Change {
      NodeId node;
      Belief before, after;
    };
    std::vector<Send> sends;
    std::vector<Change> changes;
    std::vector<std::string_view> counted;
  };

  Detector(const Options& options, std::uint64_t seed) : options_(options), random_(seed) {}

  // Who it is.  A life that begins anew has nothing to refute.
  void be(NodeId self, Timestamp start);
  // All others, sorted by id.  Who is new counts as alive; so does who began a later life.
  void members(std::int64_t now_ms, const std::vector<Peer>& peers, Output& out);

  void tick(std::int64_t now_ms, Output& out);
  std::int64_t wake_at_ms() const { return wake_at_ms_; }

  // REQUIRES, of both: `from` was let through by whoever knows which life of it counts.  Not of a member: ignored.
  void receive(std::int64_t now_ms, Peer from, const ProbeBody& body, Output& out);
  void heard(std::int64_t now_ms, Peer from, Output& out);   // Any other message.

  // It goes down: says so to some.
  void stop(std::int64_t now_ms, Output& out);

  std::optional<Belief> belief(NodeId node) const;           // Nothing of who is no member.
  bool dead(NodeId node) const;
  int health_score() const { return score_; }                // 0: all is well; kScoreMax: its own probes fail, and relays are silent.
  std::uint64_t incarnation() const { return incarnation_; }
  std::size_t rumours_waiting() const { return rumours_.size(); }

  static constexpr int kScoreMax = 8;
  static constexpr std::uint64_t kJumpMax = 1024;            // Of an accusation above what is known.
  static constexpr std::size_t kAnswersMax = 64;             // Pings answered in one period.
  static constexpr std::size_t kRelaysMax = 16;              // Pings for others that are under way.

 private:
  struct Member {
    Timestamp start;
    std::uint64_t incarnation = 0;
    Belief belief;
    bool doubted = false;
    std::int64_t failed_at_ms = 0;       // When the first probe began that failed, or the suspicion was heard of.
    std::set<NodeId> accusers;           // Of this incarnation; not all, once there are enough.
    std::optional<Rumour> to_be_told;    // What it is accused of, and has not refuted: its word to us alone does not help others.
  };
  using Members = std::map<NodeId, Member>;
  struct Probe {
    NodeId target;
    std::uint64_t nonce = 0;
    std::int64_t began_ms = 0, ask_others_at_ms = 0;
    bool answered = false, others_asked = false;
    std::set<NodeId> silent;             // Relays that were asked, and were not heard of.
    std::size_t relays = 0;
  };
  struct Relayed {                       // A ping for somebody else.
    NodeId asker;
    std::uint64_t nonce = 0;             // The asker's.
    NodeId target;
    std::int64_t until_ms = 0;
  };

  // ---- Probing
  void look_for_delay(std::int64_t now_ms);
  void settle();                         // When it has to be called next.
  void begin_probe();
  NodeId next_target();
  void ask_others();
  void conclude_probe();
  void give_up_relayed();
  void answer(const Peer& from, const ProbeBody& body);
  void healthier() { score_ = score_ > 0 ? score_ - 1 : 0; }
  void less_healthy(std::size_t by);
  std::int64_t stretched(std::int64_t ms) const { return ms * (1 + score_); }

  // ---- Believing
  void begin_life(NodeId node, Member& member, Timestamp start);
  void word_of(NodeId node, Member& member, std::optional<std::uint64_t> incarnation);
  void take(NodeId from, const Rumour& rumour);
  void refute(const Rumour& rumour);
  void accuse(NodeId node, Member& member);                  // By our own probes.
  void joins_suspicion(NodeId node, Member& member, NodeId by);
  void become(NodeId node, Member& member, State state, NodeId by);
  void judge_suspects();
  std::int64_t dead_at_ms(const Member& member) const;
  std::size_t confirmations_wanted() const;

  // ---- Telling
  Rumour what_is_known(NodeId node, const Member& member) const;
  void send(NodeId to, ProbeBody body);
  std::vector<Rumour> rumours_for(NodeId to, NodeId about);
  void spread();
  std::vector<NodeId> some(std::size_t count, NodeId but, State worst);
  int times() const;                                         // That a rumour is passed on.
  void pass_on(const Rumour& rumour);

  Options options_;
  Random random_;
  NodeId self_;
  Timestamp start_;
  std::uint64_t incarnation_ = 0;
  bool stopped_ = false;
  int score_ = 0;

  Members members_;
  std::size_t alive_ = 0;
  std::set<NodeId> suspects_, not_alive_;                    // The second: suspects and dead.
  std::vector<NodeId> order_;                                // In which they are pinged; who is gone is passed over.
  std::size_t place_ = 0;
  std::deque<NodeId> doubted_;                               // Pinged again before anybody else.

  std::optional<Probe> probe_;
  std::optional<std::int64_t> next_probe_ms_;                // None: not begun.
  std::map<std::uint64_t, Relayed> relayed_;                 // By our nonce.
  std::int64_t window_began_ms_ = 0;
  std::size_t answers_ = 0;

  RumourQueue rumours_;
  std::set<NodeId> to_tell_;                                 // At once, what they are accused of.
  std::map<NodeId, NodeId> to_correct_;                      // Who said something of whom that is known better here.
  NodeId last_recalled_;
  std::int64_t spread_at_ms_ = 0;

  std::int64_t wake_at_ms_ = 0;
  std::int64_t now_ms_ = 0;                                  // Of the call at hand.
  Output* out_ = nullptr;
};

}  // namespace kith
