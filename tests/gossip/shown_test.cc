// tests/gossip/shown_test.cc -- what shows in rows: the same for equal observable states, however they are stored.
#include "gossip/shown.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "crdt/counter.h"
#include "store/store.h"

namespace kith::test {
namespace {

constexpr ActorId kAlice{1}, kBob{2};

Commit commit(std::uint64_t at, std::uint64_t origin = 7) { return {Timestamp{at}, OriginId{origin}}; }
Tag tag(std::uint64_t at, ActorId actor) { return {Timestamp{at}, actor}; }

Row element(const SetElement& state, const std::string& member = "tea") {
  Row row;
  row.cell = {"t", "likes", Kind::kSet, member};
  row.content = Content(state);
  return row;
}
Row increment(const std::string& key, std::uint64_t at, std::int64_t amount) {
  Row row;
  row.cell = increment_cell("t", key, tag(at, kAlice));
  row.content = Content(Register{}.set(encode_amount(amount), tag(at, kAlice), commit(at)));
  return row;
}

std::vector<std::uint64_t> hashes(const std::vector<Row>& rows, std::uint64_t salt = 1) {
  std::vector<std::uint64_t> out;
  Shown shown(salt, [&](const CellKey&, const ShownThing& thing) { out.push_back(thing.hash); });
  for (const Row& row : rows) shown.row(row);
  shown.end();
  std::sort(out.begin(), out.end());
  return out;
}

TEST_CASE("shown: of an element each live add, whoever committed it, and nothing that is dead") {
  SetElement one, other;
  (void)one.add(tag(10, kAlice), commit(10));
  (void)other.add(tag(10, kAlice), commit(12, 8));
  CHECK(hashes({element(one)}).size() == 1);
  CHECK(hashes({element(one)}) == hashes({element(other)}));
  CHECK(hashes({element(one)}) != hashes({element(one, "rum")}));
  (void)other.add(tag(11, kBob), commit(13));
  CHECK(hashes({element(other)}).size() == 2);
  (void)one.remove(tag(20, kBob), commit(20));
  CHECK(hashes({element(one)}).empty());
  (void)one.add(tag(21, kAlice), commit(21));
  CHECK(hashes({element(one)}).size() == 1);
  CHECK(hashes({element(one)}) != hashes({element(other)}));
}

TEST_CASE("shown: of a register the tag of its value, and nothing of a deleted one") {
  const auto row = [](std::uint64_t at, Kind kind = Kind::kRegister) {
    Row out;
    out.cell = {"t", "color", kind, kind == Kind::kHash ? "field" : ""};
    out.content = Content(Register{}.set("red", tag(at, kAlice), commit(at)));
    return out;
  };
  CHECK(hashes({row(5)}) == hashes({row(5)}));
  CHECK(hashes({row(5)}) != hashes({row(6)}));
  CHECK(hashes({row(5)}) != hashes({row(5, Kind::kHash)}));
  Row deleted = row(5);
  (void)deleted.content.as_register().erase(tag(6, kBob), commit(6));
  CHECK(hashes({deleted}).empty());
}

TEST_CASE("shown: a counter is one thing, the same however far it is folded") {
  const std::vector<Row> rows{increment("a", 5, 10), increment("a", 6, 20), increment("b", 7, 1)};
  CHECK(hashes(rows).size() == 2);
  CounterBase folded;
  folded.sum = CounterSum(10);
  folded.digest = fingerprint_of(rows[0].cell, rows[0].content);
  Row base;
  base.cell = base_cell("t", "a");
  base.content = Content(base_register(Timestamp{5}, folded, commit(5)));
  CHECK(hashes({base, rows[1], rows[2]}) == hashes(rows));
  CHECK(hashes({base, rows[2]}) != hashes(rows));
  CHECK(salted_name(1, base.cell) != salted_name(2, base.cell));
}

// SUBTLE: two that collide under one salt do not under the next.
TEST_CASE("shown: another salt makes other hashes") {
  SetElement one;
  (void)one.add(tag(10, kAlice), commit(10));
  CHECK(hashes({element(one)}, 1) != hashes({element(one)}, 2));
  CHECK(hashes({increment("a", 5, 10)}, 1) != hashes({increment("a", 5, 10)}, 2));
}

}  // namespace
}  // namespace kith::test
