// node/redis/cursors.h -- what the cursors of SCAN, SSCAN and HSCAN stand for.
//
// Redis's cursor is a number; a position here is a name.  So positions are remembered under random numbers, for all
// clients of this node (a pool may go on over another connection), and the oldest are forgotten when there are too many.
// A cursor that was made up, or forgotten, or belongs to another scan, is an error; it never skips anything in silence.
// Any thread.
#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <unordered_map>

namespace kith::redis {

class Cursors {
 public:
  explicit Cursors(std::uint64_t seed) : random_(seed) {}

  // `scan`: which scan it is (the command and its key).  Never returns 0; below 2^53, so that no client rounds it.
  std::uint64_t remember(const std::string& scan, const std::string& position);
  // A cursor may be used again, as Redis allows.
  std::optional<std::string> position(const std::string& scan, std::uint64_t cursor);

 private:
  struct Entry {
    std::uint64_t cursor = 0;
    std::string scan;
    std::string position;
    std::size_t bytes() const { return scan.size() + position.size() + 128; }
  };
  std::mutex mutex_;  // Guards all below.
  std::mt19937_64 random_;
  std::list<Entry> entries_;  // The oldest first.
  std::unordered_map<std::uint64_t, std::list<Entry>::iterator> by_cursor_;
  std::size_t bytes_ = 0;
};

}  // namespace kith::redis
