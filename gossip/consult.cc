#include "gossip/consult.h"

#include <algorithm>
#include <iterator>

namespace kith {
namespace {

constexpr std::int64_t kAskAgainMs = 250;
constexpr std::int64_t kAskAgainMsMax = 4'000;

}  // namespace

std::uint32_t Consultations::level_of(const Consult& consult) const {
  return consult.level == kAsTheTable ? core_.tables.rules(consult.table).read : consult.level;
}

std::uint32_t Consultations::wanted_by(const Consult& consult) const {
  const auto holders = static_cast<std::uint32_t>(core_.members.replicas().size());  // As long as every member holds everything.
  const TableRules& rules = core_.tables.rules(consult.table);
  const std::uint32_t level = level_of(consult);
  if (level == kAllReplicas) return std::max<std::uint32_t>(holders, 1);  // An observer may know of none yet.
  if (level != kQuorumReplicas) return level;
  // So many that they have one in common with any quorum of writes.
  const std::uint32_t writes = quorum_of(core_.self.replication.of(holders), rules.quorum);
  return holders > writes ? holders - writes + 1 : 1;
}

void Consultations::begin(const Consult& consult) {
  Reading reading;
  reading.reply.request = consult.request;
  reading.wanted = core_.joined() ? wanted_by(consult) : 1;
  reading.expires_at_ms = core_.now.monotonic_ms + consult.timeout_ms;
  const auto say_no = [&](Refusal code, std::string message) {
    reading.reply.outcome = Outcome::kRefused;
    reading.reply.code = code;
    reading.reply.message = std::move(message);
    core_.out->replies.push_back(std::move(reading.reply));
  };
  // An observer has asked none of the replicas by reading here.
  const bool here = !core_.observer() || !core_.joined() || level_of(consult) == 1;
  if (reading.wanted <= 1 && here) {
    reading.reply.replicas.push_back(core_.self.name);
    core_.out->replies.push_back(std::move(reading.reply));
    return;
  }
  core_.count("consults");
  // Behind a horizon it takes no rows but those of its rebase.
  if (core_.behind || core_.returning) {
    return say_no(Refusal::kRebasing, "this node was away for longer than removals are remembered, and can not take in what others hold before it "
                                      "has caught up: ask another one, or ask for what it has itself (read one)");
  }
  if (waiting_ >= kReadsMax) {
    return say_no(Refusal::kNotReached, std::to_string(kReadsMax) + " reads that ask other members are under way here: try again in a moment");
  }
  const ShardId shard = shard_of(consult.table, consult.key, core_.self.shard_count);
  OfShard& of = shards_[shard];
  ++waiting_;
  if (!of.readings.empty()) {
    of.next.push_back(std::move(reading));
    return;
  }
  of.readings.push_back(std::move(reading));
  ask_all(shard, of);
}

void Consultations::ask_all(ShardId shard, OfShard& of) {
  of.asked.clear();
  for (const NodeId peer : core_.other_replicas()) {
    Asked& asked = of.asked[peer];
    asked.patience_ms = kAskAgainMs;
    ask(shard, peer, asked);
  }
}

void Consultations::ask(ShardId shard, NodeId peer, Asked& asked) {
  const std::uint64_t setbacks = core_.setbacks(shard);
  // SUBTLE: a row that was read on the way may have been in one that turned out to be damaged.
  if (asked.setbacks != setbacks) asked.behind.reset(), cursors_.erase({shard, peer});
  asked.setbacks = setbacks;
  asked.nonce = core_.random.nonzero();
  asked.again_at_ms = core_.now.monotonic_ms + asked.patience_ms;
  PullBody::Part part;
  part.shard = shard;
  part.clock = core_.clocks.held(shard);
  if (const auto known = cursors_.find({shard, peer}); !asked.behind && known != cursors_.end()) asked.behind = known->second;
  if (asked.behind && asked.behind->epoch == core_.peers[peer].origin) {
    part.epoch = asked.behind->epoch;
    part.after = asked.behind->lsn;
  }
  PullBody body;
  body.nonce = asked.nonce;
  body.parts.push_back(std::move(part));
  core_.count("consult_questions");
  core_.send(peer, std::move(body));
}

bool Consultations::take_rows(NodeId from, OriginId origin, const RowsBody& body) {
  if (body.nonce == 0) return false;
  for (auto& [shard, of] : shards_) {
    const auto at = of.asked.find(from);
    if (at == of.asked.end() || at->second.nonce != body.nonce || at->second.told) continue;
    Asked& asked = at->second;
    const auto part = std::find_if(body.parts.begin(), body.parts.end(), [&](const auto& one) { return one.shard == shard; });
    // Where member tables differ theirs comes first, and fills the answer: then this is asked for again, in a moment.
    if (part == body.parts.end()) return true;
    const auto cells = core_.read_cells(shard, part->cells);
    if (!cells) {
      core_.count("dropped_bad_cells");
      return true;
    }
    const std::uint64_t dropped_before = core_.unseen_dropped;
    for (const Cell& cell : *cells) core_.merge(shard, cell.key, cell.content);
    core_.count("rows_consulted", cells->size());
    if (asked.setbacks != core_.setbacks(shard)) return true;
    // SUBTLE: what was not taken may have had in its row the place of what was seen (gossip/pull).
    if (core_.unseen_dropped != dropped_before) return true;
    asked.behind = cursors_[{shard, from}] = Cursor{origin, part->next};
    if (!part->end) {
      ask(shard, from, asked);
      return true;
    }
    asked.told = part->sound;
    if (asked.told) settle(shard, of);
    return true;
  }
  return false;
}

std::string Consultations::told_by(const OfShard& of) const {
  std::string out = core_.observer() ? "" : core_.self.name;
  for (const auto& [peer, asked] : of.asked) {
    if (asked.told) out += (out.empty() ? "" : ", ") + core_.name_of(peer);
  }
  return out.empty() ? "none" : out + " alone";
}

// SUBTLE: may erase `of`.
void Consultations::settle(ShardId shard, OfShard& of) {
  std::vector<std::string> names;
  if (!core_.observer()) names.push_back(core_.self.name);
  for (const auto& [peer, asked] : of.asked) {
    if (asked.told) names.push_back(core_.name_of(peer));
  }
  std::erase_if(of.readings, [&](Reading& reading) {
    if (names.size() < reading.wanted) return false;
    reading.reply.replicas = names;
    core_.out->replies.push_back(std::move(reading.reply));
    --waiting_;
    return true;
  });
  if (!of.readings.empty()) return;
  if (of.next.empty()) {
    shards_.erase(shard);
    return;
  }
  of.readings = std::exchange(of.next, {});
  ask_all(shard, of);
}

void Consultations::refuse(Reading& reading, const std::string& told_by) {
  core_.count("consults_not_reached");
  reading.reply.outcome = Outcome::kRefused;
  reading.reply.code = Refusal::kNotReached;
  reading.reply.message = "not told by the " + std::to_string(reading.wanted) + " members that were asked for in time, but by " + told_by +
                          ": try again, or ask for fewer (read one is what this node has)";
  core_.out->replies.push_back(std::move(reading.reply));
  --waiting_;
}

void Consultations::forget(NodeId peer) {
  for (auto& [shard, of] : shards_) {
    const auto at = of.asked.find(peer);
    if (at == of.asked.end() || at->second.told) continue;
    at->second.behind.reset();
    at->second.again_at_ms = core_.now.monotonic_ms;
  }
  std::erase_if(cursors_, [&](const auto& cursor) { return cursor.first.second == peer; });
}

void Consultations::tick() {
  for (auto at = shards_.begin(); at != shards_.end();) {
    const ShardId shard = at->first;
    OfShard& of = (at++)->second;  // It may be gone when it is settled.
    const std::string names = told_by(of);
    for (auto* readings : {&of.readings, &of.next}) {
      std::erase_if(*readings, [&](Reading& reading) {
        if (core_.now.monotonic_ms < reading.expires_at_ms) return false;
        refuse(reading, readings == &of.readings ? names : told_by(OfShard{}));
        return true;
      });
    }
    if (of.readings.empty()) {
      settle(shard, of);
      continue;
    }
    for (auto& [peer, asked] : of.asked) {
      if (asked.told || core_.now.monotonic_ms < asked.again_at_ms) continue;
      asked.patience_ms = std::min(2 * asked.patience_ms, kAskAgainMsMax);
      ask(shard, peer, asked);
    }
  }
}

std::optional<std::int64_t> Consultations::wake_at_ms() const {
  std::optional<std::int64_t> out;
  const auto take = [&](std::int64_t at_ms) { out = std::min(out.value_or(at_ms), at_ms); };
  for (const auto& [shard, of] : shards_) {
    for (const Reading& reading : of.readings) take(reading.expires_at_ms);
    for (const Reading& reading : of.next) take(reading.expires_at_ms);
    for (const auto& [peer, asked] : of.asked) {
      if (!asked.told) take(asked.again_at_ms);
    }
  }
  return out;
}

}  // namespace kith
