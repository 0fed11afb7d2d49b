// node/resolver.h -- asks name servers: what addresses a name stands for, and what services a domain has (DNS SRV).
//
// By c-ares, so that other name servers than the machine's can be asked: those of a service directory stand on ports of their own.
// Blocks for some seconds at most; keeps nothing between two questions.  Any thread.  Tests: tests/node/resolver_test.cc
#pragma once

#include <string>
#include <vector>

#include "node/address.h"

namespace kith {

struct Resolved {
  std::vector<Address> addresses;  // As numbers, each once.
  std::string problem;             // Why there are none, for people.
};

class Resolver {
 public:
  explicit Resolver(std::string servers = {}) : servers_(std::move(servers)) {}  // "127.0.0.1:53,..."; empty: the machine's.

  Resolved host(const Address& address) const;
  // "_kith._tcp.example.org": the addresses of all its targets, the first priority first.
  Resolved service(const std::string& name) const;

 private:
  std::string servers_;
};

}  // namespace kith
