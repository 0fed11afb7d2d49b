#include "node/view/node_state.h"

#include <algorithm>

#include "node/view/garbage_words.h"
#include "node/view/leave_words.h"
#include "node/view/text.h"

namespace kith {

namespace {

NodeState state_of_any(const NodeView& node) {
  if (!node.status) return {"unreachable", Severity::kBad};
  const NodeStatus& status = *node.status;
  if (!status.joined) return {"joining", Severity::kWarning};
  if (status.stopping) return {"stopping", Severity::kWarning};
  if (status.leave.leaving) return {"leaving: " + leave_in_words(status.leave), Severity::kWarning};
  if (status.superseded) return {"superseded: another life runs under its id", Severity::kBad};
  if (status.clock_fenced) return {"clock ahead " + duration_in_words(status.clock_ahead_ms), Severity::kBad};
  if (status.full) return {"full", Severity::kBad};
  if (status.garbage.rebasing) return {"away too long: " + rebase_in_words(status.garbage), Severity::kWarning};
  if (status.rows_damaged > 0) return {count_of(status.rows_damaged, "damaged row", "damaged rows"), Severity::kWarning};
  return {"up", Severity::kGood};
}

bool observes(const NodeStatus& status) {
  return std::any_of(status.members.begin(), status.members.end(), [](const MemberRow& member) { return member.self && member.observer; });
}

}  // namespace

NodeState state_of(const NodeView& node) {
  NodeState out = state_of_any(node);
  if (node.status && observes(*node.status)) out.text = out.severity == Severity::kGood ? "observer" : "observer, " + out.text;
  return out;
}

}  // namespace kith
