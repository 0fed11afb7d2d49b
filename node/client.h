// node/client.h -- a client of a cluster, as a C++ library: what `kith`, `kith-bench` and the tests use.
//
//     Client client = Client::open({.addresses = {"10.0.0.1:8765", "10.0.0.2:8765"}});
//     Request add;  add.op = ClientOp::kSadd;  add.key = "likes";  add.members = {"kith"};
//     ClientReply reply = client.call(add, 5s);                    // ok, stored or refused: each with why, for people
//
// It is connected to one node at a time.  When that goes away, goes down, or can not do what is asked (its disk is full, its clock
// ahead, ..), the client moves to another one that it was told of, and says there again what was not answered: each write under the
// tag that it got when it was first said, so what was done already is not done twice (DESIGN.md, section 4), and each read.
// Nobody who calls notices, but for the time that it takes.
//
//     pipelined   send() .. send(), receive() .. receive(): as many at once as you like, answered in any order
//     idle        wait_for(): says a word every now and then, notices at once that the node is gone, and moves
//
// What it knows of the cluster comes with replies: roster().  It is the node's word, but for nodes that this client itself has
// found gone in the last half minute.
//
// A Client belongs to one thread.  Errors of the connection are ClientError; what a node says, good or bad, is a
// ClientReply.  Tests: tests/node/client_test.cc, moving_client_test.cc, and tests/cluster/client_kill_test.cc
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "node/client_error.h"
#include "node/client_protocol.h"
#include "node/instances.h"

namespace kith {

// Who a client is to the cluster, whichever node it talks to.  Carry it over when you connect to another node: a session
// has observed its own earlier writes, so its remove takes back its own add even at a node that has not heard of it yet.
// Never let two open Clients mint tags of one session: they might mint the same.
struct Session {
  ActorId actor;     // None: a new one is drawn.
  Timestamp newest;  // The greatest timestamp it has minted or seen.
};

struct ClientOptions {
  using Duration = std::chrono::milliseconds;

  std::vector<std::string> addresses{};  // HOST:PORT of any nodes; the others are learnt.  A name with many addresses is many.
  Route route = Route::kAny;
  Duration connect_timeout{5000};       // For open(): until the first node answers.
  Duration attempt_timeout{1000};       // For one node, then the next is tried.
  Duration heartbeat{1000};             // A node that has said nothing for so long is asked whether it is there,
  Duration silent{3000};                // and is left when it does not answer that for so long,
  Duration patience{24 * 3'600'000};    // When no node at all answered for so long: give up, though there were time left.
  Duration stuck{10'000};               // or does not answer a request for so long, beside what that waits for by itself.
  Session session{};
};

class Client {
 public:
  using Duration = std::chrono::milliseconds;

  // Connects to some node.  Throws ClientError(kConnect) when none answers in time, or one is of another cluster than the others.
  static Client open(ClientOptions options);

  // The same with one node, at which it stays: what is not answered there ends in ClientError(kTimeout), and a write without a tag
  // gets one from the node.  Throws ClientError(kConnect) when it does not answer within `timeout`.
  static Client connect(const std::string& address, Duration timeout, const Session& session = {});

  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  ~Client();

  const std::string& address() const;  // Of the node that it is connected to, or was last.
  const ClientReply& hello() const;    // What that said of itself when we connected.
  bool connected() const;
  std::uint64_t moves() const;         // How often it was connected; 1 after open().
  Roster roster() const;
  // Of all that do not answer, why, as far as is known.
  std::string failures() const;

  Session session() const;

  // A new tag of this session, above all it minted or saw before, close to the cluster's time.
  Tag mint_tag();

  // Sends and waits for the reply.  Sets the request's id, and, unless it stays at one node, the tag of a write that has none.
  // Throws ClientError: kConnect when no node could be reached in all that time, and nothing was sent.
  ClientReply call(Request request, Duration timeout);

  // Pipelined: send() returns the id under which receive() will give the reply, in any order.
  std::uint64_t send(Request request);
  std::optional<ClientReply> receive(Duration timeout);  // Nothing: none came in time.
  std::size_t in_flight() const;                         // Sent, and not given by receive() yet.

  // While nothing is asked.  True when `fd` is readable; false after `most`, or as soon as something changed: it moved, lost its
  // node, or learnt of another roster.
  bool wait_for(int fd, Duration most);

 private:
  struct Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kith
