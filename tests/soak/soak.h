// tests/soak/soak.h -- a cluster of real processes, clients that write, faults drawn from a seed; in the end, is everything as promised?
//
//     nodes <-- proxy --> nodes         tests/soak/soak_cluster.h, peer_proxy.h
//       ^          ^
//     writers    mayhem <-- plan        tests/soak/writer.h, mayhem.h, fault_plan.h
//       |
//     history --> verdict               tests/soak/history.h, verdict.h
//
// What is promised for which write, and how it is checked: tests/soak/README.md.  Between stretches of the run, and at its end, faults are lifted,
// writers finish what they have under way, all nodes have to come to the same fingerprint, and what they show is judged against the history.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace kith::soak {

struct SoakOptions {
  double minutes = 0.35;
  std::uint64_t seed = 0;
  std::size_t nodes = 5;
  std::size_t kills = 0;             // 0: by the minutes.
  std::uint64_t writes = 0;          // To aim at; 0: by the minutes.
  std::size_t writers = 4;
  std::int64_t retry_window_ms = 0;  // 0: by the minutes.
  double settle_minutes = 10;        // Between two verdicts.
  std::string directory;             // Empty: a temporary one.
  bool keep = false;                 // The directory, though all is well.
  // For tests of the soak itself: is told the addresses of the nodes when all is settled, before they are judged.
  std::function<void(const std::vector<std::string>& addresses)> before_verdict = {};
};

// Those that are 0 by the others.
SoakOptions completed(SoakOptions options);

struct SoakResult {
  bool good = false;
  bool interrupted = false;
  std::vector<std::string> findings;
  std::string table;                 // The figures, for people.
  std::string directory;             // Of the nodes' data and logs; gone unless kept or something was found.
  std::uint64_t kills = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t settled = 0;         // Verdicts.
};

// Throws std::runtime_error when it cannot even begin.  `say` gets lines while it runs; `interrupt` ends it early, with a verdict.
SoakResult run_soak(const SoakOptions& options, const std::function<void(const std::string&)>& say, const std::atomic<bool>& interrupt);

}  // namespace kith::soak
