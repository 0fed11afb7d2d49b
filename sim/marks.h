// sim/marks.h -- situations that a sweep must reach, or it proves nothing.
//
// The world counts what it meets under names (RunResult::marks); the engine's own counters are among them as
// "engine: NAME".  A sweep adds them up, and says which of these it never reached: then a fault is not injected any more,
// or a path of the engine cannot be entered.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace kith::sim {

struct Mark {
  std::string_view name;       // As in RunResult::marks.
  std::string_view means;      // For people.
};

// What a sweep of `kSeedsForMarks` seeds or more must reach.
const std::vector<Mark>& required_marks();
inline constexpr std::uint64_t kSeedsForMarks = 500;

// Those of them that are not in `reached` or zero.
std::vector<Mark> missing_marks(const std::map<std::string, std::uint64_t>& reached);

}  // namespace kith::sim
