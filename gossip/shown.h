// gossip/shown.h -- what shows in rows, thing by thing, each as a salted hash: what gossip/rebase puts into its sketches.
//
//     of a set's element    each live add: name, actor, timestamp
//     of a register, field  the value: name, tag
//     of a counter          all its cells together: name, sum of their fingerprints
//
// Two nodes that show the same in a range of rows have the same hashes in it, whatever of it is removed, collected, folded
// or committed twice: they are finer than the fingerprints of store/store.h, and of the same things.
// SUBTLE: commits are not in it: a tag that was committed twice is one write.  Values neither: the greater tag wins whatever
// its value is, and of one tag two values are for an audit.
// A counter's cells lie together, its base first.  Where a range ends among them, the part of each side is a thing by itself,
// and those differ where the counter is folded differently far: that costs a question, no more.
// Tests: tests/gossip/shown_test.cc
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "crdt/ids.h"
#include "store/row.h"

namespace kith {

struct ShownThing {
  std::uint64_t hash = 0;
  ActorId actor = {};        // Of an add.
};

class Shown {
 public:
  using Visit = std::function<void(const CellKey& cell, const ShownThing& thing)>;  // Of a counter the cell is the base's.

  Shown(std::uint64_t salt, Visit visit) : salt_(salt), visit_(std::move(visit)) {}

  void row(const Row& row);  // REQUIRES: in order of store key.
  void end();                // Shows the last counter.  Call once.

 private:
  std::uint64_t hash(const CellKey& cell, std::uint64_t first, std::uint64_t second) const;

  std::uint64_t salt_;
  Visit visit_;
  std::optional<CellKey> counter_;  // At hand.
  std::uint64_t counter_sum_ = 0;
};

// Of a counter's name, to ask for it by.
std::uint64_t salted_name(std::uint64_t salt, const CellKey& cell);

}  // namespace kith
