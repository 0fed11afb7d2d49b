// node/redis/port.h -- the Redis port: listens, and lets any client of Redis read and write what this node holds.
//
//     clients <--TCP--> loop 0..n-1: Connection, Session --reads--> Store (snapshots)
//                                        +----------writes--------> EngineThread --reply()--> the loop that asked
//
// A connection stays with one loop, so nothing in it is locked; a loop is one thread.  Writes of all its clients that came in
// one turn are submitted together.  No snapshot is held while a loop sleeps.
// What is held for clients is bounded (node/redis/limits.h): who fetches no answers is asked no more, and past the bound of
// all clients the one that has been waited for longest is cut off.
// Tests: tests/node/redis_port_test.cc, with real clients: tests/redis_clients/
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "node/commit_watch.h"
#include "node/front.h"
#include "node/redis/port_facts.h"
#include "node/redis/services.h"

namespace kith::redis {

class Port {
 public:
  struct Options {
    std::string address;             // Port 0 lets the system choose.
    std::size_t threads = 2;
    std::size_t clients_max = 10'000;
  };

  // Listens; takes nobody in before start().  Throws ListenError.
  Port(const Options& options, Services services);
  ~Port();
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  const std::string& address() const;  // With the real port.
  const PortFacts& facts() const;
  void start();

  static bool gave(Ticket ticket);               // Whether a ticket is of a Redis port, not of a front.
  void reply(Ticket ticket, ClientReply reply);  // Any thread.
  void reply(std::vector<Reply> replies);        // The same, to writes; each has its ticket as its request.

  // For the engine's thread: sees what commits change, for those who subscribed.
  CommitWatch& watch();

  // Takes nobody in any more, and no commands.
  void refuse_new();
  // Waits until all answers have left, or the time is over.  Returns whether they have.
  bool drain(std::chrono::milliseconds most);
  void stop();  // Closes all connections and ends the threads.

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kith::redis
