// tools/kith/cluster_commands.h -- status nodes wait.
#pragma once

#include "tools/kith/command.h"

namespace kith::tools {

ExitCode run_status(Context& context, const CommandLine& line);
ExitCode run_nodes(Context& context, const CommandLine& line);
ExitCode run_wait(Context& context, const CommandLine& line);

}  // namespace kith::tools
