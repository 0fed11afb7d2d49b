// gossip/evicted_table.h -- who was put out of the cluster, and when (DESIGN.md, section 8; gossip/eviction.h).
//
// Ordinary replicated data: one hash, `evicted` in the system table, a field per node, written by whoever the members left over
// agreed with.  This is the engine's reading of it, kept in step with what is merged.
//
//     field  := node id                         in hex, 16 characters
//     value  := {0: at, 1: heard of}            msgpack; heard of: the start of the last life of it that anybody left over knew
//
// A node is out until its own record says that it knows of it (MemberRecord::returned), whatever lives it began meanwhile:
// what those took in has been missed by floors that rose without it.
// Invariant: version() is a function of the fields alone.
// Tests: tests/gossip/evicted_table_test.cc
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "crdt/cell_key.h"
#include "crdt/content.h"
#include "crdt/ids.h"
#include "crdt/timestamp.h"

namespace kith {

struct Evicted {
  Timestamp at;
  Timestamp heard_of;  // Lives that began later nobody has heard of; those that began earlier, and are in no table, are retired.
  friend bool operator==(const Evicted&, const Evicted&) = default;
};
std::string encode(const Evicted& record);
std::optional<Evicted> decode_evicted(std::string_view bytes);  // Nothing when malformed.

CellKey evicted_cell(NodeId node);
std::optional<NodeId> node_of_evicted_cell(const CellKey& cell);

class EvictedTable {
 public:
  // Joins a field in.  Returns whether it changed.  REQUIRES: node_of_evicted_cell(cell).
  bool merge(const CellKey& cell, const Content& delta);

  Evicted find(NodeId node) const;  // The last time; of zeroes: never.
  Timestamp at(NodeId node) const { return find(node).at; }
  std::uint64_t version() const { return version_; }
  const std::map<NodeId, Content>& cells() const { return cells_; }

 private:
  std::map<NodeId, Content> cells_;
  std::uint64_t version_ = 0;
};

}  // namespace kith
