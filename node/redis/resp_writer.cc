#include "node/redis/resp_writer.h"

#include <charconv>

namespace kith::redis {

void RespWriter::head(char type, std::int64_t value) {
  char digits[24];
  digits[0] = type;
  char* end = std::to_chars(digits + 1, digits + sizeof digits - 2, value).ptr;
  *end++ = '\r';
  *end++ = '\n';
  out_.append(digits, static_cast<std::size_t>(end - digits));
}

void RespWriter::simple(std::string_view text) {
  out_ += '+';
  out_ += text;
  out_ += "\r\n";
}

void RespWriter::error(std::string_view text) {
  out_ += '-';
  for (const char c : text) out_ += c == '\r' || c == '\n' ? ' ' : c;
  out_ += "\r\n";
}

void RespWriter::integer(std::int64_t value) { head(':', value); }

void RespWriter::bulk(std::string_view bytes) {
  head('$', static_cast<std::int64_t>(bytes.size()));
  out_ += bytes;
  out_ += "\r\n";
}

void RespWriter::null() { out_ += protocol_ >= 3 ? "_\r\n" : "$-1\r\n"; }
void RespWriter::null_array() { out_ += protocol_ >= 3 ? "_\r\n" : "*-1\r\n"; }

void RespWriter::boolean(bool value) {
  if (protocol_ >= 3) {
    out_ += value ? "#t\r\n" : "#f\r\n";
  } else {
    integer(value ? 1 : 0);
  }
}

void RespWriter::array(std::size_t count) { head('*', static_cast<std::int64_t>(count)); }
void RespWriter::set(std::size_t count) { head(protocol_ >= 3 ? '~' : '*', static_cast<std::int64_t>(count)); }
void RespWriter::push(std::size_t count) { head(protocol_ >= 3 ? '>' : '*', static_cast<std::int64_t>(count)); }

void RespWriter::map(std::size_t pairs) {
  if (protocol_ >= 3) {
    head('%', static_cast<std::int64_t>(pairs));
  } else {
    array(2 * pairs);
  }
}

void RespWriter::text(std::string_view bytes) {
  if (protocol_ < 3) return bulk(bytes);
  head('=', static_cast<std::int64_t>(bytes.size()) + 4);
  out_ += "txt:";
  out_ += bytes;
  out_ += "\r\n";
}

}  // namespace kith::redis
