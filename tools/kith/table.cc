#include "tools/kith/table.h"

#include <algorithm>
#include <numeric>
#include <ostream>

#include "crdt/check.h"
#include "node/view/text.h"

namespace kith::tools {
namespace {

constexpr std::size_t kColumnMin = 6;

}  // namespace

void Table::add(std::vector<Cell> row) {
  KITH_CHECK(row.size() == headings_.size(), "a row needs a cell for every heading", row.size(), headings_.size());
  rows_.push_back(std::move(row));
}

std::vector<std::size_t> Table::widths() const {
  std::vector<std::size_t> out;
  for (std::size_t column = 0; column < headings_.size(); ++column) {
    std::size_t width = display_width(headings_[column]);
    for (const auto& row : rows_) width = std::max(width, display_width(row[column].text));
    out.push_back(width);
  }
  return out;
}

void Table::fit(std::vector<std::size_t>& widths, std::size_t room) const {
  const auto give_way = [&](auto first, auto last) {
    while (first != last && std::accumulate(widths.begin(), widths.end(), std::size_t{0}) > room) {
      const auto widest = std::max_element(first, last);
      if (*widest <= kColumnMin) break;
      --*widest;
    }
  };
  give_way(widths.begin() + static_cast<std::ptrdiff_t>(keep_), widths.end());
  give_way(widths.begin(), widths.end());
}

void Table::print(const Console& console) const {
  std::vector<std::size_t> columns = widths();
  const std::size_t text_columns = std::accumulate(columns.begin(), columns.end(), std::size_t{0});
  const std::size_t gaps = columns.size() - 1;
  const std::size_t gap = console.width == 0 || text_columns + 2 * gaps <= console.width ? 2 : 1;
  if (console.width > 0) fit(columns, console.width - std::min(console.width, gap * gaps));
  const auto line = [&](const auto& text_of, const auto& paint) {
    std::string out;
    for (std::size_t column = 0; column < columns.size(); ++column) {
      const std::string text = cut_to_width(text_of(column), std::max<std::size_t>(columns[column], 1));
      out += paint(column, text);
      if (column + 1 < columns.size()) out.append(columns[column] - display_width(text) + gap, ' ');
    }
    out.erase(out.find_last_not_of(' ') + 1);
    console.out << out << '\n';
  };
  line([&](std::size_t column) { return headings_[column]; },
       [&](std::size_t, const std::string& text) { return console.paint(Color::kFaint, text); });
  for (const auto& row : rows_) {
    line([&](std::size_t column) { return row[column].text; },
         [&](std::size_t column, const std::string& text) {
           return row[column].colored ? console.paint(row[column].color, text) : text;
         });
  }
}

}  // namespace kith::tools
