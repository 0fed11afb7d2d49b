#include <doctest/doctest.h>

#include <random>

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
    CHECK(words_of("x " + quoted(bytes)) == Words{"x", bytes});
  }
}

TEST_CASE("text: what is escaped has neither control bytes nor bad UTF-8, and is unambiguous") {
  CHECK(escaped("tea") == "tea");
  CHECK(escaped("Grüße €") == "Grüße €");
  CHECK(escaped(std::string_view("a\0b\n", 4)) == "a\\x00b\\x0a");
  CHECK(escaped("\xff\xc3") == "\\xff\\xc3");
  CHECK(escaped("back\\slash") == "back\\\\slash");
  CHECK(escaped("\xed\xa0\x80") == "\\xed\\xa0\\x80");
  CHECK(escaped("\x1b[31m") == "\\x1b[31m");
}

TEST_CASE("text: durations are read with units, and refused when they make no sense") {
  CHECK(duration_from("200ms") == 200);
  CHECK(duration_from("5s") == 5000);
  CHECK(duration_from("5") == 5000);
  CHECK(duration_from("1.5s") == 1500);
  CHECK(duration_from("2m") == 120'000);
  CHECK(duration_from("1h") == 3'600'000);
  for (const char* bad : {"", "s", "-1s", "5 s", "5x", "nan", "inf", "1e99"})
    CHECK_FALSE(duration_from(bad).has_value());
}

TEST_CASE("text: numbers and sizes for people") {
  CHECK(duration_in_words(850) == "850 ms");
  CHECK(duration_in_words(3200) == "3.2 s");
  CHECK(duration_in_words(720'000) == "12 min");
  CHECK(bytes_in_words(312) == "312 B");
  CHECK(bytes_in_words(4200) == "4.1 KiB");
  CHECK(count_of(1, "key", "keys") == "1 key");
  CHECK(count_of(1234567, "key", "keys") == "1,234,567 keys");
  CHECK(cut_to_width("Grüße", 4) == "Grü…");
  CHECK(cut_to_width("Grüße", 5) == "Grüße");
  CHECK(utc_clock(0, 0) == "00:00:00 UTC");
  CHECK(utc_clock(0, 86'400'000) == "1970-01-01 00:00:00 UTC");
}

TEST_CASE("text: what was probably meant") {
  const Words commands = {"get", "set", "smembers", "status", "sadd"};
  CHECK(closest("smember", commands) == "smembers");
  CHECK(closest("statsu", commands) == "status");
  CHECK(closest("stat", commands) == "status");
  CHECK_FALSE(closest("xyzzy", commands).has_value());
}

}  // namespace
}  // namespace kith::tools
