// tools/sim/commands.h -- what each command of kith-sim does.  Each returns the exit code; throws ToolError.
#pragma once

#include "tools/sim/options.h"

namespace kith::sim::tool {

int run_command(const CommandLine& line);
int sweep_command(const CommandLine& line);
int shrink_command(const CommandLine& line);
int bench_command(const CommandLine& line);
int hash_command(const CommandLine& line);

}  // namespace kith::sim::tool
