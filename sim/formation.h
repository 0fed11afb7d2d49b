// sim/formation.h -- a cluster as it stands: formed some time ago, all members known to all, in sync.
//
// Joining a thousand nodes one after the other is a history of its own; most histories begin after it.  What is put on
// the disks is what a former life of each node would have left there.
#pragma once

#include <memory>
#include <vector>

#include "sim/machine.h"

namespace kith::sim {

// Fills the disks of these machines.  Ghosts of the member table only when `with_ghosts`.
void form_cluster(const std::vector<Machine*>& machines, const Scenario& scenario, std::uint64_t seed, bool with_ghosts);

}  // namespace kith::sim
