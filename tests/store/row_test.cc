#include "store/row.h"

#include "crdt/limits.h"
#include "tests/store/harness.h"

namespace kith::test {
namespace {

const std::string kZero(1, '\0');

}  // namespace

TEST_CASE("store key: golden bytes") {
  CHECK(hex(store_key(3, element("likes", "tea"))) == "0003" "64656661756c7400" "6c696b65730001" "02" "7465610001");
  CHECK(hex(store_key(kSystemShard, {"_kith", "a" + kZero + "b", Kind::kRegister, ""})) ==
        "ffff" "5f6b69746800" "6100ff620001" "01" "0001");
  CHECK(hex(value_prefix(3, "default", "likes", Kind::kSet)) == "0003" "64656661756c7400" "6c696b65730001" "02");
}

TEST_CASE("row: golden bytes of a set element, a register and a row with names") {
  const StoreKey tea = store_key(3, element("likes", "tea"));
  CHECK(hex(encode_row(tea, element("likes", "tea"), added(0x10, OriginId{0xabcd}), 5)) ==
        "01" "2ceb682876322f61" "0000000000000005" "00"
        "01" "00" "00" "000000000000abcd" "0000000000000010");
  const StoreKey color = store_key(3, value("color"));
  CHECK(hex(encode_row(color, value("color"), written("red", 0x10, OriginId{0xabcd}), 6)) ==
        "01" "4d7db2cb6eaf9243" "0000000000000006" "00"
        "01" "000000000000abcd" "0000000000000010" "726564");
  const CellKey long_cell = element("likes", std::string(220, 'x'));
  const StoreKey long_key = store_key(3, long_cell);
  std::string kept;
  for (int i = 0; i < 203; ++i) kept += "78";
  CHECK(hex(long_key) ==
        "0003" "64656661756c7400" "6c696b65730001" "02" + kept + "0002" "b8810533351fa1c51cee49692e91ec1b");
  CHECK(hex(encode_row(long_key, long_cell, added(0x10, OriginId{0xabcd}), 7)) ==
        "01" "2dd06d1520cd815e" "0000000000000007" "01" "056c696b6573" "dc01" + hex(long_cell.member) +
            "01" "00" "00" "000000000000abcd" "0000000000000010");
}

// Goal: keys in the store sort as (shard, table, key, kind, member) do, as long as names are whole.
// Method: all pairs over a small universe of awkward names.
TEST_CASE("store key: short names sort as the cells do") {
  std::vector<std::pair<ShardId, CellKey>> cells;
  const std::vector<std::string> names = {"a", "a" + kZero, "a" + kZero + kZero, "a" + kZero + "\x01", "a\x01", "a\x02",
                                          "a\xff", "aa", "b", kZero, kZero + "\xff", "\xff"};
  for (const ShardId shard : {ShardId{0}, ShardId{1}, ShardId{0x100}, kSystemShard}) {
    for (const char* table : {"t", "t1", "u"}) {
      for (const auto& key : names) {
        cells.push_back({shard, {table, key, Kind::kRegister, ""}});
        for (const auto& member : names) {
          cells.push_back({shard, {table, key, Kind::kSet, member}});
          cells.push_back({shard, {table, key, Kind::kHash, member}});
        }
      }
    }
  }
  std::sort(cells.begin(), cells.end());
  StoreKey previous;
  for (const auto& [shard, cell] : cells) {
    const StoreKey key = store_key(shard, cell);
    REQUIRE(previous < key);
    REQUIRE(shard_of_store_key(key) == shard);
    REQUIRE(key.starts_with(shard_prefix(shard)));
    REQUIRE(key.starts_with(value_prefix(shard, cell.table, cell.key, cell.kind)));
    REQUIRE(value_of_store_key(key) == value_key(cell.table, cell.key, cell.kind));
    previous = key;
  }
}

TEST_CASE("store key: never longer than LMDB takes, and whole exactly up to its limit (lengths around both)") {
  const auto of = [](std::size_t key, std::size_t member, char fill) {
    return CellKey{std::string(kTableNameBytesMax, 't'), std::string(key, fill), Kind::kSet, std::string(member, fill)};
  };
  for (const char fill : {'x', '\0'}) {
    const std::size_t whole = (kPartBytesMax - 2) / (fill == '\0' ? 2 : 1);
    std::size_t longest = 0;
    for (const std::size_t key : {std::size_t{1}, whole - 1, whole, whole + 1, kKeyBytesMax - 1, kKeyBytesMax}) {
      for (const std::size_t member :
           {std::size_t{0}, whole - 1, whole, whole + 1, kMemberBytesMax - 1, kMemberBytesMax}) {
        const CellKey cell = of(key, member, fill);
        const StoreKey at = store_key(7, cell);
        CAPTURE(key);
        CAPTURE(member);
        REQUIRE(at.size() <= kStoreKeyBytesMax);
        longest = std::max(longest, at.size());
        const std::string bytes = encode_row(at, cell, added(10), 1);
        const auto view = open_row(at, bytes);
        REQUIRE(view.has_value());
        CHECK(view->has_names == (key > whole || member > whole));
        const auto row = decode_row(at, bytes);
        REQUIRE(row.has_value());
        CHECK(row->cell == cell);
      }
    }
    CHECK(longest >= 500);
  }
  CHECK(kPartBytesMax - 2 >= 200);  // Names of two hundred bytes are whole.
}

TEST_CASE("store key: a long name is never cut inside an escape, wherever its zeros are") {
  for (std::size_t zeros = 150; zeros < 230; ++zeros) {
    const CellKey cell = element("k", std::string(zeros, 'a') + std::string(300, '\0'));
    const StoreKey key = store_key(1, cell);
    REQUIRE(value_of_store_key(key) == value_key("default", "k", Kind::kSet));
    const auto row = decode_row(key, encode_row(key, cell, added(10), 1));
    REQUIRE(row.has_value());
    REQUIRE(row->cell == cell);
  }
}

TEST_CASE("row: what was encoded is decoded, and belongs to its key alone") {
  for (const CellKey& cell : {element("likes", "tea"), element("likes", std::string(1000, 'x')), value("color")}) {
    const Content content = cell.kind == Kind::kSet ? added(10) : written("red", 10);
    const StoreKey key = store_key(3, cell);
    const std::string bytes = encode_row(key, cell, content, 77);
    const auto row = decode_row(key, bytes);
    REQUIRE(row.has_value());
    CHECK(row->cell == cell);
    CHECK(row->content == content);
    CHECK(row->lsn == 77);
    CHECK(row->bytes == key.size() + bytes.size());
    CHECK_FALSE(decode_row(store_key(4, cell), bytes).has_value());
    CHECK_FALSE(decode_row(store_key(3, element("likes", "tee")), bytes).has_value());
  }
}

TEST_CASE("row: every flipped bit and every cut is noticed") {
  for (const CellKey& cell : {element("likes", "tea"), element("likes", std::string(300, 'x'))}) {
    const StoreKey key = store_key(3, cell);
    const std::string bytes = encode_row(key, cell, added(10), 77);
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit)
      REQUIRE_FALSE(decode_row(key, flipped(bytes, bit)).has_value());
    for (std::size_t size = 0; size < bytes.size(); ++size)
      REQUIRE_FALSE(decode_row(key, bytes.substr(0, size)).has_value());
    CHECK_FALSE(decode_row(key, bytes + kZero).has_value());
    for (std::size_t size = 0; size < key.size(); ++size)
      REQUIRE_FALSE(decode_row(key.substr(0, size), bytes).has_value());
  }
}

// Goal: a row that an encoder with other names in mind wrote, checksum and all, is not taken.
TEST_CASE("row: names that are not those of its key are not taken") {
  const CellKey cell = element("likes", std::string(300, 'x')), other = element("likes", std::string(300, 'y'));
  const StoreKey key = store_key(3, cell);
  CHECK_FALSE(decode_row(key, encode_row(key, other, added(10), 1)).has_value());
}

TEST_CASE("fingerprint: zero when absent, and another for every name and content") {
  const CellKey cell = element("k", "m");
  CHECK(fingerprint_of(cell, removed(5, kNode1, 9)) == 0);
  CHECK(fingerprint_of(cell, Content(Kind::kSet)) == 0);
  const std::uint64_t present = fingerprint_of(cell, added(10));
  CHECK(present != 0);
  CHECK(present != fingerprint_of(cell, added(11)));
  CHECK(present != fingerprint_of(element("k", "n"), added(10)));
  CHECK(bucket_of(cell) < kFingerprintBuckets);
}

}  // namespace kith::test
