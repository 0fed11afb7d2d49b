#include <doctest/doctest.h>

#include <string>

#include "node/redis/glob.h"

using namespace kith::redis;

namespace {

bool matches(std::string_view pattern, std::string_view text) {
  std::uint64_t steps = 0;
  return glob_matches(pattern, text, steps);
}

// The dumb twin: tries everything; only for * ? and literal bytes.
bool twin(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*') return twin(pattern.substr(1), text) || (!text.empty() && twin(pattern, text.substr(1)));
  return !text.empty() && (pattern[0] == '?' || pattern[0] == text[0]) && twin(pattern.substr(1), text.substr(1));
}

}  // namespace

TEST_CASE("redis glob: patterns mean what they mean in Redis") {
  CHECK(matches("h?llo", "hello"));
  CHECK_FALSE(matches("h?llo", "hllo"));
  CHECK(matches("h*llo", "heeeello"));
  CHECK(matches("h[ae]llo", "hallo"));
  CHECK_FALSE(matches("h[ae]llo", "hillo"));
  CHECK(matches("h[^e]llo", "hallo"));
  CHECK_FALSE(matches("h[^e]llo", "hello"));
  CHECK(matches("h[a-c]llo", "hbllo"));
  CHECK(matches("h[c-a]llo", "hbllo"));
  CHECK(matches("a\\*b", "a*b"));
  CHECK_FALSE(matches("a\\*b", "axb"));
  CHECK(matches("a[\\]]b", "a]b"));
  CHECK(matches("*", ""));
  CHECK(matches("", ""));
  CHECK_FALSE(matches("", "a"));
  CHECK(matches("a[bc", "ab"));
  CHECK(matches("a\\", "a\\"));
}

TEST_CASE("redis glob: stars agree with trying everything (all patterns of 5 over 4 bytes, all texts of 5 over 2)") {
  const std::string of_pattern = "ab*?";
  for (int p = 0; p < 4 * 4 * 4 * 4 * 4; ++p) {
    std::string pattern;
    for (int i = 0, rest = p; i < 5; ++i, rest /= 4) pattern += of_pattern[static_cast<std::size_t>(rest % 4)];
    for (int length = 0; length <= 5; ++length) {
      for (int t = 0; t < (1 << length); ++t) {
        std::string text;
        for (int i = 0; i < length; ++i) text += (t >> i) % 2 == 0 ? 'a' : 'b';
        if (matches(pattern, text) != twin(pattern, text)) FAIL_CHECK(pattern, " ", text);
      }
    }
  }
}

TEST_CASE("redis glob: many stars against a long key cost no more than one times the other") {
  std::string pattern;
  for (int i = 0; i < 1000; ++i) pattern += "a*";
  pattern += "b";
  const std::string text(4096, 'a');
  std::uint64_t steps = 0;
  CHECK_FALSE(glob_matches(pattern, text, steps));
  CHECK(steps <= pattern.size() * text.size());
}

TEST_CASE("redis glob: the prefix is what every match begins with") {
  CHECK(glob_prefix("user:*") == "user:");
  CHECK(glob_prefix("a\\*b?c") == "a*b");
  CHECK(glob_prefix("*") == "");
  CHECK(glob_prefix("plain") == "plain");
  CHECK(glob_prefix("x[ab]") == "x");
}
