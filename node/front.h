// node/front.h -- the client port: takes requests in, hands them out, gives replies back.
//
//     clients ---> ROUTER ---> Front's thread ---> on_request(ticket, request)     must not block
//     clients <--- ROUTER <--- Front's thread <--- reply(ticket, ..)               any thread, once a ticket
//
// Invariants:
//   I1. Every request that could be read gets one reply, unless its client is gone.
//   I2. A client that says which roster it knows is sent the one that was told last, when it is another: once, over one connection.
//   I3. What is in flight is bounded by count and by bytes, a client and over all; a request counts until its reply has
//       left for the kernel.  Above that it is answered `busy` at once.
// A ping is answered here: who is only asked whether it is there does not wait for the engine.
// What cannot be read and has no id is dropped and counted.  Owns its thread and its socket.  The machine's refusal to
// listen is a ListenError.  Tests: tests/node/front_test.cc
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "node/client_protocol.h"

namespace kith {

struct FrontLimits {
  std::size_t client_requests_max = 80 * 1024;  // Room for a client that pipelines 65,536.
  std::size_t client_bytes_max = 64 * 1024 * 1024;
  std::size_t requests_max = 256 * 1024;
  std::size_t bytes_max = 256 * 1024 * 1024;
};

struct FrontCounters {
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> replies{0};
  std::atomic<std::uint64_t> busy{0};
  std::atomic<std::uint64_t> malformed{0};              // Answered with an error.
  std::atomic<std::uint64_t> dropped_unreadable{0};     // Not even an id.
  std::atomic<std::uint64_t> dropped_frame_count{0};    // A message of another number of frames than one.
  std::atomic<std::uint64_t> dropped_client_gone{0};
  std::atomic<std::uint64_t> dropped_queue_full{0};
  std::atomic<std::uint64_t> pings{0};
  std::atomic<std::uint64_t> rosters{0};                // Sent along with replies.
};

using Ticket = std::uint64_t;

class Front {
 public:
  // Called on the front's thread.
  using OnRequest = std::function<void(Ticket ticket, Request request)>;
  // Adds to every reply what all have: time and name.
  using Complete = std::function<void(ClientReply& reply)>;

  // Listens on `address`; takes requests once start() was called.
  Front(const std::string& address, const FrontLimits& limits, Complete complete);
  ~Front();
  Front(const Front&) = delete;
  Front& operator=(const Front&) = delete;

  const std::string& address() const;  // With the real port.
  void start(OnRequest on_request);

  // Any thread.  REQUIRES: the ticket was handed out and not replied to yet.
  void reply(Ticket ticket, ClientReply reply);

  // What clients are told of the cluster from now on.  Any thread.
  void tell(const Roster& roster);

  // From now on every request is answered that the node is going down.
  void refuse_new();
  // Waits until all replies have left, or the time is over.  Returns whether they have.
  bool drain(std::chrono::milliseconds most);
  // Ends the thread: nothing is handed out any more.  Replies may still be given; nobody gets them.
  void stop();

  const FrontCounters& counters() const;
  std::size_t requests_in_flight() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kith
