#include "tools/kith/ask.h"

#include <algorithm>
#include <ostream>

#include "gossip/operation.h"
#include "gossip/tables.h"
#include "node/reads.h"
#include "node/view/text.h"

namespace kith::tools {
namespace {

// The node answers "stored" when the level was not reached in this time; that answer must reach us before we give up.
std::int64_t level_timeout_ms(std::int64_t timeout_ms) { return std::max<std::int64_t>(timeout_ms * 4 / 5, 1); }

}  // namespace

std::chrono::milliseconds timeout_of(const Settings& settings) {
  return std::chrono::milliseconds(settings.timeout_ms);
}

Request request_of(const CommandLine& line, ClientOp op) {
  Request request;
  request.op = op;
  request.table = line.settings.table;
  request.timeout_ms = level_timeout_ms(line.settings.timeout_ms);
  return request;
}

void check_answered(const ClientReply& reply) {
  if (reply.status != Status::kRefused && reply.status != Status::kError) return;
  const bool not_allowed = reply.code.ends_with("not_allowed");
  const bool no_value = reply.code == "no_value";
  const bool not_reached = reply.code == "not_reached";
  const std::string who = reply.node.empty() ? "" : reply.node + ": ";
  throw CommandError(not_allowed ? ExitCode::kNotAllowed : no_value ? ExitCode::kNotFound : not_reached ? ExitCode::kTimeout : ExitCode::kFailed, who + reply.message);
}

ClientReply ask_at(Context& context, const std::string& address, const Settings& settings, const Request& request) {
  ClientReply reply = context.connections.call(address, request, timeout_of(settings));
  check_answered(reply);
  if (answers_reads(request.op) && context.connections.newly_stale(address, reply.stale)) {
    context.console.out.flush();
    context.console.err << context.console.paint_err(Color::kWarning, "kith:") << ' ' << reply.node
                        << " was away for longer than removals are remembered and has not caught up yet: what it shows may be "
                           "stale, and may have been removed meanwhile (`kith status` says how far it is)\n";
  }
  return reply;
}

ClientReply ask(Context& context, const Settings& settings, const Request& request) {
  return ask_at(context, settings.address(), settings, request);
}

void each_page(Context& context, const std::string& address, const Settings& settings, Request request,
               const std::function<void(const ClientReply&)>& on_page) {
  do {
    const ClientReply reply = ask_at(context, address, settings, request);
    on_page(reply);
    request.after = reply.next;
  } while (!request.after.empty());
}

std::string retry_command(const CommandLine& line, const Tag& tag) {
  std::string out = "kith -H " + line.settings.address();
  if (line.settings.table != kDefaultTable) out += " -t " + kith::quoted(line.settings.table);
  out += " " + std::string(line.command->name) + " --tag " + to_string(tag);
  if (line.replicas != kAsTheTable) out += " --write " + level_text(line.replicas);
  for (const auto& [name, text] : line.attributes) out += " --" + name + " " + kith::quoted(text);
  if (!line.file.empty()) out += " --file " + kith::quoted(line.file);
  if (!line.ttl.empty()) out += " --ttl " + kith::quoted(line.ttl);
  const bool dash_first = std::any_of(line.arguments.begin(), line.arguments.end(),
                                      [](const std::string& argument) { return argument.starts_with("-"); });
  if (dash_first) out += " --";
  for (const std::string& argument : line.arguments) out += " " + kith::quoted(argument);
  return out;
}

ClientReply ask_write(Context& context, const CommandLine& line, Request request) {
  const std::string address = line.settings.address();
  const auto timeout = timeout_of(line.settings);
  request.replicas = line.replicas;
  request.tag = line.tag ? *line.tag : context.connections.to(address, timeout).mint_tag();
  try {
    return context.connections.call(address, request, timeout);
  } catch (const ClientError& error) {
    if (error.kind() != ClientError::Kind::kTimeout && error.kind() != ClientError::Kind::kProtocol) throw;
  }
  try {
    return context.connections.call(address, request, timeout);
  } catch (const ClientError& error) {
    // Not "cannot connect": the first attempt was sent.
    throw CommandError(ExitCode::kTimeout,
                       address + " did not answer, twice (" + duration_in_words(timeout.count()) +
                           " each): the write may or may not have happened.\nTo retry it, here or at any other node, "
                           "without doing it twice:\n  " +
                           retry_command(line, *request.tag));
  }
}

}  // namespace kith::tools
