#include "tools/kith/diff_command.h"

#include <ostream>

#include <nlohmann/json.hpp>

#include "node/view/comparison.h"
#include "node/view/json_text.h"
#include "node/view/text.h"
#include "tools/kith/ask.h"
#include "tools/kith/table.h"

namespace kith::tools {
namespace {

constexpr std::size_t kRowsATable = 200;   // Then what was found so far is printed.
constexpr std::size_t kValueColumns = 40;  // Of a value in the table; --json has all of it.

Side side_of(Context& context, const CommandLine& line, const std::string& given) {
  return {given, context.connections.resolve(given, line.settings.address(), timeout_of(line.settings))};
}

// `other`: where both hold the same to look at, it is the tags that differ.
Table::Cell value_cell(const CellValue* value, const CellValue* other) {
  if (value == nullptr) return {"absent", Color::kFaint};
  if (value->name.kind == "damaged") return {"damaged row", Color::kBad};
  std::string text =
      value->name.kind == "set" ? "present" : cut_to_width(escaped(value->value.value_or("?")), kValueColumns);
  if (other != nullptr && other->value == value->value) {
    for (const std::string& tag : value->tags) text += " " + tag;
  }
  return {std::move(text)};
}

nlohmann::ordered_json json_value(const CellValue* value) {
  if (value == nullptr) return nullptr;
  nlohmann::ordered_json out{{"tags", value->tags}};
  if (value->value) out["value"] = json_of(*value->value);
  return out;
}

void print_json(std::ostream& out, const Difference& difference, const Side& a, const Side& b) {
  nlohmann::ordered_json row{{"table", difference.cell.table},
                             {"key", json_of(difference.cell.key)},
                             {"kind", difference.cell.kind}};
  if (difference.cell.kind != "register" && difference.cell.kind != "counter") row["member"] = json_of(difference.cell.member);
  row["at"] = {{a.name, json_value(difference.a)}, {b.name, json_value(difference.b)}};
  out << row.dump();
}

}  // namespace

ExitCode run_diff(Context& context, const CommandLine& line) {
  const Side a = side_of(context, line, line.arguments[0]);
  const Side b = side_of(context, line, line.arguments[1]);
  if (a.address == b.address)
    throw CommandError(ExitCode::kUsage, "diff needs two nodes, and both of these are " + a.address);
  const Console& console = context.console;
  const bool json = line.settings.json;
  std::uint64_t cells = 0;
  std::uint64_t keys = 0;
  std::pair<std::string, std::string> last_key;
  const auto new_table = [&] { return Table({"table", "key", "kind", "member", a.name, b.name}, 2); };
  Table table = new_table();
  std::size_t rows = 0;
  const auto print_table = [&] {
    if (rows > 0) table.print(console);
    table = new_table();
    rows = 0;
  };

  if (json)
    console.out << "{\"a\": " << json_text(a.name) << ", \"b\": " << json_text(b.name) << ", \"differences\": [";
  Comparison comparison(a, b, {[&](const Side& side, const Request& request) { return ask_at(context, side.address, line.settings, request); }});
  if (const std::string problem = comparison.two_clusters(); !problem.empty()) throw CommandError(ExitCode::kFailed, problem);
  comparison.each_difference([&](const Difference& difference) {
    std::pair<std::string, std::string> key{difference.cell.table, difference.cell.key};
    if (key != last_key || cells == 0) ++keys;  // A key's cells come one after the other.
    last_key = std::move(key);
    if (json) {
      console.out << (cells == 0 ? "\n  " : ",\n  ");
      print_json(console.out, difference, a, b);
    } else {
      table.add({difference.cell.table, escaped(difference.cell.key), difference.cell.kind,
                 escaped(difference.cell.member), value_cell(difference.a, difference.b),
                 value_cell(difference.b, difference.a)});
      if (++rows == kRowsATable) print_table();
    }
    ++cells;
    return true;
  });
  if (json) {
    console.out << "], \"equal\": " << (cells == 0 ? "true" : "false") << "}\n";
    return cells == 0 ? ExitCode::kOk : ExitCode::kFailed;
  }
  print_table();
  if (cells == 0) {
    console.out << console.paint(Color::kGood, a.name + " and " + b.name + " hold the same") << '\n';
    return ExitCode::kOk;
  }
  console.out << console.paint(Color::kWarning, a.name + " and " + b.name + " differ in " +
                                                    count_of(cells, "cell", "cells") + " of " +
                                                    count_of(keys, "key", "keys"))
              << ", in " << comparison.shards_differing().size() << " of " << count_of(comparison.shards(), "shard", "shards")
              << '\n';
  return ExitCode::kFailed;
}

}  // namespace kith::tools
