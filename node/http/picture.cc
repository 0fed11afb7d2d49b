#include "node/http/picture.h"

#include <algorithm>

namespace kith {

const SeenNode* Picture::find(const std::string& name) const {
  const auto at = std::find_if(nodes.begin(), nodes.end(), [&](const SeenNode& node) { return node.name == name; });
  return at == nodes.end() ? nullptr : &*at;
}

ClusterView Picture::view() const {
  ClusterView out;
  out.asked = self;
  for (const SeenNode& node : nodes) {
    out.nodes.push_back({.name = node.name, .address = node.address,
                         .status = node.answers() ? node.status : std::nullopt, .error = node.error, .shards = node.shards});
  }
  return out;
}

}  // namespace kith
