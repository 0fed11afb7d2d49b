// tests/soak/peer_proxy.h -- what stands between the nodes of a soak: every message from one to another goes through here.
//
//     n1 --DEALER--> ROUTER, as n2's address was told --[link n1 -> n2]--> DEALER --> n2's real ROUTER
//
// A link loses, repeats and delays messages (LinkWeather), each drawn by itself, or is cut: then all of them vanish, in silence, and
// nobody's connection breaks.  Connections break on demand.  Who sent a message is in it, so nothing is known of connections; a message of
// somebody unknown passes.  One thread of its own; all verbs from any thread.  Tests: tests/soak/peer_proxy_test.cc
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "crdt/ids.h"
#include "tests/soak/link_weather.h"

namespace kith::soak {

struct ProxyCounters {
  std::uint64_t passed = 0;
  std::uint64_t lost = 0;         // By weather.
  std::uint64_t cut = 0;
  std::uint64_t repeated = 0;
  std::uint64_t delayed = 0;
  std::uint64_t unreachable = 0;  // The node is down, or does not take more.
};

class PeerProxy {
 public:
  PeerProxy(std::size_t nodes, std::uint64_t seed);
  ~PeerProxy();
  PeerProxy(const PeerProxy&) = delete;
  PeerProxy& operator=(const PeerProxy&) = delete;

  const std::string& address(std::size_t node) const;  // What the others are told.
  void lead_to(std::size_t node, const std::string& real_address);
  void know(NodeId id, std::size_t node);

  void set_weather(const LinkWeather& weather);        // Of all links.
  void cut(std::size_t from, std::size_t to, bool cut);
  void break_connections(std::size_t node);            // All that lead to it or come from it, once.
  void heal();                                         // No cuts, fair weather.

  ProxyCounters counters() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kith::soak
