// tools/kith/explain_command.h -- explain: what each node has stored of a key or an element, side by side and in words.
#pragma once

#include "tools/kith/command.h"

namespace kith::tools {

ExitCode run_explain(Context& context, const CommandLine& line);

}  // namespace kith::tools
