// node/address.h -- HOST:PORT, as people write it and as sockets want it.
//
//     address := host ':' port        host: a name, an IPv4 address, or an IPv6 address in brackets
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kith {

struct Address {
  std::string host;  // Without brackets.
  std::uint16_t port = 0;

  bool any_host() const { return host == "0.0.0.0" || host == "::" || host == "*"; }  // Binds; nobody can connect to it.
  friend bool operator==(const Address&, const Address&) = default;
};

// Nothing when it is none; `problem`, if given, then says why.
std::optional<Address> parse_address(std::string_view text, std::string* problem = nullptr);
std::string to_string(const Address& address);

// The same with the host as a number, because ZeroMQ binds to numbers only.  Nothing when the name cannot be resolved.
// Cost: may ask a name server.
std::optional<Address> resolve(const Address& address);
// All that a name stands for, each once; none when it cannot be resolved.  The same cost.
std::vector<Address> resolve_all(const Address& address);

}  // namespace kith
