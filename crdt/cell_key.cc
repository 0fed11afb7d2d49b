#include "crdt/cell_key.h"

#include <xxhash.h>

#include <algorithm>
#include <cstring>

#include "crdt/limits.h"

namespace kith {

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::kRegister: return "register";
    case Kind::kSet: return "set";
    case Kind::kHash: return "hash";
    case Kind::kCounter: return "counter";
  }
  return "unknown";
}

std::optional<Kind> kind_from(std::uint8_t byte) {
  if (byte < 1 || byte > 4) return std::nullopt;
  return static_cast<Kind>(byte);
}

namespace {

bool table_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

// Timestamp and actor, neither of them zero.
bool is_tag(std::string_view member) {
  ByteReader in(member);
  const bool timestamp = in.u64() != 0, actor = in.u64() != 0;
  return timestamp && actor && in.done();
}

bool well_formed_table(std::string_view table) {
  return !table.empty() && table.size() <= kTableNameBytesMax && std::all_of(table.begin(), table.end(), table_character);
}

}  // namespace

bool valid_table_name(std::string_view table) { return well_formed_table(table) && table.front() != '_'; }

ShardId shard_of(std::string_view table, std::string_view key, std::uint32_t shard_count) {
  if (table.starts_with('_')) return kSystemShard;
  // Table and key are hashed apart, so that ("ab", "c") and ("a", "bc") do not always meet.
  const std::uint64_t seed = XXH3_64bits(table.data(), table.size());
  const std::uint64_t hash = XXH3_64bits_withSeed(key.data(), key.size(), seed);
  return static_cast<ShardId>(hash % shard_count);
}

void encode(const CellKey& cell, ByteWriter& out) {
  out.u8(static_cast<std::uint8_t>(cell.kind));
  out.counted(cell.table);
  out.counted(cell.key);
  out.counted(cell.member);
}

std::optional<CellKey> decode_cell_key(ByteReader& in) {
  const auto kind = kind_from(in.u8());
  CellKey cell;
  cell.table = in.counted(kTableNameBytesMax);
  cell.key = in.counted(kKeyBytesMax);
  cell.member = in.counted(kMemberBytesMax);
  if (!in.ok() || !kind || !well_formed_table(cell.table) || cell.key.empty()) return std::nullopt;
  if (*kind == Kind::kRegister && !cell.member.empty()) return std::nullopt;
  if (*kind == Kind::kCounter && !cell.member.empty() && !is_tag(cell.member)) return std::nullopt;
  cell.kind = *kind;
  return cell;
}

namespace {

std::uint64_t hash_of_parts(const CellKey& cell, const std::string& member) {
  // The same bytes on the stack when every length is one varint byte: this runs several times a write.
  constexpr std::size_t kShortMax = 127;
  if (cell.table.size() <= kShortMax && cell.key.size() <= kShortMax && member.size() <= kShortMax) {
    char bytes[1 + 3 * (1 + kShortMax)];
    std::size_t size = 0;
    bytes[size++] = static_cast<char>(cell.kind);
    for (const std::string* part : {&cell.table, &cell.key, &member}) {
      bytes[size++] = static_cast<char>(part->size());
      std::memcpy(bytes + size, part->data(), part->size());
      size += part->size();
    }
    return XXH3_64bits(bytes, size);
  }
  ByteWriter out;
  encode({cell.table, cell.key, cell.kind, member}, out);
  return XXH3_64bits(out.view().data(), out.size());
}

}  // namespace

std::uint64_t hash_of(const CellKey& cell) { return hash_of_parts(cell, cell.member); }

std::uint64_t hash_of_value(const CellKey& cell) {
  static const std::string kNoMember;
  return hash_of_parts(cell, kNoMember);
}

}  // namespace kith
