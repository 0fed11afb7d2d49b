// gossip/leave.h -- a member goes for good: it hands over what it has, and the others go on without it.
//
//     the node that goes                                  the others
//       takes no writes any more; its record says          show that it is leaving; clients go elsewhere
//       since when it is leaving
//       waits until each of them holds all that it has
//       its record says that it has handed over   ------>  the first of them proposes that it goes (gossip/eviction.h); all vote
//       learns that it is out, and ends                    its lives are closed, and nothing of them is unseen
//
// Both words are in its record of the member table, which only it writes, and on its disk: killed on the way, it goes on with its next
// life.  There is no message of its own, and no agreement of its own: it is an eviction that its node has asked for.
// RULE. It has handed over when every other member, the silent ones too, holds all that it took in: by its floor, or by a round since then
// in which nothing differed.  (Each of them has to vote anyway.  Who never comes back is evicted first; who goes has a vote in that.)
// RULE. Of two members one may go by the vote of the other alone, which is not more than half: that word of who goes is its vote.  So a
// node that has given this word takes nobody else's; and one that has taken it back takes only what was said since (of two members it is
// said again and again).  Else each of two could go on without the other.
// A member whose life began after that word may be on a disk from before: the word is taken back until that holds all, too.
// A cluster's only replica does not leave: there is nobody to hold what it has.
// An observer (gossip/role.h) is not waited for, and when it leaves waits for nobody: it has nothing to hand over, and a replica writes it out.
// Tests: tests/gossip/leave_test.cc
#pragma once

#include <string>
#include <vector>

#include "gossip/eviction.h"
#include "gossip/horizon.h"

namespace kith {

class Leave {
 public:
  static constexpr std::int64_t kSaidAgainMs = 15'000;

  Leave(Core& core, Lives& lives, const Horizon& horizon, const Eviction& eviction)
      : core_(core), lives_(lives), horizon_(horizon), eviction_(eviction) {}

  void begin();  // A life begins, perhaps on its way out.

  // An operator's.  Both return what speaks against it, for people; empty: it is so.  Asked for twice it is the same.
  [[nodiscard]] std::string leave();
  [[nodiscard]] std::string stay();

  void tick();   // Once a round.

  struct Status {
    bool catches_up = false;            // It lacks something itself, and hands nothing over before it has that.
    std::vector<NodeId> lacking;        // Those that are not known to hold all that it has.
  };
  Status status() const;

 private:
  bool catches_up() const;
  bool holds_all(NodeId node) const;
  void take_back();
  void take_word_back();
  void say();
  bool somebody_began_anew() const;

  Core& core_;
  Lives& lives_;
  const Horizon& horizon_;
  const Eviction& eviction_;
  Timestamp since_;                     // In this life: what it took in is below.
  std::int64_t since_ms_ = 0;           // The same, monotonic.
  std::int64_t said_at_ms_ = 0;
  Timestamp handed_over_at_;            // In this life; zero: not in this.
};

}  // namespace kith
