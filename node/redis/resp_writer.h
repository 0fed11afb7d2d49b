// node/redis/resp_writer.h -- replies as bytes, in the protocol that the client asked for: RESP2, or RESP3 after HELLO 3.
//
// What RESP2 has no type for is said as it has always been: maps and sets as arrays, booleans as 0 and 1.
// A reply that cannot be finished is taken back: remember size(), and truncate() to it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kith::redis {

class RespWriter {
 public:
  explicit RespWriter(int protocol = 2) : protocol_(protocol) {}

  int protocol() const { return protocol_; }
  void set_protocol(int protocol) { protocol_ = protocol; }

  void ok() { out_ += "+OK\r\n"; }
  void simple(std::string_view text);
  void error(std::string_view text);  // With its code: "ERR no such key".  Whatever would end the line is made a space.
  void integer(std::int64_t value);
  void bulk(std::string_view bytes);
  void null();
  void null_array();
  void boolean(bool value);
  void array(std::size_t count);
  void set(std::size_t count);
  void map(std::size_t pairs);
  void push(std::size_t count);       // Out of turn: a message that nobody asked for.
  void text(std::string_view bytes);  // For people: RESP3's verbatim string.
  void raw(std::string_view reply) { out_ += reply; }

  std::size_t size() const { return out_.size(); }
  void truncate(std::size_t size) { out_.resize(size); }
  std::string& bytes() { return out_; }
  const std::string& bytes() const { return out_; }

 private:
  void head(char type, std::int64_t value);

  std::string out_;
  int protocol_;
};

}  // namespace kith::redis
