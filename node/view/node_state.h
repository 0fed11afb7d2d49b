// node/view/node_state.h -- how a node fares, in a word or two, and how bad that is.
#pragma once

#include <string>

#include "node/view/cluster_view.h"

namespace kith {

enum class Severity { kGood, kWarning, kBad };

struct NodeState {
  std::string text;
  Severity severity = Severity::kGood;
};

NodeState state_of(const NodeView& node);

}  // namespace kith
