// node/instances.h -- the nodes that a client may be connected to, and in which order it tries them.
//
//     seeds (what it was given)  +  roster (what the last node told)  -  own word (who did not answer lately)
//
// A client that finds a node gone knows that before the cluster does: for kOwnWordMs its own word counts more than the roster.
// Connects to nothing itself, reads no clock.  Tests: tests/node/instances_test.cc
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "gossip/roster.h"

namespace kith {

enum class Route : std::uint8_t {
  kAny,     // Whichever node answers.
  kLeader,  // The leader of the roster, and nobody else.
};

class Instances {
 public:
  static constexpr std::int64_t kOwnWordMs = 30'000;

  Instances(std::vector<std::string> seeds, Route route) : seeds_(std::move(seeds)), route_(route) {}

  void learn(const Roster& roster);              // Who was away by the last one, and is living by this, is not gone any more.
  const Roster& told() const { return told_; }
  Roster roster(std::int64_t now_ms) const;      // With our own word.

  // Nobody answered at this address, or `why` that node can not be used now.
  void failed(const std::string& address, const std::string& why, std::int64_t now_ms);
  void answered(const std::string& address);     // The contrary.
  // Also the node of that name: it was reached, or lost, under an address that is not the one that it tells.
  void failed_node(const std::string& name, std::int64_t now_ms);
  void answered_node(const std::string& name);

  // Addresses to try, the best first: the leader where that is asked for, who is living, who was not found gone; in an order made
  // of `draw` within these, so that the clients of a node that is gone spread over the others.  Each once.
  std::vector<std::string> in_order(std::int64_t now_ms, std::uint64_t draw) const;

  // Whether a client that is connected to the node of this name may stay there.
  bool may_stay(const std::string& name, std::int64_t now_ms) const;
  // Where the leader is; empty: there is none, or everybody will do.
  std::string leader_address(std::int64_t now_ms) const;

  // "127.0.0.1:1 (nobody listens there), .." of all that were tried, for people.
  std::string failures() const;

 private:
  struct Failure {
    std::string why;
    std::int64_t at_ms = 0;
  };
  bool gone(NodeId node, std::int64_t now_ms) const;

  std::vector<std::string> seeds_;
  Route route_;
  Roster told_;
  std::map<std::string, Failure> failures_;      // By address.
  std::map<NodeId, std::int64_t> gone_at_ms_;
};

}  // namespace kith
