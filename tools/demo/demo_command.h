// tools/demo/demo_command.h -- demo: a real cluster on this machine, its faults at one's fingertips.
//
// Ends all its processes when it ends, on Ctrl-C and when it is killed too; removes its directory unless --dir named
// it.
#pragma once

#include "tools/kith/command.h"

namespace kith::tools {

ExitCode run_demo(Context& context, const CommandLine& line);

}  // namespace kith::tools
