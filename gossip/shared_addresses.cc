#include "gossip/shared_addresses.h"

#include <algorithm>
#include <map>
#include <utility>

#include "gossip/roster_of.h"

namespace kith {

void SharedAddresses::tick() {
  if (!core_.joined() || ++rounds_since_ < kRoundsBetweenLooks) return;
  rounds_since_ = 0;
  std::map<std::string, std::string> names;  // By option and address.
  for (const NodeId node : core_.members.ids()) {
    if (!living(core_, node, core_.now)) continue;
    const MemberRecord& record = core_.member(node)->record;
    for (const auto& [option, address] : {std::pair("--advertise-peer", record.peer_address), std::pair("--advertise-client", record.client_address)}) {
      const auto [before, is_new] = names.emplace(option + (" " + address), record.name);
      if (is_new) continue;
      const auto [first, second] = std::minmax(before->second, record.name);
      const std::string text = "members " + first + " and " + second + " are both heard of and both tell the address " + address +
                               ": what is meant for one goes to the other; start the one that is not there with its own " + option;
      if (told_.insert(text).second) core_.note(Output::Note::Level::kWarning, text);
    }
  }
}

}  // namespace kith
