// tests/gossip/life_table_test.cc -- the lives that still matter: the record's bytes, and what a table says of them.
#include "gossip/life_table.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "crdt/limits.h"
#include "store/store.h"
#include "tests/gossip/frames.h"

namespace kith::test {
namespace {

using Change = LifeTable::Change;

constexpr NodeId kOne{1}, kTwo{2};
constexpr OriginId kLife{10};

Content written(std::string value, std::uint64_t at) {
  Content out(Kind::kHash);
  (void)out.as_register().set(std::move(value), {Timestamp{at}, ActorId{7}}, {Timestamp{at}, OriginId{7}});
  return out;
}
Content open(std::uint64_t at, std::uint64_t start = 100) { return written(encode(LifeRecord{Timestamp{start}}), at); }
Content closed(std::uint64_t at, std::uint64_t final, std::uint64_t start = 100) {
  return written(encode(LifeRecord{Timestamp{start}, Timestamp{final}}), at);
}
Content retired(std::uint64_t at) {
  Content out(Kind::kHash);
  (void)out.as_register().erase({Timestamp{at}, ActorId{7}}, {Timestamp{at}, OriginId{7}});
  return out;
}

TEST_CASE("life record: comes back as it went, golden bytes") {
  const LifeRecord open{Timestamp::at_ms(1'700'000'000'000)}, closed{open.start, Timestamp::at_ms(1'700'000'000'500, 1)};
  for (const LifeRecord& record : {open, closed}) CHECK(decode_life_record(encode(record)) == record);
  CHECK(hex_of(encode(open)) == hex_of(from_hex("81 00 cf 018bcfe568000000")));
  CHECK(hex_of(encode(closed)) == hex_of(from_hex("82 00 cf 018bcfe568000000 01 cf 018bcfe569f40001")));
  CHECK_FALSE(open.closed());
  CHECK(closed.closed());
}

TEST_CASE("life record: cut or flipped anywhere it is refused, or is a record all the same") {
  const std::string bytes = encode(LifeRecord{Timestamp::at_ms(1'700'000'000'000), Timestamp::at_ms(1'700'000'000'500, 1)});
  for (std::size_t size = 0; size < bytes.size(); ++size) CHECK_FALSE(decode_life_record(bytes.substr(0, size)).has_value());
  CHECK_FALSE(decode_life_record(bytes + '\0').has_value());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = bytes;
      flipped[i] = static_cast<char>(flipped[i] ^ (1 << bit));
      const auto out = decode_life_record(flipped);
      if (out) REQUIRE(decode_life_record(encode(*out)) == out);
    }
  }
}

TEST_CASE("life record: what makes no sense is refused, what a later version adds is skipped") {
  const auto read = [](const char* hex) { return decode_life_record(from_hex(hex)); };
  CHECK(read("82 00 05 01 05") == LifeRecord{Timestamp{5}, Timestamp{5}});  // It wrote nothing.
  CHECK_FALSE(read("82 00 05 01 04").has_value());                          // Closed before it began.
  CHECK_FALSE(read("81 00 00").has_value());
  CHECK_FALSE(read("82 00 05 01 00").has_value());
  CHECK_FALSE(read("81 01 05").has_value());
  CHECK_FALSE(read("80").has_value());
  CHECK_FALSE(read("81 00 ff").has_value());
  CHECK_FALSE(read("81 00 a1 35").has_value());
  CHECK_FALSE(read("05").has_value());
  CHECK_FALSE(read("82 00 05 00 05").has_value());                          // Twice.
  CHECK(read("83 00 05 07 a1 78 c4 01") == std::nullopt);                   // A bin for a key.
  CHECK(read("82 00 05 07 a1 78") == LifeRecord{Timestamp{5}});
}

TEST_CASE("life cell: names node and origin, in one spelling") {
  const CellKey cell = life_cell(NodeId{0xabc}, OriginId{1});
  CHECK(cell.table == kSystemTable);
  CHECK(cell.key == "lives");
  CHECK(cell.kind == Kind::kHash);
  CHECK(cell.member == "0000000000000abc0000000000000001");
  CHECK(life_of_cell(cell) == std::pair(NodeId{0xabc}, OriginId{1}));
  const auto with = [&](auto change) {
    CellKey other = cell;
    change(other);
    return life_of_cell(other).has_value();
  };
  CHECK_FALSE(with([](CellKey& it) { it.table = "t"; }));
  CHECK_FALSE(with([](CellKey& it) { it.key = "members"; }));
  CHECK_FALSE(with([](CellKey& it) { it.kind = Kind::kSet; }));
  CHECK_FALSE(with([](CellKey& it) { it.member = "0000000000000ABC0000000000000001"; }));
  CHECK_FALSE(with([](CellKey& it) { it.member = "00000000000000000000000000000001"; }));
  CHECK_FALSE(with([](CellKey& it) { it.member = "0000000000000abc0000000000000000"; }));
  CHECK_FALSE(with([](CellKey& it) { it.member.pop_back(); }));
  CHECK_FALSE(with([](CellKey& it) { it.member += '0'; }));
  CHECK_FALSE(with([](CellKey& it) { it.member[5] = 'x'; }));
}

TEST_CASE("life table: a life is opened, closed and retired, and what is known changes nothing, what is late neither") {
  LifeTable table;
  const CellKey cell = life_cell(kOne, kLife);
  CHECK(table.find(kLife) == nullptr);
  CHECK(table.version() == 0);
  CHECK(table.merge(cell, open(10)) == Change::kOpened);
  REQUIRE(table.find(kLife) != nullptr);
  CHECK(*table.find(kLife) == LifeTable::Entry{kOne, {Timestamp{100}}});
  const auto version = table.version();
  CHECK(table.merge(cell, open(10)) == Change::kNone);
  CHECK(table.merge(cell, closed(20, 500)) == Change::kClosed);
  CHECK(table.find(kLife)->record == LifeRecord{Timestamp{100}, Timestamp{500}});
  CHECK(table.version() != version);
  CHECK(table.merge(cell, open(15)) == Change::kNone);
  CHECK(table.find(kLife)->record.closed());
  CHECK(table.count_of(kOne) == 1);
  CHECK(table.merge(cell, retired(30)) == Change::kRetired);
  CHECK(table.find(kLife) == nullptr);
  CHECK(table.count_of(kOne) == 0);
  CHECK(table.cells().size() == 1);  // It is remembered that it was.
  CHECK(table.merge(cell, closed(25, 600)) == Change::kNone);
  CHECK(table.merge(cell, retired(30)) == Change::kNone);
  CHECK(table.find(kLife) == nullptr);
}

TEST_CASE("life table: cells that are no fields of it, and values that are not understood, say nothing") {
  LifeTable table;
  CHECK(table.merge(member_cell(kOne), open(10)) == Change::kNone);
  CHECK(table.merge(life_cell(kOne, kLife), Content(Kind::kHash)) == Change::kNone);
  CHECK(table.merge(life_cell(kOne, kLife), Content(Kind::kSet)) == Change::kNone);
  CHECK(table.version() == 0);
  CHECK(table.merge(life_cell(kOne, kLife), written("of a later version", 10)) == Change::kNone);
  CHECK(table.entries().empty());
  CHECK(table.version() != 0);  // Replicated all the same.
  CHECK(table.merge(life_cell(kOne, kLife), open(20)) == Change::kOpened);
  CHECK(table.merge(life_cell(kOne, kLife), written("of a later version", 30)) == Change::kRetired);
}

// A node registers a life of which it finds no field (gossip/lives), and so may another, or both.
TEST_CASE("life table: a life that two nodes have registered is closed when both say so, and gone when both do") {
  const CellKey one = life_cell(kOne, kLife), two = life_cell(kTwo, kLife);
  LifeTable table;
  CHECK(table.merge(one, closed(10, 500)) == Change::kClosed);
  CHECK(table.merge(two, open(11, 1)) == Change::kOpened);
  CHECK_FALSE(table.find(kLife)->record.closed());
  CHECK(table.entries().size() == 1);
  CHECK(table.merge(two, closed(12, 900, 1)) == Change::kClosed);
  CHECK(table.find(kLife)->record.final == Timestamp{900});  // The later one: nothing was committed above it.
  CHECK(table.merge(one, retired(13)) != Change::kRetired);
  REQUIRE(table.find(kLife) != nullptr);
  CHECK(table.find(kLife)->node == kTwo);
  CHECK(table.merge(two, retired(14)) == Change::kRetired);
  CHECK(table.entries().empty());
}

// Goal: who registered what was lost does not close the life that another node is living.
TEST_CASE("life table: of two nodes that have registered an open life it belongs to the one that knows when it began") {
  for (const bool lost_first : {false, true}) {
    for (const bool lost_is_one : {false, true}) {
      const CellKey lost = life_cell(lost_is_one ? kOne : kTwo, kLife), own = life_cell(lost_is_one ? kTwo : kOne, kLife);
      LifeTable table;
      if (lost_first) (void)table.merge(lost, open(30, 1));
      (void)table.merge(own, open(20, 700));
      if (!lost_first) (void)table.merge(lost, open(30, 1));
      CHECK(table.find(kLife)->node == (lost_is_one ? kTwo : kOne));
      CHECK(table.find(kLife)->record.start == Timestamp{700});
      CHECK(table.lives_of(lost_is_one ? kOne : kTwo).empty());
    }
  }
}

TEST_CASE("life table: whatever comes in whatever order, entries and version are the same (200 shuffles)") {
  std::vector<std::pair<CellKey, Content>> all;
  for (std::uint64_t origin = 10; origin < 14; ++origin) {
    for (const NodeId node : {kOne, kTwo}) {
      all.emplace_back(life_cell(node, OriginId{origin}), open(origin));
      if (origin % 2 == 0 || node == kOne) all.emplace_back(life_cell(node, OriginId{origin}), closed(20 + origin, 500 + origin + node.value));
      if (origin >= 12) all.emplace_back(life_cell(node, OriginId{origin}), retired(50 + origin));
    }
  }
  LifeTable first;
  for (const auto& [cell, delta] : all) first.merge(cell, delta);
  CHECK(first.entries().size() == 2);
  std::mt19937_64 random(1);
  for (int i = 0; i < 200; ++i) {
    std::shuffle(all.begin(), all.end(), random);
    LifeTable table;
    for (const auto& [cell, delta] : all) {
      table.merge(cell, delta);
      if (random() % 4 == 0) table.merge(cell, delta);
    }
    REQUIRE(table.version() == first.version());
    REQUIRE(table.entries() == first.entries());
  }
}

// Invariant: a table that remembers what was deleted and one that has collected it are equal.
TEST_CASE("life table: the version does not depend on fields that are deleted, remembered or not") {
  LifeTable remembers, forgot, never;
  for (LifeTable* table : {&remembers, &forgot, &never}) table->merge(life_cell(kTwo, OriginId{20}), open(10));
  const auto version = never.version();
  for (LifeTable* table : {&remembers, &forgot}) {
    table->merge(life_cell(kOne, kLife), closed(11, 500));
    CHECK(table->version() != version);
    table->merge(life_cell(kOne, kLife), retired(12));
    CHECK(table->version() == version);
  }
  forgot.drop(life_cell(kOne, kLife));
  CHECK(forgot.cells().size() == 1);
  CHECK(forgot.version() == version);
  CHECK(remembers.cells().size() == 2);
  CHECK(remembers.entries() == forgot.entries());
}

// Goal: on disk a deletion may have been collected, so that an old table would bring the life back; in memory it still stands.
TEST_CASE("life table: it knows better than a field that was deleted since, and than nothing else") {
  LifeTable table;
  const CellKey cell = life_cell(kOne, kLife);
  CHECK_FALSE(table.knows_better(cell, open(5)));     // Never heard of.
  table.merge(cell, open(5));
  CHECK_FALSE(table.knows_better(cell, open(5)));     // There.
  table.merge(cell, retired(8));
  CHECK(table.knows_better(cell, open(5)));
  CHECK(table.knows_better(cell, closed(7, 300)));
  CHECK_FALSE(table.knows_better(cell, closed(9, 300)));  // Written later.
  CHECK_FALSE(table.knows_better(cell, retired(3)));      // Damaged rows are mended with deletions, too.
  CHECK_FALSE(table.knows_better(member_cell(kOne), open(5)));
  table.drop(cell);
  CHECK_FALSE(table.knows_better(cell, open(5)));
}

TEST_CASE("life table: what is dropped is no more, without a word of it, and leaves what another node says of that life") {
  LifeTable table;
  table.drop(life_cell(kOne, kLife));  // Never there.
  CHECK(table.version() == 0);
  table.merge(life_cell(kOne, kLife), open(10));
  table.drop(life_cell(kOne, kLife));
  CHECK(table.find(kLife) == nullptr);
  CHECK(table.cells().empty());
  CHECK(table.version() == 0);
  CHECK(table.merge(life_cell(kOne, kLife), open(5)) == Change::kOpened);  // Nothing was remembered.
  table.merge(life_cell(kTwo, kLife), closed(11, 500));
  table.drop(life_cell(kOne, kLife));
  REQUIRE(table.find(kLife) != nullptr);
  CHECK(*table.find(kLife) == LifeTable::Entry{kTwo, {Timestamp{100}, Timestamp{500}}});
}

}  // namespace
}  // namespace kith::test
