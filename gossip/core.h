// gossip/core.h -- what the conversations share: who this node is, its clocks, the member table, and the output at hand.
//
// Not a conversation itself: it decides nothing, it keeps the books.  Every change to what the node holds goes through
// merge(), hold() and commit_own(), so that memory and batch cannot drift apart.
// Lives inside one Engine::Impl; `now` and `out` are those of the step at hand.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "crdt/hlc.h"
#include "gossip/clocks.h"
#include "gossip/early_pushes.h"
#include "gossip/ended_lives.h"
#include "gossip/engine.h"
#include "gossip/member_table.h"
#include "gossip/message.h"
#include "gossip/random.h"
#include "gossip/spread.h"
#include "gossip/tables.h"

namespace kith {

// Names of the store's meta rows.
namespace meta {
inline const std::string kNodeId = "node_id", kNodeName = "node_name", kClusterId = "cluster_id",
                         kClusterName = "cluster_name", kShardCount = "shard_count",
                         kRetryWindow = "retry_window", kReplicas = "replicas", kOrigin = "origin",
                         kLease = "lease", kFloor = "floor", kHorizon = "horizon",
                         kIntroduced = "introduced", kWhole = "whole", kToLookThrough = "to_look_through", kPassedHorizon = "passed_horizon",
                         kOwnLives = "own_lives", kOwnBegun = "own_begun", kStart = "start", kWritten = "start_written", kElectorate = "electorate",
                         kVote = "vote", kReturned = "returned", kBackSince = "back_since", kReturning = "returning", kUnheardOf = "unheard_of", kRecovered = "recovered",
                         kHeldBack = "held_back", kHeldBackUntil = "held_back_until", kToRecall = "to_recall",
                         kLeaving = "leaving", kHandedOver = "handed_over", kStayed = "stayed",
                         kRole = "role";
// Whose life it was, of one that is retired: its field of the table is deleted, and in the end collected.
std::string former_life(OriginId origin);
std::string encode_number(std::uint64_t value);
std::uint64_t decode_number(const std::optional<std::string>& bytes);  // 0 when absent or malformed.
std::map<OriginId, Timestamp> decode_unheard_of(const std::optional<std::string>& bytes);
}  // namespace meta

struct Identity {
  NodeId node;
  std::string name;
  std::string client_address;
  std::string peer_address;
  ClusterId cluster;           // None until joined.
  std::string cluster_name;
  std::uint32_t shard_count = 0;
  ReplicationFactor replication;
  OriginId origin;
  Timestamp start;
  Role role = Role::kReplica;
};

// What this life has learnt of another node by talking to it.  Steers traffic and status, never data.
struct PeerState {
  OriginId origin;                       // The life all this is about.
  std::int64_t heard_at_ms = -1;         // Monotonic; -1: never.
  std::int64_t fenced_at_ms = -1;        // The same of one that is voted against, and not listened to.
  std::int64_t agreed_at_ms = -1;
  std::int64_t told_at_ms = -1;          // Of a summary that was not answered yet; -1: none is out.
  std::int64_t round_trip_ms = -1;       // From the last that was to its answer; -1: none was.
  std::int64_t asked_at_ms = -1;         // When a sign of life was asked for that has not come since; -1: none is due.
  std::uint64_t members_version = 0;     // Of its table, as it last said; 0: unknown.
  bool voted = false;                    // For an eviction that had not taken effect, as it last said.
  bool stopping = false;
  bool tables_first = false;             // A round was given to the tables alone, and they differ still.
  // Its wall clock less mine, the greatest in the present and the previous window: a message that was held up makes a
  // peer look late, never early.
  std::int64_t offset_ms = 0, offset_before_ms = 0;
  std::int64_t window_began_ms = -1;
  bool offset_before_known = false;
};

// What a cell takes in a message, rounded up.
std::size_t cell_bytes_at_most(const CellKey& cell, const Content& delta);

class Core {
 public:
  Core(const EngineOptions& options, Store& store, std::uint64_t seed);

  // A copy: the caller may have built them on its stack.  The retry window is the cluster's, once this node belongs to one.
  EngineOptions options;
  Store& store;
  Random random;
  Hlc hlc;
  Timestamp horizon;                     // Below it history is settled.  Durable, or in the batch at hand.
  Timestamp highest_horizon;             // Of the present lives of all members, as told.
  Timestamp last_commit;                 // Of this life, in whatever shard.
  Timestamp pushed_up_to;                // The last of them that was pushed.
  Timestamp lease;                       // Timestamps up to here may be issued: it is durable, or in the batch at hand.
  Identity self;
  MemberTable members;
  Tables tables;
  Clocks clocks;
  EarlyPushes early;
  std::map<NodeId, PeerState> peers;
  std::map<std::string, std::uint64_t, std::less<>> counters;
  Instant now;
  Output* out = nullptr;
  bool stopping = false;

  // The fingerprint of all that is durable, the system shard included.  Nothing while rows are in the batch at hand:
  // then the clocks speak of them already, and the fingerprint does not.
  std::optional<std::uint64_t> root_of_durable() const;
  void read_root();                      // Once a commit: it changes with nothing else.

  // Got in step with a member at least once since the disk was empty, or founded the cluster.  SUBTLE: before, the clock
  // entries of all lives that are known claim little, and say nothing of those that are retired: there is no floor.
  bool whole = false;
  // How often a node that is not whole got all that a member holds, and still its member table is not the same.
  int unequal_tables = 0;
  bool introduced = false;               // Some other member knows our record, or there has been none (gossip/lives).
  // Retired in the table, and perhaps not held whole here: they stay in the clocks until this node is in step with a member
  // that has retired them.  SUBTLE: else equal digests would say that a disk that was rolled back holds what they did.
  std::set<OriginId> retiring;
  // Of an open life.  SUBTLE: one that begins a window below our floor, though the life before it was to hold that down, ran beside
  // another process of its node, and nobody heard of it.  Our floor was told, and horizons are made of it: what that life did
  // can enter history no more, so it is over from its start (gossip/ended_lives.h), and its node does all of it again.
  void hear_of(NodeId node, Life life);
  bool may_be_settled(Timestamp at, Timestamp floor) const;  // For our horizon, or some that is made of this floor.
  // Of a life that is over there still is a record, where this is the floor.
  bool kept_on_record(Timestamp start, Timestamp floor) const;
  // It came to this very life.  From then on it takes in nothing: what it does again, its next life has to do.
  bool life_is_over() const { return ended.find(self.origin) != nullptr; }
  void end_life(OriginId origin);
  void forget_last_life(NodeId node);
  void drop_life(const CellKey& cell);   // It is retired, and that was collected.
  void remember_former_life(NodeId node, OriginId origin);
  // No table has it any more: everybody in good standing holds what it did.
  bool retired(OriginId origin) const { return !clocks.knows(origin) || retiring.contains(origin); }
  bool got_in_step = false;              // With some member, in this life.
  // Of an observer (gossip/follow.h): it is to become a copy of a replica; and it is one on disk, but not in memory.
  bool strayed = false, begins_anew = false;
  // What is known of lives that are over (gossip/ended_lives.h), and which of them this very life closed.
  EndedLives ended;
  std::set<OriginId> closed_here;
  std::uint64_t unseen_dropped = 0;      // Deltas of which entries were not merged, since nobody had seen them.
  // Former lives of this node that are not closed: what of them is on this disk because they ran on it, without a gap, and
  // whether any of it came from somebody else.  SUBTLE: of a copy of this disk, that ran on.
  struct OwnLife {
    Timestamp up_to;
    bool more = false;
    Timestamp start, written;            // And when its row of the table was written, should that rot.  Zero: not known.
  };
  std::map<OriginId, OwnLife> own_lives;
  void write_own_lives();
  bool redoing = false;                  // gossip/redo has not come to its end.
  std::optional<Timestamp> floor_then;   // Until it has, the floor does not rise.
  // Rows that an unseen entry has left before they were recalled (gossip/recall.h): what it had the place of is missing here meanwhile,
  // though our clock claims it.  So the shard's answers end without a clock.  On disk, too.
  std::set<StoreKey> to_recall;
  bool recalls_in(ShardId shard) const;
  // SUBTLE: an increment that is done again under an old tag must be everywhere before a horizon, and a base, is past that tag.
  struct HeldBack {
    Timestamp at;      // Our floor, until
    Timestamp commit;  // those of all others are past this.
  };
  std::optional<HeldBack> held_back;
  void hold_back(Timestamp tag, Timestamp commit);
  void write_ended(NodeId node, OriginId origin, const std::optional<EndedLife>& record);
  // gossip/follow is told of the clock with which a pull came to the end of a shard.
  std::function<void(NodeId, ShardId, const CommitClock&)> on_pulled;
  // gossip/redo is told of records of lives that are over, and, while it has not come to its end, of what is about to be merged.
  std::function<void(OriginId)> on_ended;
  std::function<void(ShardId, const CellKey&, const Content&)> before_merge;
  bool behind = false;                   // Our floor is below a horizon: rows are for gossip/rebase alone.
  // It was evicted then, and knows (gossip/eviction.h); zero: never.  While it is returning it is not in good standing: what its
  // former lives took in alone is on its disk, and is handed to nobody before it was done again.
  Timestamp returned;
  Timestamp back_since;                  // The start of the first life that knew.
  bool returning = false;
  Timestamp heard_of;                    // While it is returning: of its lives that began later nobody has heard.
  std::map<OriginId, Timestamp> unheard_of;  // These, and when they began.  They are in no table and in no clock.
  void write_unheard_of();
  bool evicted = false;                  // In this life: the next one may begin.
  // It goes for good since then (gossip/leave.h); zero: it stays.  Durable, as is whether all others hold what it has.
  Timestamp leaving;
  bool handed_over = false;
  Timestamp stayed;                      // When it last took that word back; zero: never.
  bool left() const { return evicted && handed_over; }  // It is out, as it wanted: there is no next life, unless somebody starts it again.
  std::vector<NodeId> electorate;        // gossip/eviction.h
  std::vector<NodeId> voted_against;     // In an eviction that has not taken effect: this node listens to them no more.  Sorted.
  bool superseded = false;               // By another life of this node: peers refuse what this one says.

  bool joined() const { return static_cast<bool>(self.cluster); }
  void count(std::string_view counter, std::uint64_t by = 1);
  void note(Output::Note::Level level, std::string text) { out->notes.push_back({level, std::move(text)}); }

  // A new timestamp for a commit; extends the lease in the batch when needed.  Nothing: the counter of this
  // millisecond is used up, try in a later one.
  std::optional<Timestamp> issue();
  Timestamp issue_now();                 // In the next millisecond when this one is used up.
  // Of what this node says of the system, in place of what is known.  SUBTLE: that may be of a time to come, by a clock that was
  // far ahead; our own is not carried there.
  Tag tag_above(const Register& known, Timestamp commit) const {
    return {std::max(commit, just_after(known.tag().at)), actor_of(self.origin)};
  }

  // ---- What the node holds
  std::uint64_t batch_bytes_at_most = 0;  // What the batch at hand may take on disk, until the old pages are free again.
  void merge(ShardId shard, const CellKey& cell, const Content& delta);
  void note_arrival(ShardId shard, const Content& delta);
  // When the first of what came in the batch at hand is over (gossip/expiry.h).
  std::optional<std::int64_t> expiring_ms;
  void expect_expiry(const Content& content);
  // SUBTLE: what a life did that nobody heard of, somebody may have all the same; there is no record of it until it is done again.
  bool unseen(ShardId shard, const Commit& commit) const { return unheard_of.contains(commit.origin) || ended.unseen(shard, commit); }
  bool any_unseen(ShardId shard, const Content& delta) const;
  bool unseen_up_to(ShardId shard, const Commit& commit) const;  // That, or something of its life before it.
  void merge_life(const CellKey& cell, const Content& delta);
  // Raises the clock to `commit`, and on through what came early.
  void hold(ShardId shard, OriginId origin, Timestamp commit);

  // A row of the shard turned out to be damaged.  SUBTLE: what was read or pushed on the way to a clock that is not raised
  // yet may have been in that row, and no clock says so.  So all such ways begin again where the clock stands.
  void set_back(ShardId shard);
  std::uint64_t setbacks(ShardId shard) const;  // How often, in this life.

  // This origin committed `delta`: merges it and gathers it for the pushes that follow durability.
  void commit_own(ShardId shard, const CellKey& cell, const Content& delta, Timestamp commit);
  struct Pending {                       // Of one shard, since the last durable commit.
    Timestamp previous;
    struct Step {
      Timestamp commit;
      CellBlock cells;
    };
    std::vector<Step> steps;             // One per commit: a push is cut between them only.
  };
  std::map<ShardId, Pending> pending_pushes;

  // "Nothing of mine is missing up to here", of what is durable now.  Later commits are above it.
  Timestamp floor() const {
    if (returning) return {};
    const Timestamp held = held_back ? std::min(held_back->at, floor_held()) : floor_held();
    return floor_then ? std::min(*floor_then, held) : held;
  }
  // The same, whether or not some of what is held is to be done again before others may rely on it.
  Timestamp floor_held() const { return whole ? std::max(clocks.floor(), recovered) : Timestamp{}; }
  Timestamp recovered;                   // An operator said that nobody has more up to here (gossip/rebase.h); zero: never.
  Timestamp promise_of_durable();
  // The same of what will be durable when the messages of this step leave.
  Timestamp promise_of_step();

  // The cells of a stranger's block, or nothing when any is malformed or in a shard that is not its own, or of a time to come, or when
  // the cluster has no such shard.
  // RULE. Nobody takes in what was committed in a time to come, whoever tells it: no later life of the node that did so could follow it.
  // A clock that is far ahead is not listened to; what two such told each other the one whose clock is right again would tell all others.
  std::optional<std::vector<Cell>> read_cells(ShardId shard, const CellBlock& block);

  NodeId told_by;                        // Whose message is being taken in.
  std::int64_t to_come_noted_at_ms = -1;

  // ---- Members
  const std::vector<NodeId>& others();   // In order of id.  Lives until the member table changes.
  const std::vector<NodeId>& other_replicas();  // Of them those that count.
  std::vector<NodeId> awaited();         // The same without those voted against of whom nothing was heard lately.
  bool observer() const { return self.role == Role::kObserver; }
  // An observer, of which nothing is taken in (gossip/follow.h).
  bool unheeded(NodeId node) const { return options.collect && members.observes(node); }
  std::string name_of(NodeId node) const;
  bool to_come(Timestamp at) const;      // Later than any clock that is listened to, and what it listens to, may be.
  const MemberTable::Member* member(NodeId node) const { return members.find(node); }
  // Whether the peer's member table, as it last said, is another one than ours; true when it never said.
  bool table_differs(NodeId peer) const;
  bool heard_lately(NodeId peer) const;  // So that it knows us, too.
  // Whether there are few enough to tell each of them everything; else the neighbours, along the grid of
  // gossip/spread.h. A node whose own record is not understood has no place in the grid.
  bool tells_all() const { return members.ids().size() <= options.direct_members_max || !in_table(); }
  bool in_table() const { return member(self.node) != nullptr && !members.out(self.node); }
  Neighbours neighbours() const;         // REQUIRES: !tells_all().
  RelayStanding standing_of(NodeId node) const;
  // gossip/probe: for traffic, and nothing else.  Set by the engine; nobody is, until then.
  std::function<bool(NodeId)> believed_dead = [](NodeId) { return false; };
  // The node at that place, or the next around the end that is not believed dead, if there is one.
  NodeId next_living(const std::vector<NodeId>& nodes, std::size_t at) const;
  CellBlock record_of(NodeId node) const;  // With its present life, as a message brings them along; empty when there is none.
  // The member table with all lives, or the next piece of one that is too large for a message.
  struct Piece {
    CellBlock cells;
    bool whole = true;
  };
  Piece table_piece();
  CellBlock record_in_turn();
  CellBlock ended_in_turn();

  // ---- Talking.  Adds the envelope.
  //
  // What is known of the members comes along as follows (cells in the envelope, merged before the body is looked at):
  //   M1. Nobody takes us for a stranger: a message to a peer whose table differs from ours brings our own record,
  //       about 250 bytes with its present life.  Not a push, of which there are many: a life's first one brings it (gossip/push), and so do
  //       the summaries with which it begins.
  //   M2. A message that moves a clock which speaks of other origins than its sender's brings the receiver's member
  //       table up to date first, and costs nothing when the tables are equal.  Only `rows` does (gossip/pull).  The
  //       other bodies speak of one life only, which the envelope, or the part, names: `summary` and `agreed` promise
  //       for the sender's own, `push` is of the sender's own or of one that it names; `pull` and `digests` tell a
  //       clock that filters and compares and that nobody adopts; `mended` and `repaired` move none.
  //   M3. `welcome` brings a joiner the whole table: it knows nobody.
  //   M4. Where M1 brings the record of a node that is behind a horizon, and so tells nobody of rows, it brings that of one other member,
  //       too, in turn: two that know each other through that node alone would never meet, and it could not come back.
  // `members` is what comes along instead of what M1 says.
  void send(NodeId to, Body body, CellBlock members = {});
  void send_to_address(const std::string& address, NodeId to, Body body, CellBlock members = {});
  void send_push(const std::vector<NodeId>& to, PushBody body, CellBlock members);  // Encoded once.

 private:
  std::string seal(NodeId to, Body body, CellBlock members);
  void post(const std::string& address, NodeId to, std::string_view type, std::string bytes);

  NodeId last_attached_;
  std::size_t record_turn_ = 0;
  std::pair<NodeId, OriginId> last_ended_;  // Sent along in its turn.
  std::optional<std::uint64_t> others_of_, replicas_of_;  // Generations of the table.
  std::uint64_t root_ = 0;
  std::map<ShardId, std::uint64_t> setbacks_;
  std::vector<NodeId> others_, other_replicas_;
};

}  // namespace kith
