#include "tests/cluster/cluster.h"

#include <nlohmann/json.hpp>
#include <stdexcept>

namespace kith {
namespace {

constexpr std::chrono::seconds kAnswerIn{5};

nlohmann::json status_of(KithdProcess& node) {
  Client client = node.connect();
  Request request;
  request.op = ClientOp::kStatus;
  return nlohmann::json::parse(client.call(request, kAnswerIn).document);
}

}  // namespace

TestCluster::TestCluster(std::size_t nodes, const std::vector<std::string>& flags) {
  for (std::size_t i = 0; i < nodes; ++i) {
    KithdProcess::Options options;
    options.data = data_of(i);
    options.name = "n" + std::to_string(i + 1);
    options.flags = flags;
    if (i > 0) options.join = {nodes_.front().peer_address()};
    nodes_.emplace_back(std::move(options));
    nodes_.back().wait_ready();
  }
}

std::string TestCluster::data_of(std::size_t index) const {
  return directory_.path() + "/n" + std::to_string(index + 1);
}

std::string TestCluster::root_of(std::size_t index) {
  try {
    return status_of(nodes_[index]).at("store").at("root").get<std::string>();
  } catch (const ClientError&) {
    return "";
  }
}

bool TestCluster::all_equal() {
  const std::string first = root_of(0);
  for (std::size_t i = 1; i < nodes_.size(); ++i) {
    if (root_of(i) != first) return false;
  }
  return !first.empty();
}

bool TestCluster::all_know_all() {
  for (auto& node : nodes_) {
    if (status_of(node).at("members").size() != nodes_.size()) return false;
  }
  return true;
}

std::uint64_t TestCluster::counter(std::size_t index, const std::string& name) {
  return status_of(nodes_[index]).at("counters").value(name, std::uint64_t{0});
}

std::vector<std::string> members_of(Client& client, const std::string& key) {
  std::vector<std::string> members;
  Request request;
  request.op = ClientOp::kSmembers;
  request.key = key;
  do {
    const ClientReply page = client.call(request, kAnswerIn);
    if (page.status != Status::kOk) throw std::runtime_error("smembers " + key + ": " + page.message);
    members.insert(members.end(), page.members.begin(), page.members.end());
    request.after = page.next;
  } while (!request.after.empty());
  return members;
}

}  // namespace kith
