// gossip/engine.h -- the protocol as a pure state machine: input in, output out.
//
//     kithd / kith-sim ---- Input ---->  Engine  ---- Output ---->  store batch, sends, replies, wake-up
//                                          |  reads
//                                        Store
//
// Opens no socket, starts no thread, reads no clock, draws from the generator it was seeded with.  Equal histories give
// equal outputs, byte for byte.  Does not throw on a stranger's bytes: they are counted and dropped.
// The conversations, one file each: push, relay, pull, round, audit, join, mend; lives and the fence are in lives.
// Transcripts: tests/gossip/
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "crdt/ids.h"
#include "crdt/timestamp.h"
#include "gossip/detector_message.h"
#include "gossip/operation.h"
#include "gossip/options.h"
#include "gossip/replication.h"
#include "gossip/role.h"
#include "gossip/roster.h"
#include "store/store.h"

namespace kith {

struct Instant {
  std::int64_t monotonic_ms = 0;  // Never falls; drives timers.
  std::int64_t wall_ms = 0;       // Unix time, as wrong as the machine's clock; drives timestamps.
};

// ---- Inputs

struct PeerFrame { std::string bytes; };     // One frame from the peer port, not looked at yet.
struct Tick {};
struct ProbeTick {};                         // The same for failure detection, which has an alarm of its own: gossip/probe.h.
struct RowDamaged { StoreKey key; };         // Somebody who read for a client found this row damaged.
struct ShardDoubted { ShardId shard; };      // Its fingerprint is not that of its rows: found by who read them all.
// An operator's: these members shall go (gossip/eviction.h).  Answered like an operation, when it is under way or refused.
struct Evict {
  std::uint64_t request = 0;
  std::vector<std::string> names;
  bool without_half = false;                 // Go on with what is left, though it is not more than a half.
};
// The same: this node shall leave for good, or, having been asked to, stay (gossip/leave.h).  Answered at once; status() tells how far it is.
struct Drain {
  std::uint64_t request = 0;
  bool cancel = false;
};
struct JoinThrough { std::vector<std::string> addresses; };  // Peer addresses to ask from now on, in place of those before.
struct Stop {};                              // Take no more operations and tell the peers.
using Input = std::variant<PeerFrame, Operation, Consult, Tick, ProbeTick, RowDamaged, ShardDoubted, Evict, JoinThrough, Stop, Drain>;

// ---- Outputs

// What the caller must do, in this order.  Steps may be gathered: run several with one Output, then act on it once;
// that is group commit.
struct Output {
  StoreBatch store;                     // 1. Commit, synced.  Nothing below may leave before it is durable.
  struct Send {
    std::string address;                // HOST:PORT of the peer's port.
    NodeId to;                          // None while joining: only the address is known.
    std::string bytes;
    bool probe = false;                 // Of gossip/probe: about nobody's data.
  };
  std::vector<Send> sends;              // 2. Best effort: loss, reordering and repeats are all fine.
  std::vector<std::string> reconnect;   // 3. Addresses behind which a new life was seen: a connection to the old one
                                        //    may still be backing off.
  std::vector<Reply> replies;           // 4. To clients.
  struct Note {                         // 5. For the log.
    enum class Level { kInfo, kWarning, kError } level = Level::kInfo;
    std::string text;
  };
  std::vector<Note> notes;
  struct Redone {                       // 6. To be listed for people: gossip/redo.h.
    CellKey cell;
    std::string what;                   // "add", "removal", "value", "deletion", "increment"
    Content these;                      // As they were.
    Content anew;                       // As they are now; empty: they were not worth it, being over or removed since.
  };
  std::vector<Redone> redone;
  std::vector<Timestamp> arrived;       // 7. Measured, not acted on: of cells that peers sent and were news here, the newest commit.
  static constexpr std::size_t kArrivedMax = 64 * 1024;  // More are not noted.
  std::int64_t wake_at_ms = 0;          // 8. Step with a Tick when monotonic time reaches this.
  std::optional<std::int64_t> probe_at_ms;  // 9. The same with a ProbeTick, if at all.
  bool refused_for_good = false;        // 10. This node can never be part of that cluster; notes.back() says why: exit.

  void clear();
};

// ---- The node this engine speaks for

struct NodeSetup {
  std::string name;
  std::string client_address;            // As peers and clients shall reach it.
  std::string peer_address;
  std::optional<std::string> cluster;    // A name that has to fit; for the first node the name to give.
  std::uint32_t shard_count = kShardsDefault;  // For the first node; others learn it.
  bool shard_count_given = false;        // Then one that differs from the cluster's is an error.
  // The same of EngineOptions::retry_window_ms: the first node gives it to the cluster, others learn it.
  bool retry_window_given = false;
  // How many members keep a shard, for the first node (gossip/replication.h); 0: nobody says.  Others learn it, and one that
  // differs is an error.
  std::uint32_t replicas = 0;
  std::optional<Role> role;              // None: that of the directory, and of an empty one a replica's.  Another one than that is an error.
  std::vector<std::string> join;         // Peer addresses of any members.
  bool joins = false;                    // Also when there are none in it: they will be named by JoinThrough.
  bool founds() const { return join.empty() && !joins; }  // Where there is no cluster yet: be the first.
};

// Whether the store in front of us is this node's and fits `setup`.  An error is for people.
[[nodiscard]] std::optional<std::string> check_setup(const Snapshot& snapshot, const NodeSetup& setup,
                                                     const EngineOptions& options = {});

// ---- What it tells of itself

struct MemberStatus {
  NodeId id;
  std::string name;
  std::string client_address;
  std::string peer_address;
  OriginId origin;
  Timestamp start;
  std::size_t lives = 1;                     // Including the present one.
  bool self = false;
  bool observer = false;                     // It copies and answers reads, and counts for nothing.
  std::int64_t heard_ms_ago = -1;            // -1: never in this life.
  std::int64_t clock_offset_ms = 0;          // Its clock less mine, as far as messages show.
  std::int64_t round_trip_ms = -1;           // Of the last round that it answered, commits in between included; -1: of none yet.
  std::int64_t agreed_ms_ago = -1;           // Since a round with it last found nothing missing; -1: never.
  bool stopping = false;                     // It said that it goes down.
  // What failure detection believes, since when, and by whose word first: a name.  It is about traffic, and nothing else.
  Liveness liveness = Liveness::kAlive;
  std::int64_t liveness_ms = -1;             // -1: this node does not probe, or it is the node itself.
  std::string liveness_by;                   // Empty: nobody says otherwise; its own: it said that it stops.
  bool out = false;                          // Evicted, and not back.
  bool left = false;                         // The same of who had asked for it, and handed over what it had.
  bool leaving = false;                      // It is on its way out, and takes no writes.
  Timestamp evicted_at;                      // The last time; zero: never.
  Timestamp floor;                           // All that anybody committed up to here it holds, as it last said; zero: it has not.
  std::int64_t floor_held_ms = -1;           // Since that rose; -1: never in this life.  Of this node itself 0.
};

// What becomes of removal records, and of lives that are over (DESIGN.md, sections 7 and 8).
struct GarbageStatus {
  bool collects = false;                     // Switched on.
  std::int64_t retry_window_ms = 0;
  Timestamp floor;                           // All that anybody committed up to here is held, durably.
  std::string floor_held_by;                 // Of whose writes nothing newer is known, nor that there are none.  Empty: of nobody's but its own.
  bool floor_held_by_former_life = false;    // That is over, and not closed.
  Timestamp horizon;                         // Below it history is settled: removal records are no more.
  Timestamp highest_horizon;                 // Of all that members told of.
  std::string held_by;                       // Whose floor is the least: it keeps the horizon from rising.  Empty: nobody else.
  Timestamp held_at;                         // That floor; zero: it has not said.
  std::int64_t held_for_ms = -1;             // Since it rose; -1: never in this life.
  // Away for longer than removals are remembered: it compares its rows with a member's, and what it shows may be stale.
  bool rebasing = false;
  std::string onto;                          // Empty: no member in good standing has been heard of yet.
  std::size_t shards = 0, shards_done = 0;
  std::uint64_t rows_cut = 0;                // That held what had been removed.
  // Of the eviction that this node proposes, or has voted for, by name; empty: there is none.
  std::vector<std::string> evicting, eviction_waits_for;
  bool proposes_eviction = false, eviction_agreed = false;
  std::int64_t evict_after_ms = 0;           // 0: not of its own accord.
  bool returning = false;                    // It was evicted, and is not through with what it had taken in alone.
  // It has not all there is, or waits to do again what its earlier lives took in alone, and hears of nobody who has all: of all that had,
  // the disks went back or are gone.  An operator's case.
  bool nobody_in_good_standing = false;
  std::string recover_at;                    // Then: by name, who has seen the most of those that are heard.
  std::size_t lives_to_close = 0;            // Former lives of this node.
  std::vector<std::string> closing_waits_for;  // Members, by name.
};

// Of this node on its way out of the cluster (gossip/leave.h).
struct LeaveStatus {
  Timestamp since;                           // It takes no writes since then; zero: it stays.
  bool catches_up = false;                   // It lacks something itself, and hands nothing over before.
  std::vector<std::string> lacking;          // Members, by name, that are not known to hold all that it has.
  bool handed_over = false;                  // All do, and are to agree that it goes.
  std::vector<std::string> away;             // Of the members those that are not heard of: each is waited for.
};

// What the node is and how it fares; cheap enough to be asked after every step.
struct EngineHealth {
  ClusterId cluster;
  std::string cluster_name;
  std::uint32_t shard_count = 0;
  ReplicationFactor replication;
  NodeId node;
  std::string name;
  OriginId origin;
  Timestamp start;
  Role role = Role::kReplica;
  Timestamp now;
  bool joined = false;
  bool introduced = false;                   // Some member has its record: writes are taken.
  bool clock_fenced = false;
  std::int64_t clock_ahead_ms = 0;
  bool full = false;
  bool superseded = false;                   // Peers know a later life of this node.
  bool life_is_over = false;                 // It was evicted: Engine::begin_anew().
  bool leaving = false;
  bool left = false;                         // For good, as it wanted: life_is_over, and there is no next one.
  std::size_t pulls_outstanding = 0;
  std::size_t rows_damaged = 0;
  std::uint64_t members_version = 0;         // Digest of the member table.
};

using EngineCounters = std::map<std::string, std::uint64_t>;  // Messages, bytes, drops by reason, rows, pulls.

// With what takes time in proportion to members and lives.
struct EngineStatus : EngineHealth {
  std::vector<MemberStatus> members;                                // By name; this node among them.
  int probe_score = 0;                                              // 0 to 8: how much its own probes fail (gossip/detector.h).
  std::vector<std::pair<OriginId, Timestamp>> newest_held;          // Per origin the newest commit held, any shard.
  GarbageStatus garbage;
  LeaveStatus leave;
  EngineCounters counters;
};

class Engine {
 public:
  // Reads what the store remembers of this node.  `seed` is the only source of randomness: node id, origin, nonces.
  // The store must outlive the engine, and nobody else may commit to it.
  // REQUIRES: !check_setup(...); `now` is the first instant it is told.
  Engine(const EngineOptions& options, const NodeSetup& setup, Store& store, std::uint64_t seed);
  ~Engine();

  // Begins a life: a new origin, durable before anything is said or written.  Call once, before any step.
  void start(Instant now, Output& out);

  // Advances the protocol by one input.  REQUIRES: started; now.monotonic_ms has not fallen; what was gathered in `out`
  // belongs to this engine.  Cost: what the input asks for; no input scans the store.
  void step(Instant now, const Input& input, Output& out);

  // The batch of the gathered steps is durable.  Call after every commit and before acting on the rest of `out`, to
  // which this adds the pushes of what was committed (one message to each who is told directly, however many steps were
  // gathered), those of others that this node relays, and questions about rows that were found damaged on the way.
  void committed(Instant now, const CommitReport& report, Output& out);

  // Before the caller waits for anybody: lets go of the view of the store by which it answered operations.
  void let_go();

  // It was evicted while it was away: nothing of this life is listened to any more.
  bool life_is_over() const;
  // The same, and it had asked for it: its process ends.  Should an engine be started on that store, it comes back as a member.
  bool has_left() const;
  // Begins the next life on what the store holds now.  REQUIRES: life_is_over(), and nothing is gathered that is not durable;
  // operations that were not answered are not going to be.
  void begin_anew(Instant now, Output& out);

  EngineHealth health(Instant now) const;
  GarbageStatus garbage(Instant now) const;
  EngineCounters counters() const;
  Liveness liveness(NodeId node) const;    // Alive, of whom nothing else is known.
  EngineStatus status(Instant now) const;  // All of it.
  Timestamp time(Instant now) const;       // health().now, for every reply: without the cost of the rest.
  Roster roster(Instant now) const;        // Cost: in proportion to the members.
  // It was away for longer than removals are remembered, and has not caught up: garbage().rebasing, without its cost.
  bool reads_may_be_stale() const;
  // Of some table reads that say no level ask other members: each of those is a Consult.
  bool some_reads_ask_others() const;

 private:
  class Impl;
  EngineOptions options_;
  NodeSetup setup_;
  Store& store_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kith
