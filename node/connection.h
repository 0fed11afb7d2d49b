// node/connection.h -- one connection of a client to one node: requests out, replies in, and whether it is still there.
//
//     connecting --> connected --> gone         a node that is not there, that goes away, or that is none
//
// ZeroMQ goes on by itself when a connection breaks; what was under way then is lost in silence.  So the breaks are watched, and
// a caller that wants to know begins a new Connection, perhaps to another node.  Belongs to one thread.
// Errors: ClientError.  Tests: tests/node/client_test.cc
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "node/client_error.h"
#include "node/client_protocol.h"

namespace kith {

class Connection {
 public:
  using Duration = std::chrono::milliseconds;
  using Instant = std::chrono::steady_clock::time_point;

  // Begins to connect, and does not wait for it.  Throws ClientError(kConnect) when `address` can be none.
  explicit Connection(const std::string& address);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  const std::string& address() const;

  // The request has its id.  Throws ClientError(kLimit), or kTimeout when too many wait to be sent.
  void send(const Request& request);

  // The next reply that is here already.  Throws ClientError(kProtocol).
  std::optional<ClientReply> receive();

  // Until there may be something to receive, the connection broke, `fd` is readable, or `until`.  A negative `fd` is none.
  void wait(Instant until, int fd = -1);

  bool refused();                  // An attempt to connect failed: nobody listens there, or not now.
  bool broke();                    // It was connected, and is not any more, or was not for a moment.
  bool unknown_host() const;       // The name of the host stands for no address.  Cost: may ask a name server.
  // How far it got, for people, when no answer came: "no node answers at ..".
  std::string explain(Duration waited);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

std::string in_seconds(Connection::Duration duration);  // "5 s", "250 ms"

}  // namespace kith
