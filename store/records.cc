#include "store/records.h"

#include <xxhash.h>

#include "crdt/bytes.h"

namespace kith {
namespace {

constexpr std::size_t kSealBytes = 8;

std::uint64_t checksum(Database database, std::string_view key, std::string_view value) {
  const std::uint64_t seed = XXH3_64bits_withSeed(key.data(), key.size(), static_cast<std::uint64_t>(database));
  return XXH3_64bits_withSeed(value.data(), value.size(), seed);
}

}  // namespace

// So short that it needs no memory of its own; so is a number.
std::string shard_entry_key(ShardId shard, std::uint64_t id) {
  std::string out(10, '\0');
  for (std::size_t i = 0; i < 2; ++i) out[i] = static_cast<char>(shard >> (8 * (1 - i)));
  for (std::size_t i = 0; i < 8; ++i) out[2 + i] = static_cast<char>(id >> (8 * (7 - i)));
  return out;
}

std::optional<ShardEntry> parse_shard_entry(std::string_view key) {
  ByteReader in(key);
  ShardEntry entry;
  entry.shard = in.u16();
  entry.id = in.u64();
  if (!in.done()) return std::nullopt;
  return entry;
}

std::string seal(Database database, std::string_view key, std::string_view value) {
  ByteWriter out;
  out.bytes(value);
  out.u64(checksum(database, key, value));
  return out.take();
}

std::optional<std::string_view> unseal(Database database, std::string_view key, std::string_view sealed) {
  if (sealed.size() < kSealBytes) return std::nullopt;
  const std::string_view value = sealed.substr(0, sealed.size() - kSealBytes);
  if (ByteReader(sealed.substr(value.size())).u64() != checksum(database, key, value)) return std::nullopt;
  return value;
}

std::string encode_u64(std::uint64_t value) {
  std::string out(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) out[i] = static_cast<char>(value >> (8 * (7 - i)));
  return out;
}

std::optional<std::uint64_t> decode_u64(std::string_view bytes) {
  ByteReader in(bytes);
  const std::uint64_t value = in.u64();
  if (!in.done()) return std::nullopt;
  return value;
}

std::string encode_clock(const CommitClock& clock) {
  ByteWriter out;
  for (const auto& [origin, at] : clock) {
    out.u64(origin.value);
    out.u64(at.value);
  }
  return out.take();
}

std::optional<CommitClock> decode_clock(std::string_view bytes) {
  ByteReader in(bytes);
  CommitClock clock;
  clock.reserve(bytes.size() / 16);
  while (in.left() > 0) {
    const OriginId origin{in.u64()};
    const Timestamp at{in.u64()};
    if (!in.ok() || (!clock.empty() && origin <= clock.back().first)) return std::nullopt;
    clock.emplace_back(origin, at);
  }
  return clock;
}

bool is_collectable(const CellKey& cell, const Content& content) {
  return content.collectable() || (cell.kind == Kind::kCounter && !cell.member.empty());
}

std::string encode_feed_entry(std::string_view store_key, bool collectable) {
  std::string out(1, collectable ? kFeedCollectable : kFeedPlain);
  out += store_key;
  return out;
}

std::string encode_cursor(const Cursor& cursor) {
  ByteWriter out;
  out.u64(cursor.epoch.value);
  out.u64(cursor.lsn);
  return out.take();
}

std::optional<Cursor> decode_cursor(std::string_view bytes) {
  ByteReader in(bytes);
  Cursor cursor;
  cursor.epoch = OriginId{in.u64()};
  cursor.lsn = in.u64();
  if (!in.done()) return std::nullopt;
  return cursor;
}

bool is_counter(std::string_view value_key) {
  return !value_key.empty() && value_key.back() == static_cast<char>(Kind::kCounter);
}

std::string encode_count(std::string_view value_key, std::string_view key, std::uint64_t live, const CounterSum& sum) {
  const bool counter = is_counter(value_key);
  ByteWriter out;
  out.u64(live);
  if (counter) sum.write(out);
  if (!value_key_is_whole(value_key)) out.bytes(key);
  return counter ? seal(Database::kCounts, value_key, out.view()) : out.take();
}

std::optional<CountRecord> decode_count(std::string_view value_key, std::string_view bytes) {
  const bool counter = is_counter(value_key);
  const auto unsealed = counter ? unseal(Database::kCounts, value_key, bytes) : bytes;
  if (!unsealed) return std::nullopt;
  ByteReader in(*unsealed);
  CountRecord record;
  record.live = in.u64();
  if (counter) record.sum = CounterSum::read(in);
  if (!in.ok()) return std::nullopt;
  record.key = in.rest();
  return record;
}

std::string shard_root_key(ShardId shard) {
  ByteWriter out;
  out.u8(1);
  out.u16(shard);
  return out.take();
}

std::string quarter_key(ShardId shard, std::size_t quarter) {
  ByteWriter out;
  out.u8(2);
  out.u16(shard);
  out.u8(static_cast<std::uint8_t>(quarter));
  return out.take();
}

std::string log_key(std::uint64_t changes) {
  ByteWriter out;
  out.bytes(kLogPrefix);
  out.u64(changes);
  return out.take();
}

}  // namespace kith
