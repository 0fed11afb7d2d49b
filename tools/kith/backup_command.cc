#include "tools/kith/backup_command.h"

#include <chrono>
#include <ostream>

#include <nlohmann/json.hpp>

#include "node/view/text.h"
#include "tools/kith/ask.h"

namespace kith::tools {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLookEvery{1000};

ClientReply wait_for(Client& client, const Settings& settings, const Request& request) {
  const std::uint64_t id = client.send(request);
  auto heard = Clock::now();
  for (;;) {
    auto reply = client.receive(std::min(kLookEvery, timeout_of(settings)));
    if (reply && reply->id == id) return *std::move(reply);
    if (reply) heard = Clock::now();
    if (Clock::now() - heard > timeout_of(settings)) {
      throw CommandError(ExitCode::kTimeout,
                         settings.address() + " does not answer any more (" + duration_in_words(settings.timeout_ms) +
                             "): a backup that was finished is there under its name, and nothing else is one");
    }
    if (!reply) client.send(Request{});  // A hello, to see whether it lives.
  }
}

}  // namespace

ExitCode run_backup(Context& context, const CommandLine& line) {
  Request request;
  request.op = ClientOp::kBackup;
  request.text = line.arguments[0];
  Client& client = context.connections.to(line.settings.address(), timeout_of(line.settings));
  const ClientReply reply = wait_for(client, line.settings, request);
  check_answered(reply);
  if (line.settings.json) {
    context.console.out << reply.document << '\n';
    return ExitCode::kOk;
  }
  const auto document = nlohmann::ordered_json::parse(reply.document, nullptr, false);
  if (!document.is_object() || !document.contains("path")) {
    throw CommandError(ExitCode::kFailed, reply.node + " took a backup, but what it says of it cannot be understood");
  }
  const auto& path = document["path"];
  context.console.out << reply.node << ": "
                      << count_of(document.value("rows", std::uint64_t{0}), "row", "rows") << ", "
                      << bytes_in_words(document.value("bytes", std::uint64_t{0})) << ", in "
                      << duration_in_words(document.value("duration_ms", std::int64_t{0})) << ", into "
                      << (path.is_string() ? escaped(path.get<std::string>()) : path.dump()) << " on its machine\n";
  return ExitCode::kOk;
}

}  // namespace kith::tools
