// gossip/redo.h -- writes of this node that nobody has seen are done again (DESIGN.md, section 8: an evicted node that returns).
//
// A disk may hold writes of a former life that no other member has, and that floors, and perhaps a horizon, have passed: of
// two processes under one id those of the one that nobody listened to; of a node that was evicted, or that was away while its
// life was closed by another disk, what it took in alone.  Under their old commits they may not enter history any more: a
// removal would be collected before anybody has it, an increment vanish in a base, an add come back to who has forgotten its
// removal.  So they leave their rows, and enter again, in the same batch, under a commit of the present life:
//
//     a removal, a deletion,     under its tag: it takes away what it took away then, and no more
//       a value that is over
//     an add, a value,           within the retry window under its tag, as any retry
//       an increment             else as an operation of today, under a tag of today: an add that was removed meanwhile is
//                                there again; an increment counts once more, should a client have retried it elsewhere in time;
//                                a value that was overwritten meanwhile is not in its row any more
//     an add that is dead        not at all
//     what an observer has       not at all: it had it of somebody else, whose it is to do again
//
// What was done again is listed, in Output::redone: nothing is lost in silence, and nothing changes in silence.
// Which they are:
//   U1. of a life that gossip/ended_lives.h says is over, what is not seen by that record; of the present one when the next begins;
//       Another node may hold such, that came from behind a gap, or before it heard that the life is over: it does them again under
//       their tags, while its floor, which stays meanwhile, keeps every horizon below them.  Of several that were evicted together
//       each does again what it has of the others, too, but increments, which would count twice.
//   U2. of a former life of this node that nobody has closed, while it rebases, what the member's clock does not cover and is
//       at or below a horizon; of a life that began after its node was evicted, and of which nobody has heard, whatever.
// The disk is read once for them, from where the feed's marks say, kRowsPerStep rows at a time, when this node is in step with
// somebody and is not behind a horizon: then what is in a row has been joined with what the others hold.  Until that is done nothing
// is collected here, and the floor stays.  When it is done the record of the life says up to where, and so does until then what this
// disk remembers: another copy of it does nothing twice as of today, unless
// what was done is lost (gossip/ended_lives.h).
// SUBTLE: what takes away does so again whatever the record says: its row may hold what it takes away, and others nothing of it.
// What it had the place of in its row is asked for before (gossip/recall.h), or, where something else of its session comes first, after.
// SUBTLE: a base swallows increments that it covers (crdt/counter.h), so unseen ones are done again before one is merged.  And in
// a set an unseen entry has the place of what its session did before: so it, and no other, is done again before that is merged.
// Tests: tests/gossip/redo_test.cc
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>

#include "gossip/core.h"
#include "gossip/recall.h"

namespace kith {

class Redo {
 public:
  static constexpr std::size_t kRowsPerStep = 256;
  static constexpr std::int64_t kPauseMs = 20;
  static constexpr int kPassesForDamagedMax = 10;
  static constexpr std::size_t kToRecallMax = 256;

  explicit Redo(Core& core) : core_(core), recall_(core) {}

  void begin();       // A life begins: what is known to be over is looked through, unless that was done.
  void tick();
  std::optional<std::int64_t> wake_at_ms() const;
  bool pending() const { return core_.redoing || !lives_.empty() || !passed_.empty() || !core_.to_recall.empty(); }

  // A rebase: of the shard the member holds `clock`, and history is settled up to `horizon`.
  void rebasing(ShardId shard, const CommitClock& clock, Timestamp horizon);
  void on_mended(NodeId from, const MendedBody& body, bool admitted);
  // A record came, or changed.
  void ended(OriginId origin);
  // This is about to be merged.
  void before_merge(ShardId shard, const CellKey& cell, const Content& delta);
  bool unseen(ShardId shard, const Commit& commit) const;
  // SUBTLE: of a life something may be seen behind what is not: a push that came, after one that did not.
  bool unseen_up_to(ShardId shard, const Commit& commit) const;

 private:
  bool ready() const;
  void look_through();
  void begin_anew();
  void keep_lives() const;
  void recall_after(const StoreKey& key);
  void keep_to_recall() const;
  Content unseen_in(ShardId shard, const StoreKey& key, const Content& content) const;
  bool of_this_node(const Commit& commit) const;
  Content again(ShardId shard, const Content& these, const Content& row, bool counter, bool own, Tag tag, Commit commit) const;
  bool was_redone(ShardId shard, const Commit& commit) const;
  bool redone_in_vain(ShardId shard, const Commit& commit) const;
  void say_redone(EndedLife& record, ShardId shard, Timestamp at) const;
  bool goes_for_good(ShardId shard, const Content& these, const Row& row) const;
  void look_at_recalled();
  void redo(ShardId shard, const StoreKey& key, const CellKey& cell, const Content& content);
  void redo_part(ShardId shard, const StoreKey& key, const CellKey& cell, const Content& content, Content these, bool own);
  void done();
  bool own_former(OriginId origin) const;
  CommitClock seen_of(ShardId shard) const;

  Core& core_;
  Recall recall_;
  std::set<OriginId> lives_;               // U1: to be looked for.
  std::map<ShardId, CommitClock> passed_;  // U2: by shard, what the member holds.
  Timestamp passed_horizon_;
  std::deque<ShardId> left_;               // Of the pass that goes on.
  std::optional<Lsn> at_;                  // In the first of them.
  bool passing_ = false;
  int passes_for_damaged_ = 0;
  bool damaged_ = false;                   // A row on the way: once it is mended it is looked at again.
  bool committing_ = false;
  bool recalling_ = false;                 // What is merged is of a row that was asked for.
  std::int64_t next_at_ms_ = 0;
  std::uint64_t redone_ = 0;
  std::map<OriginId, EndedLife::Places> redone_up_to_;
};

}  // namespace kith
