#include "tools/kith/cluster_commands.h"

#include <algorithm>
#include <ostream>
#include <thread>

#include <nlohmann/json.hpp>

#include "crdt/timestamp.h"
#include "node/view/cluster_view.h"
#include "node/view/garbage_words.h"
#include "node/view/leave_words.h"
#include "node/view/liveness_words.h"
#include "node/view/node_state.h"
#include "node/view/text.h"
#include "tools/kith/ask.h"
#include "tools/kith/table.h"

namespace kith::tools {
namespace {

using std::chrono::milliseconds;

// A dead node should not hold up the table for all of the default timeout.
constexpr std::int64_t kMemberTimeoutMs = 2000;
constexpr std::int64_t kWaitTimeoutMs = 60 * 1000;
constexpr milliseconds kPollInterval{200};

milliseconds member_timeout_of(const Settings& settings) {
  return milliseconds(settings.timeout_given ? settings.timeout_ms : std::min(settings.timeout_ms, kMemberTimeoutMs));
}

ClusterView look(Context& context, const Settings& settings) {
  return look_at_cluster(context.connections, settings.address(), timeout_of(settings), member_timeout_of(settings));
}

Color color_of(Agreement agreement) {
  switch (agreement) {
    case Agreement::kConverged: return Color::kGood;
    case Agreement::kBehind: return Color::kWarning;
    case Agreement::kUnknown: return Color::kBad;
  }
  return Color::kBad;
}

Table::Cell state_cell(const NodeView& node) {
  const NodeState state = state_of(node);
  return {state.text, state.severity == Severity::kGood ? Color::kGood : state.severity == Severity::kWarning ? Color::kWarning : Color::kBad};
}

// The asked node's view of `node`; null when it has none.
const MemberRow* seen_by_asked(const ClusterView& view, const NodeView& node) {
  for (const NodeView& asked : view.nodes) {
    if (asked.name != view.asked || !asked.status) continue;
    for (const MemberRow& member : asked.status->members) {
      if (member.name == node.name) return &member;
    }
  }
  return nullptr;
}

std::string ago(std::int64_t ms) { return ms < 0 ? "never" : duration_in_words(ms); }

std::string newest_commit(const NodeView& node) {
  Timestamp newest;
  for (const auto& [origin, at] : node.status->newest_held) newest = std::max(newest, Timestamp{at});
  if (!newest) return "none";
  std::string clock = utc_clock(newest.ms(), node.status->now_ms);
  return clock.substr(0, clock.size() - std::string_view(" UTC").size());
}

void print_table(const Console& console, const ClusterView& view) {
  Table table({"node", "address", "state", "root", "newest (UTC)", "lag", "heard", "clock", "disk"}, 4);
  for (const NodeView& node : view.nodes) {
    const MemberRow* seen = seen_by_asked(view, node);
    const bool self = node.name == view.asked;
    const std::string heard = self ? "-" : seen == nullptr ? "never" : ago(seen->heard_ms_ago);
    if (!node.status) {
      table.add({node.name, node.address, state_cell(node), "-", "-", "-", heard, "-", "-"});
      continue;
    }
    const std::int64_t lag = lag_ms(view, node);
    table.add({node.name, node.address, state_cell(node), short_root(node.status->root), newest_commit(node),
               lag == 0 ? Table::Cell("none") : Table::Cell(duration_in_words(lag), Color::kWarning), heard,
               self || seen == nullptr ? "-" : std::to_string(seen->clock_offset_ms) + " ms",
               bytes_in_words(node.status->bytes_used)});
  }
  table.print(console);
}

nlohmann::ordered_json json_of(const ClusterView& view, const Verdict& verdict) {
  nlohmann::ordered_json out;
  out["agreement"] = name_of(verdict.agreement);
  out["headline"] = verdict.sentence;
  out["nodes"] = nlohmann::ordered_json::array();
  for (const NodeView& node : view.nodes) {
    nlohmann::ordered_json row{{"name", node.name}, {"address", node.address}, {"reachable", node.status.has_value()}};
    if (node.status) {
      row["lag_ms"] = lag_ms(view, node);
      row["status"] = nlohmann::ordered_json::parse(node.status->document);
    } else {
      row["error"] = node.error;
      row["silent_for_ms"] = silent_for_ms(view, node);
    }
    out["nodes"].push_back(std::move(row));
  }
  return out;
}

}  // namespace

ExitCode run_status(Context& context, const CommandLine& line) {
  const ClusterView view = look(context, line.settings);
  const Verdict verdict = judge(view);
  const Console& console = context.console;
  if (line.settings.json) {
    console.out << json_of(view, verdict).dump(2) << '\n';
    return ExitCode::kOk;
  }
  console.out << console.paint(color_of(verdict.agreement), verdict.sentence) << "\n\n";
  print_table(console, view);
  for (const NodeView& node : view.nodes) {
    if (!node.status || node.name != view.asked) continue;
    for (const std::string& sentence : missed_in_words(*node.status)) console.out << sentence << '\n';
    for (const std::string& sentence : garbage_in_words(*node.status)) console.out << sentence << '\n';
    for (const std::string& sentence : leaving_in_words(*node.status)) console.out << sentence << '\n';
  }
  for (const NodeView& node : view.nodes) {
    if (node.status && node.status->redone_lines > 0) console.out << redone_in_words(*node.status) << '\n';
  }
  for (const NodeView& node : view.nodes) {
    if (!node.status) console.err << node.name << ": " << node.error << '\n';
  }
  return ExitCode::kOk;
}

ExitCode run_nodes(Context& context, const CommandLine& line) {
  Request request;
  request.op = ClientOp::kStatus;
  const NodeStatus status = parse_node_status(ask(context, line.settings, request).document);
  if (line.settings.json) {
    const auto document = nlohmann::ordered_json::parse(status.document);
    context.console.out << document.value("members", nlohmann::ordered_json::array()).dump(2) << '\n';
    return ExitCode::kOk;
  }
  Table table({"node", "clients", "peers", "id", "lives", "heard", "agreed", "believed"}, 2);
  for (const MemberRow& member : status.members) {
    table.add({member.name, member.client_address, member.peer_address, member.id, std::to_string(member.lives),
               member.left ? "left" : member.evicted ? "evicted" : member.self ? "-" : ago(member.heard_ms_ago), member.self ? "-" : ago(member.agreed_ms_ago),
               liveness_in_words(member)});
  }
  table.print(context.console);
  return ExitCode::kOk;
}

ExitCode run_wait(Context& context, const CommandLine& line) {
  if (!line.converged) throw CommandError(ExitCode::kUsage, "wait for what? kith wait --converged");
  using Clock = std::chrono::steady_clock;
  const std::int64_t timeout_ms = line.settings.timeout_given ? line.settings.timeout_ms : kWaitTimeoutMs;
  const auto begin = Clock::now();
  const auto deadline = begin + milliseconds(timeout_ms);
  Verdict verdict;
  for (bool answered_before = false;; answered_before = true) {
    const auto left = std::max(std::chrono::ceil<milliseconds>(deadline - Clock::now()), milliseconds(100));
    const auto patience = std::min(left, milliseconds(kMemberTimeoutMs));
    try {
      verdict = judge(look_at_cluster(context.connections, line.settings.address(), left, patience));
    } catch (const ClientError& error) {
      if (!answered_before) throw;
      verdict = {Agreement::kUnknown, std::string("unknown: ") + error.what()};
    }
    if (verdict.agreement == Agreement::kConverged || Clock::now() >= deadline) break;
    std::this_thread::sleep_for(std::min<Clock::duration>(kPollInterval, deadline - Clock::now()));
  }
  const auto waited_ms = std::chrono::duration_cast<milliseconds>(Clock::now() - begin).count();
  const bool converged = verdict.agreement == Agreement::kConverged;
  if (line.settings.json) {
    context.console.out << nlohmann::ordered_json{{"agreement", name_of(verdict.agreement)},
                                                  {"headline", verdict.sentence},
                                                  {"waited_ms", waited_ms}}.dump() << '\n';
  } else if (converged) {
    context.console.out << context.console.paint(Color::kGood, verdict.sentence) << '\n';
  }
  if (converged) return ExitCode::kOk;
  throw CommandError(ExitCode::kTimeout, "waited " + duration_in_words(waited_ms) +
                                             " for all nodes to hold the same; still " + verdict.sentence);
}

}  // namespace kith::tools
