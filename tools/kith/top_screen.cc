#include "tools/kith/top_screen.h"

#include <algorithm>

#include "node/view/garbage_words.h"
#include "node/view/node_state.h"
#include "node/view/text.h"

namespace kith::tools {
namespace {

constexpr std::size_t kCellColumns = 7;

struct Piece {
  std::string text;
  Color color = Color::kHeading;
  bool painted = false;
};

Piece good(std::string text) { return {std::move(text), Color::kGood, true}; }
Piece warning(std::string text) { return {std::move(text), Color::kWarning, true}; }
Piece bad(std::string text) { return {std::move(text), Color::kBad, true}; }
Piece faint(std::string text) { return {std::move(text), Color::kFaint, true}; }

std::string padded(const std::string& text, std::size_t columns, bool right) {
  const std::string cut = cut_to_width(text, columns);
  const std::string fill(columns - display_width(cut), ' ');
  return right ? fill + cut : cut + fill;
}

// Lines are made as wide as they come and cut when they are painted: a colour must not be cut in the middle.
class Screen {
 public:
  Screen(TopSize size, const Console& console) : size_(size), console_(console) {}

  std::size_t left() const { return size_.rows > lines_.size() ? size_.rows - lines_.size() : 0; }
  std::size_t columns() const { return size_.columns; }

  void add(const std::vector<Piece>& pieces) {
    if (left() == 0) return;
    std::string line;
    std::size_t room = size_.columns;
    for (const Piece& piece : pieces) {
      if (room == 0) break;
      const std::string text = cut_to_width(piece.text, room);
      room -= display_width(text);
      line += piece.painted ? console_.paint(piece.color, text) : text;
    }
    lines_.push_back(std::move(line));
  }
  // On as many lines as it takes, at most `most`.
  void add_wrapped(const std::string& text, Color color, std::size_t most) {
    std::string rest = text;
    for (std::size_t i = 0; i < most && !rest.empty(); ++i) {
      std::size_t end = rest.size();
      if (display_width(rest) > columns() && i + 1 < most) {
        end = std::min(columns(), rest.size());
        const std::size_t space = rest.rfind(' ', end);
        if (space != std::string::npos && space > 0) end = space;
        while (end > 0 && end < rest.size() && (static_cast<unsigned char>(rest[end]) & 0xc0) == 0x80) --end;
      }
      add({{rest.substr(0, end), color, true}});
      rest.erase(0, end);
      if (!rest.empty() && rest.front() == ' ') rest.erase(0, 1);
    }
  }
  std::vector<std::string> take() { return std::move(lines_); }

 private:
  const TopSize size_;
  const Console& console_;
  std::vector<std::string> lines_;
};

Piece link_piece(const TopFacts& facts, const NodeView& from, const NodeView& to) {
  if (!from.status || !to.status) return faint("?");
  const bool cut = cuts_link(*from.status, to.name) || cuts_link(*to.status, from.name);
  if (from.status->root == to.status->root) return cut ? bad("cut") : good("same");
  const auto holder = facts.lacked.find(from.name);
  if (holder == facts.lacked.end() || !holder->second.contains(to.name)) return cut ? bad("cut ?") : faint("?");
  const LackCount& count = holder->second.at(to.name);
  const std::string cells = std::to_string(count.cells) + (count.complete ? "" : "+");
  if (count.cells == 0) return cut ? bad("cut 0") : good("0");
  return cut ? bad("cut " + cells) : warning(cells);
}

void add_matrix(Screen& screen, const TopFacts& facts) {
  const auto& nodes = facts.view.nodes;
  std::size_t name_columns = 5;
  for (const NodeView& node : nodes) name_columns = std::max(name_columns, std::min<std::size_t>(display_width(node.name), 16));
  const bool fits = name_columns + 1 + nodes.size() * (kCellColumns + 1) <= screen.columns() && screen.left() > 2 * nodes.size() + 4;
  if (fits) {
    std::vector<Piece> head = {faint(padded("lacks", name_columns, false))};
    for (const NodeView& node : nodes) head.push_back(faint(" " + padded(node.name, kCellColumns, true)));
    screen.add(head);
    for (const NodeView& from : nodes) {
      std::vector<Piece> line = {{padded(from.name, name_columns, false)}};
      for (const NodeView& to : nodes) {
        Piece piece = from.name == to.name ? faint("") : link_piece(facts, from, to);
        piece.text = " " + padded(piece.text, kCellColumns, true);
        line.push_back(std::move(piece));
      }
      screen.add(line);
    }
    screen.add({});
    return;
  }
  // Of too many the pairs that are not in step.
  std::size_t pairs = 0, same = 0, told = 0;
  const std::size_t most = std::max<std::size_t>(3, screen.left() / 4);
  for (const NodeView& from : nodes) {
    for (const NodeView& to : nodes) {
      if (from.name == to.name) continue;
      ++pairs;
      const Piece piece = link_piece(facts, from, to);
      if (piece.text == "same" || piece.text == "0") {
        ++same;
      } else if (told < most) {
        ++told;
        screen.add({{to.name + " lacks of " + from.name + ": "}, piece});
      }
    }
  }
  const std::size_t others = pairs - same - told;
  screen.add({faint(count_of(same, "pair", "pairs") + " of " + count_of(pairs, "pair", "pairs") + " in step" +
                    (others > 0 ? "; " + count_of(others, "more is not", "more are not") : ""))});
  screen.add({});
}

// A column a look: nothing late, late by an eighth of the most or more, or unknown.  Marks differ, not only colours.
void add_lags(Screen& screen, const TopFacts& facts) {
  static const std::vector<std::string> kHeights = {"\u00b7", "\u2581", "\u2582", "\u2583", "\u2584", "\u2585", "\u2586", "\u2587", "\u2588"};
  constexpr std::size_t kWordsColumns = 44, kLooksMax = 120;
  if (facts.lags_ms.size() < 2 || screen.left() < 10 || screen.columns() < kWordsColumns + 8) return;
  const std::size_t looks = std::min({facts.lags_ms.size(), screen.columns() - kWordsColumns, kLooksMax});
  const auto begin = facts.lags_ms.end() - static_cast<std::ptrdiff_t>(looks);
  std::int64_t most = 0;
  for (auto lag = begin; lag != facts.lags_ms.end(); ++lag) most = std::max(most, lag->value_or(0));
  std::vector<Piece> line = {faint("late by, last " + duration_in_words(static_cast<std::int64_t>(looks) * facts.lags_every_ms) + ": ")};
  for (auto lag = begin; lag != facts.lags_ms.end(); ++lag) {
    if (!*lag) {
      line.push_back(bad("?"));
    } else {
      const auto height = **lag <= 0 ? std::size_t{0} : static_cast<std::size_t>(1 + (**lag - 1) / ((most - 1) / 8 + 1));
      line.push_back(height == 0 ? good(kHeights[0]) : warning(kHeights[height]));
    }
  }
  line.push_back(faint(most == 0 ? "  never" : "  at most " + duration_in_words(most)));
  screen.add(line);
  screen.add({});
}

void add_nodes(Screen& screen, const TopFacts& facts) {
  if (screen.left() < 2) return;
  std::vector<const NodeView*> nodes;
  for (const NodeView& node : facts.view.nodes) nodes.push_back(&node);
  // Who needs looking at first, where not all fit.
  const auto rank = [&](const NodeView* node) { return !node->status ? 0 : state_of(*node).severity != Severity::kGood ? 1 : lag_ms(facts.view, *node) > 0 ? 2 : 3; };
  if (nodes.size() + 1 > screen.left()) std::stable_sort(nodes.begin(), nodes.end(), [&](auto a, auto b) { return rank(a) < rank(b); });
  screen.add({faint(padded("node", 16, false) + " " + padded("late by", 8, true) + " " + padded("rows", 9, true) + " " + padded("disk", 9, true) + "  root      state")});
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (screen.left() == 1 && i + 1 < nodes.size()) {
      screen.add({faint("and " + count_of(nodes.size() - i, "more node", "more nodes"))});
      return;
    }
    const NodeView& node = *nodes[i];
    const NodeState state = state_of(node);
    const Piece said{state.text, state.severity == Severity::kGood ? Color::kGood : state.severity == Severity::kWarning ? Color::kWarning : Color::kBad, true};
    if (!node.status) {
      const std::int64_t silent = silent_for_ms(facts.view, node);
      screen.add({{padded(node.name, 16, false) + " " + padded("?", 8, true) + " " + padded("?", 9, true) + " " + padded("?", 9, true) + "  ?         "},
                  said,
                  {silent < 0 ? ", never heard of" : ", heard of " + duration_in_words(silent) + " ago"}});
      continue;
    }
    const std::int64_t lag = lag_ms(facts.view, node);
    screen.add({{padded(node.name, 16, false) + " "},
                lag == 0 ? Piece{padded("none", 8, true)} : warning(padded(duration_in_words(lag), 8, true)),
                {" " + padded(std::to_string(node.status->rows), 9, true) + " " + padded(bytes_in_words(node.status->bytes_used), 9, true) + "  " +
                 padded(short_root(node.status->root), 8, false) + "  "},
                said});
  }
}

}  // namespace

std::optional<std::int64_t> worst_lag_ms(const ClusterView& view) {
  std::int64_t out = 0;
  for (const NodeView& node : view.nodes) {
    if (!node.status) return std::nullopt;
    out = std::max(out, lag_ms(view, node));
  }
  return out;
}

std::vector<std::string> top_screen(const TopFacts& facts, TopSize size, const Console& console) {
  if (size.columns == 0 || size.rows == 0) return {};
  Screen screen(size, console);
  if (!facts.problem.empty()) {
    screen.add_wrapped("? unknown: " + facts.problem + "; what follows is " + duration_in_words(facts.age_ms) + " old", Color::kBad, 2);
  }
  const Agreement agreement = facts.verdict.agreement;
  const char* mark = agreement == Agreement::kConverged ? "= " : agreement == Agreement::kBehind ? "! " : "? ";
  screen.add_wrapped(mark + facts.verdict.sentence,
                     agreement == Agreement::kConverged ? Color::kGood : agreement == Agreement::kBehind ? Color::kWarning : Color::kBad,
                     std::max<std::size_t>(1, size.rows / 4));
  screen.add({});
  add_lags(screen, facts);
  if (size.rows > 8) add_matrix(screen, facts);
  add_nodes(screen, facts);
  for (const NodeView& node : facts.view.nodes) {
    if (!node.status || node.name != facts.view.asked || screen.left() < 2) continue;
    bool first = true;
    for (const std::string& sentence : garbage_in_words(*node.status)) {
      if (first) screen.add({});
      first = false;
      screen.add({{sentence}});
    }
  }
  return screen.take();
}

}  // namespace kith::tools
