// tests/crdt/counter_test.cc -- sums, amounts and the cells of a counter.
#include "crdt/counter.h"

#include <doctest/doctest.h>

#include <limits>
#include <random>

namespace kith::test {
namespace {

constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min(), kMost = std::numeric_limits<std::int64_t>::max();
constexpr Tag kTag{Timestamp{10}, ActorId{20}};
constexpr Commit kCommit{Timestamp{11}, OriginId{30}};

__extension__ using Wide = __int128;

Wide wide(const CounterSum& sum) {
  ByteWriter out;
  sum.write(out);
  ByteReader in(out.view());
  const auto high = in.u64(), low = in.u64();
  return static_cast<Wide>((static_cast<unsigned __int128>(high) << 64) | low);
}

Content increment(std::int64_t amount, Tag tag = kTag) { return Content(Register{}.set(encode_amount(amount), tag, kCommit)); }

}  // namespace

// Goal: a sum of ours is that of 128-bit arithmetic, whatever is added and taken away, in whatever order.
TEST_CASE("counter: sums are exact far beyond 64 bits (200,000 steps)") {
  std::mt19937_64 random(1);
  CounterSum sum;
  Wide twin = 0;
  for (int i = 0; i < 200'000; ++i) {
    const std::int64_t edges[] = {kLeast, kMost, 1, -1, static_cast<std::int64_t>(random())};
    const std::int64_t amount = edges[random() % 5];
    if (random() % 2 == 0) {
      sum += CounterSum(amount);
      twin += amount;
    } else {
      sum -= CounterSum(amount);
      twin -= amount;
    }
    REQUIRE(wide(sum) == twin);
    REQUIRE(sum.fits() == (twin >= kLeast && twin <= kMost));
    REQUIRE(sum.shown() == (twin < kLeast ? kLeast : twin > kMost ? kMost : static_cast<std::int64_t>(twin)));
  }
}

TEST_CASE("counter: past 64 bits the nearest value is shown, and later increments count from where it really is") {
  CounterSum sum(kMost);
  CHECK(sum.fits());
  sum += CounterSum(1);
  CHECK_FALSE(sum.fits());
  CHECK(sum.shown() == kMost);
  sum += CounterSum(-3);
  CHECK(sum.shown() == kMost - 2);
  CHECK((CounterSum(kLeast) + CounterSum(-1)).shown() == kLeast);
  CHECK((CounterSum(kLeast) - CounterSum(kLeast)) == CounterSum{});
}

TEST_CASE("counter: bytes of amounts, tags and sums (golden)") {
  CHECK(encode_amount(1) == std::string("\0\0\0\0\0\0\0\1", 8));
  CHECK(encode_amount(-1) == std::string(8, '\xff'));
  for (const std::int64_t amount : {std::int64_t{1}, std::int64_t{-1}, std::int64_t{77}, kLeast, kMost}) {
    CHECK(decode_amount(encode_amount(amount)) == amount);
  }
  CHECK_FALSE(decode_amount(encode_amount(0)).has_value());
  for (std::size_t size = 0; size < 8; ++size) CHECK_FALSE(decode_amount(encode_amount(5).substr(0, size)).has_value());
  CHECK_FALSE(decode_amount(encode_amount(5) + "x").has_value());
  CHECK(increment_tag(increment_member(kTag)) == kTag);
  CHECK_FALSE(increment_tag(increment_member({{}, ActorId{1}})).has_value());
  CHECK_FALSE(increment_tag(increment_member({Timestamp{1}, {}})).has_value());
  const Register base = base_register(Timestamp{9}, {CounterSum(-2), 0x1234}, kCommit);
  CHECK(*base.value() == std::string(15, '\xff') + "\xfe" + std::string("\0\0\0\0\0\0\x12\x34", 8));
  CHECK(decode_base(*base.value()) == CounterBase{CounterSum(-2), 0x1234});
  CHECK_FALSE(decode_base(base.value()->substr(1)).has_value());
  CHECK_FALSE(decode_base(*base.value() + "x").has_value());
}

TEST_CASE("counter: increments sort by timestamp, behind the base") {
  const CellKey base = base_cell("t", "k");
  const CellKey early = increment_cell("t", "k", {Timestamp{0xff}, ActorId{9}});
  const CellKey late = increment_cell("t", "k", {Timestamp{0x100}, ActorId{1}});
  CHECK(base < early);
  CHECK(early < late);
  CHECK(is_base(base));
  CHECK_FALSE(is_increment(base));
  CHECK(is_increment(late));
  CHECK_FALSE(is_base({"t", "k", Kind::kSet, ""}));
}

TEST_CASE("counter: of one tag that came twice one cell is left, and of two bases the one folded further") {
  Content cell = increment(5);
  CHECK_FALSE(cell.join(increment(5)));
  CHECK(counter_share(increment_cell("t", "k", kTag), cell) == CounterSum(5));
  Content a(base_register(Timestamp{5}, {CounterSum(100), 1}, kCommit));
  const Content b(base_register(Timestamp{6}, {CounterSum(7), 2}, kCommit));
  CHECK(a.join(b));
  CHECK(a == b);
  CHECK_FALSE(a.join(Content(base_register(Timestamp{5}, {CounterSum(100), 1}, kCommit))));
}

// Goal: no cell that came from outside can be something that a counter cannot add up.
TEST_CASE("counter: what does not fit its cell is told from what does") {
  const CellKey cell = increment_cell("t", "k", kTag), base = base_cell("t", "k");
  const Content folded(base_register(Timestamp{5}, {CounterSum(1), 0}, kCommit));
  CHECK(fits_its_cell(cell, increment(5)));
  CHECK(fits_its_cell(base, folded));
  CHECK_FALSE(fits_its_cell(base, increment(5)));
  CHECK_FALSE(fits_its_cell(cell, folded));
  CHECK_FALSE(fits_its_cell(cell, increment(5, {Timestamp{10}, ActorId{21}})));  // Another's tag.
  CHECK_FALSE(fits_its_cell(cell, increment(0)));
  CHECK_FALSE(fits_its_cell(cell, Content(Register{}.set("abc", kTag, kCommit))));
  CHECK_FALSE(fits_its_cell(cell, Content(Register{}.erase(kTag, kCommit))));
  CHECK_FALSE(fits_its_cell(cell, Content(Kind::kCounter)));
  CHECK(fits_its_cell({"t", "k", Kind::kRegister, ""}, Content(Kind::kRegister)));
}

}  // namespace kith::test
