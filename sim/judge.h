// sim/judge.h -- looks on at everything, and says when a law is broken (sim/verdict.h).
//
// Keeps the ghosts in step with what becomes durable, knows every entry that was committed (sim/oracle), and checks:
//   at every commit    each row that changed against its ghost (K, D, G); entries of others were committed by them (K);
//                      timestamps only rise (U)
//                      what a clock claims from now on is there, if it is anywhere (D)
//   at every operation what it changes is what was asked for, no more (O)
//   at every reply     what is acknowledged is durable here, and on the replicas that it names (D); the retry window was
//                      kept, and the fence (O); a write without a tag is above what its node held (U)
//   at every message   its size (B); when asked to, that its cells are what the sender holds (K)
//   at the end         all replicas against each other, against their disks and against the oracle (C, D, O, G, K)
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "gossip/operation.h"
#include "sim/claims.h"
#include "sim/machine.h"
#include "sim/oracle.h"
#include "sim/verdict.h"

namespace kith::sim {

using Marks = std::map<std::string, std::uint64_t>;

class Judge {
 public:
  Judge(const Scenario& scenario, Marks& marks) : scenario_(scenario), marks_(marks) {}

  void on_start(const Machine& at, std::int64_t now_us);
  void before_operation(const Machine& at, const Operation& operation, std::int64_t now_us);
  void after_operation(const Machine& at, std::uint64_t request, std::int64_t now_us);
  void on_reply(const Machine& from, const Reply& reply, const std::vector<Machine*>& machines);
  void crashed(const Machine& at) { stepped_.erase(at.index); }                // What it stepped and did not commit is gone.
  void on_durable(Machine& at, const StoreBatch& batch, const CommitReport* report, std::int64_t now_us);
  void on_send(const Machine& from, const std::string& bytes);

  // ---- What destroys data
  // A node has left the cluster, and its disk is gone.  All that it held others hold: but for what a damaged row had.
  void left(const std::vector<Machine*>& machines);
  void recovered(const Machine& at);  // An operator had it go on with what it has.
  void disk_lost(const std::vector<Machine*>& machines, const std::string& node);  // Whose ghost is gone already.
  void row_rotten(const std::vector<Machine*>& machines, Machine& at, const StoreKey& key);
  // A base rots with all that was folded into it, until it is mended; what is in no base then is lost (judge_bases.cc).
  void base_rotten(Machine& at, const StoreKey& base);
  void base_settled(Machine& at, const StoreKey& base, const Snapshot& snapshot);
  bool in_waiting_base(const Snapshot& snapshot, const StoreKey& key) const;

  bool unseen_by_record(ShardId shard, const Commit& commit) const;
  bool of_who_was_evicted(const StoreKey& key) const;
  bool settled_somewhere(const Claims::Entry& entry) const;
  void check_row(const Machine& at, const StoreKey& key, const Snapshot& snapshot);
  void taken_out(Machine& at, const StoreKey& key, const Content& these);
  void on_read(const Machine& at, const StoreKey& key, const Content& served, std::int64_t now_ms) const;
  void on_count(const Machine& at, ShardId shard, const std::string& key, const Snapshot& snapshot) const;

  // ---- The end.  Only what is asked of these is checked, in order of cost.
  bool equal(const std::vector<Machine*>& machines) const;                   // Contents, member tables, clocks.
  void at_the_end(const std::vector<Machine*>& machines, std::int64_t now_us);                // REQUIRES: equal(machines).
  std::string differences(const std::vector<Machine*>& machines) const;      // For people.

  bool check_messages = false;
  OriginId origin_of(const Machine& at) const;   // Of its present life, or the last.
  const Oracle& oracle() const { return oracle_; }

 private:
  struct Seen {                      // Of one cell, by the node, when it took the operation in.
    StoreKey cell;
    std::vector<std::pair<ActorId, Timestamp>> adds;
    std::vector<std::pair<ActorId, Timestamp>> removed;
    Timestamp newest;                // Of what it shows or showed: below it, a write without a tag loses.
    std::optional<Content> pending;  // In the batch at hand, before it.
    bool certain = true;             // Not of a rotten row.
    Tag tag = {};                    // Of a register: what it held, and whether that had not nearly expired.
    std::optional<std::string> value = {};
    bool shown = false;
  };
  struct Attempt {
    Operation operation;
    std::vector<Seen> seen;
    std::uint32_t machine = 0;
    std::uint64_t life = 0;
    std::int64_t age_ms = 0;         // Of its tag, as the node's clocks have it.
    std::int64_t ahead_ms = 0;       // Its tag, of the machine's clock.
    bool fenced = false;             // The node's clock, as it says itself.
  };
  // ---- sim/judge_operations.cc
  void check_delta(const Machine& at, const Attempt& attempt, std::size_t which, const Content& pending) const;
  void check_answer(const Machine& from, const Attempt& attempt, const Reply& reply) const;
  void check_replicas(const Machine& from, const Attempt& attempt, const Reply& reply,
                      const std::vector<Machine*>& machines) const;
  std::vector<Effect> effects_of(const Attempt& attempt, const Tag& tag) const;
  void compare(const Machine& at, const StoreKey& key, GhostCell& ghost, const Snapshot& snapshot, bool mended);
  void check_claims(const Machine& at, const Claims::Held& held);
  void excuse_lost(const std::vector<const Machine*>& machines, const StoreKey* only_cell = nullptr);
  bool only_taken_out(const Machine& at, const Effect& effect, const GhostCell& ghost) const;
  std::vector<const Machine*> started_machines() const;
  // "All" are those that are in the cluster, which may be fewer than there were.
  bool may_evict() const {
    const auto evicts = [](const Event& event) {
      return event.action == Action::kEvict || event.action == Action::kRecover || event.action == Action::kDrain || event.action == Action::kDrainForNow;
    };
    return scenario_.engine.collect && (scenario_.engine.evict_after_ms > 0 || std::any_of(scenario_.timeline.begin(), scenario_.timeline.end(), evicts));
  }
  std::size_t replicas_of_the_beginning() const {
    return static_cast<std::size_t>(std::count_if(scenario_.nodes.begin(), scenario_.nodes.end(), [&](const auto& it) { return !observes(scenario_, it); }));
  }
  bool nothing_destroyed() const { return !disk_destroyed_ && rotted_.empty(); }
  bool judged(ShardId shard) const { return shard != kSystemShard || scenario_.nodes.size() <= kMembersJudgedMax; }

  static constexpr std::int64_t kAheadMs = 100;  // What a full counter and a step that takes its time may add.
  static constexpr std::size_t kMembersJudgedMax = 64;  // Above, a ghost of the member table per node would cost more than all else.

  const Scenario& scenario_;
  Marks& marks_;
  Oracle oracle_;
  std::unordered_map<std::uint64_t, Attempt> attempts_;   // By request.
  std::map<OriginId, Timestamp> last_commit_;             // Of origins, in the order of their batches.
  std::set<OriginId> origins_;
  std::map<std::uint32_t, OriginId> current_origin_;      // By machine.
  // Own entries of the batch at hand, by machine: in the batch itself the later ones hide the earlier.
  std::map<std::uint32_t, std::vector<std::pair<StoreKey, Content>>> stepped_;
  std::unordered_map<std::uint64_t, std::uint32_t> merges_;  // Of a delta into a row of a machine.
  bool time_went_back_ = false;                           // Some life began below a tag on its disk.
  Claims claims_;
  std::map<std::uint32_t, const Machine*> started_;       // That ever were.
  bool disk_destroyed_ = false;
  std::set<StoreKey> recovered_;                          // Of nodes that an operator had go on: what would say that they are evicted.
  // Adds and values that were done again by whose they are, perhaps as of that day: who else has them may give them up.
  struct Redone {
    std::set<std::tuple<StoreKey, ActorId, Timestamp>> all;
    void insert_these(const StoreKey& key, const Content& these) {
      if (!these.holds(Kind::kSet)) return void(all.emplace(key, these.as_register().tag().actor, these.as_register().tag().at));
      for (const auto& [actor, add] : these.as_set_element().adds()) all.emplace(key, actor, add.at);
    }
    bool has(const StoreKey& key, ActorId actor, Timestamp at) const { return all.contains({key, actor, at}); }
    bool has_later(const StoreKey& key, ActorId actor, Timestamp at) const {
      const auto later = all.upper_bound({key, actor, at});
      return later != all.end() && std::get<0>(*later) == key && std::get<1>(*later) == actor;
    }
  };
  Redone redone_;
  Timestamp highest_horizon_;                             // That any node ever had, whether or not its disk is still there.
  std::set<std::string> rolled_back_;                     // Nodes whose disk once went back to what it was.
  std::map<StoreKey, std::set<std::string>> rotted_;      // Rows that ever did, and of which nodes.
  std::map<Tag, bool> tags_;                              // Of every operation tried; true: some node took it.
};

}  // namespace kith::sim
