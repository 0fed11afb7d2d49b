// node/view/liveness_words.h -- what a node believes of who is there, in words.
#pragma once

#include <string>
#include <vector>

#include "node/view/status_document.h"

namespace kith {

// "alive", "suspect for 3 s, says n2", "dead for 2.0 min, it said that it stops"; "-" of the node itself, of who is out, and where it does
// not probe.
std::string liveness_in_words(const MemberRow& member);

// A line for each member that is not taken for alive, with what that means.
std::vector<std::string> missed_in_words(const NodeStatus& status);

}  // namespace kith
