// gossip/lives.h -- origins: how a node begins a life, and whose messages it listens to (DESIGN.md, section 7).
//
// RULE. Every start is a new origin with a start timestamp; a node's lives are ordered by it.  Peers that learn of one
// begin its clock entry at that start and refuse all messages of the node's earlier lives from then on.
// RULE. A node closes its former lives itself, and only after it has got in step, in this life, with every other member:
// it has pulled to the end from each that knows this life, and so holds all that survives of them.  Lives that it only hears of
// from its peers, since its disk has forgotten them, are its to close as well.  Until then the open entry holds back floors,
// never data.  The final is a timestamp of the closing node, above all that it has heard of.
// RULE. A life that begins a window below the floor of whoever hears of it is over from its start (gossip/core.h, hear_of): its
// node is told, takes in nothing any more, and does it again in the next.
// RULE. The introduction: a node that was let in takes no writes before some member has its record, and its life begins
// anew while none has.  Floors of those who do not know it rise past its start, and would claim to hold what it wrote.
// RULE. A closed life is retired, and leaves all clocks, when every member has reported a floor above its final.
// Transcripts: tests/gossip/lives_test.cc
#pragma once

#include <functional>
#include <map>
#include <set>

#include "gossip/core.h"

namespace kith {

class Lives {
 public:
  explicit Lives(Core& core) : core_(core) {}

  // What the store remembers of this node, its clocks and the member table.  Returns rows of the table that are damaged.
  [[nodiscard]] std::vector<StoreKey> load();

  // Draws the origin, makes identity and start durable, and, when this node belongs to a cluster, writes the life into
  // its record.
  void begin(const NodeSetup& setup);

  // Of a node that has just been let in: its life begins above what the member that let it in has heard of, before any
  // write, so that whoever does not know it yet claims nothing of it.
  void begin_again();

  // The row of a life in the table, in the name of its node.  None: it is retired.
  void write(NodeId node, OriginId origin, const std::optional<LifeRecord>& record);


  // Writes this node's record, with this life as the last.  REQUIRES: joined.
  void publish();

  // The fence.  Merges the member table that came along, learns of new lives, and tells whether the rest of the message
  // may be looked at.  What it refuses is counted, and changed nothing.
  [[nodiscard]] bool accept(const Envelope& envelope);

  // The fence for what a relay sends on: whether the life is that of a member and not an earlier one.  Learns of a
  // newer one; what is known of the originator as a peer stays as it was, since it was not the one who spoke.
  [[nodiscard]] bool accept_relayed(NodeId node, Life life);

  // Whether the sender's clock is too far ahead of ours; `ahead_ms` says how far.
  bool skewed(const Envelope& envelope, std::int64_t* ahead_ms) const;

  // How far this machine's clock is ahead of the majority of its peers; positive above max_skew only when they agree.
  bool clock_fenced(std::int64_t* ahead_ms = nullptr) const;

  // Once a round: the introduction, and whether this node's own record is the newest.  `table_damaged`: some row of it waits to be mended.
  void tick(bool table_damaged);

  // We hold what this peer held when it said so, by its clock; and it knows this life.
  void in_step_with(NodeId peer, Timestamp said_at);
  std::function<void(NodeId, Timestamp)> on_in_step;     // gossip/eviction is told.
  // What of a life is held here is all that anybody in good standing ever will: writes that down, and closes it, if it is open.
  void close(NodeId node, OriginId origin, LifeRecord record);
  void close(NodeId node, OriginId origin, LifeRecord record, const EndedLife& seen);  // The same of what is known to be seen.
  // Retires those of ours that everybody holds.  `least_floor`: T of gossip/horizon.
  void retire(Timestamp least_floor);
  std::size_t left_to_close() const;                     // Former lives of this node.
  // Members with which this node has to get in step before it can close its former lives; empty: none is left to close.
  std::vector<NodeId> waits_for() const;

  void stop();                                           // Tells every peer, or, of many, the neighbours.
  void on_stopping(NodeId from) { core_.peers[from].stopping = true; }

  // Peers know a later life of this node than this one: its disk is an old copy, or a copy of it runs elsewhere.  They
  // refuse all that this life says, so what it took in would reach nobody: it takes in nothing any more.
  void on_superseded(NodeId from, const SupersededBody& body);
  // The same of a life that floors had passed before anybody heard of it.
  void on_ended();
  // The others went on without this node: it refuses writes, and its next life does again what only it had (gossip/eviction.h).
  void on_evicted(NodeId from, const EvictedBody& body);
  // A member answered what this life asked: so it is no stranger there, nor out, and its record is there.  SUBTLE: of a node that was
  // evicted the tables are equal only when it has rebased, and that does again, in this life, what was seen of none.
  void answered();
  // Of who is voted against, and not listened to: what is true, or has to be answered, all the same (gossip/eviction.h, mend.h).
  std::function<void(const Envelope&)> on_outcast;

 private:
  void say_why_it_is_over();
  void close_former();                                   // When nobody is waited for.
  void load_own_lives(const Snapshot& snapshot);
  void write_again_what_rotted();
  EndedLife what_is_held_of(OriginId origin, Timestamp start) const;
  std::int64_t ahead_of_most() const;                    // 0: nobody to judge by.
  bool says_that_it_observes(NodeId sender, const std::vector<Cell>& cells) const;
  bool merge_members(const Envelope& envelope);
  void tell_superseded(const Envelope& envelope);
  bool voted_against(NodeId node) const;
  bool returns(NodeId node, const Cell& cell) const;
  void forget_unheard_of();
  void return_after(const Evicted& evicted);
  void tell_evicted(const Envelope& envelope);
  void note_that_it_left();
  void superseded_by(Life life, const std::string& who);  // Of this node; who knows of it.  No-op unless it is later.
  std::string address_of(const Envelope& envelope) const;
  // What keeps a life from being listened to, as counters name it; empty: nothing.  Then it is learnt of.
  std::string_view fence(NodeId node, Life life);
  void heard(const Envelope& envelope);
  bool refuse(std::string_view counter) const {
    core_.count(counter);
    return false;
  }

  Core& core_;
  std::set<NodeId> in_step_;
  bool tell_ended_ = false;
  std::int64_t introduced_again_at_ms_ = 0;
  std::map<NodeId, std::int64_t> told_at_ms_;            // Superseded lives, once an interval each.
  std::map<NodeId, std::int64_t> warned_at_ms_;          // Not more than one line a peer every ten seconds.
  // Asked for with every operation, and the answer changes with time and with what is heard only.
  std::uint64_t heard_ = 0;
  mutable std::uint64_t judged_heard_ = 0;
  mutable std::int64_t judged_at_ms_ = -1;
  mutable std::int64_t ahead_ms_ = 0;
};

}  // namespace kith
