#include "gossip/core.h"

#include "crdt/bytes.h"
#include "crdt/check.h"
#include "crdt/limits.h"

namespace kith {

namespace meta {

std::string encode_number(std::uint64_t value) {
  ByteWriter out;
  out.u64(value);
  return out.take();
}

std::uint64_t decode_number(const std::optional<std::string>& bytes) {
  if (!bytes || bytes->size() != 8) return 0;
  return ByteReader(*bytes).u64();
}

}  // namespace meta

Core::Core(const EngineOptions& engine_options, Store& engine_store, std::uint64_t seed)
    : options(engine_options), store(engine_store), random(seed) {}

void Core::count(std::string_view counter, std::uint64_t by) {
  const auto at = counters.find(counter);
  if (at != counters.end()) {
    at->second += by;
  } else {
    counters.emplace(counter, by);
  }
}

std::optional<Timestamp> Core::issue() {
  const auto issued = hlc.issue(now.wall_ms);
  if (!issued) return std::nullopt;
  if (*issued > lease) {
    lease = Timestamp::at_ms(issued->ms() + options.lease_ms);
    out->store.set_meta(meta::kLease, meta::encode_number(lease.value));
  }
  return issued;
}

std::size_t cell_bytes_at_most(const CellKey& cell, const Content& delta) {
  const std::size_t value = delta.holds(Kind::kSet) || !delta.present() ? 0 : delta.as_register().value()->size();
  return 64 + cell.table.size() + cell.key.size() + cell.member.size() + delta.entry_count() * 32 + value;
}

void Core::merge(ShardId shard, const CellKey& cell, const Content& delta) {
  out->store.merge(shard, cell, delta);
  // A row, its old and new feed entry, its count and its clock are on a page each, copied when written.
  constexpr std::uint64_t kPagesBytes = 5 * 4096;
  batch_bytes_at_most += kPagesBytes + 2 * cell_bytes_at_most(cell, delta);
  if (shard != kSystemShard) return;
  const auto changed = members.merge(cell, delta);
  if (!changed) return;
  for (const Life& life : members.find(*changed)->record.lives) clocks.begin_life(life.origin, life.start);
}

void Core::hold(ShardId shard, OriginId origin, Timestamp commit) {
  if (clocks.hold(shard, origin, commit)) out->store.hold(shard, origin, commit);
}

void Core::commit_own(ShardId shard, const CellKey& cell, const Content& delta, Timestamp commit) {
  Pending& pending = pending_pushes[shard];
  if (pending.steps.empty()) pending.previous = clocks.held(shard, self.origin);
  if (pending.steps.empty() || pending.steps.back().commit != commit) pending.steps.push_back({commit, {}});
  pending.steps.back().cells.append(cell, delta);
  merge(shard, cell, delta);
  hold(shard, self.origin, commit);
}

Timestamp Core::promise_of_durable() {
  Timestamp least;
  for (const auto& [shard, pending] : pending_pushes) {
    const Timestamp first = pending.steps.front().commit;
    if (!least || first < least) least = first;
  }
  return least ? just_before(least) : promise_of_step();
}

Timestamp Core::promise_of_step() {
  const Timestamp at = hlc.read(now.wall_ms);
  hlc.observe(at);
  clocks.promise(self.origin, at);
  return at;
}

std::optional<std::vector<Cell>> Core::read_cells(ShardId shard, const CellBlock& block) {
  if (shard != kSystemShard && shard >= self.shard_count) return std::nullopt;
  auto cells = block.read();
  if (!cells) return std::nullopt;
  for (const Cell& cell : *cells) {
    if (shard_of(cell.key, self.shard_count) != shard) return std::nullopt;
  }
  return cells;
}

std::vector<NodeId> Core::others() const {
  std::vector<NodeId> nodes;
  for (const auto& [node, member] : members.members()) {
    if (node != self.node) nodes.push_back(node);
  }
  return nodes;
}

std::string Core::name_of(NodeId node) const {
  const auto* known = members.find(node);
  return known != nullptr && !known->record.name.empty() ? known->record.name : to_hex(node.value);
}

void Core::send(NodeId to, Body body) {
  const auto* known = members.find(to);
  if (known == nullptr) return;
  send_to_address(known->record.peer_address, to, std::move(body));
}

void Core::send_to_address(const std::string& address, NodeId to, Body body) {
  const std::string type(type_name(body));
  std::string bytes = seal(to, std::move(body));
  KITH_CHECK(bytes.size() <= kMessageBytesMax, "a message was built over the limit", type, bytes.size());
  count("sent_" + type);
  count("sent_" + type + "_bytes", bytes.size());
  out->sends.push_back({address, to, std::move(bytes)});
}

void Core::attach_members(Envelope& envelope) {
  // A table too large for a message goes in pieces, each from where the last one ended.
  constexpr std::size_t kAttachedBytesMax = kMessageBytesMax / 4;
  const auto& cells = members.cells();
  auto at = cells.upper_bound(last_attached_);
  for (std::size_t i = 0; i < cells.size() && envelope.members.size() < kAttachedBytesMax; ++i) {
    if (at == cells.end()) at = cells.begin();
    envelope.members.append(at->second.key, at->second.content);
    last_attached_ = at->first;
    ++at;
  }
}

std::string Core::seal(NodeId to, Body body) {
  Envelope envelope;
  envelope.cluster = self.cluster;
  envelope.sender = self.node;
  envelope.origin = self.origin;
  envelope.start = self.start;
  envelope.hlc = hlc.read(now.wall_ms);
  envelope.wall_ms = now.wall_ms;
  envelope.members_version = members.version();
  envelope.body = std::move(body);

  const auto peer = peers.find(to);
  const bool differs = peer == peers.end() || peer->second.members_version != members.version();
  const bool small_body = !std::holds_alternative<PushBody>(envelope.body);  // A push is about its own origin only.
  if (joined() && differs && small_body) attach_members(envelope);
  std::string bytes = encode(envelope);
  if (bytes.size() > kMessageBytesMax) {  // A large body: the table comes along with the next small one.
    envelope.members = {};
    bytes = encode(envelope);
  }
  return bytes;
}

}  // namespace kith
