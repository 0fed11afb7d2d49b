// tests/soak/soak_words.h -- what a soak says to people, and what `kith diff` says to it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tests/soak/figures.h"
#include "tests/soak/peer_proxy.h"
#include "tests/soak/soak.h"
#include "tests/soak/verdict.h"

namespace kith::soak {

std::string minute_line(std::int64_t minute, const Figures& figures);

struct TableFacts {
  ProxyCounters proxy;
  Verdict verdict;                // The last.
  std::uint64_t settled = 0;      // Verdicts.
  double settled_ms_most = 0;     // From the last answer to the verdict.
  bool equal = false;             // All fingerprints, at the end.
  std::uint64_t rebases = 0, redone = 0;
  std::size_t not_stable = 0;     // Elements that were watched, and not everywhere when it ended.
  bool faults_left = false;       // Planned, and not come to pass.
};
std::string table(const SoakOptions& options, const Figures& figures, const TableFacts& facts);

// The first node with each other one: the first exit code that is not 0, and what was printed then.
std::pair<int, std::string> kith_diff(const std::vector<std::string>& addresses);

}  // namespace kith::soak
