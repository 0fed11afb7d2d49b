#include "gossip/lives.h"

#include <algorithm>
#include <utility>

#include "crdt/bytes.h"
#include "crdt/check.h"

namespace kith {
namespace {

constexpr std::int64_t kOffsetWindowMs = 5000;
constexpr std::int64_t kHeardLatelyMs = 30'000;
// All of them are looked at after every message; of many, this many in a millisecond.
constexpr std::size_t kPeersJudgedPerMs = 64;
constexpr std::int64_t kWarnEveryMs = 10'000;
constexpr std::size_t kOwnLifeBytes = 8 + 8 + 1, kOwnBegunBytes = 8 + 8 + 8;

}  // namespace

std::vector<StoreKey> Lives::load() {
  std::vector<StoreKey> damaged;
  const auto snapshot = core_.store.snapshot();
  Identity& self = core_.self;
  self.node = NodeId{meta::decode_number(snapshot->meta(meta::kNodeId))};
  self.cluster = ClusterId{meta::decode_number(snapshot->meta(meta::kClusterId))};
  self.cluster_name = snapshot->meta(meta::kClusterName).value_or("");
  self.shard_count = static_cast<std::uint32_t>(meta::decode_number(snapshot->meta(meta::kShardCount)));
  self.replication.given = static_cast<std::uint32_t>(meta::decode_number(snapshot->meta(meta::kReplicas)));
  if (meta::decode_number(snapshot->meta(meta::kRole)) == static_cast<std::uint64_t>(Role::kObserver)) self.role = Role::kObserver;
  core_.introduced = snapshot->meta(meta::kIntroduced).has_value();
  core_.whole = snapshot->meta(meta::kWhole).has_value();
  core_.returned = Timestamp{meta::decode_number(snapshot->meta(meta::kReturned))};
  core_.back_since = Timestamp{meta::decode_number(snapshot->meta(meta::kBackSince))};
  core_.recovered = Timestamp{meta::decode_number(snapshot->meta(meta::kRecovered))};
  core_.heard_of = Timestamp{meta::decode_number(snapshot->meta(meta::kReturning))};
  core_.returning = static_cast<bool>(core_.heard_of);
  core_.leaving = Timestamp{meta::decode_number(snapshot->meta(meta::kLeaving))};
  core_.stayed = Timestamp{meta::decode_number(snapshot->meta(meta::kStayed))};
  core_.handed_over = core_.leaving && meta::decode_number(snapshot->meta(meta::kHandedOver)) != 0;
  core_.unheard_of = meta::decode_unheard_of(snapshot->meta(meta::kUnheardOf));
  core_.lease = Timestamp{meta::decode_number(snapshot->meta(meta::kLease))};
  core_.hlc = Hlc(core_.lease);
  snapshot->scan(shard_prefix(kSystemShard), {}, [&](const StoreKey& key, const Row* row) {
    if (row == nullptr) {  // Mended like any other row; until then there may be members that we do not know.
      damaged.push_back(key);
      return true;
    }
    if (core_.tables.merge(row->cell, row->content)) return true;
    if (life_of_ended_cell(row->cell)) {
      (void)core_.ended.merge(row->cell, row->content);
    } else if (const auto which = life_of_cell(row->cell)) {
      core_.members.merge_life(row->cell, row->content);
      if (const auto* known = core_.members.lives().find(which->second)) {
        core_.clocks.begin_life(which->second, known->record.start);
        if (known->record.closed()) core_.clocks.close_life(which->second, known->record.final);
      }
    } else if (node_of_evicted_cell(row->cell)) {
      (void)core_.members.merge_evicted(row->cell, row->content);
    } else if (const auto node = core_.members.merge(row->cell, row->content)) {
      if (core_.members.observes(*node)) return true;
      for (const Life& life : core_.members.find(*node)->record.lives) core_.clocks.begin_life(life.origin, life.start);
    }
    return true;
  });
  for (const auto& [node, evicted] : core_.members.evicted().cells()) {
    if (!core_.members.out(node)) continue;
    const OriginId last = core_.members.find(node)->life.origin;
    if (core_.members.lives().find(last) == nullptr) core_.clocks.end_life(last);
  }
  // SUBTLE: a life in clocks whose row of the table cannot be read is not one that is retired: those have a row that says so,
  // and left the clocks with it.
  const auto& rows = core_.members.lives().cells();
  std::set<OriginId> listed;
  for (const auto& [life, content] : rows) listed.insert(life.second);
  for (const ShardId shard : snapshot->shards()) {
    for (const auto& [origin, at] : snapshot->held(shard)) {
      if (!core_.clocks.knows(origin)) {
        // SUBTLE: of one that is retired, and still in clocks, this disk has not all yet: it holds the floor as before.
        if (listed.contains(origin)) core_.retiring.insert(origin);
        core_.clocks.begin_life(origin, Timestamp{});
      }
      core_.clocks.hold(shard, origin, at);
    }
  }
  load_own_lives(*snapshot);
  return damaged;
}

void Lives::begin(const NodeSetup& setup) {
  Identity& self = core_.self;
  StoreBatch& batch = core_.out->store;
  if (!self.node) {
    self.node = NodeId{core_.random.nonzero()};
    batch.set_meta(meta::kNodeId, meta::encode_number(self.node.value));
    batch.set_meta(meta::kNodeName, setup.name);
    self.role = setup.role.value_or(Role::kReplica);
    batch.set_meta(meta::kRole, meta::encode_number(static_cast<std::uint64_t>(self.role)));
  }
  self.name = setup.name;
  self.client_address = setup.client_address;
  self.peer_address = setup.peer_address;
  self.origin = OriginId{core_.random.nonzero()};
  batch.set_meta(meta::kOrigin, meta::encode_number(self.origin.value));
  core_.write_own_lives();
  batch.forget_meta(meta::kWritten);
  write_again_what_rotted();

  // SUBTLE: killed on its way out, it learns in this life that it is out, and goes; only a node that is started after that returns.
  const bool goes = core_.handed_over;
  if (const Evicted evicted = core_.members.evicted().find(self.node); evicted.at > core_.returned && !goes) return_after(evicted);
  // SUBTLE: killed before what its earlier lives took in alone is done again, it does not know any more what that was.
  if (core_.returning) {
    forget_unheard_of();
    core_.introduced = core_.whole = false;
    batch.forget_meta(meta::kIntroduced);
    batch.forget_meta(meta::kWhole);
  }
  // A life starts above every life of this node that anybody told of, whatever the wall shows.
  if (const auto* former = core_.members.find(self.node)) core_.hlc.observe(former->life.start);
  self.start = core_.issue_now();
  batch.set_meta(meta::kStart, meta::encode_number(self.start.value));
  if (core_.returning && !core_.back_since) {
    core_.back_since = self.start;
    batch.set_meta(meta::kBackSince, meta::encode_number(self.start.value));
  }
  if (!core_.observer()) core_.clocks.begin_life(self.origin, self.start);

  if (!core_.joined() && setup.founds()) {
    self.cluster = ClusterId{core_.random.nonzero()};
    self.cluster_name = setup.cluster.value_or("kith");
    self.shard_count = setup.shard_count;
    self.replication.given = setup.replicas;
    batch.set_meta(meta::kIntroduced, "1");
    batch.set_meta(meta::kWhole, "1");
    core_.introduced = core_.whole = true;
    batch.set_meta(meta::kClusterId, meta::encode_number(self.cluster.value));
    batch.set_meta(meta::kClusterName, self.cluster_name);
    batch.set_meta(meta::kShardCount, meta::encode_number(self.shard_count));
    batch.set_meta(meta::kReplicas, meta::encode_number(self.replication.given));
    core_.note(Output::Note::Level::kInfo, "began cluster " + self.cluster_name + " (" + to_hex(self.cluster.value) +
                                               ") with " + std::to_string(self.shard_count) + " shards");
  }
  // Of several members only this one is left, or comes back first: there is nobody to wait for.
  if (core_.joined() && setup.founds() && !core_.introduced && !core_.returning) {
    core_.introduced = true;
    batch.set_meta(meta::kIntroduced, "1");
  }
  if (core_.joined()) publish();
}

// SUBTLE: nobody may have heard of such a life, while a later one was heard of: not in the table it would be taken for one that is
// over, and that all others have forgotten.  As it was: they may have, and then its word is to be older than theirs.
void Lives::write_again_what_rotted() {
  for (const auto& [origin, own] : core_.own_lives) {
    if (!own.written || core_.members.lives().cells().contains({core_.self.node, origin})) continue;
    const Register life = Register{}.set(encode(LifeRecord{own.start}), {own.written, actor_of(origin)}, {own.written, origin});
    core_.merge(kSystemShard, life_cell(core_.self.node, origin), Content(life));
    core_.count("own_lives_written_again");
  }
}

void Lives::publish() {
  const Identity& self = core_.self;
  MemberRecord record{self.name, self.client_address, self.peer_address, {{self.origin, self.start}}, core_.returned, core_.back_since,
                      core_.leaving, core_.handed_over, self.role};
  const CellKey cell = member_cell(self.node);
  Content content(Kind::kHash);
  if (const auto known = core_.members.cells().find(self.node); known != core_.members.cells().end()) content = known->second;
  const Timestamp commit = core_.issue_now();
  Register& known = content.as_register();
  const Register delta = known.set(encode(record), core_.tag_above(known, commit), {commit, self.origin});
  KITH_CHECK(!delta.empty(), "a node's own record is the newest there is", self.node.value);
  core_.commit_own(kSystemShard, cell, Content(delta), commit);
  if (!core_.observer()) write(self.node, self.origin, LifeRecord{self.start});
}

void Lives::write(NodeId node, OriginId origin, const std::optional<LifeRecord>& record) {
  const CellKey cell = life_cell(node, origin);
  Content content(Kind::kHash);
  const auto& cells = core_.members.lives().cells();
  if (const auto known = cells.find({node, origin}); known != cells.end()) content = known->second;
  const Timestamp commit = core_.issue_now();
  Register& life = content.as_register();
  const Tag tag = core_.tag_above(life, commit);
  const Register delta = record ? life.set(encode(*record), tag, {commit, core_.self.origin}) : life.erase(tag, {commit, core_.self.origin});
  KITH_CHECK(!delta.empty(), "what a node says of its own lives is the newest there is", origin.value);
  if (origin == core_.self.origin) core_.out->store.set_meta(meta::kWritten, meta::encode_number(commit.value));
  core_.commit_own(kSystemShard, cell, Content(delta), commit);
}

std::size_t Lives::left_to_close() const {
  const LifeTable& lives = core_.members.lives();
  const std::vector<OriginId> own = lives.lives_of(core_.self.node);
  return static_cast<std::size_t>(std::count_if(own.begin(), own.end(), [&](OriginId origin) {
    return origin != core_.self.origin && !lives.find(origin)->record.closed();
  }));
}

std::vector<NodeId> Lives::waits_for() const {
  std::vector<NodeId> out;
  if (left_to_close() == 0) return out;
  for (const NodeId node : core_.members.replicas()) {
    if (node != core_.self.node && !in_step_.contains(node)) out.push_back(node);
  }
  return out;
}

void Lives::in_step_with(NodeId peer, Timestamp said_at) {
  in_step_.insert(peer);
  close_former();
  if (on_in_step) on_in_step(peer, said_at);
}

void Lives::close_former() {
  if (!core_.options.collect || core_.superseded || !core_.joined() || left_to_close() == 0 || !waits_for().empty() || core_.redoing) return;
  std::vector<std::pair<OriginId, LifeRecord>> former;
  for (const auto& [origin, life] : core_.members.lives().entries()) {
    if (life.node == core_.self.node && origin != core_.self.origin && !life.record.closed()) former.emplace_back(origin, life.record);
  }
  for (const auto& [origin, record] : former) close(core_.self.node, origin, record);
}

void Lives::close(NodeId node, OriginId origin, LifeRecord record) {
  EndedLife seen;
  const auto* ended = core_.ended.find(origin);
  // Passed unheard, or, of this node, closed before by another disk.
  if (ended != nullptr && (node == core_.self.node || ended->record.up_to <= record.start)) {
    seen = ended->record;
  } else {
    core_.closed_here.insert(origin);
    seen = what_is_held_of(origin, record.start);
    if (ended != nullptr) seen.redone = ended->record.redone, seen.redone_as = ended->record.redone_as;
  }
  close(node, origin, record, seen);
}

void Lives::close(NodeId node, OriginId origin, LifeRecord record, const EndedLife& seen) {
  core_.write_ended(node, origin, seen);
  if (core_.own_lives.erase(origin) > 0) core_.write_own_lives();
  const bool open = !record.closed();
  if (open) record.final = core_.issue_now();
  core_.clocks.promise(origin, record.final);
  if (!open) return;
  write(node, origin, record);
  core_.count("lives_closed");
}

void Lives::load_own_lives(const Snapshot& snapshot) {
  if (const auto bytes = snapshot.meta(meta::kOwnLives)) {
    ByteReader in(*bytes);
    for (std::size_t left = bytes->size() / kOwnLifeBytes; left > 0; --left) {
      const OriginId origin{in.u64()};
      const Timestamp up_to{in.u64()};
      core_.own_lives[origin] = {up_to, in.u8() != 0, {}, {}};
    }
  }
  if (const auto bytes = snapshot.meta(meta::kOwnBegun)) {
    ByteReader in(*bytes);
    for (std::size_t left = bytes->size() / kOwnBegunBytes; left > 0; --left) {
      const auto own = core_.own_lives.find(OriginId{in.u64()});
      const Timestamp start{in.u64()}, written{in.u64()};
      if (own != core_.own_lives.end()) own->second.start = start, own->second.written = written;
    }
  }
  // All that the last one committed is on this disk, whatever another process went on to do under its name.
  const OriginId last{meta::decode_number(snapshot.meta(meta::kOrigin))};
  Timestamp newest;
  for (const ShardId shard : snapshot.shards()) newest = std::max(newest, core_.clocks.held(shard, last));
  const auto number = [&](const std::string& name) { return Timestamp{meta::decode_number(snapshot.meta(name))}; };
  if (newest) core_.own_lives[last] = {newest, false, number(meta::kStart), number(meta::kWritten)};
  std::erase_if(core_.own_lives, [&](const auto& own) {
    return core_.clocks.knows(own.first) ? core_.clocks.whole(own.first) : !core_.unheard_of.contains(own.first);
  });
  for (const auto& [origin, own] : core_.own_lives) {
    if (core_.clocks.knows(origin)) core_.clocks.promise(origin, own.up_to);
  }
}

// SUBTLE: this node is in step with everybody, and nobody listens to that life any more: what is not here nobody has seen.
EndedLife Lives::what_is_held_of(OriginId origin, Timestamp start) const {
  EndedLife out{std::max(core_.clocks.up_to(origin), start)};
  const auto own = core_.own_lives.find(origin);
  if (own != core_.own_lives.end() && !own->second.more) return out;
  const auto snapshot = core_.store.snapshot();
  for (const ShardId shard : snapshot->shards()) {
    if (const Timestamp held = core_.clocks.held(shard, origin); held > out.up_to) out.held.emplace_back(shard, held);
    if (shard == kSystemShard) continue;
    const auto known = [&](const Commit& commit) { return commit.origin != origin || out.seen(shard, commit.at); };
    const auto note = [&](const Commit& commit) {
      if (!known(commit)) out.beyond.emplace_back(shard, commit.at);
    };
    snapshot->feed_after(shard, snapshot->first_unseen(shard, known), [&](Lsn, const StoreKey&, const Row* row) {
      if (row != nullptr) row->content.each_commit(note);
      return true;
    });
    std::sort(out.beyond.begin(), out.beyond.end());
    out.beyond.erase(std::unique(out.beyond.begin(), out.beyond.end()), out.beyond.end());
  }
  for (const auto& change : core_.out->store.cells()) {  // And what is on its way to the disk.
    if (change.shard == kSystemShard) continue;
    change.delta.each_commit([&](const Commit& commit) {
      if (commit.origin == origin && !out.seen(change.shard, commit.at)) out.beyond.emplace_back(change.shard, commit.at);
    });
  }
  std::sort(out.beyond.begin(), out.beyond.end());
  out.beyond.erase(std::unique(out.beyond.begin(), out.beyond.end()), out.beyond.end());
  if (out.beyond.size() > EndedLife::kPlacesMax) {  // Of so many behind gaps the gaps are not told apart.
    for (const auto& [shard, at] : out.beyond) out.up_to = std::max(out.up_to, at);
    out.beyond.clear();
    core_.count("ended_lives_not_exact");
  }
  return out;
}

void Lives::retire(Timestamp least_floor) {
  if (core_.superseded || !core_.joined() || core_.observer()) return;
  std::vector<OriginId> whole;
  const LifeTable& lives = core_.members.lives();
  const auto may_be = [&](NodeId node) {
    for (const OriginId origin : lives.lives_of(node)) {
      const LifeRecord& record = lives.find(origin)->record;
      if (record.closed() && record.final < least_floor) whole.push_back(origin);
    }
  };
  may_be(core_.self.node);
  for (const auto& [node, evicted] : core_.members.evicted().cells()) {  // Of who is out, somebody does it.
    if (core_.members.out(node) && core_.members.replicas().front() == core_.self.node) may_be(node);
  }
  for (const OriginId origin : whole) {
    write(lives.find(origin)->node, origin, std::nullopt);
    core_.count("lives_retired");
  }
  std::vector<std::pair<Timestamp, OriginId>> ended;
  for (const auto& [origin, entry] : core_.ended.entries()) {
    if (entry.node == core_.self.node) ended.emplace_back(entry.record.up_to, origin);
  }
  if (ended.size() <= EndedLife::kKeptPerNode) return;
  std::sort(ended.begin(), ended.end());
  ended.resize(ended.size() - EndedLife::kKeptPerNode);
  for (const auto& [up_to, origin] : ended) {
    const bool old = least_floor.ms() - up_to.ms() > EndedLife::kKeptWindows * core_.options.retry_window_ms;
    if (old && lives.find(origin) == nullptr) core_.write_ended(core_.self.node, origin, std::nullopt);
  }
}

bool Lives::skewed(const Envelope& envelope, std::int64_t* ahead_ms) const {
  // The wall decides; the bound on the HLC, which clients and peers may have carried ahead, only keeps a broken peer
  // from dragging ours along.
  const std::int64_t wall = envelope.wall_ms - core_.now.wall_ms;
  const std::int64_t logical = envelope.hlc.ms() - core_.now.wall_ms - core_.options.max_skew_ms - core_.options.lease_ms;
  *ahead_ms = std::max(wall, logical);
  return *ahead_ms > core_.options.max_skew_ms;
}

void Lives::tick(bool table_damaged) {
  if (!core_.joined() || core_.evicted) return;
  if (core_.members.out(core_.self.node)) return on_evicted(core_.self.node, {core_.members.evicted().find(core_.self.node), core_.self.node});
  if (core_.superseded) return say_why_it_is_over();
  // SUBTLE: it began while its own record could not be read, say, or has an old disk; members that would tell it may be bound by a vote,
  // and have only its old address.
  if (const auto* own = core_.member(core_.self.node); own != nullptr) superseded_by(own->life, "the table of members");
  // SUBTLE: the record of a copy of this node may be the newer one, though its life is the earlier one; its address is in it.
  if (const auto* own = core_.member(core_.self.node);
      own != nullptr && !table_damaged && own->record.lives.back() < Life{core_.self.origin, core_.self.start}) {
    publish();
    core_.count("own_records_written_again");
  }
  if (core_.introduced && core_.other_replicas().empty() && !table_damaged) close_former();  // Nobody else can hold anything of them.
  if (core_.introduced || !core_.options.collect) return;
  if (core_.now.monotonic_ms < introduced_again_at_ms_) return;
  begin_again();
  publish();
  core_.count("introduced_again");
}

void Lives::begin_again() {
  introduced_again_at_ms_ = core_.now.monotonic_ms + core_.options.retry_window_ms / 4;
  core_.self.start = core_.issue_now();
  core_.out->store.set_meta(meta::kStart, meta::encode_number(core_.self.start.value));
  if (!core_.observer()) core_.clocks.begin_life(core_.self.origin, core_.self.start);
}

bool Lives::voted_against(NodeId node) const {
  return std::binary_search(core_.voted_against.begin(), core_.voted_against.end(), node);
}

// The record of who is out that says that it knows; and with that it is back.
bool Lives::returns(NodeId node, const Cell& cell) const {
  if (!core_.members.out(node)) return !voted_against(node);
  if (node_of_member_cell(cell.key) != node) return false;
  const auto& value = cell.content.as_register().value();
  const auto record = value ? decode_member_record(*value) : std::nullopt;
  return record && record->returned >= core_.members.evicted().at(node);
}

// The record of one that is not known yet comes with its first message.
bool Lives::says_that_it_observes(NodeId sender, const std::vector<Cell>& cells) const {
  return core_.options.collect && std::any_of(cells.begin(), cells.end(), [&](const Cell& cell) {
    if (node_of_member_cell(cell.key) != sender) return false;
    const auto& value = cell.content.as_register().value();
    const auto record = value ? decode_member_record(*value) : std::nullopt;
    return record && record->role == Role::kObserver;
  });
}

bool Lives::merge_members(const Envelope& envelope) {
  if (envelope.members.empty()) return true;
  const auto cells = core_.read_cells(kSystemShard, envelope.members);
  if (!cells) return false;
  // The fence: of what somebody below our horizon tells, only who it is itself, that there is a member of whom we know nothing, and what
  // is over.
  const bool fenced = envelope.floor < std::max(core_.horizon, core_.highest_horizon);
  // SUBTLE: of a life that began after the eviction the start is below our floor.
  const bool out = core_.members.out(envelope.sender) || voted_against(envelope.sender);
  // SUBTLE: an earlier life may be retired already, and would come back with its own word.
  const auto* sender = core_.member(envelope.sender);
  const bool earlier = sender != nullptr && Life{envelope.origin, envelope.start} < sender->life;
  const bool observes = core_.unheeded(envelope.sender) || says_that_it_observes(envelope.sender, *cells);
  std::set<NodeId> unknown;
  for (const Cell& cell : *cells) {
    if (const auto node = node_of_member_cell(cell.key); node && !core_.members.cells().contains(*node)) unknown.insert(*node);
  }
  const auto of_unknown = [&](const CellKey& cell) {
    const auto node = node_of_member_cell(cell);
    const auto life = life_of_cell(cell);
    return (node && unknown.contains(*node)) || (life && unknown.contains(life->first));
  };
  // SUBTLE: nor is it garbage that a life is over that is open here: our disk went back, and they take nothing of what nobody had seen of it.
  const auto of_open = [&](const CellKey& cell) {
    const auto over = life_of_ended_cell(cell);
    if (!over) return false;
    const auto* known = core_.members.lives().find(over->second);
    return known != nullptr ? !known->record.closed() : core_.clocks.knows(over->second);
  };
  for (const Cell& cell : *cells) {
    if (observes && node_of_member_cell(cell.key) != envelope.sender) continue;
    if (out && !returns(envelope.sender, cell)) continue;
    if (fenced && node_of_member_cell(cell.key) != envelope.sender && !of_unknown(cell.key) && !of_open(cell.key) &&
        (earlier || life_of_cell(cell.key) != std::pair(envelope.sender, envelope.origin))) {
      continue;
    }
    // Only what is new: what comes along is known already, nearly always.
    if (const auto life = life_of_cell(cell.key)) {
      const auto& lives = core_.members.lives().cells();
      if (const auto known = lives.find(*life); known != lives.end()) {
        Content joined = known->second;
        if (!joined.join(cell.content)) continue;
      }
    } else if (const auto over = life_of_ended_cell(cell.key)) {
      if (const Content* known = core_.ended.content(over->first, over->second)) {
        Content joined = *known;
        if (!joined.join(cell.content)) continue;
      }
    } else if (const auto evicted = node_of_evicted_cell(cell.key)) {
      const auto known = core_.members.evicted().cells().find(*evicted);
      if (known != core_.members.evicted().cells().end()) {
        Content joined = known->second;
        if (!joined.join(cell.content)) continue;
      }
    } else if (const auto node = node_of_member_cell(cell.key)) {
      const auto known = core_.members.cells().find(*node);
      if (known != core_.members.cells().end()) {
        Content joined = known->second;
        if (!joined.join(cell.content)) continue;
      } else if (core_.members.cells().size() >= kMembersMax) {
        core_.count("dropped_member_over_limit");
        continue;
      }
    }
    core_.merge(kSystemShard, cell.key, cell.content);
  }
  return true;
}

bool Lives::accept(const Envelope& envelope) {
  const Identity& self = core_.self;
  core_.told_by = envelope.sender;
  if (!core_.joined()) return refuse("dropped_not_joined");
  if (core_.life_is_over()) {
    if (const auto* evicted = std::get_if<EvictedBody>(&envelope.body)) on_evicted(envelope.sender, *evicted);
    return refuse("dropped_life_is_over");
  }
  if (envelope.cluster != self.cluster) return refuse("dropped_wrong_cluster");
  std::int64_t ahead_ms = 0;
  if (skewed(envelope, &ahead_ms)) {
    auto& warned = warned_at_ms_.try_emplace(envelope.sender, core_.now.monotonic_ms - kWarnEveryMs).first->second;
    if (core_.now.monotonic_ms - warned >= kWarnEveryMs) {
      warned = core_.now.monotonic_ms;
      core_.note(Output::Note::Level::kWarning,
                 "not listening to " + core_.name_of(envelope.sender) + ": its clock is " + std::to_string(ahead_ms) +
                     " ms ahead of ours (limit " + std::to_string(core_.options.max_skew_ms) +
                     " ms); nothing is lost, it flows once the clocks agree");
    }
    return refuse("dropped_skewed");
  }
  if (envelope.sender == self.node) {
    if (envelope.origin == self.origin || envelope.start < self.start) return refuse("dropped_own");
    core_.note(Output::Note::Level::kError,
               "another process runs under the id of this node (a copied data directory?): its messages are refused; "
               "stop one of the two and give it an empty directory");
    return refuse("dropped_same_node_id");
  }
  if (!merge_members(envelope)) return refuse("dropped_bad_members");
  const std::string_view fenced = fence(envelope.sender, {envelope.origin, envelope.start});
  if (!fenced.empty()) {
    // SUBTLE: that a later life exists stays true, whichever life says so.  Two nodes on old disks may each take the other for
    // an earlier life, and neither would hear that it is one.
    if (const auto* superseded = std::get_if<SupersededBody>(&envelope.body); superseded != nullptr && fenced != "stranger") {
      on_superseded(envelope.sender, *superseded);
    } else if (const auto* evicted = std::get_if<EvictedBody>(&envelope.body); evicted != nullptr && fenced != "stranger") {
      on_evicted(envelope.sender, *evicted);
    } else if (fenced == "evicted") {
      tell_evicted(envelope);
    } else if (fenced == "voted_against") {
      core_.peers[envelope.sender].fenced_at_ms = core_.now.monotonic_ms;
      on_outcast(envelope);
    } else if (fenced != "stranger") {
      tell_superseded(envelope);
    }
    return refuse("dropped_" + std::string(fenced));
  }
  core_.hlc.observe(envelope.hlc);
  heard(envelope);
  return true;
}

void Lives::tell_superseded(const Envelope& envelope) {
  const auto* known = core_.member(envelope.sender);
  auto& told = told_at_ms_.try_emplace(envelope.sender, core_.now.monotonic_ms - core_.options.gossip_interval_ms).first->second;
  if (known == nullptr || core_.now.monotonic_ms - told < core_.options.gossip_interval_ms) return;
  told = core_.now.monotonic_ms;
  core_.send_to_address(address_of(envelope), envelope.sender, SupersededBody{known->life.origin, known->life.start, envelope.sender});
}

void Lives::tell_evicted(const Envelope& envelope) {
  auto& told = told_at_ms_.try_emplace(envelope.sender, core_.now.monotonic_ms - core_.options.gossip_interval_ms).first->second;
  if (core_.now.monotonic_ms - told < core_.options.gossip_interval_ms) return;
  told = core_.now.monotonic_ms;
  core_.send_to_address(address_of(envelope), envelope.sender, EvictedBody{core_.members.evicted().find(envelope.sender), envelope.sender});
}

// SUBTLE: a later life may have another address than an earlier one, which is in the record that its message brings along.
std::string Lives::address_of(const Envelope& envelope) const {
  std::string address = core_.member(envelope.sender)->record.peer_address;
  if (const auto cells = envelope.members.read()) {
    for (const Cell& cell : *cells) {
      const auto& value = cell.content.holds(Kind::kSet) ? std::nullopt : cell.content.as_register().value();
      if (node_of_member_cell(cell.key) != envelope.sender || !value) continue;
      if (const auto record = decode_member_record(*value)) address = record->peer_address;
    }
  }
  return address;
}

// Lives that began after the others had gone on without this node.  SUBTLE: in a clock of theirs they would be below floors; so what
// they did is done again by the next life, and they leave the table before anybody hears of them.
void Lives::forget_unheard_of() {
  const auto snapshot = core_.store.snapshot();
  const LifeTable& lives = core_.members.lives();
  for (const OriginId origin : lives.lives_of(core_.self.node)) {
    const LifeRecord record = lives.find(origin)->record;
    if (record.start <= core_.heard_of) continue;
    core_.unheard_of[origin] = record.start;
  }
  // What they said of lives goes with them: nobody takes anything from this node before it is back, and the tables would never be equal.
  snapshot->scan(shard_prefix(kSystemShard), {}, [&](const StoreKey& key, const Row* row) {
    if (row == nullptr) return true;
    bool theirs = false;
    row->content.each_commit([&](const Commit& commit) { theirs = theirs || core_.unheard_of.contains(commit.origin); });
    const auto life = life_of_cell(row->cell);
    const bool of_theirs = life && core_.unheard_of.contains(life->second);
    if (!theirs && !of_theirs) return true;
    if (of_theirs) core_.drop_life(row->cell);
    else if (life) core_.members.drop_life(row->cell);
    else if (life_of_ended_cell(row->cell)) core_.ended.drop(row->cell);
    else return true;
    core_.out->store.drop(key, row->content);
    return true;
  });
  core_.write_unheard_of();
  // Of those that begin from now on everybody hears.
  core_.heard_of = Timestamp{~std::uint64_t{0}};
  core_.out->store.set_meta(meta::kReturning, meta::encode_number(core_.heard_of.value));
}

void Lives::return_after(const Evicted& evicted) {
  core_.returned = evicted.at;
  core_.back_since = {};
  core_.out->store.forget_meta(meta::kBackSince);
  core_.heard_of = evicted.heard_of;
  core_.returning = true;
  core_.out->store.set_meta(meta::kReturned, meta::encode_number(evicted.at.value));
  core_.out->store.set_meta(meta::kReturning, meta::encode_number(core_.heard_of.value));
}

void Lives::on_evicted(NodeId from, const EvictedBody& body) {
  if (body.node != core_.self.node) return core_.count("dropped_meant_for_another");
  if (from != core_.self.node && core_.unheeded(from)) return core_.count("dropped_of_observer");
  if (body.record.at <= core_.returned || core_.evicted) return;
  core_.evicted = true;
  return_after(body.record);
  core_.count("evicted");
  if (core_.left()) return note_that_it_left();
  core_.note(Output::Note::Level::kWarning,
             (from == core_.self.node ? std::string("the member table says") : core_.name_of(from) + " says") +
                 " that this node was evicted while it was away: it begins a new life, compares its data with a member's, and "
                 "does again what nobody has seen of it");
}

// Should it be started again, it comes back as who was evicted does, with nothing to do again.
void Lives::note_that_it_left() {
  core_.out->store.set_meta(meta::kLeaving, meta::encode_number(0));
  core_.out->store.set_meta(meta::kHandedOver, meta::encode_number(0));
  core_.count("left");
  core_.note(Output::Note::Level::kInfo, "left the cluster: the other members agreed to go on without this node, and hold all that it had");
}

void Lives::on_superseded(NodeId from, const SupersededBody& body) {
  if (body.node != core_.self.node) return core_.count("dropped_meant_for_another");
  if (core_.unheeded(from)) return core_.count("dropped_of_observer");
  superseded_by({body.origin, body.start}, core_.name_of(from));
}

void Lives::superseded_by(Life life, const std::string& who) {
  if (life <= Life{core_.self.origin, core_.self.start} || core_.superseded) return;
  // SUBTLE: the next life would have to begin above it; see Core::read_cells.
  if (core_.to_come(life.start)) return core_.count("dropped_of_a_time_to_come");
  core_.superseded = true;
  core_.count("superseded");
  core_.note(Output::Note::Level::kError,
             who + " knows a later life of this node: its data directory is an old copy, or a copy of it "
             "runs elsewhere. Nobody listens to this process, so it refuses writes: stop the copy, check the clock, and "
             "restart this node");
}

void Lives::on_ended() {
  if (core_.superseded) return;
  core_.superseded = true;
  core_.count("superseded");
  (void)core_.issue_now();  // On disk, so that the next one begins above what we have heard of.
  tell_ended_ = true;  // Unless it turns out that this node was evicted, of which the word comes next.
}

void Lives::answered() {
  if (!core_.returning || core_.introduced) return;
  core_.introduced = true;
  core_.out->store.set_meta(meta::kIntroduced, "1");
}

void Lives::say_why_it_is_over() {
  if (!std::exchange(tell_ended_, false)) return;
  core_.note(Output::Note::Level::kError,
             "another process ran under the id of this node (a copied data directory, or an old one?) and was listened to while "
             "this one was not heard: it refuses writes; stop the copy and restart this node, then what it wrote is done again");
}

bool Lives::accept_relayed(NodeId node, Life life) {
  if (node == core_.self.node) return refuse("dropped_relayed_own");
  const std::string_view fenced = fence(node, life);
  return fenced.empty() || refuse("dropped_relayed_" + std::string(fenced));
}

std::string_view Lives::fence(NodeId node, Life life) {
  const auto* known = core_.member(node);
  if (known == nullptr) return "stranger";
  if (known->out) return "evicted";
  if (voted_against(node)) return "voted_against";
  if (life < known->life) return life.start < known->life.start ? "earlier_life" : "clone";
  if (core_.members.learn_life(node, life)) core_.hear_of(node, life);
  return {};
}

void Lives::heard(const Envelope& envelope) {
  PeerState& peer = core_.peers[envelope.sender];
  if (peer.origin != envelope.origin) {
    peer = PeerState{};
    peer.origin = envelope.origin;
    core_.out->reconnect.push_back(core_.member(envelope.sender)->record.peer_address);
  }
  const std::int64_t now_ms = core_.now.monotonic_ms;
  const std::int64_t offset_ms = envelope.wall_ms - core_.now.wall_ms;
  if (peer.window_began_ms < 0 || now_ms - peer.window_began_ms >= kOffsetWindowMs) {
    peer.offset_before_known = peer.window_began_ms >= 0 && now_ms - peer.window_began_ms < 2 * kOffsetWindowMs;
    peer.offset_before_ms = peer.offset_ms;
    peer.offset_ms = offset_ms;
    peer.window_began_ms = now_ms;
  } else {
    peer.offset_ms = std::max(peer.offset_ms, offset_ms);
  }
  ++heard_;
  peer.heard_at_ms = now_ms;
  peer.asked_at_ms = -1;
  peer.members_version = envelope.members_version;
  peer.voted = envelope.voted;
  // SUBTLE: floors and horizons are those of replicas, so it is one of them that has to know.
  const bool counts = !core_.members.observes(envelope.sender);
  if (!core_.introduced && counts && peer.members_version == core_.members.version() && core_.member(core_.self.node) != nullptr) {
    core_.introduced = true;
    core_.out->store.set_meta(meta::kIntroduced, "1");
  }
  peer.stopping = false;
}

bool Lives::clock_fenced(std::int64_t* ahead_ms) const {
  const bool news = judged_heard_ != heard_ || judged_at_ms_ != core_.now.monotonic_ms;
  if (news && core_.now.monotonic_ms - judged_at_ms_ >= static_cast<std::int64_t>(core_.peers.size() / kPeersJudgedPerMs)) {
    judged_heard_ = heard_;
    judged_at_ms_ = core_.now.monotonic_ms;
    ahead_ms_ = ahead_of_most();
  }
  if (ahead_ms != nullptr) *ahead_ms = ahead_ms_;
  return ahead_ms_ > core_.options.max_skew_ms;
}

std::int64_t Lives::ahead_of_most() const {
  std::vector<std::int64_t> ahead;  // Of each peer heard lately: how far our clock is ahead of its.
  for (const auto& [node, peer] : core_.peers) {
    if (peer.heard_at_ms < 0 || core_.now.monotonic_ms - peer.heard_at_ms > kHeardLatelyMs || core_.members.observes(node)) continue;
    // SUBTLE: one message alone may have been held up by the network; a window must have passed before we judge.
    if (!peer.offset_before_known) continue;
    ahead.push_back(-std::max(peer.offset_ms, peer.offset_before_ms));
  }
  if (ahead.empty()) return 0;
  // Ahead of more than half of them by at least this much.
  const auto middle = ahead.begin() + static_cast<std::ptrdiff_t>(ahead.size() / 2);
  std::nth_element(ahead.begin(), middle, ahead.end(), std::greater<>());
  return *middle;
}

void Lives::stop() {
  core_.stopping = true;
  if (core_.tells_all()) {
    for (const NodeId peer : core_.others()) core_.send(peer, StoppingBody{});
  } else {  // Those that may have us for a relay; the others would only show it.
    const Neighbours neighbours = core_.neighbours();
    for (const NodeId peer : neighbours.row) core_.send(peer, StoppingBody{});
    for (const NodeId peer : neighbours.relays) core_.send(peer, StoppingBody{});
  }
}

}  // namespace kith
