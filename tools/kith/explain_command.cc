#include "tools/kith/explain_command.h"

#include <algorithm>
#include <map>
#include <optional>
#include <ostream>

#include <nlohmann/json.hpp>

#include "node/view/cluster_view.h"
#include "node/view/explain_document.h"
#include "node/view/explain_words.h"
#include "node/view/explanation.h"
#include "node/view/json_text.h"
#include "node/view/text.h"
#include "tools/kith/ask.h"
#include "tools/kith/explain_merge.h"
#include "tools/kith/table.h"

namespace kith::tools {
namespace {

using Json = nlohmann::ordered_json;
using Role = ExplainedEntry::Role;
using Answer = ExplanationOfNode;

constexpr std::int64_t kMemberTimeoutMs = 2000;
// Rows of the table of entries; a counter may have a hundred.
constexpr std::size_t kRowsTold = 40;

// Rows: every entry that any node has; columns: which nodes have it.
void print_entries(const Console& console, const std::vector<Answer>& answers, const LifeNames& lives) {
  struct Key {
    std::string kind;
    Role role;
    Tag tag;
    auto operator<=>(const Key&) const = default;
  };
  std::map<Key, ExplainedEntry> all;
  std::map<Key, std::map<std::string, ExplainedEntry>> by_node;
  for (const Answer& answer : answers) {
    for (const ExplainedValue& value : answer.explained.values) {
      for (const ExplainedEntry& entry : value.entries) {
        const Key key{value.kind, entry.role, entry.tag};
        all.emplace(key, entry);
        by_node[key].emplace(answer.node, entry);
      }
    }
  }
  if (all.empty()) return;
  std::vector<std::string> headings = {"kind", "entry", "tag", "of", "committed"};
  for (const Answer& answer : answers) headings.push_back(answer.node);
  Table table(std::move(headings));
  std::size_t left = kRowsTold;
  for (const auto& [key, entry] : all) {
    if (left-- == 0) break;
    std::vector<Table::Cell> row = {key.kind, std::string(name_of(key.role)), to_string(key.tag), writer_in_words(lives, entry),
                                    life_in_words(lives, entry.commit.origin) + " " + utc_clock(entry.commit.at.ms())};
    for (const Answer& answer : answers) {
      const auto found = by_node[key].find(answer.node);
      if (!answer.error.empty()) row.emplace_back("?", Color::kBad);
      else if (found == by_node[key].end()) row.emplace_back("-", Color::kFaint);
      else if (key.role == Role::kRemoval || key.role == Role::kBase) row.emplace_back("yes");
      else if (found->second.dead) row.emplace_back(key.role == Role::kAdd ? "dead" : found->second.expires ? "expired" : "deleted", Color::kFaint);
      else row.emplace_back("alive", Color::kGood);
    }
    table.add(std::move(row));
  }
  console.out << '\n';
  table.print(console);
  if (all.size() > kRowsTold) console.out << "and " << all.size() - kRowsTold << " more; --json has what the nodes tell\n";
}

Request question(const CommandLine& line) {
  Request request = request_of(line, ClientOp::kExplain);
  request.key = line.arguments[0];
  if (line.arguments.size() > 1) request.members = {line.arguments[1]};
  return request;
}

Answer ask_one(Context& context, const CommandLine& line, const NodeView& node) {
  return explain_at(node, question(line), [&](const std::string& address, const Request& request) {
    return ask_at(context, address, line.settings, request);
  });
}

// Values of other kinds, where ELEMENT was asked for and nobody has it: somebody who takes a register for a set.
std::string other_kinds(Context& context, const CommandLine& line) {
  if (line.arguments.size() < 2) return {};
  Request request = question(line);
  request.members.clear();
  std::vector<std::string> kinds;
  for (const ExplainedValue& value : parse_explained(ask(context, line.settings, request).document).values) {
    if (value.kind == "register" || value.kind == "counter") kinds.push_back("a " + value.kind);
  }
  if (kinds.empty()) return {};
  return "\"" + escaped(line.arguments[0]) + "\" is " + listed(kinds) + ", which has no elements: kith explain " + kith::quoted(line.arguments[0]);
}

// The other node's copy, fetched to be looked at only.
Answer fetch_other(Context& context, const CommandLine& line, const NodeStatus& mine) {
  const std::string address = context.connections.resolve(line.with, line.settings.address(), timeout_of(line.settings));
  Request request;
  request.op = ClientOp::kStatus;
  NodeView other;
  other.address = address;
  other.status = parse_node_status(ask_at(context, address, line.settings, request).document);
  other.name = other.status->name;
  if (other.status->cluster_id != mine.cluster_id) {
    throw CommandError(ExitCode::kFailed, other.name + " (" + address + ") belongs to " +
                                              (other.status->cluster_id.empty() ? "no cluster yet" : "cluster " + other.status->cluster_name + " (" +
                                                                                                       other.status->cluster_id + ")") +
                                              ", and " + mine.name + " to " + mine.cluster_name + " (" + mine.cluster_id +
                                              "): copies of two clusters are never merged");
  }
  if (other.name == mine.name) throw CommandError(ExitCode::kFailed, "--with names " + mine.name + ", the node that is asked: name another one");
  Answer answer = ask_one(context, line, other);
  if (!answer.error.empty()) throw CommandError(ExitCode::kFailed, other.name + " (" + address + "): " + answer.error);
  return answer;
}

class ExplainCommand {
 public:
  ExplainCommand(Context& context, const CommandLine& line) : context_(context), line_(line) {
    const Settings& settings = line.settings;
    const auto patience = std::chrono::milliseconds(settings.timeout_given ? settings.timeout_ms
                                                                           : std::min(settings.timeout_ms, kMemberTimeoutMs));
    const ClusterView view = look_at_cluster(context.connections, settings.address(), timeout_of(settings), patience);
    std::vector<Answer> answers;
    for (const NodeView& node : view.nodes) answers.push_back(ask_one(context, line, node));
    explanation_ = explain(std::move(answers), view.asked);
    if (!explanation_.asked) throw CommandError(ExitCode::kFailed, settings.address() + " does not know itself as a member");
    // Its own word is the explanation; what the others do not say is told beside it.
    if (!asked().error.empty()) throw CommandError(ExitCode::kFailed, asked().error);
    if (!line.with.empty()) merge();
  }

  ExitCode print() const {
    if (line_.settings.json) {
      print_json();
    } else {
      print_text();
    }
    if (!explanation_.found) {
      if (const std::string hint = other_kinds(context_, line_); !hint.empty()) {
        context_.console.out.flush();
        context_.console.err << context_.console.paint_err(Color::kWarning, "kith:") << ' ' << hint << '\n';
      }
    }
    return explanation_.found ? ExitCode::kOk : ExitCode::kNotFound;
  }

 private:
  const Answer& asked() const { return explanation_.answers[*explanation_.asked]; }
  std::string what() const { return "\"" + escaped(line_.arguments.back()) + "\""; }

  void merge() {
    const Answer other = fetch_other(context_, line_, *asked().status);
    explanation_.learn(other);
    explanation_.found |= !other.explained.values.empty();
    other_ = other.node;
    verdict_ = merge_in_words({*asked().status, asked().explained.values}, {*other.status, other.explained.values}, explanation_.lives, what());
  }

  void print_text() const {
    const Console& console = context_.console;
    for (const Answer& answer : explanation_.answers) {
      if (!answer.error.empty()) {
        console.out << answer.node << ": " << console.paint(Color::kBad, "unreachable: " + answer.error) << '\n';
      } else if (answer.explained.values.empty()) {
        console.out << answer.node << ": nothing is stored, not even a removal\n";
      }
      for (const ExplainedValue& value : answer.explained.values) {
        console.out << answer.node << ": " << value_in_words(value, explanation_.lives, what()) << '\n';
      }
    }
    print_entries(console, explanation_.answers, explanation_.lives);
    if (!explanation_.history.empty()) {
      console.out << "\nAs far as " << asked().node << " knows:\n";
      for (const std::string& sentence : explanation_.history) console.out << "  " << sentence << '\n';
    }
    if (!verdict_) return;
    console.out << "\nIf " << other_ << "'s copy were merged into " << asked().node << "'s (nothing is changed by asking):\n";
    for (const std::string& sentence : verdict_->sentences) console.out << "  " << sentence << '\n';
  }

  void print_json() const {
    Json out = json_of(explanation_, question(line_));
    if (verdict_) {
      out["with"] = {{"node", other_}, {"would_change", verdict_->would_change}, {"fenced", verdict_->fenced}, {"sentences", verdict_->sentences}};
    }
    context_.console.out << out.dump(2) << '\n';
  }

  Context& context_;
  const CommandLine& line_;
  Explanation explanation_;
  std::string other_;
  std::optional<MergeVerdict> verdict_;
};

}  // namespace

ExitCode run_explain(Context& context, const CommandLine& line) { return ExplainCommand(context, line).print(); }

}  // namespace kith::tools
