#include "sim/statistics.h"

#include <algorithm>
#include <cmath>

#include "crdt/check.h"

namespace kith::sim {
namespace {

// The position of nearest rank among `count` in order.
std::size_t rank_of(double share, std::uint64_t count) {
  const double rank = std::ceil(share * static_cast<double>(count) - 1e-9);
  return rank < 1 ? 0 : static_cast<std::size_t>(rank) - 1;
}

bool is_up(const Recording::Sample& sample, std::size_t node) {
  return node < sample.up.size() && sample.up[node] != 0;
}

}  // namespace

Presence presence_of(const Recording& recording) {
  Presence presence;
  presence.from_us.assign(recording.nodes.size(), 0);
  for (std::size_t node = 0; node < recording.nodes.size(); ++node) {
    std::int64_t before = 0;
    for (const Recording::Sample& sample : recording.samples) {
      if (is_up(sample, node)) {
        presence.from_us[node] = before;
        break;
      }
      before = sample.at_us;
    }
    if (recording.samples.empty() || is_up(recording.samples.back(), node)) {
      presence.counted.push_back(static_cast<std::uint32_t>(node));
    }
  }
  if (presence.counted.empty()) {
    for (std::size_t node = 0; node < recording.nodes.size(); ++node) {
      presence.counted.push_back(static_cast<std::uint32_t>(node));
    }
  }
  return presence;
}

Distribution distribution_of(std::vector<std::int64_t>& lags, std::uint64_t never) {
  Distribution result;
  result.count = lags.size() + never;
  result.never = never;
  if (lags.empty()) return result;

  auto from = lags.begin();
  const auto at_share = [&](double share) -> std::int64_t {
    const std::size_t rank = rank_of(share, result.count);
    if (rank >= lags.size()) return kNever;
    const auto wanted = lags.begin() + static_cast<std::ptrdiff_t>(rank);
    if (wanted >= from) {  // What lies before `from` is in its place already.
      std::nth_element(from, wanted, lags.end());
      from = wanted;
    }
    return *wanted;
  };
  result.p50_us = at_share(0.50);
  result.p90_us = at_share(0.90);
  result.p99_us = at_share(0.99);
  const auto [least, most] = std::minmax_element(lags.begin(), lags.end());
  KITH_CHECK(*least >= 0, "a lag below zero", *least);
  result.max_us = *most;

  // Counted in slots of equal ratio; a slot's point stands at the greatest lag in it, so the curve is exact at its
  // points.
  struct Slot {
    std::uint64_t count = 0;
    std::int64_t greatest = 0;
  };
  std::vector<Slot> slots(kCurvePoints);
  const double low = std::log(static_cast<double>(std::max<std::int64_t>(*least, 1)));
  const double high = std::log(static_cast<double>(std::max<std::int64_t>(*most, 1)));
  const double scale = high > low ? static_cast<double>(kCurvePoints - 1) / (high - low) : 0;
  for (const std::int64_t lag : lags) {
    const double place = (std::log(static_cast<double>(std::max<std::int64_t>(lag, 1))) - low) * scale;
    Slot& slot = slots[std::min(static_cast<std::size_t>(std::max(place, 0.0)), kCurvePoints - 1)];
    ++slot.count;
    slot.greatest = std::max(slot.greatest, lag);
  }
  std::uint64_t so_far = 0;
  for (const Slot& slot : slots) {
    if (slot.count == 0) continue;
    so_far += slot.count;
    result.curve.push_back({slot.greatest, static_cast<double>(so_far) / static_cast<double>(result.count)});
  }
  return result;
}

LagStatistics lag_statistics(const Recording& recording, const Presence& presence) {
  LagStatistics result;
  std::vector<std::int64_t> each, half, last, of_one;
  each.reserve(recording.writes.size() * (presence.counted.empty() ? 0 : presence.counted.size() - 1));
  std::uint64_t half_never = 0, last_never = 0;
  for (const Recording::Write& write : recording.writes) {
    of_one.clear();
    std::size_t wanted = 0;
    for_each_copy(write, presence, [&](std::uint32_t, std::int64_t due, std::int64_t reached) {
      ++wanted;
      if (reached != kNever) of_one.push_back(reached - due);
    });
    each.insert(each.end(), of_one.begin(), of_one.end());
    result.copies += wanted;
    result.copies_missing += wanted - of_one.size();
    if (of_one.size() == wanted) ++result.writes_everywhere;
    if (wanted == 0) continue;  // There is nowhere to go.

    // The coordinator has it already when it counts: `wanted` is short of it then.
    const bool coordinator_counts = wanted < presence.counted.size();
    const std::size_t half_rank = (presence.counted.size() + 1) / 2 - (coordinator_counts ? 1 : 0);
    if (half_rank == 0) {
      half.push_back(0);
    } else if (half_rank > of_one.size()) {
      ++half_never;
    } else {
      const auto median = of_one.begin() + static_cast<std::ptrdiff_t>(half_rank - 1);
      std::nth_element(of_one.begin(), median, of_one.end());
      half.push_back(*median);
    }
    if (of_one.size() == wanted) last.push_back(*std::max_element(of_one.begin(), of_one.end()));
    else ++last_never;
  }
  result.each_node = distribution_of(each, result.copies_missing);
  result.half = distribution_of(half, half_never);
  result.last_node = distribution_of(last, last_never);
  return result;
}

double quantile(std::vector<double>& values, double share) {
  if (values.empty()) return 0;
  const auto wanted =
      values.begin() + static_cast<std::ptrdiff_t>(std::min(rank_of(share, values.size()), values.size() - 1));
  std::nth_element(values.begin(), wanted, values.end());
  return *wanted;
}

}  // namespace kith::sim
