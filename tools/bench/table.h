// tools/bench/table.h -- results: columns for people, JSON for machines.
#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace kith::bench {

class Table {
 public:
  using Value =
      std::variant<std::string, double>;  // Numbers are shown with three significant digits or all of an integer.

  // `name` is the table's key in JSON, the columns are the keys of its rows.
  Table(std::string name, std::string title, std::vector<std::string> columns)
      : name_(std::move(name)), title_(std::move(title)), columns_(std::move(columns)) {}

  void add(std::vector<Value> row);      // REQUIRES: one value a column.
  void note(std::string text) { notes_.push_back(std::move(text)); }

  std::string text() const;
  const std::string& name() const { return name_; }
  const std::vector<std::string>& columns() const { return columns_; }
  const std::vector<std::vector<Value>>& rows() const { return rows_; }
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  std::string name_, title_;
  std::vector<std::string> columns_;
  std::vector<std::vector<Value>> rows_;
  std::vector<std::string> notes_;
};

void print(const std::vector<Table>& tables, bool as_json);

}  // namespace kith::bench
