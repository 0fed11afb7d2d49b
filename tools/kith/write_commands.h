// tools/kith/write_commands.h -- set del sadd srem hset hdel incr decr.
#pragma once

#include "tools/kith/command.h"

namespace kith::tools {

ExitCode run_set(Context& context, const CommandLine& line);
ExitCode run_del(Context& context, const CommandLine& line);
ExitCode run_sadd(Context& context, const CommandLine& line);
ExitCode run_srem(Context& context, const CommandLine& line);
ExitCode run_hset(Context& context, const CommandLine& line);
ExitCode run_hdel(Context& context, const CommandLine& line);
ExitCode run_expire(Context& context, const CommandLine& line);
ExitCode run_persist(Context& context, const CommandLine& line);
ExitCode run_incr(Context& context, const CommandLine& line);
ExitCode run_decr(Context& context, const CommandLine& line);

}  // namespace kith::tools
