#include "node/redis/resp_reader.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include "node/redis/numbers.h"

namespace kith::redis {

namespace {

// What is kept of a buffer that has become empty: a connection that is idle takes next to nothing.
constexpr std::size_t kKeptBytes = 16 * 1024;
constexpr std::size_t kKeptSpans = 256;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const int lower = std::tolower(static_cast<unsigned char>(c));
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

// The word at line[at], which is no space, and moves `at` behind it.  Nothing when its quotes do not fit.
std::optional<std::string> take_word(std::string_view line, std::size_t& at) {
  std::string out;
  char quote = 0;
  while (at < line.size()) {
    const char c = line[at];
    if (quote == 0) {
      if (is_space(c)) return out;
      ++at;
      if (c == '"' || c == '\'') {
        quote = c;
      } else {
        out += c;
      }
      continue;
    }
    if (c == quote) {
      ++at;
      if (at < line.size() && !is_space(line[at])) return std::nullopt;  // Behind a quote a word ends.
      return out;
    }
    if (quote == '\'' && c == '\\' && at + 1 < line.size() && line[at + 1] == '\'') {
      out += '\'';
      at += 2;
    } else if (quote == '"' && c == '\\' && at + 3 < line.size() && line[at + 1] == 'x' && hex_digit(line[at + 2]) >= 0 &&
               hex_digit(line[at + 3]) >= 0) {
      out += static_cast<char>(hex_digit(line[at + 2]) * 16 + hex_digit(line[at + 3]));
      at += 4;
    } else if (quote == '"' && c == '\\' && at + 1 < line.size()) {
      const char escaped = line[at + 1];
      switch (escaped) {
        case 'n': out += '\n'; break;
        case 'r': out += '\r'; break;
        case 't': out += '\t'; break;
        case 'b': out += '\b'; break;
        case 'a': out += '\a'; break;
        default: out += escaped; break;
      }
      at += 2;
    } else {
      out += c;
      ++at;
    }
  }
  if (quote != 0) return std::nullopt;
  return out;
}

}  // namespace

void RespReader::begin_anew() {
  consumed_ = false;
  begin_ += at_;
  at_ = 0;
  arguments_left_ = -1;
  bulk_left_ = -1;
  spans_.clear();
  arguments_.clear();
  words_.clear();
  if (begin_ != buffer_.size()) return;
  buffer_.clear();
  begin_ = 0;
  if (buffer_.capacity() > kKeptBytes) buffer_.shrink_to_fit();
  if (spans_.capacity() > kKeptSpans) spans_.shrink_to_fit();
  if (arguments_.capacity() > kKeptSpans) arguments_.shrink_to_fit();
}

void RespReader::feed(std::string_view bytes) {
  if (!problem_.empty()) return;
  if (consumed_) begin_anew();
  if (begin_ > 0) {  // Behind whole commands at most one piece of one is left: what is moved is less than what was fed.
    buffer_.erase(0, begin_);
    begin_ = 0;
  }
  buffer_.append(bytes);
}

RespReader::Next RespReader::broken(std::string problem) {
  problem_ = "Protocol error: " + std::move(problem);
  buffer_ = {};
  spans_ = {};
  arguments_ = {};
  words_ = {};
  begin_ = at_ = 0;
  return Next::kBroken;
}

RespReader::Next RespReader::whole() {
  consumed_ = true;
  for (const Span& span : spans_) arguments_.push_back(rest().substr(span.at, span.size));
  return Next::kCommand;
}

RespReader::Next RespReader::next() {
  if (!problem_.empty()) return Next::kBroken;
  for (;;) {
    if (consumed_) begin_anew();
    if (rest().empty()) return Next::kNeedsMore;
    const Next next = rest().front() == '*' ? next_array() : next_line();
    // An empty array, or an empty line, is no command: Redis skips it in silence, and so do we.
    if (next != Next::kCommand || !arguments_.empty()) return next;
  }
}

RespReader::Next RespReader::next_line() {
  const std::size_t most = trusted_ ? kInlineBytesMax : kStrangerArgumentBytesMax;
  const std::size_t end = rest().find('\n', at_);
  if (end == std::string_view::npos || end > most) {
    at_ = rest().size();
    return at_ > most ? broken("too big inline request") : Next::kNeedsMore;
  }
  at_ = end + 1;
  std::string_view line = rest().substr(0, end);
  if (line.ends_with('\r')) line.remove_suffix(1);
  for (std::size_t at = 0;;) {
    while (at < line.size() && is_space(line[at])) ++at;
    if (at == line.size()) break;
    auto word = take_word(line, at);
    if (!word) return broken("unbalanced quotes in request");
    if (!trusted_ && static_cast<std::int64_t>(words_.size()) == kStrangerArgumentsMax) {
      return broken("unauthenticated multibulk length");
    }
    words_.push_back(*std::move(word));
  }
  consumed_ = true;
  for (const std::string& word : words_) arguments_.emplace_back(word);
  return Next::kCommand;
}

RespReader::Line RespReader::header(std::string_view& text) {
  const std::string_view here = rest().substr(at_, kHeaderBytesMax + 2);
  const std::size_t end = here.find_first_of("\r\n");
  // SUBTLE: by what stands before the end, wherever that is: a line that is too long by one has its end at the edge of what is looked
  // at, and would be waited for when it is there.
  if (std::min(end, here.size()) > kHeaderBytesMax) return Line::kTooLong;
  if (end == std::string_view::npos) return Line::kNeedsMore;
  if (here[end] == '\n') return Line::kNoLf;  // A line feed by itself ends nothing.
  if (end + 1 == here.size()) return Line::kNeedsMore;
  if (here[end + 1] != '\n') return Line::kNoLf;
  text = here.substr(1, end - 1);
  at_ += end + 2;
  return Line::kWhole;
}

RespReader::Next RespReader::next_array() {
  std::string_view text;
  if (arguments_left_ < 0) {
    switch (header(text)) {
      case Line::kNeedsMore: return Next::kNeedsMore;
      case Line::kTooLong: return broken("too big mbulk count string");
      case Line::kNoLf: return broken("invalid multibulk length");
      case Line::kWhole: break;
    }
    const auto count = parse_integer(text);
    if (!count || *count > kArgumentsMax) return broken("invalid multibulk length");
    if (!trusted_ && *count > kStrangerArgumentsMax) return broken("unauthenticated multibulk length");
    arguments_left_ = *count > 0 ? *count : 0;  // "*-1" is as empty as "*0".
  }
  while (arguments_left_ > 0) {
    if (bulk_left_ < 0) {
      if (at_ == rest().size()) return Next::kNeedsMore;
      if (rest()[at_] != '$') {
        const char found = rest()[at_];
        const bool printable = std::isprint(static_cast<unsigned char>(found)) != 0;
        return broken(std::string("expected '$', got '") + (printable ? found : '?') + "'");
      }
      switch (header(text)) {
        case Line::kNeedsMore: return Next::kNeedsMore;
        case Line::kTooLong: return broken("too big bulk count string");
        case Line::kNoLf: return broken("invalid bulk length");
        case Line::kWhole: break;
      }
      const auto length = parse_integer(text);
      if (!length || *length < 0 || *length > kBulkBytesMax) return broken("invalid bulk length");
      if (!trusted_ && static_cast<std::size_t>(*length) > kStrangerArgumentBytesMax) return broken("unauthenticated bulk length");
      if (at_ + static_cast<std::size_t>(*length) > kCommandBytesMax) {
        return broken("the command has more than " + std::to_string(kCommandBytesMax) + " bytes, the limit: send it in parts");
      }
      bulk_left_ = *length;
    }
    const auto length = static_cast<std::size_t>(bulk_left_);
    if (rest().size() - at_ < length + 2) {
      // Of the two behind the argument the first may be there, and wrong.
      if (rest().size() - at_ == length + 1 && rest().back() != '\r') return broken("expected CRLF behind an argument");
      return Next::kNeedsMore;
    }
    if (rest().substr(at_ + length, 2) != "\r\n") return broken("expected CRLF behind an argument");
    spans_.push_back({at_, length});
    at_ += length + 2;
    bulk_left_ = -1;
    --arguments_left_;
  }
  return whole();
}

}  // namespace kith::redis
