#include "node/listen.h"

#include <zmq.hpp>

#include "crdt/check.h"
#include "node/address.h"

namespace kith {

std::string listen_on(zmq::socket_t& socket, const std::string& address, const std::string& purpose) {
  auto asked = parse_address(address);
  KITH_CHECK(asked.has_value(), "an address that the configuration let pass", address);
  const auto number = resolve(*asked);
  if (!number) throw ListenError("cannot listen for " + purpose + " on " + address + ": that host has no address");
  try {
    socket.bind("tcp://" + to_string(*number));
  } catch (const zmq::error_t& error) {
    throw ListenError("cannot listen for " + purpose + " on " + address + ": " + error.what() +
                      (error.num() == EADDRINUSE ? "; another process has that port: stop it, or choose another" : ""));
  }
  const std::string endpoint = socket.get(zmq::sockopt::last_endpoint);
  const auto bound = parse_address(endpoint.substr(endpoint.find("//") + 2));
  KITH_CHECK(bound.has_value(), "ZeroMQ names an endpoint that is none", endpoint);
  asked->port = bound->port;
  return to_string(*asked);
}

std::string advertised_address(const std::string& advertised, const std::string& bound) {
  if (advertised.empty()) return bound;
  auto told = parse_address(advertised);
  const auto real = parse_address(bound);
  KITH_CHECK(told && real, "an address that the configuration let pass", advertised, bound);
  if (told->port == 0) told->port = real->port;
  return to_string(*told);
}

}  // namespace kith
