#include "gossip/member_table.h"

#include <algorithm>
#include <msgpack.hpp>
#include <utility>

#include "crdt/limits.h"
#include "gossip/msgpack_guard.h"
#include "store/store.h"

namespace kith {
namespace {

constexpr std::string_view kMembersKey = "members";

std::optional<std::string> text_of(const msgpack::object& object, std::size_t bytes_max) {
  if (object.type != msgpack::type::STR || object.via.str.size > bytes_max) return std::nullopt;
  return std::string(object.via.str.ptr, object.via.str.size);
}

std::optional<std::uint64_t> number_of(const msgpack::object& object) {
  if (object.type != msgpack::type::POSITIVE_INTEGER) return std::nullopt;
  return object.via.u64;
}

std::optional<Life> life_of(const msgpack::object& object) {
  if (object.type != msgpack::type::ARRAY || object.via.array.size != 2) return std::nullopt;
  const auto origin = number_of(object.via.array.ptr[0]), start = number_of(object.via.array.ptr[1]);
  if (!origin || !start || *origin == 0 || *start == 0) return std::nullopt;
  return Life{OriginId{*origin}, Timestamp{*start}};
}

bool read_lives(const msgpack::object& object, std::vector<Life>& out) {
  if (object.type != msgpack::type::ARRAY) return false;
  for (std::uint32_t i = 0; i < object.via.array.size; ++i) {
    const auto life = life_of(object.via.array.ptr[i]);
    if (!life || (!out.empty() && life->start <= out.back().start)) return false;
    out.push_back(*life);
  }
  return !out.empty();
}

// What is written is never zero.
bool read_time(const msgpack::object& object, Timestamp& out) {
  out = Timestamp{number_of(object).value_or(0)};
  return static_cast<bool>(out);
}

}  // namespace

std::string encode(const MemberRecord& record) {
  msgpack::sbuffer buffer;
  msgpack::packer<msgpack::sbuffer> pack(buffer);
  pack.pack_map(4u + (record.returned ? 1u : 0u) + (record.leaving ? 1u : 0u) + (record.handed_over ? 1u : 0u) + (record.back_since ? 1u : 0u) +
                (record.role != Role::kReplica ? 1u : 0u));
  pack.pack_uint8(0), pack.pack(record.name);
  pack.pack_uint8(1), pack.pack(record.client_address);
  pack.pack_uint8(2), pack.pack(record.peer_address);
  pack.pack_uint8(3), pack.pack_array(static_cast<std::uint32_t>(record.lives.size()));
  for (const Life& life : record.lives) {
    pack.pack_array(2);
    pack.pack_uint64(life.origin.value);
    pack.pack_uint64(life.start.value);
  }
  if (record.returned) pack.pack_uint8(4), pack.pack_uint64(record.returned.value);
  if (record.leaving) pack.pack_uint8(5), pack.pack_uint64(record.leaving.value);
  if (record.handed_over) pack.pack_uint8(6), pack.pack_true();
  if (record.back_since) pack.pack_uint8(7), pack.pack_uint64(record.back_since.value);
  if (record.role != Role::kReplica) pack.pack_uint8(8), pack.pack_uint8(static_cast<std::uint8_t>(record.role));
  return {buffer.data(), buffer.size()};
}

std::optional<MemberRecord> decode_member_record(std::string_view bytes) {
  if (!msgpack_is_sound(bytes)) return std::nullopt;
  const msgpack::object_handle handle = msgpack::unpack(bytes.data(), bytes.size());
  const msgpack::object& root = handle.get();
  if (root.type != msgpack::type::MAP) return std::nullopt;
  MemberRecord record;
  bool lives_read = false;
  for (std::uint32_t i = 0; i < root.via.map.size; ++i) {
    const auto& [key, value] = root.via.map.ptr[i];
    std::optional<std::string> text;
    switch (number_of(key).value_or(~0u)) {
      case 0:
        if (!(text = text_of(value, kNodeNameBytesMax))) return std::nullopt;
        record.name = *std::move(text);
        break;
      case 1:
        if (!(text = text_of(value, kAddressBytesMax))) return std::nullopt;
        record.client_address = *std::move(text);
        break;
      case 2:
        if (!(text = text_of(value, kAddressBytesMax))) return std::nullopt;
        record.peer_address = *std::move(text);
        break;
      case 3:
        if (!(lives_read = read_lives(value, record.lives))) return std::nullopt;
        break;
      case 4:
        if (!read_time(value, record.returned)) return std::nullopt;
        break;
      case 5:
        if (!read_time(value, record.leaving)) return std::nullopt;
        break;
      case 6:
        if (value.type != msgpack::type::BOOLEAN) return std::nullopt;
        record.handed_over = value.via.boolean;
        break;
      case 7:
        if (!read_time(value, record.back_since)) return std::nullopt;
        break;
      case 8: {
        const auto role = number_of(value);
        if (!role) return std::nullopt;
        record.role = *role == static_cast<std::uint64_t>(Role::kObserver) ? Role::kObserver : Role::kReplica;
        break;
      }
      default: break;  // Of a newer version.
    }
  }
  if (!lives_read || record.name.empty() || record.peer_address.empty()) return std::nullopt;
  if (record.handed_over && !record.leaving) return std::nullopt;
  return record;
}

CellKey member_cell(NodeId node) {
  return {std::string(kSystemTable), std::string(kMembersKey), Kind::kHash, to_hex(node.value)};
}

std::optional<NodeId> node_of_member_cell(const CellKey& cell) {
  if (cell.table != kSystemTable || cell.key != kMembersKey || cell.kind != Kind::kHash) return std::nullopt;
  const auto value = parse_hex(cell.member);
  // In the one spelling that is written: two cells must never be one member.
  if (!value || *value == 0 || to_hex(*value) != cell.member) return std::nullopt;
  return NodeId{*value};
}

std::optional<NodeId> MemberTable::merge(const CellKey& key, const Content& delta) {
  const auto node = node_of_member_cell(key);
  if (!node || !delta.holds(Kind::kHash) || delta.empty()) return std::nullopt;
  Content& content = cells_.try_emplace(*node, Kind::kHash).first->second;
  const std::uint64_t before = fingerprint_of(key, content);
  if (!content.join(delta)) return std::nullopt;
  version_ += fingerprint_of(key, content) - before;
  const auto& value = content.as_register().value();
  const auto record = value ? decode_member_record(*value) : std::nullopt;
  if (!record) return std::nullopt;  // Replicated like any value, but says nothing that we understand.
  const auto [at, joined] = members_.try_emplace(*node);
  Member& member = at->second;
  if (joined) member.out = true;  // Not one of ids() yet.
  const bool other_role = !member.out && member.record.role != record->role;
  member.record = *record;
  if (other_role) place(*node, member);
  if (record->lives.back() > member.life) member.life = record->lives.back();
  look_whether_out(*node, member);
  return node;
}

void MemberTable::look_whether_out(NodeId node, Member& member) {
  const bool out = evicted_.at(node) > member.record.returned;
  if (out == std::exchange(member.out, out)) return;
  place(node, member);
}

void MemberTable::place(NodeId node, const Member& member) {
  ++generation_;
  const auto put = [&](std::vector<NodeId>& ids, bool belongs) {
    const auto at = std::lower_bound(ids.begin(), ids.end(), node);
    const bool there = at != ids.end() && *at == node;
    if (there && !belongs) ids.erase(at);
    if (!there && belongs) ids.insert(at, node);
  };
  put(ids_, !member.out);
  put(replicas_, !member.out && member.record.role == Role::kReplica);
}

bool MemberTable::merge_evicted(const CellKey& cell, const Content& delta) {
  if (!evicted_.merge(cell, delta)) return false;
  const NodeId node = *node_of_evicted_cell(cell);
  if (const auto member = members_.find(node); member != members_.end()) look_whether_out(node, member->second);
  return true;
}

bool MemberTable::out(NodeId node) const {
  const Member* member = find(node);
  return member != nullptr && member->out;
}

bool MemberTable::observes(NodeId node) const {
  const Member* member = find(node);
  return member != nullptr && member->record.role == Role::kObserver;
}

bool MemberTable::learn_life(NodeId node, Life life) {
  Member& member = members_.at(node);
  if (life <= member.life) return false;
  member.life = life;
  return true;
}

const MemberTable::Member* MemberTable::find(NodeId node) const {
  const auto at = members_.find(node);
  return at == members_.end() ? nullptr : &at->second;
}

const MemberTable::Member* MemberTable::find_by_name(std::string_view name, NodeId* id) const {
  for (const auto& [node, member] : members_) {
    if (member.out || member.record.name != name) continue;
    if (id != nullptr) *id = node;
    return &member;
  }
  return nullptr;
}

}  // namespace kith
