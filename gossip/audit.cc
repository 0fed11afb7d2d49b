#include "gossip/audit.h"

#include <algorithm>
#include <map>
#include <utility>

#include "crdt/counter.h"
#include "crdt/limits.h"
#include "gossip/rebase.h"
#include "gossip/row_walk.h"

namespace kith {
namespace {

// As many differences as may be about at a time; of others the second sighting counts as a first.
constexpr std::size_t kDoubtsMax = 16;

// Of 256 sums each: 128 KiB an answer, and some milliseconds to read.  The others come with the next audit.
constexpr std::size_t kShardsPerAnswerMax = 64;
constexpr std::size_t kShardBytes = sizeof(Buckets) + 8;

constexpr std::int64_t kPatienceMsMax = 60'000;
constexpr std::int64_t kOnItsWayMs = 10'000;
constexpr int kUnansweredMax = 3;  // In a row, of an audit that has come some way.

}  // namespace

void Audit::agreed(NodeId peer, std::optional<std::uint64_t> root) {
  if (core_.unheeded(peer)) return;
  const auto ours = core_.root_of_durable();
  if (!ours || !root || *ours == *root) return;
  core_.count("rounds_content_differing");
  const std::int64_t now_ms = core_.now.monotonic_ms;
  const std::uint64_t difference = *ours - *root;
  const auto seen = std::find_if(doubts_.begin(), doubts_.end(),
                                 [&](const Doubt& doubt) { return doubt.difference == difference; });
  if (seen == doubts_.end()) {
    if (doubts_.size() >= kDoubtsMax) doubts_.pop_front();
    const std::int64_t interval_ms = core_.options.gossip_interval_ms;
    doubts_.push_back({difference, now_ms + interval_ms, interval_ms});
    return;
  }
  if (question_ || core_.behind || now_ms < seen->audit_at_ms) return;
  seen->audit_at_ms = now_ms + seen->pause_ms;
  seen->pause_ms = std::min(2 * seen->pause_ms, kPauseIntervalsMax * core_.options.gossip_interval_ms);
  begin(peer);
}

void Audit::forget(NodeId peer) {
  if (question_ && question_->peer == peer) finish();
}

void Audit::tick() {
  if (!question_ || core_.now.monotonic_ms < question_->expires_at_ms) return;
  core_.count("audits_unanswered");
  // SUBTLE: an answer counts in time only, so a timeout below the round trip would never let one count.
  patience_ms_ = std::min(2 * patience_ms_, kPatienceMsMax);
  // SUBTLE: of many small answers one is always lost; from the beginning of its buckets it would never come to their end.
  if (question_->has_buckets && !question_->after.empty() && ++question_->unanswered <= kUnansweredMax) return ask_rows();
  finish();
}

std::optional<std::int64_t> Audit::wake_at_ms() const {
  return question_ ? std::optional(question_->expires_at_ms) : std::nullopt;
}

void Audit::begin(NodeId peer) {
  const auto snapshot = core_.store.snapshot();
  AuditBody body;
  const auto add = [&](ShardId shard) {
    if (!mend_.waiting_in(shard)) body.roots.emplace_back(shard, snapshot->shard_root(shard));
  };
  for (std::uint32_t shard = 0; shard < core_.self.shard_count; ++shard) add(static_cast<ShardId>(shard));
  add(kSystemShard);
  if (body.roots.empty()) return;
  core_.count("audits_begun");
  question_ = Question{};
  question_->peer = peer;
  if (core_.observer()) {
    for (const auto& [shard, root] : body.roots) question_->clocks[shard] = core_.clocks.held(shard);
  }
  ask(std::move(body));
}

void Audit::ask(Body body) {
  patience_ms_ = std::max(patience_ms_, core_.options.pull_timeout_ms);
  question_->nonce = core_.random.nonzero();
  question_->expires_at_ms = core_.now.monotonic_ms + patience_ms_;
  if (auto* audit = std::get_if<AuditBody>(&body)) audit->nonce = question_->nonce;
  if (auto* repair = std::get_if<RepairBody>(&body)) repair->nonce = question_->nonce;
  core_.send(question_->peer, std::move(body));
}

void Audit::ask_rows() {
  if (question_->differing.empty()) {
    core_.count(question_->back ? "audits_returned" : "audits_completed");
    return finish();
  }
  RepairBody body;
  body.shard = question_->differing.front().shard;
  body.buckets = question_->differing.front().buckets;
  body.after = question_->after;
  body.back = question_->back;
  ask(std::move(body));
}

bool Audit::asked(NodeId from, std::uint64_t nonce, bool has_buckets) const {
  return question_ && question_->peer == from && question_->nonce == nonce && question_->has_buckets == has_buckets;
}

void Audit::answered() {
  patience_ms_ -= patience_ms_ / 16;
  question_->unanswered = 0;
}

void Audit::finish() {
  if (const std::uint64_t repaired = question_->rows_repaired; repaired > 0) {
    core_.note(Output::Note::Level::kWarning,
               std::to_string(repaired) + (repaired == 1 ? " row was" : " rows were") + " repaired from " +
                   core_.name_of(question_->peer) + ": the clocks of both nodes agreed and their rows did not; " +
                   "a disk may have lost what it had, or a member is gone before all it sent had arrived");
  }
  question_.reset();
}

void Audit::on_audit(NodeId from, const AuditBody& body) {
  if (question_ && question_->peer == from && !question_->has_buckets) {
    core_.count("audits_crossed");
    if (core_.self.node < from) return;
    question_.reset();
  }
  core_.count("audits_answered");
  const auto snapshot = core_.store.snapshot();
  std::vector<ShardId> differing;
  for (const auto& [shard, root] : body.roots) {
    if (exists(shard) && !mend_.waiting_in(shard) && snapshot->shard_root(shard) != root) differing.push_back(shard);
  }
  // From anywhere in between, so that those that cannot be repaired do not stand before the others for ever.
  if (!differing.empty()) {
    const auto first = static_cast<std::ptrdiff_t>(core_.random.below(differing.size()));
    std::rotate(differing.begin(), differing.begin() + first, differing.end());
  }
  const std::size_t most =
      std::clamp(core_.options.answer_bytes_max / kShardBytes, std::size_t{1}, kShardsPerAnswerMax);
  BucketsBody answer;
  answer.nonce = body.nonce;
  for (const ShardId shard : differing) {
    if (answer.parts.size() == most) break;
    answer.parts.push_back({shard, snapshot->buckets(shard)});
  }
  core_.send(from, std::move(answer));
}

void Audit::on_buckets(NodeId from, const BucketsBody& body) {
  if (!asked(from, body.nonce, false)) return core_.count("dropped_unasked_buckets");
  answered();
  const auto snapshot = core_.store.snapshot();
  for (const auto& part : body.parts) {
    if (&part == body.parts.data() + kShardsPerAnswerMax) break;  // More than any answer of ours has.
    if (!exists(part.shard) || mend_.waiting_in(part.shard)) continue;
    const Buckets ours = snapshot->buckets(part.shard);
    Differing differing{part.shard, {}};
    for (std::size_t i = 0; i < kFingerprintBuckets; ++i) differing.buckets[i] = ours[i] != part.sums[i];
    if (differing.buckets.any()) question_->differing.push_back(differing);
  }
  question_->has_buckets = true;
  ask_rows();
}

void Audit::on_repair(NodeId from, const RepairBody& body) {
  const auto snapshot = core_.store.snapshot();
  RowsRead read = read_rows(*snapshot, mend_, {body.shard, body.buckets, body.after}, core_.options.answer_bytes_max,
                            [](const Row&) { return true; });
  core_.count("rows_sent_for_repair", read.rows);
  core_.count("rows_scanned_for_repair", read.walk.scanned);
  core_.send(from, RepairedBody{body.nonce, body.shard, std::move(read.cells), std::move(read.walk.next), read.walk.whole});
  if (!body.back && body.after.empty()) ask_in_return(from, body);
}

void Audit::ask_in_return(NodeId peer, const RepairBody& body) {
  if (!exists(body.shard) || core_.unheeded(peer)) return;
  const bool asking = question_.has_value();
  if (asking) {
    if (!question_->back || question_->peer != peer || question_->differing.size() >= kShardsPerAnswerMax) return;
  } else {
    question_ = Question{};
    question_->peer = peer;
    question_->back = question_->has_buckets = true;
  }
  question_->differing.push_back({body.shard, body.buckets});
  if (!asking) ask_rows();
}

void Audit::on_repaired(const Envelope& from, const RepairedBody& body) {
  if (!asked(from.sender, body.nonce, true)) return core_.count("dropped_unasked_repaired");
  const Differing& asked_for = question_->differing.front();
  const auto cells = core_.read_cells(body.shard, body.cells);
  const bool fits = cells && body.shard == asked_for.shard && (body.end || body.next > question_->after) &&
                    std::all_of(cells->begin(), cells->end(), [&](const Cell& cell) {
                      return asked_for.buckets[bucket_of(cell.key)];
                    });
  if (!fits) return core_.count("dropped_bad_cells");
  answered();
  const auto snapshot = core_.store.snapshot();
  if (core_.observer() && core_.options.collect) give_up_what_is_not_there(*snapshot, from, body, *cells);
  for (const Cell& cell : *cells) repair(*snapshot, body.shard, cell);
  question_->after = body.next;
  if (body.end) {
    question_->differing.pop_front();
    question_->after.clear();
  }
  ask_rows();
}

void Audit::give_up_what_is_not_there(const Snapshot& snapshot, const Envelope& from, const RepairedBody& body, const std::vector<Cell>& cells) {
  const auto theirs = Rebase::by_key(body.shard, cells);
  const Timestamp folded_before = question_->after.empty() ? Timestamp{} : from.horizon;
  const CommitClock& clock = question_->clocks[body.shard];
  // SUBTLE: what no clock covers, from behind a gap, comes again if anybody has it.  But it may be on its way to both.
  const auto had_seen = [&](const Commit& commit) {
    return covers(clock, commit) || !core_.clocks.knows(commit.origin) || core_.hlc.last().ms() - commit.at.ms() >= kOnItsWayMs;
  };
  const RowRange range{body.shard, question_->differing.front().buckets, question_->after, body.end ? StoreKey() : body.next};
  (void)walk_rows(snapshot, mend_, range, [&](const StoreKey& key, const Row& row) {
    Content these = Rebase::not_theirs(key, row, theirs, folded_before);
    if (!is_base(row.cell)) these = these.where(had_seen);
    if (these.empty()) return true;
    if (body.shard == kSystemShard) {  // What memory has of it as well.  Members and lives are gossip/follow's to look at.
      const bool of_members = node_of_member_cell(row.cell) || life_of_cell(row.cell) || node_of_evicted_cell(row.cell);
      core_.strayed = core_.strayed || !of_members;
      return true;
    }
    core_.count("rows_given_up");
    core_.out->store.drop(key, std::move(these));
    ++question_->rows_repaired;
    return true;
  });
}

void Audit::repair(const Snapshot& snapshot, ShardId shard, const Cell& cell) {
  Row row;
  const StoreKey key = store_key(shard, cell.key);
  if (is_increment(cell.key) && snapshot.get(base_store_key(key), row) == Snapshot::Lookup::kFound &&
      increment_tag(cell.key.member)->at <= row.content.as_register().tag().at) {
    return;  // It is in our base.
  }
  switch (snapshot.get(key, row)) {
    case Snapshot::Lookup::kDamaged: return mend_.found(key);
    case Snapshot::Lookup::kMissing: {
      Content settled = cell.content;  // Collected here, perhaps, and there not yet.
      if (settled.collect(core_.horizon) && settled.empty()) return;
      row.content = Content(cell.key.kind);
      break;
    }
    case Snapshot::Lookup::kFound:
      if (row.cell != cell.key) return;  // Another long name has the place: both cannot be stored.
      break;
  }
  if (const Content* pending = core_.out->store.pending(cell.key)) row.content.join(*pending);
  if (!row.content.join(cell.content)) return;
  core_.merge(shard, cell.key, cell.content);
  core_.count("rows_repaired");
  ++question_->rows_repaired;
}

}  // namespace kith
