// tests/crdt/expiry_test.cc -- values that expire: what shows when, what wins, what goes, and their bytes.
#include <doctest/doctest.h>

#include <algorithm>

#include "crdt/content.h"
#include "crdt/counter.h"
#include "tests/crdt/laws.h"

using namespace kith;
using namespace kith::test;

namespace {

// Milliseconds, as the timestamps of this file.
Tag tag_ms(std::int64_t ms, std::uint64_t actor = 7) { return {Timestamp::at_ms(ms), ActorId{actor}}; }
Commit commit_ms(std::int64_t ms, std::uint64_t origin = 9) { return {Timestamp::at_ms(ms), OriginId{origin}}; }

Register expiring(const std::string& value, std::int64_t at_ms, std::int64_t expires_at_ms, std::uint64_t origin = 9) {
  Register out;
  REQUIRE_FALSE(out.set(value, tag_ms(at_ms), commit_ms(at_ms + 1, origin), expires_at_ms).empty());
  return out;
}

std::string bytes_of(const Content& content) {
  ByteWriter out;
  encode(content, out);
  return out.take();
}

}  // namespace

TEST_CASE("expiry: a value shows up to the millisecond before its expiry, and is present for ever") {
  const Register state = expiring("open", 1000, 6000);
  CHECK(state.shows_at(0));
  CHECK(state.shows_at(5999));
  CHECK_FALSE(state.shows_at(6000));
  CHECK_FALSE(Content(state).shows_at(6001));
  CHECK(state.present());
  CHECK(Content(state).present());
  CHECK(written("x", tag(10, 1), commit(10, 101)).shows_at(INT64_MAX));
  CHECK_FALSE(erased(tag(10, 1), commit(10, 101)).shows_at(0));
}

TEST_CASE("expiry: it is over at its expiry, or at a commit that is later") {
  CHECK(expiring("v", 1000, 6000).over_at_ms() == 6000);
  CHECK(expiring("v", 1000, 1000).over_at_ms() == 1001);
  CHECK(Content(written("x", tag(10, 1), commit(10, 101))).over_at_ms() == 0);
  CHECK(Content(Kind::kSet).over_at_ms() == 0);
}

TEST_CASE("expiry: a later write takes it along, with another expiry, with none, or by a deletion") {
  Register state = expiring("a", 1000, 6000);
  CHECK_FALSE(state.set("b", tag_ms(2000), commit_ms(2000), 9000).empty());
  CHECK(state.expires_at_ms() == 9000);
  CHECK_FALSE(state.set("b", tag_ms(3000), commit_ms(3000)).empty());
  CHECK(state.expires_at_ms() == 0);
  CHECK_FALSE(state.set("c", tag_ms(4000), commit_ms(4000), 5000).empty());
  CHECK_FALSE(state.erase(tag_ms(4500), commit_ms(4500)).empty());
  CHECK(state.expires_at_ms() == 0);
  CHECK_FALSE(state.present());
  CHECK(state.set("c", tag_ms(4000), commit_ms(4600), 5000).empty());  // The retry of what was deleted.
}

TEST_CASE("expiry: an expired value beats what is older, so that nothing comes up from under it") {
  Register state = expiring("young", 2000, 2500);
  CHECK_FALSE(state.join(expiring("old", 1000, 90'000)));
  CHECK_FALSE(state.shows_at(3000));
}

// Method: a universe of one tag, two values, three expiries and two commits, and a later write: joined in every order of three.
TEST_CASE("expiry: joining is commutative, associative and idempotent, also of one tag with two expiries") {
  std::vector<Register> all;
  for (const char* value : {"a", "b"}) {
    for (const std::int64_t expires : {0, 5000, 6000}) {
      for (const std::uint64_t origin : {9, 10}) all.push_back(expiring(value, 1000, expires, origin));
    }
  }
  all.push_back(expiring("z", 2000, 2001));
  for (const Register& a : all) {
    CHECK(joined(a, a) == a);
    for (const Register& b : all) {
      CHECK(joined(a, b) == joined(b, a));
      for (const Register& c : all) CHECK(joined(joined(a, b), c) == joined(a, joined(b, c)));
    }
  }
  CHECK(joined(all[0], all[2]).expires_at_ms() == 0);      // None is the latest.
  CHECK(joined(all[2], all[4]).expires_at_ms() == 6000);
}

TEST_CASE("expiry: it is collected when commit and expiry are at or below the horizon, and never before") {
  const auto left = [](Register state, Timestamp horizon) {
    (void)state.collect(horizon);
    return !state.empty();
  };
  const Register state = expiring("v", 1000, 6000);  // Committed at 1001.
  CHECK(left(state, Timestamp::at_ms(5999, Timestamp::kCounterMax)));
  CHECK_FALSE(left(state, Timestamp::at_ms(6000)));
  const Register late = expiring("v", 6000, 3000);   // A retry: committed at 6001, when it was over.
  CHECK(left(late, Timestamp::at_ms(6000)));
  CHECK_FALSE(left(late, Timestamp::at_ms(6001)));
  CHECK(left(written("x", tag(10, 1), commit(10, 101)), Timestamp{UINT64_MAX}));
  CHECK_FALSE(Content(state).collectable());  // Of those the feed tells; these are found by time.
}

TEST_CASE("expiry: what is observable tells of it, and is what it always was where there is none") {
  const Register never = expiring("v", 1000, 0), soon = expiring("v", 1000, 5000), late = expiring("v", 1000, 6000);
  CHECK(never.observable_hash() != soon.observable_hash());
  CHECK(soon.observable_hash() != late.observable_hash());
}

TEST_CASE("expiry: the bytes of a value with one, and those of one without are as before (golden)") {
  Register state;
  REQUIRE_FALSE(state.set("hi", {Timestamp{0x0102}, ActorId{0x0a}}, {Timestamp{0x0304}, OriginId{0x0b}}, 0x0506).empty());
  const auto u64 = [](std::uint64_t v) {
    ByteWriter out;
    out.u64(v);
    return out.take();
  };
  const std::string tagged = u64(0x0a) + u64(0x0102) + u64(0x0b) + u64(0x0304);
  CHECK(bytes_of(state) == std::string(1, '\x07') + tagged + u64(0x0506) + "hi");
  Register plain;
  REQUIRE_FALSE(plain.set("hi", {Timestamp{0x0102}, ActorId{0x0a}}, {Timestamp{0x0304}, OriginId{0x0b}}).empty());
  CHECK(bytes_of(plain) == std::string(1, '\x03') + tagged + "hi");
  for (const Register& it : {state, plain}) CHECK(decode_content(Kind::kRegister, bytes_of(it)) == Content(it));
}

TEST_CASE("expiry: bytes that nobody writes are refused: no value, zero, past 48 bits, cut short") {
  const std::string good = bytes_of(expiring("value", 1000, 6000));
  REQUIRE(decode_content(Kind::kHash, good).has_value());
  const std::size_t at = 1 + 32;  // Behind flags, tag and commit.
  std::string zero = good, far = good, no_value = good.substr(0, at + 8);
  std::fill_n(zero.begin() + static_cast<std::ptrdiff_t>(at), 8, '\0');
  far[at + 1] = 1;  // 2^48.
  no_value[0] = '\x06';
  CHECK_FALSE(decode_content(Kind::kHash, zero).has_value());
  CHECK_FALSE(decode_content(Kind::kHash, far).has_value());
  CHECK_FALSE(decode_content(Kind::kHash, no_value).has_value());
  for (std::size_t size = 0; size < at + 8; ++size) CHECK_FALSE(decode_content(Kind::kHash, good.substr(0, size)).has_value());
  std::string last = good;
  std::fill_n(last.begin() + static_cast<std::ptrdiff_t>(at) + 2, 6, '\xff');
  CHECK(decode_content(Kind::kHash, last)->as_register().expires_at_ms() == Timestamp::kMillisecondsMax);
}

TEST_CASE("expiry: neither increments, nor bases, nor the cluster's own books expire") {
  const Tag tag{Timestamp{10}, ActorId{20}};
  Register state;
  REQUIRE_FALSE(state.set(encode_amount(5), tag, {Timestamp{11}, OriginId{9}}, 1000).empty());
  CHECK_FALSE(fits_its_cell(increment_cell("t", "c", tag), Content(state)));
  CHECK_FALSE(fits_its_cell({std::string(kSystemTable), "members", Kind::kHash, "x"}, Content(state)));
  CHECK(fits_its_cell({"t", "h", Kind::kHash, "x"}, Content(state)));
}
