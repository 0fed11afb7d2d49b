// tests/soak/soak_cluster.h -- the real kithd of a soak, each of which knows the others by their addresses at the proxy only.
//
// Belongs to one thread, but for the questions that say otherwise.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "crdt/timestamp.h"
#include "tests/node/kithd_process.h"
#include "tests/soak/peer_proxy.h"
#include "tests/soak/verdict.h"

namespace kith::soak {

// What a node says of itself.
struct NodeState {
  bool introduced = false;
  bool rebasing = false;
  Timestamp floor;
  std::string root;
  std::size_t members = 0;
  std::uint64_t redone = 0;   // Lines of its list.
};

class SoakCluster {
 public:
  // Starts them, and waits until each knows all.  Throws std::runtime_error.
  SoakCluster(const std::string& directory, std::size_t nodes, std::int64_t retry_window_ms, std::uint64_t seed);

  std::size_t size() const { return nodes_.size(); }
  KithdProcess& node(std::size_t index) { return nodes_[index]; }
  PeerProxy& proxy() { return proxy_; }
  const std::string& data_of(std::size_t index) const { return data_[index]; }
  const std::vector<std::string>& client_addresses() const { return client_addresses_; }  // Any thread.
  std::optional<std::size_t> index_of(const std::string& name) const;                     // Any thread.

  // By asking it: nothing when it does not answer within `timeout`.  Any thread.
  std::optional<NodeState> state_of(std::size_t index, std::chrono::milliseconds timeout = std::chrono::milliseconds(1000)) const;
  // Everything that one node shows.  Throws ClientError, or std::runtime_error.
  Shown shown_by(std::size_t index) const;

 private:
  PeerProxy proxy_;
  std::vector<std::string> data_;
  std::deque<KithdProcess> nodes_;
  std::vector<std::string> client_addresses_;
};

}  // namespace kith::soak
