#include "tools/sim/tool.h"

#include <iostream>

#include "tools/sim/commands.h"
#include "tools/sim/exit_code.h"
#include "tools/sim/options.h"

namespace kith::sim::tool {
namespace {

int run_line(const CommandLine& line, const Extras& extras) {
  if (!line.plant.empty() && !extras.plant(line.plant)) {
    throw ToolError(kBadInput, "--plant: there is no fault \"" + line.plant + "\" to plant");
  }
  switch (line.command) {
    case CommandLine::Command::kRun: return run_command(line);
    case CommandLine::Command::kSweep: return sweep_command(line);
    case CommandLine::Command::kHash: return hash_command(line);
    case CommandLine::Command::kShrink: return shrink_command(line);
    case CommandLine::Command::kBench: return bench_command(line);
  }
  return kBroken;
}

int run_words(const std::vector<std::string>& words, const Extras& extras) {
  for (const ExtraCommand& extra : extras.commands) {
    if (!words.empty() && words.front() == extra.name) return extra.run({words.begin() + 1, words.end()});
  }
  const auto parsed = parse_command_line(words, extras);
  if (const auto* help = std::get_if<HelpText>(&parsed)) {
    std::cout << help->text;
    return kAllHeld;
  }
  return run_line(std::get<CommandLine>(parsed), extras);
}

}  // namespace

int run_tool(const std::vector<std::string>& words, const Extras& extras) {
  int code = kBroken;
  try {
    code = run_words(words, extras);
  } catch (const ToolError& error) {
    std::cout.flush();
    std::cerr << extras.program << ": " << error.what() << "\n";
    code = error.code();
  } catch (const std::exception& error) {
    std::cout.flush();
    std::cerr << extras.program << ": " << error.what() << "\n";
  }
  std::cout.flush();
  if (!std::cout) {
    std::cerr << extras.program << ": the result could not be written to standard output\n";
    if (code == kAllHeld) code = kBroken;
  }
  return code;
}

}  // namespace kith::sim::tool
