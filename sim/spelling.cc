#include "sim/spelling.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace kith::sim {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

char hex_digit(unsigned value) { return "0123456789abcdef"[value]; }

void append_hex(std::string& out, unsigned byte) { out += {'\\', 'x', hex_digit(byte >> 4), hex_digit(byte & 15)}; }

}  // namespace

bool is_word_byte(char c) {
  return c > ' ' && c <= '~' && std::string_view("\"[]{}=#,\\").find(c) == std::string_view::npos;
}

bool is_plain_word(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_word_byte);
}

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c >= ' ' && c <= '~') {
      out += c;
    } else {
      append_hex(out, static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::string in_quotes(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '"' || c == '\\') escaped += '\\';
    if (c >= ' ' && c <= '~') {
      escaped += c;
    } else {
      append_hex(escaped, static_cast<unsigned char>(c));
    }
  }
  return "\"" + escaped + "\"";
}

// SUBTLE: the point is moved in the text.  Multiplying by 100 would round, and reading would give another share.
std::string to_words_share(double share) {
  char buffer[1100];  // The smallest double has 1,074 digits behind the point, though to_chars needs fewer.
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, share, std::chars_format::fixed).ptr;
  std::string digits(buffer, end);
  std::size_t point = digits.find('.');
  if (point == std::string::npos) {
    point = digits.size();
  } else {
    digits.erase(point, 1);
  }
  while (digits.size() < point + 2) digits += '0';
  point += 2;
  std::string whole = digits.substr(0, point);
  whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size() - 1));
  const std::string fraction = digits.substr(point);
  return whole + (fraction.empty() ? "" : "." + fraction) + "%";
}

std::optional<double> parse_share(std::string_view words) {
  if (words.size() < 2 || words.size() > 1100 || words.back() != '%') return std::nullopt;
  words.remove_suffix(1);
  const std::size_t point = std::min(words.find('.'), words.size());
  const std::string whole(words.substr(0, point));
  const std::string fraction(point == words.size() ? "" : words.substr(point + 1));
  if (whole.empty() || (point != words.size() && fraction.empty())) return std::nullopt;
  if (!std::all_of(whole.begin(), whole.end(), is_digit) || !std::all_of(fraction.begin(), fraction.end(), is_digit)) {
    return std::nullopt;
  }
  const std::string padded = "00" + whole;
  const std::string moved = padded.substr(0, padded.size() - 2) + "." + padded.substr(padded.size() - 2) + fraction;
  // from_chars wants a digit before the point.
  const std::string text = "0" + moved;
  double share = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), share);
  if (error != std::errc{} || stop != text.data() + text.size() || share > 1) return std::nullopt;
  return share;
}

std::string to_words_number(double number) {
  char buffer[64];
  return std::string(buffer, std::to_chars(buffer, buffer + sizeof buffer, number).ptr);
}

std::optional<std::int64_t> parse_whole(std::string_view words) {
  if (words.size() > 1 && words.front() == '+' && is_digit(words[1])) words.remove_prefix(1);
  std::int64_t out = 0;
  const char* const end = words.data() + words.size();
  const auto [stop, error] = std::from_chars(words.data(), end, out);
  if (words.empty() || error != std::errc{} || stop != end) return std::nullopt;
  return out;
}

std::string one_of(const std::vector<std::string>& choices) {
  std::string out;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    if (i > 0) out += i + 1 == choices.size() ? " or " : ", ";
    out += choices[i];
  }
  return out;
}

std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& known) {
  // Two slips, or a third of a longer word, and never all of it: beyond that a guess is noise.
  std::size_t best = std::min(std::max<std::size_t>(2, word.size() / 3) + 1, std::max<std::size_t>(word.size(), 1));
  std::optional<std::string> out;
  if (word.size() > 64) return out;
  for (const std::string& candidate : known) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < best) {
      best = distance;
      out = candidate;
    }
  }
  return out;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& known) {
  const auto meant = nearest(word, known);
  return meant ? "; did you mean \"" + *meant + "\"?" : "";
}

std::string toml_quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += {'\\', 'u', '0', '0', hex_digit(byte >> 4), hex_digit(byte & 15)};
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string toml_list(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += (out.empty() ? "" : ", ") + toml_quoted(text);
  return "[" + out + "]";
}

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto at = [&](std::size_t k) { return static_cast<unsigned>(static_cast<unsigned char>(text[k])); };
    const unsigned first = at(i);
    const std::size_t length = first < 0x80 ? 1 : first >> 5 == 6 ? 2 : first >> 4 == 14 ? 3 : first >> 3 == 30 ? 4 : 0;
    if (length == 0 || i + length > text.size()) return false;
    unsigned point = length == 1 ? first : first & (0x7fu >> length);
    for (std::size_t k = 1; k < length; ++k) {
      if (at(i + k) >> 6 != 2) return false;
      point = point << 6 | (at(i + k) & 0x3f);
    }
    constexpr unsigned kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
    if (point < kLeast[length] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return false;
    i += length;
  }
  return true;
}

}  // namespace kith::sim
