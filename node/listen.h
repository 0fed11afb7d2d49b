// node/listen.h -- binds a ZeroMQ socket to HOST:PORT and says where it really listens.
#pragma once

#include <stdexcept>
#include <string>

namespace zmq {
class socket_t;
}

namespace kith {

// For people: what could not be bound, and why.
class ListenError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// `purpose` completes "cannot listen for ...".  Returns `address` with the port that the system chose, if it was 0.
// Throws ListenError.  Cost: may ask a name server.
std::string listen_on(zmq::socket_t& socket, const std::string& address, const std::string& purpose);

// What others shall be told: `advertised`, with the port of `bound` if it has none; `bound` when it is empty.
std::string advertised_address(const std::string& advertised, const std::string& bound);

}  // namespace kith
