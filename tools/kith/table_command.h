// tools/kith/table_command.h -- the rules of tables: gossip/tables.h.
//
// There is no command that drops a table: its keys would stay, at some nodes or all, and follow no rules any more.
#pragma once

#include "tools/kith/command.h"

namespace kith::tools {

ExitCode run_table(Context& context, const CommandLine& line);

}  // namespace kith::tools
