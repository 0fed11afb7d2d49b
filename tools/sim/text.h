// tools/sim/text.h -- figures in words, for people.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace kith::sim::tool {

std::string with_commas(std::uint64_t number);  // 1,234,567
std::string one_digit(double number);           // "3.4", from 100 on "1,234"
std::string span_words(std::int64_t us);        // "83 ms", "12.4 s", "3 min 5 s", "2 d 3 h"; rounded
std::string time_words(std::int64_t at_us);     // Virtual time as traces have it: "12.345s"; below zero: "?"
std::string hash_words(std::uint64_t hash);     // 16 hexadecimal digits
std::string counted(std::uint64_t number, std::string_view noun);  // "1 seed", "2,000 seeds"
std::string one_line(std::string_view text);                       // Line ends become blanks.
std::string in_shell(const std::string& word);                     // As a shell takes it: in '...' when it has to be.

}  // namespace kith::sim::tool
