#include "sim/formation.h"

#include "crdt/check.h"
#include "gossip/core.h"
#include "gossip/member_table.h"

namespace kith::sim {
namespace {

constexpr std::int64_t kFormedMsAgo = 24 * 60 * 60 * 1000;
constexpr const char* kClusterName = "simulated";

std::uint64_t drawn(std::uint64_t seed, std::uint64_t what, std::uint64_t which) { return scatter(seed, what, which) | 1; }

}  // namespace

void form_cluster(const std::vector<Machine*>& machines, const Scenario& scenario, std::uint64_t seed, bool with_ghosts) {
  MemoryStore formed(scenario.disks.bytes_max);
  StoreBatch batch;
  Ghost ghost;
  Timestamp newest;
  batch.set_meta(meta::kClusterId, meta::encode_number(drawn(seed, 0xc1, 0)));
  batch.set_meta(meta::kClusterName, kClusterName);
  batch.set_meta(meta::kShardCount, meta::encode_number(scenario.shard_count));
  for (std::size_t i = 0; i < machines.size(); ++i) {
    const OriginId origin{drawn(seed, 0x0f, i)};
    const auto start = Timestamp::at_ms(kEpochUs / 1000 - kFormedMsAgo + static_cast<std::int64_t>(i));
    const Commit commit{Timestamp{start.value + 1}, origin};
    MemberRecord record{machines[i]->name, machines[i]->name + ":1", machines[i]->address(), {{origin, start}}};
    if (machines[i]->disk.observer) record.role = Role::kObserver;
    const CellKey cell = member_cell(NodeId{drawn(seed, 0x4d, i)});
    Register content;
    KITH_CHECK(!content.set(encode(record), {commit.at, actor_of(origin)}, commit).empty(), "a first write writes");
    batch.merge(kSystemShard, cell, Content(content));
    if (with_ghosts) ghost[store_key(kSystemShard, cell)].join(Content(content));
    newest = commit.at;
    if (machines[i]->disk.observer) continue;  // Nothing of it is in a clock.
    const CellKey life_field = life_cell(NodeId{drawn(seed, 0x4d, i)}, origin);
    const Commit opened{Timestamp{start.value + 2}, origin};
    Register life;
    KITH_CHECK(!life.set(encode(LifeRecord{start}), {opened.at, actor_of(origin)}, opened).empty(), "a first write writes");
    batch.merge(kSystemShard, life_field, Content(life));
    batch.hold(kSystemShard, origin, opened.at);
    if (with_ghosts) ghost[store_key(kSystemShard, life_field)].join(Content(life));
    newest = opened.at;
  }
  formed.commit(batch);
  for (std::size_t i = 0; i < machines.size(); ++i) {
    Disk& disk = machines[i]->disk;
    disk.store = formed.clone();
    disk.ghost = ghost;
    disk.founded = true;
    disk.last_commit = newest;
    StoreBatch own;
    own.set_meta(meta::kNodeId, meta::encode_number(drawn(seed, 0x4d, i)));
    if (disk.observer) own.set_meta(meta::kRole, meta::encode_number(static_cast<std::uint64_t>(Role::kObserver)));
    own.set_meta(meta::kIntroduced, "1");
    own.set_meta(meta::kWhole, "1");
    own.set_meta(meta::kNodeName, machines[i]->name);
    own.set_meta(meta::kOrigin, meta::encode_number(drawn(seed, 0x0f, i)));
    own.set_meta(meta::kLease, meta::encode_number(newest.value));
    disk.store->commit(own);
  }
}

}  // namespace kith::sim
