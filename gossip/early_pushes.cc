#include "gossip/early_pushes.h"

#include <algorithm>

namespace kith {

bool EarlyPushes::has(ShardId shard, OriginId origin, Timestamp previous, Timestamp commit) const {
  const auto at = by_place_.find({shard, origin});
  return at != by_place_.end() && std::any_of(at->second.begin(), at->second.end(), [&](const Interval& it) {
    return it.previous <= previous && commit <= it.commit;
  });
}

void EarlyPushes::add(ShardId shard, OriginId origin, Timestamp previous, Timestamp commit) {
  if (has(shard, origin, previous, commit)) return;
  const auto at = by_place_.find({shard, origin});
  if (at != by_place_.end() && at->second.size() >= kPerOriginMax) drop(at->second.front().number);
  if (by_age_.size() >= kAllMax) drop(by_age_.begin()->first);
  by_place_[{shard, origin}].push_back({previous, commit, ++last_number_});
  by_age_[last_number_] = {shard, origin};
}

std::optional<Timestamp> EarlyPushes::take(ShardId shard, OriginId origin, Timestamp up_to) {
  const auto at = by_place_.find({shard, origin});
  if (at == by_place_.end()) return std::nullopt;
  auto& intervals = at->second;
  Timestamp reached = up_to;
  for (bool rose = true; rose;) {
    rose = false;
    std::erase_if(intervals, [&](const Interval& it) {
      if (it.previous > reached) return false;
      if (it.commit > reached) {
        reached = it.commit;
        rose = true;
      }
      by_age_.erase(it.number);
      return true;
    });
  }
  if (intervals.empty()) by_place_.erase(at);
  return reached > up_to ? std::optional(reached) : std::nullopt;
}

void EarlyPushes::forget(ShardId shard) {
  const auto from = by_place_.lower_bound({shard, OriginId{}});
  auto to = from;
  for (; to != by_place_.end() && to->first.first == shard; ++to) {
    for (const Interval& it : to->second) by_age_.erase(it.number);
  }
  by_place_.erase(from, to);
}

void EarlyPushes::drop(std::uint64_t number) {
  const auto aged = by_age_.find(number);
  const auto at = by_place_.find(aged->second);
  std::erase_if(at->second, [&](const Interval& it) { return it.number == number; });
  if (at->second.empty()) by_place_.erase(at);
  by_age_.erase(aged);
}

}  // namespace kith
