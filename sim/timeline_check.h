// sim/timeline_check.h -- what is wrong with the events of a scenario.  A part of check() of sim/scenario.h.
//
// Walks the timeline once, with the names and labels that are known by then.  Cost: its length times log of the names.
#pragma once

#include <optional>
#include <string>

#include "sim/scenario.h"

namespace kith::sim {

[[nodiscard]] std::optional<std::string> check_timeline(const Scenario& scenario);

// 1 to 64 of A-Z a-z 0-9 . - _, as kithd wants names of nodes, and not "all".  `what` begins the sentence.
[[nodiscard]] std::optional<std::string> check_name(const std::string& name, const std::string& what);

}  // namespace kith::sim
