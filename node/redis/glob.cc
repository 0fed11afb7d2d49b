#include "node/redis/glob.h"

#include <algorithm>

namespace kith::redis {

namespace {

// One piece of a pattern that takes exactly one byte, at the beginning of `pattern`: its length, and whether it takes `byte`.
struct One {
  std::size_t length = 1;
  bool takes = false;
};

// "[abc]", "[^a-f]"; one that is not closed goes to the pattern's end, as in Redis.
One match_class(std::string_view pattern, unsigned char byte) {
  std::size_t at = 1;
  const bool inverted = at < pattern.size() && pattern[at] == '^';
  if (inverted) ++at;
  bool takes = false;
  while (at < pattern.size() && pattern[at] != ']') {
    if (pattern[at] == '\\' && at + 1 < pattern.size()) {
      takes = takes || static_cast<unsigned char>(pattern[at + 1]) == byte;
      at += 2;
    } else if (at + 2 < pattern.size() && pattern[at + 1] == '-') {
      const auto [low, high] = std::minmax({static_cast<unsigned char>(pattern[at]), static_cast<unsigned char>(pattern[at + 2])});  // Values: of two arguments it returns references.
      takes = takes || (byte >= low && byte <= high);
      at += 3;
    } else {
      takes = takes || static_cast<unsigned char>(pattern[at]) == byte;
      ++at;
    }
  }
  return {std::min(at + 1, pattern.size()), takes != inverted};
}

One match_one(std::string_view pattern, unsigned char byte) {
  switch (pattern.front()) {
    case '?': return {1, true};
    case '[': return match_class(pattern, byte);
    case '\\':
      if (pattern.size() > 1) return {2, static_cast<unsigned char>(pattern[1]) == byte};
      break;
    default: break;
  }
  return {1, static_cast<unsigned char>(pattern.front()) == byte};
}

}  // namespace

bool glob_matches(std::string_view pattern, std::string_view text, std::uint64_t& steps) {
  constexpr std::size_t kNone = std::string_view::npos;
  std::size_t p = 0, t = 0;
  std::size_t star = kNone, star_text = 0;  // Behind the last star, and where in the text it stops taking.
  while (t < text.size()) {
    ++steps;
    if (p < pattern.size() && pattern[p] == '*') {
      star = ++p;
      star_text = t;
      if (p == pattern.size()) return true;
      continue;
    }
    if (p < pattern.size()) {
      const One one = match_one(pattern.substr(p), static_cast<unsigned char>(text[t]));
      steps += one.length / 8;  // A long class costs more than a byte.
      if (one.takes) {
        p += one.length;
        ++t;
        continue;
      }
    }
    if (star == kNone) return false;
    p = star;
    t = ++star_text;
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::string glob_prefix(std::string_view pattern) {
  std::string out;
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    const char c = pattern[at];
    if (c == '*' || c == '?' || c == '[') break;
    if (c == '\\' && at + 1 < pattern.size()) ++at;
    out += pattern[at];
  }
  return out;
}

}  // namespace kith::redis
