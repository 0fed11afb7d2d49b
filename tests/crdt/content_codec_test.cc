// The bytes of a cell's contents: they are on disks and on wires, so they are pinned here.

#include <doctest/doctest.h>

#include "crdt/content.h"
#include "crdt/limits.h"
#include "tests/crdt/universe.h"

using namespace kith;
using namespace kith::test;

namespace {

std::string encoded(const Content& content) {
  ByteWriter out;
  encode(content, out);
  return out.take();
}

// "0a ff" -> two bytes; spaces are for the reader.
std::string from_hex(std::string_view text) {
  std::string digits, out;
  for (const char c : text) {
    if (c != ' ') digits.push_back(c);
  }
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    out.push_back(static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16)));
  }
  return out;
}

std::string to_hex_text(std::string_view raw) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const char c : raw) {
    out += kDigits[static_cast<unsigned char>(c) >> 4];
    out += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

void check_golden(Kind kind, const Content& content, std::string_view hex) {
  const std::string raw = from_hex(hex);
  CHECK(to_hex_text(encoded(content)) == to_hex_text(raw));
  CHECK(decode_content(kind, raw) == content);
}

bool refused(Kind kind, std::string_view hex) { return !decode_content(kind, from_hex(hex)); }

// Whatever is accepted is spelled in the one way there is.
void check_canonical(Kind kind, const std::string& raw) {
  const auto content = decode_content(kind, raw);
  if (!content) return;
  INFO("accepted: ", to_hex_text(raw));
  REQUIRE(content->holds(kind));
  REQUIRE_FALSE(content->empty());
  REQUIRE(to_hex_text(encoded(*content)) == to_hex_text(raw));
}

SetElement many_adds(std::uint64_t plain, std::uint64_t tagged) {
  SetElement element;
  for (std::uint64_t n = 1; n <= plain; ++n) {
    static_cast<void>(element.add(tag(n, 1'000'000 + n), commit(n, 1'000'000 + n)));
  }
  for (std::uint64_t n = 1; n <= tagged; ++n) static_cast<void>(element.add(tag(n, 2'000'000 + n), commit(n, 101)));
  return element;
}

std::string with_counts(std::uint64_t plain, std::uint64_t tagged, std::uint64_t removals, std::string_view rest = {}) {
  ByteWriter out;
  out.varint(plain);
  out.varint(tagged);
  out.varint(removals);
  out.bytes(rest);
  return out.take();
}

}  // namespace

TEST_CASE("content codec: a plain add takes 16 bytes and three counts (golden)") {
  const std::uint64_t at = 0x0123456789ab0001, origin = 0xa1a2a3a4a5a6a7a8;
  check_golden(Kind::kSet, added(tag(at, origin), commit(at, origin)),
               "01 00 00"
               "a1a2a3a4a5a6a7a8 0123456789ab0001");
}

TEST_CASE("content codec: a tagged add, and one that was removed (golden)") {
  SetElement element = added(tag(0x10, 1), commit(0x11, 0x99));
  element.join(removed(tag(0x0f, 2), commit(0x20, 0x9a)));
  check_golden(Kind::kSet, element,
               "00 01 01"
               "0000000000000001 0000000000000010 0000000000000099 0000000000000011"
               "0000000000000002 000000000000000f 000000000000009a 0000000000000020");
}

TEST_CASE("content codec: plain adds come before tagged ones, each by actor (golden)") {
  SetElement element = added(tag(5, 3), commit(5, 3));
  element.join(added(tag(6, 1), commit(7, 3)));
  element.join(added(tag(4, 2), commit(4, 2)));
  element.join(added(tag(8, 9), commit(8, 2)));
  check_golden(Kind::kSet, element,
               "02 02 00"
               "0000000000000002 0000000000000004"
               "0000000000000003 0000000000000005"
               "0000000000000001 0000000000000006 0000000000000003 0000000000000007"
               "0000000000000009 0000000000000008 0000000000000002 0000000000000008");
}

TEST_CASE("content codec: a register with a value (golden)") {
  for (const Kind kind : {Kind::kRegister, Kind::kHash}) {
    check_golden(kind, written("hello", tag(0x42, 0x99), commit(0x42, 0x99)),
                 "01 0000000000000099 0000000000000042 68656c6c6f");
    check_golden(kind, written("", tag(0x42, 0x99), commit(0x42, 0x99)), "01 0000000000000099 0000000000000042");
  }
}

TEST_CASE("content codec: a deleted register (golden)") {
  check_golden(Kind::kRegister, erased(tag(0x42, 0x99), commit(0x42, 0x99)), "00 0000000000000099 0000000000000042");
}

TEST_CASE("content codec: tagged registers (golden)") {
  check_golden(Kind::kRegister, written("v", tag(0x41, 7), commit(0x42, 0x99)),
               "03 0000000000000007 0000000000000041 0000000000000099 0000000000000042 76");
  check_golden(Kind::kRegister, erased(tag(0x41, 7), commit(0x42, 0x99)),
               "02 0000000000000007 0000000000000041 0000000000000099 0000000000000042");
}

TEST_CASE("content codec: round trip, and equal states have equal bytes (all states over 3 actors, 3 timestamps)") {
  for (const SetElement& element : all_set_elements(3, {1, 2, 3})) {
    if (element.empty()) continue;
    REQUIRE(decode_content(Kind::kSet, encoded(element)) == Content(element));
  }
  for (const Register& state : all_registers(3, 3, 2)) {
    if (state.empty()) continue;
    REQUIRE(decode_content(Kind::kRegister, encoded(state)) == Content(state));
  }
}

TEST_CASE("content codec: round trip (random, 100,000)") {
  const std::uint64_t seed = test_seed(21);
  CAPTURE(seed);
  Dice dice(seed);
  for (int n = 0; n < (kSanitized ? 5'000 : 100'000); ++n) {
    const SetElement element = random_set_element(dice, 12);
    if (!element.empty()) REQUIRE(decode_content(Kind::kSet, encoded(element)) == Content(element));
    const Register state = random_register(dice);
    if (!state.empty()) REQUIRE(decode_content(Kind::kHash, encoded(state)) == Content(state));
  }
}

TEST_CASE("content codec: states that are equal by different paths have equal bytes (random)") {
  const std::uint64_t seed = test_seed(22);
  CAPTURE(seed);
  Dice dice(seed);
  for (int n = 0; n < 5'000; ++n) {
    const SetElement a = random_set_element(dice), b = random_set_element(dice), c = random_set_element(dice);
    const SetElement left = joined(joined(a, b), c), right = joined(c, joined(b, a));
    if (!left.empty()) REQUIRE(encoded(left) == encoded(right));
  }
}

TEST_CASE("content codec: cut at every length, a set is refused (random)") {
  const std::uint64_t seed = test_seed(23);
  CAPTURE(seed);
  Dice dice(seed);
  for (int n = 0; n < 300; ++n) {
    const SetElement element = random_set_element(dice, 8);
    if (element.empty()) continue;
    const std::string raw = encoded(element);
    for (std::size_t cut = 0; cut < raw.size(); ++cut) REQUIRE_FALSE(decode_content(Kind::kSet, raw.substr(0, cut)));
    REQUIRE_FALSE(decode_content(Kind::kSet, raw + '\0'));
    REQUIRE_FALSE(decode_content(Kind::kSet, raw + raw));
  }
}

TEST_CASE("content codec: cut anywhere before its value, a register is refused, and a delete ends its bytes") {
  const std::string with = encoded(written("value", tag(0x41, 7), commit(0x42, 0x99)));
  for (std::size_t cut = 0; cut < with.size() - 5; ++cut) {
    CHECK_FALSE(decode_content(Kind::kRegister, with.substr(0, cut)));
  }
  const std::string without = encoded(erased(tag(0x41, 7), commit(0x42, 0x99)));
  for (std::size_t cut = 0; cut < without.size(); ++cut) {
    CHECK_FALSE(decode_content(Kind::kRegister, without.substr(0, cut)));
  }
  CHECK_FALSE(decode_content(Kind::kRegister, without + "x"));
}

TEST_CASE("content codec: whatever decodes, encodes to the same bytes (every byte of many samples, changed)") {
  const std::uint64_t seed = test_seed(24);
  CAPTURE(seed);
  Dice dice(seed);
  for (int n = 0; n < (kSanitized ? 40 : 300); ++n) {
    const SetElement element = random_set_element(dice, 4);
    const Register state = random_register(dice);
    for (const Kind kind : {Kind::kSet, Kind::kRegister}) {
      const Content content = kind == Kind::kSet ? Content(element) : Content(state);
      if (content.empty()) continue;
      const std::string whole = encoded(content);
      for (std::size_t place = 0; place < whole.size(); ++place) {
        for (int bit = 0; bit < 8; ++bit) {
          std::string raw = whole;
          raw[place] = static_cast<char>(raw[place] ^ (1 << bit));
          check_canonical(kind, raw);
        }
        std::string raw = whole;
        raw[place] = static_cast<char>(dice.word());
        check_canonical(kind, raw);
        raw[place] = '\0';
        check_canonical(kind, raw);
        check_canonical(kind, whole.substr(0, place));
      }
    }
  }
}

TEST_CASE("content codec: arbitrary bytes are refused or canonical (random)") {
  const std::uint64_t seed = test_seed(25);
  CAPTURE(seed);
  Dice dice(seed);
  for (int n = 0; n < 100'000; ++n) {
    std::string raw = dice.bytes(dice.below(100));
    if (raw.size() > 3 && dice.one_in(2)) {  // Small counts, so that some get past them.
      for (std::size_t i = 0; i < 3; ++i) raw[i] = static_cast<char>(dice.below(3));
    }
    check_canonical(Kind::kSet, raw);
    check_canonical(Kind::kRegister, raw);
  }
}

TEST_CASE("content codec: every other spelling is refused") {
  const std::string one = "0000000000000001 0000000000000010 0000000000000099 0000000000000011";
  const std::string two = "0000000000000002 0000000000000010 0000000000000099 0000000000000011";
  REQUIRE_FALSE(refused(Kind::kSet, "00 02 00" + one + two));
  CHECK(refused(Kind::kSet, "00 02 00" + two + one));  // Unsorted.
  CHECK(refused(Kind::kSet, "00 02 00" + one + one));  // Repeated.
  CHECK(refused(Kind::kSet, "00 00 02" + two + one));
  CHECK(refused(Kind::kSet, "00 00 02" + one + one));
  CHECK(refused(Kind::kSet, "02 00 00 0000000000000003 0000000000000005 0000000000000002 0000000000000004"));
  // One actor among the plain and among the tagged.
  CHECK(refused(Kind::kSet, "01 01 00 0000000000000001 0000000000000010" + one));
  // A plain add, spelled as a tagged one.
  CHECK(refused(Kind::kSet, "00 01 00 0000000000000099 0000000000000011 0000000000000099 0000000000000011"));
  // Nothing at all: a cell with nothing in it is not written.
  CHECK(refused(Kind::kSet, "00 00 00"));
  CHECK(refused(Kind::kSet, ""));
  // A count in two bytes where one does.
  CHECK(refused(Kind::kSet, "00 8100 00" + one));
  // Counts that do not fit the bytes.
  CHECK(refused(Kind::kSet, "00 01 01" + one));
  CHECK(refused(Kind::kSet, "01 00 00" + one));
  CHECK(refused(Kind::kSet, "02 00 00" + one + "00"));
  // Registers: unknown flags, and a tag that is the commit spelled out.
  CHECK(refused(Kind::kRegister, "04 0000000000000099 0000000000000042"));
  CHECK(refused(Kind::kRegister, "81 0000000000000099 0000000000000042"));
  CHECK(refused(Kind::kRegister, "02 0000000000000099 0000000000000042 0000000000000099 0000000000000042"));
}

TEST_CASE("content codec: zero is no actor, no timestamp, no origin and no commit") {
  const std::string zero = "0000000000000000", one = "0000000000000001", two = "0000000000000002";
  for (const std::string counts : {"00 01 00", "00 00 01"}) {
    REQUIRE_FALSE(refused(Kind::kSet, counts + one + one + two + one));
    CHECK(refused(Kind::kSet, counts + zero + one + two + one));
    CHECK(refused(Kind::kSet, counts + one + zero + two + one));
    CHECK(refused(Kind::kSet, counts + one + one + zero + one));
    CHECK(refused(Kind::kSet, counts + one + one + two + zero));
  }
  CHECK(refused(Kind::kSet, "01 00 00" + zero + one));
  CHECK(refused(Kind::kSet, "01 00 00" + one + zero));
  CHECK(refused(Kind::kRegister, "00" + zero + one));
  CHECK(refused(Kind::kRegister, "00" + one + zero));
  CHECK(refused(Kind::kRegister, "02" + zero + one + one + one));
  CHECK(refused(Kind::kRegister, "02" + two + zero + one + one));
  CHECK(refused(Kind::kRegister, "02" + two + one + zero + one));
  CHECK(refused(Kind::kRegister, "02" + two + one + one + zero));
}

TEST_CASE("content codec: values at the limit, one below, one above") {
  for (const std::size_t size : {kValueBytesMax - 1, kValueBytesMax}) {
    const Register state = written(std::string(size, 'v'), tag(1, 1), commit(1, 101));
    CHECK(decode_content(Kind::kRegister, encoded(state)) == Content(state));
  }
  const Register above = written(std::string(kValueBytesMax + 1, 'v'), tag(1, 1), commit(1, 101));
  CHECK_FALSE(decode_content(Kind::kRegister, encoded(above)));
}

TEST_CASE("content codec: entries of a cell at the limit, one below, one above") {
  for (const std::size_t count : {kEntriesPerCellMergedMax - 1, kEntriesPerCellMergedMax}) {
    CAPTURE(count);
    for (const SetElement& element : {many_adds(count, 0), many_adds(0, count)}) {
      CHECK(decode_content(Kind::kSet, encoded(element)) == Content(element));
    }
  }
  CHECK_FALSE(decode_content(Kind::kSet, encoded(many_adds(kEntriesPerCellMergedMax + 1, 0))));
  CHECK_FALSE(decode_content(Kind::kSet, encoded(many_adds(0, kEntriesPerCellMergedMax + 1))));
}

TEST_CASE("content codec: counts that lie are refused before memory is taken") {
  const std::uint64_t huge = ~std::uint64_t{0};
  for (const std::uint64_t lie : {std::uint64_t{1}, std::uint64_t{1000}, std::uint64_t{1} << 32, std::uint64_t{1} << 59,
                                  std::uint64_t{1} << 60, huge}) {
    CAPTURE(lie);
    CHECK_FALSE(decode_content(Kind::kSet, with_counts(lie, 0, 0)));
    CHECK_FALSE(decode_content(Kind::kSet, with_counts(0, lie, 0)));
    CHECK_FALSE(decode_content(Kind::kSet, with_counts(0, 0, lie)));
    CHECK_FALSE(decode_content(Kind::kSet, with_counts(lie, lie, lie, std::string(64, 'x'))));
  }
  // 2^60 * 16 and 2^59 * 32 are zero modulo 2^64: the product must not be what is believed.
  CHECK_FALSE(decode_content(Kind::kSet, with_counts(std::uint64_t{1} << 60, 0, 0)));
}

TEST_CASE("content codec: removals of a cell at the limit of merging, one below, one above") {
  const std::size_t most = kEntriesPerCellMergedMax;
  for (const std::size_t count : {most - 1, most, most + 1}) {
    CAPTURE(count);
    SetElement element = many_adds(0, count);
    const SetElement removal = element.remove(tag(1'000'000, 101), commit(1'000'000, 101));
    REQUIRE(removal.removed().size() == count);
    CHECK(decode_content(Kind::kSet, encoded(removal)).has_value() == (count <= most));
  }
}

// Goal: what two nodes took in, each up to its limit, can be merged, written and read again.
TEST_CASE("content codec: two cells at the limit of operations join to one that reads back") {
  const SetElement both = joined(many_adds(kEntriesPerCellMax, 0), many_adds(0, kEntriesPerCellMax));
  CHECK(both.adds().size() == 2 * kEntriesPerCellMax);
  CHECK(decode_content(Kind::kSet, encoded(both)) == Content(both));
}
