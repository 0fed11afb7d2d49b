// tools/sim_mutants/sweep.h -- how many histories it takes until one of them shows a planted fault.
//
// Each history runs in a process of its own: a fault may have the engine abort, or go round in circles.
// SUBTLE: a history counts only when it passes without the fault, and breaks a law that the fault is said to break:
// what the simulator finds anyway proves nothing, and a fault changes the history in which it might find it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kith::tools {

struct HistoryVerdict {
  char law = 0;  // As in sim/verdict.h; zero: all of them held.  A: aborted.  L: did not end in time.
  std::string text;
};

// The scenario that the swarm draws from `seed`, with this fault planted; with none when `mutant` is empty.
// REQUIRES: `mutant` is one of sim::mutants().  Throws std::system_error when no process can be had.
HistoryVerdict run_history(std::string_view mutant, std::uint64_t seed, bool collect = false);
bool collects(std::string_view mutant);  // Its histories collect.

struct Sweep {
  std::uint64_t seeds = 0;    // Tried, the last of which killed it, if any did.
  std::uint64_t skipped = 0;  // Of these failed without the fault, too, or broke a law that has nothing to do with it.
  std::uint64_t seed = 0;     // That killed it.
  HistoryVerdict verdict;
  bool killed() const { return verdict.law != 0; }
};

// Seeds `first` to `last`, until one kills it.
Sweep sweep(std::string_view mutant, std::uint64_t first, std::uint64_t last);

// A line, and back: sweeps run in processes of their own.
std::string to_line(const Sweep& sweep);
std::optional<Sweep> parse_line(const std::string& line);

}  // namespace kith::tools
