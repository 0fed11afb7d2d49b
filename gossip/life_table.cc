#include "gossip/life_table.h"

#include <algorithm>
#include <msgpack.hpp>

#include "gossip/msgpack_guard.h"
#include "store/store.h"

namespace kith {
namespace {

constexpr std::string_view kLivesKey = "lives";
constexpr std::size_t kIdChars = 16;

std::optional<std::uint64_t> id_of(std::string_view text) {
  const auto value = parse_hex(text);
  // In the one spelling that is written: two fields must never be one life.
  return value && *value != 0 && to_hex(*value) == text ? value : std::nullopt;
}

}  // namespace

std::string encode(const LifeRecord& record) {
  msgpack::sbuffer buffer;
  msgpack::packer<msgpack::sbuffer> pack(buffer);
  pack.pack_map(record.closed() ? 2 : 1);
  pack.pack_uint8(0), pack.pack_uint64(record.start.value);
  if (record.closed()) pack.pack_uint8(1), pack.pack_uint64(record.final.value);
  return {buffer.data(), buffer.size()};
}

std::optional<LifeRecord> decode_life_record(std::string_view bytes) {
  if (!msgpack_is_sound(bytes)) return std::nullopt;
  const msgpack::object_handle handle = msgpack::unpack(bytes.data(), bytes.size());
  const msgpack::object& root = handle.get();
  if (root.type != msgpack::type::MAP) return std::nullopt;
  LifeRecord record;
  for (std::uint32_t i = 0; i < root.via.map.size; ++i) {
    const auto& [key, value] = root.via.map.ptr[i];
    if (key.type != msgpack::type::POSITIVE_INTEGER || key.via.u64 > 1) continue;  // Of a newer version.
    if (value.type != msgpack::type::POSITIVE_INTEGER || value.via.u64 == 0) return std::nullopt;
    (key.via.u64 == 0 ? record.start : record.final) = Timestamp{value.via.u64};
  }
  if (!record.start || (record.closed() && record.final < record.start)) return std::nullopt;
  return record;
}

CellKey life_cell(NodeId node, OriginId origin) {
  return {std::string(kSystemTable), std::string(kLivesKey), Kind::kHash, to_hex(node.value) + to_hex(origin.value)};
}

std::optional<std::pair<NodeId, OriginId>> life_of_cell(const CellKey& cell) {
  if (cell.table != kSystemTable || cell.key != kLivesKey || cell.kind != Kind::kHash) return std::nullopt;
  const std::string_view member = cell.member;
  if (member.size() != 2 * kIdChars) return std::nullopt;
  const auto node = id_of(member.substr(0, kIdChars)), origin = id_of(member.substr(kIdChars));
  if (!node || !origin) return std::nullopt;
  return std::pair{NodeId{*node}, OriginId{*origin}};
}

LifeTable::Change LifeTable::merge(const CellKey& cell, const Content& delta) {
  const auto life = life_of_cell(cell);
  if (!life || !delta.holds(Kind::kHash) || delta.empty()) return Change::kNone;
  Content& content = cells_.try_emplace(*life, Kind::kHash).first->second;
  named_by_[life->second].insert(life->first);
  const std::uint64_t before = fingerprint_of(cell, content);
  if (!content.join(delta)) return Change::kNone;
  version_ += fingerprint_of(cell, content) - before;
  const OriginId origin = life->second;
  const auto known = entries_.find(origin);
  const auto now = say_of(origin);
  if (!now) {
    if (known == entries_.end()) return Change::kNone;
    entries_.erase(known);
    return Change::kRetired;
  }
  if (known != entries_.end() && known->second == *now) return Change::kNone;
  entries_.insert_or_assign(origin, *now);
  return now->record.closed() ? Change::kClosed : Change::kOpened;
}

bool LifeTable::knows_better(const CellKey& cell, const Content& delta) const {
  const auto life = life_of_cell(cell);
  if (!life || !delta.present()) return false;
  const auto known = cells_.find(*life);
  return known != cells_.end() && !known->second.present() && delta.as_register().tag() < known->second.as_register().tag();
}

// Two nodes may have registered one life, when its field was lost: it is closed when both say so, and retired when both do.  Whose it is
// knows when it began, and is who closes it; the other one had it in its clocks, and no word of it.
std::optional<LifeTable::Entry> LifeTable::say_of(OriginId origin) const {
  std::optional<Entry> out;
  const auto nodes = named_by_.find(origin);
  if (nodes == named_by_.end()) return out;
  for (const NodeId node : nodes->second) {
    const auto& value = cells_.at({node, origin}).as_register().value();
    const auto record = value ? decode_life_record(*value) : std::nullopt;
    if (!record) continue;  // Deleted, or replicated like any value and not understood.
    const bool same = out && out->record.closed() == record->closed();
    if (!out || (out->record.closed() && !record->closed())) out = Entry{node, *record};
    else if (same && !record->closed() && record->start > out->record.start) out = Entry{node, *record};
    else if (out->record.closed() && record->final > out->record.final) out->record.final = record->final;
  }
  return out;
}

void LifeTable::drop(const CellKey& cell) {
  const auto life = life_of_cell(cell);
  const auto at = cells_.find(*life);
  if (at == cells_.end()) return;
  version_ -= fingerprint_of(cell, at->second);
  cells_.erase(at);
  const auto nodes = named_by_.find(life->second);
  nodes->second.erase(life->first);
  if (nodes->second.empty()) named_by_.erase(nodes);
  const auto now = say_of(life->second);
  if (now) entries_.insert_or_assign(life->second, *now);
  else entries_.erase(life->second);
}

const LifeTable::Entry* LifeTable::find(OriginId origin) const {
  const auto at = entries_.find(origin);
  return at == entries_.end() ? nullptr : &at->second;
}

std::vector<OriginId> LifeTable::lives_of(NodeId node) const {
  std::vector<OriginId> out;
  for (auto at = cells_.lower_bound({node, OriginId{}}); at != cells_.end() && at->first.first == node; ++at) {
    const Entry* entry = find(at->first.second);
    if (entry != nullptr && entry->node == node) out.push_back(at->first.second);
  }
  return out;
}

}  // namespace kith
