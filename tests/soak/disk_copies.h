// tests/soak/disk_copies.h -- older copies of the data directories of nodes, and how one takes the place of the directory.
//
// A copy is taken while the node is down, as `cp -r` would.  RULE. A disk goes back to a copy of itself only: when it has gone back, all
// younger copies are thrown away, since it is not their successor any more.  (Going back to one of those would be a disk that comes
// back from the side: what its node does again then is listed, and may count twice: ARCHITECTURE.md, "Writes that nobody has seen".)
// Of each node a few copies are kept: the youngest and the oldest ones.  Belongs to one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <optional>
#include <vector>

namespace kith::soak {

class DiskCopies {
 public:
  explicit DiskCopies(std::filesystem::path directory, std::size_t nodes) : directory_(std::move(directory)), of_(nodes) {}

  struct Copy {
    std::filesystem::path path;
    std::int64_t taken_ms = 0;
  };

  // REQUIRES: nobody runs on `data`.
  void take(std::size_t node, const std::filesystem::path& data, std::int64_t now_ms);

  // The oldest one of an age from `least_ms` to `most_ms`.
  std::optional<Copy> find(std::size_t node, std::int64_t least_ms, std::int64_t most_ms, std::int64_t now_ms) const;

  // REQUIRES: nobody runs on `data`, and `copy` is of find().
  void put_back(std::size_t node, const Copy& copy, const std::filesystem::path& data);

  std::optional<std::int64_t> youngest_ms(std::size_t node) const;  // When it was taken.

 private:
  std::filesystem::path directory_;
  std::vector<std::deque<Copy>> of_;  // By when they were taken.
  std::uint64_t taken_ = 0;
};

}  // namespace kith::soak
