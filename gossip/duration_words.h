// gossip/duration_words.h -- a length of time as the flags of kithd spell it: "10m", "1500ms".
#pragma once

#include <cstdint>
#include <string>

namespace kith {

// In the largest unit (d, h, m, s, ms) of which it is a whole number.  REQUIRES: ms >= 0.
std::string duration_words(std::int64_t ms);

}  // namespace kith
