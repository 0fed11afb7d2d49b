#include "tests/gossip/frames.h"

#include <doctest/doctest.h>

#include "crdt/bytes.h"
#include "gossip/message_layout.h"

namespace kith::test {
namespace {

constexpr std::int64_t kEpochMs = 1'700'000'000'000;  // Of Network's virtual time.
constexpr std::size_t kHeaderBytes = 13;

}  // namespace

std::string from_hex(std::string_view text) {
  std::string digits, out;
  for (const char c : text) {
    if (c != ' ' && c != '\n') digits += c;
  }
  REQUIRE(digits.size() % 2 == 0);
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    out += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  }
  return out;
}

std::string hex_of(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    out += kDigits[static_cast<unsigned char>(c) >> 4];
    out += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

std::string framed(std::string_view payload, std::uint8_t version) {
  ByteWriter out;
  out.bytes("KITH");
  out.u8(version);
  out.u64(layout::checksum_of(version, payload));
  out.bytes(payload);
  return out.take();
}

std::string payload_of(std::string_view frame) { return std::string(frame.substr(kHeaderBytes)); }

std::string resealed(std::string_view frame) {
  if (frame.size() < kHeaderBytes) return std::string(frame);
  const std::string whole = framed(frame.substr(kHeaderBytes));
  return std::string(frame.substr(0, 5)) + whole.substr(5);
}

namespace pack {
namespace {

std::string headed(std::uint8_t small, std::size_t small_max, std::uint8_t wide16, std::size_t size) {
  ByteWriter out;
  if (size <= small_max) {
    out.u8(static_cast<std::uint8_t>(small | size));
  } else {
    out.u8(wide16);
    out.u16(static_cast<std::uint16_t>(size));
  }
  return out.take();
}

}  // namespace

std::string number(std::uint64_t value) {
  ByteWriter out;
  if (value < 0x80) {
    out.u8(static_cast<std::uint8_t>(value));
  } else {
    out.u8(0xcf);
    out.u64(value);
  }
  return out.take();
}

std::string text(std::string_view value) { return headed(0xa0, 31, 0xda, value.size()).append(value); }

std::string bin(std::string_view value) {
  ByteWriter out;
  out.u8(0xc5);
  out.u16(static_cast<std::uint16_t>(value.size()));
  out.bytes(value);
  return out.take();
}

std::string boolean(bool value) { return value ? "\xc3" : "\xc2"; }

std::string array(const std::vector<std::string>& values) {
  std::string out = headed(0x90, 15, 0xdc, values.size());
  for (const auto& value : values) out += value;
  return out;
}

std::string map(const Fields& fields) {
  std::string out = headed(0x80, 15, 0xde, fields.size());
  for (const auto& [key, value] : fields) out += number(key) + value;
  return out;
}

}  // namespace pack

Envelope example(Body body) {
  Envelope out;
  out.cluster = ClusterId{0xc1};
  out.sender = NodeId{0x51};
  out.origin = OriginId{0x0a};
  out.start = Timestamp::at_ms(1'700'000'000'000);
  out.floor = Timestamp{};
  out.hlc = Timestamp::at_ms(1'700'000'001'000, 2);
  out.wall_ms = 1'700'000'001'000;
  out.members_version = 0x77;
  out.body = std::move(body);
  return out;
}

std::vector<Envelope> examples() {
  const OriginId origin{0x0a};
  const Timestamp first = Timestamp::at_ms(1'700'000'000'500), second = Timestamp::at_ms(1'700'000'000'600, 1);
  const CellBlock cells = plain_add("likes", "tea", origin, second);
  const CommitClock clock{{origin, first}, {OriginId{0x0b}, second}};
  const StoreKey key = store_key(2, {"t", "likes", Kind::kSet, "tea"});

  std::vector<Envelope> out;
  out.push_back(example(JoinBody{"n2", "n2:2", "kith", 4, 9}));
  out.push_back(example(WelcomeBody{"kith", 4, 9}));
  out.push_back(example(RefuseBody{"name_taken", "choose another", 9}));
  PushBody push;
  push.parts.push_back({2, first, second, cells});
  out.push_back(example(push));
  push.nonce = 9;
  out.push_back(example(push));
  out.push_back(example(AckBody{9}));
  // Of the first two members: one of whom nothing is missing up to the promise, one who has not said how far it is.
  const Standing standing{first, 0, {{second, first}, {first, {}}}};
  out.push_back(example(SummaryBody{0xd1, second, {}, standing}));
  out.push_back(example(AgreedBody{0xd1, second, {}, standing}));
  out.push_back(example(DigestsBody{{{2, 0xd2}, {kSystemShard, 0xd3}}, second, standing}));
  PullBody pull;
  pull.nonce = 9;
  pull.parts.push_back({2, OriginId{0x0b}, 5, clock});
  pull.parts.push_back({3, {}, 0, {}});
  out.push_back(example(pull));
  RowsBody rows;
  rows.nonce = 9;
  rows.parts.push_back({2, 7, true, true, clock, cells});
  rows.parts.push_back({3, 1, false, false, {}, {}});
  rows.promise = second;
  out.push_back(example(rows));
  out.push_back(example(FetchBody{{key}}));
  MendedBody mended;
  mended.parts.push_back({2, cells});
  mended.missing.push_back(key);
  out.push_back(example(mended));
  out.push_back(example(StoppingBody{}));

  Envelope with_members = example(SummaryBody{0xd1, second});
  const MemberRecord record{"n1", "n1:1", "n1:2", {{origin, Timestamp::at_ms(1'700'000'000'000)}}};
  Content content(Kind::kHash);
  (void)content.as_register().set(encode(record), {first, actor_of(origin)}, {first, origin});
  with_members.members.append(member_cell(NodeId{0x51}), content);
  out.push_back(with_members);

  push.spread = true;
  out.push_back(example(push));
  PushBody relayed;
  relayed.relayed.push_back({NodeId{0x52}, origin, first, second, push.parts});
  relayed.relayed.push_back({NodeId{0x53}, OriginId{0x0b}, first, second, {{3, {}, second, {}}, {3, second, {second.value + 1}, {}}}});
  out.push_back(example(relayed));

  SummaryBody with_root{0xd1, second, 0xd4};
  out.push_back(example(with_root));
  out.push_back(example(AgreedBody{0xd1, second, 0xd4}));
  AuditBody audit{9, {{2, 0xd5}, {kSystemShard, 0}}};
  out.push_back(example(audit));
  BucketsBody buckets{9, {{2, {}}}};
  buckets.parts[0].sums[0] = 0xd6;
  buckets.parts[0].sums[255] = 0xd7;
  out.push_back(example(buckets));
  RepairBody repair{9, 2, {}, {}};
  repair.buckets.set(0).set(9).set(255);
  out.push_back(example(repair));
  repair.after = key;
  repair.back = true;
  out.push_back(example(repair));
  out.push_back(example(RepairedBody{9, 2, cells, key, false}));
  out.push_back(example(RepairedBody{9, kSystemShard, {}, {}, true}));
  out.push_back(example(SupersededBody{OriginId{5}, Timestamp::at_ms(9), NodeId{7}}));

  PushBody after;
  after.parts = push.parts;
  after.after = first;
  after.relayed.push_back(relayed.relayed[0]);
  out.push_back(example(after));
  RebaseBody rebase{9, 2, buckets.parts[0].sums, {}, {}};
  out.push_back(example(rebase));
  rebase = {9, 2, {}, repair.buckets, key};
  out.push_back(example(rebase));
  out.push_back(example(RebasedBody{9, 2, repair.buckets, cells, key, false, true, clock}));
  out.push_back(example(RebasedBody{9, kSystemShard, {}, {}, {}, true, false, {}}));
  RebaseBody sketch{9, 2, buckets.parts[0].sums, {}, {}};
  sketch.sketch_cells = 0;
  out.push_back(example(sketch));
  rebase.sketch_cells = 300;
  rebase.until = key + "x";
  out.push_back(example(rebase));
  rebase.sketch_cells.reset();
  rebase.counters = {5, ~std::uint64_t{0}};
  out.push_back(example(rebase));
  RebasedBody sketched{9, 2, repair.buckets, {}, key, false, true, clock};
  sketched.sketch = std::string(40, '\x5e');
  out.push_back(example(sketched));
  Envelope with_horizon = example(StoppingBody{});
  with_horizon.floor = second;
  with_horizon.horizon = first;
  out.push_back(with_horizon);
  out.push_back(example(JoinBody{"n2", "n2:2", "kith", 4, 9, 600'000}));
  out.push_back(example(WelcomeBody{"kith", 4, 9, 600'000}));

  const Ballot ballot{first, OriginId{5}}, higher{Timestamp::at_ms(999'999), OriginId{6}};
  out.push_back(example(EvictBody{VoteStep::kPrepare, ballot, {NodeId{1}, NodeId{2}, NodeId{3}}, {NodeId{2}}, false}));
  out.push_back(example(EvictBody{VoteStep::kAccept, ballot, {NodeId{1}, NodeId{2}, NodeId{3}}, {NodeId{2}}, true}));
  out.push_back(example(EvictBody{VoteStep::kConfirm, ballot, {NodeId{1}, NodeId{2}, NodeId{3}}, {NodeId{2}}, true}));
  out.push_back(example(EvictBody{VoteStep::kWithdrawn, ballot, {NodeId{1}, NodeId{2}, NodeId{3}}, {NodeId{2}}, false}));
  out.push_back(example(VoteBody{VoteStep::kStands, ballot, VoteRefusal::kNone, higher, ballot, {NodeId{1}, NodeId{2}}, {NodeId{2}}, {}}));
  out.push_back(example(VoteBody{VoteStep::kPrepare, ballot, VoteRefusal::kNone, ballot, {}, {}, {}, {NodeId{1}}}));
  out.push_back(example(VoteBody{VoteStep::kAccept, ballot, VoteRefusal::kOutbid, higher, ballot, {NodeId{1}, NodeId{2}}, {NodeId{2}}, {NodeId{1}}}));
  out.push_back(example(EvictedBody{{first, Timestamp::at_ms(9)}, NodeId{7}}));
  out.push_back(example(WelcomeBody{"kith", 4, 9, 600'000, {NodeId{1}, NodeId{2}}}));
  Envelope voted = example(StoppingBody{});
  voted.voted = true;
  out.push_back(voted);
  const Rumour alive{Rumour::Kind::kAlive, NodeId{2}, first, 300}, dead{Rumour::Kind::kDead, NodeId{3}, second, 0, NodeId{2}};
  out.push_back(example(ProbeBody{ProbeBody::Step::kPing, 9, 1}));
  out.push_back(example(ProbeBody{ProbeBody::Step::kPingFor, 9, 0, NodeId{3}, {alive, dead}}));
  out.push_back(example(ProbeBody{ProbeBody::Step::kRumours, 0, 7, {}, {dead}}));
  return out;
}

CellBlock plain_add(const std::string& key, const std::string& member, OriginId origin, Timestamp at) {
  Content content(Kind::kSet);
  (void)content.as_set_element().add({at, actor_of(origin)}, {at, origin});
  CellBlock out;
  out.append({"t", key, Kind::kSet, member}, content);
  return out;
}

std::string key_in(ShardId shard, std::uint32_t shard_count) {
  for (int i = 0;; ++i) {
    std::string key = "key" + std::to_string(i);
    if (shard_of("t", key, shard_count) == shard) return key;
  }
}

Puppet::Puppet(Network& network, const std::string& name) : network_(network) {
  const EngineStatus status = network.node(name).engine->status({});
  node = status.node;
  origin = status.origin;
  start = status.start;
  cluster = status.cluster;
  members_version = status.members_version;
}

Timestamp Puppet::now() const { return Timestamp::at_ms(kEpochMs + network_.now_ms()); }

Envelope Puppet::envelope(Body body) {
  Envelope out;
  out.cluster = cluster;
  out.sender = node;
  out.origin = origin;
  out.start = start;
  out.wall_ms = now().ms() + ahead_ms;
  out.hlc = Timestamp::at_ms(out.wall_ms);
  out.members_version = members_version;
  out.body = std::move(body);
  return out;
}

Tap::Tap(Network& network) {
  network.filter = [this](const std::string& from, const std::string& to, std::string& bytes) {
    Sent it{from, to, bytes, {}};
    REQUIRE(decode(bytes, it.envelope) == FrameError::kNone);
    sent.push_back(std::move(it));
    if (pass && !pass(sent.back())) return false;
    return !lose.contains(std::string(type_name(sent.back().envelope.body)));
  };
}

std::size_t Tap::count(const std::string& type) const {
  std::size_t n = 0;
  for (const Sent& it : sent) n += type_name(it.envelope.body) == type ? 1 : 0;
  return n;
}

void begin_cluster(Network& network, int count) {
  for (int i = 1; i <= count; ++i) {
    const std::string name = "n" + std::to_string(i);
    network.add(name, i == 1 ? "" : "n1");
    network.start(name);
  }
  REQUIRE(network.run_until([&] {
    for (int i = 1; i <= count; ++i) {
      const auto status = network.node("n" + std::to_string(i)).engine->status({});
      if (status.members.size() != static_cast<std::size_t>(count) || !status.introduced) return false;
    }
    return network.all_settled();
  }));
}

CommitClock held(Network& network, const std::string& name, ShardId shard) {
  return network.node(name).store->snapshot()->held(shard);
}

Timestamp held(Network& network, const std::string& name, ShardId shard, OriginId origin) {
  for (const auto& [of, at] : held(network, name, shard)) {
    if (of == origin) return at;
  }
  return {};
}

Timestamp time_of(const Network& network, std::int64_t plus_ms, std::uint64_t counter) {
  return Timestamp::at_ms(kEpochMs + network.now_ms() + plus_ms, counter);
}

Instant instant_of(const Network& network) { return {network.now_ms(), kEpochMs + network.now_ms()}; }

std::string Puppet::says(Body body) { return encode(envelope(std::move(body))); }

}  // namespace kith::test
