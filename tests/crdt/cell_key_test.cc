#include "crdt/cell_key.h"

#include <doctest/doctest.h>


#include "crdt/limits.h"
#include "tests/crdt/universe.h"

using namespace kith;
using namespace kith::test;
using namespace std::string_literals;

namespace {

std::string encoded(const CellKey& cell) {
  ByteWriter out;
  encode(cell, out);
  return out.take();
}

std::optional<CellKey> decoded(std::string_view raw) {
  ByteReader in(raw);
  auto cell = decode_cell_key(in);
  if (cell && !in.done()) return std::nullopt;
  return cell;
}

}  // namespace

TEST_CASE("cell key: kinds have names and stable numbers") {
  CHECK(static_cast<int>(Kind::kRegister) == 1);
  CHECK(static_cast<int>(Kind::kSet) == 2);
  CHECK(static_cast<int>(Kind::kHash) == 3);
  CHECK(static_cast<int>(Kind::kCounter) == 4);
  CHECK(to_string(Kind::kRegister) == "register");
  CHECK(to_string(Kind::kSet) == "set");
  CHECK(to_string(Kind::kHash) == "hash");
  CHECK(to_string(Kind::kCounter) == "counter");
  for (int byte = 0; byte < 256; ++byte) {
    CHECK(kind_from(static_cast<std::uint8_t>(byte)).has_value() == (byte >= 1 && byte <= 4));
  }
}

TEST_CASE("cell key: table names that users may give") {
  for (const char* name : {"a", "default", "Z", "0", "likes.2024", "user-settings", "a_b", "-", ".", "a_"}) {
    CAPTURE(name);
    CHECK(valid_table_name(name));
  }
  for (const char* name : {"", "_", "_kith", "_private", " ", "a b", "a/b", "caf\xc3\xa9", "a\n", "a:b", "a*"}) {
    CAPTURE(name);
    CHECK_FALSE(valid_table_name(name));
  }
  CHECK_FALSE(valid_table_name("a\0b"s));
  CHECK_FALSE(valid_table_name(kSystemTable));
  CHECK(valid_table_name(kDefaultTable));
  CHECK(valid_table_name(std::string(kTableNameBytesMax - 1, 'x')));
  CHECK(valid_table_name(std::string(kTableNameBytesMax, 'x')));
  CHECK_FALSE(valid_table_name(std::string(kTableNameBytesMax + 1, 'x')));
}

TEST_CASE("cell key: every byte is either allowed in a table name everywhere or nowhere (all 256)") {
  const std::string allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    CHECK(valid_table_name("x"s + c) == (allowed.find(c) != std::string::npos));
  }
}

TEST_CASE("cell key: golden bytes") {
  CHECK(encoded({"default", "likes", Kind::kSet, "kith"}) == "\x02\x07" "default" "\x05" "likes" "\x04" "kith");
  CHECK(encoded({"t", "k", Kind::kRegister, ""}) == "\x01\x01t\x01k\x00"s);
  CHECK(encoded({"t", "k", Kind::kHash, "f"}) == "\x03\x01t\x01k\x01" "f");
}

TEST_CASE("cell key: reads back what it wrote, cut at every length it does not (random)") {
  const std::uint64_t seed = test_seed(18);
  CAPTURE(seed);
  Dice dice(seed);
  for (int n = 0; n < 500; ++n) {
    const auto kind = kind_from(static_cast<std::uint8_t>(dice.from(1, 3)));
    CellKey cell{"t" + std::to_string(dice.below(100)), dice.bytes(dice.from(1, 40)), *kind, ""};
    if (cell.kind != Kind::kRegister) cell.member = dice.bytes(dice.below(40));
    const std::string raw = encoded(cell);
    REQUIRE(decoded(raw) == cell);
    for (std::size_t cut = 0; cut < raw.size(); ++cut) REQUIRE_FALSE(decoded(raw.substr(0, cut)));
    REQUIRE_FALSE(decoded(raw + "x"));
  }
}

TEST_CASE("cell key: whatever decodes, encodes to the same bytes (every byte of a name, changed to every value)") {
  const std::string whole = encoded({"table", "key", Kind::kHash, "field"});
  for (std::size_t place = 0; place < whole.size(); ++place) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string raw = whole;
      raw[place] = static_cast<char>(byte);
      const auto cell = decoded(raw);
      if (cell) REQUIRE(encoded(*cell) == raw);
    }
  }
}

TEST_CASE("cell key: limits of table, key and member: at, one below, one above") {
  const auto decodes = [](std::size_t table, std::size_t key, std::size_t member) {
    const CellKey cell{std::string(table, 't'), std::string(key, 'k'), Kind::kSet, std::string(member, 'm')};
    return decoded(encoded(cell)) == cell;
  };
  CHECK(decodes(kTableNameBytesMax - 1, 1, 1));
  CHECK(decodes(kTableNameBytesMax, 1, 1));
  CHECK_FALSE(decodes(kTableNameBytesMax + 1, 1, 1));
  CHECK_FALSE(decodes(0, 1, 1));
  CHECK(decodes(1, kKeyBytesMax - 1, 1));
  CHECK(decodes(1, kKeyBytesMax, 1));
  CHECK_FALSE(decodes(1, kKeyBytesMax + 1, 1));
  CHECK_FALSE(decodes(1, 0, 1));
  CHECK(decodes(1, 1, kMemberBytesMax - 1));
  CHECK(decodes(1, 1, kMemberBytesMax));
  CHECK_FALSE(decodes(1, 1, kMemberBytesMax + 1));
  CHECK(decodes(1, 1, 0));  // The empty string is an element like any other.
}

TEST_CASE("cell key: a register has no member, and a table name is one") {
  CHECK_FALSE(decoded(encoded({"t", "k", Kind::kRegister, "m"})));
  CHECK_FALSE(decoded(encoded({"t t", "k", Kind::kSet, "m"})));
  CHECK_FALSE(decoded(encoded({"t\0"s, "k", Kind::kSet, "m"})));
  CHECK(decoded(encoded({std::string(kSystemTable), "k", Kind::kSet, "m"})));  // Kith's own travel too.
  CHECK_FALSE(decoded("\x00\x01t\x01k\x01m"s));
  CHECK_FALSE(decoded("\x05\x01t\x01k\x01m"s));
}

TEST_CASE("cell key: a counter's member is a tag, or empty") {
  const std::string tag = "\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2"s;
  CHECK(decoded(encoded({"t", "k", Kind::kCounter, ""})));
  CHECK(decoded(encoded({"t", "k", Kind::kCounter, tag})));
  for (std::size_t size = 1; size < 16; ++size) CHECK_FALSE(decoded(encoded({"t", "k", Kind::kCounter, tag.substr(0, size)})));
  CHECK_FALSE(decoded(encoded({"t", "k", Kind::kCounter, tag + "x"})));
  CHECK_FALSE(decoded(encoded({"t", "k", Kind::kCounter, std::string(8, '\0') + tag.substr(8)})));
  CHECK_FALSE(decoded(encoded({"t", "k", Kind::kCounter, tag.substr(0, 8) + std::string(8, '\0')})));
}

// These are on disks: a change would put every key in another shard.
TEST_CASE("cell key: shards are stable (golden)") {
  CHECK(shard_of("default", "likes", 64) == 59);
  CHECK(shard_of("default", "likes", 4096) == 2363);
  CHECK(shard_of("t", "", 64) == 15);
  CHECK(shard_of("t", "k\0k"s, 64) == 27);
  CHECK(shard_of({"default", "likes", Kind::kSet, "kith"}, 64) == shard_of("default", "likes", 64));
  CHECK(shard_of({"default", "likes", Kind::kHash, "other"}, 64) == shard_of("default", "likes", 64));
  CHECK(hash_of({"default", "likes", Kind::kSet, "kith"}) == 0xf5272d143382fbeb);
}

TEST_CASE("cell key: one shard takes everything, and shards stay within their number") {
  CHECK(shard_of("default", "likes", 1) == 0);
  for (int n = 0; n < 2'000; ++n) {
    const std::string key = std::to_string(n);
    REQUIRE(shard_of("t", key, kShardsMax) < kShardsMax);
    REQUIRE(shard_of("t", key, 7) < 7);
  }
}

TEST_CASE("cell key: shards are used evenly (6,400 keys over 64)") {
  std::vector<int> used(64);
  for (int n = 0; n < 6'400; ++n) ++used[shard_of("default", "user:" + std::to_string(n), 64)];
  for (const int keys : used) {
    CHECK(keys > 50);
    CHECK(keys < 160);
  }
}

TEST_CASE("cell key: system tables are in the system shard, on every node") {
  CHECK(shard_of(kSystemTable, "members", 64) == kSystemShard);
  CHECK(shard_of("_other", "x", 1) == kSystemShard);
  CHECK(shard_of("default", "_x", 64) != kSystemShard);
}

TEST_CASE("cell key: table and key do not run into each other") {
  int same = 0;
  for (int n = 0; n < 100; ++n) {
    const std::string a = "t" + std::to_string(n);
    same += shard_of(a + "b", "c", kShardsMax) == shard_of(a, "bc", kShardsMax);
  }
  CHECK(same < 5);
  CHECK(hash_of({"ab", "c", Kind::kSet, ""}) != hash_of({"a", "bc", Kind::kSet, ""}));
  CHECK(hash_of({"a", "b", Kind::kSet, "c"}) != hash_of({"a", "bc", Kind::kSet, ""}));
  CHECK(hash_of({"a", "b", Kind::kSet, "c"}) != hash_of({"a", "b", Kind::kHash, "c"}));
}

TEST_CASE("cell key: orders by table, key, kind, member") {
  const CellKey base{"b", "b", Kind::kSet, "b"};
  CHECK(CellKey{"a", "z", Kind::kHash, "z"} < base);
  CHECK(CellKey{"b", "a", Kind::kHash, "z"} < base);
  CHECK(CellKey{"b", "b", Kind::kRegister, ""} < base);
  CHECK(CellKey{"b", "b", Kind::kSet, "a"} < base);
}
