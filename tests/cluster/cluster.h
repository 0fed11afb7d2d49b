// tests/cluster/cluster.h -- three real kithd on loopback, and questions that tests ask of all of them.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "node/client.h"
#include "tests/node/kithd_process.h"
#include "tests/node/temporary_directory.h"

namespace kith {

class TestCluster {
 public:
  explicit TestCluster(std::size_t nodes, const std::vector<std::string>& flags = {});

  KithdProcess& node(std::size_t index) { return nodes_[index]; }
  std::size_t size() const { return nodes_.size(); }
  std::string data_of(std::size_t index) const;

  std::string root_of(std::size_t index);          // From its status; empty when it does not answer.
  bool all_equal();                                // All answer, with one root.
  bool all_know_all();                             // Every member table has every node.
  std::uint64_t counter(std::size_t index, const std::string& name);

 private:
  TemporaryDirectory directory_;
  std::deque<KithdProcess> nodes_;
};

// Every page of a set, read at one node.
std::vector<std::string> members_of(Client& client, const std::string& key);

}  // namespace kith
