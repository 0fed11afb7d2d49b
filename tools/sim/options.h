// tools/sim/options.h -- the words of a command line, understood.  CLI11 stays in options.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "tools/sim/tool.h"

namespace kith::sim::tool {

// Which seeds: A..B, N for 1..N.
struct SeedRange {
  std::uint64_t first = 1, last = 1;
};

struct CommandLine {
  enum class Command : std::uint8_t { kRun, kSweep, kShrink, kBench, kHash } command = Command::kRun;
  std::string program;  // As in Extras.
  std::string plant;    // Of a planted fault; empty: none.

  // ---- A history
  std::vector<std::string> files;     // Scenarios.
  std::vector<std::uint64_t> seeds;   // hash, shrink: drawn ones.  run: at most one.
  std::optional<std::uint64_t> seed;  // Instead of the file's.
  std::uint32_t faults_percent = 50;
  bool typical = false;  // Drawn as `bench` draws.
  bool drain = false;           // Drawn: nodes are told to leave the cluster as well.
  bool observers = false;       // Drawn: some nodes are observers.
  std::optional<bool> collect;  // Drawn: with collection on or off; else half of the seeds have it.
  bool check_messages = false;

  // ---- run
  bool trace = false;
  bool print = false;
  bool in_process = false;
  std::string report_directory;

  // ---- sweep
  SeedRange range{.first = 1, .last = 500};
  std::uint64_t fresh = 0;  // So many, from an unforeseeable one on.
  double minutes = 0;
  unsigned jobs = 2;
  bool twice = false, hashes = false, marks = false, first_failure = false;

  // ---- shrink
  std::uint64_t runs_max = 5000;
  std::uint64_t nodes_min = 2;
  std::string like;  // In the text of a failure, for it to be the same one.
  std::string out;

  // ---- bench
  bool json = false;
};

struct HelpText {
  std::string text;
};

// Throws ToolError, kBadInput.
std::variant<CommandLine, HelpText> parse_command_line(const std::vector<std::string>& words, const Extras& extras);

}  // namespace kith::sim::tool
