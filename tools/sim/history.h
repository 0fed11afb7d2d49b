// tools/sim/history.h -- the history that a command line names: a scenario, a seed, and the line that runs it again.
#pragma once

#include <cstdint>
#include <string>

#include "sim/scenario.h"
#include "tools/sim/options.h"

namespace kith::sim::tool {

struct History {
  Scenario scenario;
  std::uint64_t seed = 0;
  std::string again;  // "kith-sim run --drawn 17"
};

History history_of_file(const std::string& path, const CommandLine& line);  // Throws ToolError with the file's name.
History history_of_seed(std::uint64_t seed, const CommandLine& line);

Scenario draw(std::uint64_t seed, const CommandLine& line);
std::string again_words(std::uint64_t seed, const CommandLine& line);  // The line that runs a drawn one again.

}  // namespace kith::sim::tool
