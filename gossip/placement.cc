#include "gossip/placement.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>

#include "crdt/check.h"
#include "crdt/limits.h"

namespace kith {
namespace {

__extension__ typedef unsigned __int128 Wide;  // Products of two words.

// log2(x) in 1/2^48, by squaring a mantissa in [1, 2): each square gives one bit.  REQUIRES: x > 0.
std::uint64_t log2_of(std::uint64_t x) {
  constexpr int kFractionBits = 48;
  const int whole = 63 - std::countl_zero(x);
  std::uint64_t mantissa = x << (63 - whole);  // 1.0 is 2^63.
  auto out = static_cast<std::uint64_t>(whole);
  for (int i = 0; i < kFractionBits; ++i) {
    const Wide square = Wide{mantissa} * mantissa;  // 1.0 is 2^126.
    const bool above_two = (square >> 127) != 0;
    mantissa = static_cast<std::uint64_t>(square >> (above_two ? 64 : 63));
    out = out << 1 | (above_two ? 1 : 0);
  }
  return out;
}

std::uint64_t hash_of(NodeId node, std::uint32_t shard) {
  unsigned char bytes[10];
  for (int i = 0; i < 8; ++i) bytes[i] = static_cast<unsigned char>(node.value >> (56 - 8 * i));
  bytes[8] = static_cast<unsigned char>(shard >> 8);
  bytes[9] = static_cast<unsigned char>(shard);
  return XXH3_64bits(bytes, sizeof bytes);
}

// How many of these are lower, of each; of equal ones the first counts as lower.  Cost: linear, as these are hashes.
std::vector<std::uint16_t> ranks_of(const std::vector<std::uint64_t>& hashes) {
  const std::size_t n = hashes.size();
  const auto slot_of = [&](std::size_t i) { return static_cast<std::size_t>((Wide{hashes[i]} * n) >> 64); };
  std::vector<std::uint16_t> begin(n + 1, 0), order(n), out(n);
  for (std::size_t i = 0; i < n; ++i) ++begin[slot_of(i) + 1];
  for (std::size_t i = 1; i <= n; ++i) begin[i] = static_cast<std::uint16_t>(begin[i] + begin[i - 1]);
  std::vector<std::uint16_t> end(begin.begin(), begin.end() - 1);
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t slot = slot_of(i);
    std::size_t at = end[slot]++;
    for (; at > begin[slot] && hashes[order[at - 1]] > hashes[i]; --at) order[at] = order[at - 1];
    order[at] = static_cast<std::uint16_t>(i);
  }
  for (std::size_t rank = 0; rank < n; ++rank) out[order[rank]] = static_cast<std::uint16_t>(rank);
  return out;
}

}  // namespace

struct Placement::Taker {
  NodeId node;
  std::uint32_t weight = 0;
  std::uint32_t most = 0, held = 0;
  std::uint64_t slowness = 0;          // 1 / rate; 0: it is in every shard.
  double due = 0;
  std::vector<std::uint64_t> hashes;   // By shard.
  std::vector<std::uint16_t> ranks;
};

Placement::Placement(std::vector<PlacementMember> members, std::uint32_t shards, std::size_t replicas) : shards_(shards), replicas_(0) {
  KITH_CHECK(shards >= 1 && shards <= kShardsMax, "a cluster has shards, and not too many", shards);
  std::vector<Taker> takers;
  for (const PlacementMember& member : members) {
    if (member.weight == 0 || member.observer) continue;
    Taker taker;
    taker.node = member.node;
    taker.weight = member.weight;
    takers.push_back(std::move(taker));
  }
  replicas_ = std::min(replicas, takers.size());
  if (replicas_ == 0) return;

  // Dues.  Who is due more than every shard has every shard, and the others share what is left.
  std::sort(takers.begin(), takers.end(), [](const Taker& a, const Taker& b) {
    return a.weight != b.weight ? a.weight > b.weight : a.node < b.node;
  });
  std::uint64_t weights_left = 0;      // Below 2^42: kMembersMax of 32 bits.
  for (const Taker& taker : takers) weights_left += taker.weight;
  std::uint64_t replicas_left = replicas_;
  bool saturated = true;
  for (Taker& taker : takers) {
    saturated = saturated && replicas_left * taker.weight >= weights_left;
    if (saturated) {
      taker.most = shards;
      taker.due = shards;
      --replicas_left;
      weights_left -= taker.weight;
      continue;
    }
    const Wide due = Wide{shards} * replicas_left * taker.weight;  // Over weights_left.
    const auto rounded_up = static_cast<std::uint32_t>((due + weights_left - 1) / weights_left);
    const auto and_a_tenth = static_cast<std::uint32_t>(due * 11 / (Wide{weights_left} * 10));
    taker.most = std::min(shards, std::max(rounded_up, and_a_tenth));
    taker.due = static_cast<double>(due) / static_cast<double>(weights_left);
    // Rate -log2(1 - due / shards), and at least 2^-31: then its inverse fits.
    const std::uint64_t rest = weights_left - replicas_left * taker.weight;
    const std::uint64_t rate = std::max(log2_of(weights_left) - log2_of(rest), std::uint64_t{1} << 17);
    taker.slowness = static_cast<std::uint64_t>((Wide{1} << 80) / rate);
  }
  std::sort(takers.begin(), takers.end(), [](const Taker& a, const Taker& b) { return a.node < b.node; });
  for (std::size_t i = 1; i < takers.size(); ++i) KITH_CHECK(takers[i - 1].node < takers[i].node, "a node is placed once", takers[i].node.value);
  place(takers);
}

void Placement::place(std::vector<Taker>& takers) {
  for (Taker& taker : takers) {
    taker.hashes.resize(shards_);
    for (std::uint32_t shard = 0; shard < shards_; ++shard) taker.hashes[shard] = hash_of(taker.node, shard);
    taker.ranks = ranks_of(taker.hashes);
  }
  // What an exponential variable has at the middle of each rank: -log2(1 - (rank + 1/2) / shards).
  std::vector<std::uint64_t> drawn(shards_);
  for (std::uint32_t rank = 0; rank < shards_; ++rank) drawn[rank] = log2_of(2 * shards_) - log2_of(2 * shards_ - 2 * rank - 1);

  struct Choice {
    Wide after = 0;                    // The lowest first.
    std::uint64_t hash = 0;
    std::uint32_t taker = 0;
    bool operator<(const Choice& other) const {
      if (after != other.after) return after < other.after;
      return hash != other.hash ? hash < other.hash : taker < other.taker;
    }
  };
  std::vector<std::vector<std::uint32_t>> chosen(shards_);
  std::vector<Choice> best;
  for (std::uint32_t shard = 0; shard < shards_; ++shard) {
    best.clear();
    for (std::uint32_t i = 0; i < takers.size(); ++i) {
      const Taker& taker = takers[i];
      if (taker.held == taker.most) continue;
      const Choice choice{Wide{drawn[taker.ranks[shard]]} * taker.slowness, taker.hashes[shard], i};
      if (best.size() == replicas_ && !(choice < best.back())) continue;
      if (best.size() == replicas_) best.pop_back();
      best.insert(std::upper_bound(best.begin(), best.end(), choice), choice);
    }
    for (const Choice& choice : best) {
      chosen[shard].push_back(choice.taker);
      ++takers[choice.taker].held;
    }
  }
  fill_gaps(takers, chosen);
  places_.reserve(std::size_t{shards_} * replicas_);
  for (const auto& shard : chosen) {
    KITH_CHECK(shard.size() == replicas_, "every shard has its replicas", shard.size(), replicas_);
    for (const std::uint32_t taker : shard) places_.push_back(takers[taker].node);
  }
  for (const Taker& taker : takers) shares_.push_back({taker.node, taker.held, taker.most, taker.due});
}

// SUBTLE: the last shards may find that all who have room are in them already.  Then somebody with room takes the place of another in
// some other shard, and that one fills the gap.  There is always such a shard: bounds are at least what is due, so somebody has room;
// who has room is not in all of them; and once everybody with room has gone where there are gaps, what it lacks is full.
void Placement::fill_gaps(std::vector<Taker>& takers, std::vector<std::vector<std::uint32_t>>& chosen) const {
  const auto has = [&](std::uint32_t shard, std::uint32_t taker) {
    return std::find(chosen[shard].begin(), chosen[shard].end(), taker) != chosen[shard].end();
  };
  const auto goes_there = [&](std::uint32_t gap, std::uint32_t taker) {
    if (has(gap, taker)) return false;
    chosen[gap].push_back(taker);
    return true;
  };
  const auto makes_room = [&](std::uint32_t gap, std::uint32_t taker) {
    for (std::uint32_t other = shards_; other-- > 0;) {
      if (chosen[other].size() < replicas_ || has(other, taker)) continue;
      const auto leaves = std::find_if(chosen[other].rbegin(), chosen[other].rend(), [&](std::uint32_t it) { return !has(gap, it); });
      if (leaves == chosen[other].rend()) continue;
      chosen[gap].push_back(*leaves);
      *leaves = taker;
      return true;
    }
    return false;
  };
  const auto fill = [&](const auto& way) {
    for (std::uint32_t gap = 0; gap < shards_; ++gap) {
      for (std::uint32_t i = 0; i < takers.size() && chosen[gap].size() < replicas_; ++i) {
        while (takers[i].held < takers[i].most && chosen[gap].size() < replicas_ && way(gap, i)) ++takers[i].held;
      }
    }
  };
  fill(goes_there);
  fill(makes_room);
}

}  // namespace kith
