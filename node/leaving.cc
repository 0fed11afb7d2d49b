#include "node/leaving.h"

namespace kith {
namespace {

constexpr std::int64_t kLatelyMs = 10'000;

std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i) out += (i == 0 ? "" : i + 1 == names.size() ? " and " : ", ") + names[i];
  return out;
}

void add(std::string& out, const std::vector<std::string>& names, const char* one, const char* many) {
  if (!names.empty()) out += (out.empty() ? "" : "; ") + listed(names) + (names.size() == 1 ? one : many);
}

}  // namespace

HandOver hand_over(const EngineStatus& status, Timestamp since, std::int64_t since_ms_ago) {
  HandOver out;
  for (const MemberStatus& member : status.members) {
    if (member.self || member.out) continue;
    const bool there = member.heard_ms_ago >= 0 && member.heard_ms_ago <= kLatelyMs && !member.stopping && member.liveness != Liveness::kDead;
    const bool agreed = member.agreed_ms_ago >= 0 && member.agreed_ms_ago < since_ms_ago;
    // SUBTLE: what it held when it was last heard of counts, also when it is away by now.
    (member.floor >= since || agreed ? out.have_all : there ? out.lack_some : out.away).push_back(member.name);
  }
  return out;
}

std::string in_words(const LeaveStatus& leave) {
  if (!leave.since) return "it is not leaving";
  if (leave.catches_up) return "it has not all there is itself yet";
  std::string out;
  add(out, leave.lacking, " is not known to hold all that it has", " are not known to hold all that it has");
  if (leave.handed_over) out = "it has handed over, and the others have not agreed yet that it goes";
  add(out, leave.away, " is away", " are away");
  return out.empty() ? "it has not handed over yet" : out;
}

std::string in_words(const HandOver& state) {
  std::string out;
  add(out, state.have_all, " holds everything that this node has", " hold everything that this node has");
  add(out, state.lack_some, " is there and is not known to", " are there and are not known to");
  add(out, state.away, " is away", " are away");
  return out.empty() ? "there is no other member" : out;
}

}  // namespace kith
