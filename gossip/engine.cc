#include "gossip/engine.h"

#include <algorithm>
#include <utility>

#include "crdt/check.h"
#include "gossip/audit.h"
#include "gossip/consult.h"
#include "gossip/core.h"
#include "gossip/duration_words.h"
#include "gossip/eviction.h"
#include "gossip/follow.h"
#include "gossip/join.h"
#include "gossip/leave.h"
#include "gossip/lives.h"
#include "gossip/mend.h"
#include "gossip/message.h"
#include "gossip/operations.h"
#include "gossip/collector.h"
#include "gossip/expiry.h"
#include "gossip/probe.h"
#include "gossip/pull.h"
#include "gossip/rebase.h"
#include "gossip/redo.h"
#include "gossip/push.h"
#include "gossip/relay.h"
#include "gossip/roster_of.h"
#include "gossip/round.h"
#include "gossip/shared_addresses.h"
#include "gossip/table_upkeep.h"

namespace kith {

void Output::clear() {
  store.clear();
  sends.clear();
  reconnect.clear();
  replies.clear();
  notes.clear();
  redone.clear();
  arrived.clear();
  wake_at_ms = 0;
  probe_at_ms.reset();
  refused_for_good = false;
}

std::optional<std::string> check_setup(const Snapshot& snapshot, const NodeSetup& setup, const EngineOptions& options) {
  const auto name = snapshot.meta(meta::kNodeName);
  if (name && *name != setup.name) {
    return "the data directory is that of node '" + *name + "', not of '" + setup.name +
           "': give --name " + *name + ", or another directory";
  }
  const auto role_there = static_cast<Role>(meta::decode_number(snapshot.meta(meta::kRole)));
  if (name && setup.role && role_there != *setup.role) {
    const bool observes = role_there == Role::kObserver;
    return "the data directory is that of " + std::string(observes ? "an observer" : "a replica") + ", and what a node is stays as it was when its directory was first used: give --role " +
           std::string(to_string(role_there)) + "; or, for another role, `kith drain " + setup.name + "`, and start it with an empty directory";
  }
  if (meta::decode_number(snapshot.meta(meta::kClusterId)) == 0) {
    if ((name ? role_there : setup.role.value_or(Role::kReplica)) != Role::kObserver || !setup.founds()) return std::nullopt;
    return "an observer copies what replicas have, so it can not be the first node of a cluster: give --join with the address of a member, or start a replica first";
  }
  const std::string cluster = snapshot.meta(meta::kClusterName).value_or("");
  if (setup.cluster && *setup.cluster != cluster) {
    return "the data directory belongs to cluster '" + cluster + "', not to '" + *setup.cluster +
           "': give --cluster " + cluster + ", or another directory";
  }
  const auto shards = meta::decode_number(snapshot.meta(meta::kShardCount));
  if (setup.shard_count_given && setup.shard_count != shards) {
    return "cluster '" + cluster + "' has " + std::to_string(shards) + " shards, fixed at its creation, not " +
           std::to_string(setup.shard_count) + ": leave --shards out";
  }
  const auto window_ms = static_cast<std::int64_t>(meta::decode_number(snapshot.meta(meta::kRetryWindow)));
  if (setup.retry_window_given && window_ms != 0 && options.retry_window_ms != window_ms) {
    return "cluster '" + cluster + "' " + retry_window_is(window_ms) + ", not " + duration_words(options.retry_window_ms) +
           ": leave --retry-window out";
  }
  const ReplicationFactor replication{static_cast<std::uint32_t>(meta::decode_number(snapshot.meta(meta::kReplicas)))};
  if (setup.replicas != 0 && setup.replicas != replication.number()) {
    return "cluster '" + cluster + "' " + replication_is(replication) + ", not " + std::to_string(setup.replicas) +
           ": leave --replicas out";
  }
  return std::nullopt;
}

class Engine::Impl {
 public:
  Impl(const EngineOptions& options, const NodeSetup& setup, Store& store, std::uint64_t seed)
      : core_(options, store, seed), setup_(setup), probe_(core_, ~seed) {
    damaged_members_ = lives_.load();
    horizon_.load();
    mend_.load();
    eviction_.load();
    look_at_usage();
    core_.read_root();
    core_.on_ended = [this](OriginId origin) {
      redo_.ended(origin);
      if (core_.life_is_over()) lives_.on_ended();
    };
    lives_.on_in_step = [this](NodeId peer, Timestamp said_at) { eviction_.in_step_with(peer, said_at); };
    lives_.on_outcast = [this](const Envelope& from) {
      eviction_.on_word(from);
      if (const auto* mended = std::get_if<MendedBody>(&from.body)) mend_.on_mended_by_outcast(from.sender, *mended);
    };
    core_.on_pulled = [this](NodeId peer, ShardId shard, const CommitClock& theirs) { follow_.pulled(peer, shard, theirs); };
    core_.believed_dead = [this](NodeId node) { return probe_.dead(node); };
    core_.before_merge = [this](ShardId shard, const CellKey& cell, const Content& delta) { redo_.before_merge(shard, cell, delta); };
  }

  void start(Instant now, Output& out) {
    KITH_CHECK(!core_.self.origin, "a life is begun once", core_.self.origin.value);
    begin_step(now, out);
    lives_.begin(setup_);
    if (core_.joined() && meta::decode_number(core_.store.snapshot()->meta(meta::kRetryWindow)) == 0) join_.keep_retry_window();
    join_.begin(setup_);
    round_.begin();
    mend_.begin();
    rebase_.begin();
    redo_.begin();
    if (core_.options.collect) eviction_.begin();
    leave_.begin();
    collector_.begin();
    expiry_.begin();
    for (const StoreKey& key : std::exchange(damaged_members_, {})) mend_.found(key);
    end_step();
  }

  void step(Instant now, const Input& input, Output& out) {
    KITH_CHECK(now.monotonic_ms >= core_.now.monotonic_ms, "time ran backwards", now.monotonic_ms, core_.now.monotonic_ms);
    begin_step(now, out);
    std::visit([this](const auto& it) { on(it); }, input);
    // SUBTLE: what is only about members does not set the alarm of the data anew: it is as if it had not happened.
    const bool probed = std::exchange(probe_came_, false) || std::holds_alternative<ProbeTick>(input);
    if (!probed) return end_step();
    out.wake_at_ms = wake_at_ms_;
    out.probe_at_ms = probe_.wake_at_ms();
    core_.out = nullptr;
  }

  void committed(Instant now, const CommitReport& report, Output& out) {
    begin_step(now, out);
    core_.count("commits");
    core_.count("rows_changed", report.rows_changed);
    core_.count("row_bytes_changed", report.row_bytes);
    for (const auto& folded : report.folded) core_.count("increments_folded", folded.increments);
    collector_.batch_is_durable(report);
    push_.flush(operations_.wants_acks());
    relay_.batch_is_durable();
    operations_.batch_is_durable();
    mend_.batch_is_durable();
    expiry_.batch_is_durable();
    for (const StoreKey& key : report.damaged) mend_.found_by_commit(key);
    for (const StoreKey& key : report.refused) mend_.refused(key);
    look_at_usage();
    core_.read_root();
    end_step();
  }

  void let_go() { operations_.let_go(); }

  EngineHealth health(Instant now) const;
  EngineStatus status(Instant now) const;
  EngineCounters counters() const { return {core_.counters.begin(), core_.counters.end()}; }
  GarbageStatus garbage(Instant now) const;
  LeaveStatus leave(Instant now) const;
  Timestamp time(Instant now) const { return core_.hlc.read(now.wall_ms); }
  Roster roster(Instant now) const { return roster_of(core_, now); }
  bool life_is_over() const { return core_.evicted || core_.begins_anew; }
  bool has_left() const { return core_.left(); }
  std::uint64_t next_seed() { return core_.random.nonzero(); }
  bool reads_may_be_stale() const { return rebase_.needed(); }
  bool some_reads_ask_others() const { return core_.tables.any_reads_elsewhere(); }
  Liveness liveness(NodeId node) const {
    const auto belief = probe_.belief(node);
    return belief ? belief->state : Liveness::kAlive;
  }

 private:
  void begin_step(Instant now, Output& out) {
    core_.now = now;
    core_.out = &out;
  }

  void end_step() {
    auto at_ms = round_.wake_at_ms();
    for (const auto& wake : {join_.wake_at_ms(), pull_.wake_at_ms(), audit_.wake_at_ms(), relay_.wake_at_ms(), rebase_.wake_at_ms(),
                            redo_.wake_at_ms(), collector_.wake_at_ms(), expiry_.wake_at_ms(),
                            operations_.wake_at_ms(), consultations_.wake_at_ms()}) {
      if (wake) at_ms = std::min(at_ms, *wake);
    }
    core_.out->wake_at_ms = wake_at_ms_ = at_ms;
    core_.out->probe_at_ms = probe_.wake_at_ms();
    core_.out = nullptr;
  }

  Operations::Standing standing() {
    Operations::Standing out;
    out.clock_fenced = lives_.clock_fenced(&out.clock_ahead_ms);
    out.full = full();
    out.rebasing = rebase_.needed();
    return out;
  }
  bool full() const {
    // The batch at hand must fit as well: past the end of the map a node has to stop.
    return static_cast<double>(usage_.bytes_used) >= core_.options.full_at * static_cast<double>(usage_.bytes_max) ||
           usage_.bytes_used + core_.batch_bytes_at_most >= usage_.bytes_max;
  }
  void look_at_usage() {  // Once a commit: what is used changes with nothing else.
    usage_ = core_.store.usage();
    core_.batch_bytes_at_most = 0;
  }
  auto found_damaged() {
    return [this](const StoreKey& key) { mend_.found(key); };
  }

  void on(const Operation& operation) { operations_.operate(operation, standing(), found_damaged()); }
  void on(const Consult& consult) { consultations_.begin(consult); }
  void on(const RowDamaged& damaged) {
    // Whoever read it may have done so before it was mended.
    Row row;
    if (core_.store.snapshot()->get(damaged.key, row) == Snapshot::Lookup::kDamaged) mend_.found(damaged.key);
  }
  void on(const ShardDoubted& doubted) {
    // What is missing then shows in the fingerprint, and the audit fetches it.
    core_.count("shards_recounted");
    core_.note(Output::Note::Level::kError,
               "the rows of shard " + std::to_string(doubted.shard) +
                   " on disk are not those that its fingerprint and counts were made of: some were lost inside of the file, or "
                   "these are damaged. They are made anew, and the peers are asked for what is missing; check the disk");
    core_.out->store.recount(doubted.shard);
    core_.set_back(doubted.shard);
  }
  void on(const Evict& evict) {
    Reply reply;
    reply.request = evict.request;
    if (evict.without_half) reply.message = rebase_.recover();
    if (reply.message.empty() && !(evict.without_half && evict.names.empty())) reply.message = eviction_.propose(evict.names, evict.without_half);
    if (!reply.message.empty()) {
      reply.outcome = Outcome::kRefused;
      reply.code = Refusal::kCannotEvict;
    }
    core_.out->replies.push_back(std::move(reply));
  }
  void on(const Drain& drain) {
    Reply reply;
    reply.request = drain.request;
    reply.message = drain.cancel ? leave_.stay() : leave_.leave();
    if (!reply.message.empty()) {
      reply.outcome = Outcome::kRefused;
      reply.code = Refusal::kCannotDrain;
    }
    core_.out->replies.push_back(std::move(reply));
  }
  void on(const JoinThrough& through) { join_.through(through.addresses); }
  void on(const Stop&) {
    lives_.stop();
    relay_.send_gathered();
    probe_.stop();
  }
  void on(const Tick&) {
    operations_.retry_deferred(standing(), found_damaged());
    operations_.tick();
    consultations_.tick();
    join_.tick();
    pull_.tick();
    audit_.tick();
    rebase_.tick();
    redo_.tick();
    expiry_.tick();
    collector_.tick();
    relay_.tick();
    if (round_.tick()) {
      mend_.round();
      upkeep_.tick(mend_.waiting_in(kSystemShard));
      lives_.tick(mend_.waiting_in(kSystemShard));
      horizon_.tick();
      eviction_.tick();
      leave_.tick();
      follow_.tick(rebase_.above_all_others());
      shared_addresses_.tick();
    }
  }

  void on(const ProbeTick&) { probe_.tick(); }

  void on(const PeerFrame& frame);
  bool accept(const Envelope& envelope);
  void on_body(const Envelope& from, const JoinBody& body) { join_.on_join(from, body); }
  void on_join(const Envelope& envelope, const JoinBody& body, const PeerFrame& frame);
  void on_body(const Envelope&, const WelcomeBody&) {}
  void on_body(const Envelope&, const RefuseBody&) {}
  void on_body(const Envelope&, const ProbeBody&) {}
  void on_body(const Envelope& from, const PushBody& body) {
    if (core_.returning && !core_.introduced) return;  // What it brings may have to be preceded by what is done again.
    if (!rebase_.admits(from)) return;
    horizon_.told(from);
    push_.on_push(from, body);
  }
  void on_body(const Envelope& from, const AckBody& body) {
    for (const auto& part : push_.take_acked(from.sender, body.nonce)) {
      operations_.peer_stored(from.sender, part.shard, part.previous, part.commit);
    }
  }
  void on_body(const Envelope& from, const SummaryBody& body) {
    if (round_.on_summary(from, body)) operations_.peer_holds_all(from.sender);
  }
  void on_body(const Envelope& from, const AgreedBody& body) {
    if (round_.on_agreed(from, body)) operations_.peer_holds_all(from.sender);
  }
  void on_body(const Envelope& from, const DigestsBody& body) { round_.on_digests(from, body); }
  void on_body(const Envelope& from, const PullBody& body) {
    for (const auto& part : body.parts) operations_.peer_holds(from.sender, part.shard, part.clock);
    if (core_.returning) return;  // Of what its earlier lives took in alone nobody may have anything before it was done again.
    pull_.on_pull(from, body, {found_damaged(), [this](ShardId shard) { on(ShardDoubted{shard}); },
                               [this](ShardId shard) { return mend_.waiting_in(shard); }});
  }
  void on_body(const Envelope& from, const RowsBody& body) {
    if (!rebase_.admits(from)) return;
    if (consultations_.take_rows(from.sender, from.origin, body)) return;
    rebase_.pulled(from.sender, pull_.on_rows(from.sender, from.origin, body));
  }
  void on_body(const Envelope& from, const FetchBody& body) {
    mend_.on_fetch(from, body);
  }
  void on_body(const Envelope& from, const MendedBody& body) {
    const bool admitted = rebase_.admits(from);
    mend_.on_mended(from, body, admitted);
    redo_.on_mended(from.sender, body, admitted);
  }
  void on_body(const Envelope& from, const AuditBody& body) { audit_.on_audit(from.sender, body); }
  void on_body(const Envelope& from, const BucketsBody& body) { audit_.on_buckets(from.sender, body); }
  void on_body(const Envelope& from, const RepairBody& body) {
    if (!core_.returning) audit_.on_repair(from.sender, body);
  }
  void on_body(const Envelope& from, const RepairedBody& body) {
    if (rebase_.admits(from)) audit_.on_repaired(from, body);
  }
  void on_body(const Envelope& from, const RebaseBody& body) {
    if (!core_.returning) rebase_.on_rebase(from, body);
  }
  void on_body(const Envelope& from, const EvictBody& body) { eviction_.on_evict(from, body); }
  void on_body(const Envelope& from, const VoteBody& body) { eviction_.on_vote(from, body); }
  void on_body(const Envelope& from, const EvictedBody& body) { lives_.on_evicted(from.sender, body); }
  void on_body(const Envelope& from, const RebasedBody& body) { rebase_.on_rebased(from, body); }
  void on_body(const Envelope& from, const StoppingBody&) { lives_.on_stopping(from.sender); }
  void on_body(const Envelope& from, const SupersededBody& body) { lives_.on_superseded(from.sender, body); }

  Core core_;
  NodeSetup setup_;
  Lives lives_{core_};
  Horizon horizon_{core_, lives_};
  Join join_{core_, lives_};
  Relay relay_{core_};
  Push push_{core_, lives_, relay_};
  Pull pull_{core_, horizon_};
  TableUpkeep upkeep_{core_, lives_};
  SharedAddresses shared_addresses_{core_};
  Mend mend_{core_};
  Audit audit_{core_, mend_};
  Round round_{core_, horizon_, pull_, audit_};
  Redo redo_{core_};
  Rebase rebase_{core_, lives_, mend_, pull_, redo_};
  Expiry expiry_{core_};
  Collector collector_{core_, horizon_};
  Eviction eviction_{core_, lives_, mend_};
  Leave leave_{core_, lives_, horizon_, eviction_};
  Follow follow_{core_};
  Operations operations_{core_};
  Consultations consultations_{core_};
  Probe probe_;
  bool probe_came_ = false;                // In the step at hand.
  std::int64_t wake_at_ms_ = 0;
  Store::Usage usage_;
  std::vector<StoreKey> damaged_members_;  // Found while loading.
};

bool Engine::Impl::accept(const Envelope& envelope) {
  const auto known = core_.peers.find(envelope.sender);
  const OriginId known_life = known == core_.peers.end() ? OriginId{} : known->second.origin;
  const bool accepted = lives_.accept(envelope);
  if (!envelope.members.empty() && core_.joined() && envelope.cluster == core_.self.cluster) rebase_.took_rows_of(envelope);
  if (!accepted) return false;
  if (known_life && known_life != envelope.origin) {  // The questions that the earlier life was asked are gone with it.
    pull_.forget(envelope.sender);
    audit_.forget(envelope.sender);
    rebase_.forget(envelope.sender);
    consultations_.forget(envelope.sender);
  }
  return true;
}

// SUBTLE: who lets a node in vouches for the time at which its life begins, and gives it an electorate.  An observer has neither; so a replica
// is to answer, as if it had been asked.
void Engine::Impl::on_join(const Envelope& envelope, const JoinBody& body, const PeerFrame& frame) {
  const auto& replicas = core_.other_replicas();
  if (!core_.joined() || !core_.observer() || replicas.empty() || core_.members.replicas().empty() || core_.member(envelope.sender) != nullptr) {
    return on_body(envelope, body);
  }
  const NodeId to = core_.next_living(replicas, core_.random.below(replicas.size()));
  core_.count("joins_sent_on");
  core_.out->sends.push_back({core_.member(to)->record.peer_address, to, frame.bytes});
}

void Engine::Impl::on(const PeerFrame& frame) {
  core_.count("received_messages");
  core_.count("received_bytes", frame.bytes.size());
  Envelope envelope;
  if (const FrameError error = decode(frame.bytes, envelope); error != FrameError::kNone) {
    core_.count("dropped_" + std::string(to_string(error)));
    return;
  }
  // Joining is the one conversation between nodes of which one does not belong yet.
  if (const auto* join = std::get_if<JoinBody>(&envelope.body)) {
    if (envelope.version != kPeerProtocolVersion) return on_join(envelope, *join, frame);
    // A member that asks tells where it is now: perhaps it has moved, and this is how it can be found again.
    if (core_.joined() && envelope.cluster == core_.self.cluster && core_.member(envelope.sender) != nullptr) {
      (void)accept(envelope);
    }
    return on_join(envelope, *join, frame);
  }
  if (const auto* refuse = std::get_if<RefuseBody>(&envelope.body)) {
    if (!join_.on_refuse(envelope, *refuse)) core_.count("dropped_unasked_refusal");
    return;
  }
  bool joined_now = false;
  if (const auto* welcome = std::get_if<WelcomeBody>(&envelope.body)) {
    if (!join_.on_welcome(envelope, *welcome, joined_now)) core_.count("dropped_unasked_welcome");
    if (!core_.joined()) return;
  }
  if (core_.evicted || core_.begins_anew) return;
  if (const auto* probe = std::get_if<ProbeBody>(&envelope.body)) {
    probe_came_ = true;
    return probe_.receive(envelope, *probe, frame.bytes.size());
  }
  if (accept(envelope)) {
    probe_.heard(envelope);
    if (!takes(core_, envelope)) return core_.count("dropped_of_or_for_observer");
    if (std::holds_alternative<DigestsBody>(envelope.body) || std::holds_alternative<AgreedBody>(envelope.body)) lives_.answered();
    rebase_.heard(envelope);
    const std::string received = "received_" + std::string(type_name(envelope.body));
    core_.count(received);
    core_.count(received + "_bytes", frame.bytes.size());
    std::visit([&](const auto& body) { on_body(envelope, body); }, envelope.body);
  }
  if (joined_now) {
    if (core_.options.collect) eviction_.take_electorate(core_.electorate);
    lives_.begin_again();
    lives_.publish();
    round_.begin();
  }
}

GarbageStatus Engine::Impl::garbage(Instant now) const {
  GarbageStatus out;
  out.collects = core_.options.collect;
  out.retry_window_ms = core_.options.retry_window_ms;
  out.floor = core_.floor();
  if (const auto origin = core_.clocks.holds_floor(); origin && *origin != core_.self.origin) {
    if (const auto* life = core_.members.lives().find(*origin)) {
      out.floor_held_by = core_.name_of(life->node);
      const auto* member = core_.member(life->node);
      out.floor_held_by_former_life = member == nullptr || member->life.origin != *origin;
    }
  }
  out.horizon = core_.horizon;
  out.highest_horizon = core_.highest_horizon;
  if (const auto holder = horizon_.holder(now.monotonic_ms)) {
    out.held_by = core_.name_of(holder->node);
    out.held_at = holder->floor;
    out.held_for_ms = holder->since_ms;
  }
  if (const auto progress = rebase_.progress()) {
    out.rebasing = true;
    if (progress->onto) out.onto = core_.name_of(progress->onto);
    out.shards = progress->shards;
    out.shards_done = progress->shards_done;
    out.rows_cut = progress->dropped;
  }
  const Eviction::Status eviction = eviction_.status();
  for (const NodeId node : eviction.going) out.evicting.push_back(core_.name_of(node));
  for (const NodeId node : eviction.waits_for) out.eviction_waits_for.push_back(core_.name_of(node));
  out.proposes_eviction = eviction.proposes;
  out.eviction_agreed = eviction.agreed;
  out.evict_after_ms = core_.options.evict_after_ms;
  out.nobody_in_good_standing = rebase_.nobody_left();
  if (out.nobody_in_good_standing) out.recover_at = core_.name_of(rebase_.most_seen());
  out.returning = core_.returning;
  out.lives_to_close = lives_.left_to_close();
  for (const NodeId node : lives_.waits_for()) out.closing_waits_for.push_back(core_.name_of(node));
  return out;
}

LeaveStatus Engine::Impl::leave(Instant now) const {
  LeaveStatus out;
  if (!core_.leaving) return out;
  out.since = core_.leaving;
  out.handed_over = core_.handed_over;
  const Leave::Status leaving = leave_.status();
  out.catches_up = leaving.catches_up;
  for (const NodeId node : leaving.lacking) out.lacking.push_back(core_.name_of(node));
  for (const NodeId node : core_.members.ids()) {
    if (node != core_.self.node && !living(core_, node, now)) out.away.push_back(core_.name_of(node));
  }
  return out;
}

EngineHealth Engine::Impl::health(Instant now) const {
  EngineHealth out;
  const Identity& self = core_.self;
  out.cluster = self.cluster;
  out.cluster_name = self.cluster_name;
  out.shard_count = self.shard_count;
  out.replication = self.replication;
  out.node = self.node;
  out.name = self.name;
  out.origin = self.origin;
  out.start = self.start;
  out.role = self.role;
  out.now = core_.hlc.read(now.wall_ms);
  out.joined = core_.joined();
  out.introduced = core_.introduced || !core_.options.collect;
  out.clock_fenced = lives_.clock_fenced(&out.clock_ahead_ms);
  out.full = full();
  out.superseded = core_.superseded;
  out.life_is_over = core_.evicted;
  out.leaving = static_cast<bool>(core_.leaving);
  out.left = core_.left();
  out.pulls_outstanding = pull_.outstanding();
  out.rows_damaged = mend_.waiting();
  out.members_version = core_.members.version();
  return out;
}

EngineStatus Engine::Impl::status(Instant now) const {
  const auto ago = [&](std::int64_t at_ms) { return at_ms < 0 ? -1 : now.monotonic_ms - at_ms; };
  EngineStatus out;
  static_cast<EngineHealth&>(out) = health(now);
  for (const auto& [node, member] : core_.members.members()) {
    MemberStatus status;
    status.id = node;
    status.name = member.record.name;
    status.client_address = member.record.client_address;
    status.peer_address = member.record.peer_address;
    status.origin = member.life.origin;
    status.start = member.life.start;
    status.lives = std::max<std::size_t>(core_.members.lives().count_of(node), member.record.role == Role::kObserver ? 1 : 0);
    status.observer = member.record.role == Role::kObserver;
    status.self = node == core_.self.node;
    status.out = member.out;
    status.left = member.left();
    status.leaving = !member.out && member.record.leaving;
    status.evicted_at = core_.members.evicted().at(node);
    const Horizon::Holder said = status.self ? Horizon::Holder{node, core_.floor(), 0} : horizon_.told_by(node, now.monotonic_ms);
    status.floor = said.floor;
    status.floor_held_ms = said.since_ms;
    if (const auto peer = core_.peers.find(node); peer != core_.peers.end()) {
      status.heard_ms_ago = ago(peer->second.heard_at_ms);
      status.agreed_ms_ago = ago(peer->second.agreed_at_ms);
      status.round_trip_ms = peer->second.round_trip_ms;
      status.clock_offset_ms = peer->second.offset_before_known
                                   ? std::max(peer->second.offset_ms, peer->second.offset_before_ms)
                                   : peer->second.offset_ms;
      status.stopping = peer->second.stopping;
    }
    if (const auto belief = probe_.belief(node); belief && !member.out) {
      status.liveness = belief->state;
      status.liveness_ms = ago(belief->since_ms);
      if (belief->by) status.liveness_by = core_.name_of(belief->by);
    }
    out.members.push_back(std::move(status));
  }
  std::sort(out.members.begin(), out.members.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  out.newest_held = core_.clocks.newest_held();
  out.garbage = garbage(now);
  out.leave = leave(now);
  out.counters = counters();
  out.probe_score = probe_.score();
  return out;
}

Engine::Engine(const EngineOptions& options, const NodeSetup& setup, Store& store, std::uint64_t seed)
    : options_(options), setup_(setup), store_(store), impl_(std::make_unique<Impl>(options, setup, store, seed)) {}
Engine::~Engine() = default;
void Engine::start(Instant now, Output& out) { impl_->start(now, out); }
void Engine::step(Instant now, const Input& input, Output& out) { impl_->step(now, input, out); }
void Engine::committed(Instant now, const CommitReport& report, Output& out) { impl_->committed(now, report, out); }
void Engine::let_go() { impl_->let_go(); }
bool Engine::life_is_over() const { return impl_->life_is_over(); }
bool Engine::has_left() const { return impl_->has_left(); }
void Engine::begin_anew(Instant now, Output& out) {
  KITH_CHECK(life_is_over() && out.store.empty(), "a life ends before the next one begins", out.store.cells().size());
  const std::uint64_t seed = impl_->next_seed();
  impl_ = std::make_unique<Impl>(options_, setup_, store_, seed);
  impl_->start(now, out);
}
EngineHealth Engine::health(Instant now) const { return impl_->health(now); }
GarbageStatus Engine::garbage(Instant now) const { return impl_->garbage(now); }
EngineCounters Engine::counters() const { return impl_->counters(); }
Liveness Engine::liveness(NodeId node) const { return impl_->liveness(node); }
EngineStatus Engine::status(Instant now) const { return impl_->status(now); }
Timestamp Engine::time(Instant now) const { return impl_->time(now); }
Roster Engine::roster(Instant now) const { return impl_->roster(now); }
bool Engine::some_reads_ask_others() const { return impl_->some_reads_ask_others(); }
bool Engine::reads_may_be_stale() const { return impl_->reads_may_be_stale(); }

}  // namespace kith
