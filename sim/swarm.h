// sim/swarm.h -- a scenario drawn from a seed: which faults it has, how strong and when.
//
// Swarm testing (Groce et al., "Swarm Testing", ISSTA 2012): a history with a few faults, strongly, finds what a history
// with a little of everything hides.  So each fault is in about half of the histories, at a strength of its own.
// The engine's parameters are drawn too: chunks of one row, tiny buffers, immediate timeouts, a grid of three.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/scenario.h"

namespace kith::sim {

// `faults`: of how many in a hundred each kind of fault is in a history.
Scenario draw_scenario(std::uint64_t seed, std::uint32_t faults_percent = 50);

// Adds, drawn apart: some nodes are told to leave the cluster, for good or for now, together, one after the other, in the middle of a cut;
// some change their minds.  Nobody leaves where nothing is collected, so it is.
void add_drains(Scenario& scenario);

// Some nodes are observers: one or two, but never so many that fewer than two replicas are left; and perhaps some that join.  Drawn apart, too.
void add_observers(Scenario& scenario);

// Five nodes and exactly half of all faults, drawn: what "half of the faults on" is measured with.
Scenario draw_typical_scenario(std::uint64_t seed);

}  // namespace kith::sim
