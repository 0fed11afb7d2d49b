// tools/kith/table.h -- rows under headings, aligned, and no wider than the terminal.
//
// When there is too little room the gaps give way first, then the widest column, down to a minimum, those to keep whole
// last; what was cut ends in an ellipsis.  Without a terminal nothing is cut.
#pragma once

#include <string>
#include <vector>

#include "tools/kith/console.h"

namespace kith::tools {

class Table {
 public:
  struct Cell {
    std::string text;
    bool colored = false;
    Color color = Color::kGood;

    Cell(std::string t) : text(std::move(t)) {}
    Cell(const char* t) : text(t) {}
    Cell(std::string t, Color c) : text(std::move(t)), colored(true), color(c) {}
  };

  // `keep`: so many of the first columns are names, which are cut only when all else has been.
  explicit Table(std::vector<std::string> headings, std::size_t keep = 0)
      : headings_(std::move(headings)), keep_(keep) {}

  void add(std::vector<Cell> row);  // REQUIRES: as many cells as headings.
  bool empty() const { return rows_.empty(); }
  void print(const Console& console) const;

 private:
  std::vector<std::size_t> widths() const;
  void fit(std::vector<std::size_t>& widths, std::size_t room) const;

  std::vector<std::string> headings_;
  std::size_t keep_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace kith::tools
