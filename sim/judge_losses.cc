// What may be gone from a row or lacking in it, and for what reason.
#include <algorithm>
#include <set>

#include "crdt/counter.h"
#include "gossip/core.h"
#include "gossip/ended_lives.h"
#include "gossip/evicted_table.h"
#include "gossip/life_table.h"
#include "gossip/member_table.h"
#include "sim/judge.h"

namespace kith::sim {
namespace {

Timestamp horizon_of(const Machine& at) { return Timestamp{meta::decode_number(at.disk.store->snapshot()->meta(meta::kHorizon))}; }

bool life_of_store_key(const StoreKey& key) {
  static const CellKey any = life_cell(NodeId{1}, OriginId{1});
  static const StoreKey prefix = value_prefix(kSystemShard, any.table, any.key, any.kind);
  static const CellKey over = ended_cell(NodeId{1}, OriginId{1});
  static const StoreKey ended = value_prefix(kSystemShard, over.table, over.key, over.kind);
  return key.starts_with(prefix) || key.starts_with(ended);
}

}  // namespace

// Gone it may be only if somebody removed it: that is what the ghost learns here.
void Judge::taken_out(Machine& at, const StoreKey& key, const Content& all) {
  GhostCell& ghost = at.disk.ghost[key];
  if (ghost.rotten) return;
  if (at.disk.observer) return ghost.drop(all);  // It may give up what it likes, and ends like the replicas.
  // What is not history goes without a reason: the node that wrote it has it, and does it again.
  const ShardId shard = shard_of_store_key(key);
  const auto no_history = [&](const Commit& commit) { return shard != kSystemShard && unseen_by_record(shard, commit); };
  ghost.drop(all.where(no_history));
  const Content these = all.where([&](const Commit& commit) { return !no_history(commit); });
  if (these.empty()) return;
  const auto removal_of = [&](ActorId actor, Timestamp add) -> const GhostCell::Item* {
    for (const auto& [index, other] : started_) {
      const auto theirs = other->disk.ghost.find(key);
      if (theirs == other->disk.ghost.end()) continue;
      for (const auto& removal : theirs->second.removed()) {
        if (removal.actor == actor && removal.at >= add) return &removal;
      }
    }
    return nullptr;
  };
  if (life_of_store_key(key)) {
    ghost = GhostCell{};
    return;
  }
  // What a member took in after the others had gone on without it, another that they had gone without, too, may have: it is left to
  // whose it is, and which does it again.
  const auto left_to_another = [&](const auto& same) {
    return may_evict() && std::any_of(started_.begin(), started_.end(), [&](const auto& it) {
      const auto theirs = it.second->disk.ghost.find(key);
      return it.second != &at && !it.second->gone && theirs != it.second->disk.ghost.end() && same(theirs->second);
    });
  };
  if (these.holds(Kind::kSet)) {
    for (const auto& [actor, add] : these.as_set_element().adds()) {
      if (const auto* removal = removal_of(actor, add.at)) {
        ghost.take_out(actor, removal->at);
      } else if (!rolled_back_.empty() && oracle_.removal_committed(key, actor, add.at)) {
        // SUBTLE: who had seen the removal, and forgotten it since, all went back to disks from before; but for one that joined
        // meanwhile, and was never told of what was over.
        ghost.take_out(actor, add.at);
      } else if (redone_.has(key, actor, add.at) || left_to_another([&, who = actor, when = add.at](const GhostCell& theirs) {
                   return std::any_of(theirs.adds().begin(), theirs.adds().end(), [&](const auto& it) { return it.actor == who && it.at >= when; });
                 })) {
        ghost.forget(actor);
      } else if (rotted_.contains(key)) {
        ghost.forget(actor);
        excuse_lost(started_machines(), &key);
      } else {
        throw Violation('D', at.name + " took " + in_words(these) + " out of " + cell_in_words(key) + ", and nobody removed it");
      }
    }
    return;
  }
  // SUBTLE: where nothing has taken its place it need not be the latest of all that overtook it: that one may be cut off.
  Row row;
  const bool shown = at.disk.store->snapshot()->get(key, row) == Snapshot::Lookup::kFound && row.content.present();
  // One that has expired, and been collected, shows nothing either.
  Timestamp horizon;
  for (const auto& [index, other] : started_) horizon = std::max(horizon, horizon_of(*other));
  const auto fitting = [&](const GhostCell& it) { return (it.present() && !it.settled(horizon)) == shown; };
  const GhostCell* overtook = nullptr;
  for (const auto& [index, other] : started_) {
    const auto theirs = other->disk.ghost.find(key);
    if (theirs == other->disk.ghost.end() || theirs->second.tag() <= ghost.tag()) continue;
    const bool fits = fitting(theirs->second);
    const bool best_fits = overtook != nullptr && fitting(*overtook);
    if (overtook == nullptr || fits > best_fits || (fits == best_fits && theirs->second.tag() > overtook->tag())) overtook = &theirs->second;
  }
  if (redone_.has(key, ghost.tag().actor, ghost.tag().at) || left_to_another([&](const GhostCell& theirs) { return theirs.tag() == ghost.tag() && theirs.value(); })) {
    ghost = GhostCell{};
    return;
  }
  // What a life said of its node that began after that was evicted: it says so anew when it is told.
  // That one was evicted, of whom an operator has said since that it goes on with what it has.
  if (of_who_was_evicted(key) || recovered_.contains(key)) {
    ghost = GhostCell{};
    return;
  }
  // SUBTLE: as above, of a deletion.
  const auto deleted_and_collected = [&] {
    const auto deleted = oracle_.deletion_settled(key, ghost.tag());
    return !rolled_back_.empty() && deleted && *deleted <= horizon;
  };
  // What overtook that deletion may be cut off, and comes with the pull.
  if (overtook != nullptr && !fitting(*overtook) && deleted_and_collected()) return ghost.collected_elsewhere();
  if (overtook != nullptr) ghost.overtake(*overtook);
  // It had expired, and the others have collected it.
  if (ghost.settled(horizon)) {
    ghost.collected_elsewhere();
    // It may not have overtaken there what it had overtaken here: SUBTLE, below.
    if (rotted_.contains(key)) excuse_lost(started_machines(), &key);
    return;
  }
  if (deleted_and_collected()) return ghost.collected_elsewhere();
  // SUBTLE: what rotted away where it counted, a node that was away too long does not give back (gossip/mend.h).
  if (ghost.present() && rotted_.contains(key)) {
    ghost = GhostCell{};
    return excuse_lost(started_machines(), &key);
  }
  if (ghost.present()) throw Violation('D', at.name + " took " + in_words(these) + " out of " + cell_in_words(key) + ", and nobody overwrote it");
}

// The record of a node of which somebody holds that it was evicted.
bool Judge::of_who_was_evicted(const StoreKey& key) const {
  const CellKey any = member_cell(NodeId{1});
  const StoreKey members = value_prefix(kSystemShard, any.table, any.key, any.kind);
  const auto node = key.starts_with(members) ? parse_hex(std::string_view(key).substr(members.size(), any.member.size())) : std::nullopt;
  if (!node) return false;
  const StoreKey evicted = store_key(kSystemShard, evicted_cell(NodeId{*node}));
  return std::any_of(started_.begin(), started_.end(), [&](const auto& it) { return it.second->disk.ghost.contains(evicted); });
}

void Judge::check_claims(const Machine& at, const Claims::Held& held) {
  for (const auto& [origin, entry] : claims_.unheld(at.index, held, at.disk.ghost)) {
    const auto mine = at.disk.ghost.find(entry.cell);
    if (mine != at.disk.ghost.end() && (mine->second.rotten || mine->second.in_rotten_base)) continue;
    // It is in the base, whatever became of its row.
    if (in_base(*at.disk.store->snapshot(), entry.cell)) continue;
    // A retired life may come back from an old table, and goes again.
    if (scenario_.engine.collect && life_of_store_key(entry.cell)) continue;
    // SUBTLE: what a damaged row lost for good may come back with an old disk, or with a row that was damaged at the same
    // time, and nobody knows that it is news.  The audit repairs that.
    const auto rotted = rotted_.find(entry.cell);
    // Nor is one that is about to be evicted, and silent, waited for, which may be the only one that has it, and come back.
    if (rotted != rotted_.end() && (disk_destroyed_ || rotted->second.size() > 1 || may_evict())) continue;
    for (const auto& [index, other] : started_) {
      const auto theirs = other->disk.ghost.find(entry.cell);
      if (other == &at || other->gone || other->disk.observer || theirs == other->disk.ghost.end() || theirs->second.rotten || !entry.commit_in(theirs->second)) continue;
      // SUBTLE: what was collected there need not come here any more.
      Row row;
      if (other->disk.store->snapshot()->get(entry.cell, row) != Snapshot::Lookup::kFound) continue;
      GhostCell shown;
      shown.join(row.content);
      const auto commit = entry.commit_in(shown);
      if (!commit) continue;
      // A damaged row lost it, and a retry brought it back under another commit: it comes like any write.
      if (!covers(at.disk.store->snapshot()->held(shard_of_store_key(entry.cell)), *commit)) continue;
      // Nor what is not history, and will be done again.
      if (unseen_by_record(shard_of_store_key(entry.cell), *commit)) continue;
      // Nor what had its place taken in its row by a later add of its session, that nobody else saw, and that was done again as of
      // today: who alone had it as well may be gone, and nobody waits for that (gossip/recall.h).
      if (entry.role == Claims::Entry::Role::kAdd && redone_.has_later(entry.cell, entry.actor, entry.at)) continue;
      // Nor what this node does again, until when there is no such record.
      if (meta::decode_unheard_of(at.disk.store->snapshot()->meta(meta::kUnheardOf)).contains(commit->origin)) continue;
      // Nor what is settled: others have collected it already.
      if (settled_somewhere(entry)) continue;
      throw Violation('D', at.name + " claims to hold all of " + to_hex(origin.value).substr(0, 4) + " in shard " +
                               std::to_string(shard_of_store_key(entry.cell)) + ", and lacks what it did to " + cell_in_words(entry.cell) + " at " +
                               std::to_string(entry.commit.ms() % 1'000'000) + ", which " + other->name + " holds: " + in_words(theirs->second) + "; here is " +
                               (mine == at.disk.ghost.end() ? "nothing" : in_words(mine->second)));
    }
  }
}

// Some record of a life that is over says that it was not seen (gossip/ended_lives.h).
bool Judge::unseen_by_record(ShardId shard, const Commit& commit) const {
  const CellKey any = ended_cell(NodeId{1}, OriginId{1});
  const StoreKey ended = value_prefix(kSystemShard, any.table, any.key, any.kind);
  for (const auto& [index, machine] : started_) {
    EndedLives lives;
    machine->disk.store->snapshot()->scan(ended, {}, [&](const StoreKey&, const Row* row) {
      if (row != nullptr) (void)lives.merge(row->cell, row->content);
      return true;
    });
    if (lives.unseen(shard, commit)) return true;
  }
  return false;
}

// It is over, which the one that holds it need not know, and some horizon is at or above the commit of its end: whoever is not fenced
// has seen that, and the clock of who did it may have been ahead of who ended it.  Or it is a removal, and some horizon is at or above its
// commit, or that of the same tag committed elsewhere before.
bool Judge::settled_somewhere(const Claims::Entry& entry) const {
  // SUBTLE: who had collected it may have gone back to a disk from before, after others had joined through it.
  Timestamp horizon = rolled_back_.empty() ? Timestamp{} : highest_horizon_;
  Timestamp commit = entry.commit;
  std::optional<Timestamp> ended;
  for (const auto& [index, machine] : started_) {
    horizon = std::max(horizon, horizon_of(*machine));
    const auto ghost = machine->disk.ghost.find(entry.cell);
    if (ghost == machine->disk.ghost.end()) continue;
    if (const auto theirs = entry.commit_in(ghost->second)) commit = std::min(commit, theirs->at);
    const auto end = entry.ended_in(ghost->second);
    if (end) ended = std::min(ended.value_or(*end), *end);
  }
  // SUBTLE: all who had seen the removal may have gone back to disks from before it, when it was settled already; or a later one of the same
  // session has its place in their rows.
  if (!rolled_back_.empty() && entry.role == Claims::Entry::Role::kAdd) {
    if (const auto removed = oracle_.removal_commit(entry.cell, entry.actor, entry.at)) ended = std::min(ended.value_or(*removed), *removed);
  }
  if (!ended && !rolled_back_.empty()) {
    if (entry.role == Claims::Entry::Role::kRegister) ended = oracle_.deletion_settled(entry.cell, {entry.at, entry.actor});
  }
  return ended ? *ended <= horizon : entry.role == Claims::Entry::Role::kRemoval && commit <= horizon;
}

void Judge::compare(const Machine& at, const StoreKey& key, GhostCell& ghost, const Snapshot& snapshot, bool mended) {
  Row row;
  const Snapshot::Lookup found = snapshot.get(key, row);
  if (is_base_key(key) || (found == Snapshot::Lookup::kMissing && (in_base(snapshot, key) || in_waiting_base(snapshot, key)))) return;
  if (found == Snapshot::Lookup::kDamaged) {
    if (ghost.rotten) return;
    throw Violation('K', at.name + ": the row of " + cell_in_words(key) + " is damaged, and nothing damaged it");
  }
  const Content content = found == Snapshot::Lookup::kFound ? row.content : Content{};
  const bool came_again = ghost.in_rotten_base && found != Snapshot::Lookup::kMissing;
  if (ghost.in_rotten_base && !came_again) return;
  ghost.in_rotten_base = false;
  if (ghost.rotten) {
    if (found == Snapshot::Lookup::kMissing) return;
    if (!mended && !came_again) throw Violation('K', at.name + " shows the damaged " + cell_in_words(key) + ", which nobody mended: " + in_words(content));
    if (!ghost.covers(content)) {
      throw Violation('K', at.name + " shows of the damaged " + cell_in_words(key) + " what it never held: " + in_words(content));
    }
    ghost = GhostCell{};
    ghost.join(content);
    return;
  }
  if (found == Snapshot::Lookup::kFound && ghost.equals(content)) return;
  // A retired life that comes back from an old table holds back floors until it is retired again, and no more.
  if (life_of_store_key(key) && !ghost.present()) {
    ghost = GhostCell{};
    ghost.join(content);
    return;
  }
  const Timestamp horizon{meta::decode_number(snapshot.meta(meta::kHorizon))};
  if (ghost.collects_to(content, horizon)) return;
  // An operator went on with a disk of which nobody is left who knows what was removed since: `kith recover` says so.
  if (!recovered_.empty() && ghost.collects_to(ghost.without_returned(content, horizon), horizon)) {
    ghost = GhostCell{};
    ghost.join(content);
    return excuse_lost(started_machines(), &key);
  }
  const bool shown = found == Snapshot::Lookup::kFound && content.present();
  throw Violation(ghost.present() && !shown ? 'D' : !ghost.present() && shown ? 'G' : 'K',
                  at.name + " holds of " + cell_in_words(key) + ": " + in_words(content) + "; must hold: " + in_words(ghost) +
                      (horizon ? "; its horizon is " + std::to_string(horizon.ms() % 1'000'000) : ""));
}

void Judge::left(const std::vector<Machine*>& machines) {
  if (!rotted_.empty()) excuse_lost({machines.begin(), machines.end()});
}

void Judge::recovered(const Machine& at) {
  const NodeId node{meta::decode_number(at.disk.store->snapshot()->meta(meta::kNodeId))};
  recovered_.insert(store_key(kSystemShard, evicted_cell(node)));
}

void Judge::disk_lost(const std::vector<Machine*>& machines, const std::string& node) {
  disk_destroyed_ = true;
  rolled_back_.insert(node);
  excuse_lost({machines.begin(), machines.end()});
}

// What a rebase took out tells nobody that it was removed before the rebase is done: then the horizon does, and with it the fence.
bool Judge::only_taken_out(const Machine& at, const Effect& effect, const GhostCell& ghost) const {
  const Timestamp horizon = horizon_of(at);
  return std::any_of(effect.removed.begin(), effect.removed.end(), [&](const auto& removal) {
    const auto& removed = ghost.removed();
    const auto known = std::find_if(removed.begin(), removed.end(), [&, actor = removal.first](const auto& item) { return item.actor == actor; });
    if (known == removed.end() || known->commit != Commit{}) return false;
    const auto committed = oracle_.removal_commit(effect.cell, removal.first, removal.second);
    return !committed || *committed > horizon;
  });
}

void Judge::excuse_lost(const std::vector<const Machine*>& machines, const StoreKey* only_cell) {
  marks_["writes lost with their disk"] += oracle_.excuse([&](const Effect& effect) {
    return std::any_of(machines.begin(), machines.end(), [&](const Machine* machine) {
      const auto ghost = machine->disk.ghost.find(effect.cell);
      return !machine->gone && !machine->disk.observer && ghost != machine->disk.ghost.end() && !ghost->second.rotten && !ghost->second.in_rotten_base &&
             effect.held_by(ghost->second) && !only_taken_out(*machine, effect, ghost->second);
    });
  }, only_cell);
}

void Judge::row_rotten(const std::vector<Machine*>& machines, Machine& at, const StoreKey& key) {
  if (is_base_key(key)) base_rotten(at, key);
  const auto ghost = at.disk.ghost.find(key);
  if (ghost == at.disk.ghost.end() && !is_base_key(key)) return;
  if (ghost != at.disk.ghost.end()) ghost->second.rotten = true;
  rotted_[key].insert(at.disk.node_name);
  excuse_lost({machines.begin(), machines.end()});
}

}  // namespace kith::sim
