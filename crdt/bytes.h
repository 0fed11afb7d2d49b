// crdt/bytes.h -- writing and reading the bytes of rows, names and entries.
//
// Fixed integers are big-endian, so that stored keys sort as their numbers do and a hex dump reads from the left.
// Counts are LEB128 varints in their shortest form.  A reader never looks past its end: a short or overlong input
// makes ok() false, once and for all, and every later read returns zeros.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace kith {

class ByteWriter {
 public:
  // Most of what is written (names, rows, entries) fits what is taken at once: one allocation, not four.
  ByteWriter() { out_.reserve(kReservedBytes); }

  void u8(std::uint8_t v) { out_.push_back(static_cast<char>(v)); }
  void u16(std::uint16_t v) { fixed(v, 2); }
  void u64(std::uint64_t v) { fixed(v, 8); }
  void varint(std::uint64_t v);
  void bytes(std::string_view v) { out_.append(v); }
  void counted(std::string_view v) {  // varint length, then the bytes.
    varint(v.size());
    bytes(v);
  }

  std::size_t size() const { return out_.size(); }
  std::string_view view() const { return out_; }
  std::string take() { return std::move(out_); }
  void clear() { out_.clear(); }  // Keeps the memory.

 private:
  static constexpr std::size_t kReservedBytes = 120;

  void fixed(std::uint64_t v, int width) {
    char raw[8];
    for (int i = 0; i < width; ++i) raw[i] = static_cast<char>(v >> (8 * (width - 1 - i)));
    out_.append(raw, static_cast<std::size_t>(width));
  }

  std::string out_;
};

// Borrows the bytes it reads; views it returns live as long as they do.
class ByteReader {
 public:
  explicit ByteReader(std::string_view in) : in_(in) {}

  std::uint8_t u8() { return static_cast<std::uint8_t>(fixed(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(fixed(2)); }
  std::uint64_t u64() { return fixed(8); }
  std::uint64_t varint();  // Rejects overlong forms: equal states have equal bytes.
  std::string_view bytes(std::size_t n);
  std::string_view counted(std::size_t limit);  // Fails above `limit`.
  std::string_view rest() { return bytes(in_.size()); }

  std::size_t left() const { return in_.size(); }
  bool ok() const { return ok_; }
  bool done() const { return ok_ && in_.empty(); }  // All read, nothing trailing.
  void fail() {
    ok_ = false;
    in_ = {};
  }

 private:
  std::uint64_t fixed(std::size_t width);

  std::string_view in_;
  bool ok_ = true;
};

}  // namespace kith
