#include "tools/bench/placement_bench.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "gossip/placement.h"
#include "gossip/random.h"
#include "tools/bench/measure.h"

namespace kith::bench {
namespace {

struct Found {
  double share = 0;                          // The largest, of its due.
  double share_held = 0, share_due = 0;      // Whose that was.
  double joined = 0, left = 0;               // Moved, as a multiple of what is due to who joins or leaves: the most,
  double joined_sum = 0, left_sum = 0;
  double joined_of_even = 0;                 // and as a multiple of an even share.
  std::vector<double> ms;
  std::size_t clusters = 0;
};

std::size_t moved(const Placement& before, const Placement& after) {
  std::size_t out = 0;
  for (std::uint32_t shard = 0; shard < after.shards(); ++shard) {
    const auto had = before.replicas(static_cast<ShardId>(shard));
    for (const NodeId node : after.replicas(static_cast<ShardId>(shard))) out += std::find(had.begin(), had.end(), node) == had.end() ? 1 : 0;
  }
  return out;
}

void look_at(const PlacementBenchOptions& options, std::size_t replicas, std::vector<PlacementMember> members, Found& found) {
  const PlacementMember last = members.back();
  Stopwatch watch;
  const Placement with(members, options.shards, replicas);
  found.ms.push_back(watch.seconds() * 1000);
  members.pop_back();
  watch = Stopwatch();
  const Placement without(members, options.shards, replicas);
  found.ms.push_back(watch.seconds() * 1000);
  for (const auto& share : without.shares()) {
    if (share.held / share.due <= found.share) continue;
    found.share = share.held / share.due;
    found.share_held = share.held;
    found.share_due = share.due;
  }
  double due = 0;
  for (const auto& share : with.shares()) due = share.node == last.node ? share.due : due;
  const double even = static_cast<double>(options.shards * with.replica_count()) / static_cast<double>(members.size() + 1);
  const auto joins = static_cast<double>(moved(without, with)), leaves = static_cast<double>(moved(with, without));
  found.joined = std::max(found.joined, joins / due);
  found.left = std::max(found.left, leaves / due);
  found.joined_sum += joins / due;
  found.left_sum += leaves / due;
  found.joined_of_even = std::max(found.joined_of_even, joins / even);
  ++found.clusters;
}

}  // namespace

std::vector<Table> run_placement_bench(const PlacementBenchOptions& options) {
  std::vector<Table> tables;
  Random random(options.seed);
  for (const std::size_t replicas : options.replicas) {
    for (const std::uint32_t weight_max : {std::uint32_t{1}, options.weight_max}) {
      const std::string weights = weight_max == 1 ? "equal weights" : "weights 1 to " + std::to_string(weight_max);
      Table table("placement_" + std::to_string(replicas) + (weight_max == 1 ? "_equal" : "_unequal"),
                  std::to_string(options.shards) + " shards, " + std::to_string(replicas) + (replicas == 1 ? " replica, " : " replicas, ") + weights,
                  {"nodes", "largest share / due", "held", "of due", "a join moves / due, mean", "most", "most / even share",
                   "a leave moves / due, mean", "most ", "ms, median", "ms, most"});
      const std::size_t bounds[] = {3, 4, 8, 16, 24, 32, 48, options.nodes_max};
      for (std::size_t i = 1; i < std::size(bounds); ++i) {
        if (bounds[i - 1] >= options.nodes_max) break;
        const std::size_t first = bounds[i - 1], end = std::min(bounds[i], options.nodes_max);
        Found found;
        for (std::size_t nodes = first; nodes < end; ++nodes) {
          for (std::size_t cluster = 0; cluster < options.clusters; ++cluster) {
            std::vector<PlacementMember> members;
            for (std::size_t n = 0; n <= nodes; ++n) {
              members.push_back({NodeId{random.nonzero()}, static_cast<std::uint32_t>(1 + random.below(weight_max))});
            }
            look_at(options, replicas, std::move(members), found);
          }
        }
        const auto rounded = [](double x) { return std::round(x * 1000) / 1000; };
        const auto count = static_cast<double>(found.clusters);
        table.add({std::to_string(first) + " to " + std::to_string(end - 1), rounded(found.share), found.share_held, rounded(found.share_due),
                   rounded(found.joined_sum / count), rounded(found.joined), rounded(found.joined_of_even), rounded(found.left_sum / count),
                   rounded(found.left), median(found.ms), *std::max_element(found.ms.begin(), found.ms.end())});
      }
      table.note(std::to_string(options.clusters) + " clusters for each number of nodes; one more joins, and leaves again");
      table.note("due: what is due to who joins or leaves by its weight; even share: all copies over all nodes");
      tables.push_back(std::move(table));
    }
  }
  return tables;
}

}  // namespace kith::bench
