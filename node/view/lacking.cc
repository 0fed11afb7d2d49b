#include "node/view/lacking.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "node/json_text.h"
#include "node/missing.h"

namespace kith {

using nlohmann::json;

LackingQuestion::LackingQuestion(const ClusterView& view) {
  json clocks = json::array();
  for (const NodeView& node : view.nodes) {
    if (!node.status) continue;
    const NodeStatus& status = *node.status;
    root_of_[node.name] = status.root;
    if (clocks.size() == kClocksMax || clock_of_.contains(status.root)) continue;
    clock_of_[status.root] = clocks.size();
    json held = json::object();
    for (const auto& [origin, at] : status.newest_held) held[origin] = to_hex(at);
    clocks.push_back({{"now", to_hex(status.now.value)}, {"held", std::move(held)}, {"roots", node.shards}});
  }
  request_.op = ClientOp::kMissing;
  request_.text = dump({{"clocks", std::move(clocks)}});
}

std::map<std::string, LackCount> LackingQuestion::counts(const NodeView& holder, std::string_view document) const {
  try {
    const json counts = json::parse(document).at("counts");
    std::map<std::string, LackCount> out;
    for (const auto& [name, root] : root_of_) {
      if (name == holder.name || root == holder.status->root) continue;
      const auto clock = clock_of_.find(root);
      if (clock == clock_of_.end()) continue;
      const json& count = counts.at(clock->second);
      out[name] = {count.at("cells").get<std::uint64_t>(), count.at("complete").get<bool>()};
    }
    return out;
  } catch (const json::exception& error) {
    throw ClientError(ClientError::Kind::kProtocol, std::string("the node's count of what is missing could not be understood: ") + error.what());
  }
}

bool cuts_link(const NodeStatus& from, const std::string& to) {
  if (from.links_cut.empty()) return false;
  std::string peer_address;
  for (const MemberRow& member : from.members) {
    if (member.name == to) peer_address = member.peer_address;
  }
  return std::any_of(from.links_cut.begin(), from.links_cut.end(),
                     [&](const std::string& word) { return word == to || word == peer_address; });
}

}  // namespace kith
