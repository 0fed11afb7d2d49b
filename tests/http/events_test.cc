#include "node/http/events.h"

#include <doctest/doctest.h>

#include "tests/http/pictures.h"

namespace kith {
namespace {

std::vector<Event> changes(const Picture& before, const Picture& now) {
  Events events;
  tell_changes(&before, now, events);
  return events.after(0, kEventsMax);
}

TEST_CASE("events: what stays as it was is no event") { CHECK(changes(three_equal(), three_equal()).empty()); }

TEST_CASE("events: a link that is cut is told once, whoever cuts it, and so is that it is whole again") {
  const Picture whole = three_equal();
  Picture cut = whole;
  cut.nodes[0].status->links_cut = {"n2"};
  cut.nodes[1].status->links_cut = {"n1"};
  const auto begins = changes(whole, cut);
  REQUIRE(begins.size() == 1);
  CHECK(begins[0].kind == "cut");
  CHECK(begins[0].text == "the link between n1 and n2 is cut, on purpose");
  CHECK(begins[0].wall_ms == cut.taken_wall_ms);
  CHECK(changes(cut, cut).empty());
  const auto ends = changes(cut, whole);
  REQUIRE(ends.size() == 1);
  CHECK(ends[0].kind == "heal");
}

TEST_CASE("events: of many links that are cut at once the first few are named") {
  std::vector<std::string> names;
  for (int i = 10; i < 20; ++i) names.push_back("n" + std::to_string(i));
  std::vector<SeenNode> nodes;
  for (const std::string& name : names) nodes.push_back(seen_node(name, "aa", names));
  const Picture whole = picture_of(nodes);
  Picture cut = whole;
  for (std::size_t i = 1; i < names.size(); ++i) cut.nodes[0].status->links_cut.push_back(names[i]);
  const auto told = changes(whole, cut);
  REQUIRE(told.size() == 1);
  CHECK(told[0].text == "9 links are cut, on purpose: n10 and n11, n10 and n12, n10 and n13, n10 and n14, and 5 more");
  CHECK(changes(cut, whole).size() == 1);
}

TEST_CASE("events: a node that falls silent is told with why, and that all cannot be known any more") {
  const Picture before = three_equal();
  Picture now = before;
  now.nodes[2].error = "nobody listens there";
  now.verdict = judge(now.view());
  const auto told = changes(before, now);
  REQUIRE(told.size() == 2);
  CHECK(told[0].kind == "cut");
  CHECK(told[0].text == "n3 cannot be reached: nobody listens there");
  CHECK(told[1].kind == "agreement");
  CHECK(told[1].severity == "bad");
  const auto back = changes(now, before);
  REQUIRE(back.size() == 2);
  CHECK(back[0].kind == "heal");
  CHECK(back[1].severity == "good");
}

TEST_CASE("events: joining, leaving, a new start and a state that turns bad are told") {
  const Picture before = three_equal();
  Picture now = before;
  now.nodes.erase(now.nodes.begin() + 1);
  now.nodes.push_back(seen_node("n4", "aa", {}));
  now.nodes[0].status->full = true;
  Picture earlier = before;
  earlier.nodes[2].status->uptime_ms = 50'000;
  const auto told = changes(earlier, now);
  REQUIRE(told.size() == 4);
  CHECK(told[0].text == "n1 is full");
  CHECK(told[1].text == "n3 was started anew");
  CHECK(told[2].text == "n4 (n4:8765) is a member");
  CHECK(told[3].text == "n2 is no member any more");
}

TEST_CASE("events: the first picture tells what is wrong and what is agreed on") {
  Picture first = three_equal();
  first.nodes[1].error = "gone";
  Events events;
  tell_changes(nullptr, first, events);
  const auto told = events.after(0, 10);
  REQUIRE(told.size() == 2);
  CHECK(told[0].text == "n2 cannot be reached: gone");
}

TEST_CASE("events: the last so many are kept, numbered on, and none is longer than it may be") {
  Events events;
  for (std::size_t i = 0; i < kEventsMax + 5; ++i) events.add(1, "log", "info", "line " + std::to_string(i));
  events.add(1, "log", "info", std::string(10'000, 'x') + "\xc3\xbc");
  const auto all = events.after(0, 10'000);
  CHECK(all.size() == kEventsMax);
  CHECK(all.front().number == 7);
  CHECK(all.back().number == kEventsMax + 6);
  CHECK(all.back().text.size() <= kEventBytesMax + 3);
  CHECK(events.last() == kEventsMax + 6);
  CHECK(events.after(events.last(), 10).empty());
  CHECK(events.after(UINT64_MAX, 10).empty());
  const auto newest = events.after(0, 3);
  CHECK(newest.size() == 3);
  CHECK(newest.back().number == events.last());
}

}  // namespace
}  // namespace kith
