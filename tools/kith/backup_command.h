// tools/kith/backup_command.h -- asks a running node for a copy of its store.
#pragma once

#include "tools/kith/command.h"

namespace kith::tools {

// However long it takes, as long as the node answers other questions meanwhile: --timeout is for its silence.
ExitCode run_backup(Context& context, const CommandLine& line);

}  // namespace kith::tools
