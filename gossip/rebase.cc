#include "gossip/rebase.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "crdt/counter.h"
#include "gossip/shown.h"
#include "gossip/shown_sketch.h"
#include "gossip/sketch.h"

namespace kith {
namespace {

constexpr std::int64_t kPatienceMsMax = 60'000;
constexpr std::int64_t kPullsWithinMs = 20'000;  // Or some other member is asked.
constexpr std::size_t kGivenUpMax = 16;
constexpr int kUnansweredMax = 2;                // In a row; then somebody else is asked.
constexpr std::int64_t kAwareWithinMs = 10'000;
constexpr std::int64_t kSilentMs = 30'000;       // Then a member's horizon does not count, until it is heard again.

// SUBTLE: a joiner's table may have what no member knows any more: when they went back to disks from before it joined.  They take
// nothing of it from who has no floor, so the tables would never be equal.
constexpr int kUnequalTablesMax = 4;

}  // namespace

void Rebase::begin() {
  began_at_ms_ = core_.now.monotonic_ms;
  core_.highest_horizon = core_.horizon;
  for (const ShardId shard : core_.store.snapshot()->shards()) had_rows_ |= shard != kSystemShard;
  had_rows_ |= core_.members.ids().size() > 1;
}

bool Rebase::needed() const {
  if (core_.returning && !core_.whole) return true;
  if (core_.strayed) return true;
  if (!core_.highest_horizon) return false;
  if (core_.whole) return core_.floor_held() < core_.highest_horizon;
  return had_rows_ || core_.unequal_tables >= kUnequalTablesMax || (first_floor_ && core_.highest_horizon > first_floor_);
}

void Rebase::heard(const Envelope& from) {
  if (core_.members.observes(from.sender)) return;
  // SUBTLE: a horizon is a retry window old, at least; what is not was said by somebody broken, and would shut us out.
  if (from.horizon.ms() > core_.hlc.last().ms() - core_.options.retry_window_ms + core_.options.max_skew_ms) {
    core_.count("horizons_not_believed");
  } else {
    Told& told = told_horizons_[from.sender];
    const Timestamp before = told.horizon;
    told = {from.origin, told.origin == from.origin ? std::max(told.horizon, from.horizon) : from.horizon, from.floor};
    if (told.horizon < before) look_for_highest();
    core_.highest_horizon = std::max({core_.highest_horizon, core_.horizon, told.horizon});
  }
  core_.behind = needed();
  if (!core_.behind || question_ || (core_.returning && !core_.introduced)) return;
  if (!core_.strayed && !std::exchange(told_, true)) {
    core_.count("rebases_needed");
    core_.note(Output::Note::Level::kWarning,
               "this node was away for longer than removals are remembered (or its disk is an old copy): it compares its data "
               "with a member's, and takes no writes until it is done");
  }
  // Of a member in good standing.
  if (!from.floor || from.floor < from.horizon || (from.floor < core_.highest_horizon && !core_.strayed)) return;
  if (unaware_.contains(from.sender) && anybody_aware()) return;
  // SUBTLE: who is heard may not hear us.  Somebody else is asked in between, if there is anybody.
  if (from.sender == no_answer_of_ && std::any_of(told_horizons_.begin(), told_horizons_.end(), [&](const auto& it) {
        return it.first != no_answer_of_ && good_standing(it.first, it.second);
      })) return;
  core_.count("rebases_begun");
  question_ = Question{};
  question_->peer = from.sender;
  question_->first_floor = from.floor;
  question_->as_of = Horizon::as_of(from, {}, {});
  question_->as_of.rebased = true;
  // The member table first: by the whole of it a retired life is told from one that the member has not heard of.
  for (const ShardId shard : core_.store.snapshot()->shards()) question_->left.push_back(shard);
  if (core_.strayed) {  // What it has nothing of as well: it is to have all that there is.
    question_->left.clear();
    for (std::uint32_t shard = 0; shard < core_.self.shard_count; ++shard) question_->left.push_back(static_cast<ShardId>(shard));
    question_->left.push_back(kSystemShard);
  }
  std::rotate(question_->left.begin(), std::find(question_->left.begin(), question_->left.end(), kSystemShard), question_->left.end());
  question_->shards = question_->left.size();
  ask();
}

bool Rebase::good_standing(NodeId node, const Told& told) const {
  const auto* member = core_.member(node);
  return core_.heard_lately(node) && member != nullptr && !member->out && told.floor && told.floor >= std::max(told.horizon, core_.highest_horizon);
}

bool Rebase::nobody_left() const {
  // What its earlier lives took in alone waits until it is in step with somebody.
  const bool redo_waits = core_.redoing && !core_.got_in_step;
  if (!core_.joined() || !core_.options.collect || (core_.whole && !needed() && !redo_waits) || core_.now.monotonic_ms - began_at_ms_ < kSilentMs) return false;
  return std::none_of(told_horizons_.begin(), told_horizons_.end(), [&](const auto& it) { return good_standing(it.first, it.second); });
}

// Below our horizon: they take what is here as it is, and have nothing to tell before they have.  But for who is to be evicted.
bool Rebase::all_others_are_behind() const {
  const auto& others = core_.other_replicas();
  bool any = false;
  return std::all_of(others.begin(), others.end(), [&](NodeId node) {
    const auto told = told_horizons_.find(node);
    const bool behind = told != told_horizons_.end() && core_.heard_lately(node) && told->second.floor < core_.horizon;
    const auto peer = core_.peers.find(node);
    const std::int64_t since_ms = std::max(began_at_ms_, peer == core_.peers.end() ? 0 : peer->second.heard_at_ms);
    const std::int64_t evict_after_ms = core_.options.evict_after_ms;
    any = any || behind;
    return behind || (evict_after_ms > 0 && core_.now.monotonic_ms - since_ms >= evict_after_ms);
  }) && any;
}

bool Rebase::above_all_others() const {
  bool any = false;
  return std::all_of(told_horizons_.begin(), told_horizons_.end(), [&](const auto& it) {
    if (!core_.heard_lately(it.first)) return true;
    any = true;
    return it.second.floor < core_.horizon;
  }) && any;
}

// SUBTLE: where a life is over, what the member onto which a node rebases has not got of it is taken for removed.
NodeId Rebase::most_seen() const {
  NodeId most = core_.observer() ? NodeId{} : core_.self.node;
  Timestamp floor = core_.observer() ? Timestamp{} : core_.floor();
  // SUBTLE: neither who has just joined nor who is back after its eviction has a floor.  The one has nothing, the other all that it had.
  const bool joiner = !core_.observer() && !core_.whole && !core_.returning && !floor;
  for (const auto& [node, told] : told_horizons_) {
    const auto* member = core_.member(node);
    if (!core_.heard_lately(node) || member == nullptr || member->out) continue;
    const bool back = joiner && most == core_.self.node && member->record.returned;
    if (told.floor <= floor && !back) continue;
    most = node;
    floor = told.floor;
  }
  return most;
}

std::string Rebase::recover() {
  if (core_.whole && !needed()) {
    core_.got_in_step = true;  // SUBTLE: all it would get in step with may be those it has voted against, and who proposed that is gone.
    return "";
  }
  if (!core_.joined()) return core_.self.name + " belongs to no cluster yet: ask a member";
  if (core_.observer()) return core_.self.name + " is an observer, and has nothing of its own to go on with: ask a replica";
  for (const auto& [node, told] : told_horizons_) {
    if (!good_standing(node, told)) continue;
    return core_.name_of(node) + " is in good standing, and " + core_.self.name + " compares its data with it: wait until `kith status` shows that it is done, or ask " + core_.name_of(node);
  }
  if (const NodeId most = most_seen(); most != core_.self.node) {
    return core_.name_of(most) + " has seen more than " + core_.self.name + ", and what is not here would be given up there: run `kith recover` at " +
           core_.name_of(most) + ", or stop that first if it is not to come back";
  }
  core_.count("recovered");
  core_.note(Output::Note::Level::kWarning, "no member in good standing is left: as an operator said, " + core_.self.name +
                                                " goes on with what it has. What was removed may be there again where the removal was forgotten");
  core_.introduced = core_.whole = core_.got_in_step = true;
  core_.out->store.set_meta(meta::kIntroduced, "1");
  core_.out->store.set_meta(meta::kWhole, "1");
  core_.recovered = std::max(core_.recovered, core_.highest_horizon);
  core_.out->store.set_meta(meta::kRecovered, meta::encode_number(core_.recovered.value));
  question_.reset();
  core_.behind = needed();
  // What its lives did of which nobody had heard.
  for (std::uint32_t shard = 0; core_.returning && shard < core_.self.shard_count; ++shard) redo_.rebasing(static_cast<ShardId>(shard), {}, {});
  return "";
}

void Rebase::look_for_highest() {
  core_.highest_horizon = core_.horizon;
  for (const auto& [node, it] : told_horizons_) {
    const auto peer = core_.peers.find(node);
    const bool silent = peer == core_.peers.end() || core_.now.monotonic_ms - peer->second.heard_at_ms >= kSilentMs;
    if (!silent) core_.highest_horizon = std::max(core_.highest_horizon, it.horizon);
  }
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

void Rebase::pulled(NodeId peer, const std::map<ShardId, bool>& ended) {
  if (!question_ || !question_->pulling || question_->peer != peer) return;
  question_->expires_at_ms = core_.now.monotonic_ms + kPullsWithinMs;
  for (const auto& [shard, with_clock] : ended) {
    if (with_clock) take_out_waiting(shard);
    question_->pulled.insert(shard);
    question_->pulled_in_part = question_->pulled_in_part || !with_clock;
  }
  if (!question_->pulled_in_part && question_->pulled.size() >= core_.self.shard_count && !pull_.rebasing_onto(peer)) take_out_lives();
}

bool Rebase::outrun(const Envelope& from) const {
  return question_ && question_->peer == from.sender && from.horizon > question_->first_floor;
}

void Rebase::ask() {
  if (question_->left.empty()) return done();
  const Question::Place& place = question_->place;
  patience_ms_ = std::max(patience_ms_, core_.options.pull_timeout_ms);
  question_->nonce = core_.random.nonzero();
  question_->expires_at_ms = core_.now.monotonic_ms + patience_ms_;
  RebaseBody body;
  body.nonce = question_->nonce;
  body.shard = question_->left.front();
  body.buckets = place.buckets;
  if (place.buckets.none()) {
    body.sums = core_.store.snapshot()->buckets(body.shard);
    if (body.shard == kSystemShard) question_->known_then = lives_on_disk();
  }
  body.after = place.after;
  body.until = place.until;
  for (const CellKey& counter : place.counters) body.counters.push_back(salted_name(body.nonce, counter));
  std::sort(body.counters.begin(), body.counters.end());
  body.counters.erase(std::unique(body.counters.begin(), body.counters.end()), body.counters.end());
  // What a life's record says goes by other rules, and there are few of them.
  if (body.shard != kSystemShard && !place.rows && place.counters.empty() && !core_.strayed) {
    body.sketch_cells = static_cast<std::uint32_t>(question_->sketch_cells);
  }
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
  if (body.sums) {
    const Buckets ours = snapshot->buckets(body.shard);
    for (std::size_t i = 0; i < kFingerprintBuckets; ++i) answer.buckets[i] = ours[i] != (*body.sums)[i];
  }
  RowWalk walk;
  walk.whole = true;
  if (answer.buckets.any()) {
    const RowRange range{body.shard, answer.buckets, body.after, body.until};
    const std::size_t cells = sketch_cells_of(body, answer.buckets);
    if (cells > 0 && cells * Sketch::kCellBytes <= core_.options.answer_bytes_max) {
      ShownSketch read = read_sketch(*snapshot, mend_, range, body.nonce, cells);
      answer.sketch = std::move(read.sketch);
      answer.cells = std::move(read.cells);
      walk = std::move(read.walk);
    } else {
      RowsRead read = read_rows(*snapshot, mend_, range, core_.options.answer_bytes_max, [&](const Row& row) {
        if (body.counters.empty()) return true;
        if (!is_base(row.cell)) return false;
        return std::binary_search(body.counters.begin(), body.counters.end(), salted_name(body.nonce, row.cell));
      });
      answer.cells = std::move(read.cells);
      walk = std::move(read.walk);
    }
  }
  answer.next = std::move(walk.next);
  answer.end = answer.next.empty();
  answer.sound = !mend_.waiting_in(body.shard);
  core_.count("rows_scanned_for_rebase", walk.scanned);
  core_.send(from.sender, std::move(answer));
}

bool Rebase::fits(const RebasedBody& body) const {
  const Question::Place& place = question_->place;
  if (body.shard != question_->left.front() || (!body.end && body.next <= place.after)) return false;
  if (body.sketch.empty()) return true;
  // SUBTLE: a sketch is of exactly one range, so what goes past the end of it cannot be used; rows can.
  const bool asked = body.shard != kSystemShard && !place.rows && place.counters.empty();
  return asked && (place.until.empty() || (!body.end && body.next <= place.until));
}

void Rebase::on_rebased(const Envelope& from, const RebasedBody& body) {
  if (!question_ || question_->peer != from.sender || question_->nonce != body.nonce || question_->pulling) {
    // SUBTLE: an answer that comes late teaches patience.  One that was lost does not: some are, and a question would take minutes.
    if (std::erase(given_up_, body.nonce) > 0) {
      core_.count("rebases_answered_late");
      patience_ms_ = std::min(2 * patience_ms_, kPatienceMsMax);
    }
    return core_.count("dropped_unasked_rebased");
  }
  const auto cells = core_.read_cells(body.shard, body.cells);
  if (!cells || !fits(body)) return core_.count("dropped_bad_cells");
  patience_ms_ -= patience_ms_ / 16;
  question_->unanswered = 0;
  // A damaged row there would look like one that is gone; and a life that is retired can be told from one that the member has
  // not heard of only by its whole table, which was gone through first.  Another time, or another member.
  const bool same_table = question_->table == 0 || question_->table == from.members_version;
  if (!body.sound || (from.floor < core_.highest_horizon && !core_.strayed) || outrun(from) || !same_table) {
    core_.count("rebases_put_off");
    return question_.reset();
  }
  question_->table = from.members_version;
  question_->as_of = Horizon::as_of(from, {}, {});
  question_->as_of.rebased = true;
  question_->clocks.try_emplace(body.shard, body.clock);
  if (core_.strayed) return copy(from, body, *cells);
  redo_.rebasing(body.shard, body.clock, from.horizon);
  std::set<OriginId> unlisted = body.shard == kSystemShard ? std::set<OriginId>() : in_clocks_only();
  for (const auto& [life, content] : core_.members.lives().cells()) {
    if (body.shard != kSystemShard && told_of_since(life.first, life.second, content)) unlisted.insert(life.second);
  }
  const auto seen = [&](const Commit& commit) {
    if (core_.unheard_of.contains(commit.origin)) return false;
    if (core_.observer() && commit.origin == core_.self.origin) return false;  // It says so of itself, and is in no clock.
    if (const auto* ended = core_.ended.find(commit.origin)) {
      // That goes when it is done again, or is not (gossip/redo.h).  SUBTLE: not here, for what it had the place of has to come first.
      if (!ended->record.seen(body.shard, commit.at)) return false;
      // SUBTLE: seen by who closed it.  The member has the word of that with its table, perhaps before it has the rows.
    }
    if (covers(body.clock, commit)) return true;
    // SUBTLE: the member has not all of a life that is over here and still in its clock: a disk that went back, and that an operator goes on with.
    if (std::any_of(body.clock.begin(), body.clock.end(), [&](const auto& held) { return held.first == commit.origin; })) return false;
    const bool over = core_.retired(commit.origin) || question_->over.contains(commit.origin) || unlisted.contains(commit.origin);
    return commit.at <= from.floor && over;
  };
  // What this node's lives that nobody heard of said of the tables is forgotten, and its clock covers what they said it of.
  if (core_.returning && body.shard == kSystemShard) {
    for (const Cell& cell : *cells) core_.merge(body.shard, cell.key, cell.content);
  }
  if (question_->place.buckets.none()) question_->place.buckets = body.buckets;
  if (question_->place.buckets.none()) {
    if (body.shard == kSystemShard) hear_of_after_all();
    move_to({});
  } else if (!question_->place.counters.empty()) {
    take_bases(body, *cells);
  } else if (body.sketch.empty()) {
    take_rows(from, body, *cells, seen);
  } else {
    take_sketch(body, seen);
  }
  // SUBTLE: who was evicted as well, and has not been told, would take this node back into what the others have left.
  const bool table_done = question_->left.empty() || question_->left.front() != kSystemShard;
  if (core_.returning && table_done && core_.members.evicted().at(core_.self.node) < core_.returned) {
    unaware_.insert(from.sender);
    if (unaware_since_ms_ < 0) unaware_since_ms_ = core_.now.monotonic_ms;
    if (anybody_aware()) {
      core_.count("rebases_put_off");
      return question_.reset();
    }
  }
  ask();
}

// Its rows as they are there, and nothing else.
void Rebase::copy(const Envelope& from, const RebasedBody& body, const std::vector<Cell>& cells) {
  if (question_->place.buckets.none()) question_->place.buckets = body.buckets;
  if (question_->place.buckets.none()) move_to({});
  else copy_rows(from, body, cells);
  ask();
}

// Of those that are there.  SUBTLE: where all disks went back to before the eviction nobody is; and who is may be no better off.
bool Rebase::anybody_aware() const {
  const auto& others = core_.other_replicas();
  if (unaware_since_ms_ >= 0 && core_.now.monotonic_ms - unaware_since_ms_ >= kAwareWithinMs) return false;
  return std::any_of(others.begin(), others.end(), [&](NodeId peer) { return core_.heard_lately(peer) && !unaware_.contains(peer); });
}

void Rebase::move_to(StoreKey reached) {
  if (reached.empty()) question_->left.pop_front();
  const BucketSet buckets = reached.empty() ? BucketSet{} : question_->place.buckets;
  question_->place = {};
  question_->place.buckets = buckets;
  question_->place.after = std::move(reached);
}

RowRange Rebase::range_to(const StoreKey& until) const {
  return {question_->left.front(), question_->place.buckets, question_->place.after, until};
}

void Rebase::done() {
  if (core_.strayed) return become_a_copy();
  question_->pulling = true;
  Horizon::AsOf& as_of = question_->as_of;
  as_of.unheard_of = question_->unheard_of;
  as_of.known_then = question_->known_then;
  const auto& listed = core_.members.lives().entries();
  const std::set<OriginId> last = last_lives();
  for (const OriginId origin : core_.clocks.known()) {
    if (!listed.contains(origin) && last.contains(origin)) as_of.unheard_of.insert(origin);
  }
  question_->expires_at_ms = core_.now.monotonic_ms + kPullsWithinMs;
  pull();
}

void Rebase::pull() {
  std::vector<ShardId> shards;
  for (std::uint32_t shard = 0; shard < core_.self.shard_count; ++shard) shards.push_back(static_cast<ShardId>(shard));
  pull_.give_up(question_->peer);
  pull_.start(question_->peer, shards, question_->as_of);
}

void Rebase::forget(NodeId peer) {
  if (question_ && question_->peer == peer) question_.reset();
}

void Rebase::tick() {
  if (needed() && core_.now.monotonic_ms >= look_again_at_ms_) {
    look_again_at_ms_ = core_.now.monotonic_ms + core_.options.gossip_interval_ms;
    look_for_highest();
  }
  core_.behind = needed();
  if (!core_.got_in_step && core_.whole && !core_.behind && all_others_are_behind()) core_.got_in_step = true;
  if (question_ && !needed() && !question_->waiting.empty()) question_.reset();  // Whom it was behind is gone, with its horizon.
  if (question_ && !needed()) {
    core_.count("rebases_completed");
    core_.note(Output::Note::Level::kInfo, "rebased onto " + core_.name_of(question_->peer) + ": " + std::to_string(question_->dropped) +
                                               (question_->dropped == 1 ? " row" : " rows") + " held what had been removed");
    question_.reset();
  }
  if (!needed()) {
    told_ = false;
    for (const auto& [cell, content] : core_.ended.take_back()) {
      if (core_.ended.merge(cell, content) && core_.on_ended) core_.on_ended(life_of_ended_cell(cell)->second);
    }
  }
  if (!question_) return;
  const bool late = core_.now.monotonic_ms >= question_->expires_at_ms;
  if (late) {
    core_.count("rebases_unanswered");
    given_up_.push_back(question_->nonce);
    if (given_up_.size() > kGivenUpMax) given_up_.pop_front();
  }
  // What was gone through so far need not be again, for one answer that was lost or late.
  if (late && !question_->pulling && ++question_->unanswered <= kUnansweredMax) return ask();
  if (late) {
    no_answer_of_ = question_->peer;
    question_.reset();
  }
  // SUBTLE: what a life is may have become known on the way, and a member that is itself behind may have told of one that is over.
  if (question_ && question_->pulling && question_->pulled.size() >= core_.self.shard_count && !pull_.rebasing_onto(question_->peer)) {
    core_.count("rebases_begun_anew");
    question_.reset();
  }
  // An answer was lost, say, or a row there was damaged: it goes on from the cursors.
  if (question_ && question_->pulling && !pull_.rebasing_onto(question_->peer)) pull();
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
