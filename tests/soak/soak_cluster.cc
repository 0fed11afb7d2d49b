#include "tests/soak/soak_cluster.h"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <stdexcept>

#include "node/config.h"

namespace kith::soak {
namespace {

constexpr std::chrono::seconds kAnswerIn{30};

ClientReply asked(Client& client, const Request& request) {
  ClientReply reply = client.call(request, kAnswerIn);
  if (reply.status == Status::kOk || reply.status == Status::kNotFound) return reply;
  throw std::runtime_error(client.address() + " does not say what it has: " + reply.message);
}

std::vector<KeyInfo> keys_at(Client& client) {
  std::vector<KeyInfo> out;
  Request request;
  request.op = ClientOp::kKeys;
  do {
    const ClientReply page = asked(client, request);
    out.insert(out.end(), page.keys.begin(), page.keys.end());
    request.after = page.next;
  } while (!request.after.empty());
  return out;
}

// So that a run of hours does not notice when somebody builds.
std::string own_copy(const std::string& program, const std::string& directory) {
  const std::string copy = directory + "/" + std::filesystem::path(program).filename().string();
  std::filesystem::copy_file(program, copy);
  return copy;
}

}  // namespace

SoakCluster::SoakCluster(const std::string& directory, std::size_t nodes, std::int64_t retry_window_ms, std::uint64_t seed)
    : proxy_(nodes, seed) {
  const std::string program = own_copy(kithd_path(), directory);
  for (std::size_t i = 0; i < nodes; ++i) {
    data_.push_back(directory + "/n" + std::to_string(i + 1));
    KithdProcess::Options options;
    options.data = data_.back();
    options.program = program;
    options.name = "n" + std::to_string(i + 1);
    options.flags = {"--advertise-peer", proxy_.address(i), "--retry-window", format_duration(retry_window_ms),
                     "--gossip-interval", "200ms", "--shards", "16", "--replicas", std::to_string(nodes),
                     "--probe-every", "500ms", "--dead-after", "3s", "--map-size", "8GiB"};
    if (i > 0) options.join = {proxy_.address(0), proxy_.address(i - 1)};
    nodes_.emplace_back(std::move(options));
    proxy_.lead_to(i, nodes_.back().bound_peer_address());
    nodes_.back().wait_ready();
    client_addresses_.push_back(nodes_.back().client_address());
    Client client = nodes_.back().connect();
    const auto hello = nlohmann::json::parse(client.hello().document);
    const auto id = parse_hex(hello.at("node").at("id").get<std::string>());
    if (!id) throw std::runtime_error(options.name + " has no id");
    proxy_.know(NodeId{*id}, i);
  }
  const bool formed = eventually([&] {
    for (std::size_t i = 0; i < nodes; ++i) {
      const auto state = state_of(i);
      if (!state || state->members != nodes) return false;
    }
    return true;
  });
  if (!formed) throw std::runtime_error("the nodes do not all get to know each other");
}

std::optional<std::size_t> SoakCluster::index_of(const std::string& name) const {
  for (std::size_t i = 0; i < client_addresses_.size(); ++i) {
    if (name == "n" + std::to_string(i + 1)) return i;
  }
  return std::nullopt;
}

std::optional<NodeState> SoakCluster::state_of(std::size_t index, std::chrono::milliseconds timeout) const {
  try {
    const std::string address = index < client_addresses_.size() ? client_addresses_[index] : "";
    if (address.empty()) return std::nullopt;
    Client client = Client::connect(address, timeout);
    Request request;
    request.op = ClientOp::kStatus;
    const auto document = nlohmann::json::parse(client.call(request, timeout).document);
    NodeState out;
    out.introduced = document.at("introduced").get<bool>();
    const auto& garbage = document.at("garbage");
    out.rebasing = !garbage.at("rebase").is_null();
    if (const auto floor = parse_hex(garbage.at("floor").at("hlc").get<std::string>())) out.floor = Timestamp{*floor};
    out.root = document.at("store").at("root").get<std::string>();
    out.members = document.at("members").size();
    if (!document.at("redone").is_null()) out.redone = document.at("redone").at("lines").get<std::uint64_t>();
    return out;
  } catch (const ClientError&) {
    return std::nullopt;
  }
}

Shown SoakCluster::shown_by(std::size_t index) const {
  Client client = Client::connect(client_addresses_.at(index), kAnswerIn);
  Shown out;
  for (const KeyInfo& key : keys_at(client)) {
    Request request;
    request.key = key.key;
    if (key.kind == Kind::kCounter) {
      out.counters[key.key] = key.total;
    } else if (key.kind == Kind::kRegister) {
      request.op = ClientOp::kGet;
      if (const auto reply = asked(client, request); reply.value) out.registers[key.key] = *reply.value;
    } else if (key.kind == Kind::kSet) {
      request.op = ClientOp::kSmembers;
      auto& set = out.sets[key.key];
      do {
        const ClientReply page = asked(client, request);
        set.insert(page.members.begin(), page.members.end());
        request.after = page.next;
      } while (!request.after.empty());
    } else {
      request.op = ClientOp::kHgetall;
      do {
        const ClientReply page = asked(client, request);
        for (const auto& [field, value] : page.fields) out.registers[key.key + "/" + field] = value;
        request.after = page.next;
      } while (!request.after.empty());
    }
  }
  return out;
}

}  // namespace kith::soak
