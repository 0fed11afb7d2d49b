// node/view/leave_words.h -- how far a node is on its way out of the cluster, and who of the members is, in sentences.
#pragma once

#include <string>
#include <vector>

#include "node/view/status_document.h"

namespace kith {

// "waits until n2 and n3 hold all that it has; n3 is away": what it waits for.
std::string leave_in_words(const LeaveRow& leave);

// Of the asked node, and of the members that it knows to be leaving; a line each.
std::vector<std::string> leaving_in_words(const NodeStatus& status);

}  // namespace kith
