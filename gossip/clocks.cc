#include "gossip/clocks.h"

#include <xxhash.h>

#include <algorithm>

namespace kith {
namespace {

std::uint64_t mix(ShardId shard, OriginId origin, Timestamp held) {
  if (!held) return 0;
  const std::uint64_t words[] = {shard, origin.value, held.value};
  return XXH3_64bits(words, sizeof words);
}

bool raise(Timestamp& at, Timestamp to) {
  if (to <= at) return false;
  at = to;
  return true;
}

template <class Rows>
auto place_of(Rows& rows, OriginId origin) {
  return std::lower_bound(rows.begin(), rows.end(), origin, [](const auto& row, OriginId of) { return row.origin < of; });
}

template <class Row>
const Row* row_of(const std::vector<Row>& rows, OriginId origin) {
  const auto at = place_of(rows, origin);
  return at != rows.end() && at->origin == origin ? &*at : nullptr;
}

template <class Row>
Row& row_for(std::vector<Row>& rows, OriginId origin) {
  const auto at = place_of(rows, origin);
  if (at != rows.end() && at->origin == origin) return *at;
  Row row{};
  row.origin = origin;
  return *rows.insert(at, row);
}

}  // namespace

const Clocks::Reach* Clocks::find(ShardId shard, OriginId origin) const {
  const auto in = shards_.find(shard);
  return in == shards_.end() ? nullptr : row_of(in->second.origins, origin);
}

void Clocks::begin_life(OriginId origin, Timestamp start) {
  if (raise(row_for(everywhere_, origin).at, start)) floor_.reset();
}

void Clocks::close_life(OriginId origin, Timestamp final) {
  row_for(everywhere_, origin).final = final;
  floor_.reset();
}

void Clocks::end_life(OriginId origin) {
  floor_.reset();
  std::erase_if(everywhere_, [&](const Promise& it) { return it.origin == origin; });
  for (auto& [shard, in] : shards_) {
    const auto at = place_of(in.origins, origin);
    if (at == in.origins.end() || at->origin != origin) continue;
    const std::uint64_t share = mix(shard, origin, at->held);
    in.digest -= share;
    digest_ -= share;
    in.origins.erase(at);
  }
}

bool Clocks::whole(OriginId origin) const {
  const Promise* all = row_of(everywhere_, origin);
  return all != nullptr && all->whole();
}

std::set<OriginId> Clocks::origins() const {
  std::set<OriginId> out;
  for (const auto& [shard, in] : shards_) {
    for (const Reach& reach : in.origins) {
      if (reach.held) out.insert(reach.origin);
    }
  }
  return out;
}

bool Clocks::knows(OriginId origin) const { return row_of(everywhere_, origin) != nullptr; }

bool Clocks::hold(ShardId shard, OriginId origin, Timestamp commit) {
  Shard& in = shards_[shard];
  Reach& reach = row_for(in.origins, origin);
  raise(reach.up_to, commit);
  const Timestamp before = reach.held;
  if (!raise(reach.held, commit)) return false;
  const std::uint64_t change = mix(shard, origin, commit) - mix(shard, origin, before);
  in.digest += change;
  digest_ += change;
  return true;
}

bool Clocks::promise(OriginId origin, Timestamp at) {
  Promise& it = row_for(everywhere_, origin);
  const Timestamp before = it.at;
  if (!raise(it.at, at)) return false;
  if (floor_ && before <= *floor_) floor_.reset();  // Only what is lowest holds it.
  return true;
}

std::set<OriginId> Clocks::known() const {
  std::set<OriginId> out;
  for (const Promise& it : everywhere_) out.insert(out.end(), it.origin);
  return out;
}

void Clocks::promise_all(Timestamp at, const std::set<OriginId>& but) {
  for (Promise& it : everywhere_) {
    if (!but.contains(it.origin)) raise(it.at, at);
  }
  floor_.reset();
}

Timestamp Clocks::up_to(OriginId origin) const {
  const Promise* all = row_of(everywhere_, origin);
  return all == nullptr ? Timestamp{} : all->at;
}

Timestamp Clocks::floor() const {
  if (floor_) return *floor_;
  std::optional<Timestamp> least;
  for (const Promise& it : everywhere_) {
    if (!it.whole()) least = std::min(least.value_or(it.at), it.at);
  }
  floor_ = least.value_or(Timestamp{});
  return *floor_;
}

std::optional<OriginId> Clocks::holds_floor() const {
  const Promise* least = nullptr;
  for (const Promise& it : everywhere_) {
    if (!it.whole() && (least == nullptr || it.at < least->at)) least = &it;
  }
  return least == nullptr ? std::nullopt : std::optional(least->origin);
}

bool Clocks::promise(ShardId shard, OriginId origin, Timestamp at) {
  return raise(row_for(shards_[shard].origins, origin).up_to, at);
}

Timestamp Clocks::held(ShardId shard, OriginId origin) const {
  const Reach* reach = find(shard, origin);
  return reach == nullptr ? Timestamp{} : reach->held;
}

Timestamp Clocks::up_to(ShardId shard, OriginId origin) const {
  Timestamp out;
  if (const Promise* all = row_of(everywhere_, origin)) out = all->at;
  if (const Reach* reach = find(shard, origin)) out = std::max(out, reach->up_to);
  return out;
}

CommitClock Clocks::held(ShardId shard) const {
  CommitClock out;
  if (const auto in = shards_.find(shard); in != shards_.end()) {
    for (const Reach& reach : in->second.origins) {
      if (reach.held) out.emplace_back(reach.origin, reach.held);
    }
  }
  return out;
}

bool Clocks::behind(ShardId shard, const CommitClock& theirs) const {
  return std::any_of(theirs.begin(), theirs.end(),
                     [&](const auto& entry) { return entry.second > held(shard, entry.first); });
}

std::vector<std::pair<OriginId, Timestamp>> Clocks::newest_held() const {
  std::map<OriginId, Timestamp> newest;
  for (const auto& [shard, in] : shards_) {
    for (const Reach& reach : in.origins) {
      if (reach.held) raise(newest[reach.origin], reach.held);
    }
  }
  return {newest.begin(), newest.end()};
}

std::uint64_t Clocks::digest(ShardId shard) const {
  const auto in = shards_.find(shard);
  return in == shards_.end() ? 0 : in->second.digest;
}

std::vector<std::pair<ShardId, std::uint64_t>> Clocks::digests() const {
  std::vector<std::pair<ShardId, std::uint64_t>> out;
  for (const auto& [shard, in] : shards_) {
    if (in.digest != 0) out.emplace_back(shard, in.digest);
  }
  return out;
}

bool covers(const CommitClock& held, const Commit& commit) {
  const auto at = std::lower_bound(held.begin(), held.end(), commit.origin,
                                   [](const auto& entry, OriginId origin) { return entry.first < origin; });
  return at != held.end() && at->first == commit.origin && commit.at <= at->second;
}

}  // namespace kith
