#include "gossip/collector.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "crdt/counter.h"

namespace kith {

void Collector::begin() { next_at_ms_ = core_.now.monotonic_ms + core_.options.gossip_interval_ms; }

void Collector::batch_is_durable(const CommitReport& report) { changed_ = changed_ || report.rows_changed > 0; }

void Collector::tick() {
  if (!core_.options.collect || core_.now.monotonic_ms < next_at_ms_ || !core_.joined()) return;
  next_at_ms_ = core_.now.monotonic_ms + (waits_ ? pass_every_ms() : core_.options.gossip_interval_ms);
  if (waits_) (void)core_.promise_of_step();  // With every push the others hear of it, and what waits everywhere can go.
  const Timestamp horizon = std::max(horizon_.candidate(), core_.horizon);
  if (!horizon || core_.behind || core_.redoing) return;
  const bool pass = at_work() || begin_pass(horizon);
  const auto snapshot = core_.store.snapshot();
  Work work;
  folded_before_ = std::exchange(folded_, {});
  work.rows += collect_expired(*snapshot, horizon);
  if (pass) {
    if (collecting_) collect(horizon, work);
    else gather(*snapshot, horizon, work);
    core_.count("collector_shards", work.shards);
    core_.count("collector_entries", work.entries);
    core_.count("collector_reads", work.reads);
  }
  if (at_work() || expired_left_) next_at_ms_ = core_.now.monotonic_ms + kPauseMs;
  if (work.rows > 0) horizon_.raise(horizon);
}

// SUBTLE: with those that are over in the very millisecond of the horizon it waits: all before are settled for certain.
std::size_t Collector::collect_expired(const Snapshot& snapshot, Timestamp horizon) {
  std::size_t rows = 0, looked_at = 0;
  expired_left_ = false;
  snapshot.expiries(Snapshot::Expiries::kAll, [&](const Snapshot::Expiry& it) {
    if (it.over_at_ms >= horizon.ms()) return false;
    if (++looked_at > kExpiredPerStep) {
      expired_left_ = true;
      return false;
    }
    Row row;
    const auto found = snapshot.get(it.key, row);
    if (found == Snapshot::Lookup::kDamaged) return true;  // What it is mended with has an entry of its own, or this one.
    if (found == Snapshot::Lookup::kMissing || row.content.over_at_ms() != it.over_at_ms) {
      core_.out->store.forget_expiry(it.entry);
      return true;
    }
    if (!snapshot.passed(it.key, row.content)) return false;
    ++rows;
    core_.out->store.collect(it.key, horizon);
    core_.count("rows_expired");
    return true;
  });
  return rows;
}

bool Collector::begin_pass(Timestamp horizon) {
  if (core_.now.monotonic_ms < pass_at_ms_ || (!changed_ && !(waits_ && horizon > passed_at_))) return false;
  pass_at_ms_ = core_.now.monotonic_ms + pass_every_ms();
  for (std::uint32_t shard = 0; shard < core_.self.shard_count; ++shard) to_read_.push_back(static_cast<ShardId>(shard));
  to_read_.push_back(kSystemShard);
  passed_at_ = horizon;
  waits_ = changed_ = false;
  return true;
}

void Collector::gather(const Snapshot& snapshot, Timestamp horizon, Work& work) {
  for (bool within = true; within && !to_read_.empty() && work.shards < kShardsPerStep;) {
    const ShardId shard = to_read_.front();
    to_read_.pop_front();
    within = read(snapshot, shard, horizon, work);
    if (!within) to_read_.push_back(shard);
  }
  ++gather_steps_;
  if (gathered_.empty()) return;
  if (!to_read_.empty() && gathered_.size() < kGatheredMax && gather_steps_ < kGatherStepsMax) return;
  std::sort(gathered_.begin(), gathered_.end(), [](const Gathered& a, const Gathered& b) { return a.key > b.key; });
  collecting_ = true;
  const auto steps = static_cast<std::size_t>(std::max<std::int64_t>(core_.options.gossip_interval_ms / kPauseMs, 1));
  rows_per_step_ = std::clamp(gathered_.size() / steps, core_.options.collect_rows_per_step, kRowsGrowth * core_.options.collect_rows_per_step);
  gather_steps_ = 0;
}

// Gone, damaged or written meanwhile: the store sees when it applies it; and then the row is at the end of the feed, if there is anything to collect.
void Collector::collect(Timestamp horizon, Work& work) {
  for (; !gathered_.empty() && work.rows < rows_per_step_; ++work.rows) {
    core_.out->store.collect(gathered_.back().key, horizon);
    core_.count(gathered_.back().whole ? "rows_collected" : "rows_collected_in_part");
    gathered_.pop_back();
  }
  collecting_ = !gathered_.empty();
}

bool Collector::read(const Snapshot& snapshot, ShardId shard, Timestamp horizon, Work& work) {
  ++work.shards;
  Lsn& up_to = collected_up_to_[shard];
  bool within = true;
  snapshot.collectable_after(shard, up_to, [&](Lsn lsn, std::string_view key) {
    if (work.entries >= kEntriesPerStep || work.reads >= kReadsPerStep || work.rows >= core_.options.collect_rows_per_step ||
        gathered_.size() >= kGatheredMax) {
      return within = false;
    }
    ++work.entries;
    if (key.empty()) {
      up_to = lsn;
      return true;
    }
    ++work.reads;
    Row row;
    StoreKey store_key(key);
    if (snapshot.get(store_key, row) != Snapshot::Lookup::kFound) {  // Damaged: what it is mended with moves to the end.
      up_to = lsn;
      return true;
    }
    if (const auto tag = row.cell.kind == Kind::kCounter ? increment_tag(row.cell.member) : std::nullopt) {
      if (tag->at > horizon) {
        waits_ = true;
        return false;
      }
      // Oldest first, and in one place with all others of its counter: what is folded is gone from the feed by the next step.
      if (folded_.insert(row.cell.key).second) {
        const bool more = folded_before_.contains(row.cell.key);  // Than a step's rows.
        up_to = lsn - 1;  // SUBTLE: what was folded before it is gone from the feed, and would be stepped over again with each step.
        work.rows += core_.options.collect_rows_per_step;
        core_.out->store.fold({shard, row.cell.table, row.cell.key, horizon, (more ? kFoldGrowth : 1) * core_.options.collect_rows_per_step});
        core_.count("counters_folded");
      }
      return within = false;
    }
    Content& left = row.content;
    if (left.collect(horizon)) gathered_.push_back({std::move(store_key), left.empty()});
    // SUBTLE: what is not settled yet will be; until then what is behind it waits, at most one retry window.
    if (left.collectable()) {
      waits_ = true;
      return false;
    }
    up_to = lsn;
    return true;
  });
  return within;
}

}  // namespace kith
