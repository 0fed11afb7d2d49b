#include "gossip/rebase.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include "crdt/counter.h"
#include "gossip/shown.h"
#include "gossip/shown_sketch.h"
#include "gossip/sketch.h"

namespace kith {
namespace {

constexpr std::int64_t kPatienceMsMax = 60'000;
constexpr std::int64_t kPullsWithinMs = 20'000;  // Or some other member is asked.
constexpr int kUnansweredMax = 2;                // In a row; then somebody else is asked.
constexpr std::int64_t kAwareWithinMs = 10'000;
constexpr std::int64_t kSilentMs = 30'000;       // Then a member's horizon does not count, until it is heard again.

// SUBTLE: a joiner's table may have what no member knows any more: when they went back to disks from before it joined.  They take
// nothing of it from who has no floor, so the tables would never be equal.
constexpr int kUnequalTablesMax = 4;

constexpr std::size_t kWaitingBytesMax = 16 * 1024 * 1024;

using Seen = std::function<bool(const Commit&)>;

// What of `mine` the member has seen and holds no more.
Content gone(const Content& mine, const Content* theirs, const Seen& seen) {
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

// The same, when it is known of which live adds, or that of the value, the member shows nothing.
// SUBTLE: it may show a later one of the same actor, or a later value.  That comes with the pull: what our clock covers we
// had, and would still have, or something later.
Content gone_of(const Content& mine, const std::set<ActorId>& actors, const Seen& seen) {
  if (!mine.holds(Kind::kSet)) return gone(mine, nullptr, seen);
  Content out = mine;
  out.as_set_element().keep_adds_only(
      [&](ActorId actor, const Entry& add) { return actors.contains(actor) && seen(add.commit); });
  return out;
}

// Of `these` what nothing later has taken the place of.
Content still_in(const Content& row, Content these) {
  if (!these.holds(Kind::kSet)) return row.as_register().tag() == these.as_register().tag() ? these : Content(Register{});
  these.as_set_element().keep_adds_only([&](ActorId actor, const Entry& add) {
    const Entry* same = row.as_set_element().adds().find(actor);
    return same != nullptr && same->at == add.at;
  });
  return these;
}

}  // namespace

void Rebase::begin() {
  began_at_ms_ = core_.now.monotonic_ms;
  core_.highest_horizon = core_.horizon;
  for (const ShardId shard : core_.store.snapshot()->shards()) had_rows_ |= shard != kSystemShard;
  had_rows_ |= core_.members.ids().size() > 1;
}

bool Rebase::needed() const {
  if (core_.returning && !core_.whole) return true;
  if (!core_.highest_horizon) return false;
  if (core_.whole) return core_.floor_held() < core_.highest_horizon;
  return had_rows_ || core_.unequal_tables >= kUnequalTablesMax || (first_floor_ && core_.highest_horizon > first_floor_);
}

void Rebase::heard(const Envelope& from) {
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
  if (!std::exchange(told_, true)) {
    core_.count("rebases_needed");
    core_.note(Output::Note::Level::kWarning,
               "this node was away for longer than removals are remembered (or its disk is an old copy): it compares its data "
               "with a member's, and takes no writes until it is done");
  }
  // Of a member in good standing.
  if (!from.floor || from.floor < from.horizon || from.floor < core_.highest_horizon) return;
  if (unaware_.contains(from.sender) && anybody_aware()) return;
  core_.count("rebases_begun");
  question_ = Question{};
  question_->peer = from.sender;
  question_->first_floor = from.floor;
  question_->as_of = Horizon::as_of(from, {}, {});
  question_->as_of.rebased = true;
  // The member table first: by the whole of it a retired life is told from one that the member has not heard of.
  for (const ShardId shard : core_.store.snapshot()->shards()) question_->left.push_back(shard);
  std::rotate(question_->left.begin(), std::find(question_->left.begin(), question_->left.end(), kSystemShard), question_->left.end());
  question_->shards = question_->left.size();
  ask();
}

bool Rebase::good_standing(NodeId node, const Told& told) const {
  const auto* member = core_.member(node);
  return core_.heard_lately(node) && member != nullptr && !member->out && told.floor && told.floor >= std::max(told.horizon, core_.highest_horizon);
}

bool Rebase::nobody_left() const {
  if (!core_.joined() || !core_.options.collect || (core_.whole && !needed()) || core_.now.monotonic_ms - began_at_ms_ < kSilentMs) return false;
  return std::none_of(told_horizons_.begin(), told_horizons_.end(), [&](const auto& it) { return good_standing(it.first, it.second); });
}

// SUBTLE: where a life is over, what the member onto which a node rebases has not got of it is taken for removed.
NodeId Rebase::most_seen() const {
  NodeId most = core_.self.node;
  Timestamp floor = core_.floor();
  for (const auto& [node, told] : told_horizons_) {
    const auto* member = core_.member(node);
    if (!core_.heard_lately(node) || member == nullptr || member->out || told.floor <= floor) continue;
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
  if (body.shard != kSystemShard && !place.rows && place.counters.empty()) {
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
    return core_.count("dropped_unasked_rebased");
  }
  const auto cells = core_.read_cells(body.shard, body.cells);
  if (!cells || !fits(body)) return core_.count("dropped_bad_cells");
  patience_ms_ -= patience_ms_ / 16;
  question_->unanswered = 0;
  // A damaged row there would look like one that is gone; and a life that is retired can be told from one that the member has
  // not heard of only by its whole table, which was gone through first.  Another time, or another member.
  const bool same_table = question_->table == 0 || question_->table == from.members_version;
  if (!body.sound || from.floor < core_.highest_horizon || outrun(from) || !same_table) {
    core_.count("rebases_put_off");
    return question_.reset();
  }
  question_->table = from.members_version;
  question_->as_of = Horizon::as_of(from, {}, {});
  question_->as_of.rebased = true;
  redo_.rebasing(body.shard, body.clock, from.horizon);
  const std::set<OriginId> unlisted = body.shard == kSystemShard ? std::set<OriginId>() : in_clocks_only();
  const auto seen = [&](const Commit& commit) {
    if (core_.unheard_of.contains(commit.origin)) return false;
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

// Of those that are there.  SUBTLE: where all disks went back to before the eviction nobody is; and who is may be no better off.
bool Rebase::anybody_aware() const {
  const auto& others = core_.others();
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

void Rebase::take_rows(const Envelope& from, const RebasedBody& body, const std::vector<Cell>& cells, const Seen& seen) {
  std::map<StoreKey, const Cell*> theirs;
  for (const Cell& cell : cells) theirs.emplace(store_key(body.shard, cell.key), &cell);
  if (body.shard == kSystemShard) forget_in_memory();
  const auto snapshot = core_.store.snapshot();
  const RowWalk walk = walk_rows(*snapshot, mend_, range_to(body.next), [&](const StoreKey& key, const Row& row) {
    if (forgotten(key, row)) return true;
    const auto same = theirs.find(key);
    const bool comparable = same != theirs.end() && same->second->key == row.cell;
    if (const auto life = life_of_cell(row.cell)) {
      if (same != theirs.end()) return true;
      if (nobody_heard_of(from, life->first, life->second)) question_->unheard_here.insert(life->second);
      else if (is_over(from, life->first, life->second) && began_unheard_of(life->first, life->second)) question_->unheard_elsewhere.insert(*life);
      else if (is_over(from, life->first, life->second)) question_->over.try_emplace(life->second, Question::Over{row.cell, row.content.as_register().commit()});
      else question_->unheard_of.insert(life->second);
    } else if (row.cell.kind != Kind::kCounter) {
      // Of a counter what the member has folded is in its base, which takes the place of what it covers.
      Content these = gone(row.content, comparable ? &same->second->content : nullptr, seen);
      const bool over = life_of_ended_cell(row.cell).has_value();
      if (!these.empty() && over) core_.ended.drop(row.cell);
      if (these.empty() && over && same == theirs.end()) question_->records.emplace_back(row.cell, row.content);
      take_out(key, std::move(these));
    }
    return true;
  });
  for (const auto& [key, cell] : theirs) {
    if (!walk.whole && key > walk.next) break;
    core_.merge(body.shard, cell->key, cell->content);
    const auto life = life_of_cell(cell->key);
    if (!life) continue;
    question_->known_then.insert(life->second);
    question_->told_of.insert(life->second);
  }
  if (walk.whole && body.end && body.shard == kSystemShard) {
    hear_of_after_all();
    judge_lives(from, body.clock);
  }
  move_to(walk.next);
}

// SUBTLE: what was said of lives, by one that is over, and seen of nobody: it is in no clock, so it would be told to some of the others.
bool Rebase::forgotten(const StoreKey& key, const Row& row) {
  if (!core_.returning || shard_of_store_key(key) != kSystemShard || row.content.holds(Kind::kSet)) return false;
  if (!core_.ended.unseen(kSystemShard, row.content.as_register().commit())) return false;
  if (life_of_cell(row.cell)) core_.members.drop_life(row.cell);
  else if (life_of_ended_cell(row.cell)) core_.ended.drop(row.cell);
  else return false;
  take_out(key, row.content);
  return true;
}

// SUBTLE: a row that cannot be read is written again from memory (gossip/mend.h): so not from the disk alone.
void Rebase::forget_in_memory() {
  if (!core_.returning) return;
  std::vector<std::pair<CellKey, Content>> rows;
  for (const auto& [life, content] : core_.members.lives().cells()) rows.emplace_back(life_cell(life.first, life.second), content);
  for (const auto& [life, content] : core_.ended.cells()) rows.emplace_back(ended_cell(life.first, life.second), content);
  for (auto& [cell, content] : rows) (void)forgotten(store_key(kSystemShard, cell), {cell, std::move(content)});
}

void Rebase::take_sketch(const RebasedBody& body, const Seen& seen) {
  struct Mine {
    StoreKey key;
    std::optional<CellKey> counter;
    ActorId actor;
  };
  std::unordered_map<std::uint64_t, Mine> mine;
  Sketch sketch = *Sketch::read(body.sketch);  // It was read before.
  const auto snapshot = core_.store.snapshot();
  StoreKey at;
  Shown shown(body.nonce, [&](const CellKey& cell, const ShownThing& thing) {
    sketch.toggle(thing.hash);
    const bool counter = cell.kind == Kind::kCounter;
    mine.insert_or_assign(thing.hash, Mine{at, counter ? std::optional(cell) : std::nullopt, thing.actor});
  });
  const RowWalk walk = walk_rows(*snapshot, mend_, range_to(body.next), [&](const StoreKey& key, const Row& row) {
    if (!mine.empty() && mine.size() + row.content.entry_count() > kShownPerWalkMax) return false;
    at = key;
    shown.row(row);
    return true;
  });
  shown.end();
  core_.count("rebase_sketches");
  if (!walk.whole) {  // More than is looked at in one go: the same again, so far.
    question_->place.until = walk.next;
    return;
  }
  const auto differing = sketch.peel();
  if (!differing) {
    core_.count("rebase_sketches_too_small");
    question_->sketch_cells = 2 * sketch.cells();
    question_->place.rows = question_->sketch_cells > Sketch::kCellsMax;
    question_->sketch_cells = std::min(question_->sketch_cells, Sketch::kCellsMax);
    return;
  }
  question_->sketch_cells = sketch_cells_for(static_cast<double>(differing->size()));
  std::map<StoreKey, std::set<ActorId>> theirs_no_more;
  std::vector<CellKey> counters;
  for (const std::uint64_t hash : *differing) {
    const auto found = mine.find(hash);
    if (found == mine.end()) continue;  // The member's: it comes with the pull.
    if (found->second.counter) counters.push_back(*found->second.counter);
    else theirs_no_more[found->second.key].insert(found->second.actor);
  }
  for (const auto& [key, actors] : theirs_no_more) {
    Row row;
    if (snapshot->get(key, row) == Snapshot::Lookup::kFound) take_out_later(key, gone_of(row.content, actors, seen));
  }
  if (counters.empty()) return move_to(body.next);
  question_->place.counters = std::move(counters);
  question_->place.until = body.next;
}

void Rebase::take_bases(const RebasedBody& body, const std::vector<Cell>& cells) {
  for (const Cell& cell : cells) core_.merge(body.shard, cell.key, cell.content);
  core_.count("counters_rebased", cells.size());
  const StoreKey until = question_->place.until;
  if (body.end || (!until.empty() && body.next >= until)) return move_to(until);
  question_->place.after = body.next;
}

void Rebase::take_out(const StoreKey& key, Content these) {
  if (these.empty()) return;
  core_.count("rows_cut_by_rebase");
  ++question_->dropped;
  core_.out->store.drop(key, std::move(these));
}

void Rebase::take_out_later(const StoreKey& key, Content these) {
  if (these.empty()) return;
  const bool has_value = !these.holds(Kind::kSet) && these.present();
  question_->waiting_bytes += key.size() + 48 * these.entry_count() + (has_value ? these.as_register().value()->size() : 0);
  if (question_->waiting_bytes > kWaitingBytesMax) return take_out(key, std::move(these));
  question_->waiting[shard_of_store_key(key)].emplace_back(key, std::move(these));
}

void Rebase::take_out_waiting(ShardId shard) {
  const auto at = question_->waiting.find(shard);
  if (at == question_->waiting.end()) return;
  const auto snapshot = core_.store.snapshot();
  for (auto& [key, these] : at->second) {
    Row row;
    if (snapshot->get(key, row) != Snapshot::Lookup::kFound) continue;
    if (const Content* pending = core_.out->store.pending(row.cell)) row.content.join(*pending);
    take_out(key, still_in(row.content, std::move(these)));
  }
  question_->waiting.erase(at);
}

bool Rebase::is_over(const Envelope& from, NodeId node, OriginId origin) const {
  // SUBTLE: no clock tells of a retired life.  Who is in good standing, and has a floor above the start of a life that is
  // not its node's last, or whose node is evicted, has heard of it, and so has heard that it was retired.
  const auto* known = core_.members.lives().find(origin);
  const auto* member = core_.member(node);
  return known != nullptr && member != nullptr && (member->out || member->life.origin != origin) && known->record.start <= from.floor;
}

// SUBTLE: the same of a life of this node that is not closed, and of which no record says that it is over (gossip/ended_lives.h): while
// it ran another process went on under this node's id, so floors are past its start, and nobody has heard of it.
bool Rebase::nobody_heard_of(const Envelope& from, NodeId node, OriginId origin) const {
  const auto* known = core_.members.lives().find(origin);
  if (node != core_.self.node || known == nullptr || known->record.closed() || !is_over(from, node, origin)) return false;
  return core_.kept_on_record(known->record.start, from.floor);
}

// The same of another node that is out, in a life that began after the others had gone on without it.
bool Rebase::began_unheard_of(NodeId node, OriginId origin) const {
  const auto* known = core_.members.lives().find(origin);
  return node != core_.self.node && core_.members.out(node) && known != nullptr && known->record.start > core_.members.evicted().find(node).heard_of;
}

// SUBTLE: of what an evicted node went on to do another such may have heard, which was back first and told everybody: then it is a life like
// any other, with a place in clocks.
void Rebase::hear_of_after_all() {
  const auto heard_of = [&](OriginId origin) {
    const bool same = question_->known_then.contains(origin) && !question_->place.buckets[bucket_of(life_cell(core_.self.node, origin))];
    return same || question_->told_of.contains(origin);
  };
  if (std::erase_if(core_.unheard_of, [&](const auto& life) { return heard_of(life.first); }) == 0) return;
  core_.write_unheard_of();
  // What they took in on this disk it holds, though it had forgotten that.
  for (const auto& [origin, own] : core_.own_lives) {
    if (!core_.unheard_of.contains(origin)) core_.clocks.promise(origin, own.up_to);
  }
}

bool Rebase::in_table(const Commit& commit) const {
  return commit.at <= question_->table_floor || covers(question_->table_clock, commit);
}

// Horizons may be past what such a life did, so under its commits none of it may enter history: it is over, and all is done again.
// And of one of which the member has not heard that it is closed it may have forgotten nothing.
void Rebase::judge_lives(const Envelope& from, const CommitClock& clock) {
  question_->table_clock = clock;
  question_->table_floor = from.floor;
  std::vector<OriginId> not_heard;
  for (const auto& [origin, over] : question_->over) {
    const auto* known = core_.members.lives().find(origin);
    if (known != nullptr && known->record.closed() && !in_table(over.written)) not_heard.push_back(origin);
  }
  for (const OriginId origin : not_heard) question_->over.erase(origin);
  // SUBTLE: the word of a life that the member has not heard of (another process under one id) may be that what it holds was seen of
  // nobody.  Then we would take nothing of that, and it, as long as we are behind, not that word.  So that does not count until this is
  // done.  It stays on disk: our clock claims it.
  for (auto& [cell, content] : std::exchange(question_->records, {})) {
    if (!question_->unheard_of.contains(content.as_register().commit().origin)) continue;
    core_.ended.drop(cell);
    aside_.emplace_back(cell, std::move(content));
  }
  for (const auto& [node, origin] : std::exchange(question_->unheard_elsewhere, {})) {
    const auto* known = core_.members.lives().find(origin);
    if (known == nullptr || core_.ended.find(origin) != nullptr) continue;
    lives_.close(node, origin, known->record, EndedLife{known->record.start});
    core_.count("lives_nobody_heard_of");
  }
  for (const OriginId origin : std::exchange(question_->unheard_here, {})) {
    const auto* known = core_.members.lives().find(origin);
    if (core_.ended.find(origin) != nullptr || known == nullptr) {  // The member's table has the record.
      const auto& cells = core_.members.lives().cells();
      const auto at = cells.find({core_.self.node, origin});
      if (at == cells.end()) continue;
      question_->over.try_emplace(origin, Question::Over{life_cell(core_.self.node, origin), at->second.as_register().commit()});
      continue;
    }
    if (!core_.may_be_settled(known->record.start, from.floor)) {
      question_->unheard_of.insert(origin);
      continue;
    }
    lives_.close(core_.self.node, origin, known->record, EndedLife{known->record.start});
    core_.count("lives_nobody_heard_of");
  }
}

void Rebase::done() {
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

// In our clocks, but for those whose rows are on their way to the disk: they are not in its sums, so no walk comes upon them.
std::set<OriginId> Rebase::lives_on_disk() const {
  std::set<OriginId> out = core_.clocks.known();
  const auto snapshot = core_.store.snapshot();
  Row row;
  for (const auto& [life, content] : core_.members.lives().cells()) {
    if (snapshot->get(store_key(kSystemShard, life_cell(life.first, life.second)), row) != Snapshot::Lookup::kFound) out.erase(life.second);
  }
  return out;
}

std::set<OriginId> Rebase::last_lives() const {
  std::set<OriginId> out;
  for (const auto& [node, member] : core_.members.members()) {
    if (!member.out) out.insert(member.life.origin);
  }
  return out;
}

// SUBTLE: not before all is here.  Without them our floor would be above what we lack, and the member would not send it.
void Rebase::take_out_lives() {
  const auto snapshot = core_.store.snapshot();
  // SUBTLE: who is behind as we are may have told of some since, that were written below the member's floor and were not in its table.
  for (const auto& [life, content] : core_.members.lives().cells()) {
    const auto& [node, origin] = life;
    const auto* member = core_.member(node);
    if (node == core_.self.node || member == nullptr || (member->life.origin == origin && !member->out) || question_->known_then.contains(origin)) continue;
    if (!content.present() || content.as_register().commit().at > question_->table_floor) continue;
    question_->over.try_emplace(origin, Question::Over{life_cell(node, origin), content.as_register().commit()});
  }
  for (const auto& [origin, over] : question_->over) {
    const CellKey& cell = over.cell;
    const StoreKey key = store_key(kSystemShard, cell);
    Row row;
    if (snapshot->get(key, row) != Snapshot::Lookup::kFound) continue;
    if (const Content* pending = core_.out->store.pending(cell)) row.content.join(*pending);
    // Another word, that the member may not have heard.
    if (const Commit& now = row.content.as_register().commit(); now != over.written && !in_table(now)) continue;
    core_.out->store.drop(key, row.content);
    core_.drop_life(cell);
    core_.count("lives_dropped_by_rebase");
  }
  question_->over.clear();
  for (const OriginId origin : in_clocks_only()) core_.end_life(origin);
}

// And in no table, of which the member's has been gone through: their rows rotted here, and they are over there.
std::set<OriginId> Rebase::in_clocks_only() const {
  std::set<OriginId> out = core_.clocks.known();
  const auto& listed = core_.members.lives().entries();
  const std::set<OriginId> last = last_lives();
  std::erase_if(out, [&](OriginId origin) { return listed.contains(origin) || last.contains(origin); });
  return out;
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
  if (question_ && !needed() && !question_->waiting.empty()) question_.reset();  // Whom it was behind is gone, with its horizon.
  if (question_ && !needed()) {
    core_.count("rebases_completed");
    core_.note(Output::Note::Level::kInfo, "rebased onto " + core_.name_of(question_->peer) + ": " + std::to_string(question_->dropped) +
                                               (question_->dropped == 1 ? " row" : " rows") + " held what had been removed");
    question_.reset();
  }
  if (!needed()) {
    told_ = false;
    for (const auto& [cell, content] : std::exchange(aside_, {})) {
      if (core_.ended.merge(cell, content) && core_.on_ended) core_.on_ended(life_of_ended_cell(cell)->second);
    }
  }
  if (!question_) return;
  const bool late = core_.now.monotonic_ms >= question_->expires_at_ms;
  if (late) {
    core_.count("rebases_unanswered");
    patience_ms_ = std::min(2 * patience_ms_, kPatienceMsMax);
  }
  // What was gone through so far need not be again, for one answer that was lost or late.
  if (late && !question_->pulling && ++question_->unanswered <= kUnansweredMax) return ask();
  if (late) question_.reset();
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
