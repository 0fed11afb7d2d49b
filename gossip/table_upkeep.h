// gossip/table_upkeep.h -- the member table where rows rot: memory, disk and clocks are held against each other.
//
// RULE. A life whose row was lost for good (it rotted everywhere, or went down with a disk) is in clocks and in no table.  Whoever
// has it there writes the row: as a former life of its own; or, while it is the last of a member, in the member's name.
// Clocks could not become equal otherwise.
// Tests: tests/gossip/lives_test.cc, tests/gossip/mend_test.cc
#pragma once

#include <cstdint>
#include <set>

#include "gossip/core.h"
#include "gossip/lives.h"

namespace kith {

class TableUpkeep {
 public:
  static constexpr std::uint64_t kRoundsBetweenLooks = 16;
  static constexpr std::uint64_t kRowsPerRound = 64;  // Of a table with more than 1,024 rows: looked at that much less often.

  TableUpkeep(Core& core, Lives& lives) : core_(core), lives_(lives) {}

  // Once a round.  `table_damaged`: some row of it waits to be mended.
  void tick(bool table_damaged);

 private:
  bool time_to_look();
  void compare_with_disk();
  void register_lost();

  Core& core_;
  Lives& lives_;
  std::uint64_t rounds_since_ = 0;
  std::set<OriginId> on_their_way_;  // Last lives that had no row when last looked at.
};

}  // namespace kith
