#include "gossip/sketch.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "crdt/bytes.h"
#include "crdt/check.h"

namespace kith {
namespace {

// The finisher of splitmix64: all bits of the result depend on all of `value`.
std::uint64_t mixed(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
  return value ^ (value >> 31);
}

std::uint16_t check_of(std::uint64_t hash) { return static_cast<std::uint16_t>(mixed(hash ^ 0x9e3779b97f4a7c15u)); }

}  // namespace

std::size_t Sketch::cells_for(std::size_t differences) {
  const auto n = static_cast<double>(differences);
  const auto cells = static_cast<std::size_t>(std::ceil(1.32 * n + 2.4 * std::sqrt(n) + 12));
  return std::min(cells, kCellsMax);
}

Sketch::Sketch(std::size_t cells) : cells_((cells + kWays - 1) / kWays * kWays) {
  KITH_CHECK(cells > 0 && cells <= kCellsMax, "a sketch of no size that can be sent", cells);
}

bool Sketch::fits(std::string_view bytes) {
  return !bytes.empty() && bytes.size() % (kWays * kCellBytes) == 0 && bytes.size() <= kCellsMax * kCellBytes;
}

std::optional<Sketch> Sketch::read(std::string_view bytes) {
  if (!fits(bytes)) return std::nullopt;
  Sketch out(bytes.size() / kCellBytes);
  ByteReader in(bytes);
  for (Cell& cell : out.cells_) cell.hashes = in.u64(), cell.checks = in.u16();
  return out;
}

std::string Sketch::bytes() const {
  ByteWriter out;
  for (const Cell& cell : cells_) out.u64(cell.hashes), out.u16(cell.checks);
  return out.take();
}

std::size_t Sketch::place(std::uint64_t hash, std::size_t way) const {
  const std::size_t width = cells_.size() / kWays;
  return way * width + static_cast<std::size_t>(((mixed(hash + way + 1) >> 32) * width) >> 32);
}

void Sketch::toggle(std::uint64_t hash) {
  for (std::size_t way = 0; way < kWays; ++way) {
    Cell& cell = cells_[place(hash, way)];
    cell.hashes ^= hash;
    cell.checks = static_cast<std::uint16_t>(cell.checks ^ check_of(hash));
  }
}

bool Sketch::shows_one(std::size_t at) const {
  const Cell& cell = cells_[at];
  return cell.hashes != 0 && check_of(cell.hashes) == cell.checks && place(cell.hashes, at / (cells_.size() / kWays)) == at;
}

std::optional<std::vector<std::uint64_t>> Sketch::peel() {
  std::vector<std::uint64_t> out;
  std::vector<std::size_t> look_at;
  for (std::size_t at = 0; at < cells_.size(); ++at) look_at.push_back(at);
  while (!look_at.empty()) {
    const std::size_t at = look_at.back();
    look_at.pop_back();
    if (!shows_one(at)) continue;
    // SUBTLE: several that look like one could be peeled in circles for ever.
    if (out.size() == cells_.size()) return std::nullopt;
    const std::uint64_t hash = cells_[at].hashes;
    out.push_back(hash);
    toggle(hash);
    for (std::size_t way = 0; way < kWays; ++way) look_at.push_back(place(hash, way));
  }
  if (std::any_of(cells_.begin(), cells_.end(), [](const Cell& cell) { return cell.hashes != 0 || cell.checks != 0; })) {
    return std::nullopt;
  }
  std::sort(out.begin(), out.end());
  if (std::adjacent_find(out.begin(), out.end()) != out.end()) return std::nullopt;
  return out;
}

}  // namespace kith
