// The writing half of node/client_protocol.h.
#include <msgpack.hpp>

#include "crdt/check.h"
#include "crdt/timestamp.h"
#include "node/client_protocol.h"

namespace kith {

namespace {

// A map whose entries are counted as they come, absent ones left out.
class MapPacker {
 public:
  MapPacker() : packer_(body_) {}

  template <class Value>
  void number(std::string_view key, Value value) {
    name(key);
    packer_.pack(value);
  }
  void text(std::string_view key, std::string_view value) {
    name(key);
    str(value);
  }
  void bytes(std::string_view key, std::string_view value) {
    name(key);
    bin(value);
  }
  template <class List, class Pack>
  void list(std::string_view key, const List& values, Pack pack) {
    if (values.empty()) return;
    name(key);
    packer_.pack_array(static_cast<std::uint32_t>(values.size()));
    for (const auto& value : values) pack(value);
  }
  void byte_list(std::string_view key, const std::vector<std::string>& values) {
    list(key, values, [&](const std::string& value) { bin(value); });
  }
  void pair_list(std::string_view key, const std::vector<std::pair<std::string, std::string>>& values) {
    list(key, values, [&](const auto& value) {
      packer_.pack_array(2);
      bin(value.first);
      bin(value.second);
    });
  }

  void str(std::string_view value) {
    packer_.pack_str(static_cast<std::uint32_t>(value.size()));
    packer_.pack_str_body(value.data(), static_cast<std::uint32_t>(value.size()));
  }
  void bin(std::string_view value) {
    packer_.pack_bin(static_cast<std::uint32_t>(value.size()));
    packer_.pack_bin_body(value.data(), static_cast<std::uint32_t>(value.size()));
  }
  msgpack::packer<msgpack::sbuffer>& packer() { return packer_; }

  std::string take() {
    msgpack::sbuffer head;
    msgpack::packer<msgpack::sbuffer>(head).pack_map(count_);
    std::string out;
    out.reserve(head.size() + body_.size());
    out.append(head.data(), head.size()).append(body_.data(), body_.size());
    return out;
  }

 private:
  void name(std::string_view key) {
    ++count_;
    str(key);
  }

  msgpack::sbuffer body_;
  msgpack::packer<msgpack::sbuffer> packer_;
  std::uint32_t count_ = 0;
};

}  // namespace

std::string encode(const Request& request) {
  static const Request kDefaults;
  MapPacker map;
  map.number("v", kClientProtocolVersion);
  map.number("id", request.id);
  map.text("op", to_string(request.op));
  if (request.table != kDefaults.table) map.text("table", request.table);
  if (!request.key.empty()) map.bytes("key", request.key);
  if (!request.value.empty()) map.bytes("value", request.value);
  map.byte_list("members", request.members);
  map.pair_list("fields", request.fields);
  if (request.amount != kDefaults.amount) map.number("amount", request.amount);
  if (request.ttl_ms != 0) map.number("ttl_ms", request.ttl_ms);
  if (request.tag) map.text("tag", to_string(*request.tag));
  if (request.replicas != kDefaults.replicas) map.number("replicas", request.replicas);
  if (request.timeout_ms != kDefaults.timeout_ms) map.number("timeout_ms", request.timeout_ms);
  if (!request.prefix.empty()) map.bytes("prefix", request.prefix);
  if (!request.after.empty()) map.bytes("after", request.after);
  if (request.limit != 0) map.number("limit", request.limit);
  if (request.shard != 0) map.number("shard", request.shard);
  map.list("buckets", request.buckets, [&](std::uint32_t bucket) { map.packer().pack(bucket); });
  if (!request.text.empty()) map.bytes("text", request.text);
  if (request.roster) map.number("roster", *request.roster);
  return map.take();
}

std::string encode(const ClientReply& reply) {
  MapPacker map;
  map.number("v", kClientProtocolVersion);
  map.number("id", reply.id);
  map.text("status", to_string(reply.status));
  if (!reply.code.empty()) map.text("code", reply.code);
  if (!reply.message.empty()) map.text("message", reply.message);
  map.number("time", reply.time.value);
  map.text("node", reply.node);
  if (reply.value) map.bytes("value", *reply.value);
  map.byte_list("members", reply.members);
  map.pair_list("fields", reply.fields);
  map.list("keys", reply.keys, [&](const KeyInfo& info) {
    const bool counter = info.kind == Kind::kCounter;
    map.packer().pack_array(counter ? 4 : 3);
    map.bin(info.key);
    map.str(to_string(info.kind));
    map.packer().pack(info.live);
    if (counter) map.packer().pack(info.total);
  });
  if (!reply.next.empty()) map.bytes("next", reply.next);
  if (reply.number != 0) map.number("number", reply.number);
  if (reply.total) map.number("total", *reply.total);
  if (reply.ttl_ms) map.number("ttl_ms", *reply.ttl_ms);
  if (reply.tag) map.text("tag", to_string(*reply.tag));
  map.list("replicas", reply.replicas, [&](const std::string& name) { map.str(name); });
  if (!reply.document.empty()) map.text("document", reply.document);
  if (reply.stale) map.number("stale", true);
  if (reply.created != 0) map.number("created", reply.created);
  std::string out = map.take();
  if (reply.roster) add_roster(out, encode_roster(*reply.roster));
  return out;
}

std::string encode_roster(const Roster& roster) {
  MapPacker map;
  map.number("v", roster.version());
  map.text("cluster", to_hex(roster.cluster.value));
  map.text("name", roster.name);
  map.number("replicas", roster.replication.number());
  if (roster.replication.given == 0) map.number("replicas_at_most", true);
  map.text("leader", to_hex(roster.leader().value));
  map.list("members", roster.members, [&](const Roster::Member& member) {
    map.packer().pack_array(4);
    map.str(to_hex(member.id.value));
    map.str(member.name);
    map.str(member.client_address);
    map.packer().pack(member.living);
  });
  std::vector<NodeId> observers;
  for (const Roster::Member& member : roster.members) {
    if (member.observer) observers.push_back(member.id);
  }
  if (!observers.empty()) map.list("observers", observers, [&](NodeId id) { map.str(to_hex(id.value)); });
  map.list("warnings", roster.warnings(), [&](const std::string& warning) { map.str(warning); });
  return map.take();
}

void add_roster(std::string& reply, std::string_view roster) {
  // A map of up to 15 entries says so in its first byte; a larger one, of up to 65,535, in the two behind it.
  constexpr unsigned char kSmall = 0x80, kSmallMost = 0x8f, kMap16 = 0xde;
  const auto first = static_cast<unsigned char>(reply[0]);
  std::size_t count = 0, header = 1;
  if (first >= kSmall && first <= kSmallMost) {
    count = first - kSmall;
  } else {
    KITH_CHECK(first == kMap16 && reply.size() > 3, "a reply is a map of less than 65,536 entries", first);
    count = static_cast<std::size_t>(static_cast<unsigned char>(reply[1])) << 8 | static_cast<unsigned char>(reply[2]);
    header = 3;
  }
  msgpack::sbuffer head;
  msgpack::packer<msgpack::sbuffer> packer(head);
  packer.pack_map(static_cast<std::uint32_t>(count + 1));
  reply.replace(0, header, head.data(), head.size());
  constexpr std::string_view kName = "roster";
  msgpack::sbuffer name;
  msgpack::packer<msgpack::sbuffer>(name).pack_str(kName.size()).pack_str_body(kName.data(), kName.size());
  reply.append(name.data(), name.size()).append(roster);
}

}  // namespace kith
