// tests/soak/mayhem.h -- does to the nodes what the plan says, and puts it right again.
//
// RULES, without which the promises of docs/CLIENT.md would not hold, and a loss would prove nothing:
//   M1. No more disks go back at once than a quorum has beyond one; and none until those before hold again what all others had
//       committed by the time they came back (their floor says so).
//   M2. Who of the others held what by then is asked before the first disk goes (DiskReturn::others_held).
//   M3. Disks go back to copies of themselves (DiskCopies).
// Otherwise nothing is spared: two nodes may be down, a third cut off; now and then all are killed at once.  A fault that cannot happen at its
// moment is put off.  Belongs to one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/soak/disk_copies.h"
#include "tests/soak/fault_plan.h"
#include "tests/soak/figures.h"
#include "tests/soak/history.h"
#include "tests/soak/soak_cluster.h"

namespace kith::soak {

class Mayhem {
 public:
  Mayhem(SoakCluster& cluster, DiskCopies& copies, History& history, Figures& figures, std::int64_t retry_window_ms, std::vector<Fault> plan);

  // Does what is due.  Returns when to be called again, at most so far ahead.
  void tick(std::int64_t now_ms);
  bool over() const { return plan_.empty() && later_.empty(); }

  // Everything that stands still goes on, and everybody is there.  What was planned for later stays planned.
  void heal();

  // A node that ended without being told to is a finding.
  void look_for_the_dead();

 private:
  struct Node {
    bool up = true;
    bool stopped = false;
    std::int64_t up_since_ms = 0;
  };

  bool begin(const Fault& fault);              // False: not now.
  bool kill(const Fault& fault);
  bool stop(const Fault& fault);
  bool cut(const Fault& fault);
  bool send_back(const Fault& fault);
  void kill_one(std::size_t node);
  void start(std::size_t node);
  void go_on(std::size_t node);
  std::size_t away() const;
  bool disks_settled();
  Timestamp held_by_others(const std::set<std::size_t>& not_these) const;

  SoakCluster& cluster_;
  DiskCopies& copies_;
  History& history_;
  Figures& figures_;
  const std::int64_t retry_window_ms_;
  std::multimap<std::int64_t, Fault> plan_;                    // By when to try.
  std::multimap<std::int64_t, std::function<void()>> later_;   // What ends a fault.
  std::vector<Node> nodes_;
  std::map<std::size_t, Timestamp> unsettled_;                 // Disks that went back: the floor they have to reach.
  std::int64_t now_ms_ = 0;
  std::int64_t settled_look_ms_ = 0;
};

// What clocks of nodes and soak are read from.
std::int64_t wall_ms();

}  // namespace kith::soak
