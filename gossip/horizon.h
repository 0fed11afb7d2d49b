// gossip/horizon.h -- how far everybody holds everything, and below what history is settled (DESIGN.md, section 8).
//
//     promise    of a life: it has committed nothing up to then that is missing here
//     floor      of a node: the least of these over all lives; "I hold everything anyone committed up to then"
//     T          the least floor that all members have reported; here as below, but for observers (gossip/role.h), which count for nothing
//     horizon    T less the retry window; never falls, never above the own floor less the window
//
// Where promises come from, all without a message of their own:
//   H1. A push that names the commit before it (PushBody::after), whatever the shard: who held that holds all now.
//   H2. A round with its origin: whoever holds its last commit holds all up to its "now".
//   H3. A round that ends in step with somebody: equal digests, or all that differed pulled to its end.  Then what that
//       node holds is held here, so all that it was promised is, and so is everything up to its floor.  In this way
//       promises spread like rumours, and nobody has to hear everybody.
// What is said of members goes by their place in the member table, two or three bytes each, and counts only where the two
// tables are equal; of many members a slice is said, another one each time.
//
// RULE. A life's promise speaks of the life in the record: a newer one that only a message has told of says nothing of
// the one before.
// RULE. The horizon is durable before it is used; the floor is made durable every quarter of a window, so that a node
// that was killed comes back above every horizon that its last report allowed.
// Tests: tests/gossip/horizon_test.cc
#pragma once

#include <map>
#include <optional>
#include <set>

#include "gossip/core.h"
#include "gossip/lives.h"

namespace kith {

class Horizon {
 public:
  Horizon(Core& core, Lives& lives) : core_(core), lives_(lives) {}

  void load();   // What the store remembers.  REQUIRES: the member table is loaded.
  void tick();   // Once a round: keeps the floor durable, retires lives.

  Standing standing();                                   // Of what will be durable when the message leaves.

  // Whatever a message is about, it tells how far its sender is.  SUBTLE: lives retire by what rounds told, after which tables are equal.
  void told(const Envelope& from) { told_floors_[from.sender] = {from.origin, from.floor}; }
  // What a peer's message told of how far it is, and of the others.
  void heard(const Envelope& from, Timestamp promise, const Standing& standing);
  // What a message said when it was sent, to be acted on when we have got in step with it.
  struct AsOf {
    NodeId peer;
    OriginId origin;
    Timestamp promise;
    Timestamp floor;
    Timestamp horizon;
    std::uint64_t members_version = 0;
    Standing standing;
    Timestamp said_at = {};  // When, by the peer's hybrid clock.
    bool of_all = false;   // Every shard was asked for, whether it differed or not.
    bool rebased = false;  // The same, by a rebase.
    std::set<OriginId> unheard_of = {};  // After a rebase: lives that it does not know, so that its floor says nothing of them.
    // Those that were in our clocks when its table was gone through.  SUBTLE: who is behind as we are may have told of one that is
    // over since then, and what we hold of that is still to be looked at.
    std::set<OriginId> known_then = {};
  };
  static AsOf as_of(const Envelope& from, Timestamp promise, const Standing& standing);
  void in_step(const AsOf& with);

  // Up to where the horizon could rise now; zero: some member has not said how far it is.
  Timestamp candidate() const;
  // Raises it, in the batch at hand.
  void raise(Timestamp horizon);
  // T; zero: some member has not reported in its present life.
  Timestamp least_floor() const;
  Timestamp least_floor_of_others(bool with_pushes = false) const;

  struct Holder {
    NodeId node;                     // Whose floor is the least.
    Timestamp floor;                 // Zero: it has not said.
    std::int64_t since_ms = 0;       // How long it has not risen.
  };
  std::optional<Holder> holder(std::int64_t now_ms) const;  // None: nobody but this node.
  Holder told_by(NodeId node, std::int64_t now_ms) const;   // What another member's present life has said of itself.

 private:
  struct Report {
    OriginId origin;
    Timestamp floor;
    std::int64_t rose_at_ms = 0;
  };
  void report(NodeId node, OriginId origin, Timestamp floor);
  Timestamp less_window(Timestamp at) const;
  // The life of the record, when no message told of a newer one.
  std::optional<OriginId> life_of(NodeId node) const;
  static std::optional<OriginId> life_of(const MemberTable::Member& member);

  Core& core_;
  Lives& lives_;
  std::map<NodeId, Report> reports_;
  std::map<NodeId, std::pair<OriginId, Timestamp>> told_floors_;  // With pushes.
  Timestamp durable_floor_;
};

}  // namespace kith
