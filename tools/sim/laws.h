// tools/sim/laws.h -- what the letters of sim/verdict.h mean, for people.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kith::sim::tool {

struct Law {
  char letter;
  std::string_view name;
  std::string_view means;
};

const std::vector<Law>& laws();      // In the order of sim/verdict.h.
std::string law_words(char letter);  // "D, durability: no acknowledged write is lost"

}  // namespace kith::sim::tool
