#include <msgpack.hpp>

#include "crdt/bytes.h"
#include "crdt/limits.h"
#include "gossip/message.h"
#include "gossip/message_layout.h"
#include "gossip/msgpack_guard.h"
#include "gossip/sketch.h"

namespace kith {
namespace {

using namespace layout;

// The values of one map with integer keys, or of one array, by number; asking for one that is absent or
// not what it should be makes ok() false, for good.

class Values {
 public:
  static Values of_map(const msgpack::object& object) {
    Values out;
    if (object.type != msgpack::type::MAP) return out.failed();
    for (std::uint32_t i = 0; i < object.via.map.size; ++i) {
      const auto& [key, value] = object.via.map.ptr[i];
      if (key.type == msgpack::type::POSITIVE_INTEGER && key.via.u64 < kSlots) out.at_[key.via.u64] = &value;
    }
    return out;
  }
  static Values of_array(const msgpack::object& object, std::uint32_t size) {
    Values out;
    if (object.type != msgpack::type::ARRAY || object.via.array.size != size || size > kSlots) return out.failed();
    for (std::uint32_t i = 0; i < size; ++i) out.at_[i] = &object.via.array.ptr[i];
    return out;
  }

  bool ok() const { return ok_; }
  void fail() { ok_ = false; }
  bool has(std::size_t slot) const { return at_[slot] != nullptr; }

  std::uint64_t number(std::size_t slot) {
    const msgpack::object* value = at_[slot];
    if (value == nullptr || value->type != msgpack::type::POSITIVE_INTEGER) return bad<std::uint64_t>();
    return value->via.u64;
  }
  std::uint64_t number_or_zero(std::size_t slot) { return has(slot) ? number(slot) : 0; }
  bool boolean(std::size_t slot) {
    const msgpack::object* value = at_[slot];
    if (value == nullptr || value->type != msgpack::type::BOOLEAN) return bad<bool>();
    return value->via.boolean;
  }
  Timestamp time(std::size_t slot) { return Timestamp{number(slot)}; }
  ShardId shard(std::size_t slot) {
    const std::uint64_t value = number(slot);
    if (value >= kShardsMax && value != kSystemShard) fail();
    return static_cast<ShardId>(value);
  }
  std::string text(std::size_t slot, std::size_t bytes_max) {
    const msgpack::object* value = at_[slot];
    if (value == nullptr || value->type != msgpack::type::STR || value->via.str.size > bytes_max) return bad<std::string>();
    return {value->via.str.ptr, value->via.str.size};
  }
  std::string bin(std::size_t slot) {
    const msgpack::object* value = at_[slot];
    if (value == nullptr || value->type != msgpack::type::BIN) return bad<std::string>();
    return {value->via.bin.ptr, value->via.bin.size};
  }
  Standing standing(std::size_t slot, Timestamp promise) {
    const std::string bytes = bin(slot);
    ByteReader in(bytes);
    Standing out;
    out.last = Timestamp{in.u64()};
    const std::uint64_t first = in.varint();
    const auto behind = [&](std::uint64_t lag) {
      if (lag == 0) return Timestamp{};
      return lag - 1 < static_cast<std::uint64_t>(promise.ms()) ? Timestamp::at_ms(promise.ms() - static_cast<std::int64_t>(lag - 1)) : Timestamp{};
    };
    while (in.ok() && in.left() > 0) {
      const std::uint64_t promised = in.varint(), floor = in.varint();
      out.members.push_back({behind(promised), behind(floor)});
    }
    if (!in.ok() || first >= kMembersMax || out.members.size() > kMembersMax) return bad<Standing>();
    out.first = static_cast<std::uint32_t>(first);
    return out;
  }
  CommitClock clock(std::size_t slot) {
    const std::string bytes = bin(slot);
    ByteReader in(bytes);
    CommitClock out;
    while (in.left() > 0) {
      const OriginId origin{in.u64()};
      const Timestamp at{in.u64()};
      if (!in.ok() || !at || (out.empty() ? !origin : origin <= out.back().first)) return bad<CommitClock>();
      out.emplace_back(origin, at);
    }
    return out;
  }
  std::vector<NodeId> nodes(std::size_t slot) {
    const std::string bytes = bin(slot);
    if (bytes.size() % 8 != 0 || bytes.size() > 8 * kMembersMax) return bad<std::vector<NodeId>>();
    ByteReader in(bytes);
    std::vector<NodeId> out;
    while (in.left() > 0) {
      const NodeId node{in.u64()};
      if (out.empty() ? !node : node <= out.back()) return bad<std::vector<NodeId>>();
      out.push_back(node);
    }
    return out;
  }
  Ballot ballot(std::size_t slot) {
    const Ballot out{time(slot), OriginId{number(slot + 1)}};
    return static_cast<bool>(out.at) == static_cast<bool>(out.origin) ? out : bad<Ballot>();
  }
  Values map(std::size_t slot) const { return has(slot) ? of_map(*at_[slot]) : Values().failed(); }
  template <class Read>  // (const msgpack::object&) -> bool
  void each(std::size_t slot, Read read) {
    const msgpack::object* value = at_[slot];
    if (value == nullptr || value->type != msgpack::type::ARRAY) return fail();
    for (std::uint32_t i = 0; i < value->via.array.size && ok_; ++i) {
      if (!read(value->via.array.ptr[i])) fail();
    }
  }

 private:
  static constexpr std::size_t kSlots = 16;

  Values failed() {
    ok_ = false;
    return *this;
  }
  template <class T>
  T bad() {
    ok_ = false;
    return T{};
  }

  const msgpack::object* at_[kSlots] = {};
  bool ok_ = true;
};

// Left out by versions that do not know of it.
bool get_retry_window(Values& in, std::size_t slot, std::int64_t& out) {
  const std::uint64_t ms = in.number_or_zero(slot);
  out = static_cast<std::int64_t>(ms);
  return ms <= static_cast<std::uint64_t>(kRetryWindowMsMax);
}

bool get_replicas(Values& in, std::size_t slot, std::uint32_t& out) {
  const std::uint64_t number = in.number_or_zero(slot);
  out = static_cast<std::uint32_t>(number);
  return number <= kMembersMax;
}

bool get(Values in, JoinBody& out) {
  out.name = in.text(0, kNodeNameBytesMax);
  out.peer_address = in.text(1, kAddressBytesMax);
  out.cluster_name = in.text(2, kNodeNameBytesMax);
  out.shard_count = in.number(3);
  out.nonce = in.number(4);
  const bool window = get_retry_window(in, 5, out.retry_window_ms);
  const bool replicas = get_replicas(in, 6, out.replicas);
  return in.ok() && window && replicas && !out.name.empty() && !out.peer_address.empty();
}

bool get(Values in, WelcomeBody& out) {
  out.cluster_name = in.text(0, kNodeNameBytesMax);
  out.shard_count = in.number(1);
  out.nonce = in.number(2);
  const bool window = get_retry_window(in, 3, out.retry_window_ms);
  if (in.has(4)) out.electorate = in.nodes(4);
  const bool replicas = get_replicas(in, 5, out.replicas);
  return in.ok() && window && replicas && out.shard_count > 0 && out.shard_count <= kShardsMax;
}

bool get(Values in, RefuseBody& out) {
  out.code = in.text(0, 64);
  out.sentence = in.text(1, 1024);
  out.nonce = in.number(2);
  return in.ok();
}

void get_parts(Values& in, std::size_t slot, std::vector<PushBody::Part>& out) {
  in.each(slot, [&](const msgpack::object& object) {
    Values part = Values::of_array(object, 4);
    if (!part.ok()) return false;
    out.push_back({part.shard(0), part.time(1), part.time(2), CellBlock(part.bin(3))});
    return part.ok() && out.back().previous < out.back().commit;
  });
}

bool get(Values in, PushBody& out) {
  get_parts(in, 0, out.parts);
  out.nonce = in.number_or_zero(1);
  out.spread = in.has(2) && in.boolean(2);
  if (in.has(4)) out.after = in.time(4);
  if (!in.has(3)) return in.ok();
  in.each(3, [&](const msgpack::object& object) {
    Values relayed = Values::of_array(object, 5);
    if (!relayed.ok()) return false;
    out.relayed.push_back({NodeId{relayed.number(0)}, OriginId{relayed.number(1)}, relayed.time(2), relayed.time(3), {}});
    get_parts(relayed, 4, out.relayed.back().parts);
    const auto& it = out.relayed.back();
    return relayed.ok() && it.node && it.origin && it.start;
  });
  return in.ok();
}

bool get(Values in, AckBody& out) {
  out.nonce = in.number(0);
  return in.ok();
}

template <class Held>  // SummaryBody, AgreedBody
bool get_held(Values in, Held& out) {
  out.digest = in.number(0);
  out.promise = in.time(1);
  if (in.has(2)) out.root = in.number(2);
  if (in.has(3)) out.standing = in.standing(3, out.promise);
  return in.ok();
}
bool get(const Values& in, SummaryBody& out) { return get_held(in, out); }
bool get(const Values& in, AgreedBody& out) { return get_held(in, out); }

bool get(Values in, DigestsBody& out) {
  in.each(0, [&](const msgpack::object& object) {
    Values part = Values::of_array(object, 2);
    if (!part.ok()) return false;
    out.shards.emplace_back(part.shard(0), part.number(1));
    return part.ok();
  });
  if (in.has(1)) out.promise = in.time(1);
  if (in.has(3)) out.standing = in.standing(3, out.promise);
  return in.ok();
}

bool get(Values in, PullBody& out) {
  out.nonce = in.number(0);
  in.each(1, [&](const msgpack::object& object) {
    Values part = Values::of_array(object, 4);
    if (!part.ok()) return false;
    out.parts.push_back({part.shard(0), OriginId{part.number(1)}, part.number(2), part.clock(3)});
    return part.ok();
  });
  return in.ok() && out.nonce != 0;
}

bool get(Values in, RowsBody& out) {
  out.nonce = in.number(0);
  in.each(1, [&](const msgpack::object& object) {
    Values part = Values::of_array(object, 6);
    if (!part.ok()) return false;
    out.parts.push_back({part.shard(0), part.number(1), part.boolean(2), part.boolean(3), part.clock(4),
                         CellBlock(part.bin(5))});
    return part.ok();
  });
  out.promise = in.time(2);
  return in.ok();
}

bool read_store_key(const msgpack::object& object, std::vector<StoreKey>& out) {
  if (object.type != msgpack::type::BIN || object.via.bin.size < 3 || object.via.bin.size > kStoreKeyBytesMax) return false;
  out.emplace_back(object.via.bin.ptr, object.via.bin.size);
  return true;
}

bool get(Values in, FetchBody& out) {
  in.each(0, [&](const msgpack::object& object) { return read_store_key(object, out.keys); });
  return in.ok();
}

bool get(Values in, MendedBody& out) {
  in.each(0, [&](const msgpack::object& object) {
    Values part = Values::of_array(object, 2);
    if (!part.ok()) return false;
    out.parts.push_back({part.shard(0), CellBlock(part.bin(1))});
    return part.ok();
  });
  in.each(1, [&](const msgpack::object& object) { return read_store_key(object, out.missing); });
  if (in.has(3)) in.each(3, [&](const msgpack::object& object) { return read_store_key(object, out.damaged); });
  if (!in.has(2)) return in.ok();
  in.each(2, [&](const msgpack::object& object) {
    Values clock = Values::of_array(object, 2);
    if (!clock.ok()) return false;
    out.clocks.emplace_back(clock.shard(0), clock.clock(1));
    return clock.ok();
  });
  return in.ok();
}

bool get(const Values& in, StoppingBody&) { return in.ok(); }

bool get(Values in, SupersededBody& out) {
  out.origin = OriginId{in.number(0)};
  out.start = in.time(1);
  out.node = NodeId{in.number(2)};
  return in.ok() && out.origin && out.start && out.node;
}

bool read_bits(const std::string& bits, BucketSet& out) {
  if (bits.size() != kBucketSetBytes) return false;
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = ((bits[i / 8] >> (i % 8)) & 1) != 0;
  return true;
}

bool read_sums(const std::string& sums, Buckets& out) {
  if (sums.size() != kFingerprintBuckets * 8) return false;
  ByteReader bytes(sums);
  for (std::uint64_t& sum : out) sum = bytes.u64();
  return true;
}

// Some, sorted, none twice.
bool read_hashes(const std::string& hashes, std::vector<std::uint64_t>& out) {
  ByteReader bytes(hashes);
  while (bytes.left() > 0) {
    const std::uint64_t hash = bytes.u64();
    if (!bytes.ok() || (!out.empty() && hash <= out.back())) return false;
    out.push_back(hash);
  }
  return !out.empty();
}

bool get(Values in, AuditBody& out) {
  out.nonce = in.number(0);
  const std::string roots = in.bin(1);
  for (ByteReader bytes(roots); bytes.left() > 0;) {
    const ShardId shard = bytes.u16();
    const std::uint64_t root = bytes.u64();
    if (!bytes.ok() || (shard >= kShardsMax && shard != kSystemShard)) return false;
    if (!out.roots.empty() && shard <= out.roots.back().first) return false;
    out.roots.emplace_back(shard, root);
  }
  return in.ok() && out.nonce != 0;
}

bool get(Values in, BucketsBody& out) {
  out.nonce = in.number(0);
  in.each(1, [&](const msgpack::object& object) {
    Values part = Values::of_array(object, 2);
    if (!part.ok()) return false;
    const ShardId shard = part.shard(0);
    out.parts.push_back({shard, {}});
    return read_sums(part.bin(1), out.parts.back().sums) && part.ok();
  });
  return in.ok();
}

bool get(Values in, RepairBody& out) {
  out.nonce = in.number(0);
  out.shard = in.shard(1);
  const std::string bits = in.bin(2);
  out.after = in.bin(3);
  out.back = in.has(4) && in.boolean(4);
  if (!in.ok() || out.after.size() > kStoreKeyBytesMax || !read_bits(bits, out.buckets)) return false;
  return out.nonce != 0 && out.buckets.any();
}

bool get(Values in, RebaseBody& out) {
  out.nonce = in.number(0);
  out.shard = in.shard(1);
  if (in.has(2) == in.has(3)) return false;
  if (in.has(2)) {
    if (!read_sums(in.bin(2), out.sums.emplace())) return false;
  } else if (!read_bits(in.bin(3), out.buckets) || !out.buckets.any()) {
    return false;
  }
  out.after = in.bin(4);
  if (in.has(5)) {
    const std::uint64_t cells = in.number(5);
    if (cells > Sketch::kCellsMax) return false;
    out.sketch_cells = static_cast<std::uint32_t>(cells);
  }
  if (in.has(6)) {
    out.until = in.bin(6);
    if (out.sums || out.until <= out.after || out.until.size() > kStoreKeyBytesMax) return false;
  }
  if (in.has(7) && (out.sums || out.sketch_cells || !read_hashes(in.bin(7), out.counters))) return false;
  return in.ok() && out.nonce != 0 && out.after.size() <= kStoreKeyBytesMax;
}

bool get(Values in, RebasedBody& out) {
  out.nonce = in.number(0);
  out.shard = in.shard(1);
  if (!read_bits(in.bin(2), out.buckets)) return false;
  out.cells = CellBlock(in.bin(3));
  out.next = in.bin(4);
  out.end = in.boolean(5);
  out.sound = in.boolean(6);
  out.clock = in.clock(7);
  if (in.has(8)) {
    out.sketch = in.bin(8);
    if (!Sketch::fits(out.sketch) || !out.cells.empty()) return false;
  }
  return in.ok() && out.next.size() <= kStoreKeyBytesMax && out.next.empty() == out.end;
}

bool get(Values in, RepairedBody& out) {
  out.nonce = in.number(0);
  out.shard = in.shard(1);
  out.cells = CellBlock(in.bin(2));
  out.next = in.bin(3);
  out.end = in.boolean(4);
  return in.ok() && out.next.size() <= kStoreKeyBytesMax && out.next.empty() == out.end;
}

bool get_step(Values& in, std::size_t slot, VoteStep& out) {
  const std::uint64_t step = in.number(slot);
  out = static_cast<VoteStep>(step);
  return step <= static_cast<std::uint64_t>(VoteStep::kWithdrawn);
}

bool get(Values in, EvictBody& out) {
  const bool step = get_step(in, 0, out.step);
  out.ballot = in.ballot(1);
  out.members = in.nodes(3);
  out.going = in.nodes(4);
  out.asked_for = in.boolean(5);
  return in.ok() && step && out.ballot && !out.members.empty() && !out.going.empty();
}

bool get(Values in, VoteBody& out) {
  const bool step = get_step(in, 0, out.step);
  out.ballot = in.ballot(1);
  const std::uint64_t refusal = in.number(3);
  out.refusal = static_cast<VoteRefusal>(refusal);
  out.promised = in.ballot(4);
  out.accepted = in.ballot(6);
  out.members = in.nodes(8);
  out.going = in.nodes(9);
  out.electorate = in.nodes(10);
  return in.ok() && step && out.ballot && refusal <= static_cast<std::uint64_t>(VoteRefusal::kHeardOfIt);
}

bool get(Values in, EvictedBody& out) {
  out.record = {in.time(0), in.time(1)};
  out.node = NodeId{in.number(2)};
  return in.ok() && out.record.at && out.record.heard_of && out.node;
}

bool get(Values in, ProbeBody& out) {
  const std::uint64_t step = in.number(0);
  if (step > static_cast<std::uint64_t>(ProbeBody::Step::kRumours)) return false;
  out.step = static_cast<ProbeBody::Step>(step);
  out.nonce = in.number(1);
  out.incarnation = in.number(2);
  if (in.has(3)) out.node = NodeId{in.number(3)};
  if (in.has(4)) {
    auto rumours = decode_rumours(in.bin(4));
    if (!rumours) return false;
    out.rumours = *std::move(rumours);
  }
  const bool asks_nothing = out.step == ProbeBody::Step::kRumours;
  return in.ok() && (out.nonce == 0) == asks_nothing && static_cast<bool>(out.node) == names_a_node(out.step) &&
         out.incarnation <= kIncarnationMax;
}

// Reads the body of type number `type`; `known` tells whether there is such a type.
template <std::size_t Index = 0>
bool get_body(std::uint64_t type, const Values& in, Body& out, bool& known) {
  if constexpr (Index == std::variant_size_v<Body>) {
    known = false;
    return false;
  } else {
    if (type != Index) return get_body<Index + 1>(type, in, out, known);
    known = true;
    return get(in, out.emplace<Index>());
  }
}

// Of a type that is read in every version.
bool says_who_fits(std::uint64_t type) { return type == Body(JoinBody{}).index() || type == Body(RefuseBody{}).index(); }

}  // namespace

FrameError decode(std::string_view frame, Envelope& out) {
  if (frame.size() > kMessageBytesMax) return FrameError::kTooLarge;
  if (frame.size() < kHeaderBytes || !frame.starts_with(kMagic)) return FrameError::kNotKith;
  ByteReader header(frame.substr(kMagic.size(), kHeaderBytes - kMagic.size()));
  out.version = header.u8();
  const bool foreign = out.version != kPeerProtocolVersion;
  const std::uint64_t checksum = header.u64();
  const std::string_view payload = frame.substr(kHeaderBytes);
  if (checksum_of(out.version, payload) != checksum) return foreign ? FrameError::kVersion : FrameError::kChecksum;
  if (!msgpack_is_sound(payload)) return foreign ? FrameError::kVersion : FrameError::kMsgpack;

  // SUBTLE: everything in the object tree points into `payload`; it is copied out below, before we return.
  const auto by_reference = [](msgpack::type::object_type, std::size_t, void*) { return true; };
  const msgpack::object_handle handle = msgpack::unpack(payload.data(), payload.size(), by_reference);
  Values in = Values::of_map(handle.get());
  // SUBTLE: of another version nothing else may be looked at: what it means here need not be what it meant there.
  if (foreign && (!in.ok() || !says_who_fits(in.number_or_zero(kType)))) return FrameError::kVersion;
  if (!in.ok()) return FrameError::kEnvelope;
  out.cluster = ClusterId{in.number(kCluster)};
  out.sender = NodeId{in.number(kSender)};
  out.origin = OriginId{in.number(kOrigin)};
  out.start = in.time(kStart);
  out.floor = in.time(kFloor);
  out.hlc = in.time(kHlc);
  const std::uint64_t wall_ms = in.number(kWallMs);
  out.wall_ms = static_cast<std::int64_t>(wall_ms);
  out.members_version = in.number(kMembersVersion);
  out.members = in.has(kMembers) ? CellBlock(in.bin(kMembers)) : CellBlock();
  if (in.has(kHorizon)) out.horizon = in.time(kHorizon);
  out.voted = in.has(kVoted) && in.boolean(kVoted);
  const std::uint64_t type = in.number(kType);
  if (!in.ok() || !out.sender || !out.origin || !out.start || wall_ms > static_cast<std::uint64_t>(Timestamp::kMillisecondsMax)) {
    return FrameError::kEnvelope;
  }
  bool known = false;
  const bool sound = get_body(type, in.map(kBody), out.body, known);
  if (!known) return FrameError::kUnknownType;
  return sound ? FrameError::kNone : FrameError::kBody;
}

std::optional<NodeId> peek_sender(std::string_view frame) {
  Envelope envelope;
  if (decode(frame, envelope) != FrameError::kNone) return std::nullopt;
  return envelope.sender;
}

}  // namespace kith
