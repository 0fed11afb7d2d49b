#include "crdt/tag.h"

#include <charconv>

namespace kith {

std::string to_hex(std::uint64_t value) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out(16, '0');
  for (std::size_t i = 16; i-- > 0; value >>= 4) out[i] = kDigits[value & 15];
  return out;
}

std::optional<std::uint64_t> parse_hex(std::string_view text) {
  std::uint64_t value = 0;
  if (text.size() != 16) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string to_string(const Tag& tag) { return to_hex(tag.at.value) + "-" + to_hex(tag.actor.value); }

std::optional<Tag> parse_tag(std::string_view text) {
  if (text.size() != 33 || text[16] != '-') return std::nullopt;
  const auto at = parse_hex(text.substr(0, 16));
  const auto actor = parse_hex(text.substr(17));
  if (!at || !actor || *at == 0 || *actor == 0) return std::nullopt;
  return Tag{Timestamp{*at}, ActorId{*actor}};
}

}  // namespace kith
