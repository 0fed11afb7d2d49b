// sim/shrink.h -- a failing history, cut down to a short one that still fails by the same law.
//
//     1. the workload is written out as events, so that each can go by itself
//     2. events: whole runs of them, then shorter ones, then each by itself (ddmin of Zeller and Hildebrandt,
//        "Simplifying and Isolating Failure-Inducing Input", IEEE Transactions on Software Engineering 28, 2002)
//     3. nodes, with the events that name only them; members of groups; what an event asks for
//     4. options of the engine, links, disks and clients as by default, each by itself; the ends of the run
//     5. time: idle stretches, the end, round figures
//     again from 2, until a whole round changes nothing
//
// Every candidate passes check(); what a candidate lost is lost wherever it is named (sim/shrink_prune).  The result is
// minimal in the sense that no single step makes it shorter, unless the limit of runs or `stop` came first.
// Pure: runs nothing itself, draws nothing, and asks for each candidate once.  Tests: tests/sim/shrink_test.cc
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "sim/scenario.h"
#include "sim/verdict.h"

namespace kith::sim {

struct ShrinkProgress {
  std::uint64_t runs = 0;
  std::size_t events = 0, nodes = 0;         // Of the best so far.
  std::string_view step;                     // "events", "nodes", ...
};

struct ShrinkOptions {
  std::uint64_t runs_max = 5000;
  // SUBTLE: a node by itself breaks some laws by nature, with nobody there to mend its damage; so a pair stays a pair.
  std::size_t nodes_min = 2;
  std::function<void(const ShrinkProgress&)> progress;  // After every run.
  std::function<bool()> stop;                // True: the best so far is good enough.
};

struct ShrinkResult {
  Scenario scenario;                         // Its seed is the one that it was run with.
  Failure failure;
  std::uint64_t runs = 0;
  bool minimal = false;                      // No step makes it shorter; false: there was no time to find out.
};

// How a candidate fails, when it is run with its own seed (Scenario::seed); nothing when it does not.
using RunCandidate = std::function<std::optional<Failure>(const Scenario& candidate)>;

// Nothing when the history itself does not fail.  REQUIRES: !check(scenario).
std::optional<ShrinkResult> shrink(const Scenario& scenario, std::uint64_t seed, const RunCandidate& run_candidate,
                                   const ShrinkOptions& options = {});

}  // namespace kith::sim
