// sim/shrink_prune.h -- what goes when something of a scenario was taken away, so that check() accepts the rest.
#pragma once

#include "sim/scenario.h"

namespace kith::sim {

// Takes away: names of nodes that are not there (any more, or yet) wherever they stand, groups and events that are
// empty without them, retries and claims about writes that are gone, events after the end.  Adds nothing.
// Cost: the timeline, times its names.
void prune(Scenario& scenario);

}  // namespace kith::sim
