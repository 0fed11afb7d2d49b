#include "tools/kith/explain_command.h"

#include <algorithm>
#include <map>
#include <ostream>

#include <nlohmann/json.hpp>

#include "tools/kith/ask.h"
#include "tools/kith/cluster_view.h"
#include "tools/kith/explain_document.h"
#include "tools/kith/json_text.h"
#include "tools/kith/table.h"
#include "tools/kith/text.h"

namespace kith::tools {
namespace {

constexpr std::int64_t kMemberTimeoutMs = 2000;

struct Answer {
  std::string node;
  std::string document;
  std::vector<ExplainedValue> values;
  std::string error;  // Why there is none.
};

using Role = ExplainedEntry::Role;
using OriginNames = std::map<std::uint64_t, std::string>;

OriginNames origin_names(const ClusterView& view) {
  OriginNames out;
  for (const NodeView& node : view.nodes) {
    if (!node.status) continue;
    for (const MemberRow& member : node.status->members) {
      if (const auto origin = parse_hex(member.origin)) out[*origin] = member.name;
    }
  }
  return out;
}

std::string name_of(const OriginNames& names, OriginId origin) {
  const auto found = names.find(origin.value);
  return found == names.end() ? "a former life " + to_hex(origin.value).substr(0, 8) : found->second;
}

std::string actor_of_entry(const OriginNames& names, const ExplainedEntry& entry) {
  const bool session = from_session(entry.tag, entry.commit);
  return session ? "session " + to_hex(entry.tag.actor.value).substr(0, 8)
                 : "no tag, by " + name_of(names, entry.commit.origin);
}

std::string in_words(const ExplainedValue& value, const OriginNames& names, const std::string& what) {
  if (value.damaged) return what + ": its row is damaged on this disk; a peer is being asked for it";
  if (value.collection && value.kind == "counter") {
    return (value.total ? "a counter at " + std::to_string(*value.total)
                        : "a counter of which a row is damaged; a peer is being asked for it") +
           "; " + count_of(value.cells, "row", "rows") + ", " + bytes_in_words(value.bytes) +
           (value.folded_to ? ", one of them all increments up to " + utc_clock(value.folded_to.ms()) : "");
  }
  if (value.collection) {
    return "a " + value.kind + " of " +
           count_of(value.live, "live " + std::string(value.kind == "set" ? "member" : "field"),
                    value.kind == "set" ? "live members" : "live fields") +
           "; " + count_of(value.cells, "row", "rows") + ", " + bytes_in_words(value.bytes);
  }
  std::string out = what + (value.present ? " is there" : " is not there");
  Timestamp latest_add;
  const ExplainedEntry* add = nullptr;
  const ExplainedEntry* removal = nullptr;
  for (const ExplainedEntry& entry : value.entries) {
    if (entry.role == Role::kRemoval) {
      if (removal == nullptr || entry.commit > removal->commit) removal = &entry;
    } else if (entry.dead == !value.present && entry.tag.at > latest_add) {
      add = &entry;
      latest_add = entry.tag.at;
    }
  }
  const auto when = [](Timestamp at) { return utc_clock(at.ms()); };
  if (add != nullptr && add->role == Role::kValue) {
    const bool expired = !value.present && add->expires;
    out += std::string(value.present || expired ? ": set" : ": deleted") + " at " + when(add->tag.at) + " (" +
           actor_of_entry(names, *add) + "), taken in by " + name_of(names, add->commit.origin);
    if (value.present) out += ", " + bytes_in_words(add->value_bytes);
    if (add->expires) out += std::string(expired ? ", expired at " : ", expires at ") + when(add->expires);
  } else if (value.present && add != nullptr) {
    out += ": added at " + when(add->tag.at) + " (" + actor_of_entry(names, *add) + "), taken in by " +
           name_of(names, add->commit.origin);
    if (removal != nullptr) out += "; removals so far name earlier adds only";
  } else if (removal != nullptr) {
    out += ": removed at " + when(removal->commit.at) + " at " + name_of(names, removal->commit.origin) +
           ", with every add observed up to then";
  }
  return out + "; " + bytes_in_words(value.bytes) + " on disk";
}

// Rows: every entry that any node has; columns: which nodes have it.
void print_entries(const Console& console, const std::vector<Answer>& answers, const OriginNames& names) {
  struct Key {
    std::string kind;
    Role role;
    Tag tag;
    auto operator<=>(const Key&) const = default;
  };
  std::map<Key, ExplainedEntry> all;
  std::map<Key, std::map<std::string, ExplainedEntry>> by_node;
  for (const Answer& answer : answers) {
    for (const ExplainedValue& value : answer.values) {
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
  for (const auto& [key, entry] : all) {
    const std::string role = key.role == Role::kAdd ? "add" : key.role == Role::kRemoval ? "removal up to" : "value";
    std::vector<Table::Cell> row = {key.kind, role, to_string(key.tag), actor_of_entry(names, entry),
                                    name_of(names, entry.commit.origin) + " " + utc_clock(entry.commit.at.ms())};
    for (const Answer& answer : answers) {
      const auto found = by_node[key].find(answer.node);
      if (!answer.error.empty()) row.emplace_back("?", Color::kBad);
      else if (found == by_node[key].end()) row.emplace_back("-", Color::kFaint);
      else if (key.role == Role::kRemoval) row.emplace_back("yes");
      else if (found->second.dead) row.emplace_back(key.role == Role::kValue ? "deleted" : "dead", Color::kFaint);
      else row.emplace_back("alive", Color::kGood);
    }
    table.add(std::move(row));
  }
  console.out << '\n';
  table.print(console);
}

std::vector<Answer> ask_all(Context& context, const CommandLine& line, const ClusterView& view) {
  Request request = request_of(line, ClientOp::kExplain);
  request.key = line.arguments[0];
  if (line.arguments.size() > 1) request.members = {line.arguments[1]};
  std::vector<Answer> answers;
  for (const NodeView& node : view.nodes) {
    Answer answer{.node = node.name, .document = {}, .values = {}, .error = node.error};
    if (node.status) {
      try {
        answer.document = ask_at(context, node.address, line.settings, request).document;
        answer.values = parse_explained(answer.document);
      } catch (const std::exception& error) {
        answer.error = error.what();
      }
    }
    answers.push_back(std::move(answer));
  }
  return answers;
}

}  // namespace

ExitCode run_explain(Context& context, const CommandLine& line) {
  const auto patience = std::chrono::milliseconds(
      line.settings.timeout_given ? line.settings.timeout_ms : std::min(line.settings.timeout_ms, kMemberTimeoutMs));
  const ClusterView view =
      look_at_cluster(context.connections, line.settings.address(), timeout_of(line.settings), patience);
  const std::vector<Answer> answers = ask_all(context, line, view);
  const OriginNames names = origin_names(view);
  const bool found = std::any_of(answers.begin(), answers.end(), [](const Answer& a) { return !a.values.empty(); });
  const Console& console = context.console;
  if (line.settings.json) {
    nlohmann::ordered_json out{{"table", line.settings.table}, {"key", json_of(line.arguments[0])}};
    if (line.arguments.size() > 1) out["element"] = json_of(line.arguments[1]);
    for (const Answer& answer : answers) {
      nlohmann::ordered_json row{{"node", answer.node}, {"reachable", answer.error.empty()}};
      if (answer.error.empty())
        row["stored"] = nlohmann::ordered_json::parse(answer.document).value("values", nlohmann::ordered_json::array());
      else row["error"] = answer.error;
      out["nodes"].push_back(std::move(row));
    }
    console.out << out.dump(2) << '\n';
    return found ? ExitCode::kOk : ExitCode::kNotFound;
  }
  const std::string what = "\"" + escaped(line.arguments.back()) + "\"";
  for (const Answer& answer : answers) {
    if (!answer.error.empty()) {
      console.out << answer.node << ": " << console.paint(Color::kBad, "unreachable: " + answer.error) << '\n';
    } else if (answer.values.empty()) {
      console.out << answer.node << ": nothing is stored, not even a removal\n";
    }
    for (const ExplainedValue& value : answer.values) {
      console.out << answer.node << ": " << in_words(value, names, what) << '\n';
    }
  }
  print_entries(console, answers, names);
  return found ? ExitCode::kOk : ExitCode::kNotFound;
}

}  // namespace kith::tools
