#include "gossip/table_upkeep.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace kith {

void TableUpkeep::tick(bool table_damaged) {
  if (!core_.joined() || core_.superseded || core_.strayed || !time_to_look() || table_damaged) return;
  compare_with_disk();
  register_lost();
}

bool TableUpkeep::time_to_look() {
  const std::uint64_t rows = core_.members.cells().size() + core_.members.lives().cells().size();
  if (++rounds_since_ < std::max(kRoundsBetweenLooks, rows / kRowsPerRound)) return false;
  rounds_since_ = 0;
  return true;
}

// Rows of the table rot, and what peers give back may be less than what is in memory, or more.  Nobody would see it:
// memory says how tables compare, and the disk what is sent.
void TableUpkeep::compare_with_disk() {
  const auto snapshot = core_.store.snapshot();
  const auto write = [&](const CellKey& cell, const Content& content) {
    Row row;
    const auto found = snapshot->get(store_key(kSystemShard, cell), row);
    if (found == Snapshot::Lookup::kDamaged || core_.out->store.pending(cell) != nullptr) return;
    Content joined = found == Snapshot::Lookup::kFound ? row.content : Content(cell.kind);
    if (!joined.join(content)) return;
    core_.merge(kSystemShard, cell, content);
    core_.count("table_rows_written_again");
  };
  for (const auto& [node, content] : core_.members.cells()) write(member_cell(node), content);
  for (const auto& [life, content] : core_.members.lives().cells()) {
    if (content.present()) write(life_cell(life.first, life.second), content);
  }
  for (const auto& [node, content] : core_.members.evicted().cells()) write(evicted_cell(node), content);
  for (const auto& [life, content] : core_.ended.cells()) write(ended_cell(life.first, life.second), content);
  std::vector<Row> rows;
  snapshot->scan(shard_prefix(kSystemShard), {}, [&](const StoreKey&, const Row* row) {
    if (row != nullptr) rows.push_back(*row);
    return true;
  });
  const auto has = [](const Content* memory, const Content& disk) {
    if (memory == nullptr) return false;
    Content joined = *memory;
    return !joined.join(disk);
  };
  const auto in = [](const auto& cells, const auto& key) {
    const auto at = cells.find(key);
    return at == cells.end() ? nullptr : &at->second;
  };
  for (const Row& row : rows) {
    const auto life = life_of_cell(row.cell), over = life_of_ended_cell(row.cell);
    const auto node = node_of_member_cell(row.cell), out = node_of_evicted_cell(row.cell);
    const bool known = over   ? has(core_.ended.content(over->first, over->second), row.content) || !row.content.present()
                       : life ? has(in(core_.members.lives().cells(), *life), row.content)
                       : out  ? has(in(core_.members.evicted().cells(), *out), row.content)
                              : !node || has(in(core_.members.cells(), *node), row.content);
    if (!known) core_.merge(kSystemShard, row.cell, row.content);
  }
}

void TableUpkeep::register_lost() {
  const LifeTable& lives = core_.members.lives();
  if (core_.member(core_.self.node) == nullptr || core_.observer()) return;
  if (lives.find(core_.self.origin) == nullptr) lives_.write(core_.self.node, core_.self.origin, LifeRecord{core_.self.start});
  std::set<OriginId> lost = core_.clocks.origins();
  std::erase_if(lost, [&](OriginId origin) { return lives.find(origin) != nullptr || core_.retiring.contains(origin); });
  // The last life of a node is known from what it said, and its row is on its way.  It may also have gone down with the
  // node's disk.  What is written in its name is what itself had written.
  std::set<OriginId> on_their_way;
  for (const auto& [node, member] : core_.members.members()) {
    const auto& [origin, start] = member.life;
    if (lost.erase(origin) == 0) continue;
    const auto& listed = member.record.lives;
    if (std::any_of(listed.begin(), listed.end(), [&](const Life& life) { return life.origin == origin; })) continue;
    if (!on_their_way_.contains(origin)) {
      on_their_way.insert(origin);
      continue;
    }
    lives_.write(node, origin, LifeRecord{start});
    core_.count("lost_lives_registered");
  }
  on_their_way_ = std::move(on_their_way);
  for (const OriginId origin : lost) {
    lives_.write(core_.self.node, origin, LifeRecord{Timestamp{1}});
    core_.count("lost_lives_registered");
  }
}

}  // namespace kith
