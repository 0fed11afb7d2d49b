// tests/gossip/msgpack_guard_test.cc -- what may be handed to the unpacker, at every limit and one beyond.
#include <doctest/doctest.h>

#include "crdt/limits.h"
#include "tests/gossip/frames.h"
#include "gossip/msgpack_guard.h"

namespace kith::test {
namespace {

bool sound(const char* hex) { return msgpack_is_sound(from_hex(hex)); }

std::string array32(std::uint32_t count) {
  std::string out = "\xdd";
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(count >> shift);
  return out;
}

TEST_CASE("msgpack guard: every kind of value but ext is taken") {
  for (const char* good : {"c0",
                           "c2",
                           "c3",
                           "00",
                           "7f",
                           "ff",
                           "e0",
                           "cc ff",
                           "cd ff ff",
                           "ce ff ff ff ff",
                           "cf ff ff ff ff ff ff ff ff",
                           "d0 80",
                           "d1 80 00",
                           "d2 80 00 00 00",
                           "d3 80 00 00 00 00 00 00 00",
                           "ca 3f c0 00 00",
                           "cb 3f f8 00 00 00 00 00 00",
                           "a0",
                           "a1 61",
                           "d9 01 61",
                           "da 00 01 61",
                           "db 00 00 00 01 61",
                           "c4 00",
                           "c4 01 61",
                           "c5 00 01 61",
                           "c6 00 00 00 01 61",
                           "90",
                           "91 c0",
                           "dc 00 01 c0",
                           "dd 00 00 00 01 c0",
                           "80",
                           "81 00 c0",
                           "de 00 01 00 c0",
                           "df 00 00 00 01 00 c0"}) {
    CAPTURE(good);
    CHECK(sound(good));
    // Cut anywhere, or with something behind it, it is not one whole value.
    const std::string bytes = from_hex(good);
    for (std::size_t size = 0; size < bytes.size(); ++size) CHECK_FALSE(msgpack_is_sound(bytes.substr(0, size)));
    CHECK_FALSE(msgpack_is_sound(bytes + '\0'));
    CHECK_FALSE(msgpack_is_sound(bytes + bytes));
  }
  CHECK_FALSE(msgpack_is_sound(""));
  CHECK_FALSE(sound("c1"));  // Never used.
  CHECK_FALSE(sound("91 c1"));
}

TEST_CASE("msgpack guard: ext is refused") {
  for (const char* ext : {"d4 01 00", "d5 01 00 00", "d6 ff 00 00 00 00", "d7 01 00 00 00 00 00 00 00 00",
                          "d8 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00", "c7 00 01", "c7 01 01 00",
                          "c8 00 00 01", "c9 00 00 00 00 01", "91 d4 01 00", "81 00 d4 01 00", "81 d4 01 00 00"}) {
    CAPTURE(ext);
    CHECK_FALSE(sound(ext));
  }
}

TEST_CASE("msgpack guard: depth at the limit and one above") {
  for (const bool maps : {false, true}) {
    const std::string open = maps ? from_hex("81 00") : from_hex("91");
    std::string bytes = "\xc0";
    for (std::size_t depth = 1; depth <= kMsgpackDepthMax + 1; ++depth) {
      bytes = open + bytes;
      CHECK(msgpack_is_sound(bytes) == (depth <= kMsgpackDepthMax));
    }
  }
  // What was closed does not count: breadth is not depth.
  std::string wide = from_hex("dc 00 64");
  for (int i = 0; i < 100; ++i) wide += from_hex("91 91 90");
  CHECK(msgpack_is_sound(wide));
  CHECK_FALSE(msgpack_is_sound(std::string(1'000'000, '\x91')));
  CHECK_FALSE(msgpack_is_sound(std::string(1'000'000, '\x81')));
}

TEST_CASE("msgpack guard: objects at the limit and one above") {
  const auto nils = [](std::size_t count) {
    return array32(static_cast<std::uint32_t>(count)) + std::string(count, '\xc0');
  };
  CHECK(msgpack_is_sound(nils(kMsgpackObjectsMax - 1)));  // And the array itself.
  CHECK_FALSE(msgpack_is_sound(nils(kMsgpackObjectsMax)));
  CHECK_FALSE(msgpack_is_sound(nils(10 * 1024 * 1024)));  // Ten mebibytes of nil, which would take 240 MiB.
  CHECK_FALSE(msgpack_is_sound(std::string(10 * 1024 * 1024, '\xc0')));
}

TEST_CASE("msgpack guard: a count larger than the bytes there are is refused before anything is taken") {
  for (const char* lie : {"91",
                          "9f c0",
                          "81",
                          "81 00",
                          "8f 00 00",
                          "dc 00 01",
                          "dc ff ff c0",
                          "dd 00 00 00 02 c0",
                          "dd ff ff ff ff c0",
                          "de 00 01 00",
                          "de ff ff 00 00",
                          "df 00 00 00 02 00 c0 01",
                          "df ff ff ff ff 00 00",
                          "a1",
                          "bf 61",
                          "d9 ff 61",
                          "da ff ff 61",
                          "db ff ff ff ff 61",
                          "c4 02 61",
                          "c5 ff ff 61",
                          "c6 ff ff ff ff 61",
                          "df 80 00 00 00 00 00"}) {
    CAPTURE(lie);
    CHECK_FALSE(sound(lie));
  }
  // Counts that only together exceed the bytes: each of a hundred arrays promises what one of them could hold.
  std::string together = from_hex("dc 00 64");
  for (int i = 0; i < 100; ++i) together += from_hex("dc 00 60");
  CHECK_FALSE(msgpack_is_sound(together));
}

TEST_CASE("msgpack guard: a key may be an integer or a string, and comes once") {
  CHECK(sound("82 00 c0 01 c0"));
  CHECK(sound("82 a1 61 c0 a1 62 c0"));
  CHECK(sound("82 01 c0 a1 31 c0"));  // 1 and "1".
  CHECK(sound("82 01 c0 ff c0"));     // 1 and -1.
  CHECK(sound("82 00 81 00 c0 01 81 00 c0"));  // The same key in different maps.
  CHECK_FALSE(sound("82 01 c0 01 c0"));
  CHECK_FALSE(sound("82 01 c0 cc 01 c0"));  // The same number, spelled longer.
  CHECK_FALSE(sound("82 01 c0 d0 01 c0"));  // And as a signed one.
  CHECK_FALSE(sound("82 ff c0 d0 ff c0"));
  CHECK_FALSE(sound("82 a1 61 c0 a1 61 c0"));
  CHECK_FALSE(sound("82 a1 61 c0 d9 01 61 c0"));
  CHECK_FALSE(sound("83 01 c0 02 c0 01 c0"));  // Not side by side.
  CHECK_FALSE(sound("81 00 82 01 c0 01 c0"));  // Further in.
  for (const char* key : {"c0", "c2", "c3", "ca 3f c0 00 00", "cb 3f f8 00 00 00 00 00 00", "c4 01 61", "90", "91 00",
                          "80", "81 00 00"}) {
    CAPTURE(key);
    CHECK_FALSE(sound((std::string("81 ") + key + " c0").c_str()));
  }
}

}  // namespace
}  // namespace kith::test
