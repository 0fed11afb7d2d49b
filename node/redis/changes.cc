#include "node/redis/changes.h"

#include <array>
#include <utility>

#include "crdt/counter.h"
#include "node/redis/field_counters.h"

namespace kith::redis {

std::string_view to_string(Event event) {
  static constexpr std::array<std::string_view, kEventCount> kNames = {"set",  "incrby", "sadd",    "srem",     "hset",    "hincrby",
                                                                       "hdel", "expire", "persist", "hexpired", "expired", "del"};
  return kNames[static_cast<std::size_t>(event)];
}

bool Changes::ours(std::string_view table) const { return table == table_ || table == kFieldTable; }

Changes::Cell Changes::cell_in(const Snapshot& snapshot, const StoreKey& key) {
  Cell out;
  Row row;
  if (snapshot.get(key, row) != Snapshot::Lookup::kFound) return out;
  out.name = std::move(row.cell);
  out.present = row.content.present();
  if (!out.present || out.name.kind == Kind::kSet) return out;
  out.value = row.content.as_register().value();
  out.expires_at_ms = row.content.as_register().expires_at_ms();
  return out;
}

void Changes::look_at_counter(const Snapshot& snapshot, ShardId shard, const CellKey& cell) {
  const auto [at, is_new] = counters_.try_emplace({shard, base_cell(cell.table, cell.key)});
  if (!is_new) return;
  CounterState state;
  (void)snapshot.counter(shard, cell.table, cell.key, state);
  at->second = state.sum;
}

// A row under a key of which the batch does not say the name.
void Changes::look_at(const Snapshot& snapshot, const StoreKey& key) {
  const auto name = parse_value_key(value_of_store_key(key));
  if (!name || !ours(name->table)) return;
  if (name->kind == Kind::kCounter) {
    if (name->whole) look_at_counter(snapshot, shard_of_store_key(key), {name->table, name->key, Kind::kCounter, ""});
    return;
  }
  cells_.try_emplace(key, cell_in(snapshot, key));
}

void Changes::before(const StoreBatch& batch) {
  cells_.clear();
  counters_.clear();
  over_.clear();
  changed_.clear();
  const auto snapshot = store_.snapshot();
  for (const StoreBatch::CellDelta& it : batch.cells()) {
    if (!ours(it.cell.table)) continue;
    if (it.cell.kind == Kind::kCounter) {
      look_at_counter(*snapshot, it.shard, it.cell);
      continue;
    }
    const StoreKey key = store_key(it.shard, it.cell);
    cells_.try_emplace(key, cell_in(*snapshot, key));
  }
  for (const auto& [key, these] : batch.dropped()) look_at(*snapshot, key);
  for (const StoreBatch::Redone& redone : batch.redone()) {
    look_at(*snapshot, redone.key);
    if (!redone.as.empty()) look_at(*snapshot, redone.as);
  }
  std::size_t passed = 0;
  if (batch.passing().limit == 0) return;
  snapshot->expiries(Snapshot::Expiries::kNotPassed, [&](const Snapshot::Expiry& expiry) {
    if (expiry.over_at_ms > batch.passing().now_ms || ++passed > batch.passing().limit) return false;
    Row row;
    if (snapshot->get(expiry.key, row) == Snapshot::Lookup::kFound && row.cell.table == table_ &&
        row.content.over_at_ms() == expiry.over_at_ms) {
      over_.push_back(std::move(row.cell));
    }
    return true;
  });
}

KeyChange& Changes::change_of(const std::string& key) {
  KeyChange& out = changed_[key];
  if (out.key.empty()) out.key = key;
  return out;
}

void Changes::compare(const Cell& old, const Cell& now) {
  const CellKey& name = now.name.key.empty() ? old.name : now.name;
  if (name.key.empty() || name.table != table_ || (old.present == now.present && old.value == now.value && old.expires_at_ms == now.expires_at_ms)) return;
  KeyChange& change = change_of(name.key);
  if (name.kind == Kind::kSet) return change.add(now.present ? Event::kSadd : Event::kSrem);
  const bool field = name.kind == Kind::kHash;
  if (!now.present) return change.add(field ? Event::kHdel : Event::kDel);
  if (!old.present || old.value != now.value) change.add(field ? Event::kHset : Event::kSet);
  if (old.expires_at_ms == now.expires_at_ms) return;
  // A value that is set anew without a time lasts: that goes without saying.
  if (now.expires_at_ms != 0) change.add(Event::kExpire);
  if (now.expires_at_ms == 0 && old.present && old.value == now.value) change.add(Event::kPersist);
}

bool Changes::shows(const Snapshot& snapshot, std::uint32_t shard_count, const std::string& key, std::int64_t now_ms) const {
  if (snapshot.count(table_, key, Kind::kSet) > 0 || snapshot.count(table_, key, Kind::kHash) > 0) return true;
  const ShardId shard = shard_of(table_, key, shard_count);
  Row row;
  if (snapshot.get(shard, {table_, key, Kind::kRegister, ""}, row) != Snapshot::Lookup::kMissing && row.content.shows_at(now_ms)) return true;
  CounterState state;
  if (snapshot.counter(shard, table_, key, state) == Snapshot::Lookup::kFound && state.sum.shown() != 0) return true;
  bool any = false;
  snapshot.keys(kFieldTable, field_counters_of(table_, key), std::nullopt, [&](const KeyCount& count) {
    any = count.kind == Kind::kCounter && count.total != 0;
    return !any;
  });
  return any;
}

std::vector<KeyChange> Changes::after(std::uint32_t shard_count, std::int64_t now_ms) {
  std::vector<KeyChange> out;
  if (shard_count == 0) return out;
  const auto snapshot = store_.snapshot();
  for (const auto& [key, old] : cells_) compare(old, cell_in(*snapshot, key));
  for (const auto& [counter, old] : counters_) {
    const CellKey& name = counter.second;
    CounterState state;
    (void)snapshot->counter(counter.first, name.table, name.key, state);
    if (state.sum == old) continue;
    if (name.table == table_) {
      change_of(name.key).add(Event::kIncrby);
    } else if (const auto field = parse_field_counter(table_, name.key)) {
      change_of(field->key).add(Event::kHincrby);
    }
  }
  for (const CellKey& cell : over_) change_of(cell.key).add(cell.kind == Kind::kHash ? Event::kHexpired : Event::kExpired);
  for (auto& [key, change] : changed_) {
    if (change.events == 0) continue;
    const bool goes = change.has(Event::kSrem) || change.has(Event::kHdel) || change.has(Event::kHexpired) || change.has(Event::kIncrby) || change.has(Event::kHincrby);
    if (goes && !change.has(Event::kDel) && !shows(*snapshot, shard_count, key, now_ms)) change.add(Event::kDel);
    // What sets or removes takes out what was counted: one event says it.
    if (change.has(Event::kSet) || change.has(Event::kDel)) change.drop(Event::kIncrby);
    if (change.has(Event::kHset) || change.has(Event::kHdel) || change.has(Event::kDel)) change.drop(Event::kHincrby);
    out.push_back(std::move(change));
  }
  cells_.clear();
  counters_.clear();
  over_.clear();
  changed_.clear();
  return out;
}

}  // namespace kith::redis
