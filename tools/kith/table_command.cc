#include "tools/kith/table_command.h"

#include <map>
#include <ostream>

#include <nlohmann/json.hpp>

#include "crdt/limits.h"
#include "gossip/tables.h"
#include "node/view/text.h"
#include "tools/kith/ask.h"
#include "tools/kith/table.h"

namespace kith::tools {
namespace {

[[noreturn]] void usage_error(const std::string& what) { throw CommandError(ExitCode::kUsage, what); }

std::string words_of(const TableRules& rules) {
  std::string out;
  for (const auto& [name, text] : attributes_of(rules)) out += (out.empty() ? "" : ", ") + name + " " + text;
  return out;
}

nlohmann::ordered_json json_of(const std::string& name, const TableRules& rules) {
  nlohmann::ordered_json out;
  out["table"] = name;
  out["described"] = rules.described;
  for (const auto& [attribute, text] : attributes_of(rules)) out[attribute] = text;
  return out;
}

// As the asked node has them.
std::map<std::string, TableRules> tables_at(Context& context, const CommandLine& line) {
  Request request = request_of(line, ClientOp::kHgetall);
  request.table = kSystemTable;
  request.key = kTablesKey;
  std::map<std::string, TableRules> out;
  each_page(context, line.settings.address(), line.settings, request, [&](const ClientReply& page) {
    for (const auto& [field, value] : page.fields) {
      const auto named = table_of_field(field);
      if (!named) continue;
      TableRules& rules = out[named->first];
      rules.described = true;
      (void)take_attribute(rules, named->second, value);  // One of a later version says nothing here.
    }
  });
  return out;
}

ExitCode list_tables(Context& context, const CommandLine& line) {
  const auto tables = tables_at(context, line);
  if (line.settings.json) {
    auto out = nlohmann::ordered_json::array();
    for (const auto& [name, rules] : tables) out.push_back(json_of(name, rules));
    context.console.out << out.dump() << '\n';
    return ExitCode::kOk;
  }
  if (tables.empty()) {
    context.console.err << "(nobody has described a table: all take everything, and a write is answered when one node has it)\n";
    return ExitCode::kOk;
  }
  Table shown({"table", "keys", "kinds", "quorum", "read", "write"}, 1);
  for (const auto& [name, rules] : tables) {
    std::vector<Table::Cell> row = {name};
    for (const auto& [attribute, text] : attributes_of(rules)) row.emplace_back(text);
    shown.add(std::move(row));
  }
  shown.print(context.console);
  return ExitCode::kOk;
}

ExitCode show_table(Context& context, const CommandLine& line, const std::string& name) {
  const auto tables = tables_at(context, line);
  const auto found = tables.find(name);
  const TableRules rules = found == tables.end() ? TableRules{} : found->second;
  if (line.settings.json) context.console.out << json_of(name, rules).dump() << '\n';
  else context.console.out << name << ": " << words_of(rules) << (rules.described ? "" : " (nobody has described it)") << '\n';
  return ExitCode::kOk;
}

ExitCode describe_table(Context& context, const CommandLine& line, ClientOp op, const std::string& name) {
  Request request = request_of(line, op);
  request.table = name;
  request.fields = line.attributes;
  if (op == ClientOp::kTableAlter && request.fields.empty()) usage_error("table alter needs what to change, as in --write quorum");
  CommandLine everywhere = line;
  everywhere.replicas = kAllReplicas;  // A node that has not heard of the rules takes what they forbid.
  const ClientReply reply = ask_write(context, everywhere, std::move(request));
  check_answered(reply);
  const std::string done = op == ClientOp::kTableAlter ? "Altered" : reply.number > 0 ? "Created" : "It is there already, with these rules";
  if (line.settings.json) {
    nlohmann::ordered_json out;
    out["outcome"] = to_string(reply.status);
    out["changed"] = reply.number;
    out["replicas"] = reply.replicas;
    context.console.out << out.dump() << '\n';
  } else if (reply.number == 0 && op == ClientOp::kTableCreate) {
    context.console.out << done << '\n';
  } else {
    context.console.out << done << " (" << count_of(reply.replicas.size(), "replica", "replicas") << ")\n";
  }
  if (reply.status != Status::kStored) return ExitCode::kOk;
  context.console.err << context.console.paint_err(Color::kWarning, "stored")
                      << ", and not every node has answered that it knows: until it does it may take what the rules forbid\n";
  return ExitCode::kTimeout;
}

}  // namespace

ExitCode run_table(Context& context, const CommandLine& line) {
  const std::string& what = line.arguments[0];
  if (what != "create" && what != "alter" && what != "show" && what != "list") {
    usage_error("table " + escaped(what) + ": there are create, alter, show and list. A table is not dropped: remove its keys");
  }
  if ((what == "list") != (line.arguments.size() == 1)) usage_error("table " + what + (what == "list" ? " takes no name" : " needs the name of a table"));
  if ((what == "list" || what == "show") && !line.attributes.empty()) usage_error("table " + what + " takes no rules");
  if (what == "list") return list_tables(context, line);
  const std::string& name = line.arguments[1];
  if (!valid_table_name(name)) {
    usage_error("\"" + escaped(name) + "\" is no table name: 1 to " + std::to_string(kTableNameBytesMax) + " of A-Z a-z 0-9 . - _, not beginning with '_'");
  }
  if (what == "show") return show_table(context, line, name);
  return describe_table(context, line, what == "create" ? ClientOp::kTableCreate : ClientOp::kTableAlter, name);
}

}  // namespace kith::tools
