#include "crdt/tag.h"

#include <doctest/doctest.h>

#include "tests/crdt/universe.h"

using namespace kith;
using namespace kith::test;

TEST_CASE("tag: orders by time, then by actor") {
  CHECK(tag(1, 9) < tag(2, 1));
  CHECK(tag(2, 1) < tag(2, 2));
  CHECK(commit(1, 9) < commit(2, 1));
  CHECK(commit(2, 1) < commit(2, 2));
}

TEST_CASE("tag: of two entries the later, of one tag the earlier commit, whichever comes first") {
  const Entry old{Timestamp{1}, commit(90, 101)}, young{Timestamp{2}, commit(10, 101)};
  const Entry again{Timestamp{2}, commit(20, 102)};
  CHECK(later(old, young) == young);
  CHECK(later(young, old) == young);
  CHECK(later(young, again) == young);
  CHECK(later(again, young) == young);
}

TEST_CASE("tag: comes from a session when its actor is not the committing origin") {
  CHECK_FALSE(from_session(tag(5, 101), commit(5, 101)));
  CHECK(from_session(tag(5, 7), commit(5, 101)));
}

TEST_CASE("tag: text is 16 hex digits, '-', 16 hex digits") {
  CHECK(to_string(tag(0x0123456789abcdef, 0xfedcba9876543210)) == "0123456789abcdef-fedcba9876543210");
  CHECK(to_string(tag(1, 2)) == "0000000000000001-0000000000000002");
  CHECK(to_hex(0) == "0000000000000000");
  CHECK(to_hex(~std::uint64_t{0}) == "ffffffffffffffff");
}

TEST_CASE("tag: parses what it prints (random)") {
  const std::uint64_t seed = test_seed(13);
  CAPTURE(seed);
  Dice dice(seed);
  for (int n = 0; n < 10'000; ++n) {
    const Tag one = tag(dice.word() | 1, dice.word() | 1);
    REQUIRE(parse_tag(to_string(one)) == one);
    const std::uint64_t word = dice.word();
    REQUIRE(parse_hex(to_hex(word)) == word);
  }
}

TEST_CASE("tag: hex digits may be upper case, as people copy them from other tools") {
  CHECK(parse_tag("0123456789ABCDEF-FEDCBA9876543210") == tag(0x0123456789abcdef, 0xfedcba9876543210));
}

TEST_CASE("tag: text that is not one is refused") {
  for (const char* text : {
           "",
           "-",
           "1-2",
           "0000000000000001-000000000000002",    // One digit short.
           "0000000000000001-00000000000000022",  // One too many.
           "0000000000000001_0000000000000002",   // Another separator.
           "000000000000000g-0000000000000002",   // Not a hex digit.
           "0x00000000000001-0000000000000002",   // A prefix.
           "+000000000000001-0000000000000002",   // A sign.
           "-000000000000001-0000000000000002",
           " 000000000000001-0000000000000002",   // A space.
           "0000000000000000-0000000000000002",   // Zero means none.
           "0000000000000001-0000000000000000",
       }) {
    CAPTURE(text);
    CHECK_FALSE(parse_tag(text));
  }
  CHECK_FALSE(parse_tag(std::string_view("0000000000000001-000000000000000\0", 33)));
  for (const char* hex : {"", "1", "000000000000001", "00000000000000001", "000000000000000g"}) {
    CHECK_FALSE(parse_hex(hex));
  }
  const std::string whole = to_string(tag(1, 2));
  for (std::size_t cut = 0; cut < whole.size(); ++cut) CHECK_FALSE(parse_tag(whole.substr(0, cut)));
}
