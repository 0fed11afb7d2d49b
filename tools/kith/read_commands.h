// tools/kith/read_commands.h -- get smembers sismember scard hget hgetall count keys.
//
// What may be large is printed page by page: memory does not grow with the answer.
#pragma once

#include "tools/kith/command.h"

namespace kith::tools {

ExitCode run_get(Context& context, const CommandLine& line);
ExitCode run_smembers(Context& context, const CommandLine& line);
ExitCode run_sismember(Context& context, const CommandLine& line);
ExitCode run_scard(Context& context, const CommandLine& line);
ExitCode run_hget(Context& context, const CommandLine& line);
ExitCode run_hgetall(Context& context, const CommandLine& line);
ExitCode run_ttl(Context& context, const CommandLine& line);
ExitCode run_count(Context& context, const CommandLine& line);
ExitCode run_keys(Context& context, const CommandLine& line);

}  // namespace kith::tools
