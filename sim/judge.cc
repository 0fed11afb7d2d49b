#include "sim/judge.h"

#include <algorithm>
#include <set>

#include "crdt/counter.h"
#include "crdt/limits.h"
#include "gossip/core.h"
#include "gossip/ended_lives.h"
#include "gossip/evicted_table.h"
#include "gossip/member_table.h"
#include "gossip/message.h"

namespace kith::sim {
namespace {

Timestamp horizon_of(const Machine& at) { return Timestamp{meta::decode_number(at.disk.store->snapshot()->meta(meta::kHorizon))}; }

constexpr std::int64_t kOverMs = 2000;  // By then every node has passed what expired: some skew and a full second.
constexpr std::int64_t kAheadMs = 100;  // What a full counter and a step that takes its time may add.

Kind kind_of(const Operation& operation) {
  const Verb verb = operation.verb;
  if (verb == Verb::kExpire || verb == Verb::kPersist) return operation.members.empty() ? Kind::kRegister : Kind::kHash;
  if (verb == Verb::kSetAdd || verb == Verb::kSetRemove) return Kind::kSet;
  if (verb == Verb::kIncrement) return Kind::kCounter;
  return verb == Verb::kHashSet || verb == Verb::kHashDelete ? Kind::kHash : Kind::kRegister;
}

// Of an increment without a tag nothing: what it wrote is known when the node has taken it in.
std::vector<std::string> members_of(const Operation& operation) {
  if (operation.verb == Verb::kIncrement) {
    return operation.tag ? std::vector{increment_member(*operation.tag)} : std::vector<std::string>{};
  }
  if (operation.verb == Verb::kSet || operation.verb == Verb::kDelete) return {""};
  if (kind_of(operation) == Kind::kRegister) return {""};
  std::vector<std::string> members = operation.members;
  for (const auto& [field, value] : operation.fields) members.push_back(field);
  return members;
}

bool life_of_store_key(const StoreKey& key) {
  static const CellKey any = life_cell(NodeId{1}, OriginId{1});
  static const StoreKey prefix = value_prefix(kSystemShard, any.table, any.key, any.kind);
  static const CellKey over = ended_cell(NodeId{1}, OriginId{1});
  static const StoreKey ended = value_prefix(kSystemShard, over.table, over.key, over.kind);
  return key.starts_with(prefix) || key.starts_with(ended);
}

std::map<StoreKey, Content> contents_of(const Machine& at) {
  std::map<StoreKey, Content> out;
  at.disk.store->snapshot()->scan({}, {}, [&](const StoreKey& key, const Row* row) {
    if (row != nullptr) out.emplace(key, row->content);
    return true;
  });
  return out;
}

}  // namespace

void Judge::on_start(const Machine& at, std::int64_t now_us) {
  const EngineHealth status = const_cast<Machine&>(at).engine().health(at.instant(now_us));
  if (!origins_.insert(status.origin).second) throw Violation('U', at.name + " began a life under an origin that was used before");
  if (status.start <= at.disk.last_commit) {
    throw Violation('U', at.name + " began a life at " + std::to_string(status.start.ms() % 1'000'000) +
                             ", not above what its former life committed at " +
                             std::to_string(at.disk.last_commit.ms() % 1'000'000));
  }
  const auto record = at.disk.ghost.find(store_key(kSystemShard, member_cell(status.node)));
  if (record != at.disk.ghost.end() && record->second.value()) {
    const auto former = decode_member_record(*record->second.value());
    if (former && !record->second.rotten && former->lives.back().start >= status.start) {
      throw Violation('U', at.name + " began a life at " + std::to_string(status.start.ms() % 1'000'000) +
                               ", not above a life of its own that its disk knows, of " +
                               std::to_string(former->lives.back().start.ms() % 1'000'000));
    }
  }
  current_origin_[at.index] = status.origin;
  started_[at.index] = &at;
  claims_.forget(at.index);
  for (const auto& [key, ghost] : at.disk.ghost) {
    time_went_back_ |= ghost.tag().at > status.start;
    for (const auto& add : ghost.adds()) time_went_back_ |= add.at > status.start;
  }
}

OriginId Judge::origin_of(const Machine& at) const {
  const auto it = current_origin_.find(at.index);
  return it == current_origin_.end() ? OriginId{} : it->second;
}

void Judge::before_operation(const Machine& at, const Operation& operation, std::int64_t now_us) {
  Attempt attempt{operation, {}, at.index, at.lives(), 0, 0, false};
  Machine& machine = const_cast<Machine&>(at);
  if (operation.tag) {
    attempt.age_ms = machine.engine().time(at.instant(now_us)).ms() - operation.tag->at.ms();
    attempt.ahead_ms = operation.tag->at.ms() - at.clock.wall_ms(now_us);
    tags_.try_emplace(*operation.tag, false);
  }
  for (const auto& member : members_of(operation)) {
    const CellKey cell{operation.table, operation.key, kind_of(operation), member};
    Seen seen{store_key(shard_of(cell, scenario_.shard_count), cell), {}, {}, {}, {}, true};
    GhostCell known;
    if (const auto ghost = at.disk.ghost.find(seen.cell); ghost != at.disk.ghost.end()) known = ghost->second;
    seen.certain = !known.rotten;
    if (const Content* pending = at.output().store.pending(cell)) {
      seen.pending = *pending;
      known.join(*pending);
    }
    seen.tag = known.tag();
    seen.value = known.value();
    seen.shown = known.value() && !known.expired(std::max(machine.time_ms(now_us), operation.tag ? operation.tag->at.ms() : 0) + kAheadMs);
    for (const auto& removal : known.removed()) seen.removed.emplace_back(removal.actor, removal.at);
    seen.newest = known.tag().at;
    for (const auto& add : known.adds()) {
      seen.adds.emplace_back(add.actor, add.at);
      seen.newest = std::max(seen.newest, add.at);
    }
    attempt.seen.push_back(std::move(seen));
  }
  attempts_.emplace(operation.request, std::move(attempt));
}

void Judge::after_operation(const Machine& at, std::uint64_t request, std::int64_t now_us) {
  const auto attempt = attempts_.find(request);
  if (attempt == attempts_.end()) return;
  const OriginId origin = origin_of(at);
  const Timestamp before = last_commit_[origin];
  const Operation& operation = attempt->second.operation;
  attempt->second.fenced = const_cast<Machine&>(at).engine().health(at.instant(now_us)).clock_fenced;
  auto members = members_of(operation);
  if (operation.verb == Verb::kIncrement && !operation.tag && !at.output().store.cells().empty()) {
    const auto& last = at.output().store.cells().back();
    const bool own = is_increment(last.cell) && last.cell.key == operation.key &&
                     last.delta.as_register().commit().origin == origin;
    if (own && last.delta.as_register().tag().at == last.delta.as_register().commit().at) {
      members.push_back(last.cell.member);
      attempt->second.seen.push_back({store_key(last.shard, last.cell), {}, {}, {}, {}, true});
    }
  }
  for (std::size_t i = 0; i < members.size(); ++i) {
    const Content* pending = at.output().store.pending({operation.table, operation.key, kind_of(operation), members[i]});
    if (pending == nullptr) continue;
    check_delta(at, attempt->second, i, *pending);
    Content own = *pending;
    const auto is_own = [&](const Commit& commit) { return commit.origin == origin && commit.at > before; };
    if (own.holds(Kind::kSet)) own.as_set_element().keep_commits(is_own);
    else own.as_register().keep_commits(is_own);
    if (!own.empty()) stepped_[at.index].emplace_back(attempt->second.seen[i].cell, std::move(own));
  }
}

std::vector<Effect> Judge::effects_of(const Attempt& attempt, const Tag& tag) const {
  std::vector<Effect> effects;
  const Operation& operation = attempt.operation;
  for (std::size_t i = 0; i < attempt.seen.size(); ++i) {
    const Seen& seen = attempt.seen[i];
    if (!seen.certain) continue;
    Effect effect{seen.cell, {}, {}, {}, {}};
    switch (operation.verb) {
      case Verb::kSetAdd: effect.adds.emplace_back(tag.actor, tag.at); break;
      case Verb::kSetRemove:
        for (const auto& [actor, add_at] : seen.adds) {
          if (add_at < tag.at && (actor != tag.actor || !operation.tag)) effect.removed.emplace_back(actor, add_at);
        }
        if (operation.tag) effect.removed.emplace_back(tag.actor, Timestamp{tag.at.value - 1});
        break;
      case Verb::kSet: effect.value = operation.value, effect.tag = tag; break;
      case Verb::kHashSet: effect.value = operation.fields[i].second, effect.tag = tag; break;
      case Verb::kExpire:
      case Verb::kPersist:
        if (seen.tag <= tag) effect.value = seen.value.value_or(""), effect.any_value = true, effect.tag = tag;
        break;
      case Verb::kIncrement: effect.value = encode_amount(operation.amount), effect.tag = tag; break;
      case Verb::kDelete:
      case Verb::kHashDelete: effect.tag = tag; break;
    }
    if (!effect.adds.empty() || !effect.removed.empty() || effect.tag.at) effects.push_back(std::move(effect));
  }
  return effects;
}

void Judge::on_reply(const Machine& from, const Reply& reply, const std::vector<Machine*>& machines) {
  const auto at = attempts_.find(reply.request);
  if (at == attempts_.end()) throw Violation('U', from.name + " answered a request twice, or one that nobody made");
  const Attempt attempt = std::move(at->second);
  attempts_.erase(at);
  const bool stale = attempt.operation.tag && attempt.age_ms >= scenario_.engine.retry_window_ms;
  if (reply.outcome == Outcome::kRefused) {
    ++marks_["refused: " + std::string(to_string(reply.code))];
    if (reply.code == Refusal::kRetryWindowPassed && !stale) {
      throw Violation('O', from.name + " refused a tag as too old that is " + std::to_string(attempt.age_ms) + " ms old");
    }
    // SUBTLE: what its disk rotted or lost it need not know of.
    const bool all_shown = std::all_of(attempt.seen.begin(), attempt.seen.end(), [&](const Seen& it) {
      return it.certain && it.shown && (!attempt.operation.tag || it.tag < *attempt.operation.tag);
    });
    if (reply.code == Refusal::kNoValue && all_shown) {
      throw Violation('O', from.name + " said that there is no value where it holds one: " + cell_in_words(attempt.seen.front().cell));
    }
    return;
  }
  if (stale) {
    throw Violation('O', from.name + " took an operation whose tag is " + std::to_string(attempt.age_ms) +
                             " ms old: the retry window had passed");
  }
  if (!attempt.operation.tag && tags_.contains(reply.tag)) throw Violation('U', from.name + " gave out tag " + to_string(reply.tag) + " twice");
  tags_[reply.tag] = true;
  check_answer(from, attempt, reply);
  for (Effect& effect : effects_of(attempt, reply.tag)) {
    auto ghost = from.disk.ghost.find(effect.cell);
    if (ghost == from.disk.ghost.end() || !effect.held_by(ghost->second)) {
      // A retry of what had been done again, in the same batch even, as an operation of today.
      effect = oracle_.as_redone(std::move(effect));
      ghost = from.disk.ghost.find(effect.cell);
    }
    if (ghost == from.disk.ghost.end() || !effect.held_by(ghost->second)) {
      // It was there, and rotted while the answer waited for other replicas.
      const auto rotted = rotted_.find(effect.cell);
      if (rotted != rotted_.end() && rotted->second.contains(from.disk.node_name)) continue;
      throw Violation('D', from.name + " acknowledged a write to " + cell_in_words(effect.cell) + " that is not on its disk" +
                               (ghost == from.disk.ghost.end() ? "" : ", which holds " + in_words(ghost->second)));
    }
    const bool rotten = ghost->second.rotten;
    const StoreKey cell = effect.cell;
    oracle_.acknowledged(std::move(effect));
    // It was durable, and rotted before it was answered.
    if (rotten) excuse_lost(started_machines(), &cell);
  }
  check_replicas(from, attempt, reply, machines);
}

void Judge::on_durable(Machine& at, const StoreBatch& batch, const CommitReport* report, std::int64_t now_us) {
  const OriginId origin = origin_of(at);
  const Timestamp before = last_commit_[origin];
  Timestamp newest;
  if (const auto stepped = stepped_.find(at.index); stepped != stepped_.end()) {
    for (const auto& [key, own] : stepped->second) oracle_.committed(key, own), claims_.committed(shard_of_store_key(key), key, own);
    stepped_.erase(stepped);
  }
  for (const auto& [key, these] : batch.dropped()) {  // As the store does, first.
    Content gone = these;
    for (const auto& redone : batch.redone()) {  // What a rebase takes out, and the same batch does again, is not gone.
      if (redone.key == key && !redone.anew.empty()) (void)gone.drop(redone.these);
    }
    if (!gone.empty()) taken_out(at, key, gone);
  }
  for (const auto& redone : batch.redone()) {
    at.disk.ghost[redone.key].drop(redone.these);
    oracle_.redone(redone);
    if (may_evict()) redone_.insert_these(redone.key, redone.these);
    // SUBTLE: pushed so, though in the batch the same operation may have come under an earlier commit as well.
    const Content own = redone.anew.where([&](const Commit& commit) { return commit.origin == origin && commit.at > before; });
    if (!own.empty()) oracle_.committed(redone.as, own);
    ++marks_["writes done again that nobody had seen"];
  }
  std::vector<StoreKey> keys;
  std::set<StoreKey> mended(batch.forgotten().begin(), batch.forgotten().end());
  for (const auto& change : batch.cells()) {
    if (!judged(change.shard)) continue;
    StoreKey key = store_key(change.shard, change.cell);
    if (report != nullptr && std::find(report->refused.begin(), report->refused.end(), key) != report->refused.end()) {
      throw Violation('B', at.name + ": the store refused a delta for " + cell_in_words(key));
    }
    // What this life commits enters the world here; everything else must be in it already.
    Content own = change.delta, others = change.delta;
    const auto is_own = [&](const Commit& commit) { return commit.origin == origin && commit.at > before; };
    bool has_own = false, has_others = false;
    change.delta.each_commit([&](const Commit& commit) {
      (is_own(commit) ? has_own : has_others) = true;
      if (is_own(commit)) newest = std::max(newest, commit.at);
    });
    if (has_own && has_others) {
      if (change.delta.holds(Kind::kSet)) {
        own.as_set_element().keep_commits(is_own);
        others.as_set_element().keep_commits([&](const Commit& commit) { return !is_own(commit); });
      }
    }
    if (has_own) oracle_.committed(key, own), claims_.committed(change.shard, key, own);
    if (has_others) {
      if (const auto unknown = change.shard == kSystemShard ? std::nullopt : oracle_.unknown_in(key, others)) {
        throw Violation('K', at.name + " stored " + *unknown);
      }
      if (const std::uint64_t what = others.observable_hash(); what != 0 && change.shard != kSystemShard) {
        if (++merges_[scatter(what, std::hash<StoreKey>{}(key), at.index)] == 3) ++marks_["one delta merged three times"];
      }
    }
    at.disk.ghost[key].join(change.delta);
    if (change.mends) mended.insert(key);
    keys.push_back(std::move(key));
  }
  if (newest) {
    // Its own clock may carry it ahead, and what it accepts from peers and clients: a clock beyond max_skew may not.
    const std::int64_t lead_ms = newest.ms() - (kEpochUs + now_us) / 1000;
    const std::int64_t most_ms = at.disk.lead_ms + 3 * scenario_.engine.max_skew_ms + scenario_.engine.lease_ms + kAheadMs;
    if (lead_ms > most_ms) {
      throw Violation('U', at.name + " committed " + std::to_string(lead_ms) + " ms ahead of true time; its clock has been " +
                               std::to_string(at.disk.lead_ms) + " ms ahead");
    }
    last_commit_[origin] = newest;
    at.disk.last_commit = std::max(at.disk.last_commit, newest);
  }
  const auto snapshot = at.disk.store->snapshot();
  for (const StoreKey& key : batch.forgotten()) {
    const auto ghost = at.disk.ghost.find(key);
    if (ghost == at.disk.ghost.end() || !ghost->second.rotten) continue;
    Row row;
    // What was merged in since it rotted is all there is now.
    if (snapshot->get(key, row) == Snapshot::Lookup::kMissing) at.disk.ghost.erase(ghost);
    else keys.push_back(key);
  }
  for (const StoreKey& key : mended) {
    if (is_base_key(key)) base_settled(at, key, *snapshot);
  }
  for (const StoreKey& key : keys) {
    const auto ghost = at.disk.ghost.find(key);
    if (ghost != at.disk.ghost.end()) compare(at, key, ghost->second, *snapshot, mended.contains(key));
  }
  // What was collected, or taken out by a rebase, must not show.
  for (const auto& [key, horizon] : batch.collected()) check_row(at, key, *snapshot);
  for (const auto& [key, these] : batch.dropped()) check_row(at, key, *snapshot);
  for (const auto& redone : batch.redone()) check_row(at, redone.key, *snapshot);
  check_claims(at, batch.held());
}

void Judge::check_row(const Machine& at, const StoreKey& key, const Snapshot& snapshot) {
  auto& ghosts = const_cast<Machine&>(at).disk.ghost;
  if (const auto ghost = ghosts.find(key); ghost != ghosts.end()) compare(at, key, ghost->second, snapshot, false);
}

// Gone it may be only if somebody removed it: that is what the ghost learns here.
void Judge::taken_out(Machine& at, const StoreKey& key, const Content& all) {
  GhostCell& ghost = at.disk.ghost[key];
  if (ghost.rotten) return;
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
    const auto deleted = oracle_.deletion_commit(key, ghost.tag());
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
      if (other == &at || other->gone || theirs == other->disk.ghost.end() || theirs->second.rotten || !entry.commit_in(theirs->second)) continue;
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
  Timestamp horizon, commit = entry.commit;
  std::optional<Timestamp> ended;
  for (const auto& [index, machine] : started_) {
    horizon = std::max(horizon, horizon_of(*machine));
    const auto ghost = machine->disk.ghost.find(entry.cell);
    if (ghost == machine->disk.ghost.end()) continue;
    if (const auto theirs = entry.commit_in(ghost->second)) commit = std::min(commit, theirs->at);
    const auto end = entry.ended_in(ghost->second);
    if (end) ended = std::min(ended.value_or(*end), *end);
  }
  // SUBTLE: all who had seen the removal may have gone back to disks from before it, when it was settled already.
  if (!ended && !rolled_back_.empty()) {
    if (entry.role == Claims::Entry::Role::kAdd) ended = oracle_.removal_commit(entry.cell, entry.actor, entry.at);
    if (entry.role == Claims::Entry::Role::kRegister) ended = oracle_.deletion_commit(entry.cell, {entry.at, entry.actor});
  }
  return ended ? *ended <= horizon : entry.role == Claims::Entry::Role::kRemoval && commit <= horizon;
}

void Judge::compare(const Machine& at, const StoreKey& key, GhostCell& ghost, const Snapshot& snapshot, bool mended) {
  Row row;
  const Snapshot::Lookup found = snapshot.get(key, row);
  if (is_base_key(key) || (found == Snapshot::Lookup::kMissing && in_base(snapshot, key))) return;
  if (found == Snapshot::Lookup::kDamaged) {
    if (ghost.rotten) return;
    throw Violation('K', at.name + ": the row of " + cell_in_words(key) + " is damaged, and nothing damaged it");
  }
  const Content content = found == Snapshot::Lookup::kFound ? row.content : Content{};
  if (ghost.in_rotten_base) {
    if (found == Snapshot::Lookup::kMissing) return;
    ghost.in_rotten_base = false;  // It came again.
  }
  if (ghost.rotten) {
    if (found == Snapshot::Lookup::kMissing) return;
    if (!mended) throw Violation('K', at.name + " shows the damaged " + cell_in_words(key) + ", which nobody mended: " + in_words(content));
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
  const bool shown = found == Snapshot::Lookup::kFound && content.present();
  throw Violation(ghost.present() && !shown ? 'D' : !ghost.present() && shown ? 'G' : 'K',
                  at.name + " holds of " + cell_in_words(key) + ": " + in_words(content) + "; must hold: " + in_words(ghost) +
                      (horizon ? "; its horizon is " + std::to_string(horizon.ms() % 1'000'000) : ""));
}

void Judge::on_send(const Machine& from, const std::string& bytes) {
  if (bytes.size() > kMessageBytesMax) throw Violation('B', from.name + " sent " + std::to_string(bytes.size()) + " bytes in a message");
  if (!check_messages) return;
  Envelope envelope;
  if (decode(bytes, envelope) != FrameError::kNone) throw Violation('K', from.name + " sent bytes that are no message");
  const auto check_cells = [&](ShardId shard, const CellBlock& block) {
    const auto cells = block.read();
    if (!cells) throw Violation('K', from.name + " sent cells that are none");
    if (shard == kSystemShard) return;
    for (const Cell& cell : *cells) {
      if (const auto unknown = oracle_.unknown_in(store_key(shard, cell.key), cell.content)) {
        throw Violation('K', from.name + " sent " + *unknown);
      }
    }
  };
  if (const auto* push = std::get_if<PushBody>(&envelope.body)) {
    for (const auto& part : push->parts) check_cells(part.shard, part.cells);
  } else if (const auto* rows = std::get_if<RowsBody>(&envelope.body)) {
    for (const auto& part : rows->parts) check_cells(part.shard, part.cells);
  } else if (const auto* mended = std::get_if<MendedBody>(&envelope.body)) {
    for (const auto& part : mended->parts) check_cells(part.shard, part.cells);
  }
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

std::vector<const Machine*> Judge::started_machines() const {
  std::vector<const Machine*> machines;
  for (const auto& [index, machine] : started_) machines.push_back(machine);
  return machines;
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
      return !machine->gone && ghost != machine->disk.ghost.end() && !ghost->second.rotten && !ghost->second.in_rotten_base &&
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

void Judge::on_read(const Machine& at, const StoreKey& key, const Content& served, std::int64_t now_ms) const {
  if (is_base_key(key)) return;  // What it holds is judged as a sum.
  const auto ghost = at.disk.ghost.find(key);
  if (ghost != at.disk.ghost.end() && ghost->second.rotten) {
    throw Violation('K', at.name + " served of the damaged " + cell_in_words(key) + ": " + in_words(served));
  }
  GhostCell shown;
  shown.join(served);
  if (shown.expired(now_ms)) {
    throw Violation('O', at.name + " served of " + cell_in_words(key) + " what has expired: " + in_words(served) + "; it is " +
                             std::to_string(now_ms % 1'000'000) + " there");
  }
  if (ghost == at.disk.ghost.end() || !ghost->second.covers(served)) {
    throw Violation('K', at.name + " served of " + cell_in_words(key) + ": " + in_words(served) + "; it holds " +
                             (ghost == at.disk.ghost.end() ? "nothing" : in_words(ghost->second)));
  }
}

// The sum that is kept is that of the rows.
void Judge::on_count(const Machine& at, ShardId shard, const std::string& key, const Snapshot& snapshot) const {
  CounterState state;
  if (snapshot.counter(shard, "t", key, state) == Snapshot::Lookup::kDamaged) return;
  CounterSum rows;
  snapshot.scan(value_prefix(shard, "t", key, Kind::kCounter), {}, [&](const StoreKey&, const Row* row) {
    if (row != nullptr) rows += counter_share(row->cell, row->content);
    return true;
  });
  if (rows == state.sum) return;
  throw Violation('K', at.name + " says that counter '" + key + "' stands at " + std::to_string(state.sum.shown()) +
                           "; its rows add up to " + std::to_string(rows.shown()));
}

bool Judge::equal(const std::vector<Machine*>& machines) const {
  const Machine* first = nullptr;
  for (const Machine* it : machines) {
    if (first == nullptr) {
      first = it;
      continue;
    }
    const auto a = first->disk.store->snapshot(), b = it->disk.store->snapshot();
    if (a->root() != b->root() || a->shard_root(kSystemShard) != b->shard_root(kSystemShard)) return false;
    std::set<ShardId> shards;
    for (const ShardId shard : a->shards()) shards.insert(shard);
    for (const ShardId shard : b->shards()) shards.insert(shard);
    for (const ShardId shard : shards) {
      if (a->held(shard) != b->held(shard)) return false;
    }
  }
  return true;
}

std::string Judge::differences(const std::vector<Machine*>& machines) const {
  std::string out;
  const auto first = contents_of(*machines.front());
  int told = 0;
  for (const Machine* it : machines) {
    const auto mine = contents_of(*it);
    const auto ours = machines.front()->disk.store->snapshot(), theirs = it->disk.store->snapshot();
    std::set<StoreKey> keys;
    for (const auto& [key, content] : first) keys.insert(key);
    for (const auto& [key, content] : mine) keys.insert(key);
    for (const StoreKey& key : keys) {
      const ShardId shard = shard_of_store_key(key);
      if (ours->shard_root(shard) == theirs->shard_root(shard)) continue;  // One has folded, say, what the other has not.
      const auto a = first.find(key), b = mine.find(key);
      const Content one = a == first.end() ? Content{} : a->second, other = b == mine.end() ? Content{} : b->second;
      if (one.observable_hash() == other.observable_hash() || ++told > 3) continue;
      out += "; " + cell_in_words(key) + " is " + in_words(one) + " on " + machines.front()->name + ", " + in_words(other) + " on " + it->name;
    }
    for (const ShardId shard : theirs->shards()) {
      const auto one = ours->held(shard), other = theirs->held(shard);
      const auto differing = std::mismatch(one.begin(), one.end(), other.begin(), other.end());
      if (one == other || ++told > 4) continue;
      const auto entry = [](const CommitClock& clock, auto at) {
        return at == clock.end() ? std::string("nothing more") : in_words(Commit{at->second, at->first});
      };
      out += "; the clocks of shard " + std::to_string(shard) + " differ, first in " + entry(one, differing.first) + " on " +
             machines.front()->name + ", " + entry(other, differing.second) + " on " + it->name;
    }
  }
  return out;
}

void Judge::at_the_end(const std::vector<Machine*>& machines, std::int64_t now_us) {
  for (Machine* machine : machines) {
    const auto snapshot = machine->disk.store->snapshot();
    const auto held = contents_of(*machine);
    for (auto& [key, ghost] : machine->disk.ghost) compare(*machine, key, ghost, *snapshot, false);
    for (const auto& [key, content] : held) {
      if (judged(shard_of_store_key(key)) && !is_base_key(key) && !machine->disk.ghost.contains(key)) {
        throw Violation('K', machine->name + " holds a row of " + cell_in_words(key) + " that nobody put there");
      }
    }
    const auto problems = machine->disk.store->verify();
    if (!problems.empty()) throw Violation('K', machine->name + ": its store does not verify: " + problems.front());
    if (nothing_destroyed()) {
      const auto wrong = oracle_.judge_counters(*snapshot);
      if (wrong) throw Violation(wrong->law, machine->name + ": " + wrong->text);
    }
    if (const auto wrong = oracle_.judge(held, (kEpochUs + now_us) / 1000 - kOverMs)) throw Violation(wrong->law, machine->name + ": " + wrong->text);
  }
  std::set<Tag> unanswered;  // A node may have taken these in, and died before it said so.
  for (const auto& [request, attempt] : attempts_) {
    if (attempt.operation.tag) unanswered.insert(*attempt.operation.tag);
  }
  for (const auto& [tag, accepted] : tags_) {
    if (!accepted && oracle_.knows_tag(tag) && !unanswered.contains(tag)) {
      throw Violation('O', "an operation that every node refused left its mark: tag " + to_string(tag));
    }
  }
}

}  // namespace kith::sim
