// What is claimed of members: who is out, and who is believed dead.
#include <functional>

#include "sim/world_impl.h"

namespace kith::sim {
namespace {

std::string listed(const std::set<std::string>& names) {
  std::string out;
  for (const auto& name : names) out += " " + name;
  return out.empty() ? " nobody" : out;
}

}  // namespace

void World::claim_of_members(const Event& event, bool named, const std::function<bool(const MemberStatus&)>& is_so) {
  std::set<std::string> wanted;
  if (named) {
    for (const Machine* it : group(event.groups.front())) wanted.insert(it->disk.node_name);
  }
  for (Machine* at : group(event.groups.back())) {
    if (!at->up()) throw Violation('X', "'" + to_words(event) + "': " + at->name + " is down");
    std::set<std::string> found;
    for (const MemberStatus& member : at->engine().status(at->instant(now_us_)).members) {
      if (is_so(member)) found.insert(member.name);
    }
    if (found != wanted) throw Violation('X', "'" + to_words(event) + "': " + at->name + " knows of" + listed(found));
  }
}

void World::claim_evicted(const Event& event) {
  claim_of_members(event, event.action == Action::kExpectEvicted, [](const MemberStatus& member) { return member.out; });
}

void World::claim_left(const Event& event) {
  claim_of_members(event, true, [](const MemberStatus& member) { return member.left; });
}

void World::claim_dead(const Event& event) {
  claim_of_members(event, event.action == Action::kExpectDead, [](const MemberStatus& member) { return member.liveness == Liveness::kDead; });
}

}  // namespace kith::sim
