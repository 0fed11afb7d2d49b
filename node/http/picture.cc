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

bool cuts_link(const SeenNode& from, const SeenNode& to) {
  const auto& cut = from.status->links_cut;
  if (cut.empty()) return false;
  std::string peer_address;
  for (const MemberRow& member : from.status->members) {
    if (member.name == to.name) peer_address = member.peer_address;
  }
  return std::any_of(cut.begin(), cut.end(), [&](const std::string& word) { return word == to.name || word == peer_address; });
}

}  // namespace kith
