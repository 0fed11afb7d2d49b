// tools/kith/top_screen.h -- what `kith top` shows: the cluster on one screen, whatever its size.
//
// A pure function: lines that fit, most important first.  Nothing in it may be wider than the terminal, and there are never more lines
// than it has; what does not fit is left out, and that is said.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "node/view/lacking.h"
#include "tools/kith/console.h"

namespace kith::tools {

struct TopFacts {
  ClusterView view;
  Verdict verdict;
  // By name of who holds, then of who lacks; absent: unknown, unless the two roots are equal.
  std::map<std::string, std::map<std::string, LackCount>> lacked;
  std::string problem;          // Why this is not of now; empty: it is.
  std::int64_t age_ms = 0;
  // By how much the latest node was late, one a look, the last one now; none: unknown, since some node did not answer.
  std::vector<std::optional<std::int64_t>> lags_ms;
  std::int64_t lags_every_ms = 1000;
};

// Of the latest node of the view; none: some node says nothing.
std::optional<std::int64_t> worst_lag_ms(const ClusterView& view);

struct TopSize {
  std::size_t columns = 80;
  std::size_t rows = 24;
};

// Without newlines at their ends.  `console` paints.
std::vector<std::string> top_screen(const TopFacts& facts, TopSize size, const Console& console);

}  // namespace kith::tools
