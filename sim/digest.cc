#include "sim/digest.h"

#include <algorithm>
#include <cmath>

namespace kith::sim {
namespace {

std::int64_t end_of_axis(const Recording& recording) {
  std::int64_t end = std::max({std::int64_t{1}, recording.end_us, recording.healed_us, recording.converged_us});
  if (!recording.samples.empty()) end = std::max(end, recording.samples.back().at_us);
  for (const Recording::Write& write : recording.writes) end = std::max(end, write.at_us);
  return end;
}

// Three at most, from what is usual to what is well below the slowest; and "by the end".
std::vector<std::int64_t> choose_ages(const LagStatistics& lags) {
  constexpr std::array<std::int64_t, 20> kLadder = {
      1'000, 3'000, 10'000, 30'000, 100'000, 300'000, 1'000'000, 3'000'000, 10'000'000, 30'000'000, 60'000'000,
      180'000'000, 600'000'000, 1'800'000'000, 3'600'000'000, 10'800'000'000, 43'200'000'000, 86'400'000'000,
      259'200'000'000, 864'000'000'000};
  // Three times what the quickest tenth needs to be everywhere: even in a run full of faults some had no fault in the
  // way.
  const std::vector<Distribution::Point>& curve =
      lags.last_node.curve.empty() ? lags.each_node.curve : lags.last_node.curve;
  std::int64_t usual = 0;
  for (const Distribution::Point& point : curve) {
    usual = 3 * point.lag_us;
    if (point.share >= 0.1) break;
  }
  std::size_t first = 0;
  while (first + 1 < kLadder.size() && kLadder[first] < usual) ++first;
  std::size_t last = first;
  while (last + 1 < kLadder.size() && kLadder[last + 1] <= lags.each_node.max_us * 2 / 3) ++last;
  if (last - first < 2 && first > 0) --first;
  std::vector<std::int64_t> ages = {kLadder[first], kLadder[(first + last) / 2], kLadder[last], kByTheEnd};
  ages.erase(std::unique(ages.begin(), ages.end()), ages.end());
  return ages;
}

// Enough columns to see what happens, few enough that each holds some writes.
void fill_births(const Recording& recording, Digest& digest) {
  if (recording.writes.empty()) return;
  const std::size_t columns = std::clamp<std::size_t>(recording.writes.size() / 8, 24, kColumnsMax);
  const double width = static_cast<double>(digest.end_us) / static_cast<double>(columns);
  digest.births.resize(columns);
  for (std::size_t i = 0; i < columns; ++i) {
    digest.births[i].begin_us = static_cast<std::int64_t>(static_cast<double>(i) * width);
    digest.births[i].end_us = static_cast<std::int64_t>(static_cast<double>(i + 1) * width);
    digest.births[i].share_by_age.assign(digest.ages_us.size(), 0);
  }
  for (const Recording::Write& write : recording.writes) {
    const auto place = static_cast<std::size_t>(std::max(0.0, static_cast<double>(write.at_us) / width));
    BirthColumn& column = digest.births[std::min(place, columns - 1)];
    ++column.writes;
    std::vector<std::uint64_t> there(digest.ages_us.size(), 0);
    std::size_t wanted = 0;
    for_each_copy(write, digest.presence, [&](std::uint32_t, std::int64_t due, std::int64_t reached) {
      ++wanted;
      if (reached == kNever) return;
      for (std::size_t age = digest.ages_us.size(); age-- > 0 && reached - due <= digest.ages_us[age];) ++there[age];
    });
    const std::size_t own = wanted < digest.presence.counted.size() ? 1 : 0;
    for (std::size_t age = 0; age < there.size(); ++age) {
      column.share_by_age[age] +=
          wanted + own == 0 ? 1 : static_cast<double>(there[age] + own) / static_cast<double>(wanted + own);
    }
  }
  for (BirthColumn& column : digest.births) {
    for (double& share : column.share_by_age)
      share = column.writes == 0 ? 0 : share / static_cast<double>(column.writes);
  }
}

// Counted at equally spaced instants: a copy is under way at all of them from when it is due until it has arrived.
void fill_under_way(const Recording& recording, Digest& digest) {
  constexpr std::size_t kInstants = kColumnsMax * kInstantsAColumn;
  const double width = static_cast<double>(digest.end_us) / static_cast<double>(kInstants);
  const auto instant_at_or_after = [&](std::int64_t us) {
    return static_cast<std::size_t>(
        std::clamp(std::ceil(static_cast<double>(us) / width), 0.0, static_cast<double>(kInstants)));
  };
  std::vector<std::int64_t> change(kInstants + 1, 0);
  for (const Recording::Write& write : recording.writes) {
    for_each_copy(write, digest.presence, [&](std::uint32_t, std::int64_t due, std::int64_t reached) {
      ++change[instant_at_or_after(due)];
      if (reached != kNever) --change[instant_at_or_after(reached)];
    });
  }
  digest.copies_under_way.assign(kColumnsMax, 0);
  std::int64_t now = 0;
  for (std::size_t i = 0; i < kInstants; ++i) {
    now += change[i];
    const auto under_way = static_cast<std::uint64_t>(std::max<std::int64_t>(now, 0));
    std::uint64_t& most = digest.copies_under_way[i / kInstantsAColumn];
    most = std::max(most, under_way);
    if (under_way <= digest.most_under_way) continue;
    digest.most_under_way = under_way;
    digest.most_under_way_us = static_cast<std::int64_t>(static_cast<double>(i) * width);
  }
}

// Brings one figure per node to what is shown of it.  `values`: -1 for a node that is down.
NodeFigures figures_of(const std::vector<double>& values, bool nodes_apart) {
  NodeFigures figures;
  std::vector<double> up;
  for (const double value : values) {
    if (value < 0) continue;
    figures.total += value;
    up.push_back(value);
  }
  figures.low = quantile(up, 0.10);
  figures.median = quantile(up, 0.50);
  figures.high = quantile(up, 0.90);
  figures.max = quantile(up, 1.00);
  if (nodes_apart) figures.by_node = values;
  return figures;
}

void fill_samples(const Recording& recording, Digest& digest) {
  const std::size_t nodes = recording.nodes.size();
  digest.nodes_apart = nodes <= kNodesApart;
  const std::size_t merged = (recording.samples.size() + kColumnsMax - 1) / kColumnsMax;
  std::int64_t before = 0;
  for (std::size_t first = 0; first < recording.samples.size(); first += merged) {
    const std::size_t end = std::min(first + merged, recording.samples.size());
    SampleColumn column;
    column.distinct_by_bucket.fill(1);
    column.begin_us =
        first == 0 ? std::max<std::int64_t>(0, recording.samples[0].at_us - recording.sample_interval_us) : before;
    column.end_us = std::max(recording.samples[end - 1].at_us, column.begin_us + 1);
    before = column.end_us;
    const double seconds = static_cast<double>(column.end_us - column.begin_us) / 1e6;
    std::vector<double> bytes(nodes, -1), messages(nodes, -1), store(nodes, -1);
    const auto at = [](const std::vector<std::uint64_t>& of, std::size_t node) {
      return node < of.size() ? static_cast<double>(of[node]) : 0.0;
    };
    for (std::size_t i = first; i < end; ++i) {
      const Recording::Sample& sample = recording.samples[i];
      column.distinct_contents = std::max(column.distinct_contents, sample.distinct_contents);
      for (std::size_t bucket = 0; bucket < 256; ++bucket) {
        column.distinct_by_bucket[bucket] =
            std::max(column.distinct_by_bucket[bucket], sample.distinct_by_bucket[bucket]);
      }
      for (std::size_t node = 0; node < nodes; ++node) {
        const bool up = node < sample.up.size() && sample.up[node] != 0;
        const double sent = at(sample.bytes_sent, node), count = at(sample.messages_sent, node);
        if (!up && sent <= 0 && count <= 0) continue;  // What it sent before it went down still counts.
        bytes[node] = std::max(bytes[node], 0.0) + sent / seconds;
        messages[node] = std::max(messages[node], 0.0) + count / seconds;
        if (up) store[node] = at(sample.store_bytes, node);
      }
    }
    column.bytes_per_second = figures_of(bytes, digest.nodes_apart);
    column.messages_per_second = figures_of(messages, digest.nodes_apart);
    column.store_bytes = figures_of(store, digest.nodes_apart);
    digest.samples.push_back(std::move(column));
  }
}

// Stretches in which there was some fault, and that ended before the axis does.
std::vector<Recovery> stretches_of_fault(const Recording& recording, std::int64_t end_us) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < recording.spans.size(); ++i) {
    const Recording::Span& span = recording.spans[i];
    if (span.kind != Recording::Span::Kind::kWeather && span.end_us > span.begin_us) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return recording.spans[a].begin_us < recording.spans[b].begin_us;
  });
  std::vector<Recovery> stretches;
  for (const std::size_t i : order) {
    const Recording::Span& span = recording.spans[i];
    if (stretches.empty() || span.begin_us > stretches.back().ended_us) {
      stretches.push_back({.began_us = span.begin_us, .ended_us = span.end_us, .spans = {i}});
      continue;
    }
    Recovery& last = stretches.back();
    if (span.end_us > last.ended_us) {
      last.ended_us = span.end_us;
      last.spans.clear();
    }
    if (span.end_us == last.ended_us) last.spans.push_back(i);
  }
  while (!stretches.empty() && stretches.back().ended_us >= end_us) stretches.pop_back();
  if (stretches.size() > kRecoveriesMax) stretches.resize(kRecoveriesMax);
  return stretches;
}

void fill_recoveries(const Recording& recording, Digest& digest) {
  digest.recoveries = stretches_of_fault(recording, digest.end_us);
  std::vector<Recovery>& all = digest.recoveries;
  for (const Recording::Write& write : recording.writes) {
    for_each_copy(write, digest.presence, [&](std::uint32_t, std::int64_t due, std::int64_t reached) {
      auto it = std::lower_bound(all.begin(), all.end(), due,
                                 [](const Recovery& r, std::int64_t us) { return r.ended_us < us; });
      for (; it != all.end() && (reached == kNever || it->ended_us < reached); ++it) {
        ++it->copies_missing;
        if (reached == kNever) it->everywhere_us = kNever;
        else if (it->everywhere_us != kNever) it->everywhere_us = std::max(it->everywhere_us, reached - it->ended_us);
      }
    });
  }
}

}  // namespace

Digest digest_of(const Recording& recording) {
  Digest digest;
  digest.end_us = end_of_axis(recording);
  digest.presence = presence_of(recording);
  digest.lags = lag_statistics(recording, digest.presence);
  digest.ages_us = choose_ages(digest.lags);
  fill_births(recording, digest);
  fill_under_way(recording, digest);
  fill_samples(recording, digest);
  fill_recoveries(recording, digest);
  for (const auto& [kind, traffic] : recording.traffic) {
    digest.bytes_sent += traffic.bytes;
    digest.messages_sent += traffic.messages;
  }
  return digest;
}

}  // namespace kith::sim
