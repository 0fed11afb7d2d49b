// tools/kith/diff_command.h -- diff: in which cells two nodes differ.
//
//     roots per shard -> sums per bucket of the shards that differ -> cells of the buckets that differ
//
// So two nodes that agree cost a few kilobytes, whatever they hold.  Memory: the cells of one shard's differing
// buckets.
#pragma once

#include "tools/kith/command.h"

namespace kith::tools {

ExitCode run_diff(Context& context, const CommandLine& line);

}  // namespace kith::tools
