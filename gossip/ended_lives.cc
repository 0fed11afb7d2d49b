#include "gossip/ended_lives.h"

#include <algorithm>
#include <msgpack.hpp>

#include "crdt/bytes.h"
#include "gossip/life_table.h"
#include "gossip/msgpack_guard.h"

namespace kith {
namespace {

constexpr std::string_view kEndedKey = "ended";
constexpr std::size_t kPlaceBytes = 2 + 8;
constexpr std::size_t kAgainBytes = 2 + 8 + 8;

std::string bytes_of(const EndedLife::Places& places) {
  ByteWriter out;
  for (const auto& [shard, at] : places) out.u16(shard), out.u64(at.value);
  return out.take();
}

std::optional<EndedLife::Places> places_of(const msgpack::object& object) {
  if (object.type != msgpack::type::BIN || object.via.bin.size % kPlaceBytes != 0) return std::nullopt;
  if (object.via.bin.size / kPlaceBytes > EndedLife::kPlacesMax) return std::nullopt;
  ByteReader in({object.via.bin.ptr, object.via.bin.size});
  EndedLife::Places out;
  out.reserve(object.via.bin.size / kPlaceBytes);
  for (std::size_t left = object.via.bin.size; left > 0; left -= kPlaceBytes) {
    const ShardId shard = in.u16();
    out.emplace_back(shard, Timestamp{in.u64()});
  }
  if (!std::is_sorted(out.begin(), out.end())) return std::nullopt;
  return out;
}

std::string bytes_of(const std::vector<EndedLife::Again>& all) {
  ByteWriter out;
  for (const auto& [shard, origin, at] : all) out.u16(shard), out.u64(origin.value), out.u64(at.value);
  return out.take();
}

std::optional<std::vector<EndedLife::Again>> again_of(const msgpack::object& object) {
  if (object.type != msgpack::type::BIN || object.via.bin.size % kAgainBytes != 0) return std::nullopt;
  if (object.via.bin.size / kAgainBytes > EndedLife::kPlacesMax) return std::nullopt;
  ByteReader in({object.via.bin.ptr, object.via.bin.size});
  std::vector<EndedLife::Again> out;
  for (std::size_t left = object.via.bin.size; left > 0; left -= kAgainBytes) {
    const ShardId shard = in.u16();
    const OriginId origin{in.u64()};
    out.push_back({shard, origin, Timestamp{in.u64()}});
  }
  if (std::adjacent_find(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.shard >= b.shard; }) != out.end()) return std::nullopt;
  return out;
}

// Under which the life itself is listed.
CellKey as_life_cell(const CellKey& cell) {
  CellKey life = life_cell(NodeId{1}, OriginId{1});
  life.member = cell.member;
  return life;
}

}  // namespace

bool EndedLife::seen(ShardId shard, Timestamp at) const {
  if (at <= up_to) return true;
  const auto in = std::lower_bound(held.begin(), held.end(), std::pair(shard, Timestamp{}));
  if (in != held.end() && in->first == shard && at <= in->second) return true;
  return std::binary_search(beyond.begin(), beyond.end(), std::pair(shard, at));
}

bool EndedLife::was_redone(ShardId shard, Timestamp at) const {
  const auto in = std::lower_bound(redone.begin(), redone.end(), std::pair(shard, Timestamp{}));
  return in != redone.end() && in->first == shard && at <= in->second;
}

const EndedLife::Again* EndedLife::redone_as_in(ShardId shard) const {
  const auto in = std::lower_bound(redone_as.begin(), redone_as.end(), shard, [](const Again& it, ShardId wanted) { return it.shard < wanted; });
  return in != redone_as.end() && in->shard == shard ? &*in : nullptr;
}

void EndedLife::say_redone(ShardId shard, Timestamp up_to_here, OriginId by, Timestamp as) {
  raise(redone, shard, up_to_here);
  const auto in = std::lower_bound(redone_as.begin(), redone_as.end(), shard, [](const Again& it, ShardId wanted) { return it.shard < wanted; });
  if (in != redone_as.end() && in->shard == shard) *in = {shard, by, as};
  else redone_as.insert(in, {shard, by, as});
}

void EndedLife::raise(Places& places, ShardId shard, Timestamp at) {
  const auto in = std::lower_bound(places.begin(), places.end(), std::pair(shard, Timestamp{}));
  if (in == places.end() || in->first != shard) places.insert(in, {shard, at});
  else in->second = std::max(in->second, at);
}

Timestamp EndedLife::seen_up_to(ShardId shard) const {
  const auto in = std::lower_bound(held.begin(), held.end(), std::pair(shard, Timestamp{}));
  return in != held.end() && in->first == shard ? std::max(up_to, in->second) : up_to;
}

std::string encode(const EndedLife& record) {
  msgpack::sbuffer buffer;
  msgpack::packer<msgpack::sbuffer> pack(buffer);
  pack.pack_map(1 + (record.held.empty() ? 0 : 1) + (record.beyond.empty() ? 0 : 1) + (record.redone.empty() ? 0 : 1) +
                (record.redone_as.empty() ? 0 : 1));
  pack.pack_uint8(0), pack.pack_uint64(record.up_to.value);
  const auto put = [&](std::uint8_t name, const auto& all) {
    if (all.empty()) return;
    const std::string bytes = bytes_of(all);
    pack.pack_uint8(name), pack.pack_bin(static_cast<std::uint32_t>(bytes.size()));
    pack.pack_bin_body(bytes.data(), static_cast<std::uint32_t>(bytes.size()));
  };
  put(1, record.held), put(2, record.beyond), put(3, record.redone), put(4, record.redone_as);
  return {buffer.data(), buffer.size()};
}

std::optional<EndedLife> decode_ended_life(std::string_view bytes) {
  if (!msgpack_is_sound(bytes)) return std::nullopt;
  const msgpack::object_handle handle = msgpack::unpack(bytes.data(), bytes.size());
  const msgpack::object& root = handle.get();
  if (root.type != msgpack::type::MAP) return std::nullopt;
  EndedLife record;
  for (std::uint32_t i = 0; i < root.via.map.size; ++i) {
    const auto& [key, value] = root.via.map.ptr[i];
    if (key.type != msgpack::type::POSITIVE_INTEGER || key.via.u64 > 4) continue;  // Of a newer version.
    if (key.via.u64 == 0) {
      if (value.type != msgpack::type::POSITIVE_INTEGER) return std::nullopt;
      record.up_to = Timestamp{value.via.u64};
      continue;
    }
    if (key.via.u64 == 4) {
      auto all = again_of(value);
      if (!all) return std::nullopt;
      record.redone_as = *std::move(all);
      continue;
    }
    auto places = places_of(value);
    if (!places) return std::nullopt;
    (key.via.u64 == 1 ? record.held : key.via.u64 == 2 ? record.beyond : record.redone) = *std::move(places);
  }
  if (!record.up_to) return std::nullopt;
  return record;
}

CellKey ended_cell(NodeId node, OriginId origin) {
  CellKey cell = life_cell(node, origin);
  cell.key = kEndedKey;
  return cell;
}

std::optional<std::pair<NodeId, OriginId>> life_of_ended_cell(const CellKey& cell) {
  if (cell.key != kEndedKey || cell.table != kSystemTable || cell.kind != Kind::kHash) return std::nullopt;
  return life_of_cell(as_life_cell(cell));
}

bool EndedLives::merge(const CellKey& cell, const Content& delta) {
  const auto life = life_of_ended_cell(cell);
  if (!life || !delta.holds(Kind::kHash) || delta.empty()) return false;
  if (const auto aside = aside_.find(*life); aside != aside_.end()) {
    if (!aside->second.join(delta)) return false;  // The same again.
    aside_.erase(aside);
  }
  Content& content = cells_.try_emplace(*life, Kind::kHash).first->second;
  if (!content.join(delta)) return false;
  const auto& value = content.as_register().value();
  auto record = value ? decode_ended_life(*value) : std::nullopt;
  if (!record) {  // Deleted; or replicated like any value, and not understood.
    if (!value) cells_.erase(*life);
    return entries_.erase(life->second) > 0;
  }
  const auto known = entries_.find(life->second);
  if (known != entries_.end() && known->second.record == *record) return false;
  entries_.insert_or_assign(life->second, Entry{life->first, *std::move(record)});
  return true;
}

void EndedLives::drop(const CellKey& cell) {
  const auto life = life_of_ended_cell(cell);
  if (life && cells_.erase(*life) > 0) entries_.erase(life->second);
}

void EndedLives::set_aside(const CellKey& cell, const Content& content) {
  const auto life = life_of_ended_cell(cell);
  if (!life) return;
  drop(cell);
  aside_.insert_or_assign(*life, content);
}

std::vector<std::pair<CellKey, Content>> EndedLives::take_back() {
  std::vector<std::pair<CellKey, Content>> out;
  for (auto& [life, content] : std::exchange(aside_, {})) out.emplace_back(ended_cell(life.first, life.second), std::move(content));
  return out;
}

const EndedLives::Entry* EndedLives::find(OriginId origin) const {
  const auto at = entries_.find(origin);
  return at == entries_.end() ? nullptr : &at->second;
}

bool EndedLives::unseen(ShardId shard, const Commit& commit) const {
  const Entry* entry = find(commit.origin);
  return entry != nullptr && !entry->record.seen(shard, commit.at);
}

const Content* EndedLives::content(NodeId node, OriginId origin) const {
  const auto at = cells_.find({node, origin});
  return at == cells_.end() ? nullptr : &at->second;
}

}  // namespace kith
