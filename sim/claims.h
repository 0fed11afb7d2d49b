// sim/claims.h -- what clocks claim, against what is there: "I hold everything this origin committed here up to then".
//
// Every loss in replication is a clock that claims too much: what it covers is never sent to its node again.  At the
// end it shows as replicas that differ, unless something else hid it: a later write to the cell, or the audit, which
// compares rows and repairs them.  So it is looked for where it begins, with every clock that rises.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "crdt/content.h"
#include "sim/ghost.h"
#include "store/store_batch.h"

namespace kith::sim {

class Claims {
 public:
  // Every entry of `delta`, under the commit of its origin.
  void committed(ShardId shard, const StoreKey& cell, const Content& delta);

  // A life begins: all that its disk claims is looked at again.
  void forget(std::uint32_t machine) { looked_at_.erase(machine); }

  using Held = std::map<std::pair<ShardId, OriginId>, Timestamp>;
  struct Entry {
    Timestamp commit;
    StoreKey cell;
    enum class Role : std::uint8_t { kAdd, kRemoval, kRegister } role;
    ActorId actor;
    Timestamp at;
    bool held_by(const GhostCell& cell) const;   // Or overtaken there.
    std::optional<Commit> commit_in(const GhostCell& cell) const;  // Under which this very one is known there.
    // Of an add that was removed, a value that was overtaken, a deletion: under which commit the cell says so.
    std::optional<Timestamp> ended_in(const GhostCell& cell) const;
    friend auto operator<=>(const Entry&, const Entry&) = default;
  };
  // Entries that `held` claims and `ghost` has not; looks at each only once in a life.  Cost: what the clocks rose by.
  std::vector<std::pair<OriginId, Entry>> unheld(std::uint32_t machine, const Held& held, const Ghost& ghost);

 private:
  std::map<std::pair<ShardId, OriginId>, std::set<Entry>> committed_;
  std::map<std::uint32_t, Held> looked_at_;
};

}  // namespace kith::sim
