// gossip/roster_of.h -- the roster as this node knows it.
#pragma once

#include "gossip/core.h"
#include "gossip/roster.h"

namespace kith {

// Whether a member is believed to be there.  The one place that says so: it was heard of lately, and did not say that it stops.
bool living(const Core& core, NodeId node, Instant now);

Roster roster_of(const Core& core, Instant now);

}  // namespace kith
