#include "node/view/leave_words.h"

#include "node/view/text.h"

namespace kith {

std::string leave_in_words(const LeaveRow& leave) {
  std::string out = "hands over what it has";
  if (leave.catches_up) out = "has not all there is itself yet";
  else if (leave.handed_over) out = "has handed over, and waits until all others have agreed";
  else if (!leave.lacking.empty()) out = "waits until " + listed(leave.lacking) + (leave.lacking.size() == 1 ? " holds" : " hold") + " all that it has";
  if (leave.away.empty()) return out;
  return out + "; " + listed(leave.away) + (leave.away.size() == 1 ? " is" : " are") + " away";
}

std::vector<std::string> leaving_in_words(const NodeStatus& status) {
  std::vector<std::string> out;
  if (status.leave.leaving) {
    std::string line = status.name + " is leaving the cluster for good, and takes no writes: it " + leave_in_words(status.leave);
    if (!status.leave.away.empty()) {
      line += ". Nobody leaves without their word: start " + std::string(status.leave.away.size() == 1 ? "it" : "them") + ", or put " +
              (status.leave.away.size() == 1 ? "it" : "them") + " out (`kith evict`); `kith drain --cancel` has " + status.name + " stay";
    }
    out.push_back(std::move(line));
  }
  for (const MemberRow& member : status.members) {
    if (member.leaving && !member.self) out.push_back(member.name + " is leaving the cluster for good, and takes no writes");
  }
  return out;
}

}  // namespace kith
