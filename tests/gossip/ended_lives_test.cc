// tests/gossip/ended_lives_test.cc -- what of a life that is over was seen: the record's bytes, and what it says.
#include "gossip/ended_lives.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "crdt/bytes.h"
#include "crdt/limits.h"
#include "gossip/life_table.h"
#include "tests/crdt/universe.h"
#include "tests/gossip/frames.h"

namespace kith::test {
namespace {

constexpr NodeId kOne{1}, kTwo{2};
constexpr OriginId kLife{10}, kOther{11};

Content written(std::string value, std::uint64_t at) {
  Content out(Kind::kHash);
  (void)out.as_register().set(std::move(value), {Timestamp{at}, ActorId{7}}, {Timestamp{at}, OriginId{7}});
  return out;
}
Content record_at(std::uint64_t at, const EndedLife& record) { return written(encode(record), at); }
Content deleted(std::uint64_t at) {
  Content out(Kind::kHash);
  (void)out.as_register().erase({Timestamp{at}, ActorId{7}}, {Timestamp{at}, OriginId{7}});
  return out;
}
Commit by(OriginId origin, std::uint64_t at) { return {Timestamp{at}, origin}; }

EndedLife example() {
  EndedLife out{Timestamp::at_ms(1'700'000'000'000)};
  out.held = {{2, Timestamp::at_ms(1'700'000'000'500, 1)}};
  out.beyond = {{2, Timestamp::at_ms(1'700'000'000'700)}, {3, Timestamp::at_ms(1'700'000'000'600)}};
  out.redone = {{5, Timestamp::at_ms(1'700'000'000'900)}};
  out.redone_as = {{5, OriginId{0xabcd}, Timestamp::at_ms(1'700'000'001'000)}};
  return out;
}

// ---- The record

// docs/DISK.md has these bytes, too.
TEST_CASE("ended life: comes back as it went, golden bytes") {
  const EndedLife plain{Timestamp::at_ms(1'700'000'000'000)};
  const EndedLife all = example();
  EndedLife redone = plain;
  redone.redone = {{1, Timestamp{5}}};
  EndedLife held = plain;
  held.held = all.held;
  for (const EndedLife& record : {plain, all, redone, held}) CHECK(decode_ended_life(encode(record)) == record);
  CHECK(hex_of(encode(plain)) == hex_of(from_hex("81 00 cf 018bcfe568000000")));
  CHECK(hex_of(encode(all)) == hex_of(from_hex("85 00 cf 018bcfe568000000"
                                               "   01 c4 0a 0002 018bcfe569f40001"
                                               "   02 c4 14 0002 018bcfe56abc0000 0003 018bcfe56a580000"
                                               "   03 c4 0a 0005 018bcfe56b840000"
                                               "   04 c4 12 0005 000000000000abcd 018bcfe56be80000")));
}

TEST_CASE("ended life: cut anywhere it is refused, flipped it is refused or is a record all the same") {
  const std::string bytes = encode(example());
  for (std::size_t size = 0; size < bytes.size(); ++size) CHECK_FALSE(decode_ended_life(bytes.substr(0, size)).has_value());
  CHECK_FALSE(decode_ended_life(bytes + '\0').has_value());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = bytes;
      flipped[i] = static_cast<char>(flipped[i] ^ (1 << bit));
      const auto out = decode_ended_life(flipped);
      if (out) REQUIRE(decode_ended_life(encode(*out)) == out);
    }
  }
}

TEST_CASE("ended life: what makes no sense is refused, what a later version adds is skipped") {
  const auto read = [](const char* hex) { return decode_ended_life(from_hex(hex)); };
  CHECK(read("81 00 05") == EndedLife{Timestamp{5}});
  CHECK_FALSE(read("").has_value());
  CHECK_FALSE(read("80").has_value());
  CHECK_FALSE(read("05").has_value());
  CHECK_FALSE(read("81 00 00").has_value());                                           // Up to nothing.
  CHECK_FALSE(read("81 03 05").has_value());                                           // Only what was redone.
  CHECK_FALSE(read("81 00 ff").has_value());                                           // Negative.
  CHECK_FALSE(read("81 00 a1 35").has_value());
  CHECK_FALSE(read("82 00 05 00 06").has_value());                                     // Twice.
  CHECK_FALSE(read("82 00 05 01 05").has_value());                                     // Places that are no bytes.
  CHECK_FALSE(read("82 00 05 01 c4 09 0002 00000000000000").has_value());              // A place cut short.
  CHECK_FALSE(read("82 00 05 02 c4 14 0003 0000000000000009 0002 0000000000000009").has_value());  // Not sorted.
  CHECK_FALSE(read("82 00 05 02 c4 14 0002 0000000000000009 0002 0000000000000008").has_value());
  CHECK_FALSE(read("82 00 05 03 a1 35").has_value());
  CHECK(read("82 00 05 02 c4 00") == EndedLife{Timestamp{5}});                         // None.
  CHECK_FALSE(read("82 00 05 04 c4 01 78").has_value());                               // By no life.
  CHECK_FALSE(read("82 00 05 04 05").has_value());
  CHECK_FALSE(read("82 00 05 04 c4 24 0002 0000000000000009 0000000000000009 0002 0000000000000008 0000000000000009").has_value());
  CHECK(read("82 00 05 05 c4 01 78") == EndedLife{Timestamp{5}});
  CHECK(read("82 00 05 a1 78 09") == EndedLife{Timestamp{5}});
}

TEST_CASE("ended life: it says by whom, and when at the latest, what was not seen was done again") {
  EndedLife record{Timestamp{5}};
  CHECK(record.redone_as_in(2) == nullptr);
  record.say_redone(2, Timestamp{7}, OriginId{3}, Timestamp{20});
  record.say_redone(1, Timestamp{6}, OriginId{3}, Timestamp{21});
  record.say_redone(2, Timestamp{6}, OriginId{4}, Timestamp{30});  // A later one did it again.
  CHECK(record.was_redone(2, Timestamp{7}));
  REQUIRE(record.redone_as_in(2) != nullptr);
  CHECK((*record.redone_as_in(2) == EndedLife::Again{2, OriginId{4}, Timestamp{30}}));
  CHECK((*record.redone_as_in(1) == EndedLife::Again{1, OriginId{3}, Timestamp{21}}));
  CHECK(record.redone_as_in(3) == nullptr);
  CHECK(decode_ended_life(encode(record)) == record);
}

TEST_CASE("ended life: as many places as the limit are read, one more is refused") {
  EndedLife record{Timestamp{5}};
  for (std::size_t i = 0; i < EndedLife::kPlacesMax; ++i) record.beyond.emplace_back(static_cast<ShardId>(i / 256), Timestamp{10 + i % 256});
  const auto out = decode_ended_life(encode(record));
  REQUIRE(out.has_value());
  CHECK((*out == record));
  // It fits where values have to fit.
  CHECK(encode(record).size() <= kValueBytesMax);
  record.beyond.emplace_back(ShardId{0xfffe}, Timestamp{10});
  CHECK_FALSE(decode_ended_life(encode(record)).has_value());
}

// A normal restart: gossip/ended_lives.h says 60 bytes, key and all.
TEST_CASE("ended life: one of which all was seen takes few bytes") {
  const EndedLife record{Timestamp::at_ms(1'700'000'000'000)};
  CHECK(encode(record).size() == 11);
  const CellKey cell = ended_cell(kOne, kLife);
  CHECK(cell.member.size() + cell.key.size() + encode(record).size() <= 60);
}

TEST_CASE("ended life: seen is what is up to the mark, up to its shard's, or listed exactly") {
  EndedLife record{Timestamp{100}};
  record.held = {{2, Timestamp{150}}, {4, Timestamp{120}}};
  record.beyond = {{2, Timestamp{170}}, {3, Timestamp{130}}, {3, Timestamp{140}}};
  const auto seen = [&](ShardId shard, std::uint64_t at) { return record.seen(shard, Timestamp{at}); };
  for (const ShardId shard : {ShardId{0}, ShardId{2}, ShardId{3}, ShardId{4}, kSystemShard}) {
    CHECK(seen(shard, 1));
    CHECK(seen(shard, 100));
  }
  CHECK_FALSE(seen(0, 101));
  CHECK_FALSE(seen(1, 101));
  CHECK(seen(2, 101));
  CHECK(seen(2, 150));
  CHECK_FALSE(seen(2, 151));
  CHECK_FALSE(seen(2, 169));
  CHECK(seen(2, 170));
  CHECK_FALSE(seen(2, 171));
  CHECK_FALSE(seen(3, 120));  // Another shard's mark is none of its.
  CHECK(seen(3, 130));
  CHECK_FALSE(seen(3, 131));
  CHECK(seen(3, 140));
  CHECK_FALSE(seen(3, 170));
  CHECK(seen(4, 120));
  CHECK_FALSE(seen(4, 121));
  CHECK_FALSE(seen(5, 130));
}

// Method: against a walk over all places.
TEST_CASE("ended life: seen agrees with a walk over its places (random)") {
  const std::uint64_t seed = test_seed(31);
  CAPTURE(seed);
  Dice dice(seed);
  for (int n = 0; n < 500; ++n) {
    EndedLife record{Timestamp{10}};
    std::set<std::pair<ShardId, Timestamp>> beyond;
    for (ShardId shard = 0; shard < 6; ++shard) {
      if (dice.one_in(3)) record.held.emplace_back(shard, Timestamp{11 + dice.below(10)});
      for (std::uint64_t left = dice.below(4); left > 0; --left) beyond.emplace(shard, Timestamp{dice.from(12, 40)});
    }
    record.beyond.assign(beyond.begin(), beyond.end());
    REQUIRE(decode_ended_life(encode(record)) == record);
    for (ShardId shard = 0; shard < 7; ++shard) {
      for (std::uint64_t at = 1; at < 42; ++at) {
        bool expected = at <= 10 || beyond.contains({shard, Timestamp{at}});
        for (const auto& [of, held] : record.held) expected = expected || (of == shard && at <= held.value);
        REQUIRE(record.seen(shard, Timestamp{at}) == expected);
      }
    }
  }
}

// ---- Its field

TEST_CASE("ended cell: names node and origin as the table of lives does, in a hash of its own") {
  const CellKey cell = ended_cell(NodeId{0xabc}, OriginId{1});
  CHECK(cell.table == kSystemTable);
  CHECK(cell.key == "ended");
  CHECK(cell.kind == Kind::kHash);
  CHECK(cell.member == "0000000000000abc0000000000000001");
  CHECK(cell.member == life_cell(NodeId{0xabc}, OriginId{1}).member);
  CHECK(life_of_ended_cell(cell) == std::pair(NodeId{0xabc}, OriginId{1}));
  CHECK_FALSE(life_of_cell(cell).has_value());
  CHECK_FALSE(life_of_ended_cell(life_cell(NodeId{0xabc}, OriginId{1})).has_value());
  const auto with = [&](auto change) {
    CellKey other = cell;
    change(other);
    return life_of_ended_cell(other).has_value();
  };
  CHECK_FALSE(with([](CellKey& it) { it.table = "t"; }));
  CHECK_FALSE(with([](CellKey& it) { it.key = "members"; }));
  CHECK_FALSE(with([](CellKey& it) { it.kind = Kind::kSet; }));
  CHECK_FALSE(with([](CellKey& it) { it.member = "0000000000000ABC0000000000000001"; }));
  CHECK_FALSE(with([](CellKey& it) { it.member = "00000000000000000000000000000001"; }));
  CHECK_FALSE(with([](CellKey& it) { it.member = "0000000000000abc0000000000000000"; }));
  CHECK_FALSE(with([](CellKey& it) { it.member.pop_back(); }));
  CHECK_FALSE(with([](CellKey& it) { it.member += '0'; }));
}

// ---- All of them

TEST_CASE("ended lives: nothing is unseen of a life of which no record is known") {
  EndedLives lives;
  CHECK(lives.empty());
  CHECK_FALSE(lives.unseen(2, by(kLife, ~std::uint64_t{0})));
  CHECK(lives.find(kLife) == nullptr);
  CHECK(lives.content(kOne, kLife) == nullptr);
  lives.drop(ended_cell(kOne, kLife));
  CHECK(lives.empty());
}

TEST_CASE("ended lives: a record counts from when it comes, a later one takes its place, what is late or known changes nothing") {
  EndedLives lives;
  const CellKey cell = ended_cell(kOne, kLife);
  EndedLife first{Timestamp{100}}, second = first;
  second.redone = {{2, Timestamp{120}}};
  CHECK(lives.merge(cell, record_at(10, first)));
  CHECK_FALSE(lives.empty());
  REQUIRE(lives.find(kLife) != nullptr);
  CHECK(lives.find(kLife)->node == kOne);
  CHECK(lives.find(kLife)->record == first);
  CHECK_FALSE(lives.unseen(2, by(kLife, 100)));
  CHECK(lives.unseen(2, by(kLife, 101)));
  CHECK_FALSE(lives.unseen(2, by(kOther, 101)));
  CHECK_FALSE(lives.merge(cell, record_at(10, first)));
  CHECK_FALSE(lives.merge(cell, record_at(12, first)));  // Said again.
  CHECK(lives.merge(cell, record_at(20, second)));
  CHECK(lives.find(kLife)->record.was_redone(2, Timestamp{120}));
  CHECK_FALSE(lives.find(kLife)->record.was_redone(2, Timestamp{121}));
  CHECK_FALSE(lives.find(kLife)->record.was_redone(3, Timestamp{120}));
  CHECK_FALSE(lives.merge(cell, record_at(15, first)));
  CHECK(lives.find(kLife)->record == second);
  CHECK(lives.entries().size() == 1);
  // What is told on is the latest.
  REQUIRE(lives.content(kOne, kLife) != nullptr);
  CHECK(lives.content(kOne, kLife)->as_register().tag().at == Timestamp{20});
}

TEST_CASE("ended lives: of several lives and nodes each has its own, and what is no such field is not taken") {
  EndedLives lives;
  CHECK(lives.merge(ended_cell(kOne, kLife), record_at(10, {Timestamp{100}})));
  CHECK(lives.merge(ended_cell(kTwo, kOther), record_at(10, {Timestamp{200}})));
  CHECK_FALSE(lives.merge(life_cell(kOne, OriginId{12}), record_at(10, {Timestamp{100}})));
  Content set(Kind::kSet);
  (void)set.as_set_element().add({Timestamp{1}, ActorId{1}}, by(kLife, 1));
  CHECK_FALSE(lives.merge(ended_cell(kOne, OriginId{12}), set));
  CHECK_FALSE(lives.merge(ended_cell(kOne, OriginId{12}), Content(Kind::kHash)));
  CHECK(lives.entries().size() == 2);
  CHECK(lives.cells().size() == 2);
  CHECK(lives.unseen(0, by(kLife, 150)));
  CHECK_FALSE(lives.unseen(0, by(kOther, 150)));
  CHECK(lives.unseen(0, by(kOther, 201)));
  CHECK(lives.find(kOther)->node == kTwo);
}

// RULE. The order of arrival makes no difference.
TEST_CASE("ended lives: fields that come in any order say the same") {
  EndedLife first{Timestamp{100}}, second = first, third = first;
  second.redone = {{2, Timestamp{120}}}, third.redone = {{2, Timestamp{130}}};
  std::vector<Content> said{record_at(10, first), record_at(20, second), record_at(30, third), written("?", 25)};
  std::sort(said.begin(), said.end(), [](const Content& a, const Content& b) { return a.as_register().tag() < b.as_register().tag(); });
  do {
    EndedLives lives;
    for (const Content& it : said) (void)lives.merge(ended_cell(kOne, kLife), it);
    REQUIRE(lives.find(kLife) != nullptr);
    REQUIRE(lives.find(kLife)->record == third);
  } while (std::next_permutation(said.begin(), said.end(), [](const Content& a, const Content& b) { return a.as_register().tag() < b.as_register().tag(); }));
}

TEST_CASE("ended lives: a deletion takes the record out, of memory as well") {
  EndedLives lives;
  const CellKey cell = ended_cell(kOne, kLife);
  CHECK_FALSE(lives.merge(cell, deleted(5)));
  CHECK(lives.cells().empty());
  REQUIRE(lives.merge(cell, record_at(10, {Timestamp{100}})));
  CHECK(lives.merge(cell, deleted(20)));
  CHECK(lives.empty());
  CHECK(lives.cells().empty());
  CHECK_FALSE(lives.unseen(0, by(kLife, 500)));
  CHECK_FALSE(lives.merge(cell, deleted(20)));
}

TEST_CASE("ended lives: dropped, a field is no more, and may come again with the same words") {
  EndedLives lives;
  const CellKey cell = ended_cell(kOne, kLife);
  REQUIRE(lives.merge(cell, record_at(10, {Timestamp{100}})));
  REQUIRE(lives.merge(ended_cell(kTwo, kOther), record_at(10, {Timestamp{100}})));
  lives.drop(life_cell(kOne, kLife));  // Of another hash.
  CHECK(lives.find(kLife) != nullptr);
  lives.drop(cell);
  CHECK(lives.find(kLife) == nullptr);
  CHECK(lives.content(kOne, kLife) == nullptr);
  CHECK(lives.find(kOther) != nullptr);
  CHECK(lives.merge(cell, record_at(10, {Timestamp{100}})));
  CHECK(lives.unseen(0, by(kLife, 101)));
}

// SUBTLE: it is kept and told on, being data as any other; only what it says is nothing.
TEST_CASE("ended lives: a record that is not understood says nothing, and is told on") {
  EndedLives lives;
  const CellKey cell = ended_cell(kOne, kLife);
  REQUIRE(lives.merge(cell, record_at(10, {Timestamp{100}})));
  CHECK(lives.merge(cell, written("?", 20)));
  CHECK(lives.find(kLife) == nullptr);
  CHECK_FALSE(lives.unseen(0, by(kLife, 101)));
  REQUIRE(lives.content(kOne, kLife) != nullptr);
  CHECK(lives.content(kOne, kLife)->as_register().value() == "?");
  CHECK(lives.merge(cell, record_at(30, {Timestamp{100}})));
  CHECK(lives.unseen(0, by(kLife, 101)));
}

}  // namespace
}  // namespace kith::test
