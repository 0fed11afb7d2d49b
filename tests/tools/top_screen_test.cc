#include "tools/kith/top_screen.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>

#include "node/view/text.h"

namespace kith::tools {
namespace {

NodeView node_of(const std::string& name, const std::string& root) {
  NodeView out{.name = name, .address = name + ":8765", .status = NodeStatus{}, .error = {}, .shards = {}};
  out.status->name = name;
  out.status->root = root;
  out.status->joined = true;
  out.status->now_ms = 1'700'000'000'000;
  return out;
}

TopFacts facts_of(std::size_t count) {
  TopFacts out;
  for (std::size_t i = 1; i <= count; ++i) out.view.nodes.push_back(node_of("node" + std::to_string(100 + i), "aaaaaaaa"));
  out.view.asked = out.view.nodes.front().name;
  out.verdict = judge(out.view);
  return out;
}

std::string shown_in(const TopFacts& facts, TopSize size, bool colors = false) {
  std::ostringstream out;
  const Console console{.out = out, .err = out, .out_colors = colors};
  std::string text;
  for (const std::string& line : top_screen(facts, size, console)) text += line + "\n";
  return text;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string without_colors(const std::string& line) {
  std::string out;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] != '\x1b') out += line[i];
    else while (i < line.size() && line[i] != 'm') ++i;
  }
  return out;
}

TEST_CASE("top screen: says whether all agree, and who lacks what of whom") {
  TopFacts facts = facts_of(3);
  CHECK(has(shown_in(facts, {}), "= converged at root aaaaaaaa"));
  facts.view.nodes[1].status->root = "bbbbbbbb";
  facts.lacked["node101"]["node102"] = {40, true};
  facts.lacked["node102"]["node101"] = {200'000, false};
  facts.view.nodes[2].status->links_cut = {"node102"};
  facts.verdict = judge(facts.view);
  const std::string text = shown_in(facts, {100, 40});
  CHECK(has(text, "! node102 "));
  CHECK(has(text, "node101              40    same"));
  CHECK(has(text, "node102 200000+           cut ?"));
  CHECK(has(text, "node103    same   cut ?"));
}

TEST_CASE("top screen: a node that is silent is unknown, and so is what it lacks") {
  TopFacts facts = facts_of(2);
  facts.view.nodes[1].status.reset();
  facts.view.nodes[1].error = "nobody listens there";
  facts.verdict = judge(facts.view);
  const std::string text = shown_in(facts, {100, 40});
  CHECK(has(text, "? unknown: node102"));
  CHECK(has(text, "node101               ?"));
  CHECK(has(text, "unreachable, never heard of"));
}

TEST_CASE("top screen: when the asked node is lost, what is shown is said to be old") {
  TopFacts facts = facts_of(2);
  facts.problem = "no node answers at 127.0.0.1:8765";
  facts.age_ms = 7000;
  CHECK(has(shown_in(facts, {}), "? unknown: no node answers at 127.0.0.1:8765; what follows is 7.0 s old"));
}

TEST_CASE("top screen: how late the latest node was is drawn, a column a look, and unknown is a mark of its own") {
  TopFacts facts = facts_of(3);
  CHECK_FALSE(has(shown_in(facts, {100, 40}), "late by, last"));
  facts.lags_ms = {0, 100, 800, std::nullopt, 799, 0};
  CHECK(has(shown_in(facts, {100, 40}), "late by, last 6.0 s: \u00b7\u2581\u2588?\u2588\u00b7  at most 800 ms"));
  facts.lags_ms = {0, 0};
  CHECK(has(shown_in(facts, {100, 40}), "late by, last 2.0 s: \u00b7\u00b7  never"));
  CHECK_FALSE(has(shown_in(facts, {40, 40}), "late by, last"));  // Too narrow for it.
  CHECK(worst_lag_ms(facts.view) == 0);
  facts.view.nodes[1].status.reset();
  CHECK_FALSE(worst_lag_ms(facts.view));
}

// Goal: whatever the size of the terminal, nothing is wider or longer than it, with colours and without.
TEST_CASE("top screen: fits any size, at 1, 3, 50 and 300 nodes") {
  for (const std::size_t count : {1, 3, 50, 300}) {
    TopFacts facts = facts_of(count);
    for (std::size_t i = 0; i < count; i += 7) facts.view.nodes[i].status->root = "cccccccc";
    if (count > 1) {
      facts.view.nodes[1].status.reset();
      facts.view.nodes[1].error = "größer als erlaubt, und sehr lang: " + std::string(300, 'x');
    }
    facts.verdict = judge(facts.view);
    for (int i = 0; i < 300; ++i) facts.lags_ms.push_back(i % 9 == 0 ? std::nullopt : std::optional<std::int64_t>(INT64_MAX / 8 / (1 + i)));
    for (const TopSize size : {TopSize{0, 0}, TopSize{1, 1}, TopSize{3, 2}, TopSize{20, 5}, TopSize{40, 9}, TopSize{80, 24}, TopSize{132, 43}, TopSize{500, 200}}) {
      CAPTURE(count);
      CAPTURE(size.columns);
      CAPTURE(size.rows);
      for (const bool colors : {false, true}) {
        std::ostringstream out;
        const auto lines = top_screen(facts, size, {.out = out, .err = out, .out_colors = colors});
        CHECK(lines.size() <= size.rows);
        for (const std::string& line : lines) CHECK(display_width(without_colors(line)) <= size.columns);
      }
    }
  }
}

TEST_CASE("top screen: of more nodes than fit those that need looking at come first, and the rest is counted") {
  TopFacts facts = facts_of(50);
  facts.view.nodes[48].status->full = true;
  facts.view.nodes[49].status.reset();
  facts.view.nodes[49].error = "gone";
  facts.verdict = judge(facts.view);
  const std::string text = shown_in(facts, {100, 24});
  CHECK(has(text, "node150"));
  CHECK(has(text, "full"));
  CHECK(has(text, "more nodes"));
  CHECK(has(text, "2,352 pairs of 2,450 pairs in step"));
}

}  // namespace
}  // namespace kith::tools
