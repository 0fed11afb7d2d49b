#include "gossip/duration_words.h"

#include <string_view>
#include <utility>

namespace kith {

std::string duration_words(std::int64_t ms) {
  constexpr std::pair<std::string_view, std::int64_t> kUnits[] = {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}};
  for (const auto& [name, factor] : kUnits) {
    if (ms >= factor && ms % factor == 0) return std::to_string(ms / factor) + std::string(name);
  }
  return std::to_string(ms) + "ms";
}

}  // namespace kith
