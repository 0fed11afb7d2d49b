// gossip/rebase.h -- how a node comes back that was away for longer than removal records are kept (DESIGN.md, section 8).
//
//     stale node                                           member whose floor is at or above every horizon
//       | -- rebase {shard, 256 sums} ---------------------> |  stateless: one snapshot, one answer
//       | <- rebased {buckets, sketch, next, end, clock} --- |  of what shows in the buckets that differ, to a limit
//       | -- rebase {shard, buckets, after, until,           |
//       |            counters} ----------------------------> |  if counters differ there
//       | <- rebased {cells ...} --------------------------- |  their bases
//       | -- rebase {shard, buckets, after} ... -----------> |  until the shard is at its end, then the next shard
//       | -- pull {all shards} ----------------------------> |  then an ordinary pull, to the end of each
//
// A node whose floor is below some horizon may hold adds of which everybody else has seen the removal, and has forgotten
// it.  What it is told would not remove them, and what it tells would bring them back.
// RULE (the fence). A message that carries rows is merged only if its sender's floor is at or above our horizon.
// RULE. A node whose own floor is below a peer's horizon does nothing with rows until it has rebased: it merges none but
// in this conversation, and takes no writes.  It serves reads, and says that they may be stale.
// RULE. It keeps every removal.  It keeps an add or a value only if the member holds it, too, or the member's clock does
// not cover its commit: what the member has seen and holds no more is gone, what it has not seen survives.
// RULE. A former life of this node that the member has not heard of, though its floor is a window past its start, is over with the rebase,
// and all that it did is done again: there is no record that would say that it was closed, so nobody has forgotten it.
// RULE. A life that is over leaves the clocks with the end of the pull.  Before that it keeps the floor down: above what is
// lacking the node would take itself for sound, and be sent nothing that was written below.
// Equal sums are equal adds, so buckets that are equal cost nothing.  What the member has and the stale node has not
// comes with the pull, which filters by the stale node's clock: that is honest, it is only old.  So the stale node has to
// know only which of its own adds and values the member does not show, and a sketch (gossip/sketch.h) of the hashes of those
// that it does (gossip/shown.h) tells, for some 14 bytes a difference.  How large it has to be is guessed from the number of buckets
// that differ, then from what the last one held; one that turns out too small is asked for again in twice the size.  Where
// the rows are no larger than the sketch, and of the system shard always, the answer is the rows: then the member's
// rows are merged, too.
// SUBTLE: a value that was overwritten would be gone until the pull brings the later one.  So what a sketch condemns waits for
// the end of that shard's pull, and goes in the batch that raises the clock: before that a kill costs nothing but the way.
// SUBTLE: a base of a counter may have a commit that the stale node's clock covers, and hold increments that it does
// not: the pull would leave it out.  So the bases of its own counters that differ are asked for, by hashes of their names.
// SUBTLE: taking out is not a join.  It is exact (StoreBatch::drop), decided from rows and clock of one snapshot of the
// member, and harmless to repeat; a kill in between costs the way begun.  When the member's horizon rises above the floor it had
// at the beginning, removals may have been forgotten again that nobody told of, and it begins anew; but horizons wait for the
// floor of whoever is known.
// A node that has joined, and holds a part of what there is when a horizon rises above the floor of who gave it, is stale
// in the same way, whatever its clocks say; so is one that was killed in between.
// Tests: tests/gossip/rebase_test.cc
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gossip/core.h"
#include "gossip/horizon.h"
#include "gossip/lives.h"
#include "gossip/mend.h"
#include "gossip/pull.h"
#include "gossip/redo.h"
#include "gossip/row_walk.h"

namespace kith {

class Rebase {
 public:
  Rebase(Core& core, Lives& lives, Mend& mend, Pull& pull, Redo& redo)
      : core_(core), lives_(lives), mend_(mend), pull_(pull), redo_(redo) {}

  void begin();   // A life begins.
  bool needed() const;

  // Of every message that is listened to: what it tells of horizons.  May begin.
  void heard(const Envelope& from);
  // Rows of it were merged, of the member table at least, whether or not its sender is listened to.
  void took_rows_of(const Envelope& from);
  // An operator's (`kith recover`): no member in good standing is left, so this node goes on with what it has.  The others rebase onto it, and
  // keep what its clocks do not cover, which it then pulls: what is left is joined.  What was removed and forgotten may be there
  // again.  Returns what speaks against it, for people; empty: it is done, or was not needed.
  [[nodiscard]] std::string recover();
  bool nobody_left() const;  // To rebase onto, for a while.
  bool above_all_others() const;  // Our horizon is above the floors of all that are heard of.
  NodeId most_seen() const;  // Who has seen the most then, of those that are heard: the others would give up what it has not got.

  // Whether rows of this message may be merged; counts what may not.
  [[nodiscard]] bool admits(const Envelope& from);

  // These shards are at their end, with a clock or without: with one, what waited for them goes in the batch at hand.
  void pulled(NodeId peer, const std::map<ShardId, bool>& ended);

  void on_rebase(const Envelope& from, const RebaseBody& body) const;
  void on_rebased(const Envelope& from, const RebasedBody& body);
  void forget(NodeId peer);
  void tick();
  std::optional<std::int64_t> wake_at_ms() const;

  // What of a row is not in `theirs`, nor overtaken there, nor in a base.  `folded_before`: how far those may be folded that came before these.
  static Content not_theirs(const StoreKey& key, const Row& mine, const std::map<StoreKey, const Cell*>& theirs, Timestamp folded_before);
  static std::map<StoreKey, const Cell*> by_key(ShardId shard, const std::vector<Cell>& cells);

  struct Progress {
    NodeId onto;
    std::size_t shards = 0, shards_done = 0;
    std::uint64_t dropped = 0;
  };
  std::optional<Progress> progress() const;

 private:
  struct Question {
    NodeId peer;
    std::uint64_t nonce = 0;
    std::int64_t expires_at_ms = 0;
    int unanswered = 0;                  // In a row.
    Timestamp first_floor;               // Of the member, when it began.
    std::deque<ShardId> left;            // The first is being gone through.
    std::size_t shards = 0;
    struct Place {                       // In it.
      BucketSet buckets;                 // That differ; none: not known yet.
      StoreKey after;
      StoreKey until;                    // How far at most to go next; empty: as far as the answer does.
      bool rows = false;                 // No sketch did: the whole rows of what comes next.
      std::vector<CellKey> counters;     // That differ between `after` and `until`: next, their bases.
    };
    Place place;
    std::map<ShardId, CommitClock> clocks;  // The member's, when each was begun; of an observer that has strayed.
    std::vector<Cell> table_rows;        // The same of its table, where that differs.
    CommitClock table_clock;             // The member's, of its table when that was gone through, and its floor.
    Timestamp table_floor;
    std::uint64_t table = 0;             // The member's, that is gone through; zero: not yet.
    std::set<OriginId> unheard_of;       // Lives of ours that are not in it, and not over.
    struct Over {
      CellKey cell;
      Commit written;
    };
    std::map<OriginId, Over> over;       // Those that are.
    std::vector<std::pair<CellKey, Content>> records;  // Of lives that are over, which the member does not have.
    std::set<std::pair<NodeId, OriginId>> unheard_elsewhere;  // Of nodes that are out, or whose disks went back.
    std::set<OriginId> unheard_here;     // Of this node: floors are past them, and no record of them came yet.
    std::set<OriginId> told_of;          // Lives in the member's table, of the buckets in which it differs.
    std::set<OriginId> known_then;       // Lives on our disk when the member's table began to be gone through, and those in it.
    std::size_t sketch_cells = 0;        // That should do for what comes next; zero: nothing is known.
    // To be taken out with the end of the pull of the shard; what is too much for memory is taken out at once.
    std::map<ShardId, std::vector<std::pair<StoreKey, Content>>> waiting;
    std::size_t waiting_bytes = 0;
    Horizon::AsOf as_of;                 // What the member said last.
    bool pulling = false;                // All shards are gone through.
    std::set<ShardId> pulled;            // To the end, since then.
    bool pulled_in_part = false;         // One of them without a clock: it will be begun anew.
    std::uint64_t dropped = 0;
  };
  void ask();
  bool outrun(const Envelope& from) const;
  bool all_others_are_behind() const;
  bool anybody_aware() const;
  void look_for_highest();
  bool fits(const RebasedBody& body) const;
  using Seen = std::function<bool(const Commit&)>;
  // Each takes one answer in, and moves the place on.
  void take_rows(const Envelope& from, const RebasedBody& body, const std::vector<Cell>& cells, const Seen& seen);
  void take_sketch(const RebasedBody& body, const Seen& seen);
  void take_bases(const RebasedBody& body, const std::vector<Cell>& cells);
  void copy(const Envelope& from, const RebasedBody& body, const std::vector<Cell>& cells);
  void copy_rows(const Envelope& from, const RebasedBody& body, const std::vector<Cell>& cells);
  void become_a_copy();
  // Takes out what the member has seen and holds no more: in the batch at hand, or in that of the end of the pull.
  void take_out(const StoreKey& key, Content these);
  bool forgotten(const StoreKey& key, const Row& row);
  void forget_in_memory();
  void take_out_later(const StoreKey& key, Content these);
  void take_out_waiting(ShardId shard);
  // A life that the member's table does not have; false: the member has not heard of it.
  bool is_over(const Envelope& from, NodeId node, OriginId origin) const;
  bool began_unheard_of(NodeId node, OriginId origin) const;
  void close_lost(const Envelope& from);
  bool has_row_of(NodeId node, OriginId origin) const;
  bool unheard_of_elsewhere(const Envelope& from, NodeId node, OriginId origin) const;
  bool nobody_heard_of(const Envelope& from, NodeId node, OriginId origin) const;
  void judge_lives(const Envelope& from, const CommitClock& clock);
  void hear_of_after_all();
  bool in_table(const Commit& commit) const;  // The member had it when its table was gone through.
  bool told_of_since(NodeId node, OriginId origin, const Content& record) const;
  void take_out_lives();
  std::set<OriginId> last_lives() const;
  std::set<OriginId> in_clocks_only() const;
  std::set<OriginId> lives_on_disk() const;
  void move_to(StoreKey reached);        // Empty: the shard is gone through.
  RowRange range_to(const StoreKey& until) const;
  void done();
  void pull();

  Core& core_;
  Lives& lives_;
  Mend& mend_;
  Pull& pull_;
  Redo& redo_;
  // SUBTLE: of each member what its present life says.  A disk that went back has its horizon of then, and the removals it
  // had forgotten since: when all of those that had forgotten something went back, nobody is behind them any more.  And of those that
  // are heard of: nobody can rebase onto one that is gone, and below the others' horizons all is as it should be; floors are as true
  // as ever.  When it comes back it tells its horizon first.
  struct Told {
    OriginId origin;
    Timestamp horizon;
    Timestamp floor;
  };
  bool good_standing(NodeId node, const Told& told) const;
  std::map<NodeId, Told> told_horizons_;
  bool had_rows_ = false;                // When this life began.
  Timestamp first_floor_;                // The least of those whose rows a node took that is not whole yet.
  std::set<NodeId> unaware_;             // Members whose table does not have it that this node was evicted.
  std::int64_t unaware_since_ms_ = -1;
  std::optional<Question> question_;
  NodeId no_answer_of_;                  // The last that was given up.
  std::int64_t patience_ms_ = 0;         // With an answer.
  std::deque<std::uint64_t> given_up_;   // Nonces of questions that an answer may come to yet, the last ones.
  bool told_ = false;
  std::int64_t began_at_ms_ = 0;
  std::int64_t look_again_at_ms_ = 0;
};

}  // namespace kith
