// tools/kith/options.h -- words of a command line made into a CommandLine.
//
//     kith [OPTION..] COMMAND [ARGUMENT..] [OPTION..]        options of all commands may stand on either side
//
// A value that begins with '-' goes behind "--".  Errors are CommandError(kUsage), and say what to type instead.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "tools/kith/command.h"

namespace kith::tools {

struct HelpText {
  std::string text;
};

// KITH_HOST, KITH_PORT, KITH_TABLE over the defaults.  Throws CommandError(kUsage).
Settings settings_from_environment();

// `words` without the program's name.
std::variant<CommandLine, HelpText> parse_command_line(const std::vector<std::string>& words, const Settings& defaults);

std::string help_of_all();
std::string help_of(const Command& command);
const Command* find_command(std::string_view name);

// How long a value is to last, in milliseconds; `what` names the argument.  Throws CommandError(kUsage).
std::int64_t ttl_from(const std::string& text, const std::string& what);

}  // namespace kith::tools
