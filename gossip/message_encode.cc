#include <msgpack.hpp>

#include "crdt/bytes.h"
#include "gossip/message.h"
#include "gossip/message_layout.h"

namespace kith {
namespace {

using namespace layout;

using Buffer = msgpack::sbuffer;
using Packer = msgpack::packer<Buffer>;

void put_bin(Packer& pack, std::string_view bytes) {
  pack.pack_bin(static_cast<std::uint32_t>(bytes.size()));
  pack.pack_bin_body(bytes.data(), static_cast<std::uint32_t>(bytes.size()));
}

void put_clock(Packer& pack, const CommitClock& clock) {
  ByteWriter out;
  for (const auto& [origin, at] : clock) {
    out.u64(origin.value);
    out.u64(at.value);
  }
  put_bin(pack, out.view());
}

void put_array(Packer& pack, std::size_t n) { pack.pack_array(static_cast<std::uint32_t>(n)); }

void put(Packer& pack, const JoinBody& body) {
  pack.pack_map(5u + (body.retry_window_ms == 0 ? 0u : 1u) + (body.replicas == 0 ? 0u : 1u));
  pack.pack(0), pack.pack(body.name);
  pack.pack(1), pack.pack(body.peer_address);
  pack.pack(2), pack.pack(body.cluster_name);
  pack.pack(3), pack.pack(body.shard_count);
  pack.pack(4), pack.pack(body.nonce);
  if (body.retry_window_ms != 0) pack.pack(5), pack.pack(body.retry_window_ms);
  if (body.replicas != 0) pack.pack(6), pack.pack(body.replicas);
}

void put_nodes(Packer& pack, const std::vector<NodeId>& nodes) {
  ByteWriter bytes;
  for (const NodeId node : nodes) bytes.u64(node.value);
  put_bin(pack, bytes.view());
}

void put(Packer& pack, const WelcomeBody& body) {
  pack.pack_map(3u + (body.retry_window_ms == 0 ? 0u : 1u) + (body.electorate.empty() ? 0u : 1u) + (body.replicas == 0 ? 0u : 1u));
  pack.pack(0), pack.pack(body.cluster_name);
  pack.pack(1), pack.pack(body.shard_count);
  pack.pack(2), pack.pack(body.nonce);
  if (body.retry_window_ms != 0) pack.pack(3), pack.pack(body.retry_window_ms);
  if (!body.electorate.empty()) pack.pack(4), put_nodes(pack, body.electorate);
  if (body.replicas != 0) pack.pack(5), pack.pack(body.replicas);
}

void put(Packer& pack, const RefuseBody& body) {
  pack.pack_map(3);
  pack.pack(0), pack.pack(body.code);
  pack.pack(1), pack.pack(body.sentence);
  pack.pack(2), pack.pack(body.nonce);
}

void put(Packer& pack, const std::vector<PushBody::Part>& parts) {
  put_array(pack, parts.size());
  for (const auto& part : parts) {
    put_array(pack, 4);
    pack.pack(part.shard), pack.pack(part.previous.value), pack.pack(part.commit.value), put_bin(pack, part.cells.bytes());
  }
}

void put(Packer& pack, const std::vector<PushBody::Relayed>& all) {
  put_array(pack, all.size());
  for (const auto& relayed : all) {
    put_array(pack, 5);
    pack.pack(relayed.node.value), pack.pack(relayed.origin.value), pack.pack(relayed.start.value);
    pack.pack(relayed.floor.value), put(pack, relayed.parts);
  }
}

void put(Packer& pack, const PushBody& body) {
  pack.pack_map(1u + (body.nonce != 0 ? 1u : 0u) + (body.spread ? 1u : 0u) + (body.relayed.empty() ? 0u : 1u) +
                (body.after ? 1u : 0u));
  pack.pack(0), put(pack, body.parts);
  if (body.nonce != 0) pack.pack(1), pack.pack(body.nonce);
  if (body.spread) pack.pack(2), pack.pack(true);
  if (!body.relayed.empty()) pack.pack(3), put(pack, body.relayed);
  if (body.after) pack.pack(4), pack.pack(body.after.value);
}

void put(Packer& pack, const AckBody& body) { pack.pack_map(1), pack.pack(0), pack.pack(body.nonce); }

void put(Packer& pack, const Standing& standing, Timestamp promise) {
  const auto lag = [&](Timestamp at) {
    if (!at) return std::uint64_t{0};
    return static_cast<std::uint64_t>(std::max<std::int64_t>(promise.ms() - at.ms(), 0)) + 1;
  };
  ByteWriter out;
  out.u64(standing.last.value);
  out.varint(standing.first);
  for (const auto& member : standing.members) out.varint(lag(member.promise)), out.varint(lag(member.floor));
  put_bin(pack, out.take());
}

template <class Held>  // SummaryBody, AgreedBody
void put_held(Packer& pack, const Held& body) {
  pack.pack_map(body.root ? 4 : 3);
  pack.pack(0), pack.pack(body.digest);
  pack.pack(1), pack.pack(body.promise.value);
  if (body.root) pack.pack(2), pack.pack(*body.root);
  pack.pack(3), put(pack, body.standing, body.promise);
}
void put(Packer& pack, const SummaryBody& body) { put_held(pack, body); }
void put(Packer& pack, const AgreedBody& body) { put_held(pack, body); }

void put(Packer& pack, const DigestsBody& body) {
  pack.pack_map(3);
  pack.pack(0), put_array(pack, body.shards.size());
  for (const auto& [shard, digest] : body.shards) put_array(pack, 2), pack.pack(shard), pack.pack(digest);
  pack.pack(1), pack.pack(body.promise.value);
  pack.pack(3), put(pack, body.standing, body.promise);
}

void put(Packer& pack, const PullBody& body) {
  pack.pack_map(2);
  pack.pack(0), pack.pack(body.nonce);
  pack.pack(1), put_array(pack, body.parts.size());
  for (const auto& part : body.parts) {
    put_array(pack, 4);
    pack.pack(part.shard), pack.pack(part.epoch.value), pack.pack(part.after), put_clock(pack, part.clock);
  }
}

void put(Packer& pack, const RowsBody& body) {
  pack.pack_map(3);
  pack.pack(0), pack.pack(body.nonce);
  pack.pack(1), put_array(pack, body.parts.size());
  for (const auto& part : body.parts) {
    put_array(pack, 6);
    pack.pack(part.shard), pack.pack(part.next), pack.pack(part.end), pack.pack(part.sound);
    put_clock(pack, part.clock), put_bin(pack, part.cells.bytes());
  }
  pack.pack(2), pack.pack(body.promise.value);
}

void put(Packer& pack, const FetchBody& body) {
  pack.pack_map(1);
  pack.pack(0), put_array(pack, body.keys.size());
  for (const auto& key : body.keys) put_bin(pack, key);
}

void put(Packer& pack, const MendedBody& body) {
  pack.pack_map(2 + (body.clocks.empty() ? 0 : 1) + (body.damaged.empty() ? 0 : 1));
  pack.pack(0), put_array(pack, body.parts.size());
  for (const auto& part : body.parts) put_array(pack, 2), pack.pack(part.shard), put_bin(pack, part.cells.bytes());
  pack.pack(1), put_array(pack, body.missing.size());
  for (const auto& key : body.missing) put_bin(pack, key);
  if (!body.clocks.empty()) {
    pack.pack(2), put_array(pack, body.clocks.size());
    for (const auto& [shard, clock] : body.clocks) put_array(pack, 2), pack.pack(shard), put_clock(pack, clock);
  }
  if (body.damaged.empty()) return;
  pack.pack(3), put_array(pack, body.damaged.size());
  for (const auto& key : body.damaged) put_bin(pack, key);
}

void put(Packer& pack, const StoppingBody&) { pack.pack_map(0); }

void put(Packer& pack, const SupersededBody& body) {
  pack.pack_map(3);
  pack.pack(0), pack.pack(body.origin.value);
  pack.pack(1), pack.pack(body.start.value);
  pack.pack(2), pack.pack(body.node.value);
}

void put(Packer& pack, const AuditBody& body) {
  ByteWriter roots;
  for (const auto& [shard, root] : body.roots) {
    roots.u16(shard);
    roots.u64(root);
  }
  pack.pack_map(2);
  pack.pack(0), pack.pack(body.nonce);
  pack.pack(1), put_bin(pack, roots.view());
}

void put(Packer& pack, const BucketsBody& body) {
  pack.pack_map(2);
  pack.pack(0), pack.pack(body.nonce);
  pack.pack(1), put_array(pack, body.parts.size());
  for (const auto& part : body.parts) {
    ByteWriter sums;
    for (const std::uint64_t sum : part.sums) sums.u64(sum);
    put_array(pack, 2), pack.pack(part.shard), put_bin(pack, sums.view());
  }
}

std::string bits_of(const BucketSet& buckets) {
  std::string bits(kBucketSetBytes, '\0');
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    if (buckets[i]) bits[i / 8] = static_cast<char>(bits[i / 8] | (1 << (i % 8)));
  }
  return bits;
}

void put(Packer& pack, const RepairBody& body) {
  pack.pack_map(body.back ? 5 : 4);
  pack.pack(0), pack.pack(body.nonce);
  pack.pack(1), pack.pack(body.shard);
  pack.pack(2), put_bin(pack, bits_of(body.buckets));
  pack.pack(3), put_bin(pack, body.after);
  if (body.back) pack.pack(4), pack.pack(true);
}

void put(Packer& pack, const RepairedBody& body) {
  pack.pack_map(5);
  pack.pack(0), pack.pack(body.nonce);
  pack.pack(1), pack.pack(body.shard);
  pack.pack(2), put_bin(pack, body.cells.bytes());
  pack.pack(3), put_bin(pack, body.next);
  pack.pack(4), pack.pack(body.end);
}

void put(Packer& pack, const RebaseBody& body) {
  pack.pack_map(4u + (body.sketch_cells ? 1u : 0u) + (body.until.empty() ? 0u : 1u) + (body.counters.empty() ? 0u : 1u));
  pack.pack(0), pack.pack(body.nonce);
  pack.pack(1), pack.pack(body.shard);
  if (body.sums) {
    ByteWriter sums;
    for (const std::uint64_t sum : *body.sums) sums.u64(sum);
    pack.pack(2), put_bin(pack, sums.view());
  } else {
    pack.pack(3), put_bin(pack, bits_of(body.buckets));
  }
  pack.pack(4), put_bin(pack, body.after);
  if (body.sketch_cells) pack.pack(5), pack.pack(*body.sketch_cells);
  if (!body.until.empty()) pack.pack(6), put_bin(pack, body.until);
  if (body.counters.empty()) return;
  ByteWriter counters;
  for (const std::uint64_t counter : body.counters) counters.u64(counter);
  pack.pack(7), put_bin(pack, counters.view());
}

void put(Packer& pack, const RebasedBody& body) {
  pack.pack_map(body.sketch.empty() ? 8 : 9);
  pack.pack(0), pack.pack(body.nonce);
  pack.pack(1), pack.pack(body.shard);
  pack.pack(2), put_bin(pack, bits_of(body.buckets));
  pack.pack(3), put_bin(pack, body.cells.bytes());
  pack.pack(4), put_bin(pack, body.next);
  pack.pack(5), pack.pack(body.end);
  pack.pack(6), pack.pack(body.sound);
  pack.pack(7), put_clock(pack, body.clock);
  if (!body.sketch.empty()) pack.pack(8), put_bin(pack, body.sketch);
}

void put(Packer& pack, const EvictBody& body) {
  pack.pack_map(6);
  pack.pack(0), pack.pack(static_cast<std::uint64_t>(body.step));
  pack.pack(1), pack.pack(body.ballot.at.value);
  pack.pack(2), pack.pack(body.ballot.origin.value);
  pack.pack(3), put_nodes(pack, body.members);
  pack.pack(4), put_nodes(pack, body.going);
  pack.pack(5), pack.pack(body.asked_for);
}

void put(Packer& pack, const VoteBody& body) {
  pack.pack_map(11);
  pack.pack(0), pack.pack(static_cast<std::uint64_t>(body.step));
  pack.pack(1), pack.pack(body.ballot.at.value);
  pack.pack(2), pack.pack(body.ballot.origin.value);
  pack.pack(3), pack.pack(static_cast<std::uint64_t>(body.refusal));
  pack.pack(4), pack.pack(body.promised.at.value);
  pack.pack(5), pack.pack(body.promised.origin.value);
  pack.pack(6), pack.pack(body.accepted.at.value);
  pack.pack(7), pack.pack(body.accepted.origin.value);
  pack.pack(8), put_nodes(pack, body.members);
  pack.pack(9), put_nodes(pack, body.going);
  pack.pack(10), put_nodes(pack, body.electorate);
}

void put(Packer& pack, const EvictedBody& body) {
  pack.pack_map(3);
  pack.pack(0), pack.pack(body.record.at.value);
  pack.pack(1), pack.pack(body.record.heard_of.value);
  pack.pack(2), pack.pack(body.node.value);
}

void put(Packer& pack, const ProbeBody& body) {
  const bool names = names_a_node(body.step);
  pack.pack_map(3u + (names ? 1u : 0u) + (body.rumours.empty() ? 0u : 1u));
  pack.pack(0), pack.pack(static_cast<std::uint64_t>(body.step));
  pack.pack(1), pack.pack(body.nonce);
  pack.pack(2), pack.pack(body.incarnation);
  if (names) pack.pack(3), pack.pack(body.node.value);
  if (!body.rumours.empty()) pack.pack(4), put_bin(pack, encode(body.rumours));
}

}  // namespace

std::string encode(const Envelope& envelope) {
  Buffer buffer;
  Packer pack(buffer);
  pack.pack_map(10u + (envelope.members.empty() ? 0u : 1u) + (envelope.horizon ? 1u : 0u) + (envelope.voted ? 1u : 0u));
  pack.pack_uint8(kCluster), pack.pack(envelope.cluster.value);
  pack.pack_uint8(kSender), pack.pack(envelope.sender.value);
  pack.pack_uint8(kOrigin), pack.pack(envelope.origin.value);
  pack.pack_uint8(kStart), pack.pack(envelope.start.value);
  pack.pack_uint8(kFloor), pack.pack(envelope.floor.value);
  pack.pack_uint8(kHlc), pack.pack(envelope.hlc.value);
  pack.pack_uint8(kWallMs), pack.pack(static_cast<std::uint64_t>(envelope.wall_ms));
  pack.pack_uint8(kMembersVersion), pack.pack(envelope.members_version);
  pack.pack_uint8(kType), pack.pack(static_cast<std::uint64_t>(envelope.body.index()));
  pack.pack_uint8(kBody), std::visit([&](const auto& body) { put(pack, body); }, envelope.body);
  if (!envelope.members.empty()) pack.pack_uint8(kMembers), put_bin(pack, envelope.members.bytes());
  if (envelope.horizon) pack.pack_uint8(kHorizon), pack.pack(envelope.horizon.value);
  if (envelope.voted) pack.pack_uint8(kVoted), pack.pack(true);

  ByteWriter frame;
  frame.bytes(kMagic);
  frame.u8(kPeerProtocolVersion);
  frame.u64(checksum_of(kPeerProtocolVersion, {buffer.data(), buffer.size()}));
  frame.bytes({buffer.data(), buffer.size()});
  return frame.take();
}

}  // namespace kith
