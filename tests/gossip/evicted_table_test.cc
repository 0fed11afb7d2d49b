// Goal: who is out follows from the replicated fields alone, in whatever order they come.
#include "gossip/evicted_table.h"

#include <doctest/doctest.h>

#include "gossip/member_table.h"
#include "tests/gossip/frames.h"

namespace kith::test {
namespace {

const NodeId kNode{0x10}, kOther{0x20};

Content evicted(std::uint64_t at) {
  const Timestamp commit{at};
  return Content(Register{}.set(encode(Evicted{commit, Timestamp{1}}), {commit, ActorId{1}}, {commit, OriginId{1}}));
}
Content record(std::uint64_t at, std::uint64_t returned) {
  MemberRecord out{"n1", "n1:1", "n1:2", {{OriginId{at}, Timestamp{at}}}, Timestamp{returned}};
  return Content(Register{}.set(encode(out), {Timestamp{at}, ActorId{at}}, {Timestamp{at}, OriginId{at}}));
}

TEST_CASE("evicted table: out until its own record says that it knows, whatever lives it begins, in any order") {
  const std::pair<CellKey, Content> came{member_cell(kNode), record(100, 0)}, goes{evicted_cell(kNode), evicted(200)},
      unaware{member_cell(kNode), record(300, 0)}, back{member_cell(kNode), record(400, 200)}, again{evicted_cell(kNode), evicted(500)};
  const auto table_of = [](const std::vector<std::pair<CellKey, Content>>& cells) {
    MemberTable out;
    for (const auto& [key, content] : cells) {
      if (node_of_evicted_cell(key)) (void)out.merge_evicted(key, content);
      else (void)out.merge(key, content);
    }
    return out;
  };
  const auto check = [&](std::vector<std::pair<CellKey, Content>> cells, bool out) {
    std::uint64_t version = 0;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      std::rotate(cells.begin(), cells.begin() + 1, cells.end());
      const MemberTable table = table_of(cells);
      CHECK(table.out(kNode) == out);
      CHECK(table.ids() == (out ? std::vector<NodeId>{} : std::vector<NodeId>{kNode}));
      CHECK((table.find_by_name("n1") == nullptr) == out);
      if (i > 0) CHECK(table.version() == version);
      version = table.version();
    }
  };
  check({came}, false);
  check({came, goes}, true);
  check({came, goes, unaware}, true);
  check({came, goes, unaware, back}, false);
  check({came, goes, unaware, back, again}, true);
}

TEST_CASE("evicted table: what is not one is not taken, and generations tell of changes") {
  CHECK_FALSE(decode_evicted("").has_value());
  CHECK_FALSE(decode_evicted(pack::map({{0, pack::number(0)}, {1, pack::number(5)}})).has_value());
  CHECK_FALSE(decode_evicted(pack::map({{0, pack::text("x")}, {1, pack::number(5)}})).has_value());
  CHECK_FALSE(decode_evicted(pack::map({{1, pack::number(5)}})).has_value());
  CHECK_FALSE(decode_evicted(pack::map({{0, pack::number(5)}})).has_value());
  const Evicted five{Timestamp{5}, Timestamp{3}};
  CHECK(decode_evicted(pack::map({{2, pack::text("later")}, {0, pack::number(5)}, {1, pack::number(3)}})) == five);
  CHECK(decode_evicted(encode(five)) == five);
  CHECK(node_of_evicted_cell(evicted_cell(kNode)) == kNode);
  CellKey cell = evicted_cell(kNode);
  for (const std::string& member : {std::string(""), std::string("10"), std::string("00000000000000ZZ"), std::string(16, '0')}) {
    cell.member = member;
    CHECK_FALSE(node_of_evicted_cell(cell).has_value());
  }
  MemberTable table;
  REQUIRE(table.merge(member_cell(kNode), record(100, 0)));
  const std::uint64_t before = table.generation();
  CHECK(table.merge_evicted(evicted_cell(kOther), evicted(5)));  // Not a member, as far as is known.
  CHECK(table.generation() == before);
  CHECK_FALSE(table.out(kOther));
  CHECK(table.merge_evicted(evicted_cell(kNode), evicted(200)));
  CHECK(table.generation() != before);
  CHECK_FALSE(table.merge_evicted(evicted_cell(kNode), evicted(200)));
  CHECK(table.evicted().at(kNode) == Timestamp{200});
}

}  // namespace
}  // namespace kith::test
