#include "tools/kith/write_commands.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>

#include <nlohmann/json.hpp>

#include "crdt/limits.h"
#include "gossip/operation.h"
#include "node/view/text.h"
#include "tools/kith/amount.h"
#include "tools/kith/ask.h"
#include "tools/kith/options.h"
#include "tools/kith/session_file.h"

namespace kith::tools {
namespace {

std::string names_of(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

void print_json(const Console& console, const ClientReply& reply, const Tag& tag) {
  nlohmann::ordered_json out;
  out["outcome"] = to_string(reply.status);
  if (reply.status == Status::kOk || reply.status == Status::kStored) {
    out["changed"] = reply.number;
    if (reply.total) out["total"] = *reply.total;
  } else {
    out["code"] = reply.code;
    out["message"] = reply.message;
  }
  out["tag"] = to_string(tag);
  out["node"] = reply.node;
  out["replicas"] = reply.replicas;
  console.out << out.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
}

// A shell is one session for as long as it runs; commands that run and end share a lasting one.
Tag mint_tag(Context& context, const CommandLine& line) {
  Client& client = context.connections.to(line.settings.address(), timeout_of(line.settings));
  const Tag fresh = client.mint_tag();
  if (context.interactive) return fresh;
  const auto hello = nlohmann::json::parse(client.hello().document, nullptr, false);
  if (!hello.is_object() || !hello["cluster"].is_object()) return fresh;
  return next_tag_of_lasting_session(session_file_path(), hello["cluster"].value("id", ""), fresh);
}

// Prints the outcome, `did` as in "2 added", and gives the exit code.
ExitCode write(Context& context, const CommandLine& given, Request request, const std::string& did) {
  CommandLine line = given;
  if (!line.tag) line.tag = mint_tag(context, line);
  const ClientReply reply = ask_write(context, line, std::move(request));
  const Console& console = context.console;
  if (line.settings.json) print_json(console, reply, *line.tag);
  check_answered(reply);
  if (!line.settings.json) {
    if (reply.total) {
      console.out << *reply.total << '\n';
    } else if (did.empty()) {
      console.out << (reply.number > 0 ? "ok" : "unchanged") << '\n';
    } else {
      console.out << reply.number << ' ' << did << '\n';
    }
  }
  if (reply.status != Status::kStored) return ExitCode::kOk;
  const std::string wanted = line.replicas == kAllReplicas ? "all nodes" : line.replicas == kAsTheTable || line.replicas == kQuorumReplicas
                                                                            ? "as many as were asked for"
                                                                            : std::to_string(line.replicas) + " nodes";
  console.err << console.paint_err(Color::kWarning, "stored") << " on " << names_of(reply.replicas) << ", not yet on "
              << wanted << " within the time given: it is safe there and will spread by itself\n";
  return ExitCode::kTimeout;
}

std::string read_value(std::istream& in, const std::string& from) {
  std::string value;
  char buffer[64 * 1024];
  while (in.read(buffer, sizeof buffer) || in.gcount() > 0) {
    value.append(buffer, static_cast<std::size_t>(in.gcount()));
    if (value.size() > kValueBytesMax) {
      throw CommandError(ExitCode::kFailed, from + " holds more than " + std::to_string(kValueBytesMax) +
                                                " bytes, the limit of a value; nothing was written");
    }
  }
  if (in.bad()) throw CommandError(ExitCode::kFailed, "cannot read " + from + ": " + std::strerror(errno));
  return value;
}

// KEY, and from the `first`-th argument on elements or fields.
Request request_for_members(const CommandLine& line, ClientOp op, std::ptrdiff_t first) {
  Request request = request_of(line, op);
  request.key = line.arguments[0];
  request.members.assign(line.arguments.begin() + first, line.arguments.end());
  return request;
}

ExitCode write_members(Context& context, const CommandLine& line, ClientOp op, const std::string& did) {
  return write(context, line, request_for_members(line, op, 1), did);
}

ExitCode change_counter(Context& context, const CommandLine& line, bool up) {
  Request request = request_of(line, ClientOp::kIncr);
  request.key = line.arguments[0];
  const auto amount = parse_amount(line.arguments.size() > 1 ? line.arguments[1] : "1");
  if (const auto* error = std::get_if<AmountError>(&amount)) {
    throw CommandError(ExitCode::kUsage, std::string(line.command->name) + ": " + error->message);
  }
  request.amount = std::get<std::int64_t>(amount);
  if (!up) {
    if (request.amount == INT64_MIN) {
      throw CommandError(ExitCode::kUsage,
                         "decr: " + std::to_string(INT64_MIN) + " taken away is beyond 64 bits: use two steps");
    }
    request.amount = -request.amount;
  }
  return write(context, line, std::move(request), "");
}

}  // namespace

ExitCode run_incr(Context& context, const CommandLine& line) { return change_counter(context, line, true); }

ExitCode run_decr(Context& context, const CommandLine& line) { return change_counter(context, line, false); }

ExitCode run_set(Context& context, const CommandLine& line) {
  Request request = request_of(line, ClientOp::kSet);
  request.key = line.arguments[0];
  const bool has_value = line.arguments.size() == 2;
  if (has_value != line.file.empty()) {
    throw CommandError(ExitCode::kUsage, has_value
                                             ? "set takes its value from the command line or from --file, not both"
                                             : "set needs a value: kith set KEY VALUE, KEY - or KEY --file FILE");
  }
  if (has_value && line.arguments[1] != "-") {
    request.value = line.arguments[1];
  } else if (line.file.empty() || line.file == "-") {
    if (context.interactive) throw CommandError(ExitCode::kUsage, "in the shell the input is yours: use --file FILE");
    request.value = read_value(std::cin, "standard input");
  } else {
    std::ifstream in(line.file, std::ios::binary);
    if (!in) throw CommandError(ExitCode::kFailed, "cannot open " + line.file + ": " + std::strerror(errno));
    request.value = read_value(in, line.file);
  }
  request.ttl_ms = line.ttl_ms;
  return write(context, line, std::move(request), "");
}

ExitCode run_del(Context& context, const CommandLine& line) { return write_members(context, line, ClientOp::kDel, "deleted"); }

ExitCode run_sadd(Context& context, const CommandLine& line) { return write_members(context, line, ClientOp::kSadd, "added"); }

ExitCode run_srem(Context& context, const CommandLine& line) { return write_members(context, line, ClientOp::kSrem, "removed"); }

ExitCode run_hset(Context& context, const CommandLine& line) {
  if (line.arguments.size() % 2 == 0) {
    throw CommandError(ExitCode::kUsage, "hset needs a value for every field, and " + escaped(line.arguments.back()) +
                                             " has none.\nUsage: kith hset KEY FIELD VALUE [FIELD VALUE..]");
  }
  Request request = request_of(line, ClientOp::kHset);
  request.key = line.arguments[0];
  for (std::size_t i = 1; i < line.arguments.size(); i += 2) {
    request.fields.emplace_back(line.arguments[i], line.arguments[i + 1]);
  }
  request.ttl_ms = line.ttl_ms;
  return write(context, line, std::move(request), "changed");
}

ExitCode run_hdel(Context& context, const CommandLine& line) { return write_members(context, line, ClientOp::kHdel, "deleted"); }

ExitCode run_expire(Context& context, const CommandLine& line) {
  Request request = request_for_members(line, ClientOp::kExpire, 2);
  request.ttl_ms = ttl_from(line.arguments[1], "expire");
  return write(context, line, std::move(request), "");
}

ExitCode run_persist(Context& context, const CommandLine& line) { return write_members(context, line, ClientOp::kPersist, ""); }

}  // namespace kith::tools
