// tools/kith/import_command.h -- import: JSON lines into the cluster, pipelined.
#pragma once

#include "tools/kith/command.h"

namespace kith::tools {

ExitCode run_import(Context& context, const CommandLine& line);

}  // namespace kith::tools
