// tools/sim/tool.h -- kith-sim, the command line of the simulator, as a function: another program can be it, with more.
//
//     int main(int argc, char** argv) { return kith::sim::tool::run_tool({argv + 1, argv + argc}); }
//
// A program that was built with planted faults hands in `extras`: further commands, and what plants a fault by name,
// which gives every command the option --plant NAME.  Exit codes: tools/sim/exit_code.h
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace kith::sim::tool {

struct ExtraCommand {
  std::string name;                                               // Its first word: "mutants".
  std::string about;                                              // One line, for --help.
  std::function<int(const std::vector<std::string>& words)> run;  // The words after its name, in; the exit code, out.
};

struct Extras {
  std::string program = "kith-sim";  // As people call it: in help, and in the lines that reproduce a failure.
  std::vector<ExtraCommand> commands{};
  bool (*plant)(std::string_view name) = nullptr;  // False: it knows none of that name.
};

int run_tool(const std::vector<std::string>& words, const Extras& extras = {});

}  // namespace kith::sim::tool
