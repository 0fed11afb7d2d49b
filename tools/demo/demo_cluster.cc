#include "tools/demo/demo_cluster.h"

#include <algorithm>
#include <thread>

#include "node/client_protocol.h"
#include "node/view/text.h"
#include "tools/kith/exit_code.h"

namespace kith::tools {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
constexpr milliseconds kPatience{5000};
constexpr milliseconds kJoinPatience{20000};
constexpr milliseconds kStopPatience{10000};
constexpr milliseconds kPoll{20};

}  // namespace

DemoCluster::DemoCluster(const std::string& program, const std::string& directory, std::size_t nodes,
                         const std::vector<std::string>& arguments) {
  for (std::size_t i = 1; i <= nodes; ++i) {
    NodeProcess::Options options{.program = program, .directory = directory, .name = "n" + std::to_string(i),
                                 .join = {}, .arguments = {"--allow-faults"}};
    options.arguments.insert(options.arguments.end(), arguments.begin(), arguments.end());
    nodes_.emplace_back(std::move(options));
  }
}

void DemoCluster::start() {
  for (NodeProcess& node : nodes_) {
    node.join_through(peers_of(node));
    node.start();
    connections_.know(node.name(), node.client_address());
  }
  wait_until_joined();
  mark();
}

void DemoCluster::wait_until_joined() {
  const auto deadline = Clock::now() + kJoinPatience;
  for (;;) {
    const ClusterView view = look_at_nodes(addresses(), kPatience);
    std::string missing;
    for (const NodeView& node : view.nodes) {
      if (node.status && node.status->joined && node.status->members.size() == nodes_.size()) continue;
      missing += (missing.empty() ? "" : ", ") + node.name;
      if (!node.error.empty()) missing += " (" + node.error + ")";
    }
    if (missing.empty()) return;
    if (Clock::now() > deadline) {
      throw CommandError(ExitCode::kFailed, "the cluster did not form within 20 s; not joined: " + missing);
    }
    std::this_thread::sleep_for(kPoll);
  }
}

std::vector<std::string> DemoCluster::peers_of(const NodeProcess& node) const {
  std::vector<std::string> out;
  for (const NodeProcess& other : nodes_) {
    if (&other != &node && !other.peer_address().empty()) out.push_back(other.peer_address());
  }
  return out;
}

NodeProcess& DemoCluster::node(const std::string& name) {
  for (NodeProcess& node : nodes_) {
    if (node.name() == name) return node;
  }
  throw CommandError(ExitCode::kUsage, "there is no node \"" + escaped(name) + "\"; there are n1 to n" +
                                           std::to_string(nodes_.size()));
}

void DemoCluster::kill(const std::string& name) {
  NodeProcess& target = node(name);
  if (!target.running())
    throw CommandError(ExitCode::kFailed, name + " is not running; \\restart " + name + " starts it");
  target.kill();
  connections_.drop(target.client_address());
}

void DemoCluster::stop(const std::string& name) {
  NodeProcess& target = node(name);
  if (!target.running())
    throw CommandError(ExitCode::kFailed, name + " is not running; \\restart " + name + " starts it");
  const bool in_time = target.stop(kStopPatience);
  connections_.drop(target.client_address());
  if (!in_time)
    throw CommandError(ExitCode::kFailed, name + " did not stop within 10 s and was killed; see " + target.log_path());
}

void DemoCluster::restart(const std::string& name) {
  NodeProcess& target = node(name);
  target.kill();
  connections_.drop(target.client_address());
  mark();
  target.start();
}

void DemoCluster::partition(const std::vector<std::vector<std::string>>& groups) {
  for (const auto& group : groups) {
    for (const std::string& name : group) node(name);  // All names are checked before anything is cut.
  }
  heal();
  for (const auto& group : groups) {
    for (const std::string& name : group) {
      for (const auto& other_group : groups) {
        if (&other_group == &group) continue;
        for (const std::string& other : other_group) fault(node(name), "cut " + other);
      }
    }
  }
}

void DemoCluster::heal() {
  mark();
  fault_all("heal");
}

void DemoCluster::latency(const std::string& duration) { fault_all("latency " + duration); }

void DemoCluster::fault_all(const std::string& text) {
  for (NodeProcess& node : nodes_) {
    if (node.running()) fault(node, text);
  }
}

void DemoCluster::fault(const NodeProcess& node, const std::string& text) {
  if (node.pid() == 0) return;
  Request request;
  request.op = ClientOp::kFault;
  request.text = text;
  const ClientReply reply = connections_.call(node.client_address(), request, kPatience);
  if (reply.status != Status::kOk) {
    throw CommandError(ExitCode::kNotAllowed, node.name() + " refused \"" + text + "\": " + reply.message);
  }
}

DemoCluster::Addresses DemoCluster::addresses() const {
  Addresses out;
  for (const NodeProcess& node : nodes_) out.emplace_back(node.name(), node.client_address());
  return out;
}

DemoCluster::Addresses DemoCluster::running() {
  Addresses out;
  for (NodeProcess& node : nodes_) {
    if (node.running()) out.emplace_back(node.name(), node.client_address());
  }
  return out;
}

void DemoCluster::mark() {
  mark_ = {.at = Clock::now(), .sent = {}};
  for (const NodeView& node : look_at_nodes(running(), kPatience).nodes) {
    if (node.status) mark_.sent[node.name] = {node.status->pid, bytes_sent(*node.status)};
  }
}

std::uint64_t DemoCluster::bytes_since_mark(const ClusterView& view) const {
  std::uint64_t sum = 0;
  for (const NodeView& node : view.nodes) {
    if (!node.status) continue;
    const auto before = mark_.sent.find(node.name);
    const bool same_life = before != mark_.sent.end() && before->second.first == node.status->pid;
    sum += bytes_sent(*node.status) - (same_life ? before->second.second : 0);
  }
  return sum;
}

DemoCluster::Convergence DemoCluster::converge(milliseconds patience) {
  const auto begin = Clock::now();
  for (;;) {
    const ClusterView view = look_at_nodes(running(), kPatience);
    const Verdict verdict = judge(view);
    if (verdict.agreement != Agreement::kConverged && Clock::now() - begin < patience) {
      std::this_thread::sleep_for(kPoll);
      continue;
    }
    const Convergence seen{.reached = verdict.agreement == Agreement::kConverged,
                           .sentence = verdict.sentence,
                           .root = view.nodes.empty() || !view.nodes[0].status ? "" : view.nodes[0].status->root,
                           .took_ms = std::chrono::duration_cast<milliseconds>(Clock::now() - mark_.at).count(),
                           .bytes = bytes_since_mark(view)};
    mark();
    return seen;
  }
}

std::uint64_t bytes_sent(const NodeStatus& status) {
  const auto found = status.counters.find("transport_bytes_sent");
  return found == status.counters.end() ? 0 : found->second;
}

}  // namespace kith::tools
