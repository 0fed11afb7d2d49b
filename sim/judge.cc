#include "sim/judge.h"

#include <algorithm>
#include <set>

#include "crdt/counter.h"
#include "crdt/limits.h"
#include "gossip/core.h"
#include "gossip/member_table.h"
#include "gossip/message.h"

namespace kith::sim {

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
  highest_horizon_ = std::max(highest_horizon_, Timestamp{meta::decode_number(snapshot->meta(meta::kHorizon))});
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

std::vector<const Machine*> Judge::started_machines() const {
  std::vector<const Machine*> machines;
  for (const auto& [index, machine] : started_) machines.push_back(machine);
  return machines;
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

}  // namespace kith::sim
