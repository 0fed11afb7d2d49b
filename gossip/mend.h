// gossip/mend.h -- damaged rows, asked for by store key at one peer after the other until somebody has them.
//
//     holder of the damage -- fetch {store keys} --> peer
//                          <- mended {cells, missing, clocks} --
//
// Until mended a damaged row is neither served nor gossiped, writes to it are refused, and its shard is unsound: nobody
// takes a clock from us.
//
// RULE. A damaged row is mended when the clocks of those who answered cover, origin by origin, what our own clock claimed
// when the damage was found; or, where we know of all members, when every other member has answered.  One peer in sync will do; a peer that is behind
// will not, because what our clock covers would never be sent to us again.  Members that are gone for good do not matter
// as long as others hold what they held.
// What peers hold of the row meanwhile is merged into it, and it stays marked on disk, so that a kill in between forgets
// nothing.  When it is certain that nobody holds anything under that key, the row is given up, and the log says so.
// Of a counter's increment that a peer has in its base (crdt/counter.h), and so not as a row, the answer brings the base
// along, which covers ours as well.  Of a base that a peer has not folded as far as we had, it brings one that is made for us
// (gossip/folded_base.h).
// SUBTLE: a peer that is behind our horizon, or has joined and has no floor yet, may be the only one that holds the row.  What is
// in it with tag and commit above every horizon is merged all the same: whoever has removed that has forgotten nothing of it.
// Who is voted against (gossip/eviction.h) is asked as well, and waited for unless it is silent.
// Of who cannot vouch for its shard, or is coming back after its eviction, only that is merged which our own clock claimed: there may be more in the row
// that nobody may have yet.
// Transcripts: tests/gossip/mend_test.cc, tests/gossip/counters_test.cc
#pragma once

#include <map>
#include <set>

#include "gossip/core.h"

namespace kith {

class Mend {
 public:
  explicit Mend(Core& core) : core_(core) {}

  void load();                          // What the store has marked in earlier lives.
  void begin();                         // A life begins with it.
  void found(const StoreKey& key);      // Asks a peer at once when this is news.
  void found_by_commit(const StoreKey& key);  // Perhaps for the second time, and then what was merged in since is lost as well.
  void refused(const StoreKey& key);    // The store could not take what was merged: says so, once a commit.
  void batch_is_durable();
  void round();                         // Asks the next peer for what is still damaged.
  std::size_t waiting() const { return damaged_.size(); }
  bool waiting_in(ShardId shard) const; // Some row of the shard is not mended, or recalled, yet.
  bool damaged_in(ShardId shard) const;
  bool waits_for_more_than(const std::vector<NodeId>& these) const;  // For some row.  Sorted.

  void on_fetch(const Envelope& from, const FetchBody& body);
  // Of what somebody holds beyond the fence only that is merged which is above all horizons; that it holds nothing, or has lost
  // the row, too, counts all the same.
  void on_mended(const Envelope& from, const MendedBody& body, bool admitted);
  void on_mended_by_outcast(NodeId from, const MendedBody& body);  // Voted against.

 private:
  struct Damage {
    CommitClock claimed;                        // By our clock of the shard, when it was found.
    std::map<OriginId, Timestamp> covered;      // By those who answered.
    std::set<NodeId> answered;
    bool any = false;                           // Somebody held something.
    std::optional<Content> held;                // All of that.
  };
  static Content claimed_of(const Content& content, const Damage& damage);
  bool found_in_memory(const StoreKey& key);
  void ask(NodeId peer, const std::vector<StoreKey>& keys);
  std::vector<StoreKey> unanswered_by(NodeId peer) const;  // As many as one question asks for.
  void take_in(const Envelope& from, const MendedBody& body, bool admitted);
  void take_in_fenced(const Envelope& from, const MendedBody& body);
  // `content`: what the peer holds; null: nothing.  `clock`: of the shard there; null: it cannot vouch.
  void answered(const StoreKey& key, NodeId peer, const Cell* cell, const CommitClock* clock);
  bool covers_damage(const StoreKey& base_key, const Cell& base) const;
  bool knows_all_members() const;
  bool settled(const Damage& damage) const;

  Core& core_;
  std::map<StoreKey, Damage> damaged_;
  // SUBTLE: settled, but the row is mended, and at the end of the feed, only with the batch at hand.  Until that is durable
  // the shard is as unsound as before: whoever has read past the row would take our clock without it.
  std::set<StoreKey> mending_;
  std::map<StoreKey, Damage> settled_;  // In the batch at hand.
};

}  // namespace kith
