#include "tools/kith/diff_command.h"

#include <map>
#include <optional>
#include <ostream>

#include <nlohmann/json.hpp>

#include "tools/kith/ask.h"
#include "tools/kith/inspect_documents.h"
#include "tools/kith/json_text.h"
#include "tools/kith/table.h"
#include "tools/kith/text.h"

namespace kith::tools {
namespace {

constexpr std::size_t kRowsATable = 200;   // Then what was found so far is printed.
constexpr std::size_t kValueColumns = 40;  // Of a value in the table; --json has all of it.

struct Side {
  std::string name;
  std::string address;
};

struct Difference {
  CellName cell;
  const CellValue* a = nullptr;  // Null: absent there.
  const CellValue* b = nullptr;
};

class Comparison {
 public:
  Comparison(Context& context, const Settings& settings, Side a, Side b)
      : context_(context), settings_(settings), a_(std::move(a)), b_(std::move(b)) {}

  template <class OnDifference>
  void run(OnDifference on_difference) {
    const auto roots_a = parse_shard_roots(ask(a_, ClientOp::kShards, {}).document);
    const auto roots_b = parse_shard_roots(ask(b_, ClientOp::kShards, {}).document);
    if (roots_a.size() != roots_b.size()) {
      throw CommandError(ExitCode::kFailed, a_.name + " has " + std::to_string(roots_a.size()) + " shards and " +
                                                b_.name + " has " + std::to_string(roots_b.size()) +
                                                ": they are of two clusters");
    }
    shards_ = roots_a.size();
    for (std::size_t shard = 0; shard < roots_a.size(); ++shard) {
      if (roots_a[shard] == roots_b[shard]) continue;
      ++shards_differing_;
      compare_shard(static_cast<std::uint32_t>(shard), on_difference);
    }
  }

  std::size_t shards() const { return shards_; }
  std::size_t shards_differing() const { return shards_differing_; }

 private:
  using Cells = std::map<CellName, CellValue>;

  ClientReply ask(const Side& side, ClientOp op, Request request) {
    request.op = op;
    return ask_at(context_, side.address, settings_, request);
  }

  Cells cells_of(const Side& side, const Request& request) {
    Cells out;
    each_page(context_, side.address, settings_, request, [&](const ClientReply& page) {
      for (CellValue& cell : parse_cells(page.document)) {
        const CellName name = cell.name;
        out.emplace(name, std::move(cell));
      }
    });
    return out;
  }

  // A document shows short values only.
  void fetch_value(const Side& side, CellValue& cell) {
    if (cell.value || cell.name.kind == "set" || cell.name.kind == "damaged") return;
    Request request;
    request.table = cell.name.table;
    request.key = cell.name.key;
    if (cell.name.kind == "hash") request.members = {cell.name.member};
    cell.value = ask(side, cell.name.kind == "hash" ? ClientOp::kHget : ClientOp::kGet, std::move(request)).value;
  }

  template <class OnDifference>
  void compare_shard(std::uint32_t shard, OnDifference on_difference) {
    Request request;
    request.shard = shard;
    const auto sums_a = parse_buckets(ask(a_, ClientOp::kBuckets, request).document);
    const auto sums_b = parse_buckets(ask(b_, ClientOp::kBuckets, request).document);
    for (std::uint32_t i = 0; i < std::max(sums_a.size(), sums_b.size()); ++i) {
      if (i >= sums_a.size() || i >= sums_b.size() || sums_a[i] != sums_b[i]) request.buckets.push_back(i);
    }
    if (request.buckets.empty()) return;  // It was mended between the two questions.
    request.op = ClientOp::kCells;
    Cells cells_a = cells_of(a_, request);
    Cells cells_b = cells_of(b_, request);
    auto a = cells_a.begin();
    auto b = cells_b.begin();
    while (a != cells_a.end() || b != cells_b.end()) {
      Difference difference;
      const bool at_a = a != cells_a.end() && (b == cells_b.end() || a->first <= b->first);
      const bool at_b = b != cells_b.end() && (a == cells_a.end() || b->first <= a->first);
      difference.cell = at_a ? a->first : b->first;
      difference.a = at_a ? &a->second : nullptr;
      difference.b = at_b ? &b->second : nullptr;
      if (!at_a || !at_b || a->second.fingerprint != b->second.fingerprint) {
        if (at_a) fetch_value(a_, a->second);
        if (at_b) fetch_value(b_, b->second);
        on_difference(difference);
      }
      if (at_a) ++a;
      if (at_b) ++b;
    }
  }

  Context& context_;
  const Settings& settings_;
  Side a_;
  Side b_;
  std::size_t shards_ = 0;
  std::size_t shards_differing_ = 0;
};

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
  Comparison comparison(context, line.settings, a, b);
  comparison.run([&](const Difference& difference) {
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
              << ", in " << comparison.shards_differing() << " of " << count_of(comparison.shards(), "shard", "shards")
              << '\n';
  return ExitCode::kFailed;
}

}  // namespace kith::tools
