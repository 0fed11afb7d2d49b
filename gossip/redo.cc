#include "gossip/redo.h"

#include <algorithm>
#include <utility>

#include "crdt/bytes.h"
#include "crdt/counter.h"

namespace kith {
namespace {

// Of `these` what is in `delta` as well, under another commit.
Content same_operations(const Content& these, const Content& delta) {
  if (!these.holds(Kind::kSet)) {
    const bool same = !these.empty() && delta.as_register().tag() == these.as_register().tag();
    return same ? these : Content(Register{});
  }
  SetElement out = these.as_set_element(), others = out;
  const auto other = [](const ActorMap& in) {
    return [&in](ActorId actor, const Entry& entry) {
      const Entry* same = in.find(actor);
      return same == nullptr || same->at != entry.at;
    };
  };
  others.keep(other(delta.as_set_element().adds()), other(delta.as_set_element().removed()));
  out.drop(others);
  return Content(out);
}

// What of `these` has in its row the place of something in `delta`: of what the same session did earlier.
Content in_place_of(const Content& these, const Content& delta) {
  if (!these.holds(Kind::kSet)) return Content(Register{});
  SetElement out = these.as_set_element(), others = out;
  const auto not_later = [](const ActorMap& than) {
    return [&than](ActorId actor, const Entry& entry) {
      const Entry* theirs = than.find(actor);
      return theirs == nullptr || theirs->at >= entry.at;
    };
  };
  others.keep(not_later(delta.as_set_element().adds()), not_later(delta.as_set_element().removed()));
  out.drop(others);
  return Content(out);
}

// Of `these` what is in the row as it was: nothing later has taken its place.
Content still_in(const Content& row, const Content& these) {
  if (!these.holds(Kind::kSet)) {
    const bool same = !these.empty() && row.as_register().tag() == these.as_register().tag() && row.as_register().commit() == these.as_register().commit();
    return same ? these : Content(Register{});
  }
  SetElement out = these.as_set_element(), others = out;
  const auto other = [](const ActorMap& in) {
    return [&in](ActorId actor, const Entry& entry) {
      const Entry* same = in.find(actor);
      return same == nullptr || *same != entry;
    };
  };
  others.keep(other(row.as_set_element().adds()), other(row.as_set_element().removed()));
  out.drop(others);
  return Content(out);
}

bool is_value(const CellKey& cell, const Content& these) { return !these.empty() && (cell.kind == Kind::kRegister || cell.kind == Kind::kHash); }

std::string in_words(const CellKey& cell, const Content& these) {
  if (cell.kind == Kind::kCounter) return "increment";
  if (cell.kind != Kind::kSet) return these.present() ? "value" : "deletion";
  return these.as_set_element().adds().empty() ? "removal" : these.as_set_element().removed().empty() ? "add" : "add and removal";
}

}  // namespace

void Redo::begin() {
  passed_horizon_ = Timestamp{meta::decode_number(core_.store.snapshot()->meta(meta::kPassedHorizon))};
  if (const Timestamp held_back{meta::decode_number(core_.store.snapshot()->meta(meta::kHeldBack))}; held_back) {
    core_.held_back = {held_back, Timestamp{meta::decode_number(core_.store.snapshot()->meta(meta::kHeldBackUntil))}};
  }
  const auto snapshot = core_.store.snapshot();
  if (const auto keys = snapshot->meta(meta::kToRecall)) {
    ByteReader in(*keys);
    while (in.ok() && in.left() > 0) core_.to_recall.emplace(in.bytes(in.u16()));
  }
  const auto bytes = snapshot->meta(meta::kToLookThrough);
  ByteReader in(bytes ? *bytes : std::string_view());
  while (in.ok() && in.left() > 0) {
    const OriginId origin{in.u64()};
    EndedLife::Places up_to;
    for (std::size_t left = in.u16(); in.ok() && left > 0; --left) {
      const ShardId shard = in.u16();
      up_to.emplace_back(shard, Timestamp{in.u64()});
    }
    if (core_.ended.find(origin) == nullptr) continue;
    lives_.insert(origin);
    if (!up_to.empty()) redone_up_to_[origin] = std::move(up_to);
  }
  if (pending()) begin_anew();
}

// SUBTLE: who is behind a horizon or not introduced may not keep its floor down, or nobody would ever listen to it.
void Redo::begin_anew() {
  core_.redoing = true;
  passing_ = false;
  recall_.clear();
  if (!core_.floor_then && core_.whole && core_.introduced && !core_.behind) core_.floor_then = core_.floor();
}

void Redo::keep_lives() const {
  ByteWriter bytes;
  for (const OriginId origin : lives_) {
    const auto up_to = redone_up_to_.find(origin);
    bytes.u64(origin.value), bytes.u16(static_cast<std::uint16_t>(up_to == redone_up_to_.end() ? 0 : up_to->second.size()));
    if (up_to == redone_up_to_.end()) continue;
    for (const auto& [shard, at] : up_to->second) bytes.u16(shard), bytes.u64(at.value);
  }
  core_.out->store.set_meta(meta::kToLookThrough, bytes.take());
}

void Redo::keep_to_recall() const {
  if (core_.to_recall.empty()) return core_.out->store.forget_meta(meta::kToRecall);
  ByteWriter bytes;
  for (const StoreKey& key : core_.to_recall) bytes.u16(static_cast<std::uint16_t>(key.size())), bytes.bytes(key);
  core_.out->store.set_meta(meta::kToRecall, bytes.take());
}

// SUBTLE: under the earlier commit, of a life of which we heard later that it is over, the entry may have been the same operation that is
// already done again elsewhere, and we may have pulled that: a join keeps the earlier of the two.  What is more is left to the audit.
void Redo::recall_after(const StoreKey& key) {
  if (core_.to_recall.size() >= kToRecallMax || !core_.to_recall.insert(key).second) return;
  keep_to_recall();
}

void Redo::ended(OriginId origin) {
  // SUBTLE: whole or not: a member takes in writes, and pushes, before it got in step with anybody.
  if (core_.closed_here.contains(origin) || core_.ended.find(origin) == nullptr) return;
  lives_.insert(origin);
  keep_lives();
  if (origin != core_.self.origin) begin_anew();  // Of the present one when it is over.
}

bool Redo::own_former(OriginId origin) const {
  if (origin == core_.self.origin) return false;
  if (core_.unheard_of.contains(origin)) return true;
  const auto* life = core_.members.lives().find(origin);
  return life != nullptr && life->node == core_.self.node;
}

void Redo::rebasing(ShardId shard, const CommitClock& clock, Timestamp horizon) {
  if (shard == kSystemShard) return;
  passed_[shard] = clock;
  if (horizon > passed_horizon_) {
    passed_horizon_ = horizon;
    core_.out->store.set_meta(meta::kPassedHorizon, meta::encode_number(horizon.value));
  }
  begin_anew();
}

bool Redo::unseen(ShardId shard, const Commit& commit) const {
  if (const auto* entry = core_.ended.find(commit.origin)) {
    return lives_.contains(commit.origin) && !entry->record.seen(shard, commit.at);
  }
  if (core_.unheard_of.contains(commit.origin)) return true;
  if (commit.at > passed_horizon_ || !own_former(commit.origin)) return false;
  const auto clock = passed_.find(shard);
  return clock != passed_.end() && !covers(clock->second, commit);
}

bool Redo::unseen_up_to(ShardId shard, const Commit& commit) const {
  if (const auto* entry = core_.ended.find(commit.origin)) {
    return lives_.contains(commit.origin) && commit.at > entry->record.seen_up_to(shard);
  }
  if (core_.unheard_of.contains(commit.origin)) return true;
  const auto clock = passed_.find(shard);
  return own_former(commit.origin) && clock != passed_.end() && !covers(clock->second, commit);
}

bool Redo::ready() const {
  return core_.joined() && core_.introduced && core_.whole && core_.got_in_step && !core_.behind && !core_.superseded && !core_.stopping;
}

std::optional<std::int64_t> Redo::wake_at_ms() const {
  return pending() && ready() ? std::optional(next_at_ms_) : std::nullopt;
}

void Redo::tick() {
  if (!pending() || !ready() || core_.now.monotonic_ms < next_at_ms_) return;
  next_at_ms_ = core_.now.monotonic_ms + kPauseMs;
  if (!recall_.empty()) return look_at_recalled();
  for (const StoreKey& key : core_.to_recall) {
    if (recall_.full()) break;
    recall_.want(key, seen_of(shard_of_store_key(key)));
  }
  if (!recall_.empty()) return look_at_recalled();
  if (!passing_) {
    passing_ = true;
    at_.reset();
    left_.clear();
    for (std::uint32_t shard = 0; shard < core_.self.shard_count; ++shard) left_.push_back(static_cast<ShardId>(shard));
  }
  look_through();
  if (!recall_.empty()) return look_at_recalled();
  if (!left_.empty()) return;
  // SUBTLE: a damaged row may itself wait for this node to be back.
  if (!std::exchange(damaged_, false) || ++passes_for_damaged_ > kPassesForDamagedMax) return done();
  passing_ = false;
  next_at_ms_ = core_.now.monotonic_ms + core_.options.gossip_interval_ms;
}

void Redo::on_mended(NodeId from, const MendedBody& body, bool admitted) {
  recalling_ = true;
  recall_.on_mended(from, body, admitted);
  recalling_ = false;
  if (!recall_.empty() && recall_.recalled()) next_at_ms_ = core_.now.monotonic_ms;
}

void Redo::look_at_recalled() {
  if (!recall_.recalled()) {
    recall_.ask();
    next_at_ms_ = core_.now.monotonic_ms + core_.options.gossip_interval_ms / 4;
    return;
  }
  const auto snapshot = core_.store.snapshot();
  for (const StoreKey& key : recall_.take()) {
    if (core_.to_recall.erase(key) > 0) keep_to_recall();
    Row row;
    if (snapshot->get(key, row) != Snapshot::Lookup::kFound) continue;
    redo(shard_of_store_key(key), key, row.cell, row.content);
  }
}

// Of what our clock claims, what others can have.
CommitClock Redo::seen_of(ShardId shard) const {
  CommitClock out;
  const auto passed = passed_.find(shard);
  for (const auto& [origin, held] : core_.clocks.held(shard)) {
    Timestamp seen = held;
    if (origin == core_.self.origin || core_.unheard_of.contains(origin)) continue;
    if (const auto* entry = core_.ended.find(origin)) {
      if (held > entry->record.seen_up_to(shard)) continue;  // Nobody's clock shows where what was seen ends in it.
    } else if (own_former(origin) && passed != passed_.end()) {
      const auto at = std::find_if(passed->second.begin(), passed->second.end(), [&, of = origin](const auto& item) { return item.first == of; });
      seen = at == passed->second.end() ? Timestamp{} : std::min(seen, at->second);
    }
    if (seen) out.emplace_back(origin, seen);
  }
  return out;
}

void Redo::look_through() {
  const auto snapshot = core_.store.snapshot();
  std::size_t read = 0;
  while (!left_.empty() && read < kRowsPerStep) {
    const ShardId shard = left_.front();
    ++read;
    if (!at_) at_ = snapshot->first_unseen(shard, [&](const Commit& commit) { return !unseen_up_to(shard, commit); });
    bool end = true;
    const CommitClock claimed = seen_of(shard);
    snapshot->feed_after(shard, *at_, [&](Lsn lsn, const StoreKey& key, const Row* row) {
      // SUBTLE: what this batch does again is in its row until it is durable.
      if (++read > kRowsPerStep || recall_.full() || core_.out->store.redoes(key)) return end = false;
      at_ = lsn;
      core_.count("rows_read_to_redo");
      // SUBTLE: whoever mends it may have the same write, of which nobody knows that it was seen.
      damaged_ |= row == nullptr && !key.empty();
      if (row != nullptr && !is_base(row->cell) && !row->content.where([&](const Commit& commit) { return unseen(shard, commit); }).empty()) recall_.want(key, claimed);
      return true;
    });
    if (!end) return;
    at_.reset();
    left_.pop_front();
  }
}

// What the present life commits instead of these; `row` is all that is known of the cell, `tag` is of today.
Content Redo::again(ShardId shard, const Content& these, const Content& row, bool counter, bool own, Tag tag, Commit commit) const {
  const auto may_be_retried = [&](Timestamp at) {
    // SUBTLE: whoever held its floor has seen all that has removed it, forgotten or not; but not who rebases, of what is older, nor who
    // was evicted.  A base that was folded past an increment is without it.
    const bool passed = at <= core_.horizon || at <= core_.highest_horizon;
    if (!own && !core_.returning && core_.floor_then && at > passed_horizon_ && !(counter && passed)) return true;
    if (passed) return false;
    // SUBTLE: of others under its tag or not at all: twice is once then, should its own node return.  A returning node has no floor, so
    // no horizon passes it meanwhile.
    return (!own && core_.returning) || core_.now.wall_ms - at.ms() < core_.options.retry_window_ms;
  };
  if (core_.observer()) return these.holds(Kind::kSet) ? Content(SetElement{}) : Content(Register{});
  Content out = these;
  if (out.holds(Kind::kSet)) {
    SetElement& element = out.as_set_element();
    bool old_add = false;
    element.keep_adds([&](ActorId actor, const Entry& add) {
      if (row.as_set_element().dead(actor, add)) return false;
      if (may_be_retried(add.at)) return true;
      old_add |= !was_redone(shard, add.commit) || redone_in_vain(shard, add.commit);
      return false;
    });
    element.recommit(commit);
    if (old_add && (own || core_.returning)) element.join(SetElement().add(tag, commit));
    return out;
  }
  const Register& it = these.as_register();
  const bool over = it.over_at_ms() != 0 && it.over_at_ms() <= core_.now.wall_ms;
  const bool takes_away = !it.present() || over;
  if (takes_away || may_be_retried(it.tag().at)) {
    out.recommit(commit);
    return out;
  }
  if (was_redone(shard, it.commit()) && (counter || !redone_in_vain(shard, it.commit()))) {
    // SUBTLE: what did may be lost, with its disk.  Under its tag it has no place where it was done as of today, or overwritten since.
    if (counter || it.tag().at <= std::max(core_.horizon, core_.highest_horizon)) return Content(Register{});
    out.recommit(commit);
    return out;
  }
  // SUBTLE: a value twice is the value; an increment twice is not.
  if (!own && (!core_.returning || counter)) return Content(Register{});
  return Content(Register{}.set(std::string(*it.value()), tag, commit, it.expires_at_ms()));
}

// From another copy of this disk.  SUBTLE: what that did may be lost, where the record of it is not; under its own tag it is done again
// all the same, since twice is once then.
bool Redo::was_redone(ShardId shard, const Commit& commit) const {
  const auto* entry = core_.ended.find(commit.origin);
  return entry != nullptr && entry->record.was_redone(shard, commit.at);
}

// What did holds less than it did then, as far as anybody knows with whom this node is in step.  An increment would count twice, should it
// turn up after all.
bool Redo::redone_in_vain(ShardId shard, const Commit& commit) const {
  const auto* entry = core_.ended.find(commit.origin);
  const auto* as = entry == nullptr ? nullptr : entry->record.redone_as_in(shard);
  return as != nullptr && as->origin != core_.self.origin && !core_.retired(as->origin) && core_.clocks.held(shard, as->origin) < as->at;
}

// SUBTLE: what a row holds of others is theirs to do again as of today, and what it holds of this node is this node's.
void Redo::redo(ShardId shard, const StoreKey& key, const CellKey& cell, const Content& content) {
  const Content these = unseen_in(shard, key, content);
  redo_part(shard, key, cell, content, these.where([&](const Commit& commit) { return of_this_node(commit); }), true);
  redo_part(shard, key, cell, content, these.where([&](const Commit& commit) { return !of_this_node(commit); }), false);
}

// SUBTLE: what this batch does again already is in the row until it is durable.
Content Redo::unseen_in(ShardId shard, const StoreKey& key, const Content& content) const {
  const Content these = content.where([&](const Commit& commit) { return unseen(shard, commit); });
  const Content* leaving = core_.out->store.leaving(key);
  if (these.empty() || leaving == nullptr) return these;
  if (!these.holds(Kind::kSet)) return Content(Register{});
  SetElement left = these.as_set_element();
  left.drop(leaving->as_set_element());
  return Content(left);
}

// `these` of a row; nothing else of it changes.
void Redo::redo_part(ShardId shard, const StoreKey& key, const CellKey& cell, const Content& content, Content these, bool own) {
  if (these.empty()) return;
  these.each_commit([&](const Commit& commit) { EndedLife::raise(redone_up_to_[commit.origin], shard, commit.at); });
  keep_lives();  // SUBTLE: killed before it is done this disk has these no more, and another copy of it has.
  // What came in the same batch may have removed it, or been written over it.
  Content row = content;
  if (const Content* pending = core_.out->store.pending(cell)) row.join(*pending);
  const Timestamp at = core_.issue_now();
  const Tag tag{at, actor_of(core_.self.origin)};
  const Content left = still_in(row, these);
  const Content anew = again(shard, left, row, cell.kind == Kind::kCounter, own, tag, {at, core_.self.origin});
  // Another increment than the old one, but for a retry of it.
  CellKey as = cell;
  const bool renamed = cell.kind == Kind::kCounter && !anew.empty() && anew.as_register().tag() == tag;
  if (renamed) as.member = increment_member(tag);
  committing_ = true;
  if (!anew.empty()) core_.commit_own(shard, as, anew, at);
  if (cell.kind == Kind::kCounter && !anew.empty() && !renamed) core_.hold_back(anew.as_register().tag().at, at);
  committing_ = false;
  core_.count("unseen_writes_redone");
  ++redone_;
  core_.out->redone.push_back({cell, in_words(cell, these), these, anew});
  core_.out->store.redo({key, std::move(these), anew.empty() ? StoreKey() : store_key(shard, as), anew});
}

bool Redo::of_this_node(const Commit& commit) const {
  const auto* entry = core_.ended.find(commit.origin);
  return entry != nullptr ? entry->node == core_.self.node : own_former(commit.origin);
}

// A value that is not done again, and so leaves its row to what it had overwritten.  REQUIRES: is_value().
bool Redo::goes_for_good(ShardId shard, const Content& these, const Row& row) const {
  const Register& value = these.as_register();
  const Commit today{core_.hlc.last(), core_.self.origin};
  return again(shard, these, row.content, false, of_this_node(value.commit()), {today.at, actor_of(today.origin)}, today).empty();
}

void Redo::before_merge(ShardId shard, const CellKey& cell, const Content& delta) {
  if (committing_) return;
  const auto snapshot = core_.store.snapshot();
  const StoreKey key = store_key(shard, cell);
  if (is_base(cell)) {
    const Timestamp folded_to = delta.as_register().tag().at;
    snapshot->scan(value_prefix(shard, cell.table, cell.key, cell.kind), key, [&](const StoreKey& increment, const Row* row) {
      const auto tag = increment_tag_of_store_key(increment);
      if (!tag || tag->at > folded_to) return false;
      if (row != nullptr && !core_.out->store.redoes(increment)) redo(shard, increment, row->cell, row->content);
      return true;
    });
    return;
  }
  Row row;
  if (snapshot->get(key, row) != Snapshot::Lookup::kFound) return;
  const Content all_not_seen = row.content.where([&](const Commit& commit) { return unseen(shard, commit); });
  if (all_not_seen.empty()) return;
  const Content not_seen = unseen_in(shard, key, row.content);
  // SUBTLE: joined first, what was seen would be lost with what has its place.
  // So is a value that is too old to be done again, or will be when the row is recalled.
  const bool value_goes = is_value(cell, not_seen) && ((recalling_ && recall_.wants(key)) || goes_for_good(shard, not_seen, row));
  const Content in_place = value_goes ? not_seen : in_place_of(not_seen, delta);
  redo_part(shard, key, row.cell, row.content, in_place.where([&](const Commit& commit) { return of_this_node(commit); }), true);
  redo_part(shard, key, row.cell, row.content, in_place.where([&](const Commit& commit) { return !of_this_node(commit); }), false);
  if (!recalling_ && cell.kind == Kind::kSet && !in_place.empty()) recall_after(key);
  // SUBTLE: also of what leaves the row in this batch already: until then it would keep the place of the same, and take it along.
  Content these = same_operations(all_not_seen, delta);
  if (these.empty()) return;
  core_.count("unseen_writes_seen_elsewhere");
  Content instead = same_operations(delta, these);
  core_.out->store.redo({key, std::move(these), key, std::move(instead)});
}

// SUBTLE: done again by an earlier life of this node, which was killed before it was through: that is on this disk.
void Redo::say_redone(EndedLife& record, ShardId shard, Timestamp at) const {
  record.say_redone(shard, at, core_.self.origin, core_.clocks.held(shard, core_.self.origin));
}

void Redo::done() {
  for (const OriginId origin : lives_) {
    const auto* entry = core_.ended.find(origin);
    const auto up_to = redone_up_to_.find(origin);
    if (entry == nullptr || entry->node != core_.self.node || up_to == redone_up_to_.end()) continue;
    EndedLife record = entry->record;
    for (const auto& [shard, at] : up_to->second) say_redone(record, shard, at);
    if (record == entry->record) continue;
    core_.write_ended(core_.self.node, origin, record);
  }
  if (redone_ > 0) {
    core_.note(Output::Note::Level::kWarning,
               std::to_string(std::exchange(redone_, 0)) + " writes of a life that is over had not been seen by the member that "
               "closed it, and were done again: those of this node that are past the retry window as writes of today; each is listed");
  }
  lives_.clear();
  const auto redone = std::exchange(redone_up_to_, {});
  keep_lives();
  core_.floor_then.reset();
  core_.redoing = false;
  passed_.clear();
  if (std::exchange(passed_horizon_, {})) core_.out->store.forget_meta(meta::kPassedHorizon);
  passing_ = false;
  passes_for_damaged_ = 0;
  if (!core_.returning) return;
  core_.returning = false;
  core_.heard_of = {};
  for (const auto& [origin, start] : core_.unheard_of) {
    const auto up_to = redone.find(origin);
    if (up_to == redone.end()) continue;
    EndedLife record;
    record.up_to = start;
    for (const auto& [shard, at] : up_to->second) say_redone(record, shard, at);
    core_.closed_here.insert(origin);
    core_.write_ended(core_.self.node, origin, record);
  }
  core_.unheard_of.clear();
  core_.out->store.forget_meta(meta::kUnheardOf);
  core_.out->store.forget_meta(meta::kReturning);
  core_.note(Output::Note::Level::kInfo, "back in the cluster: what nobody had seen of this node was done again");
}

}  // namespace kith
