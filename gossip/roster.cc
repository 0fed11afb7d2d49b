#include "gossip/roster.h"

#include <xxhash.h>

#include <algorithm>

#include "crdt/bytes.h"

namespace kith {

std::size_t Roster::size() const {
  return static_cast<std::size_t>(std::count_if(members.begin(), members.end(), [](const Member& member) { return member.living && !member.observer; }));
}

NodeId Roster::leader() const {
  NodeId least;
  for (const Member& member : members) {
    if (member.living && !member.observer && (!least || member.id < least)) least = member.id;
  }
  return least;
}

const Roster::Member* Roster::find(NodeId id) const {
  const auto at = std::find_if(members.begin(), members.end(), [&](const Member& member) { return member.id == id; });
  return at == members.end() ? nullptr : &*at;
}

std::uint64_t Roster::version() const {
  ByteWriter bytes;
  bytes.u64(cluster.value);
  bytes.counted(name);
  bytes.u64(replication.given);
  for (const Member& member : members) {
    bytes.u64(member.id.value);
    bytes.counted(member.name);
    bytes.counted(member.client_address);
    bytes.u8(static_cast<std::uint8_t>((member.living ? 1 : 0) | (member.observer ? 2 : 0)));
  }
  const std::uint64_t digest = XXH3_64bits(bytes.view().data(), bytes.view().size());
  return digest != 0 ? digest : 1;
}

std::vector<std::string> Roster::warnings() const {
  std::vector<std::string> out;
  if (cluster && replication.given > size()) {
    out.push_back("cluster size (" + std::to_string(size()) + ") is smaller than a replication factor (" + std::to_string(replication.given) + ")!");
  }
  return out;
}

}  // namespace kith
