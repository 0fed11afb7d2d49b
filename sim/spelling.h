// sim/spelling.h -- how the simulator writes words, numbers and lists for people, and reads them back.
//
//     word    := bytes without  "  [  ]  {  }  =  #  ,  \  and blanks, printable        n1, 12.5%, user:7
//     quoted  := '"' (byte | \" | \\ | \xNN)* '"'                                        "a b", "caf\xc3\xa9"
//
// Pure functions.  Every number is written so that reading gives the same bits.  Tests: tests/sim/event_test.cc
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kith::sim {

bool is_word_byte(char c);
bool is_plain_word(std::string_view text);   // Not empty, and of such bytes only.
std::string in_quotes(std::string_view text);
std::string printable(std::string_view text);  // Bytes that are not: \xNN.

// 0.125 is "12.5%".  Shares from 0 to 1 only; anything else is nothing.
std::string to_words_share(double share);
std::optional<double> parse_share(std::string_view words);

std::string to_words_number(double number);  // The shortest that reads back the same: "4", "0.25", "1e+22".
std::optional<std::int64_t> parse_whole(std::string_view words);  // "12", "-200", "+200"

// "a", "a or b", "a, b or c".
std::string one_of(const std::vector<std::string>& choices);

// The one of `known` that somebody who wrote `word` probably meant, or nothing.
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& known);
// "; did you mean \"delay\"?" or nothing.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& known);

// As TOML wants them: "a \"b\"", ["a", "b"].
std::string toml_quoted(std::string_view text);
std::string toml_list(const std::vector<std::string>& texts);

bool is_utf8(std::string_view text);

}  // namespace kith::sim
