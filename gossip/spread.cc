#include "gossip/spread.h"

#include <algorithm>

#include "crdt/check.h"

namespace kith {
namespace {

std::size_t place_of(const std::vector<NodeId>& members, NodeId node) {
  const auto at = std::lower_bound(members.begin(), members.end(), node);
  KITH_CHECK(at != members.end() && *at == node, "only a member has a place in the grid", node.value, members.size());
  return static_cast<std::size_t>(at - members.begin());
}

}  // namespace

Grid::Grid(std::size_t members) : members_(members), columns_(1) {
  KITH_CHECK(members > 0, "a grid has somebody in it", members);
  while (columns_ * columns_ < members) ++columns_;  // Rounded up; at most 32 steps (kMembersMax).
}

std::size_t Grid::size_of(std::size_t row) const { return std::min(columns_, members_ - first_of(row)); }

std::size_t Grid::beside(std::size_t place, std::size_t row) const {
  return first_of(row) + std::min(place % columns_, size_of(row) - 1);
}

std::vector<NodeId> row_of(const std::vector<NodeId>& members, NodeId self) {
  const Grid grid(members.size());
  const std::size_t row = grid.row_of(place_of(members, self)), first = grid.first_of(row);
  std::vector<NodeId> out;
  for (std::size_t i = first; i < first + grid.size_of(row); ++i) {
    if (members[i] != self) out.push_back(members[i]);
  }
  return out;
}

Neighbours neighbours_of(const std::vector<NodeId>& members, NodeId self,
                         const std::function<RelayStanding(NodeId)>& standing) {
  const Grid grid(members.size());
  const std::size_t place = place_of(members, self);
  Neighbours out;
  out.row = row_of(members, self);
  for (std::size_t row = 0; row < grid.rows(); ++row) {
    if (row == grid.row_of(place)) continue;
    const std::size_t first = grid.first_of(row), size = grid.size_of(row), beside = grid.beside(place, row);
    // The first that will do, from the own column on and around the end of the row.
    const auto next = [&](auto will_do) -> const NodeId* {
      for (std::size_t i = 0; i < size; ++i) {
        const NodeId& node = members[first + (beside - first + i) % size];
        if (will_do(standing(node))) return &node;
      }
      return nullptr;
    };
    const NodeId* relay = &members[beside];
    const RelayStanding own = standing(*relay);
    if (own != RelayStanding::kHeard && own != RelayStanding::kNew) {
      const NodeId* other = next([](RelayStanding it) { return it == RelayStanding::kHeard; });
      if (other == nullptr) {
        other = next([](RelayStanding it) { return it == RelayStanding::kNew || it == RelayStanding::kSilent; });
      }
      if (other != nullptr) relay = other;
    }
    out.relays.push_back(*relay);
  }
  return out;
}

}  // namespace kith
