// node/redis/resp_reader.h -- a client's bytes, cut into commands: RESP arrays of bulk strings, and lines ("inline commands").
//
//     command := '*' count CRLF ( '$' length CRLF bytes CRLF ){count}
//              | line LF, an optional CR before it; words as in a shell: 'single', "double \n \x00"
//
// A value: reads no socket and no clock.  Bytes go in as they come, in pieces of any size; each is looked at a bounded
// number of times, whatever the pieces.  Memory is taken for bytes that are there, never for those that a length promises.
// Once broken it stays so: nobody can say where the next command would begin, so the connection is to be closed.
// Tests: tests/node/redis_reader_test.cc
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "node/redis/limits.h"

namespace kith::redis {

class RespReader {
 public:
  enum class Next {
    kNeedsMore,
    kCommand,   // arguments(): at least one.
    kBroken,    // problem()
  };

  // The limits of those who have not said the password, until told otherwise.
  void trust(bool trusted) { trusted_ = trusted; }

  void feed(std::string_view bytes);
  Next next();

  // Views into what was fed: good until the next call of feed() or next().
  const std::vector<std::string_view>& arguments() const { return arguments_; }
  // Of a broken one: what an error reply says behind "ERR ".
  const std::string& problem() const { return problem_; }

  std::size_t bytes_held() const { return buffer_.capacity() + spans_.capacity() * sizeof(Span) + arguments_.capacity() * sizeof(std::string_view); }
  bool empty() const { return begin_ == buffer_.size(); }  // Nothing waits, not even half a command.

 private:
  struct Span {
    std::size_t at = 0;  // From begin_.
    std::size_t size = 0;
  };
  enum class Line { kWhole, kNeedsMore, kTooLong, kNoLf };

  Next next_line();
  Next next_array();
  // The header at at_: its text without type and CRLF; at_ then stands behind it.
  Line header(std::string_view& text);
  Next broken(std::string problem);
  Next whole();          // Of arguments that spans_ tells.
  void begin_anew();     // What comes is the next command.
  std::string_view rest() const { return std::string_view(buffer_).substr(begin_); }

  std::string buffer_;
  std::size_t begin_ = 0;            // Of the command at hand.
  std::size_t at_ = 0;               // How far it was looked at, from begin_.
  std::int64_t arguments_left_ = -1; // -1: its count has not come yet.
  std::int64_t bulk_left_ = -1;      // The length of the argument at hand; -1: has not come.
  std::vector<Span> spans_;
  std::vector<std::string_view> arguments_;
  std::vector<std::string> words_;   // Of a line: unquoted, so not as they came.
  std::string problem_;
  bool trusted_ = true;
  bool consumed_ = false;            // arguments_ are of the command at begin_, which is done with.
};

}  // namespace kith::redis
