// tools/kith/shell_words.h -- SET, GET and DELETE: what a person types into the shell and reads there.
//
//     > SET 0d5d3807-5fbf-4228-a657-5a091c4e497f '{"name": "Chapayev's Mustache comb"}'
//     Created (2 replicas)
//
//     line  := "SET" key value | "GET" key | "DELETE" key         words apart by blanks
//     value := bare | "'" any "'" | '"' escaped '"'               the rest of the line: what stands between the first quote and the
//              last is the value, quotes and all; in "..", and only there, \n \r \t \" \\ \xNN are one byte each
//
// What GET shows can be given to SET.  The lower-case commands are others: they are for scripts, and say less.
// Tests: tests/tools/shell_words_test.cc, and the transcript in tests/tools/shell_test.cc
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "tools/kith/command.h"

namespace kith::tools {

struct ShellWord {
  enum class Verb { kSet, kGet, kDelete } verb = Verb::kGet;
  std::string key;
  std::string value;  // Of kSet.
};

// Nothing when the line begins with another word; a text when it begins with one of these and makes no sense.
std::optional<std::variant<ShellWord, std::string>> parse_shell_word(std::string_view line);

std::string shown_value(std::string_view value);  // As SET takes it.

// Asks `client`, calls `before_outcome` if there is one, and prints the outcome: errors, too, since people read them where they wait for the answer.
ExitCode run_shell_word(const ShellWord& word, Client& client, const Settings& settings, const Console& console,
                        const std::function<void()>& before_outcome);

}  // namespace kith::tools
