#include "gossip/rebase.h"

#include <algorithm>
#include <map>
#include <utility>

namespace kith {
namespace {

constexpr std::uint64_t kRowsPerAnswerMax = 32 * 1024;
constexpr std::int64_t kPatienceMsMax = 60'000;

// What of `mine` the member has seen and holds no more.
Content gone(const Content& mine, const Content* theirs, const std::function<bool(const Commit&)>& seen) {
  if (mine.holds(Kind::kSet)) {
    Content out = mine;
    const SetElement* held = theirs == nullptr ? nullptr : &theirs->as_set_element();
    SetElement& element = out.as_set_element();
    element.keep_adds_only([&](ActorId actor, const Entry& add) {
      const Entry* same = held == nullptr ? nullptr : held->adds().find(actor);
      return seen(add.commit) && (same == nullptr || same->at < add.at);  // A later one joins over it.
    });
    return out;
  }
  const Register& value = mine.as_register();
  const bool same_or_later = theirs != nullptr && theirs->as_register().tag() >= value.tag();
  return value.present() && !same_or_later && seen(value.commit()) ? mine : Content(Register{});
}

}  // namespace

void Rebase::begin() {
  core_.highest_horizon = core_.horizon;
  for (const ShardId shard : core_.store.snapshot()->shards()) had_rows_ |= shard != kSystemShard;
  had_rows_ |= core_.members.ids().size() > 1;
}

bool Rebase::needed() const {
  if (!core_.highest_horizon) return false;
  if (core_.whole) return core_.floor() < core_.highest_horizon;
  return had_rows_ || (first_floor_ && core_.highest_horizon > first_floor_);
}

void Rebase::heard(const Envelope& from) {
  // SUBTLE: a horizon is a retry window old, at least; what is not was said by somebody broken, and would shut us out.
  if (from.horizon.ms() > core_.hlc.last().ms() - core_.options.retry_window_ms + core_.options.max_skew_ms) {
    core_.count("horizons_not_believed");
  } else {
    Told& told = told_horizons_[from.sender];
    told = {from.origin, told.origin == from.origin ? std::max(told.horizon, from.horizon) : from.horizon};
    core_.highest_horizon = core_.horizon;
    for (const auto& [node, it] : told_horizons_) core_.highest_horizon = std::max(core_.highest_horizon, it.horizon);
  }
  core_.behind = needed();
  if (!core_.behind || question_) return;
  if (!std::exchange(told_, true)) {
    core_.count("rebases_needed");
    core_.note(Output::Note::Level::kWarning,
               "this node was away for longer than removals are remembered (or its disk is an old copy): it compares its data "
               "with a member's, and takes no writes until it is done");
  }
  // Of a member in good standing, that knows the same lives.
  if (!from.floor || from.floor < from.horizon || from.floor < core_.highest_horizon) return;
  core_.count("rebases_begun");
  question_.emplace();
  question_->peer = from.sender;
  question_->first_floor = from.floor;
  question_->as_of = Horizon::as_of(from, {}, {});
  question_->as_of.rebased = true;
  // The member table first: with equal tables only can a retired life be told from an unknown one.
  for (const ShardId shard : core_.store.snapshot()->shards()) question_->left.push_back(shard);
  std::rotate(question_->left.begin(), std::find(question_->left.begin(), question_->left.end(), kSystemShard), question_->left.end());
  question_->shards = question_->left.size();
  ask();
}

bool Rebase::admits(const Envelope& from) {
  const bool rows = std::holds_alternative<RowsBody>(from.body);
  if (needed()) {
    if (outrun(from)) question_.reset();
    // Without the member table nobody can rebase.
    if (const auto* body = std::get_if<RowsBody>(&from.body)) {
      if (std::all_of(body->parts.begin(), body->parts.end(), [](const auto& part) { return part.shard == kSystemShard; })) return true;
    }
    const bool pulled = rows && question_ && question_->pulling && question_->peer == from.sender;
    if (!pulled) core_.count("dropped_while_behind_a_horizon");
    return pulled;
  }
  if (from.floor >= core_.horizon) {
    if (rows) took_rows_of(from);
    return true;
  }
  core_.count("dropped_fenced");
  return false;
}

void Rebase::took_rows_of(const Envelope& from) {
  if (core_.whole) return;
  const Timestamp floor = std::max(from.floor, Timestamp{1});
  first_floor_ = first_floor_ ? std::min(first_floor_, floor) : floor;
}

bool Rebase::outrun(const Envelope& from) const {
  return question_ && question_->peer == from.sender && from.horizon > question_->first_floor;
}

void Rebase::ask() {
  if (question_->left.empty()) return done();
  patience_ms_ = std::max(patience_ms_, core_.options.pull_timeout_ms);
  question_->nonce = core_.random.nonzero();
  question_->expires_at_ms = core_.now.monotonic_ms + patience_ms_;
  RebaseBody body;
  body.nonce = question_->nonce;
  body.shard = question_->left.front();
  body.after = question_->after;
  if (body.after.empty()) body.sums = core_.store.snapshot()->buckets(body.shard);
  else body.buckets = question_->buckets;
  core_.send(question_->peer, std::move(body));
}

void Rebase::on_rebase(const Envelope& from, const RebaseBody& body) const {
  if ((body.shard >= core_.self.shard_count && body.shard != kSystemShard) || needed()) return;
  const auto snapshot = core_.store.snapshot();
  RebasedBody answer;
  answer.nonce = body.nonce;
  answer.shard = body.shard;
  answer.clock = snapshot->held(body.shard);
  answer.buckets = body.buckets;
  answer.end = true;
  if (body.sums) {
    const Buckets ours = snapshot->buckets(body.shard);
    for (std::size_t i = 0; i < kFingerprintBuckets; ++i) answer.buckets[i] = ours[i] != (*body.sums)[i];
  }
  std::uint64_t scanned = 0;
  if (answer.buckets.any()) {
    snapshot->scan(shard_prefix(body.shard), body.after, [&](const StoreKey& key, const Row* row) {
      if (scanned == kRowsPerAnswerMax) {
        answer.end = false;
        return false;
      }
      ++scanned;
      if (row == nullptr) {
        mend_.found(key);
      } else if (answer.buckets[bucket_of(row->cell)]) {
        CellBlock cell;
        cell.append(row->cell, row->content);
        if (!answer.cells.empty() && answer.cells.size() + cell.size() > core_.options.answer_bytes_max) {
          answer.end = false;
          return false;
        }
        answer.cells.append(cell);
      }
      answer.next = key;
      return true;
    });
  }
  answer.sound = !mend_.waiting_in(body.shard);
  if (answer.end) answer.next.clear();
  core_.count("rows_scanned_for_rebase", scanned);
  core_.send(from.sender, std::move(answer));
}

void Rebase::on_rebased(const Envelope& from, const RebasedBody& body) {
  if (!question_ || question_->peer != from.sender || question_->nonce != body.nonce || question_->pulling) {
    return core_.count("dropped_unasked_rebased");
  }
  const auto cells = core_.read_cells(body.shard, body.cells);
  const bool fits = cells && body.shard == question_->left.front() && (body.end || body.next > question_->after);
  if (!fits) return core_.count("dropped_bad_cells");
  patience_ms_ -= patience_ms_ / 16;
  // A damaged row there would look like one that is gone; and a retired life can be told from an unknown one only where the
  // tables are equal.  Another time, or another member.
  const bool tables_equal = from.members_version == core_.members.version();
  if (!body.sound || from.floor < core_.highest_horizon || outrun(from) || (!tables_equal && body.shard != kSystemShard)) {
    core_.count("rebases_put_off");
    if (!tables_equal) pull_.start(from.sender, {kSystemShard});
    return question_.reset();
  }
  question_->as_of = Horizon::as_of(from, {}, {});
  question_->as_of.rebased = true;
  question_->buckets = body.buckets;
  question_->after = take_out(from, body, *cells);
  if (question_->after.empty()) question_->left.pop_front();
  ask();
}

StoreKey Rebase::take_out(const Envelope& from, const RebasedBody& body, const std::vector<Cell>& cells) {
  if (body.buckets.none()) return {};
  std::map<StoreKey, const Cell*> theirs;
  for (const Cell& cell : cells) theirs.emplace(store_key(body.shard, cell.key), &cell);
  const auto seen = [&](const Commit& commit) {
    if (covers(body.clock, commit)) return true;
    return commit.at <= from.floor && core_.retired(commit.origin);
  };
  const auto snapshot = core_.store.snapshot();
  std::uint64_t scanned = 0;
  StoreKey reached = body.next;
  snapshot->scan(shard_prefix(body.shard), question_->after, [&](const StoreKey& key, const Row* row) {
    if (!body.end && key > body.next) return false;
    if (scanned++ == kRowsPerAnswerMax) return false;
    if (scanned == kRowsPerAnswerMax) reached = key;
    if (row == nullptr) {
      mend_.found(key);
      return true;
    }
    if (!body.buckets[bucket_of(row->cell)]) return true;
    const auto same = theirs.find(key);
    const bool comparable = same != theirs.end() && same->second->key == row->cell;
    if (const auto life = life_of_cell(row->cell)) {
      // SUBTLE: no clock tells of a retired life.  Who is in good standing, and has a floor above the start of a life that is
      // not its node's last, has heard of it, and so has heard that it was retired.
      const auto* known = core_.members.lives().find(life->second);
      const auto* member = core_.member(life->first);
      const bool over = known != nullptr && member != nullptr && member->life.origin != life->second;
      if (same == theirs.end() && over && known->record.start <= from.floor) {
        core_.out->store.drop(key, row->content);
        core_.drop_life(row->cell);
        core_.count("lives_dropped_by_rebase");
      }
      return true;
    }
    // What the member has folded of a counter is in its base, and a base takes the place of what it covers.
    if (row->cell.kind == Kind::kCounter) return true;
    Content these = gone(row->content, comparable ? &same->second->content : nullptr, seen);
    if (these.empty()) return true;
    core_.count("rows_cut_by_rebase");
    ++question_->dropped;
    core_.out->store.drop(key, std::move(these));
    return true;
  });
  for (const auto& [key, cell] : theirs) {
    if (scanned > kRowsPerAnswerMax && key > reached) break;
    core_.merge(body.shard, cell->key, cell->content);
  }
  return scanned > kRowsPerAnswerMax || !body.end ? reached : StoreKey{};
}

void Rebase::done() {
  question_->pulling = true;
  question_->expires_at_ms = core_.now.monotonic_ms + kPatienceMsMax;
  std::vector<ShardId> shards;
  for (std::uint32_t shard = 0; shard < core_.self.shard_count; ++shard) shards.push_back(static_cast<ShardId>(shard));
  pull_.forget(question_->peer);
  pull_.start(question_->peer, shards, question_->as_of);
}

void Rebase::forget(NodeId peer) {
  if (question_ && question_->peer == peer) question_.reset();
}

void Rebase::tick() {
  core_.behind = needed();
  if (question_ && !needed()) {
    core_.count("rebases_completed");
    core_.note(Output::Note::Level::kInfo, "rebased onto " + core_.name_of(question_->peer) + ": " + std::to_string(question_->dropped) +
                                               (question_->dropped == 1 ? " row" : " rows") + " held what had been removed");
    question_.reset();
    told_ = false;
  }
  if (!question_) return;
  const bool late = core_.now.monotonic_ms >= question_->expires_at_ms;
  if (late) {
    core_.count("rebases_unanswered");
    patience_ms_ = std::min(2 * patience_ms_, kPatienceMsMax);
  }
  if (late) question_.reset();
}

std::optional<std::int64_t> Rebase::wake_at_ms() const {
  return question_ ? std::optional(question_->expires_at_ms) : std::nullopt;
}

std::optional<Rebase::Progress> Rebase::progress() const {
  if (!needed()) return std::nullopt;
  if (!question_) return Progress{};
  return Progress{question_->peer, question_->shards, question_->shards - question_->left.size(), question_->dropped};
}

}  // namespace kith
