// An observer that has strayed becomes a copy of a replica: its rows, its table and its clocks (gossip/follow.h).
#include <algorithm>
#include <map>
#include <utility>

#include "crdt/counter.h"
#include "gossip/rebase.h"

namespace kith {

namespace {

Content not_there(const Content& mine, const Content* theirs) {
  if (!mine.holds(Kind::kSet)) {
    const bool same_or_later = theirs != nullptr && theirs->as_register().tag() >= mine.as_register().tag();
    return same_or_later ? Content(Register{}) : mine;
  }
  SetElement out = mine.as_set_element(), there = out;
  const auto is_in = [](const ActorMap* in) {
    return [in](ActorId actor, const Entry& entry) {
      const Entry* same = in == nullptr ? nullptr : in->find(actor);
      return same != nullptr && same->at >= entry.at;
    };
  };
  const SetElement* row = theirs == nullptr ? nullptr : &theirs->as_set_element();
  there.keep(is_in(row == nullptr ? nullptr : &row->adds()), is_in(row == nullptr ? nullptr : &row->removed()));
  out.drop(there);
  return Content(out);
}

}  // namespace

std::map<StoreKey, const Cell*> Rebase::by_key(ShardId shard, const std::vector<Cell>& cells) {
  std::map<StoreKey, const Cell*> out;
  for (const Cell& cell : cells) out.emplace(store_key(shard, cell.key), &cell);
  return out;
}

// SUBTLE: what is folded into a base cannot be told from what is not: one that is folded further than theirs goes, and their increments come.
Content Rebase::not_theirs(const StoreKey& key, const Row& mine, const std::map<StoreKey, const Cell*>& theirs, Timestamp folded_before) {
  const auto same = theirs.find(key);
  if (same != theirs.end() && same->second->key != mine.cell) return Content(mine.cell.kind);  // Another long name has the place.
  const Content* there = same == theirs.end() ? nullptr : &same->second->content;
  if (mine.cell.kind != Kind::kCounter) return not_there(mine.content, there);
  const auto tag = increment_tag(mine.cell.member);
  if (!tag) {
    const bool goes = there == nullptr || there->as_register().tag() < mine.content.as_register().tag() ||
                      (there->as_register().tag() == mine.content.as_register().tag() && *there != mine.content);
    return goes ? mine.content : Content(mine.cell.kind);
  }
  const auto base = theirs.find(base_store_key(key));
  const Timestamp folded_to = base == theirs.end() ? folded_before : base->second->content.as_register().tag().at;
  return tag->at <= folded_to ? Content(mine.cell.kind) : not_there(mine.content, there);
}

// SUBTLE: what it gives up its own clock may cover, and the replica may be about to get it from others.  And what shows on neither side, as a
// removal, is in no answer.  So in the end its clock is what both had when the shard was begun, and whatever is above that comes as to anybody.
void Rebase::copy_rows(const Envelope& from, const RebasedBody& body, const std::vector<Cell>& cells) {
  const auto theirs = by_key(body.shard, cells);
  const Timestamp folded_before = question_->place.after.empty() ? Timestamp{} : from.horizon;
  const auto snapshot = core_.store.snapshot();
  const CellKey own = member_cell(core_.self.node);
  const RowWalk walk = walk_rows(*snapshot, mend_, range_to(body.next), [&](const StoreKey& key, const Row& row) {
    if (row.cell == own) return true;
    Content these = not_theirs(key, row, theirs, folded_before);
    // SUBTLE: memory has of the table what the disk has no more, and would write it again.  So the table is changed at the end.
    if (body.shard == kSystemShard) take_out_later(key, std::move(these));
    else take_out(key, std::move(these));
    return true;
  });
  for (const auto& [key, cell] : theirs) {
    if (!walk.whole && key > walk.next) break;
    if (body.shard == kSystemShard) question_->table_rows.push_back(*cell);
    else core_.out->store.merge(body.shard, cell->key, cell->content);
  }
  move_to(walk.next);
}

// What it knew of lives and members is in its memory, which is made of the disk: so it begins a new life.
void Rebase::become_a_copy() {
  take_out_waiting(kSystemShard);
  StoreBatch& batch = core_.out->store;
  for (const Cell& cell : question_->table_rows) batch.merge(kSystemShard, cell.key, cell.content);
  const auto snapshot = core_.store.snapshot();
  for (const ShardId shard : snapshot->shards()) {
    batch.forget_cursors(shard);
    for (const auto& [origin, at] : snapshot->held(shard)) batch.forget_clock(origin);
  }
  for (const auto& [shard, clock] : question_->clocks) {
    for (const auto& [origin, at] : clock) {
      const Timestamp both = std::min(at, core_.clocks.held(shard, origin));
      if (both) batch.hold(shard, origin, both);
    }
  }
  // What it had forgotten it has again, if they have.
  batch.set_meta(meta::kHorizon, meta::encode_number(std::min(core_.horizon, question_->as_of.horizon).value));
  batch.set_meta(meta::kFloor, meta::encode_number(std::min(question_->first_floor, core_.floor_held()).value));
  core_.count("became_a_copy");
  core_.note(Output::Note::Level::kWarning, "this observer had been told what no replica holds; it is a copy of " + core_.name_of(question_->peer) + " now, and goes on from there: " +
                                                std::to_string(question_->dropped) + (question_->dropped == 1 ? " row" : " rows") + " held what is given up");
  question_.reset();
  core_.begins_anew = true;
}

}  // namespace kith
