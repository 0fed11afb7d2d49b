#include "gossip/evicted_table.h"

#include <msgpack.hpp>

#include "gossip/msgpack_guard.h"
#include "store/store.h"

namespace kith {
namespace {

constexpr std::string_view kEvictedKey = "evicted";

}  // namespace

std::string encode(const Evicted& record) {
  msgpack::sbuffer buffer;
  msgpack::packer<msgpack::sbuffer> pack(buffer);
  pack.pack_map(2);
  pack.pack_uint8(0), pack.pack_uint64(record.at.value);
  pack.pack_uint8(1), pack.pack_uint64(record.heard_of.value);
  return {buffer.data(), buffer.size()};
}

std::optional<Evicted> decode_evicted(std::string_view bytes) {
  if (!msgpack_is_sound(bytes)) return std::nullopt;
  const msgpack::object_handle handle = msgpack::unpack(bytes.data(), bytes.size());
  const msgpack::object& root = handle.get();
  if (root.type != msgpack::type::MAP) return std::nullopt;
  Evicted out;
  for (std::uint32_t i = 0; i < root.via.map.size; ++i) {
    const auto& [key, value] = root.via.map.ptr[i];
    if (key.type != msgpack::type::POSITIVE_INTEGER || key.via.u64 > 1) continue;  // Of a newer version.
    if (value.type != msgpack::type::POSITIVE_INTEGER || value.via.u64 == 0) return std::nullopt;
    (key.via.u64 == 0 ? out.at : out.heard_of) = Timestamp{value.via.u64};
  }
  return out.at && out.heard_of ? std::optional(out) : std::nullopt;
}

CellKey evicted_cell(NodeId node) {
  return {std::string(kSystemTable), std::string(kEvictedKey), Kind::kHash, to_hex(node.value)};
}

std::optional<NodeId> node_of_evicted_cell(const CellKey& cell) {
  if (cell.table != kSystemTable || cell.key != kEvictedKey || cell.kind != Kind::kHash) return std::nullopt;
  const auto value = parse_hex(cell.member);
  // In the one spelling that is written: two fields must never be one node.
  if (!value || *value == 0 || to_hex(*value) != cell.member) return std::nullopt;
  return NodeId{*value};
}

bool EvictedTable::merge(const CellKey& cell, const Content& delta) {
  const auto node = node_of_evicted_cell(cell);
  if (!node || !delta.holds(Kind::kHash) || delta.empty()) return false;
  Content& content = cells_.try_emplace(*node, Kind::kHash).first->second;
  const std::uint64_t before = fingerprint_of(cell, content);
  if (!content.join(delta)) return false;
  version_ += fingerprint_of(cell, content) - before;
  return true;
}

Evicted EvictedTable::find(NodeId node) const {
  const auto known = cells_.find(node);
  if (known == cells_.end()) return {};
  const auto& value = known->second.as_register().value();
  return value ? decode_evicted(*value).value_or(Evicted{}) : Evicted{};
}

}  // namespace kith
