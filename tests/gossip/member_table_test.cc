// tests/gossip/member_table_test.cc -- who belongs: the record's bytes, and a table that is the same in any order.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "crdt/limits.h"
#include "tests/gossip/frames.h"
#include "gossip/member_table.h"

namespace kith::test {
namespace {

constexpr NodeId kOne{1}, kTwo{2};

MemberRecord record(const std::string& name, std::vector<Life> lives = {{OriginId{10}, Timestamp{100}}}) {
  return {name, name + ":1", name + ":2", std::move(lives)};
}

Content written(std::string value, std::uint64_t at) {
  Content out(Kind::kHash);
  (void)out.as_register().set(std::move(value), {Timestamp{at}, ActorId{7}}, {Timestamp{at}, OriginId{7}});
  return out;
}
Content written(const MemberRecord& it, std::uint64_t at) { return written(encode(it), at); }

TEST_CASE("member record: comes back as it went, golden bytes") {
  const MemberRecord one = record("n1", {{OriginId{10}, Timestamp{100}}, {OriginId{11}, Timestamp{200}}});
  const std::string golden =
      "84 00 a2 6e31 01 a4 6e313a31 02 a4 6e313a32"
      "03 92 92 0a 64 92 0b cc c8";
  const std::string bytes = encode(one);
  REQUIRE(decode_member_record(bytes) == one);
  CHECK(hex_of(bytes) == hex_of(from_hex(golden)));
}

TEST_CASE("member record: a role is written when it is an observer's, and is a replica's when it is not known") {
  MemberRecord one = record("n1");
  const std::string before = encode(one);
  one.role = Role::kObserver;
  const std::string golden = "85 00 a2 6e31 01 a4 6e313a31 02 a4 6e313a32 03 91 92 0a 64 08 01";
  CHECK(hex_of(encode(one)) == hex_of(from_hex(golden)));
  CHECK(decode_member_record(encode(one)) == one);
  CHECK(decode_member_record(before)->role == Role::kReplica);
  const std::string head = encode(one).substr(0, encode(one).size() - 1);
  CHECK(decode_member_record(head + '\x07')->role == Role::kReplica);
  CHECK_FALSE(decode_member_record(head + '\xc3').has_value());
}

TEST_CASE("member table: those that count are the members that are no observers, in whatever order they come") {
  MemberTable table;
  MemberRecord observer = record("o2");
  observer.role = Role::kObserver;
  CHECK_FALSE(table.observes(kTwo));
  CHECK(table.merge(member_cell(kTwo), written(observer, 5)) == kTwo);
  CHECK(table.merge(member_cell(kOne), written(record("n1"), 5)) == kOne);
  CHECK(table.ids() == std::vector<NodeId>{kOne, kTwo});
  CHECK(table.replicas() == std::vector<NodeId>{kOne});
  CHECK(table.observes(kTwo));
  CHECK_FALSE(table.observes(kOne));
  Content out(Kind::kHash);
  (void)out.as_register().set(encode(Evicted{Timestamp{9}, Timestamp{100}}), {Timestamp{9}, ActorId{7}}, {Timestamp{9}, OriginId{7}});
  CHECK(table.merge_evicted(evicted_cell(kOne), out));
  CHECK(table.replicas().empty());
  CHECK(table.ids() == std::vector<NodeId>{kTwo});
}

TEST_CASE("member record: cut or flipped anywhere it is refused, or is a record all the same") {
  const std::string bytes = encode(record("n1"));
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK_FALSE(decode_member_record(bytes.substr(0, size)).has_value());
  CHECK_FALSE(decode_member_record(bytes + '\0').has_value());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = bytes;
      flipped[i] = static_cast<char>(flipped[i] ^ (1 << bit));
      const auto out = decode_member_record(flipped);
      if (out) REQUIRE(decode_member_record(encode(*out)) == out);
    }
  }
}

TEST_CASE("member record: limits of names and addresses") {
  MemberRecord it = record("n1");
  it.name = std::string(kNodeNameBytesMax, 'n');
  it.client_address = it.peer_address = std::string(kAddressBytesMax, 'a');
  CHECK(decode_member_record(encode(it)) == it);
  for (const int field : {0, 1, 2}) {
    MemberRecord over = it;
    (field == 0 ? over.name : field == 1 ? over.client_address : over.peer_address) += 'x';
    CHECK_FALSE(decode_member_record(encode(over)).has_value());
  }
  it.client_address.clear();  // A node that serves no clients.
  CHECK(decode_member_record(encode(it)) == it);
  it.peer_address.clear();
  CHECK_FALSE(decode_member_record(encode(it)).has_value());
  it = record("");
  CHECK_FALSE(decode_member_record(encode(it)).has_value());
}

TEST_CASE("member record: lives are there, in order, and complete") {
  const auto takes = [](std::vector<Life> lives) {
    return decode_member_record(encode(record("n1", std::move(lives)))).has_value();
  };
  CHECK_FALSE(takes({}));
  CHECK_FALSE(takes({{OriginId{0}, Timestamp{1}}}));
  CHECK_FALSE(takes({{OriginId{1}, Timestamp{0}}}));
  CHECK_FALSE(takes({{OriginId{1}, Timestamp{5}}, {OriginId{2}, Timestamp{5}}}));
  CHECK_FALSE(takes({{OriginId{1}, Timestamp{5}}, {OriginId{2}, Timestamp{4}}}));
  CHECK(takes({{OriginId{1}, Timestamp{5}}, {OriginId{2}, Timestamp{6}}}));
}

TEST_CASE("member record: what a later version adds is skipped, what is missing or of another type is not") {
  const std::string name = pack::text("n1"), client = pack::text("n1:1"), peer = pack::text("n1:2");
  const std::string lives = pack::array({pack::array({pack::number(10), pack::number(100)})});
  const pack::Fields good{{0, name}, {1, client}, {2, peer}, {3, lives}};
  REQUIRE(decode_member_record(pack::map(good)) == record("n1"));
  pack::Fields later = good;
  later.emplace_back(50, pack::text("later"));
  later.emplace_back(1'000, pack::array({}));
  CHECK(decode_member_record(pack::map(later)) == record("n1"));
  for (std::size_t i = 0; i < good.size(); ++i) {
    pack::Fields bad = good;
    for (const std::string& wrong :
         {pack::number(1), pack::boolean(true), pack::bin("x"), pack::map({}), pack::array({}),
          pack::array({pack::number(1)}), pack::array({pack::array({pack::number(1)})})}) {
      bad[i].second = wrong;
      CHECK_FALSE(decode_member_record(pack::map(bad)).has_value());
    }
    bad.erase(bad.begin() + static_cast<std::ptrdiff_t>(i));
    CHECK(decode_member_record(pack::map(bad)).has_value() == (i == 1));  // The client address may be left out.
  }
  // Of a node that was evicted, and is back: when that was, and since when.
  for (const std::uint64_t key : {4, 7}) {
    pack::Fields back = good;
    back.emplace_back(key, pack::number(77));
    MemberRecord it = record("n1");
    (key == 4 ? it.returned : it.back_since) = Timestamp{77};
    CHECK(decode_member_record(pack::map(back)) == it);
    CHECK(decode_member_record(encode(it)) == it);
    for (const std::string& wrong : {pack::number(0), pack::text("77"), pack::array({})}) {
      back.back().second = wrong;
      CHECK_FALSE(decode_member_record(pack::map(back)).has_value());
    }
  }
  CHECK_FALSE(decode_member_record(pack::array({name, client, peer, lives})).has_value());
  CHECK_FALSE(decode_member_record("").has_value());
}

TEST_CASE("member table: a cell names its node in one spelling only") {
  CHECK(node_of_member_cell(member_cell(NodeId{0xabc})) == NodeId{0xabc});
  CellKey cell = member_cell(NodeId{0xabc});
  CHECK(cell.member == "0000000000000abc");
  const auto with = [&](auto change) {
    CellKey other = cell;
    change(other);
    return node_of_member_cell(other).has_value();
  };
  CHECK_FALSE(with([](CellKey& it) { it.table = "members"; }));
  CHECK_FALSE(with([](CellKey& it) { it.key = "other"; }));
  CHECK_FALSE(with([](CellKey& it) { it.kind = Kind::kSet; }));
  CHECK_FALSE(with([](CellKey& it) { it.member = "0000000000000000"; }));
  CHECK_FALSE(with([](CellKey& it) { it.member = "abc"; }));
  CHECK_FALSE(with([](CellKey& it) { it.member = "0000000000000ABC"; }));  // Two cells must not be one member.
  CHECK_FALSE(with([](CellKey& it) { it.member = "000000000000xabc"; }));
  CHECK_FALSE(with([](CellKey& it) { it.member = ""; }));
}

TEST_CASE("member table: foreign cells are ignored") {
  MemberTable table;
  CHECK_FALSE(
      table.merge({"_kith", "other", Kind::kHash, member_cell(kOne).member}, written(record("n1"), 5)).has_value());
  CHECK_FALSE(table.merge({"_kith", "members", Kind::kRegister, ""}, written(record("n1"), 5)).has_value());
  Content element(Kind::kSet);
  (void)element.as_set_element().add({Timestamp{5}, ActorId{7}}, {Timestamp{5}, OriginId{7}});
  CHECK_FALSE(table.merge({"_kith", "members", Kind::kSet, member_cell(kOne).member}, element).has_value());
  CHECK_FALSE(table.merge(member_cell(kOne), Content(Kind::kHash)).has_value());  // Says nothing.
  CHECK(table.empty());
  CHECK(table.cells().empty());
  CHECK(table.version() == 0);
}

TEST_CASE("member table: a record that is not understood is kept and passed on, but makes no member") {
  MemberTable table;
  CHECK_FALSE(table.merge(member_cell(kOne), written("no record", 5)).has_value());
  CHECK(table.empty());
  CHECK(table.cells().size() == 1);
  CHECK(table.version() != 0);
  CHECK(table.merge(member_cell(kOne), written(record("n1"), 6)) == kOne);
  CHECK(table.find_by_name("n1") != nullptr);
}

TEST_CASE("member table: equal cells make equal versions, in whatever order they came") {
  std::mt19937_64 random(11);
  for (int run = 0; run < 100; ++run) {
    std::vector<std::pair<CellKey, Content>> cells;
    for (std::uint64_t i = 0; i < 12; ++i) {
      const NodeId node{1 + random() % 4};
      const std::uint64_t at = 1 + random() % 6;
      // A node writes one value at one time.
      cells.emplace_back(member_cell(node),
                         written(record("n" + std::to_string(node.value), {{OriginId{at}, Timestamp{at}}}), at));
    }
    MemberTable one, two;
    for (const auto& [key, content] : cells) (void)one.merge(key, content);
    std::shuffle(cells.begin(), cells.end(), random);
    for (const auto& [key, content] : cells) {
      (void)two.merge(key, content);
      CHECK_FALSE(two.merge(key, content).has_value());  // Again: nothing new.
    }
    REQUIRE(one.version() == two.version());
    REQUIRE(one.members().size() == two.members().size());
    REQUIRE(one.ids() == two.ids());
    REQUIRE(one.ids().size() == one.members().size());
    REQUIRE(std::is_sorted(one.ids().begin(), one.ids().end()));
    for (const auto& [node, member] : one.members()) {
      REQUIRE(two.find(node) != nullptr);
      REQUIRE(two.find(node)->record == member.record);
      REQUIRE(two.find(node)->life == member.life);
      REQUIRE(one.cells().at(node) == two.cells().at(node));
    }
    (void)two.merge(member_cell(kOne), written(record("n1", {{OriginId{9}, Timestamp{9}}}), 9));
    REQUIRE(one.version() != two.version());
  }
}

TEST_CASE("member table: the version does not depend on lives that messages told of") {
  MemberTable table;
  (void)table.merge(member_cell(kOne), written(record("n1"), 5));
  const std::uint64_t version = table.version();
  CHECK(table.learn_life(kOne, {OriginId{11}, Timestamp{101}}));
  CHECK(table.version() == version);
}

TEST_CASE("member table: the newest life wins, whether a record or a message told of it") {
  MemberTable table;
  (void)table.merge(member_cell(kOne), written(record("n1", {{OriginId{10}, Timestamp{100}}}), 5));
  (void)table.merge(member_cell(kTwo), written(record("n2"), 5));
  CHECK(table.find(kOne)->life == Life{OriginId{10}, Timestamp{100}});
  CHECK_FALSE(table.learn_life(kOne, {OriginId{9}, Timestamp{99}}));
  CHECK_FALSE(table.learn_life(kOne, {OriginId{9}, Timestamp{100}}));
  CHECK(table.learn_life(kOne, {OriginId{12}, Timestamp{300}}));
  // A record that comes later tells of an earlier life.
  (void)table.merge(member_cell(kOne),
                    written(record("n1", {{OriginId{10}, Timestamp{100}}, {OriginId{11}, Timestamp{200}}}), 6));
  CHECK(table.find(kOne)->record.lives.size() == 2);
  CHECK(table.find(kOne)->life == Life{OriginId{12}, Timestamp{300}});
  (void)table.merge(member_cell(kOne), written(record("n1", {{OriginId{13}, Timestamp{400}}}), 7));
  CHECK(table.find(kOne)->life == Life{OriginId{13}, Timestamp{400}});
}

TEST_CASE("member table: found by name") {
  MemberTable table;
  (void)table.merge(member_cell(kOne), written(record("n1"), 5));
  (void)table.merge(member_cell(kTwo), written(record("n2"), 5));
  NodeId id;
  REQUIRE(table.find_by_name("n2", &id) != nullptr);
  CHECK(id == kTwo);
  CHECK(table.find_by_name("n3") == nullptr);
  CHECK(table.find(NodeId{3}) == nullptr);
}

}  // namespace
}  // namespace kith::test
