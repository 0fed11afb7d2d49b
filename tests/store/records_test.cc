#include "store/records.h"

#include "tests/store/harness.h"

namespace kith::test {

TEST_CASE("records: golden bytes of keys and values") {
  CHECK(hex(shard_entry_key(3, 5)) == "0003" "0000000000000005");
  CHECK(hex(quarter_key(3, 2)) == "02" "0003" "02");
  CHECK(hex(shard_root_key(3)) == "01" "0003");
  CHECK(hex(kRootKey) == "00");
  CHECK(hex(log_key(7)) == "03" "0000000000000007");
  CHECK(hex(encode_clock({{kNode1, Timestamp{16}}})) == "0000000000001111" "0000000000000010");
  CHECK(hex(encode_cursor({kNode1, 9})) == "0000000000001111" "0000000000000009");
  CHECK(hex(encode_count(value_key("default", "likes", Kind::kSet), "likes", 2)) == "0000000000000002");
  const std::string long_key(220, 'x');
  CHECK(hex(encode_count(value_key("default", long_key, Kind::kSet), long_key, 2)) ==
        "0000000000000002" + hex(long_key));
  CHECK(hex(encode_count(value_key("default", "visits", Kind::kCounter), "visits", 2, CounterSum(-3))) ==
        "0000000000000002" "ffffffffffffffff" "fffffffffffffffd" "d031b580e66f4410");
  const std::string key = shard_entry_key(3, kNode1.value);
  CHECK(hex(key) == "0003" "0000000000001111");
  CHECK(hex(seal(Database::kClocks, key, encode_u64(16))) == "0000000000000010" "0aff968e9ed2cd3c");
}

TEST_CASE("records: what was encoded is decoded, and what is cut, lengthened or unsorted is not") {
  const CommitClock clock = {{kNode1, Timestamp{5}}, {kNode2, Timestamp{6}}};
  CHECK(decode_clock(encode_clock(clock)) == clock);
  CHECK(decode_clock("") == CommitClock{});
  CHECK_FALSE(decode_clock(encode_clock({clock[1], clock[0]})).has_value());
  CHECK_FALSE(decode_clock(encode_clock({clock[0], clock[0]})).has_value());
  const Cursor cursor{kNode1, 77};
  CHECK(decode_cursor(encode_cursor(cursor)) == cursor);
  CHECK(decode_u64(encode_u64(~std::uint64_t{0})) == ~std::uint64_t{0});
  const auto entry = parse_shard_entry(shard_entry_key(kSystemShard, 9));
  REQUIRE(entry.has_value());
  CHECK(entry->shard == kSystemShard);
  CHECK(entry->id == 9);
  for (std::size_t size = 0; size < 32; ++size) {
    if (size % 16 != 0) CHECK_FALSE(decode_clock(encode_clock(clock).substr(0, size)).has_value());
    if (size < 16) CHECK_FALSE(decode_cursor(encode_cursor(cursor).substr(0, size)).has_value());
    if (size < 10) CHECK_FALSE(parse_shard_entry(shard_entry_key(1, 9).substr(0, size)).has_value());
    if (size < 8) CHECK_FALSE(decode_u64(encode_u64(1).substr(0, size)).has_value());
    if (size < 8) CHECK_FALSE(decode_count(value_key("default", "likes", Kind::kSet), encode_u64(1).substr(0, size)).has_value());
  }
  CHECK_FALSE(decode_cursor(encode_cursor(cursor) + "x").has_value());
  CHECK_FALSE(decode_u64("123456789").has_value());
}

TEST_CASE("records: a seal is broken by every flipped bit and every cut, and under another key or database") {
  for (const std::string& value : {std::string(), std::string("x"), std::string("a longer value")}) {
    const std::string sealed = seal(Database::kMeta, "name", value);
    CHECK(unseal(Database::kMeta, "name", sealed) == value);
    CHECK_FALSE(unseal(Database::kMeta, "nama", sealed).has_value());
    CHECK_FALSE(unseal(Database::kClocks, "name", sealed).has_value());
    for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
      REQUIRE_FALSE(unseal(Database::kMeta, "name", flipped(sealed, bit)).has_value());
    }
    for (std::size_t size = 0; size < sealed.size(); ++size) {
      REQUIRE_FALSE(unseal(Database::kMeta, "name", std::string_view(sealed).substr(0, size)).has_value());
    }
  }
}

}  // namespace kith::test
