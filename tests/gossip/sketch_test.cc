// tests/gossip/sketch_test.cc -- the difference of two sets, all of it or nothing.
#include "gossip/sketch.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <random>

namespace kith::test {
namespace {

std::uint64_t seed() {
  const char* given = std::getenv("KITH_SEED");
  return given == nullptr ? 20'260'102 : std::strtoull(given, nullptr, 10);
}

TEST_CASE("sketch: what both sides have goes, what one has is shown (0 to 5,000 differences among 20,000)") {
  INFO("KITH_SEED=", seed());
  std::mt19937_64 random(seed());
  for (const std::size_t differences : {0u, 1u, 2u, 3u, 10u, 100u, 1000u, 5000u}) {
    CAPTURE(differences);
    std::size_t shown = 0;
    constexpr int kTries = 20;
    for (int i = 0; i < kTries; ++i) {
      Sketch theirs(Sketch::cells_for(differences));
      std::vector<std::uint64_t> only;
      for (std::size_t n = 0; n < differences; ++n) only.push_back(random());
      for (std::size_t n = 0; n < differences; n += 2) theirs.toggle(only[n]);
      std::vector<std::uint64_t> both;
      for (int n = 0; n < 20'000; ++n) both.push_back(random());
      for (const std::uint64_t hash : both) theirs.toggle(hash);
      auto ours = Sketch::read(theirs.bytes());
      REQUIRE(ours.has_value());
      CHECK(ours->bytes() == theirs.bytes());
      for (const std::uint64_t hash : both) ours->toggle(hash);
      for (std::size_t n = 1; n < differences; n += 2) ours->toggle(only[n]);
      const auto out = ours->peel();
      if (!out) continue;
      ++shown;
      std::sort(only.begin(), only.end());
      CHECK(*out == only);
    }
    CHECK(shown >= kTries - 2);
  }
}

// SUBTLE: half a difference would be worse than none: what is missing in it would count as equal.
TEST_CASE("sketch: one that is too small shows nothing, whatever is in it") {
  INFO("KITH_SEED=", seed());
  std::mt19937_64 random(seed());
  for (int i = 0; i < 2000; ++i) {
    Sketch sketch(4 + random() % 60);
    for (std::size_t n = 0; n < sketch.cells() + 1 + random() % 40; ++n) sketch.toggle(random());
    CHECK_FALSE(sketch.peel().has_value());
  }
}

TEST_CASE("sketch: bytes that nobody wrote show nothing, and end") {
  INFO("KITH_SEED=", seed());
  std::mt19937_64 random(seed());
  for (int i = 0; i < 2000; ++i) {
    std::string bytes(Sketch::kCellBytes * Sketch::kWays * (1 + random() % 20), '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    auto sketch = Sketch::read(bytes);
    REQUIRE(sketch.has_value());
    CHECK_FALSE(sketch->peel().has_value());
  }
}

TEST_CASE("sketch: only whole ones within the limit are read") {
  constexpr std::size_t kLeast = Sketch::kCellBytes * Sketch::kWays, kMost = Sketch::kCellBytes * Sketch::kCellsMax;
  for (const std::size_t bytes : {kLeast, 2 * kLeast, kMost}) CHECK(Sketch::read(std::string(bytes, '\0')).has_value());
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, kLeast - 1, kLeast + Sketch::kCellBytes, kMost + kLeast}) {
    CHECK_FALSE(Sketch::read(std::string(bytes, '\0')).has_value());
  }
  CHECK(Sketch(1).cells() == Sketch::kWays);
  CHECK(Sketch(Sketch::kCellsMax).cells() == Sketch::kCellsMax);
  CHECK(Sketch::cells_for(std::size_t{1} << 40) == Sketch::kCellsMax);
}

}  // namespace
}  // namespace kith::test
