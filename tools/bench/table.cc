#include "tools/bench/table.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "crdt/check.h"

namespace kith::bench {
namespace {

std::string shown(const Table::Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  const double number = std::get<double>(value);
  char out[64];
  std::snprintf(out, sizeof out, std::abs(number) >= 100 || number == std::floor(number) ? "%.0f" : "%.3g", number);
  return out;
}

}  // namespace

void Table::add(std::vector<Value> row) {
  KITH_CHECK(row.size() == columns_.size(), "a row of another width than its table", row.size(), columns_.size());
  rows_.push_back(std::move(row));
}

std::string Table::text() const {
  std::vector<std::size_t> widths;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    std::size_t width = columns_[c].size();
    for (const auto& row : rows_) width = std::max(width, shown(row[c]).size());
    widths.push_back(width);
  }
  std::string out = title_ + "\n";
  const auto line = [&](const auto& cell_of) {
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      const std::string cell = cell_of(c);
      const std::string space(widths[c] - cell.size(), ' ');
      out += c == 0 ? "  " + cell + space : "  " + space + cell;  // Names to the left, numbers to the right.
    }
    out += "\n";
  };
  line([&](std::size_t c) { return columns_[c]; });
  for (const auto& row : rows_) line([&](std::size_t c) { return shown(row[c]); });
  for (const std::string& note : notes_) out += "  " + note + "\n";
  return out;
}

void print(const std::vector<Table>& tables, bool as_json) {
  if (!as_json) {
    for (const Table& table : tables) std::printf("%s\n", table.text().c_str());
    return;
  }
  nlohmann::ordered_json all = nlohmann::ordered_json::object();
  for (const Table& table : tables) {
    auto& rows = all[table.name()] = nlohmann::ordered_json::array();
    for (const auto& row : table.rows()) {
      nlohmann::ordered_json object;
      for (std::size_t c = 0; c < row.size(); ++c) {
        std::visit([&](const auto& value) { object[table.columns()[c]] = value; }, row[c]);
      }
      rows.push_back(std::move(object));
    }
  }
  std::printf("%s\n", all.dump(2).c_str());
}

}  // namespace kith::bench
