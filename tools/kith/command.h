// tools/kith/command.h -- what a command is, and what one is given to run.
//
//     words --parse_command_line()--> CommandLine --command->run(context, line)--> ExitCode
//
// The same for the command line, the shell and the scripts of `kith demo`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "node/client_protocol.h"
#include "node/view/connections.h"
#include "tools/kith/console.h"
#include "tools/kith/exit_code.h"

namespace kith::tools {

// What holds for every command.
struct Settings {
  std::string host = "127.0.0.1";
  std::string port = "8765";
  std::string table{kDefaultTable};
  bool json = false;
  std::int64_t timeout_ms = 5000;
  bool timeout_given = false;
  Route route = Route::kAny;

  std::string address() const { return host + ":" + port; }
};

// Options that only some commands take; which ones, Command::options says.
enum CommandOption : unsigned {
  kWriteOptions = 1,    // --tag, --write, --replicas
  kFileOption = 2,      // --file
  kLongOption = 4,      // --long
  kImportOptions = 8,   // --keep-going, --replicas
  kWaitOptions = 16,    // --converged
  kDemoOptions = 32,    // --nodes, --dir, --script
  kTtlOption = 64,      // --ttl
  kWithOption = 128,    // --with
  kYesOption = 256,     // --yes
  kRouteOption = 512,   // --route
  kTableOptions = 1024, // --keys, --kinds, --quorum, --read, --write
  kReadOption = 2048,   // --read
  kCancelOption = 4096, // --cancel
};

struct Command;

struct CommandLine {
  const Command* command = nullptr;  // Null: none was given.
  Settings settings;
  std::vector<std::string> arguments;

  std::optional<Tag> tag;
  std::uint32_t replicas = 0;  // As the table says.
  std::uint32_t read_level = 0;  // The same.
  std::vector<std::pair<std::string, std::string>> attributes;  // Of a table, as given.
  std::string file;
  std::string ttl;            // As it was given; empty: it was not.
  std::int64_t ttl_ms = 0;
  bool long_form = false;
  bool keep_going = false;
  bool converged = false;
  bool yes = false;
  bool cancel = false;
  std::size_t nodes = 3;
  std::string with;           // A node; empty: none.
  std::string directory;
  std::string script;
};

struct Context {
  const Console& console;
  Connections& connections;
  bool interactive = false;  // In the shell: standard input belongs to it.
};

struct Command {
  std::string_view name;
  std::string_view family;     // Heading in the help.
  std::string_view arguments;  // As in a usage line: "KEY MEMBER [MEMBER..]".
  std::string_view summary;
  std::string_view example;    // One or more lines.
  std::size_t arguments_min = 0;
  std::size_t arguments_max = 0;
  unsigned options = 0;
  // Throws CommandError and ClientError.
  ExitCode (*run)(Context& context, const CommandLine& line) = nullptr;
  bool in_shell = true;
};

inline constexpr std::size_t kManyArguments = static_cast<std::size_t>(-1);

// All of them, in the order of the help.  Lives for ever.
const std::vector<Command>& all_commands();

}  // namespace kith::tools
