// node/redis/loop.h -- one thread of the Redis port, with the clients that belong to it.
//
// Everything may be called on any thread; what it does to a client it does on its own.
#pragma once

#include <cstddef>
#include <memory>

#include "node/redis/cursors.h"
#include "node/redis/session.h"

namespace kith::redis {

class Loop {
 public:
  // `index` is in every ticket that this loop gives.
  Loop(std::size_t index, const Services& services, Cursors& cursors, PortFacts& facts);
  ~Loop();

  void start();
  void stop();                                                // Closes all connections.  Not on its own thread.
  void adopt(int socket, ClientState client);                 // Owns the socket from now on.
  void reply(Ticket ticket, ClientReply reply);
  void reply(std::vector<Reply> replies);  // To writes.
  void tell(std::shared_ptr<const std::vector<Message>> messages);  // To who subscribed; null: some were lost.
  void refuse_new();                                          // Connections end when they are owed nothing.
  std::size_t busy() const;                                   // Clients that are owed something.

  static std::size_t loop_of(Ticket ticket);                  // SIZE_MAX: of none.

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kith::redis
