#include "tools/sim/history.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include "sim/swarm.h"
#include "tools/sim/exit_code.h"
#include "tools/sim/text.h"

namespace kith::sim::tool {
namespace {

std::string text_of(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    throw ToolError(kBadInput, path + ": is a directory; give a scenario file, as " + path + "/*.toml");
  }
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (in.peek() != std::ifstream::traits_type::eof()) text << in.rdbuf();
  else if (in.is_open()) in.clear();  // It is empty.
  if (!in || in.bad()) {
    throw ToolError(kBadInput, path + ": cannot be read (" + std::strerror(errno == 0 ? EIO : errno) +
                                   "); give a scenario file, as in sim/scenarios/");
  }
  return text.str();
}

std::string common_options(const CommandLine& line) {
  return (line.check_messages ? std::string(" --check-messages") : std::string()) +
         (line.plant.empty() ? std::string() : " --plant " + in_shell(line.plant));
}

}  // namespace

History history_of_file(const std::string& path, const CommandLine& line) {
  std::string problem;
  auto scenario = parse_scenario(text_of(path), problem);
  if (!scenario) throw ToolError(kBadInput, path + ": " + problem);
  History out;
  out.seed = line.seed.value_or(scenario->seed);
  out.again = line.program + " run " + in_shell(path);
  if (out.seed != scenario->seed) out.again += " --seed " + std::to_string(out.seed);
  out.again += common_options(line);
  out.scenario = std::move(*scenario);
  if (out.scenario.name.empty()) {
    const std::string file = path.substr(path.rfind('/') + 1);
    out.scenario.name = file.substr(0, file.rfind('.'));
  }
  return out;
}

History history_of_seed(std::uint64_t seed, const CommandLine& line) {
  return {.scenario = draw(seed, line), .seed = seed, .again = again_words(seed, line)};
}

Scenario draw(std::uint64_t seed, const CommandLine& line) {
  Scenario out = line.typical ? draw_typical_scenario(seed) : draw_scenario(seed, line.faults_percent);
  out.engine.collect = line.collect.value_or(out.engine.collect);
  if (line.drain) add_drains(out);
  if (line.observers) add_observers(out);
  return out;
}

std::string again_words(std::uint64_t seed, const CommandLine& line) {
  std::string out = line.program + " run --drawn " + std::to_string(seed);
  if (line.typical) out += " --typical";
  else if (line.faults_percent != 50) out += " --faults " + std::to_string(line.faults_percent);
  if (line.drain) out += " --drain";
  if (line.observers) out += " --observers";
  if (line.collect) out += *line.collect ? " --collect" : " --no-collect";
  return out + common_options(line);
}

}  // namespace kith::sim::tool
