// tools/kith/evict_command.h -- puts members out of the cluster that are gone: by the vote of the others, or by an operator's word.
//
// Both say first what is given up, and do nothing without --yes.
#pragma once

#include "tools/kith/command.h"

namespace kith::tools {

ExitCode run_evict(Context& context, const CommandLine& line);
// The members named, or all that nobody hears of, though less than half are left.  Without names, where no member in good standing is
// left: the asked node goes on with what it has.
ExitCode run_recover(Context& context, const CommandLine& line);

}  // namespace kith::tools
