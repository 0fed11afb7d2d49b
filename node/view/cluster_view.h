// node/view/cluster_view.h -- all nodes of a cluster, each asked itself, and what to make of their answers.
//
// A node that does not answer is in the view, and says so.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "node/view/connections.h"
#include "node/view/status_document.h"

namespace kith {

struct NodeView {
  std::string name;
  std::string address;
  std::optional<NodeStatus> status;
  std::string error;                  // Why there is no status.
  std::vector<std::string> shards;    // Root per shard; only asked for when roots differ.
};

struct ClusterView {
  std::vector<NodeView> nodes;  // By name.
  std::string asked;            // Name of the node that named the others.
};

enum class Agreement { kConverged, kBehind, kUnknown };
std::string_view name_of(Agreement agreement);

struct Verdict {
  Agreement agreement = Agreement::kUnknown;
  std::string sentence;  // "converged at root 1a2b.. since 12:03:04 UTC"
};

// Asks the node at `address`, then every member it names, all at once.  Throws ClientError when the first does not
// answer; a member that does not answer within `member_timeout` is a node without status.
ClusterView look_at_cluster(Connections& connections, const std::string& address, std::chrono::milliseconds timeout,
                            std::chrono::milliseconds member_timeout);

// The same for nodes that are known already.
ClusterView look_at_nodes(const std::vector<std::pair<std::string, std::string>>& names_and_addresses,
                          std::chrono::milliseconds member_timeout);

Verdict judge(const ClusterView& view);

// By how much time the newest commits that `node` holds are behind the newest held anywhere; 0: behind nobody.
std::int64_t lag_ms(const ClusterView& view, const NodeView& node);

// Since when nobody who answers has heard of the node; -1: nobody ever has.
std::int64_t silent_for_ms(const ClusterView& view, const NodeView& node);

// The cluster's time, as far as the nodes tell.
std::int64_t now_ms(const ClusterView& view);

std::string short_root(const std::string& root);

}  // namespace kith
