// gossip/roster.h -- what clients are told of the cluster: who belongs to it, who of them is living, who leads.
//
// A plain value, equal on any two nodes that know the same.  It steers where clients connect, and no data decision reads it:
// who is not living is believed to be away by one node, for the time being.
//
//     leader   the least node id among the living replicas: a convention for who wants to agree on one, not a role
//
// Invariants: members are in order of name; version() is a function of all the rest, and never 0.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "crdt/ids.h"
#include "gossip/replication.h"

namespace kith {

struct Roster {
  struct Member {
    NodeId id;
    std::string name;
    std::string client_address;
    bool living = false;
    bool observer = false;                 // It takes no writes, and counts for nothing.
    friend bool operator==(const Member&, const Member&) = default;
  };
  ClusterId cluster;                       // None: the node does not belong to one yet, and there is nothing else.
  std::string name;
  ReplicationFactor replication;
  std::vector<Member> members;

  std::size_t size() const;                // How many replicas are living.
  NodeId leader() const;                   // None: none of them is.
  const Member* find(NodeId id) const;
  std::uint64_t version() const;
  // For people, each a line.
  std::vector<std::string> warnings() const;

  friend bool operator==(const Roster&, const Roster&) = default;
};

}  // namespace kith
