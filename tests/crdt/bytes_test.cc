#include "crdt/bytes.h"

#include <doctest/doctest.h>

#include "tests/crdt/universe.h"

using namespace kith;
using namespace kith::test;
using namespace std::string_literals;

namespace {

std::string varint_bytes(std::uint64_t v) {
  ByteWriter out;
  out.varint(v);
  return out.take();
}

}  // namespace

TEST_CASE("bytes: fixed integers are big-endian (golden)") {
  ByteWriter out;
  out.u8(0x01);
  out.u16(0x0203);
  out.u64(0x0405060708090a0b);
  CHECK(out.view() == "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b");
  ByteReader in(out.view());
  CHECK(in.u8() == 0x01);
  CHECK(in.u16() == 0x0203);
  CHECK_FALSE(in.done());
  CHECK(in.u64() == 0x0405060708090a0b);
  CHECK(in.done());
}

TEST_CASE("bytes: stored integers sort as their numbers do (random)") {
  const std::uint64_t seed = test_seed(14);
  CAPTURE(seed);
  Dice dice(seed);
  for (int n = 0; n < 10'000; ++n) {
    const std::uint64_t a = dice.word() >> dice.below(64), b = dice.word() >> dice.below(64);
    ByteWriter left, right;
    left.u64(a);
    right.u64(b);
    REQUIRE((left.view() < right.view()) == (a < b));
  }
}

TEST_CASE("bytes: varints (golden)") {
  CHECK(varint_bytes(0) == "\0"s);
  CHECK(varint_bytes(1) == "\x01");
  CHECK(varint_bytes(127) == "\x7f");
  CHECK(varint_bytes(128) == "\x80\x01");
  CHECK(varint_bytes(300) == "\xac\x02");
  CHECK(varint_bytes(16383) == "\xff\x7f");
  CHECK(varint_bytes(16384) == "\x80\x80\x01");
  CHECK(varint_bytes(~std::uint64_t{0}) == "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
}

TEST_CASE("bytes: a varint reads back, and cut anywhere it fails (every width)") {
  for (int bit = 0; bit < 64; ++bit) {
    const std::uint64_t power = std::uint64_t{1} << bit;
    for (const std::uint64_t v : {power - 1, power, power + 1}) {
      CAPTURE(v);
      const std::string raw = varint_bytes(v);
      ByteReader in(raw);
      CHECK(in.varint() == v);
      CHECK(in.done());
      for (std::size_t cut = 0; cut < raw.size(); ++cut) {
        ByteReader shorter(std::string_view(raw).substr(0, cut));
        CHECK(shorter.varint() == 0);
        CHECK_FALSE(shorter.ok());
      }
    }
  }
}

TEST_CASE("bytes: a varint has one spelling, the shortest") {
  for (const std::string& raw : {"\x80\x00"s, "\xff\x00"s, "\x80\x80\x00"s, "\x81\x80\x80\x80\x80\x80\x80\x80\x80\x00"s,
                                 "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"s,              // 65 bits.
                                 "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00"s,          // Eleven bytes.
                                 "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"s}) {
    CAPTURE(raw.size());
    ByteReader in(raw);
    CHECK(in.varint() == 0);
    CHECK_FALSE(in.ok());
  }
}

TEST_CASE("bytes: two bytes that read as a varint are what the writer writes (all 65,536)") {
  for (int word = 0; word < 0x10000; ++word) {
    const std::string raw{static_cast<char>(word >> 8), static_cast<char>(word & 0xff)};
    ByteReader in(raw);
    const std::uint64_t v = in.varint();
    if (in.ok()) REQUIRE(varint_bytes(v) == raw.substr(0, raw.size() - in.left()));
  }
}

TEST_CASE("bytes: counted strings keep to their limit and to the bytes that are there") {
  ByteWriter out;
  out.counted("abc");
  CHECK(out.view() == "\x03" "abc");
  {
    ByteReader in(out.view());
    CHECK(in.counted(3) == "abc");
    CHECK(in.done());
  }
  {
    ByteReader in(out.view());
    CHECK(in.counted(2).empty());
    CHECK_FALSE(in.ok());
  }
  ByteReader lies("\x04" "abc");
  CHECK(lies.counted(100).empty());
  CHECK_FALSE(lies.ok());
  ByteReader lies_grossly("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" "abc");
  CHECK(lies_grossly.counted(~std::size_t{0}).empty());
  CHECK_FALSE(lies_grossly.ok());
}

TEST_CASE("bytes: once failed, a reader reads zeros for ever") {
  ByteReader in("\x01\x02\x03");
  CHECK(in.u64() == 0);
  CHECK_FALSE(in.ok());
  CHECK_FALSE(in.done());
  CHECK(in.left() == 0);
  CHECK(in.u8() == 0);
  CHECK(in.varint() == 0);
  CHECK(in.bytes(0).empty());
  CHECK(in.counted(5).empty());
  CHECK(in.rest().empty());
  CHECK_FALSE(in.ok());
}

TEST_CASE("bytes: rest takes what is left, even nothing") {
  ByteReader in("abc");
  CHECK(in.u8() == 'a');
  CHECK(in.rest() == "bc");
  CHECK(in.done());
  CHECK(in.rest().empty());
  CHECK(in.done());
}

TEST_CASE("bytes: a writer can be cleared and used again") {
  ByteWriter out;
  out.bytes("old");
  out.clear();
  CHECK(out.size() == 0);
  out.bytes("new");
  CHECK(out.take() == "new");
}
