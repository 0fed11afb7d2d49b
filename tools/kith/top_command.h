// tools/kith/top_command.h -- `kith top`: the cluster on one screen, again and again, until q.
//
// Where standard output is no terminal it shows the screen once, 100 columns wide, and ends.
#pragma once

#include "tools/kith/command.h"

namespace kith::tools {

ExitCode run_top(Context& context, const CommandLine& line);

}  // namespace kith::tools
