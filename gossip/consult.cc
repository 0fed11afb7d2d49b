#include "gossip/consult.h"

#include <algorithm>

namespace kith {
namespace {

// A question or an answer may be lost, and a row that is being written is left out of an answer.
constexpr std::int64_t kAskAgainMs = 250;

}  // namespace

std::uint32_t ConsultOthers::wanted_by(const Consult& consult) const {
  const auto holders = static_cast<std::uint32_t>(core_.members.ids().size());  // As long as every member holds everything.
  const TableRules& rules = core_.tables.rules(consult.table);
  const std::uint32_t level = consult.level == kAsTheTable ? rules.read : consult.level;
  if (level == kAllReplicas) return holders;
  if (level != kQuorumReplicas) return level;
  // So many that they have one in common with any quorum of writes.
  const std::uint32_t writes = quorum_of(core_.self.replication.of(holders), rules.quorum);
  return holders > writes ? holders - writes + 1 : 1;
}

void ConsultOthers::begin(const Consult& consult) {
  core_.count("consults");
  Reading reading;
  reading.reply.request = consult.request;
  reading.reply.replicas.push_back(core_.self.name);
  reading.wanted = core_.joined() ? wanted_by(consult) : 1;
  reading.expires_at_ms = core_.now.monotonic_ms + consult.timeout_ms;
  for (const std::string& member : consult.members) {
    const CellKey cell{consult.table, consult.key, consult.kind, member};
    reading.keys.push_back(store_key(shard_of(cell, core_.self.shard_count), cell));
  }
  if (reading.wanted <= 1) return answer(reading, Outcome::kOk);
  if (readings_.size() >= kReadsMax || reading.keys.size() > kRowsMax) return answer(reading, Outcome::kStored);
  reading.nonce = core_.random.nonzero();
  ask(reading);
  readings_.push_back(std::move(reading));
}

void ConsultOthers::ask(Reading& reading) {
  reading.ask_again_at_ms = core_.now.monotonic_ms + kAskAgainMs;
  for (const NodeId peer : core_.others()) {
    const auto& known = reading.told[peer];
    FetchBody question;
    std::copy_if(reading.keys.begin(), reading.keys.end(), std::back_inserter(question.keys), [&](const StoreKey& key) { return !known.contains(key); });
    question.nonce = reading.nonce;
    if (!question.keys.empty()) core_.send(peer, std::move(question));
  }
}

void ConsultOthers::told(Reading& reading, NodeId from, const StoreKey& key) {
  if (std::find(reading.keys.begin(), reading.keys.end(), key) != reading.keys.end()) reading.told[from].insert(key);
}

void ConsultOthers::on_mended(NodeId from, const MendedBody& body, bool admitted) {
  if (body.nonce == 0) return;
  const auto at = std::find_if(readings_.begin(), readings_.end(), [&](const Reading& reading) { return reading.nonce == body.nonce; });
  if (at == readings_.end()) return core_.count("dropped_late_consult");
  if (!admitted) return core_.count("consults_not_admitted");
  std::vector<std::vector<Cell>> parts;
  for (const auto& part : body.parts) {
    auto cells = core_.read_cells(part.shard, part.cells);
    if (!cells) return core_.count("dropped_bad_cells");
    parts.push_back(*std::move(cells));
  }
  // SUBTLE: who gives no clock of the shard cannot vouch for it: it may have lost rows, or have some that nobody may have yet.
  const auto vouches = [&](ShardId shard) {
    return std::any_of(body.clocks.begin(), body.clocks.end(), [&](const auto& of) { return of.first == shard; });
  };
  Reading& reading = *at;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    for (const Cell& cell : parts[i]) {
      const StoreKey key = store_key(body.parts[i].shard, cell.key);
      if (std::find(reading.keys.begin(), reading.keys.end(), key) == reading.keys.end() || !vouches(body.parts[i].shard)) continue;
      core_.merge(body.parts[i].shard, cell.key, cell.content);
      told(reading, from, key);
    }
  }
  for (const StoreKey& key : body.missing) {
    if (vouches(shard_of_store_key(key))) told(reading, from, key);
  }
  if (reading.told[from].size() < reading.keys.size()) return;
  const std::string name = core_.name_of(from);
  auto& names = reading.reply.replicas;
  if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  if (names.size() < reading.wanted) return;
  answer(reading, Outcome::kOk);
  readings_.erase(at);
}

void ConsultOthers::answer(Reading& reading, Outcome outcome) {
  reading.reply.outcome = outcome;
  if (outcome == Outcome::kStored) {
    core_.count("consults_not_reached");
    reading.reply.message = "told by " + std::to_string(reading.reply.replicas.size()) + " of the " + std::to_string(reading.wanted) +
                            " replicas asked for: it may be older than what the others hold";
  }
  core_.out->replies.push_back(std::move(reading.reply));
}

void ConsultOthers::tick() {
  std::erase_if(readings_, [&](Reading& reading) {
    if (core_.now.monotonic_ms >= reading.expires_at_ms) {
      answer(reading, Outcome::kStored);
      return true;
    }
    if (core_.now.monotonic_ms >= reading.ask_again_at_ms) ask(reading);
    return false;
  });
}

std::optional<std::int64_t> ConsultOthers::wake_at_ms() const {
  std::optional<std::int64_t> out;
  for (const Reading& reading : readings_) {
    const std::int64_t at_ms = std::min(reading.ask_again_at_ms, reading.expires_at_ms);
    out = std::min(out.value_or(at_ms), at_ms);
  }
  return out;
}

}  // namespace kith
