// node/http/picture.h -- the cluster as one node saw it at one moment: what each member last said, and when.
//
// A plain value; watchers publish one after the other, readers share them.  Nothing in it is younger than it says: a member
// that does not answer keeps what it said last, with the age of that, and an error.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "node/http/removal_count.h"
#include "node/view/cluster_view.h"
#include "node/view/lacking.h"

namespace kith {

using SteadyTime = std::chrono::steady_clock::time_point;

// Of what one node holds, how many cells another one lacks (node/missing.h).
struct Lacking : LackCount {
  SteadyTime asked_at;
};

struct SeenNode {
  std::string name;
  std::string address;                    // Of its clients.
  std::optional<NodeStatus> status;       // The last that came; none: it never answered.
  SteadyTime told_at;                     // When.
  std::string error;                      // Why the last question was not answered; empty: it was.
  std::vector<std::string> shards;        // Roots; empty while all roots are equal.
  std::map<std::string, Lacking> lacked;  // By name of who lacks it.
  // How late it is: since it was last seen to lack nothing, or by the newest that it holds, whichever is less; -1: it does not
  // answer.  SUBTLE: either alone misleads; while writes never pause something is always on its way, and after a long pause the
  // newest that it holds is old.
  std::int64_t lag_ms = -1;

  bool answers() const { return error.empty() && status.has_value(); }
};

struct Picture {
  std::uint64_t number = 0;     // Rises with each.
  std::string self;
  SteadyTime taken_at;
  std::int64_t taken_wall_ms = 0;
  std::int64_t interval_ms = 0;  // Until the next one, as things are.
  std::vector<SeenNode> nodes;   // By name; without those that are evicted.
  RemovalCount::Reading removals;  // Of this node.
  Verdict verdict;
  std::int64_t verdict_since_wall_ms = 0;  // Since this is what is agreed on, or not.

  const SeenNode* find(const std::string& name) const;
  const SeenNode* own() const { return find(self); }

  // For node/view: of those who answer now the status, of the others the error.
  ClusterView view() const;
};

}  // namespace kith
