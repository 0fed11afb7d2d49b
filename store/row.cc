#include "store/row.h"

#include <xxhash.h>

#include "crdt/check.h"
#include "crdt/counter.h"
#include "crdt/limits.h"

namespace kith {
namespace {

constexpr char kZero = '\x00';
constexpr char kEscapedZero = '\xff';
constexpr char kWhole = '\x01';
constexpr char kAbbreviated = '\x02';
constexpr std::size_t kHashBytes = 16;
constexpr std::size_t kEndBytes = 2;
constexpr std::size_t kKeptBytes = kPartBytesMax - kEndBytes - kHashBytes;

constexpr std::size_t kShardBytes = 2;
constexpr std::size_t kChecksumAt = 1;
constexpr std::size_t kBodyAt = kChecksumAt + 8;
constexpr std::uint8_t kHasNames = 1;

static_assert(kShardBytes + kTableNameBytesMax + 1 + kPartBytesMax + 1 + kPartBytesMax <= kStoreKeyBytesMax);

void put_escaped(std::string_view name, std::string& out) {
  for (std::size_t zero; (zero = name.find(kZero)) != name.npos; name.remove_prefix(zero + 1)) {
    out.append(name.substr(0, zero + 1));
    out.push_back(kEscapedZero);
  }
  out.append(name);
}

// SUBTLE: in escaped bytes every 00 has an ff behind it, so a 00 that comes last was cut off from its ff.
void cut(std::string& escaped, std::size_t end) {
  if (escaped.size() <= end) return;
  escaped.resize(escaped[end - 1] == kZero ? end - 1 : end);
}

void put_part(std::string_view name, std::string& out) {
  const std::size_t start = out.size();
  put_escaped(name, out);
  if (out.size() - start + kEndBytes <= kPartBytesMax) {
    out.append({kZero, kWhole});
    return;
  }
  cut(out, start + kKeptBytes);
  out.append({kZero, kAbbreviated});
  XXH128_canonical_t hash;
  XXH128_canonicalFromHash(&hash, XXH3_128bits(name.data(), name.size()));
  out.append(reinterpret_cast<const char*>(hash.digest), sizeof hash.digest);
}

struct Part {
  std::string name;
  bool whole = true;
};

bool get_part(std::string_view& in, Part& part) {
  for (;;) {
    const std::size_t zero = in.find(kZero);
    if (zero == in.npos || zero + 1 == in.size()) return false;
    const char mark = in[zero + 1];
    part.name.append(in.substr(0, zero));
    in.remove_prefix(zero + 2);
    if (mark == kWhole) return true;
    if (mark == kAbbreviated) {
      if (in.size() < kHashBytes) return false;
      in.remove_prefix(kHashBytes);
      part.whole = false;
      return true;
    }
    if (mark != kEscapedZero) return false;
    part.name.push_back(kZero);
  }
}

struct PartSpan {
  std::size_t bytes = 0;  // Zero when malformed.
  bool whole = true;
};

PartSpan span_of_part(std::string_view in) {
  for (std::size_t at = 0; (at = in.find(kZero, at)) != in.npos && at + 1 < in.size(); at += 2) {
    if (in[at + 1] == kEscapedZero) continue;
    const bool whole = in[at + 1] == kWhole;
    const std::size_t end = at + kEndBytes + (whole ? 0 : kHashBytes);
    return {end <= in.size() ? end : 0, whole};
  }
  return {};
}

void put_value(std::string_view table, std::string_view key, Kind kind, std::string& out) {
  out.append(table);
  out.push_back(kZero);
  put_part(key, out);
  out.push_back(static_cast<char>(kind));
}

struct StoreKeyParts {
  std::string_view table;
  Part key, member;
  Kind kind = Kind::kRegister;
};

bool get_value(std::string_view& in, StoreKeyParts& parts) {
  const std::size_t table_end = in.find(kZero);
  if (table_end == in.npos) return false;
  parts.table = in.substr(0, table_end);
  in.remove_prefix(table_end + 1);
  if (!get_part(in, parts.key) || in.empty()) return false;
  const auto kind = kind_from(static_cast<std::uint8_t>(in.front()));
  in.remove_prefix(1);
  if (!kind) return false;
  parts.kind = *kind;
  return true;
}

bool get_store_key(std::string_view in, StoreKeyParts& parts) {
  if (in.size() < kShardBytes) return false;
  in.remove_prefix(kShardBytes);
  return get_value(in, parts) && get_part(in, parts.member) && in.empty();
}

std::uint64_t checksum(std::string_view store_key, std::string_view body) {
  return XXH3_64bits_withSeed(body.data(), body.size(), XXH3_64bits(store_key.data(), store_key.size()));
}

}  // namespace

StoreKey store_key(ShardId shard, const CellKey& cell) {
  KITH_CHECK(cell.table.size() <= kTableNameBytesMax && cell.key.size() <= kKeyBytesMax &&
                 cell.member.size() <= kMemberBytesMax,
             "a name over its limit got as far as the store", cell.table.size(), cell.key.size(), cell.member.size());
  StoreKey out = value_prefix(shard, cell.table, cell.key, cell.kind);
  put_part(cell.member, out);
  return out;
}

StoreKey shard_prefix(ShardId shard) {
  return {static_cast<char>(static_cast<std::uint8_t>(shard >> 8)),
          static_cast<char>(static_cast<std::uint8_t>(shard))};
}

StoreKey value_prefix(ShardId shard, std::string_view table, std::string_view key, Kind kind) {
  StoreKey out;
  out.reserve(kShardBytes + table.size() + key.size() + 32);
  out = shard_prefix(shard);
  put_value(table, key, kind, out);
  return out;
}

StoreKey value_prefix_end(StoreKey prefix) {
  ++prefix.back();  // The kind, which is far below the last byte there is.
  return prefix;
}

ShardId shard_of_store_key(std::string_view store_key) { return ByteReader(store_key).u16(); }

std::optional<Tag> increment_tag_of_store_key(std::string_view store_key) {
  StoreKeyParts parts;
  if (!get_store_key(store_key, parts) || parts.kind != Kind::kCounter || !parts.member.whole) return std::nullopt;
  return increment_tag(parts.member.name);
}

StoreKey base_store_key(std::string_view store_key) {
  const std::string_view value = value_of_store_key(store_key);
  KITH_CHECK(!value.empty() && value.back() == static_cast<char>(Kind::kCounter), "not a store key of a counter's cell",
             store_key.size());
  StoreKey out(store_key.substr(0, kShardBytes + value.size()));
  out.append({kZero, kWhole});
  return out;
}

std::string encode_row(std::string_view store_key, const CellKey& cell, const Content& content, Lsn lsn) {
  const std::string_view parts = store_key.substr(kShardBytes + cell.table.size() + 1);
  const PartSpan key = span_of_part(parts);
  const bool has_names = !key.whole || !span_of_part(parts.substr(key.bytes + 1)).whole;

  ByteWriter row;
  row.u8(kRowVersion);
  row.u64(0);
  row.u64(lsn);
  row.u8(has_names ? kHasNames : 0);
  if (has_names) {
    row.counted(cell.key);
    row.counted(cell.member);
  }
  encode(content, row);

  std::string out = row.take();
  std::uint64_t sum = checksum(store_key, std::string_view(out).substr(kBodyAt));
  for (std::size_t i = 8; i-- > 0; sum >>= 8) out[kChecksumAt + i] = static_cast<char>(sum);
  return out;
}

std::optional<RowView> open_row(std::string_view store_key, std::string_view row) {
  ByteReader in(row);
  const std::uint8_t version = in.u8();
  const std::uint64_t sum = in.u64();
  if (!in.ok() || version != kRowVersion || sum != checksum(store_key, row.substr(kBodyAt))) return std::nullopt;
  RowView view;
  view.lsn = in.u64();
  const std::uint8_t flags = in.u8();
  if ((flags & ~kHasNames) != 0) return std::nullopt;
  view.has_names = flags != 0;
  if (view.has_names) {
    view.key = in.counted(kKeyBytesMax);
    view.member = in.counted(kMemberBytesMax);
  }
  if (!in.ok()) return std::nullopt;
  view.content = in.rest();
  return view;
}

std::optional<Row> decode_row(std::string_view store_key, std::string_view row) {
  const auto view = open_row(store_key, row);
  StoreKeyParts parts;
  if (!view || !get_store_key(store_key, parts)) return std::nullopt;
  if (view->has_names == (parts.key.whole && parts.member.whole)) return std::nullopt;

  Row out;
  out.cell.table = parts.table;
  out.cell.kind = parts.kind;
  out.cell.key = view->has_names ? std::string(view->key) : std::move(parts.key.name);
  out.cell.member = view->has_names ? std::string(view->member) : std::move(parts.member.name);
  if (view->has_names && kith::store_key(shard_of_store_key(store_key), out.cell) != store_key) return std::nullopt;

  auto content = decode_content(out.cell.kind, view->content);
  if (!content || !fits_its_cell(out.cell, *content)) return std::nullopt;
  out.content = *std::move(content);
  out.lsn = view->lsn;
  out.bytes = store_key.size() + row.size();
  return out;
}

std::string_view value_of_store_key(std::string_view store_key) {
  if (store_key.size() < kShardBytes) return {};
  const std::size_t table_end = store_key.find(kZero, kShardBytes);
  if (table_end == store_key.npos) return {};
  const std::size_t key_bytes = span_of_part(store_key.substr(table_end + 1)).bytes;
  const std::size_t end = table_end + 1 + key_bytes + 1;
  return key_bytes != 0 && end <= store_key.size() ? store_key.substr(kShardBytes, end - kShardBytes)
                                                   : std::string_view();
}

std::string value_key(std::string_view table, std::string_view key, Kind kind) {
  std::string out;
  put_value(table, key, kind, out);
  return out;
}

bool value_key_is_whole(std::string_view value_key) {
  const std::size_t table_end = value_key.find(kZero);
  return table_end == value_key.npos || span_of_part(value_key.substr(table_end + 1)).whole;
}

std::optional<ValueName> parse_value_key(std::string_view value_key) {
  StoreKeyParts parts;
  if (!get_value(value_key, parts) || !value_key.empty()) return std::nullopt;
  return ValueName{std::string(parts.table), std::move(parts.key.name), parts.kind, parts.key.whole};
}

std::string value_key_floor(std::string_view table, std::string_view prefix) {
  std::string out;
  out.append(table);
  out.push_back(kZero);
  const std::size_t start = out.size();
  put_escaped(prefix, out);
  cut(out, start + kKeptBytes - 1);  // One less: an abbreviated key may keep one byte less than others.
  return out;
}

}  // namespace kith
