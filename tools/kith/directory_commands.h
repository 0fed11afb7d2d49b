// tools/kith/directory_commands.h -- verify and stat: look at a directory on this machine, without a node.
//
// Exit codes of verify: 0 sound, 1 findings, 2 it could not be read.
#pragma once

#include "tools/kith/command.h"

namespace kith::tools {

ExitCode run_verify(Context& context, const CommandLine& line);
ExitCode run_stat(Context& context, const CommandLine& line);

}  // namespace kith::tools
