// gossip/sketch.h -- of two large sets that differ little, the difference, for the bytes of the difference.
//
//     cell    := the sum of the hashes in it: u64, the sum of their checks: u16         sums by exclusive or
//     sketch  := cell*      kWays tables of equal size behind one another; a hash is in one cell of each
//
// One side puts its hashes in and sends the sketch; the other puts its own into the same: what both have is gone, since it
// is in twice.  A cell that one hash is left in shows it, that hash is taken out of its other cells, and so on; when
// nothing is left the difference is known to the last hash (Eppstein, Goodrich, Uyeda, Varghese: "What's the difference?",
// 2011, without counts: whose a hash is its owner knows).
// SUBTLE: it is all or nothing.  What is left over in any cell says that the sketch was too small, and then nothing is
// known.  To take a hash that both have for a difference, or the other way round, two of 64 bits must be equal; the
// checks only save time.  Hashes are salted by whoever makes them, so another try has other ones.
//
// A plain value.  Tests: tests/gossip/sketch_test.cc
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kith {

class Sketch {
 public:
  static constexpr std::size_t kWays = 4;
  static constexpr std::size_t kCellBytes = 10;
  static constexpr std::size_t kCellsMax = 64 * 1024;  // 640 KiB of a message.

  // How many cells show so many differences in all but one of some hundred tries.  At most kCellsMax.
  static std::size_t cells_for(std::size_t differences);

  explicit Sketch(std::size_t cells);  // Rounded up.  REQUIRES: 0 < cells <= kCellsMax.
  // Nothing unless these are the bytes of one.
  static std::optional<Sketch> read(std::string_view bytes);
  static bool fits(std::string_view bytes);

  std::size_t cells() const { return cells_.size(); }
  std::string bytes() const;

  void toggle(std::uint64_t hash);  // Puts it in, or takes it out.

  // All that is in, in order; nothing when that is too much for the sketch.  Takes the sketch apart.
  std::optional<std::vector<std::uint64_t>> peel();

 private:
  struct Cell {
    std::uint64_t hashes = 0;
    std::uint16_t checks = 0;
  };
  std::size_t place(std::uint64_t hash, std::size_t way) const;
  bool shows_one(std::size_t place) const;

  std::vector<Cell> cells_;
};

}  // namespace kith
