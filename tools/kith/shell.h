// tools/kith/shell.h -- kith without a command: lines from a person at a terminal, or from a file or pipe.
//
// A person sees a prompt and goes on after an error.  From a pipe every line is run too; errors are reported with
// their line number, and the shell ends with the exit code of the first.
#pragma once

#include "tools/kith/command.h"
#include "tools/kith/line_runner.h"

namespace kith::tools {

ExitCode run_shell(Context& context, const CommandLine& line);

// The same with words of the caller's own, and a greeting; for `kith demo`.
ExitCode run_shell_with(Context& context, const Settings& settings, const LineExtension* extension,
                        const std::vector<std::string>& node_names);

}  // namespace kith::tools
