#include <doctest/doctest.h>

#include <random>
#include <variant>

#include "node/json_text.h"
#include "node/view/text.h"
#include "tools/kith/words.h"

namespace kith::tools {
namespace {

std::vector<std::string> words_of(std::string_view line) {
  auto split = split_words(line);
  REQUIRE(std::holds_alternative<std::vector<std::string>>(split));
  return std::get<std::vector<std::string>>(split);
}

std::string error_of(std::string_view line) {
  auto split = split_words(line);
  REQUIRE(std::holds_alternative<WordsError>(split));
  return std::get<WordsError>(split).message;
}

using Words = std::vector<std::string>;

TEST_CASE("words: quotes, escapes and comments") {
  CHECK(words_of("sadd likes tea") == Words{"sadd", "likes", "tea"});
  CHECK(words_of("  a\t b  ") == Words{"a", "b"});
  CHECK(words_of("set k 'two words'") == Words{"set", "k", "two words"});
  CHECK(words_of("set k \"line\\n\\x00\\\"end\\\"\"") == Words{"set", "k", std::string("line\n\0\"end\"", 11)});
  CHECK(words_of("a' 'b\" \"c") == Words{"a b c"});
  CHECK(words_of("set k ''") == Words{"set", "k", ""});
  CHECK(words_of("get k # the rest") == Words{"get", "k"});
  CHECK(words_of("get k#1") == Words{"get", "k#1"});
  CHECK(words_of("a\\ b") == Words{"a b"});
  CHECK(words_of("").empty());
  CHECK(error_of("set k 'open").find("never closed") != std::string::npos);
  CHECK(error_of("set k \"\\q\"").find("\\q") != std::string::npos);
  CHECK(error_of("set k \\x4").find("two hex digits") != std::string::npos);
  CHECK(error_of("set k \\").find("backslash") != std::string::npos);
}

TEST_CASE("words: whatever is quoted comes back byte for byte (random bytes)") {
  std::mt19937 random(7);
  for (int round = 0; round < 5000; ++round) {
    std::string bytes;
    const std::size_t size = random() % 12;
    for (std::size_t i = 0; i < size; ++i) {
      bytes += random() % 2 == 0 ? "ab '\"\\$#-\n"[random() % 10] : static_cast<char>(random() % 256);
    }
    CAPTURE(hex_text(bytes));
    CHECK(words_of("x " + kith::quoted(bytes)) == Words{"x", bytes});
  }
}

}  // namespace
}  // namespace kith::tools
