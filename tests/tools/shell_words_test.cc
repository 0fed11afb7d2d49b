// tests/tools/shell_words_test.cc -- SET, GET and DELETE as people type them.
#include "tools/kith/shell_words.h"

#include <doctest/doctest.h>

namespace kith::tools {
namespace {

std::string problem_with(const std::string& line) {
  const auto parsed = parse_shell_word(line);
  REQUIRE(parsed);
  const auto* problem = std::get_if<std::string>(&*parsed);
  return problem == nullptr ? "" : *problem;
}

std::string value_in(const std::string& line) {
  const auto parsed = parse_shell_word(line);
  REQUIRE(parsed);
  CAPTURE(problem_with(line));
  REQUIRE(std::holds_alternative<ShellWord>(*parsed));
  return std::get<ShellWord>(*parsed).value;
}

TEST_CASE("shell words: the value is what stands between the first quote and the last") {
  CHECK(value_in("SET k '{\"name\": \"Chapayev's Mustache comb\"}'") == "{\"name\": \"Chapayev's Mustache comb\"}");
  CHECK(value_in("SET k ''") == "");
  CHECK(value_in("SET k '''") == "'");
  CHECK(value_in("  SET\tk   'a  b'  ") == "a  b");
  CHECK(value_in("SET k bare") == "bare");
  CHECK(value_in("SET k 'a\\n'") == "a\\n");
  CHECK(value_in("SET k \"a\\n\\t\\r\\x00\\xff\\\\\\\"\"") == std::string("a\n\t\r\0\xff\\\"", 8));
}

TEST_CASE("shell words: what makes no sense is said, and other lines are none of these") {
  CHECK(problem_with("SET").find("SET KEY 'VALUE'") != std::string::npos);
  CHECK(problem_with("SET k").find("SET KEY 'VALUE'") != std::string::npos);
  CHECK(problem_with("SET k two words").find("stands in quotes") != std::string::npos);
  CHECK(problem_with("SET k 'open").find("does not end with it") != std::string::npos);
  CHECK(problem_with("SET k '").find("does not end with it") != std::string::npos);
  CHECK(problem_with("SET k \"a\\q\"").find("backslash") != std::string::npos);
  CHECK(problem_with("SET k \"a\\x1\"").find("backslash") != std::string::npos);
  CHECK(problem_with("SET k \"a\\\"").find("backslash") != std::string::npos);
  CHECK(problem_with("GET").find("GET KEY") != std::string::npos);
  CHECK(problem_with("DELETE a b").find("nothing else") != std::string::npos);
  for (const char* other : {"", "set k v", "get k", "Set k v", "SETS k v", "sadd likes tea", "# SET k v"}) CHECK_FALSE(parse_shell_word(other));
}

TEST_CASE("shell words: what GET shows SET takes back (every byte, pairs of quotes and backslashes)") {
  std::vector<std::string> values = {"", "'", "\"", "\\", "''", "\"\"", "\\\\", "'\"", "a 'b' c", "\\n", "{\"a\": \"b's\"}", "\xc3\xa4", "\xc3", "a\nb"};
  for (int byte = 0; byte < 256; ++byte) {
    values.push_back(std::string(1, static_cast<char>(byte)));
    values.push_back("x" + std::string(1, static_cast<char>(byte)) + "'\"\\");
  }
  for (const std::string& value : values) {
    CAPTURE(shown_value(value));
    CHECK(value_in("SET k " + shown_value(value)) == value);
    CHECK(shown_value(value).find('\n') == std::string::npos);
  }
}

}  // namespace
}  // namespace kith::tools
