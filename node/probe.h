// node/probe.h -- what answers at an address that should be the peer port of a node: connects, listens for a moment, hangs up.
#pragma once

#include <chrono>
#include <string>

#include "node/address.h"

namespace kith {

enum class Probe {
  kNobody,      // Nobody accepts connections, or not in time.
  kOther,       // Somebody does, and speaks another protocol than ZeroMQ, or nothing.
  kZeroMq,
};

// `address` is a number.
Probe probe(const Address& address, std::chrono::milliseconds most);

}  // namespace kith
