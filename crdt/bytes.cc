#include "crdt/bytes.h"

namespace kith {

void ByteWriter::varint(std::uint64_t v) {
  while (v >= 0x80) {
    u8(static_cast<std::uint8_t>(v | 0x80));
    v >>= 7;
  }
  u8(static_cast<std::uint8_t>(v));
}

std::uint64_t ByteReader::fixed(std::size_t width) {
  const std::string_view raw = bytes(width);
  std::uint64_t v = 0;
  for (const char c : raw) v = (v << 8) | static_cast<std::uint8_t>(c);
  return v;
}

std::uint64_t ByteReader::varint() {
  std::uint64_t v = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const std::uint8_t byte = u8();
    if (!ok_) return 0;
    if (shift == 63 && byte > 1) break;
    v |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) {
      if (byte == 0 && shift > 0) break;
      return v;
    }
  }
  fail();
  return 0;
}

std::string_view ByteReader::bytes(std::size_t n) {
  if (n > in_.size()) {
    fail();
    return {};
  }
  const std::string_view out = in_.substr(0, n);
  in_.remove_prefix(n);
  return out;
}

std::string_view ByteReader::counted(std::size_t limit) {
  const std::uint64_t n = varint();
  if (n > limit || n > in_.size()) {
    fail();
    return {};
  }
  return bytes(static_cast<std::size_t>(n));
}

}  // namespace kith
