#include "gossip/mend.h"

#include <algorithm>
#include <iterator>

#include "crdt/counter.h"
#include "crdt/limits.h"
#include "gossip/folded_base.h"

namespace kith {
namespace {

constexpr std::size_t kKeysPerFetchMax = 256;
constexpr std::size_t kClocksBytesMax = kMessageBytesMax / 4;  // Of clocks in one answer, so that they always fit.
constexpr std::size_t kDamagedMax = 64 * 1024;  // A disk with more damage than this wants to be replaced, not mended.

std::string printable(const StoreKey& key) {
  std::string out;
  for (const char c : key.substr(std::min<std::size_t>(key.size(), 2))) {
    if (c >= 0x20 && c < 0x7f) out += c;
    else if (!out.empty() && out.back() != ' ') out += ' ';
  }
  return out;
}

// What of it is above the fence by its tag and by its commit.  SUBTLE: of one tag that was committed twice the earlier commit may
// be below; by both, so is whatever has removed it.
Content above(const Content& content, Timestamp fence) {
  Content out = content.where([&](const Commit& commit) { return commit.at > fence; });
  if (out.holds(Kind::kSet)) out.as_set_element().keep_adds([&](ActorId, const Entry& add) { return add.at > fence; });
  else if (out.as_register().tag().at <= fence) out = Content(Register{});
  return out;
}

}  // namespace

void Mend::load() {
  for (const auto& key : core_.store.snapshot()->damaged(kDamagedMax)) {
    damaged_[key].claimed = core_.clocks.held(shard_of_store_key(key));
  }
}

void Mend::begin() {
  for (const auto& [key, damage] : damaged_) core_.set_back(shard_of_store_key(key));
}

// Of the member table there is a copy in memory, made when the row could be read, and joined with all that came since.
bool Mend::found_in_memory(const StoreKey& key) {
  if (shard_of_store_key(key) != kSystemShard) return false;
  const auto mend = [&](const CellKey& cell, const Content& content) {
    if (store_key(kSystemShard, cell) != key) return false;
    core_.out->store.mend(kSystemShard, cell, content);
    core_.count("rows_mended_from_memory");
    core_.note(Output::Note::Level::kWarning, "a row of the member table on disk was damaged, and written again: check the disk");
    mending_.insert(key);
    damaged_.erase(key);
    return true;
  };
  for (const auto& [node, content] : core_.members.cells()) {
    if (mend(member_cell(node), content)) return true;
  }
  for (const auto& [life, content] : core_.members.lives().cells()) {
    if (mend(life_cell(life.first, life.second), content)) return true;
  }
  for (const auto& [node, content] : core_.members.evicted().cells()) {
    if (mend(evicted_cell(node), content)) return true;
  }
  for (const auto& [life, content] : core_.ended.cells()) {
    if (mend(ended_cell(life.first, life.second), content)) return true;
  }
  return false;
}

void Mend::found(const StoreKey& key) {
  // SUBTLE: of a row that could not be read when this life began, memory has only what was merged in since.
  if (damaged_.size() >= kDamagedMax || mending_.contains(key) || damaged_.contains(key) || found_in_memory(key)) return;
  const auto [at, news] = damaged_.try_emplace(key);
  if (!news) return;
  at->second.claimed = core_.clocks.held(shard_of_store_key(key));
  core_.set_back(shard_of_store_key(key));
  core_.count("rows_found_damaged");
  core_.note(Output::Note::Level::kError, "a row on disk is damaged (" + printable(key) +
                                              "): it is not served, and peers are asked for it; check the disk");
  const auto peers = core_.other_replicas();
  if (!peers.empty()) ask(peers[core_.random.below(peers.size())], {key});
}

void Mend::found_by_commit(const StoreKey& key) {
  if (const auto at = damaged_.find(key); at != damaged_.end()) {
    at->second = Damage{};
    at->second.claimed = core_.clocks.held(shard_of_store_key(key));
    core_.set_back(shard_of_store_key(key));
  }
  found(key);
}

bool Mend::waiting_in(ShardId shard) const {
  return damaged_in(shard) || core_.recalls_in(shard);
}

bool Mend::damaged_in(ShardId shard) const {
  if (damaged_.size() >= kDamagedMax) return true;  // More than is remembered.
  const StoreKey first = shard_prefix(shard);
  const auto at = damaged_.lower_bound(first);
  if (at != damaged_.end() && shard_of_store_key(at->first) == shard) return true;
  const auto mending = mending_.lower_bound(first);
  return mending != mending_.end() && shard_of_store_key(*mending) == shard;
}

void Mend::refused(const StoreKey& key) {
  core_.count("rows_refused_by_store");
  core_.note(Output::Note::Level::kError, "a row (" + printable(key) + ") was not stored: more than " +
                                              std::to_string(kEntriesPerCellMergedMax) +
                                              " sessions wrote to it, or another name has its hash; it stays as it was");
}

bool Mend::waits_for_more_than(const std::vector<NodeId>& these) const {
  std::vector<NodeId> others;
  std::set_difference(core_.other_replicas().begin(), core_.other_replicas().end(), these.begin(), these.end(), std::back_inserter(others));
  return std::any_of(damaged_.begin(), damaged_.end(), [&](const auto& item) {
    return std::any_of(others.begin(), others.end(), [&](NodeId peer) { return !item.second.answered.contains(peer); });
  });
}

void Mend::round() {
  std::vector<NodeId> to_ask;  // Who has not answered for some row.
  for (const NodeId peer : core_.awaited()) {
    if (std::any_of(damaged_.begin(), damaged_.end(), [&](const auto& item) { return !item.second.answered.contains(peer); })) {
      to_ask.push_back(peer);
    }
  }
  if (to_ask.empty()) {
    // Everybody has, and it was not enough: what they hold goes on growing.
    for (auto& [key, damage] : damaged_) damage.answered.clear();
    return;
  }
  const NodeId peer = to_ask[core_.random.below(to_ask.size())];
  ask(peer, unanswered_by(peer));
}

std::vector<StoreKey> Mend::unanswered_by(NodeId peer) const {
  std::vector<StoreKey> keys;
  for (const auto& [key, damage] : damaged_) {
    if (keys.size() == kKeysPerFetchMax) break;
    if (!damage.answered.contains(peer)) keys.push_back(key);
  }
  return keys;
}

void Mend::ask(NodeId peer, const std::vector<StoreKey>& keys) {
  if (!keys.empty()) core_.send(peer, FetchBody{keys});
}

void Mend::on_fetch(const Envelope& from, const FetchBody& body) {
  const auto snapshot = core_.store.snapshot();
  MendedBody answer;
  std::size_t bytes = 0;
  const auto vouch = [&](ShardId shard) {
    // SUBTLE: a node that is coming back waits for the asker to be sound, so it answers; but of what it has the asker takes
    // only what its own clock claimed.
    if (core_.returning) return;
    if (!answer.clocks.empty() && answer.clocks.back().first == shard) return;
    if (damaged_in(shard)) return;  // Our own clock claims what we have lost.
    // SUBTLE: of rows that are recalled here; of others we vouch, or two that recall would wait for each other.
    const auto recalled = [&](const StoreKey& key) { return shard_of_store_key(key) == shard && core_.to_recall.contains(key); };
    if (std::any_of(body.keys.begin(), body.keys.end(), recalled)) return;
    CommitClock clock = snapshot->held(shard);
    if (bytes + clock.size() * 16 > kClocksBytesMax) return;
    bytes += clock.size() * 16;
    answer.clocks.emplace_back(shard, std::move(clock));
  };
  // SUBTLE: what is in the batch at hand is not in the snapshot yet; "nothing" or less than all would be taken at its word.
  std::set<StoreKey> pending;
  std::set<StoreKey> pending_counters;  // By the keys of their bases.
  for (const auto& change : core_.out->store.cells()) {
    StoreKey key = store_key(change.shard, change.cell);
    if (change.cell.kind == Kind::kCounter) pending_counters.insert(base_store_key(key));
    pending.insert(std::move(key));
  }
  // What does not fit is asked for again.
  const auto fits = [&](std::size_t more) { return bytes == 0 || bytes + more <= core_.options.answer_bytes_max; };
  const auto add = [&](ShardId shard, const Row& row) {
    if (answer.parts.empty() || answer.parts.back().shard != shard) answer.parts.push_back({shard, {}});
    answer.parts.back().cells.append(row.cell, row.content);
    bytes += row.bytes;
  };
  std::set<StoreKey> bases;  // In the answer.
  for (const auto& key : body.keys) {
    if (pending.contains(key)) continue;  // Also asked for again.
    const bool is_base = is_base_store_key(key);
    if (is_base && pending_counters.contains(key)) continue;
    const auto tag = increment_tag_of_store_key(key);
    Row row, base;
    const bool in_base = tag && snapshot->get(base_store_key(key), base) == Snapshot::Lookup::kFound &&
                         base.content.as_register().tag().at >= tag->at;
    auto lookup = snapshot->get(key, row);
    // SUBTLE: who lacks something below its horizon may not fold for it.
    if (is_base && lookup != Snapshot::Lookup::kDamaged && core_.floor() >= from.horizon) {
      auto folded = base_folded_to(*snapshot, key, from.horizon);
      if (folded && folded->damaged) found(*folded->damaged);
      if (!folded || folded->damaged) continue;
      lookup = folded->lookup;
      row = std::move(folded->row);
    }
    // SUBTLE: that there is nothing would be taken at its word, and the row given up: it must be certain.
    const auto beside = lookup == Snapshot::Lookup::kMissing ? snapshot->damage_beside(key) : std::nullopt;
    switch (beside ? Snapshot::Lookup::kDamaged : lookup) {
      case Snapshot::Lookup::kMissing:
        if (!fits(key.size() + (in_base ? base.bytes : 0))) break;
        if (in_base && bases.insert(base_store_key(key)).second) add(shard_of_store_key(key), base);
        answer.missing.push_back(key);
        bytes += key.size();
        vouch(shard_of_store_key(key));
        break;
      case Snapshot::Lookup::kDamaged:
        found(beside ? *beside : key);
        if (!fits(key.size())) break;
        answer.damaged.push_back(key);
        bytes += key.size();
        break;
      case Snapshot::Lookup::kFound: {
        if (!fits(row.bytes)) break;
        const ShardId shard = shard_of_store_key(key);
        add(shard, row);
        vouch(shard);
        break;
      }
    }
  }
  if (!answer.parts.empty() || !answer.missing.empty() || !answer.damaged.empty()) core_.send(from.sender, std::move(answer));
}

void Mend::on_mended(const Envelope& from, const MendedBody& body, bool admitted) {
  const std::vector<StoreKey> before = unanswered_by(from.sender);
  take_in(from, body, admitted);
  // What did not fit into this answer.  SUBTLE: an answer that told of nothing new is followed by no question, or there would
  // be no end.
  const std::vector<StoreKey> left = unanswered_by(from.sender);
  if (left != before) ask(from.sender, left);
}

// SUBTLE: of who is coming back, or cannot vouch for its shard, what nobody may have may be among it.  What our own clock claimed we had.
Content Mend::claimed_of(const Content& content, const Damage& damage) {
  return content.where([&](const Commit& commit) { return covers(damage.claimed, commit); });
}

void Mend::take_in(const Envelope& from, const MendedBody& body, bool admitted) {
  if (!admitted) return take_in_fenced(from, body);
  std::vector<std::vector<Cell>> parts;
  for (const auto& part : body.parts) {
    auto cells = core_.read_cells(part.shard, part.cells);
    if (!cells) return core_.count("dropped_bad_cells");
    parts.push_back(*std::move(cells));
  }
  const auto clock_of = [&](ShardId shard) -> const CommitClock* {
    for (const auto& [of, clock] : body.clocks) {
      if (of == shard) return &clock;
    }
    return nullptr;
  };
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const ShardId shard = body.parts[i].shard;
    for (Cell& cell : parts[i]) {
      const StoreKey key = store_key(shard, cell.key);
      if (const auto damage = damaged_.find(key); damage != damaged_.end() && clock_of(shard) == nullptr && !is_base(cell.key)) {
        cell.content = claimed_of(cell.content, damage->second);
        if (cell.content.empty()) {
          answered(key, from.sender, nullptr, nullptr);
          continue;
        }
      }
      if (is_base(cell.key) && covers_damage(key, cell)) core_.merge(shard, cell.key, cell.content);
      answered(key, from.sender, &cell, clock_of(shard));
    }
  }
  for (const auto& key : body.missing) answered(key, from.sender, nullptr, clock_of(shard_of_store_key(key)));
  // SUBTLE: it cannot help, and waits for the others as we do: two who waited for each other would wait for ever.
  for (const auto& key : body.damaged) answered(key, from.sender, nullptr, nullptr);
}

// What it holds may have been removed and forgotten, so that does not help; nor does it keep us waiting, since it cannot come back
// before our shard is sound (gossip/rebase.h).  Of who is in good standing, while we are not, what our own clock claimed does: it is there still.
void Mend::take_in_fenced(const Envelope& from, const MendedBody& body) {
  const Timestamp fence = std::max(core_.horizon, core_.highest_horizon);
  for (const auto& part : body.parts) {
    const auto cells = core_.read_cells(part.shard, part.cells);
    if (!cells) return core_.count("dropped_bad_cells");
    for (Cell cell : *cells) {
      const StoreKey key = store_key(part.shard, cell.key);
      const auto damage = damaged_.find(key);
      if (damage == damaged_.end()) continue;
      const Content claimed = from.floor >= fence && !is_base(cell.key) ? claimed_of(cell.content, damage->second) : Content(cell.key.kind);
      cell.content = is_base(cell.key) ? Content(Register{}) : above(cell.content, fence);
      (void)cell.content.join(claimed);
      if (!from.floor) cell.content = claimed_of(cell.content, damage->second);
      answered(key, from.sender, cell.content.empty() ? nullptr : &cell, nullptr);
    }
  }
  for (const auto& key : body.missing) answered(key, from.sender, nullptr, nullptr);
  for (const auto& key : body.damaged) answered(key, from.sender, nullptr, nullptr);
}

// SUBTLE: after its vote this node takes nothing more from it (gossip/eviction.h); what its own clock claimed is nothing more.
void Mend::on_mended_by_outcast(NodeId from, const MendedBody& body) {
  for (const auto& part : body.parts) {
    const auto cells = core_.read_cells(part.shard, part.cells);
    if (!cells) return core_.count("dropped_bad_cells");
    for (Cell cell : *cells) {
      const StoreKey key = store_key(part.shard, cell.key);
      const auto damage = damaged_.find(key);
      if (damage == damaged_.end()) continue;
      cell.content = claimed_of(cell.content, damage->second);
      answered(key, from, cell.content.empty() ? nullptr : &cell, nullptr);
    }
  }
  for (const auto& key : body.missing) answered(key, from, nullptr, nullptr);
  for (const auto& key : body.damaged) answered(key, from, nullptr, nullptr);
}

// SUBTLE: where a row of the member table was lost there may be a member that we do not know to ask: until somebody, or it
// itself, tells us of it.
bool Mend::knows_all_members() const {
  if (!waiting_in(kSystemShard)) return true;
  std::set<StoreKey> known;
  const CellKey life = life_cell(NodeId{1}, OriginId{1});  // These hide no member.
  const StoreKey lives = value_prefix(kSystemShard, life.table, life.key, life.kind);
  const CellKey over = ended_cell(NodeId{1}, OriginId{1});
  const StoreKey ended = value_prefix(kSystemShard, over.table, over.key, over.kind);
  const CellKey out = evicted_cell(NodeId{1});
  const StoreKey evicted = value_prefix(kSystemShard, out.table, out.key, out.kind);
  for (const auto& [node, content] : core_.members.cells()) known.insert(store_key(kSystemShard, member_cell(node)));
  const auto from = damaged_.lower_bound(shard_prefix(kSystemShard));
  return std::all_of(from, damaged_.end(), [&](const auto& item) {
    return shard_of_store_key(item.first) != kSystemShard || known.contains(item.first) || item.first.starts_with(lives) ||
           item.first.starts_with(ended) || item.first.starts_with(evicted);
  });
}

bool Mend::settled(const Damage& damage) const {
  const bool covered = std::all_of(damage.claimed.begin(), damage.claimed.end(), [&](const auto& claim) {
    if (!core_.clocks.knows(claim.first)) return true;  // Retired since: everybody holds it.
    const auto at = damage.covered.find(claim.first);
    return at != damage.covered.end() && at->second >= claim.second;
  });
  if (covered || !knows_all_members()) return covered;
  // SUBTLE: who is about to be evicted and is silent may never answer, and the eviction waits for this node to be sound.
  const auto peers = core_.awaited();
  return std::all_of(peers.begin(), peers.end(), [&](NodeId peer) { return damage.answered.contains(peer); });
}

// SUBTLE: what was merged into a row while it could not be read is in no sum, so a rebase did not come upon it.  Below our horizon
// what others have seen, and hold no more, was removed, and they have forgotten that.
void Mend::batch_is_durable() {
  for (const auto& [key, damage] : std::exchange(settled_, {})) {
    Row row;
    if (shard_of_store_key(key) == kSystemShard || core_.store.snapshot()->get(key, row) != Snapshot::Lookup::kFound) continue;
    if (row.cell.kind == Kind::kCounter) continue;
    const auto over = [&](const Commit& commit) {
      const auto at = damage.covered.find(commit.origin);
      return commit.at <= core_.horizon && (at != damage.covered.end() ? commit.at <= at->second : core_.retired(commit.origin));
    };
    Content gone = row.content;
    if (gone.holds(Kind::kSet)) {
      gone.as_set_element().keep_adds_only([&](ActorId actor, const Entry& add) {
        const Entry* theirs = damage.held ? damage.held->as_set_element().adds().find(actor) : nullptr;
        return over(add.commit) && (theirs == nullptr || theirs->at < add.at);
      });
    } else {
      const bool theirs = damage.held && damage.held->as_register().tag() >= gone.as_register().tag();
      if (theirs || !gone.present() || !over(gone.as_register().commit())) continue;
    }
    if (gone.empty()) continue;
    core_.count("rows_cut_when_mended");
    core_.out->store.drop(key, std::move(gone));
  }
  mending_.clear();
}

bool Mend::covers_damage(const StoreKey& base_key, const Cell& base) const {
  // A counter's keys follow upon that of its base, sorted by timestamp.
  const auto first = damaged_.upper_bound(base_key);
  if (first == damaged_.end()) return false;
  const auto tag = increment_tag_of_store_key(first->first);
  return tag && base_store_key(first->first) == base_key && tag->at <= base.content.as_register().tag().at;
}

void Mend::answered(const StoreKey& key, NodeId peer, const Cell* cell, const CommitClock* clock) {
  const auto at = damaged_.find(key);
  if (at == damaged_.end()) return;
  Damage& damage = at->second;
  damage.answered.insert(peer);
  if (clock != nullptr) {
    for (const auto& [origin, held] : *clock) {
      Timestamp& covered = damage.covered[origin];
      covered = std::max(covered, held);
    }
  }
  if (cell != nullptr) {
    damage.any = true;
    if (damage.held) (void)damage.held->join(cell->content);
    else damage.held = cell->content;
    core_.merge(shard_of_store_key(key), cell->key, cell->content);  // Keeps the member table in step.
  }
  if (!settled(damage)) return;
  if (cell != nullptr) {
    core_.out->store.mend(shard_of_store_key(key), cell->key, cell->content);
    core_.expect_expiry(cell->content);
  }
  else core_.out->store.forget_damaged(key);  // What was merged into it is all there is.
  if (damage.any) {
    core_.count("rows_mended");
    core_.note(Output::Note::Level::kInfo, "a damaged row was mended from " + core_.name_of(peer));
  } else {
    core_.count("rows_lost");
    core_.note(Output::Note::Level::kError,
               "a damaged row (" + printable(key) + ") is held by no other member: what it held is lost");
  }
  mending_.insert(key);
  settled_.insert_or_assign(key, std::move(damage));
  damaged_.erase(at);
}

}  // namespace kith
