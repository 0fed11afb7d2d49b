// gossip/member_table.h -- who belongs to the cluster, and which life each of them is in.
//
// Ordinary replicated data: one hash, `members` in the system table, a field per node, whose value only that node
// writes.  This is the engine's reading of it, kept in step with what is merged.
//
//     record := {0: name, 1: client address, 2: peer address, 3: [[origin, start]], 4: returned?, 5: leaving?, 6: handed over?,
//                7: back since?, 8: role?}                                                                   msgpack
//
// Of the role (gossip/role.h) only an observer's is written.  SUBTLE: a number that is not known is a replica's: who may count does.
//
// Invariants:
//   I1. version() is a function of the replicated cells alone: equal tables have equal versions.
//   I2. Members are those that are not out: who was evicted is one again when its own record says that it knows.
//   I3. A node's current life is the one that started last, whether the record or a message told of it.
// Tests: tests/gossip/member_table_test.cc
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/cell_key.h"
#include "crdt/content.h"
#include "crdt/ids.h"
#include "crdt/timestamp.h"
#include "gossip/evicted_table.h"
#include "gossip/life_table.h"
#include "gossip/role.h"

namespace kith {

struct Life {
  OriginId origin;
  Timestamp start;
  friend bool operator==(const Life&, const Life&) = default;
  // Which of a node's is the later.  Those of a copied disk may begin at one timestamp: any order will do that all agree on.
  friend std::strong_ordering operator<=>(const Life& a, const Life& b) {
    const auto by_start = a.start <=> b.start;
    return by_start != 0 ? by_start : a.origin <=> b.origin;
  }
};

struct MemberRecord {
  std::string name;
  std::string client_address;
  std::string peer_address;
  std::vector<Life> lives;  // The last is the current one; all that still matter are in the table of lives.
  Timestamp returned = {};  // It knows that it was evicted then, and has begun anew; zero: never.
  Timestamp back_since = {};  // When the life began in which it knew: what began between that and the eviction nobody was to hear of.
  Timestamp leaving = {};   // Since then it takes no writes, and goes for good (gossip/leave.h); zero: it stays.
  bool handed_over = false; // All others hold what it has: they may go on without it.
  Role role = Role::kReplica;
  friend bool operator==(const MemberRecord&, const MemberRecord&) = default;
};

std::string encode(const MemberRecord& record);
std::optional<MemberRecord> decode_member_record(std::string_view bytes);  // Nothing when malformed or over a limit.

CellKey member_cell(NodeId node);
std::optional<NodeId> node_of_member_cell(const CellKey& cell);

class MemberTable {
 public:
  struct Member {
    MemberRecord record;
    Life life;  // The newest known: of the record, or of a message that came before it.
    bool out = false;  // Evicted, and not back.
    bool left() const { return out && record.handed_over; }  // It had asked for it.
  };

  // Joins a cell of the table in.  Returns the node when its record changed.
  std::optional<NodeId> merge(const CellKey& cell, const Content& delta);

  // A message told of this life.  True when it is newer than the one known.  REQUIRES: `node` is a member.
  bool learn_life(NodeId node, Life life);

  const Member* find(NodeId node) const;
  const Member* find_by_name(std::string_view name, NodeId* id = nullptr) const;  // Not of who is out.
  const std::map<NodeId, Member>& members() const { return members_; }
  const std::vector<NodeId>& ids() const { return ids_; }  // Of those that are not out, in order.
  const std::vector<NodeId>& replicas() const { return replicas_; }  // Of ids() those that count, in order.
  bool out(NodeId node) const;                             // False of who never was a member.
  bool observes(NodeId node) const;                        // False of who is not known: it counts.
  std::uint64_t generation() const { return generation_; } // Of ids(): another one each time they change.
  bool empty() const { return members_.empty(); }

  // A field of gossip/life_table.h.  REQUIRES: life_of_cell(cell).
  LifeTable::Change merge_life(const CellKey& cell, const Content& delta) { return lives_.merge(cell, delta); }
  void drop_life(const CellKey& cell) { lives_.drop(cell); }
  const LifeTable& lives() const { return lives_; }

  // A field of gossip/evicted_table.h; true when it changed.  REQUIRES: node_of_evicted_cell(cell).
  bool merge_evicted(const CellKey& cell, const Content& delta);
  const EvictedTable& evicted() const { return evicted_; }

  std::uint64_t version() const { return version_ + lives_.version() + evicted_.version(); }
  const std::map<NodeId, Content>& cells() const { return cells_; }  // The whole table, to send; see member_cell().

 private:
  void look_whether_out(NodeId node, Member& member);
  void place(NodeId node, const Member& member);

  std::map<NodeId, Member> members_;
  std::vector<NodeId> ids_, replicas_;
  std::map<NodeId, Content> cells_;  // Without their keys, which the node id makes: a thousand engines keep a thousand.
  LifeTable lives_;
  EvictedTable evicted_;
  std::uint64_t version_ = 0;
  std::uint64_t generation_ = 0;
};

}  // namespace kith
