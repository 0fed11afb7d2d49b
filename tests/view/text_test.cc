#include "node/view/text.h"

#include <doctest/doctest.h>

namespace kith {
namespace {

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
  const std::vector<std::string> commands = {"get", "set", "smembers", "status", "sadd"};
  CHECK(closest("smember", commands) == "smembers");
  CHECK(closest("statsu", commands) == "status");
  CHECK(closest("stat", commands) == "status");
  CHECK_FALSE(closest("xyzzy", commands).has_value());
}

}  // namespace
}  // namespace kith
