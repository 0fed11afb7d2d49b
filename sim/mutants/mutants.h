// sim/mutants/mutants.h -- the mutants there are: one for each file sim/mutants/NAME.patch.
#pragma once

#include <string_view>
#include <vector>

namespace kith::sim {

struct Mutant {
  std::string_view name;
  std::string_view rule;   // What it breaks, as the head of its patch says.
  std::string_view laws;   // Of sim/verdict.h: what it may be killed by.
  bool collects;           // Its histories are those in which removals are collected.
};

// In order of name.
const std::vector<Mutant>& mutants();

// From now on, and until the process ends, this fault is in the code.  False when there is none of that name.
[[nodiscard]] bool plant(std::string_view name);

}  // namespace kith::sim
