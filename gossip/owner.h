// gossip/owner.h -- whose store this is, read without an engine; and what of it is its node's alone.
//
// Of the names in the store's meta, `node_id`, `node_name` and `origin` say who the node is: two nodes must never have
// them in common.  `cluster_id`, `cluster_name`, `shard_count`, `retry_window` and `replicas` say where the rows belong, and a copy keeps them, as
// it keeps rows, feed, marks and clocks: a clock says what the store holds, and that is true of a copy too. Cursors say
// how far this node has read the feeds of its peers, and are left out. `lease`, the bound of the timestamps that the
// node may have issued, stays, raised to the newest commit that is held: who begins a life with a copy writes later
// than all that is in it, whatever its clock shows. Tests: tests/gossip/owner_test.cc
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "crdt/ids.h"
#include "crdt/timestamp.h"
#include "gossip/replication.h"
#include "store/store.h"

namespace kith {

struct Owner {
  NodeId node;               // None: a backup, or a node that has never started.
  std::string node_name;
  ClusterId cluster;         // None until the node has joined.
  std::string cluster_name;
  std::uint32_t shard_count = 0;
  std::int64_t retry_window_ms = 0;  // Zero: from before it was kept.
  ReplicationFactor replication;
};

// Throws StoreError (kCorrupt) when a record of it is damaged.
Owner owner_of(const Snapshot& snapshot);

// Names in the member table, sorted.  Members whose record is damaged are left out.
std::vector<std::string> member_names(const Snapshot& snapshot);

Timestamp newest_held(const Snapshot& snapshot);  // Over all shards and origins; zero when nothing is held.

// The batch that takes the node out of a copy of its store.
StoreBatch without_owner(const Snapshot& snapshot);

}  // namespace kith
