// sim/words.h -- numbers as people write them: "2,412", "1.3 s", "48.2 kB", "99.9 %".
//
// Between a number and its unit stands a no-break space.  Tests: tests/sim/svg_test.cc
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace kith::sim {

inline constexpr std::string_view kNoBreakSpace = "\xC2\xA0";

std::string with_commas(std::uint64_t number);
std::string plural(std::uint64_t count, std::string_view noun);      // "1 node", "6 nodes"
std::string in_words_time(std::int64_t us);                          // "350 us", "1.3 s", "2 min 5 s", "8 d 2 h"
std::string in_words_bytes(double bytes);                            // "512 B", "48.2 kB": of 1,000
std::string in_words_number(double number);                          // "0.25", "3.4", "12,345"
// SUBTLE: only all is "100 %", and only nothing is "0 %"; what is just beside says so: "99.9 %", "0.1 %".
std::string in_words_share(double share);

}  // namespace kith::sim
