#include "sim/recorder.h"

#include <algorithm>
#include <set>

#include "store/records.h"

namespace kith::sim {

Recorder::Recorder(Recording& recording, const Scenario& scenario, const std::vector<std::unique_ptr<Machine>>& machines)
    : recording_(recording), machines_(machines), bytes_(machines.size()), messages_(machines.size()) {
  recording_.scenario = scenario.name;
  recording_.about = scenario.about;
  recording_.end_us = scenario.duration_us;
  recording_.sent_by_node.resize(machines.size());
  for (const auto& machine : machines) recording_.nodes.push_back(machine->name);
  // Some four hundred samples, whatever the run takes.
  recording_.sample_interval_us = std::max<std::int64_t>(100'000, scenario.duration_us / 400);
  if (!scenario.engine.collect) return;
  // Counting goes through the feeds of all nodes, so it is done half as often.
  recording_.garbage_interval_us = 2 * recording_.sample_interval_us;
  recording_.garbage_kept_us = 1000 * (scenario.engine.retry_window_ms + scenario.engine.gossip_interval_ms);
}

void Recorder::reach(std::size_t write, std::uint32_t machine, std::int64_t now_us) {
  std::int64_t& at_us = recording_.writes[write].reached_us[machine];
  if (at_us < 0) at_us = now_us;
}

void Recorder::on_durable(const Machine& at, const StoreBatch& batch, OriginId own, std::int64_t now_us) {
  for (const auto& change : batch.cells()) {
    if (change.shard == kSystemShard) continue;
    if (recording_.garbage_interval_us > 0 && is_collectable(change.cell, change.delta)) {
      bool here = false;
      change.delta.each_commit([&](const Commit& commit) { here |= commit.origin == own; });
      if (here) made_lately_us_.push_back(now_us), ++made_;
    }
    change.delta.each_commit([&](const Commit& commit) {
      auto it = writes_.find(commit);
      if (it == writes_.end()) {
        if (commit.origin != own) return;
        it = writes_.emplace(commit, recording_.writes.size()).first;
        recording_.writes.push_back({now_us, at.index, std::vector<std::int64_t>(machines_.size(), -1)});
        Stream& stream = streams_[{change.shard, own}];
        stream.reached.resize(machines_.size());
        stream.writes.emplace_back(commit.at, it->second);
      }
      reach(it->second, at.index, now_us);
    });
  }
  for (const auto& [which, held] : batch.held()) {
    const auto stream = streams_.find(which);
    if (stream == streams_.end()) continue;
    std::size_t& reached = stream->second.reached[at.index];
    for (; reached < stream->second.writes.size() && stream->second.writes[reached].first <= held; ++reached) {
      reach(stream->second.writes[reached].second, at.index, now_us);
    }
  }
}

void Recorder::on_send(const Machine& from, std::size_t bytes) {
  bytes_[from.index] += bytes;
  ++messages_[from.index];
  recording_.sent_by_node[from.index].bytes += bytes;
  ++recording_.sent_by_node[from.index].messages;
}

void Recorder::happened(std::int64_t at_us, const std::string& text) { recording_.happenings.push_back({at_us, text}); }

void Recorder::begin(const std::string& name, Recording::Span::Kind kind, std::vector<std::uint32_t> nodes,
                     const std::string& text, std::int64_t at_us) {
  end(name, at_us);
  open_[name] = recording_.spans.size();
  recording_.spans.push_back({kind, at_us, -1, std::move(nodes), text});
}

void Recorder::end(const std::string& name, std::int64_t at_us) {
  const auto at = open_.find(name);
  if (at == open_.end()) return;
  recording_.spans[at->second].end_us = at_us;
  open_.erase(at);
}

void Recorder::end_all(std::int64_t at_us, Recording::Span::Kind kind) {
  std::erase_if(open_, [&](const auto& item) {
    auto& span = recording_.spans[item.second];
    if (span.kind != kind) return false;
    span.end_us = at_us;
    return true;
  });
}

void Recorder::end_everything(std::int64_t at_us) {
  for (const auto& [name, span] : open_) recording_.spans[span].end_us = at_us;
  open_.clear();
}

void Recorder::sample(std::int64_t at_us) {
  Recording::Sample sample;
  sample.at_us = at_us;
  sample.bytes_sent = bytes_;
  sample.messages_sent = messages_;
  std::fill(bytes_.begin(), bytes_.end(), 0);
  std::fill(messages_.begin(), messages_.end(), 0);
  std::set<std::uint64_t> contents;
  std::array<std::set<std::uint64_t>, kFingerprintBuckets> by_bucket;
  for (const auto& machine : machines_) {
    sample.store_bytes.push_back(machine->disk.store->usage().bytes_used);
    sample.up.push_back(machine->up() ? 1 : 0);
    if (!machine->up()) continue;
    const auto snapshot = machine->disk.store->snapshot();
    contents.insert(snapshot->root());
    Buckets sums{};
    for (const ShardId shard : snapshot->shards()) {
      if (shard == kSystemShard) continue;
      const Buckets buckets = snapshot->buckets(shard);
      for (std::size_t i = 0; i < buckets.size(); ++i) sums[i] += scatter(buckets[i], shard) * (buckets[i] != 0 ? 1 : 0);
    }
    for (std::size_t i = 0; i < sums.size(); ++i) by_bucket[i].insert(sums[i]);
  }
  sample.distinct_contents = static_cast<std::uint32_t>(std::max<std::size_t>(1, contents.size()));
  for (std::size_t i = 0; i < by_bucket.size(); ++i) {
    sample.distinct_by_bucket[i] = static_cast<std::uint16_t>(std::max<std::size_t>(1, by_bucket[i].size()));
  }
  recording_.samples.push_back(std::move(sample));
  const std::int64_t interval_us = recording_.garbage_interval_us;
  if (interval_us == 0) return;
  if (recording_.garbage.empty() || at_us - recording_.garbage.back().at_us >= interval_us) count_garbage(at_us);
}

void Recorder::count_garbage(std::int64_t at_us) {
  const std::int64_t since_us = at_us - recording_.garbage_kept_us;
  while (!made_lately_us_.empty() && made_lately_us_.front() < since_us) made_lately_us_.pop_front();
  Recording::Garbage garbage;
  garbage.at_us = at_us;
  garbage.made_lately = made_lately_us_.size();
  garbage.made = made_;
  for (const auto& machine : machines_) {
    std::uint64_t records = 0, rows = 0;
    const auto snapshot = machine->disk.store->snapshot();
    for (const ShardId shard : snapshot->shards()) {
      if (shard == kSystemShard) continue;
      snapshot->collectable_after(shard, 0, [&](Lsn, std::string_view key) {
        ++rows;
        records += key.empty() ? 0 : 1;
        return true;
      });
    }
    garbage.records.push_back(records);
    garbage.rows.push_back(rows);
  }
  recording_.garbage.push_back(std::move(garbage));
}

}  // namespace kith::sim
