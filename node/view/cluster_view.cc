#include "node/view/cluster_view.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <set>
#include <thread>

#include "crdt/timestamp.h"
#include "node/view/inspect_documents.h"
#include "node/view/text.h"

namespace kith {
namespace {

// Enough that a thousand nodes, all silent, take 1,000 / 32 timeouts.
constexpr std::size_t kThreadsMax = 32;

// Each node's own connection on some thread: a Client belongs to one.
void in_parallel(std::vector<NodeView>& nodes, const std::function<void(NodeView&)>& ask) {
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < nodes.size(); i = next++) {
      try {
        ask(nodes[i]);
      } catch (const ClientError& error) {
        nodes[i].error = error.what();
      }
    }
  };
  std::vector<std::jthread> threads;
  for (std::size_t i = 1; i < std::min(nodes.size(), kThreadsMax); ++i) threads.emplace_back(work);
  work();
}

ClientReply ask_once(const NodeView& node, ClientOp op, std::chrono::milliseconds timeout) {
  Request request;
  request.op = op;
  Connections connections;
  ClientReply reply = connections.call(node.address, request, timeout);
  if (reply.status != Status::kOk) throw ClientError(ClientError::Kind::kProtocol, reply.message);
  return reply;
}

bool roots_differ(const std::vector<NodeView>& nodes) {
  std::set<std::string> roots;
  for (const NodeView& node : nodes) {
    if (node.status) roots.insert(node.status->root);
  }
  return roots.size() > 1;
}

void ask_all(std::vector<NodeView>& nodes, std::chrono::milliseconds timeout) {
  in_parallel(nodes, [&](NodeView& node) {
    if (!node.status) node.status = parse_node_status(ask_once(node, ClientOp::kStatus, timeout).document);
    // Where two members are said to be at one address (a directory that was replaced), only one of them is there.
    if (node.name.empty()) node.name = node.status->name;
    if (node.status->name != node.name) {
      node.error = "at " + node.address + " is " + node.status->name;
      node.status.reset();
    }
  });
  if (!roots_differ(nodes)) return;
  in_parallel(nodes, [&](NodeView& node) {
    if (node.status) node.shards = parse_shard_roots(ask_once(node, ClientOp::kShards, timeout).document);
  });
}

std::size_t shards_differing(const NodeView& a, const NodeView& b) {
  const std::size_t common = std::min(a.shards.size(), b.shards.size());
  std::size_t differing = std::max(a.shards.size(), b.shards.size()) - common;
  for (std::size_t i = 0; i < common; ++i) differing += a.shards[i] != b.shards[i] ? 1 : 0;
  return differing;
}

// The newest commit that `b` holds and `a` lacks.
std::optional<Timestamp> newest_lacked(const NodeView& a, const NodeView& b) {
  std::optional<Timestamp> newest;
  for (const auto& [origin, at] : b.status->newest_held) {
    const auto mine = a.status->newest_held.find(origin);
    if (mine != a.status->newest_held.end() && mine->second >= at) continue;
    if (!newest || at > newest->value) newest = Timestamp{at};
  }
  return newest;
}

std::string compare(const NodeView& a, const NodeView& b, std::int64_t now) {
  const auto a_lacks = newest_lacked(a, b);
  const auto b_lacks = newest_lacked(b, a);
  const auto age = [&](Timestamp at) { return duration_in_words(std::max<std::int64_t>(0, now - at.ms())); };
  const std::size_t differing = shards_differing(a, b);
  const std::string shards = std::to_string(differing) + " of " + std::to_string(a.shards.size()) +
                             (differing == 1 ? " shards differs" : " shards differ");
  if (a_lacks && b_lacks) {
    return a.name + " and " + b.name + " each hold writes that the other lacks: " + shards + ", the newest is " +
           age(std::max(*a_lacks, *b_lacks)) + " old";
  }
  if (a_lacks || b_lacks) {
    const NodeView& late = a_lacks ? a : b;
    const NodeView& ahead = a_lacks ? b : a;
    return late.name + " is behind " + ahead.name + ": " + shards + ", newest write it lacks is " +
           age(a_lacks ? *a_lacks : *b_lacks) + " old";
  }
  return a.name + " and " + b.name + " differ: " + shards + "; both hold all commits, so the next rounds mend it";
}

}  // namespace

std::string_view name_of(Agreement agreement) {
  switch (agreement) {
    case Agreement::kConverged: return "converged";
    case Agreement::kBehind: return "behind";
    case Agreement::kUnknown: return "unknown";
  }
  return "unknown";
}

ClusterView look_at_cluster(Connections& connections, const std::string& address, std::chrono::milliseconds timeout,
                            std::chrono::milliseconds member_timeout) {
  Request request;
  request.op = ClientOp::kStatus;
  NodeStatus first = parse_node_status(connections.call(address, request, timeout).document);
  ClusterView view;
  view.asked = first.name;
  for (const MemberRow& member : first.members) {
    if (member.evicted) continue;
    // The one we have just spoken to is where we found it, whatever it calls its address.
    view.nodes.push_back({.name = member.name, .address = member.self ? address : member.client_address,
                          .status = {}, .error = {}, .shards = {}});
  }
  if (view.nodes.empty()) {
    view.nodes.push_back({.name = first.name, .address = address, .status = {}, .error = {}, .shards = {}});
  }
  std::sort(view.nodes.begin(), view.nodes.end(), [](const NodeView& a, const NodeView& b) { return a.name < b.name; });
  ask_all(view.nodes, member_timeout);
  return view;
}

ClusterView look_at_nodes(const std::vector<std::pair<std::string, std::string>>& names_and_addresses,
                          std::chrono::milliseconds member_timeout) {
  ClusterView view;
  for (const auto& [name, address] : names_and_addresses) {
    view.nodes.push_back({.name = name, .address = address, .status = {}, .error = {}, .shards = {}});
  }
  ask_all(view.nodes, member_timeout);
  if (!view.nodes.empty()) view.asked = view.nodes.front().name;
  return view;
}

std::int64_t now_ms(const ClusterView& view) {
  std::int64_t now = 0;
  for (const NodeView& node : view.nodes) {
    if (node.status) now = std::max(now, node.status->now_ms);
  }
  return now;
}

std::int64_t silent_for_ms(const ClusterView& view, const NodeView& node) {
  std::int64_t least = -1;
  for (const NodeView& other : view.nodes) {
    if (!other.status) continue;
    for (const MemberRow& member : other.status->members) {
      if (member.name != node.name || member.heard_ms_ago < 0) continue;
      if (least < 0 || member.heard_ms_ago < least) least = member.heard_ms_ago;
    }
  }
  return least;
}

std::int64_t lag_ms(const ClusterView& view, const NodeView& node) {
  std::int64_t lag = 0;
  for (const NodeView& other : view.nodes) {
    if (!other.status || !node.status || other.status->root == node.status->root) continue;
    for (const auto& [origin, at] : other.status->newest_held) {
      const auto mine = node.status->newest_held.find(origin);
      if (mine != node.status->newest_held.end() && mine->second >= at) continue;
      const std::int64_t from =
          mine == node.status->newest_held.end() ? Timestamp{at}.ms() : Timestamp{mine->second}.ms();
      lag = std::max(lag, std::max<std::int64_t>(1, now_ms(view) - from));
    }
  }
  return lag;
}

std::string short_root(const std::string& root) { return root.substr(0, 8); }

Verdict judge(const ClusterView& view) {
  std::string sentence;
  const auto also = [&](const std::string& text) { sentence += (sentence.empty() ? "" : "; ") + text; };
  for (const NodeView& node : view.nodes) {
    if (node.status && node.status->joined) continue;
    if (node.status) {
      also(node.name + " (" + node.address + ") has not joined yet");
      continue;
    }
    const std::int64_t silent = silent_for_ms(view, node);
    also(node.name + " (" + node.address + ") cannot be reached" +
         (silent < 0 ? ", and no other node has heard from it"
                     : ": last heard from at " + utc_clock(now_ms(view) - silent)));
  }
  if (!sentence.empty()) return {Agreement::kUnknown, "unknown: " + sentence};
  if (view.nodes.empty()) return {Agreement::kUnknown, "unknown: no nodes"};

  // The view most nodes share; of equals the first.
  std::map<std::string, std::size_t> holders;
  for (const NodeView& node : view.nodes) ++holders[node.status->root];
  const auto most = std::max_element(view.nodes.begin(), view.nodes.end(), [&](const NodeView& a, const NodeView& b) {
    return holders[a.status->root] < holders[b.status->root];
  });
  std::int64_t since = 0;
  for (const NodeView& node : view.nodes) {
    since = std::max(since, node.status->root_since_ms);
    if (node.status->root != most->status->root) also(compare(node, *most, now_ms(view)));
  }
  if (!sentence.empty()) return {Agreement::kBehind, sentence};
  return {Agreement::kConverged, "converged at root " + short_root(most->status->root) + " since " + utc_clock(since)};
}

}  // namespace kith
