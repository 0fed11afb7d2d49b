// Which lives are over, as far as the member's table tells, and which nobody has heard of (gossip/rebase.h).
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "gossip/rebase.h"

namespace kith {
namespace {

bool contains(const std::set<std::pair<NodeId, OriginId>>& lives, OriginId origin) {
  return std::any_of(lives.begin(), lives.end(), [&](const auto& life) { return life.second == origin; });
}

}  // namespace

bool Rebase::is_over(const Envelope& from, NodeId node, OriginId origin) const {
  // SUBTLE: no clock tells of a retired life.  Who is in good standing, and has a floor above the start of a life that is
  // not its node's last, or whose node is evicted, has heard of it, and so has heard that it was retired.
  const auto* known = core_.members.lives().find(origin);
  const auto* member = core_.member(node);
  if (known == nullptr || member == nullptr || (!member->out && member->life.origin == origin)) return false;
  return known->record.start <= from.floor || (began_unheard_of(node, origin) && (member->out || member->record.back_since));
}

// SUBTLE: the same of a life of this node that is not closed, and of which no record says that it is over (gossip/ended_lives.h): while
// it ran another process went on under this node's id, so floors are past its start, and nobody has heard of it.
bool Rebase::nobody_heard_of(const Envelope& from, NodeId node, OriginId origin) const {
  const auto* known = core_.members.lives().find(origin);
  if (node != core_.self.node || known == nullptr || known->record.closed() || !is_over(from, node, origin)) return false;
  return core_.kept_on_record(known->record.start, from.floor);
}

// The same of another node that is out, or was, in a life that began after the others had gone on without it.  SUBTLE: when that is back it does
// again what it did then, and says so when it is done.  Of a life after its return there is a record when it is retired.
bool Rebase::began_unheard_of(NodeId node, OriginId origin) const {
  const auto* known = core_.members.lives().find(origin);
  const Evicted evicted = core_.members.evicted().find(node);
  if (node == core_.self.node || known == nullptr || !evicted.at || known->record.start <= evicted.heard_of) return false;
  const auto* member = core_.member(node);  // Its own record says which began after its return: so all decide alike, wherever floors are.
  return member == nullptr || member->out || !member->record.back_since || known->record.start < member->record.back_since;
}

// Or one that is open here, and of which no record says that it is over: nobody left over knows it, as its node's disk went back, and what it
// did only this disk has, which they had gone on without.
bool Rebase::unheard_of_elsewhere(const Envelope& from, NodeId node, OriginId origin) const {
  if (node == core_.self.node) return false;
  if (began_unheard_of(node, origin)) return true;
  const auto* known = core_.members.lives().find(origin);
  return core_.returning && known != nullptr && !known->record.closed() && core_.kept_on_record(known->record.start, from.floor);
}

// SUBTLE: of what an evicted node went on to do another such may have heard, which was back first and told everybody: then it is a life like
// any other, with a place in clocks.
void Rebase::hear_of_after_all() {
  const auto heard_of = [&](OriginId origin) { return has_row_of(core_.self.node, origin); };
  std::set<OriginId> heard;
  std::erase_if(core_.unheard_of, [&](const auto& life) { return heard_of(life.first) && heard.insert(life.first).second; });
  if (heard.empty()) return;
  core_.write_unheard_of();
  // What they took in on this disk it holds, though it had forgotten that.
  for (const auto& [origin, own] : core_.own_lives) {
    if (!core_.unheard_of.contains(origin)) core_.clocks.promise(origin, own.up_to);
    if (!heard.contains(origin) || !core_.clocks.knows(origin)) continue;
    for (const ShardId shard : core_.store.snapshot()->shards()) {
      if (shard != kSystemShard) core_.hold(shard, origin, own.up_to);
    }
  }
}

// The member, of that life.
bool Rebase::has_row_of(NodeId node, OriginId origin) const {
  const bool same = question_->known_then.contains(origin) && !question_->place.buckets[bucket_of(life_cell(node, origin))];
  return same || question_->told_of.contains(origin);
}

bool Rebase::in_table(const Commit& commit) const {
  return commit.at <= question_->table_floor || covers(question_->table_clock, commit);
}

// Horizons may be past what such a life did, so under its commits none of it may enter history: it is over, and all is done again.
// And of one of which the member has not heard that it is closed it may have forgotten nothing.
void Rebase::judge_lives(const Envelope& from, const CommitClock& clock) {
  question_->table_clock = clock;
  question_->table_floor = from.floor;
  const auto over = [&](NodeId node, OriginId origin) {
    const auto& cells = core_.members.lives().cells();
    const auto at = cells.find({node, origin});
    if (at != cells.end()) question_->over.try_emplace(origin, Question::Over{life_cell(node, origin), at->second.as_register().commit()});
  };
  // SUBTLE: which life is a node's last may have come with the member's table, after the row of the one before was come upon.
  for (const auto& [life, content] : core_.members.lives().cells()) {
    const auto& [node, origin] = life;
    if (node == core_.self.node || !question_->unheard_of.contains(origin) || !is_over(from, node, origin)) continue;
    question_->unheard_of.erase(origin);
    if (unheard_of_elsewhere(from, node, origin)) question_->unheard_elsewhere.insert(life);
    else over(node, origin);
  }
  std::vector<OriginId> not_heard;
  for (const auto& [origin, it] : question_->over) {
    const auto* known = core_.members.lives().find(origin);
    if (known != nullptr && known->record.closed() && !in_table(it.written)) not_heard.push_back(origin);
  }
  for (const OriginId origin : not_heard) question_->over.erase(origin);
  close_lost(from);
  // SUBTLE: the word of a life that the member has not heard of (another process under one id) may be that what it holds was seen of
  // nobody.  Then we would take nothing of that, and it, as long as we are behind, not that word.  So that does not count until this is
  // done.  It stays on disk: our clock claims it.
  for (auto& [cell, content] : std::exchange(question_->records, {})) {
    if (!question_->unheard_of.contains(content.as_register().commit().origin)) continue;
    core_.ended.set_aside(cell, content);
  }
  const auto elsewhere = std::exchange(question_->unheard_elsewhere, {});
  for (const auto& [node, origin] : elsewhere) {
    const auto* known = core_.members.lives().find(origin);
    if (core_.observer()) {  // Which says nothing of lives: it has never heard of it.
      over(node, origin);
      continue;
    }
    if (core_.ended.find(origin) != nullptr || known == nullptr) {
      // SUBTLE: a record that the member has; one that was written here, in a question before, it has yet to hear of.
      const auto* record = core_.ended.content(node, origin);
      if (known == nullptr || record == nullptr || !core_.returning || !contains(elsewhere, record->as_register().commit().origin)) {
        // Of one that began while its node was a member the record is enough, whoever wrote it anew since.
        if (!began_unheard_of(node, origin) || (record != nullptr && in_table(record->as_register().commit()))) over(node, origin);
        continue;
      }
    }
    lives_.close(node, origin, known->record, EndedLife{known->record.start});
    core_.count("lives_nobody_heard_of");
  }
  for (const OriginId origin : std::exchange(question_->unheard_here, {})) {
    const auto* known = core_.members.lives().find(origin);
    if (core_.ended.find(origin) != nullptr || known == nullptr) {  // The member's table has the record.
      over(core_.self.node, origin);
      continue;
    }
    if (known->record.start > from.horizon && !core_.may_be_settled(known->record.start, from.floor)) {
      question_->unheard_of.insert(origin);
      continue;
    }
    lives_.close(core_.self.node, origin, known->record, EndedLife{known->record.start});
    core_.count("lives_nobody_heard_of");
  }
}

// SUBTLE: the word that it is closed may itself be of a life that only this disk knows, as disks went back twice: nobody left over has either.
void Rebase::close_lost(const Envelope& from) {
  if (!core_.returning) return;
  auto& lost = question_->unheard_elsewhere;
  for (bool more = true; more;) {
    more = false;
    for (const auto& [life, content] : core_.members.lives().cells()) {
      const auto& [node, origin] = life;
      const auto* known = core_.members.lives().find(origin);
      if (node == core_.self.node || known == nullptr || !known->record.closed() || contains(lost, origin)) continue;
      if (!contains(lost, content.as_register().commit().origin) || has_row_of(node, origin) || !core_.kept_on_record(known->record.start, from.floor)) continue;
      question_->over.erase(origin);
      more = lost.insert(life).second;
    }
  }
}

// In our clocks, but for those whose rows are on their way to the disk: they are not in its sums, so no walk comes upon them.  SUBTLE: one
// that rotted is, and what memory knows of it counts until it is mended.
std::set<OriginId> Rebase::lives_on_disk() const {
  std::set<OriginId> out = core_.clocks.known();
  const auto snapshot = core_.store.snapshot();
  Row row;
  for (const auto& [life, content] : core_.members.lives().cells()) {
    if (snapshot->get(store_key(kSystemShard, life_cell(life.first, life.second)), row) == Snapshot::Lookup::kMissing) out.erase(life.second);
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

// SUBTLE: who is behind as we are, on an older disk, may tell of a life that is over, when the member's table was gone through: it was written
// below the member's floor, and was not in that.
bool Rebase::told_of_since(NodeId node, OriginId origin, const Content& record) const {
  const auto* member = core_.member(node);
  if (node == core_.self.node || member == nullptr || (member->life.origin == origin && !member->out) || question_->known_then.contains(origin)) return false;
  return record.present() && record.as_register().commit().at <= question_->table_floor;
}

// SUBTLE: not before all is here.  Without them our floor would be above what we lack, and the member would not send it.
void Rebase::take_out_lives() {
  const auto snapshot = core_.store.snapshot();
  for (const auto& [life, content] : core_.members.lives().cells()) {
    const auto& [node, origin] = life;
    if (!told_of_since(node, origin, content)) continue;
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

}  // namespace kith
