// gossip/ended_lives.h -- of lives that are over: what of them was seen.
//
// Ordinary replicated data: one hash, `ended` in the system table, a field per life, written together with the word that it is
// closed (gossip/lives.h), by whoever closes it: a node that has got in step with all others, and so holds all that survives.
// Of a life that floors had passed before anybody heard of it, by whoever hears of it (gossip/core.h): nothing of it was seen.
//
//     field  := node id, origin                 in hex, 32 characters, as in gossip/life_table.h
//     value  := {0: up to, 1: (shard:u16 at:u64)*?, 2: (shard:u16 at:u64)*?, 3: (shard:u16 at:u64)*?,
//                4: (shard:u16 origin:u64 at:u64)*?}                                     msgpack; 1 to 4 in a bin each
//
// Seen is what was committed at or below `up to`, in its shard at or below that of 1, or exactly as 2 lists: from behind gaps
// that nobody fills any more.  What else the life committed only its own disk can hold, or a copy of it: of two processes under
// one id the one that nobody listened to, of a node that was evicted what it took in alone.
// RULE. What was not seen is merged by nobody: floors are past it, and a horizon may be.  The node does it again
// (gossip/redo.h), and writes down in 3 up to where it did, so that another copy of its disk does not.  SUBTLE: by shard; a disk that went
// back may have been told by others of some shards, and then does only those again.  4 says under which commit at the latest: who holds
// less of that life than that may have the only copy there is, since what was done again can be lost with its disks, where the word of it is not.
// An operation counts by this record long after its life is retired, since a disk may come back any time: it is kept for
// kKeptWindows retry windows, and the last kKeptPerNode of a node for longer.  A normal restart has nothing in 1 and 2, and takes 60 bytes.
// Tests: tests/gossip/ended_lives_test.cc
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "crdt/cell_key.h"
#include "crdt/content.h"
#include "crdt/ids.h"
#include "crdt/tag.h"

namespace kith {

struct EndedLife {
  using Places = std::vector<std::pair<ShardId, Timestamp>>;  // Sorted.

  static constexpr std::int64_t kKeptWindows = 1000;  // A week, where the window is ten minutes.
  static constexpr std::size_t kKeptPerNode = 64;
  static constexpr std::size_t kPlacesMax = 64 * 1024;

  Timestamp up_to;      // In every shard; above zero.
  Places held = {};     // In shards where it is more.
  Places beyond = {};   // Exactly these.
  struct Again {
    ShardId shard = 0;
    OriginId origin;
    Timestamp at;
    friend bool operator==(const Again&, const Again&) = default;
  };

  Places redone = {};   // What was not seen was done again up to here.
  std::vector<Again> redone_as = {};  // By this life, up to there in its own time.  Sorted by shard.
  bool seen(ShardId shard, Timestamp at) const;
  Timestamp seen_up_to(ShardId shard) const;  // Without gaps.
  bool was_redone(ShardId shard, Timestamp at) const;
  const Again* redone_as_in(ShardId shard) const;  // Null: nobody says.
  void say_redone(ShardId shard, Timestamp up_to_here, OriginId by, Timestamp as);
  static void raise(Places& places, ShardId shard, Timestamp at);
  friend bool operator==(const EndedLife&, const EndedLife&) = default;
};

std::string encode(const EndedLife& record);
std::optional<EndedLife> decode_ended_life(std::string_view bytes);  // Nothing when malformed.

CellKey ended_cell(NodeId node, OriginId origin);
std::optional<std::pair<NodeId, OriginId>> life_of_ended_cell(const CellKey& cell);

class EndedLives {
 public:
  struct Entry {
    NodeId node;
    EndedLife record;
  };

  // Joins a field in.  Returns whether what is known of its life changed.  REQUIRES: life_of_ended_cell(cell).
  bool merge(const CellKey& cell, const Content& delta);

  // The field is no more, without a deletion that would say so (gossip/rebase.h).
  void drop(const CellKey& cell);

  // What the field says counts for nothing until it is taken back, or something newer is said.
  void set_aside(const CellKey& cell, const Content& content);
  std::vector<std::pair<CellKey, Content>> take_back();

  const Entry* find(OriginId origin) const;
  // Nobody in good standing has seen what was committed so.  False of a life that is not known to be over.
  bool unseen(ShardId shard, const Commit& commit) const;
  const Content* content(NodeId node, OriginId origin) const;  // Of its field; null: there is none.
  const std::map<std::pair<NodeId, OriginId>, Content>& cells() const { return cells_; }  // Of those that are there.

  bool empty() const { return entries_.empty(); }
  const std::unordered_map<OriginId, Entry>& entries() const { return entries_; }

 private:
  std::unordered_map<OriginId, Entry> entries_;
  std::map<std::pair<NodeId, OriginId>, Content> cells_;
  std::map<std::pair<NodeId, OriginId>, Content> aside_;
};

}  // namespace kith
