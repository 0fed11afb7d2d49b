// tools/kith/drain_command.h -- has a node leave the cluster for good, or, on its way out, stay (gossip/leave.h).
//
// It is said to the node itself, wherever it is, and watched there and at another member until the others have gone on without it.
#pragma once

#include "tools/kith/command.h"

namespace kith::tools {

ExitCode run_drain(Context& context, const CommandLine& line);

}  // namespace kith::tools
