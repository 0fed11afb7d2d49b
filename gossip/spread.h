// gossip/spread.h -- who sends a push to whom when there are too many members to send to all.
//
//              the writer's column
//                   v
//     row 0     o   R - o - o       Members in order of node id, in rows of ceil(sqrt(N)); the last row may be short.
//                   |               W, who wrote, sends to its own row, and to one relay R in every other row: the
//     row 1     o - W - o - o       member of its own column, or of a short row the last.  A relay sends it on to its
//                   |               row (gossip/relay.h).
//     row 2     o - R - o
//
// Invariants, where all see the same members:
//   I1. Everybody but the writer is reached exactly once, over two hops at most.
//   I2. The writer sends fewer than rows + columns messages, a relay fewer than columns.
// A relay that is believed to be away is passed over for the next one of its row.  Nothing depends on that belief being
// right, nor on members being seen alike: a push that does not arrive is a gap, which a pull fills.
// Pure: a function of the members and of what is known of them.  Tests: tests/gossip/spread_test.cc
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "crdt/ids.h"

namespace kith {

// Places, 0 to members - 1, in rows.  REQUIRES: members > 0.
class Grid {
 public:
  explicit Grid(std::size_t members);

  std::size_t columns() const { return columns_; }
  std::size_t rows() const { return (members_ + columns_ - 1) / columns_; }
  std::size_t row_of(std::size_t place) const { return place / columns_; }
  std::size_t first_of(std::size_t row) const { return row * columns_; }
  std::size_t size_of(std::size_t row) const;

  // The place in `row` of the column of `place`, or the last of the row when the row ends before that.
  std::size_t beside(std::size_t place, std::size_t row) const;

 private:
  std::size_t members_;
  std::size_t columns_;
};

// What is known of a member that could be a relay.
enum class RelayStanding {
  kHeard,       // Lately.
  kNew,         // Never in this life, and nothing was asked yet.
  kSilent,      // Not lately; perhaps it had nothing to say.
  kUnanswered,  // Asked for a sign of life long enough ago, and gave none.
  kStopping,    // Said that it goes down.
};

struct Neighbours {
  std::vector<NodeId> row;     // Of the own row, without oneself.
  std::vector<NodeId> relays;  // One for each other row.
};

// The relay of a row: the member of the own column when it was heard of or is new; else the next in the row, around its
// end, that was heard of lately; else the next that has left nothing unanswered; else the member of the own column.
// REQUIRES: `members` is sorted, without repeats, and has `self`.  Cost: O(rows + columns) when relays are well.
Neighbours neighbours_of(const std::vector<NodeId>& members, NodeId self,
                         const std::function<RelayStanding(NodeId)>& standing);

// Only Neighbours::row.
std::vector<NodeId> row_of(const std::vector<NodeId>& members, NodeId self);

}  // namespace kith
