#include "gossip/core.h"

#include <algorithm>
#include <iterator>

#include "crdt/bytes.h"
#include "crdt/check.h"
#include "crdt/limits.h"

namespace kith {
namespace {

constexpr std::int64_t kLatelyMs = 10'000;
constexpr std::int64_t kWarnEveryMs = 10'000;
constexpr std::int64_t kSkewsToCome = 16;  // Each may listen to somebody who is ahead by as much as is allowed.

}  // namespace

namespace meta {

std::string former_life(OriginId origin) { return "former_life_" + to_hex(origin.value); }

std::string encode_number(std::uint64_t value) {
  ByteWriter out;
  out.u64(value);
  return out.take();
}

std::uint64_t decode_number(const std::optional<std::string>& bytes) {
  if (!bytes || bytes->size() != 8) return 0;
  return ByteReader(*bytes).u64();
}

std::map<OriginId, Timestamp> decode_unheard_of(const std::optional<std::string>& bytes) {
  std::map<OriginId, Timestamp> out;
  if (!bytes) return out;
  ByteReader in(*bytes);
  for (std::size_t left = bytes->size() / 16; left > 0; --left) {
    const OriginId origin{in.u64()};
    out[origin] = Timestamp{in.u64()};
  }
  return out;
}

}  // namespace meta

Core::Core(const EngineOptions& engine_options, Store& engine_store, std::uint64_t seed)
    : options(engine_options), store(engine_store), random(seed) {
  const auto window_ms = static_cast<std::int64_t>(meta::decode_number(store.snapshot()->meta(meta::kRetryWindow)));
  if (window_ms > 0) options.retry_window_ms = window_ms;
}

void Core::count(std::string_view counter, std::uint64_t by) {
  const auto at = counters.find(counter);
  if (at != counters.end()) {
    at->second += by;
  } else {
    counters.emplace(counter, by);
  }
}

std::optional<std::uint64_t> Core::root_of_durable() const {
  if (!out->store.cells().empty() || !out->store.forgotten().empty()) return std::nullopt;
  return root_;
}

void Core::read_root() {
  const auto snapshot = store.snapshot();
  root_ = snapshot->root() + snapshot->shard_root(kSystemShard);
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

Timestamp Core::issue_now() {
  auto issued = issue();
  if (!issued) {
    hlc.observe(Timestamp::at_ms(hlc.last().ms() + 1));
    issued = issue();
  }
  KITH_CHECK(issued.has_value(), "a fresh millisecond has room for a timestamp", hlc.last().value);
  return *issued;
}

std::size_t cell_bytes_at_most(const CellKey& cell, const Content& delta) {
  const std::size_t value = delta.holds(Kind::kSet) || !delta.present() ? 0 : delta.as_register().value()->size();
  return 64 + cell.table.size() + cell.key.size() + cell.member.size() + delta.entry_count() * 32 + value;
}

void Core::expect_expiry(const Content& content) {
  const std::int64_t over_at_ms = content.over_at_ms();
  if (over_at_ms != 0) expiring_ms = std::min(expiring_ms.value_or(over_at_ms), over_at_ms);
}

void Core::merge(ShardId shard, const CellKey& cell, const Content& delta) {
  if (shard == kSystemShard && members.lives().knows_better(cell, delta)) return count("retired_lives_not_taken_back");
  if (shard != kSystemShard && life_is_over()) {
    ++unseen_dropped;
    return count("dropped_life_is_over");
  }
  // SUBTLE: what is in a base everybody had seen, whosever commit it bears.
  if (shard != kSystemShard && (!ended.empty() || !unheard_of.empty()) && !is_base(cell) && any_unseen(shard, delta)) {
    count("unseen_entries_dropped");
    // SUBTLE: of what the peer has of our own unheard lives it may have nothing else to tell before this node is back.
    bool others = false;
    delta.each_commit([&](const Commit& commit) { others = others || ended.unseen(shard, commit); });
    unseen_dropped += others ? 1 : 0;
    const Content seen = delta.where([&](const Commit& commit) { return !unseen(shard, commit); });
    if (!seen.empty()) merge(shard, cell, seen);
    return;
  }
  if (shard != kSystemShard && !own_lives.empty()) {
    delta.each_commit([&](const Commit& commit) {
      const auto own = own_lives.find(commit.origin);
      if (own == own_lives.end() || own->second.more || commit.at <= own->second.up_to) return;
      own->second.more = true;
      write_own_lives();
    });
  }
  if (redoing && shard != kSystemShard && before_merge) before_merge(shard, cell, delta);
  if (shard != kSystemShard) note_arrival(shard, delta);
  out->store.merge(shard, cell, delta);
  expect_expiry(delta);
  // A row, its old and new feed entry, its count and its clock are on a page each, copied when written.
  constexpr std::uint64_t kPagesBytes = 5 * 4096;
  batch_bytes_at_most += kPagesBytes + 2 * cell_bytes_at_most(cell, delta);
  if (shard != kSystemShard) return;
  if (tables.merge(cell, delta)) return;
  if (life_of_cell(cell)) return merge_life(cell, delta);
  if (const auto life = life_of_ended_cell(cell)) {
    if (ended.merge(cell, delta) && on_ended) on_ended(life->second);
    return;
  }
  if (const auto node = node_of_evicted_cell(cell)) {
    if (members.merge_evicted(cell, delta) && members.out(*node)) forget_last_life(*node);
    return;
  }
  const auto changed = members.merge(cell, delta);
  if (!changed) return;
  if (members.out(*changed)) return forget_last_life(*changed);
  for (const Life& life : members.find(*changed)->record.lives) hear_of(*changed, life);
}

void Core::write_unheard_of() {
  ByteWriter bytes;
  for (const auto& [origin, start] : unheard_of) bytes.u64(origin.value), bytes.u64(start.value);
  out->store.set_meta(meta::kUnheardOf, bytes.take());
}

// SUBTLE: a floor goes back when a life is heard of late, and horizons do not.
bool Core::may_be_settled(Timestamp at, Timestamp floor) const { return at <= horizon || at.ms() <= floor.ms() - options.retry_window_ms; }

bool Core::kept_on_record(Timestamp start, Timestamp floor) const {
  return floor.ms() - start.ms() <= EndedLife::kKeptWindows * options.retry_window_ms;
}

void Core::hear_of(NodeId node, Life life) {
  if (members.observes(node)) return;  // It commits nothing that anybody could lack.
  const Timestamp before = floor_held();
  const bool news = !clocks.knows(life.origin) && ended.find(life.origin) == nullptr && node != self.node;
  clocks.begin_life(life.origin, life.start);
  // SUBTLE: the floor on disk is promised of all lives at the next start, and this one is among them now.
  if (const Timestamp floor_now = floor_held(); floor_now < before) out->store.set_meta(meta::kFloor, meta::encode_number(floor_now.value));
  // SUBTLE: an observer's floor was told, but no horizon is made of it.
  if (!options.collect || !news || observer() || !may_be_settled(life.start, before) || !kept_on_record(life.start, before)) return;
  // SUBTLE: who has just joined has no earlier life that would hold a floor; gossip/lives.h, the introduction.  But for one that was let
  // in by a process that nobody listened to: removals are forgotten that it has not seen.
  const auto lives = members.lives().lives_of(node);
  const bool held = std::any_of(lives.begin(), lives.end(), [&](OriginId other) {
    return other != life.origin && clocks.knows(other) && members.lives().find(other)->record.start < life.start;
  });
  if (!held && life.start > horizon) return;
  clocks.promise(life.origin, before);  // SUBTLE: first, for what is done again keeps the floor where it is.
  write_ended(node, life.origin, EndedLife{life.start});
  count("lives_passed_unheard");
  note(Output::Note::Level::kError,
       name_of(node) + " ran twice (a copied data directory, or an old one?): what it wrote in a life that nobody heard of counts "
                       "no more, and is done again by that node");
}

// The record of who is out names a life that may be retired long since: in the table of lives is what counts.
void Core::forget_last_life(NodeId node) {
  const OriginId origin = members.find(node)->life.origin;
  if (members.lives().find(origin) == nullptr && clocks.knows(origin)) end_life(origin);
}

bool Core::unseen_up_to(ShardId shard, const Commit& commit) const {
  if (unheard_of.contains(commit.origin)) return true;
  const auto* entry = ended.find(commit.origin);
  return entry != nullptr && commit.at > entry->record.seen_up_to(shard);
}

bool Core::any_unseen(ShardId shard, const Content& delta) const {
  bool any = false;
  delta.each_commit([&](const Commit& commit) { any = any || unseen(shard, commit); });
  return any;
}

void Core::write_own_lives() {
  ByteWriter bytes;
  for (const auto& [origin, own] : own_lives) bytes.u64(origin.value), bytes.u64(own.up_to.value), bytes.u8(own.more ? 1 : 0);
  out->store.set_meta(meta::kOwnLives, bytes.take());
  ByteWriter begun;
  for (const auto& [origin, own] : own_lives) begun.u64(origin.value), begun.u64(own.start.value), begun.u64(own.written.value);
  out->store.set_meta(meta::kOwnBegun, begun.take());
}

void Core::write_ended(NodeId node, OriginId origin, const std::optional<EndedLife>& record) {
  Content content(Kind::kHash);
  if (const Content* known = ended.content(node, origin)) content = *known;
  const Timestamp commit = issue_now();
  Register& state = content.as_register();
  const Tag tag = tag_above(state, commit);
  const Register delta = record ? state.set(encode(*record), tag, {commit, self.origin}) : state.erase(tag, {commit, self.origin});
  commit_own(kSystemShard, ended_cell(node, origin), Content(delta), commit);
}

// What peers sent and the clock did not speak of yet.  What two of them send at once counts twice.
void Core::note_arrival(ShardId shard, const Content& delta) {
  Timestamp newest;
  delta.each_commit([&](const Commit& commit) {
    if (commit.origin != self.origin && commit.at > newest && commit.at > clocks.held(shard, commit.origin)) newest = commit.at;
  });
  if (newest && out->arrived.size() < Output::kArrivedMax) out->arrived.push_back(newest);
}

void Core::merge_life(const CellKey& cell, const Content& delta) {
  const auto [node, origin] = *life_of_cell(cell);
  const LifeTable::Change change = members.merge_life(cell, delta);
  if (change == LifeTable::Change::kNone) return;
  if (change == LifeTable::Change::kRetired) {
    remember_former_life(node, origin);
    if (clocks.whole(origin)) end_life(origin);
    else retiring.insert(origin);
    return;
  }
  retiring.erase(origin);
  const LifeRecord record = members.lives().find(origin)->record;
  const Timestamp before = floor_held();
  // SUBTLE: while it was retired here its rows were passed over, as of one of which everybody has all (gossip/pull.h): no cursor counts.
  if (before && record.start <= before && !clocks.knows(origin)) {
    for (std::uint32_t shard = 0; shard < self.shard_count; ++shard) set_back(static_cast<ShardId>(shard));
  }
  if (record.closed()) clocks.begin_life(origin, record.start);
  else hear_of(node, {origin, record.start});
  // All that anybody committed up to our floor is here: of a life that is over, and that we had not heard of or have heard
  // the end of, too.  SUBTLE: not of the present life of a node that we have not heard of; gossip/lives.h, the introduction.  Nor of
  // a former one that is open, and that nobody may have heard of: our floor goes back to where no horizon has been.  Nor of another process
  // under our own id, if no horizon of ours has passed it: while that was listened to nobody waited for our floor, which knew nothing of it.
  const auto* member = members.find(node);
  const bool over = record.closed() || (node == self.node ? record.start <= horizon : may_be_settled(record.start, before));
  if (over && member != nullptr && member->life.origin != origin) clocks.promise(origin, before);
  if (record.closed()) clocks.close_life(origin, record.final);
}

// For people: what it wrote is here for as long as it is not removed, and says only the origin.  Some 40 bytes a life.
void Core::remember_former_life(NodeId node, OriginId origin) {
  out->store.set_meta(meta::former_life(origin), meta::encode_number(node.value));
}

void Core::drop_life(const CellKey& cell) {
  const auto [node, origin] = *life_of_cell(cell);
  remember_former_life(node, origin);
  members.drop_life(cell);
  // SUBTLE: whole here or not: what there is of it comes from the member onto which this node rebases, and until that is
  // done its own floor counts for nothing.
  if (members.lives().find(origin) == nullptr) end_life(origin);
}

void Core::end_life(OriginId origin) {
  clocks.end_life(origin);
  out->store.forget_clock(origin);
  retiring.erase(origin);
}

void Core::hold(ShardId shard, OriginId origin, Timestamp commit) {
  if (!clocks.hold(shard, origin, commit)) return;
  if (!early.empty()) {
    if (const auto further = early.take(shard, origin, clocks.up_to(shard, origin))) {
      count("push_gaps_closed");
      clocks.hold(shard, origin, *further);
    }
  }
  out->store.hold(shard, origin, clocks.held(shard, origin));
}

bool Core::recalls_in(ShardId shard) const {
  const auto at = to_recall.lower_bound(shard_prefix(shard));
  return at != to_recall.end() && shard_of_store_key(*at) == shard;
}

void Core::set_back(ShardId shard) {
  ++setbacks_[shard];
  early.forget(shard);
  out->store.forget_cursors(shard);
}

std::uint64_t Core::setbacks(ShardId shard) const {
  const auto at = setbacks_.find(shard);
  return at == setbacks_.end() ? 0 : at->second;
}

void Core::commit_own(ShardId shard, const CellKey& cell, const Content& delta, Timestamp commit) {
  if (observer()) {  // Its own record, which its messages bring along: in no clock, so that nobody waits for it.
    KITH_CHECK(shard == kSystemShard, "an observer writes nothing but what it says of itself", shard);
    return merge(shard, cell, delta);
  }
  Pending& pending = pending_pushes[shard];
  if (pending.steps.empty()) pending.previous = clocks.held(shard, self.origin);
  if (pending.steps.empty() || pending.steps.back().commit != commit) pending.steps.push_back({commit, {}});
  pending.steps.back().cells.append(cell, delta);
  merge(shard, cell, delta);
  hold(shard, self.origin, commit);
  last_commit = std::max(last_commit, commit);
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
  if (!observer()) clocks.promise(self.origin, at);
  // SUBTLE: after a kill, with a clock that was set back, the next life must not begin a window below what this one promised.
  // But a clock that leapt ahead is not kept on disk: set right again, it would be of no use.
  const std::int64_t ahead_ms = at.ms() - lease.ms();
  if (joined() && ahead_ms >= std::max<std::int64_t>(options.retry_window_ms / 4, 1) && ahead_ms <= options.retry_window_ms) {
    lease = at;
    out->store.set_meta(meta::kLease, meta::encode_number(lease.value));
  }
  return at;
}

std::optional<std::vector<Cell>> Core::read_cells(ShardId shard, const CellBlock& block) {
  if (shard != kSystemShard && shard >= self.shard_count) return std::nullopt;
  auto cells = block.read();
  if (!cells) return std::nullopt;
  Timestamp latest;
  for (const Cell& cell : *cells) {
    if (shard_of(cell.key, self.shard_count) != shard) return std::nullopt;
    cell.content.each_commit([&](const Commit& commit) { latest = std::max(latest, commit.at); });
  }
  if (!to_come(latest)) return cells;
  count("dropped_of_a_time_to_come");
  if (to_come_noted_at_ms < 0 || now.monotonic_ms - to_come_noted_at_ms >= kWarnEveryMs) {
    to_come_noted_at_ms = now.monotonic_ms;
    note(Output::Note::Level::kError,
         name_of(told_by) + " holds what was written " + std::to_string((latest.ms() - now.wall_ms) / 1000) +
             " s ahead of our clock: nothing of that is taken in. If our clock is right, some clock was far ahead and " + name_of(told_by) +
             " believed it: stop it, set its clock, and start it with an empty directory");
  }
  return std::nullopt;
}

bool Core::to_come(Timestamp at) const {
  return at.ms() > now.wall_ms + kSkewsToCome * options.max_skew_ms + options.lease_ms;
}

const std::vector<NodeId>& Core::others() {
  if (others_of_ != members.generation()) {
    others_of_ = members.generation();
    const auto& ids = members.ids();
    others_.clear();
    std::remove_copy(ids.begin(), ids.end(), std::back_inserter(others_), self.node);
  }
  return others_;
}

const std::vector<NodeId>& Core::other_replicas() {
  if (replicas_of_ != members.generation()) {
    replicas_of_ = members.generation();
    const auto& ids = members.replicas();
    other_replicas_.clear();
    std::remove_copy(ids.begin(), ids.end(), std::back_inserter(other_replicas_), self.node);
  }
  return other_replicas_;
}

std::vector<NodeId> Core::awaited() {
  std::vector<NodeId> these = other_replicas();
  std::erase_if(these, [&](NodeId node) {
    if (!std::binary_search(voted_against.begin(), voted_against.end(), node)) return false;
    const auto peer = peers.find(node);
    const std::int64_t at_ms = peer == peers.end() ? -1 : std::max(peer->second.heard_at_ms, peer->second.fenced_at_ms);
    return at_ms < 0 || now.monotonic_ms - at_ms >= kLatelyMs;
  });
  return these;
}

bool Core::table_differs(NodeId peer) const {
  const auto at = peers.find(peer);
  return at == peers.end() || at->second.members_version != members.version();
}

bool Core::heard_lately(NodeId peer) const {
  // SUBTLE: a peer whose disk went back to a time before we joined takes us for a stranger, and does not say so.
  const auto at = peers.find(peer);
  return at != peers.end() && at->second.heard_at_ms >= 0 && now.monotonic_ms - at->second.heard_at_ms < kLatelyMs;
}

RelayStanding Core::standing_of(NodeId node) const {
  const auto at = peers.find(node);
  if (at == peers.end()) return RelayStanding::kNew;
  const PeerState& peer = at->second;
  const auto lately = [&](std::int64_t at_ms) { return now.monotonic_ms - at_ms < options.relay_silent_ms; };
  if (peer.stopping) return RelayStanding::kStopping;
  if (believed_dead(node)) return RelayStanding::kUnanswered;
  if (peer.asked_at_ms >= 0 && !lately(peer.asked_at_ms)) return RelayStanding::kUnanswered;
  if (peer.heard_at_ms < 0) return RelayStanding::kNew;
  return lately(peer.heard_at_ms) ? RelayStanding::kHeard : RelayStanding::kSilent;
}

NodeId Core::next_living(const std::vector<NodeId>& nodes, std::size_t at) const {
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const NodeId node = nodes[(at + i) % nodes.size()];
    if (!believed_dead(node)) return node;
  }
  return nodes[at];
}

Neighbours Core::neighbours() const {
  return neighbours_of(members.ids(), self.node, [this](NodeId node) { return standing_of(node); });
}

CellBlock Core::record_of(NodeId node) const {
  CellBlock cells;
  const auto at = members.cells().find(node);
  if (at == members.cells().end()) return cells;
  cells.append(member_cell(node), at->second);
  const auto* known = members.find(node);
  if (known == nullptr) return cells;
  const auto& lives = members.lives().cells();
  if (const auto life = lives.find({node, known->life.origin}); life != lives.end()) {
    cells.append(life_cell(node, known->life.origin), life->second);
  }
  return cells;
}

std::string Core::name_of(NodeId node) const {
  const auto* known = members.find(node);
  return known != nullptr && !known->record.name.empty() ? known->record.name : to_hex(node.value);
}

void Core::send(NodeId to, Body body, CellBlock with) {
  const auto* known = members.find(to);
  if (known == nullptr) return;
  send_to_address(known->record.peer_address, to, std::move(body), std::move(with));
}

void Core::send_to_address(const std::string& address, NodeId to, Body body, CellBlock with) {
  const std::string_view type = type_name(body);
  post(address, to, type, seal(to, std::move(body), std::move(with)));
}

void Core::send_push(const std::vector<NodeId>& to, PushBody body, CellBlock with) {
  if (to.empty()) return;
  const std::string bytes = seal(NodeId{}, std::move(body), std::move(with));  // A push says the same to everybody.
  for (const NodeId node : to) {
    if (const auto* known = members.find(node)) post(known->record.peer_address, node, "push", bytes);
  }
}

void Core::post(const std::string& address, NodeId to, std::string_view type, std::string bytes) {
  KITH_CHECK(bytes.size() <= kMessageBytesMax, "a message was built over the limit", type, bytes.size());
  const std::string counter = "sent_" + std::string(type);
  count(counter);
  count(counter + "_bytes", bytes.size());
  out->sends.push_back({address, to, std::move(bytes)});
}

// Of another member than this one.
CellBlock Core::record_in_turn() {
  const auto& others_now = others();
  if (others_now.empty()) return {};
  return record_of(others_now[record_turn_++ % others_now.size()]);
}

// SUBTLE: of a life that is over here and open there we take nothing that nobody had seen, and theirs would have no end for us.
CellBlock Core::ended_in_turn() {
  CellBlock record;
  const auto& cells = ended.cells();
  if (cells.empty()) return record;
  auto at = cells.upper_bound(last_ended_);
  if (at == cells.end()) at = cells.begin();
  last_ended_ = at->first;
  record.append(ended_cell(at->first.first, at->first.second), at->second);
  return record;
}

void Core::hold_back(Timestamp tag, Timestamp commit) {
  // A horizon is a window below the least floor.
  const Timestamp at = Timestamp::at_ms(tag.ms() + options.retry_window_ms - 1);
  if (at >= commit) return;
  held_back = HeldBack{held_back ? std::min(held_back->at, at) : at, commit};
  out->store.set_meta(meta::kHeldBack, meta::encode_number(held_back->at.value));
  out->store.set_meta(meta::kHeldBackUntil, meta::encode_number(commit.value));
}

Core::Piece Core::table_piece() {
  // A table too large for a message goes in pieces, each from where the last one ended.
  constexpr std::size_t kPieceBytesMax = kMessageBytesMax / 4;
  const auto& cells = members.cells();
  Piece piece;  // A member comes with its lives.
  auto at = cells.upper_bound(last_attached_);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (piece.cells.size() >= kPieceBytesMax) {
      piece.whole = false;
      break;
    }
    if (at == cells.end()) at = cells.begin();
    piece.cells.append(member_cell(at->first), at->second);
    // SUBTLE: before the word that a life is closed what of it was seen.
    for (auto over = ended.cells().lower_bound({at->first, OriginId{}}); over != ended.cells().end() && over->first.first == at->first; ++over) {
      piece.cells.append(ended_cell(at->first, over->first.second), over->second);
    }
    const auto& lives = members.lives().cells();
    for (auto life = lives.lower_bound({at->first, OriginId{}}); life != lives.end() && life->first.first == at->first; ++life) {
      piece.cells.append(life_cell(at->first, life->first.second), life->second);
    }
    const auto& out_of_it = members.evicted().cells();
    if (const auto it = out_of_it.find(at->first); it != out_of_it.end()) piece.cells.append(evicted_cell(at->first), it->second);
    last_attached_ = at->first;
    ++at;
  }
  return piece;
}

std::string Core::seal(NodeId to, Body body, CellBlock with) {
  Envelope envelope;
  envelope.cluster = self.cluster;
  envelope.sender = self.node;
  envelope.origin = self.origin;
  envelope.start = self.start;
  envelope.hlc = hlc.read(now.wall_ms);
  envelope.wall_ms = now.wall_ms;
  envelope.floor = floor();
  envelope.horizon = horizon;
  envelope.members_version = members.version();
  envelope.voted = !voted_against.empty();
  envelope.members = std::move(with);
  const bool push = std::holds_alternative<PushBody>(body);
  if (joined() && !push && envelope.members.empty() && (table_differs(to) || !heard_lately(to))) {
    envelope.members = record_of(self.node);
    if ((behind || returning) && !observer()) {
      envelope.members.append(record_in_turn());
      envelope.members.append(ended_in_turn());
    }
  }
  envelope.body = std::move(body);

  std::string bytes = encode(envelope);
  if (bytes.size() > kMessageBytesMax) {  // A large body: what was to come along comes with the next small one.
    envelope.members = {};
    bytes = encode(envelope);
  }
  return bytes;
}

}  // namespace kith
