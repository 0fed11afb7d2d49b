// gossip/life_table.h -- the lives of all nodes that still matter: open, closed, and no more when they are retired.
//
// Ordinary replicated data: one hash, `lives` in the system table, a field per life.  This is the engine's reading of it,
// kept in step with what is merged.
//
//     field  := node id, origin                 in hex, 32 characters
//     value  := {0: start, 1: final?}           msgpack; final: closed, the origin commits nothing above it
//
// A life is written by its own node when it begins; closed by its own node in a later life (gossip/lives.h); retired by
// deleting the field.  Being a field each, the lives of a node add up whoever knew which of them: a node on an old disk,
// that has forgotten some, cannot take them out of the table.
//
// Invariant: version() is a function of the fields that are there, so that tables that say the same have equal versions,
// whether a deleted field is remembered as deleted or was collected.
// Tests: tests/gossip/life_table_test.cc
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crdt/cell_key.h"
#include "crdt/content.h"
#include "crdt/ids.h"
#include "crdt/timestamp.h"

namespace kith {

struct LifeRecord {
  Timestamp start;
  Timestamp final = {};  // Zero: open.
  bool closed() const { return static_cast<bool>(final); }
  friend bool operator==(const LifeRecord&, const LifeRecord&) = default;
};

std::string encode(const LifeRecord& record);
std::optional<LifeRecord> decode_life_record(std::string_view bytes);  // Nothing when malformed.

CellKey life_cell(NodeId node, OriginId origin);
std::optional<std::pair<NodeId, OriginId>> life_of_cell(const CellKey& cell);

class LifeTable {
 public:
  struct Entry {
    NodeId node;
    LifeRecord record;
    friend bool operator==(const Entry&, const Entry&) = default;
  };
  enum class Change : std::uint8_t { kNone, kOpened, kClosed, kRetired };

  // Joins a field in.  REQUIRES: life_of_cell(cell).
  Change merge(const CellKey& cell, const Content& delta);
  // The field was deleted after this was written.  SUBTLE: on disk the deletion may have been collected since, and would not
  // stand against it.
  bool knows_better(const CellKey& cell, const Content& delta) const;
  // The field is no more, without a deletion that would say so (gossip/rebase.h).  REQUIRES: life_of_cell(cell).
  void drop(const CellKey& cell);

  const Entry* find(OriginId origin) const;
  const std::map<OriginId, Entry>& entries() const { return entries_; }  // Of the fields that are there.
  std::vector<OriginId> lives_of(NodeId node) const;
  std::size_t count_of(NodeId node) const { return lives_of(node).size(); }

  std::uint64_t version() const { return version_; }
  const std::map<std::pair<NodeId, OriginId>, Content>& cells() const { return cells_; }  // Deleted ones as well.

 private:
  std::optional<Entry> say_of(OriginId origin) const;

  std::map<OriginId, Entry> entries_;
  std::map<std::pair<NodeId, OriginId>, Content> cells_;
  std::map<OriginId, std::set<NodeId>> named_by_;  // Whose fields name it: one, nearly always.
  std::uint64_t version_ = 0;
};

}  // namespace kith
