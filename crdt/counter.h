// crdt/counter.h -- a counter that is exact under retries: increments that are cells of their own, and what they fold to.
//
//     increment   member = tag (timestamp:u64 actor:u64)    register: that tag, value = amount:i64
//     base        member = empty                            register: tag (folded to, kBaseActor), value = sum digest
//     sum         high:u64 low:u64                          128 bits, two's complement
//     digest      u64                                       what the folded increments add to a fingerprint
//
// A retry, anywhere, writes the same cell, so joining is idempotent by itself.  The value is the base's sum and the
// amounts of all increments above its timestamp; those at or below it are in it, wherever they come from, and are ignored.
// Of two bases the one folded further wins: that is the order of their registers' tags.
//
// SUBTLE: the sum has 128 bits, so 2^64 increments of 64 bits each cannot overflow it and no order of adding, folding or
// merging can be told from another.  A value that 64 bits cannot hold is *shown* as the nearest that they can, and later
// increments of the other sign count from where it really is.
//
// Laws: tests/crdt/counter_test.cc, tests/store/counter_test.cc
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "crdt/bytes.h"
#include "crdt/cell_key.h"
#include "crdt/content.h"
#include "crdt/tag.h"

namespace kith {

class CounterSum {
 public:
  constexpr CounterSum() = default;
  constexpr explicit CounterSum(std::int64_t amount)
      : high_(amount < 0 ? ~std::uint64_t{0} : 0), low_(static_cast<std::uint64_t>(amount)) {}

  // Modulo 2^128: what a stranger's base claims may be anything, and is never undefined.
  constexpr CounterSum& operator+=(const CounterSum& other) {
    low_ += other.low_;
    high_ += other.high_ + (low_ < other.low_ ? 1 : 0);
    return *this;
  }
  constexpr CounterSum operator-() const {
    CounterSum out;
    out.low_ = ~low_ + 1;
    out.high_ = ~high_ + (low_ == 0 ? 1 : 0);
    return out;
  }
  constexpr CounterSum& operator-=(const CounterSum& other) { return *this += -other; }
  friend constexpr CounterSum operator+(CounterSum a, const CounterSum& b) { return a += b; }
  friend constexpr CounterSum operator-(CounterSum a, const CounterSum& b) { return a -= b; }
  friend constexpr bool operator==(const CounterSum&, const CounterSum&) = default;

  constexpr bool fits() const { return *this == CounterSum(static_cast<std::int64_t>(low_)); }  // In 64 bits.
  constexpr std::int64_t shown() const {  // The nearest that fits.
    if (fits()) return static_cast<std::int64_t>(low_);
    return (high_ >> 63) != 0 ? INT64_MIN : INT64_MAX;
  }

  static constexpr std::size_t kBytes = 16;
  void write(ByteWriter& out) const;
  static CounterSum read(ByteReader& in);

 private:
  std::uint64_t high_ = 0;
  std::uint64_t low_ = 0;
};

struct CounterBase {
  CounterSum sum;
  std::uint64_t digest = 0;
  friend constexpr bool operator==(const CounterBase&, const CounterBase&) = default;
};

// The actor in a base's tag.  Zero would mean "none"; what other actors there are does not matter.
inline constexpr ActorId kBaseActor{1};

CellKey increment_cell(std::string_view table, std::string_view key, const Tag& tag);
CellKey base_cell(std::string_view table, std::string_view key);

inline bool is_base(const CellKey& cell) { return cell.kind == Kind::kCounter && cell.member.empty(); }
inline bool is_increment(const CellKey& cell) { return cell.kind == Kind::kCounter && !cell.member.empty(); }

std::string increment_member(const Tag& tag);
std::optional<Tag> increment_tag(std::string_view member);  // Nothing unless it is one; neither part may be zero.

std::string encode_amount(std::int64_t amount);
std::optional<std::int64_t> decode_amount(std::string_view bytes);  // Nothing for zero: no increment has it.

// REQUIRES: neither `folded_to` nor the commit is zero.
Register base_register(Timestamp folded_to, const CounterBase& base, Commit commit);
std::optional<CounterBase> decode_base(std::string_view bytes);

// What the cell adds to its counter's value.  REQUIRES: fits_its_cell().
CounterSum counter_share(const CellKey& cell, const Content& content);

// Of a cell that came from outside: whether its content is what a cell of that name may hold.  Always true of other kinds.
bool fits_its_cell(const CellKey& cell, const Content& content);

}  // namespace kith
