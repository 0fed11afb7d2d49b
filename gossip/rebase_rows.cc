// What an answer shows of rows: what the member has seen and holds no more is taken out (gossip/rebase.h).
#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include "gossip/rebase.h"
#include "gossip/shown.h"
#include "gossip/shown_sketch.h"
#include "gossip/sketch.h"

namespace kith {
namespace {

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

// SUBTLE: the member would hold a deletion that is below its floor, or nothing any more.  Who deleted this did so in a life that nobody heard
// of, while another process was the member's partner under its id.
bool retired_unheard_of(const Content& mine, const Content& theirs, Timestamp floor) {
  const Register& deleted = mine.as_register();
  return !deleted.present() && theirs.as_register().present() && theirs.as_register().tag() < deleted.tag() && deleted.commit().at <= floor;
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
      if (same != theirs.end()) {
        if (comparable && retired_unheard_of(row.content, same->second->content, from.floor)) {
          core_.members.drop_life(row.cell);
          take_out(key, row.content);
        }
        return true;
      }
      if (nobody_heard_of(from, life->first, life->second)) question_->unheard_here.insert(life->second);
      else if (is_over(from, life->first, life->second) && unheard_of_elsewhere(from, life->first, life->second)) question_->unheard_elsewhere.insert(*life);
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

}  // namespace kith
