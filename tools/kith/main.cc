// tools/kith/main.cc -- kith, the command line.
#include <iostream>

#include "tools/kith/line_runner.h"
#include "tools/kith/options.h"
#include "tools/kith/shell.h"

namespace {

using namespace kith;
using namespace kith::tools;

ExitCode run(const std::vector<std::string>& words, const Console& console) {
  const auto parsed = parse_command_line(words, settings_from_environment());
  if (const auto* help = std::get_if<HelpText>(&parsed)) {
    console.out << help->text;
    return ExitCode::kOk;
  }
  const CommandLine& line = std::get<CommandLine>(parsed);
  Connections connections;
  Context context{.console = console, .connections = connections};
  return line.command == nullptr ? run_shell(context, line) : line.command->run(context, line);
}

}  // namespace

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  std::cin.tie(nullptr);
  const Console console = Console::of_process();
  ExitCode code = ExitCode::kFailed;
  try {
    code = run({argv + 1, argv + argc}, console);
  } catch (const std::exception& error) {
    code = report(console, error);
  }
  std::cout.flush();
  if (!std::cout) {
    std::cerr << "kith: the result could not be written to standard output\n";
    if (code == ExitCode::kOk) code = ExitCode::kFailed;
  }
  return static_cast<int>(code);
}
