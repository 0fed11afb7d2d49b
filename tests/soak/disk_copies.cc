#include "tests/soak/disk_copies.h"

#include <string>

namespace kith::soak {
namespace {

constexpr std::size_t kCopiesMax = 6;  // Of one node.

}  // namespace

void DiskCopies::take(std::size_t node, const std::filesystem::path& data, std::int64_t now_ms) {
  Copy copy{directory_ / ("copy" + std::to_string(++taken_) + "-n" + std::to_string(node + 1)), now_ms};
  std::filesystem::copy(data, copy.path, std::filesystem::copy_options::recursive);
  auto& copies = of_[node];
  copies.push_back(std::move(copy));
  if (copies.size() <= kCopiesMax) return;
  // Neither the oldest ones, which age, nor the youngest.
  const auto middle = copies.begin() + kCopiesMax / 2;
  std::filesystem::remove_all(middle->path);
  copies.erase(middle);
}

std::optional<DiskCopies::Copy> DiskCopies::find(std::size_t node, std::int64_t least_ms, std::int64_t most_ms, std::int64_t now_ms) const {
  for (const Copy& copy : of_[node]) {
    const std::int64_t age_ms = now_ms - copy.taken_ms;
    if (age_ms >= least_ms && age_ms <= most_ms) return copy;
  }
  return std::nullopt;
}

void DiskCopies::put_back(std::size_t node, const Copy& copy, const std::filesystem::path& data) {
  std::filesystem::remove_all(data);
  std::filesystem::copy(copy.path, data, std::filesystem::copy_options::recursive);
  auto& copies = of_[node];
  while (!copies.empty() && copies.back().taken_ms > copy.taken_ms) {
    std::filesystem::remove_all(copies.back().path);
    copies.pop_back();
  }
}

std::optional<std::int64_t> DiskCopies::youngest_ms(std::size_t node) const {
  if (of_[node].empty()) return std::nullopt;
  return of_[node].back().taken_ms;
}

}  // namespace kith::soak
