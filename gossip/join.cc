#include "gossip/join.h"

#include <algorithm>

#include "gossip/duration_words.h"

namespace kith {
namespace {

// Codes that no waiting will change.
bool final_refusal(std::string_view code) {
  return code == "wrong_cluster" || code == "wrong_cluster_name" || code == "wrong_shard_count" ||
         code == "wrong_retry_window" || code == "wrong_replicas" || code == "wrong_version" || code == "name_taken" || code == "members_limit";
}

// A member asks its seeds only to be told of a mistake: it gives up after so many.
constexpr int kAsksOfMember = 20;

// A member that has heard of nobody for so long asks again, at half of this.
constexpr std::int64_t kAloneMs = 15'000;

// One that has not heard of some looks for them every now and then, on the average this often.
constexpr std::int64_t kLookEveryMs = 30'000;

}  // namespace

std::string retry_window_is(std::int64_t ms) { return "has a retry window of " + duration_words(ms) + ", fixed at its creation"; }

void Join::keep_retry_window() {
  core_.out->store.set_meta(meta::kRetryWindow, meta::encode_number(static_cast<std::uint64_t>(core_.options.retry_window_ms)));
}

void Join::begin(const NodeSetup& setup) {
  setup_ = setup;
  began_at_ms_ = core_.now.monotonic_ms;
  take_seeds(setup.join);
  answered_ = seeds_.empty() && !setup.joins;
  nonce_ = core_.random.nonzero();
  look_at_ms_ = began_at_ms_ + kAloneMs;
  if (!answered_) ask();
}

void Join::take_seeds(const std::vector<std::string>& addresses) {
  seeds_.clear();
  for (const auto& address : addresses) {
    if (address != setup_.peer_address) seeds_.push_back(address);
  }
}

void Join::through(const std::vector<std::string>& addresses) {
  const bool had_none = seeds_.empty();
  take_seeds(addresses);
  if (had_none) ask_at_ms_ = core_.now.monotonic_ms;
}

JoinBody Join::question() const {
  JoinBody body;
  body.name = core_.self.name;
  body.peer_address = core_.self.peer_address;
  body.cluster_name = setup_.cluster.value_or("");
  body.shard_count = setup_.shard_count_given ? setup_.shard_count : 0;
  body.nonce = nonce_;
  // Of a member it is in force, whoever gave it.
  body.replicas = core_.joined() ? core_.self.replication.given : setup_.replicas;
  body.retry_window_ms = setup_.retry_window_given || core_.joined() ? core_.options.retry_window_ms : 0;
  return body;
}

// SUBTLE: members may have moved so that each part of the cluster looks for the other where it is itself.  No part is
// alone then, and only those who were told whom to ask can bring them together.  Who is asked learns where the asker is,
// so no answer is waited for: another cluster that has the address by now would refuse, and that is not our end.
void Join::look() {
  if (core_.now.monotonic_ms < look_at_ms_) return;
  look_at_ms_ = core_.now.monotonic_ms + kLookEveryMs / 2 + static_cast<std::int64_t>(core_.random.below(kLookEveryMs));
  if (!unheard_of()) return;
  core_.count("looked_for_members");
  core_.send_to_address(seeds_[core_.random.below(seeds_.size())], NodeId{}, question());
}

std::optional<std::int64_t> Join::wake_at_ms() const {
  if (answered_) return std::nullopt;
  return ask_at_ms_;
}

void Join::tick() {
  if (answered_ && core_.joined() && !seeds_.empty() && alone()) {
    // SUBTLE: everybody may have moved, and then nobody knows where anybody is but those who were told whom to ask.  Also
    // without a member that we know of: the records of all others may have been damaged.
    answered_ = false;
    asked_ = 0;
    ask_at_ms_ = core_.now.monotonic_ms;
  }
  if (answered_ && core_.joined() && !seeds_.empty()) look();
  if (answered_ || core_.now.monotonic_ms < ask_at_ms_) return;
  if (core_.joined() && asked_ >= kAsksOfMember && !alone()) {
    answered_ = true;
    return;
  }
  ask();
}

bool Join::alone() const {
  if (core_.now.monotonic_ms - began_at_ms_ < kAloneMs) return false;
  return std::none_of(core_.peers.begin(), core_.peers.end(), [&](const auto& item) { return heard(item.second); });
}

bool Join::unheard_of() const {
  const auto& others = core_.others();
  return std::any_of(others.begin(), others.end(), [&](NodeId peer) {
    const auto at = core_.peers.find(peer);
    return at == core_.peers.end() || !heard(at->second);
  });
}

bool Join::heard(const PeerState& peer) const {
  return peer.heard_at_ms >= 0 && core_.now.monotonic_ms - peer.heard_at_ms < kAloneMs;
}

void Join::ask() {
  ++asked_;
  const bool slowly = core_.joined() && asked_ >= kAsksOfMember;
  ask_at_ms_ = core_.now.monotonic_ms + (slowly ? kAloneMs / 2 : core_.options.join_retry_ms);
  const JoinBody body = question();
  for (const auto& address : seeds_) core_.send_to_address(address, NodeId{}, body);
}

void Join::on_join(const Envelope& envelope, const JoinBody& body) {
  // A name may stand for this node as well.
  if (envelope.sender == core_.self.node) return core_.count("dropped_own_join");
  const Identity& self = core_.self;
  const std::string ours = "cluster " + self.cluster_name + " (" + to_hex(self.cluster.value) + ")";
  std::string code, sentence;
  std::int64_t ahead_ms = 0;
  NodeId holder;
  if (envelope.version != kPeerProtocolVersion) {
    code = "wrong_version";
    sentence = self.name + " speaks version " + std::to_string(kPeerProtocolVersion) + " of the protocol between nodes, not " +
               std::to_string(envelope.version) + "; run a release of kithd that speaks the same";
  } else if (!core_.joined()) {
    code = "not_joined";
    sentence = core_.self.name + " does not belong to a cluster itself yet; ask again, or join through another member";
  } else if (envelope.cluster && envelope.cluster != self.cluster) {
    code = "wrong_cluster";
    sentence = "this is " + ours + ", but the data directory belongs to cluster " + to_hex(envelope.cluster.value) +
               "; start it without --join, or with an empty directory";
  } else if (!body.cluster_name.empty() && body.cluster_name != self.cluster_name) {
    code = "wrong_cluster_name";
    sentence = "this is " + ours + ", not '" + body.cluster_name + "'; check --cluster and --join";
  } else if (body.shard_count != 0 && body.shard_count != self.shard_count) {
    code = "wrong_shard_count";
    sentence = ours + " has " + std::to_string(self.shard_count) + " shards, fixed at its creation, not " +
               std::to_string(body.shard_count) + "; leave --shards out";
  } else if (body.retry_window_ms != 0 && body.retry_window_ms != core_.options.retry_window_ms) {
    code = "wrong_retry_window";
    sentence = ours + " " + retry_window_is(core_.options.retry_window_ms) + ", not " + duration_words(body.retry_window_ms) +
               "; leave --retry-window out";
  } else if (body.replicas != 0 && body.replicas != self.replication.number()) {
    code = "wrong_replicas";
    sentence = ours + " " + replication_is(self.replication) + ", not " + std::to_string(body.replicas) + "; leave --replicas out";
  } else if (core_.members.find_by_name(body.name, &holder) != nullptr && holder != envelope.sender) {
    code = "name_taken";
    sentence = "a member of " + ours + " is called '" + body.name + "' already; choose another --name";
  } else if (core_.member(envelope.sender) == nullptr && core_.members.members().size() >= kMembersMax) {
    code = "members_limit";
    sentence = ours + " has " + std::to_string(kMembersMax) + " members, which is the limit";
  } else if (lives_.skewed(envelope, &ahead_ms)) {
    code = "clock_ahead";
    sentence = "its clock is " + std::to_string(ahead_ms) + " ms ahead of ours (limit " +
               std::to_string(core_.options.max_skew_ms) + " ms); set the clock, it is admitted then";
  }
  core_.count(code.empty() ? "joins_welcomed" : "joins_refused");
  if (code.empty()) {
    core_.hlc.observe(envelope.hlc);
    // A member that asks knows the others; what it lacks comes with the pulls of its first rounds.
    core_.send_to_address(body.peer_address, envelope.sender, WelcomeBody{self.cluster_name, self.shard_count, body.nonce, core_.options.retry_window_ms,
                                      core_.options.collect ? core_.electorate : std::vector<NodeId>{}, self.replication.given},
                          envelope.cluster ? CellBlock{} : core_.table_piece().cells);
  } else {
    core_.send_to_address(body.peer_address, envelope.sender, RefuseBody{code, sentence, body.nonce});
  }
}

bool Join::on_welcome(const Envelope& envelope, const WelcomeBody& body, bool& joined_now) {
  joined_now = false;
  if (body.nonce != nonce_ || !envelope.cluster) return false;
  if (answered_) return core_.joined();  // Somebody else was first, or we were looking only.
  if (core_.joined()) {
    answered_ = envelope.cluster == core_.self.cluster;
    return true;
  }
  std::int64_t ahead_ms = 0;
  if (lives_.skewed(envelope, &ahead_ms)) {
    core_.note(Output::Note::Level::kWarning, "cannot join yet: the member at the other end has a clock " +
                                                  std::to_string(ahead_ms) + " ms ahead of ours; check both clocks");
    return true;
  }
  answered_ = true;
  joined_now = true;
  Identity& self = core_.self;
  self.cluster = envelope.cluster;
  self.cluster_name = body.cluster_name;
  self.shard_count = static_cast<std::uint32_t>(body.shard_count);
  StoreBatch& batch = core_.out->store;
  batch.set_meta(meta::kClusterId, meta::encode_number(self.cluster.value));
  batch.set_meta(meta::kClusterName, self.cluster_name);
  batch.set_meta(meta::kShardCount, meta::encode_number(self.shard_count));
  self.replication.given = body.replicas;
  batch.set_meta(meta::kReplicas, meta::encode_number(self.replication.given));
  if (body.retry_window_ms != 0) core_.options.retry_window_ms = body.retry_window_ms;
  keep_retry_window();
  core_.electorate = body.electorate;  // Kept by gossip/eviction.
  core_.note(Output::Note::Level::kInfo, "joined cluster " + self.cluster_name + " (" + to_hex(self.cluster.value) + "), " +
                                             std::to_string(self.shard_count) + " shards");
  return true;
}

bool Join::on_refuse(const Envelope&, const RefuseBody& body) {
  if (answered_ || body.nonce != nonce_) return false;
  const bool final = final_refusal(body.code);
  core_.note(final ? Output::Note::Level::kError : Output::Note::Level::kWarning, "refused: " + body.sentence);
  if (final) {
    answered_ = true;
    core_.out->refused_for_good = true;
  }
  return true;
}

}  // namespace kith
