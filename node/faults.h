// node/faults.h -- links that are cut or slowed on purpose: for tests, and only with --allow-faults.
//
//     cut PEER | heal PEER | heal | latency TIME | latency PEER TIME | show
//
// PEER is a node's name or its peer address.  A cut drops both directions; latency delays what is sent.  Knows nothing of
// sockets: Transport asks it.  Belongs to the engine's thread.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "crdt/ids.h"

namespace kith {

class Faults {
 public:
  struct Peer {
    std::string name;
    std::string address;
  };

  // Obeys a command.  Returns what is wrong with it, or nothing; then nothing changed.
  [[nodiscard]] std::string obey(const std::string& command);

  // Who is who, from the member table.
  void know(NodeId id, Peer peer) { peers_[id] = std::move(peer); }

  bool any() const { return !cut_.empty() || !latency_ms_.empty(); }
  bool cuts(NodeId peer, const std::string& address) const;  // Either may be unknown: none, empty.
  std::int64_t latency_ms(NodeId peer, const std::string& address) const;

  std::string document() const;  // JSON: {"cut": [..], "latency_ms": {"*": n, ..}}

 private:
  // All that `peer` may be called in a command.
  std::set<std::string> words_for(NodeId peer, const std::string& address) const;

  std::map<NodeId, Peer> peers_;
  std::set<std::string> cut_;
  std::map<std::string, std::int64_t> latency_ms_;  // "*": all that are not named.
};

}  // namespace kith
