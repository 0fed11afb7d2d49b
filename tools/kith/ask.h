// tools/kith/ask.h -- one question to a node, one page after the other, one write with its retry.
//
// What the node refuses becomes a CommandError with the exit code that fits.  kNotFound is an answer, not an error.
#pragma once

#include <functional>

#include "tools/kith/command.h"

namespace kith::tools {

// A request for `line`'s table.
Request request_of(const CommandLine& line, ClientOp op);

// A node that may show what is long gone is told of on standard error: once in a command, and in a shell once for as long as
// it is so.
ClientReply ask(Context& context, const Settings& settings, const Request& request);
ClientReply ask_at(Context& context, const std::string& address, const Settings& settings, const Request& request);

// Asks for page after page, and holds one at a time.
void each_page(Context& context, const std::string& address, const Settings& settings, Request request,
               const std::function<void(const ClientReply&)>& on_page);

// Throws when `reply` says that nothing was done.
void check_answered(const ClientReply& reply);

// Sends a write under `line`'s tag or one minted now; when no answer comes, once more under the same tag: a retry is
// harmless (DESIGN.md, section 4).  After a second silence throws CommandError(kTimeout), which names the command that
// retries it, to be pasted.  A refusal is returned, not thrown.
ClientReply ask_write(Context& context, const CommandLine& line, Request request);

// That command.
std::string retry_command(const CommandLine& line, const Tag& tag);

std::chrono::milliseconds timeout_of(const Settings& settings);

}  // namespace kith::tools
