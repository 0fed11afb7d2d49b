// tools/demo/demo_cluster.h -- some nodes n1..nN on this machine, and what can be done to them.
//
// All were started with --allow-faults.  Belongs to the main thread (see node_process.h).
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "tools/demo/node_process.h"
#include "tools/kith/cluster_view.h"
#include "tools/kith/connections.h"

namespace kith::tools {

class DemoCluster {
 public:
  using Addresses = std::vector<std::pair<std::string, std::string>>;  // Name, client address.

  // `arguments`: more flags for every kithd.
  DemoCluster(const std::string& program, const std::string& directory, std::size_t nodes,
              const std::vector<std::string>& arguments);

  // Starts them all and waits until each knows all.  Throws CommandError.
  void start();

  void kill(const std::string& name);
  void stop(const std::string& name);
  void restart(const std::string& name);  // Kills it first when it runs.
  void partition(const std::vector<std::vector<std::string>>& groups);
  void heal();
  void latency(const std::string& duration);  // "200ms", of every message between nodes; "0ms" ends it.

  NodeProcess& node(const std::string& name);  // Throws CommandError when there is none.
  std::vector<NodeProcess>& nodes() { return nodes_; }
  Addresses addresses() const;
  Addresses running();
  Connections& connections() { return connections_; }

  struct Convergence {
    bool reached = false;
    std::string sentence;     // The verdict.
    std::string root;
    std::int64_t took_ms = 0;
    std::uint64_t bytes = 0;  // Sent from node to node meanwhile.
  };
  // Waits until all running nodes hold the same.
  Convergence converge(std::chrono::milliseconds patience);

 private:
  void fault(const NodeProcess& node, const std::string& text);
  void fault_all(const std::string& text);
  std::vector<std::string> peers_of(const NodeProcess& node) const;
  void wait_until_joined();

  std::vector<NodeProcess> nodes_;
  Connections connections_;
};

// Bytes that the nodes in view have sent to each other in their present lives.
std::uint64_t bytes_sent(const ClusterView& view);

}  // namespace kith::tools
