// tools/demo/demo_cluster.h -- some nodes n1..nN on this machine, and what can be done to them.
//
// All were started with --allow-faults.  Belongs to the main thread (see node_process.h).
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "node/view/cluster_view.h"
#include "node/view/connections.h"
#include "tools/demo/node_process.h"

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
    std::int64_t took_ms = 0;  // Since the last mark.
    std::uint64_t bytes = 0;   // Sent from node to node since then.
  };
  // Waits until all running nodes hold the same, then sets a mark.
  Convergence converge(std::chrono::milliseconds patience);

  // What converge() counts from; heal() and restart() set one, too.
  void mark();

 private:
  void fault(const NodeProcess& node, const std::string& text);
  void fault_all(const std::string& text);
  std::vector<std::string> peers_of(const NodeProcess& node) const;
  void wait_until_joined();
  std::uint64_t bytes_since_mark(const ClusterView& view) const;

  struct Mark {
    std::chrono::steady_clock::time_point at;
    std::map<std::string, std::pair<std::int64_t, std::uint64_t>> sent;  // Name -> pid, bytes: a new life begins at 0.
  };

  std::vector<NodeProcess> nodes_;
  Connections connections_;
  Mark mark_;
};

// Bytes that a node has sent to others in its present life.
std::uint64_t bytes_sent(const NodeStatus& status);

}  // namespace kith::tools
