#include "node/view/liveness_words.h"

#include "node/view/text.h"

namespace kith {
namespace {

std::string by_whom(const MemberRow& member) {
  if (member.liveness_by == member.name) return ", it said that it stops";
  return member.liveness_by.empty() ? "" : ", says " + member.liveness_by;
}

}  // namespace

namespace {

std::string believed(const MemberRow& member) {
  if (member.leaving && (member.self || member.liveness.empty() || member.liveness == "alive")) return "leaving";
  if (member.self || member.evicted || member.liveness.empty() || member.liveness_ms < 0) return "-";
  if (member.liveness == "alive") return member.liveness;
  return (member.leaving ? "leaving, " : "") + member.liveness + " for " + duration_in_words(member.liveness_ms) + by_whom(member);
}

}  // namespace

std::string liveness_in_words(const MemberRow& member) {
  const std::string out = believed(member);
  return !member.observer ? out : out == "-" ? "observer" : "observer, " + out;
}

std::vector<std::string> missed_in_words(const NodeStatus& status) {
  std::vector<std::string> out;
  for (const MemberRow& member : status.members) {
    if (member.self || member.evicted || member.liveness_ms < 0) continue;
    const std::string since = " for " + duration_in_words(member.liveness_ms) + by_whom(member);
    if (member.liveness == "dead") out.push_back(member.name + " is taken for dead" + since + "; it is asked less, and nothing else follows from it");
    if (member.liveness == "suspect") out.push_back(member.name + " has not answered" + since + "; it is taken for dead unless it does");
  }
  return out;
}

}  // namespace kith
