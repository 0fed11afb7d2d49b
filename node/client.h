// node/client.h -- a client's connection to one node, as a C++ library: what `kith`, `kith-bench` and the tests use.
//
//     auto client = Client::connect("127.0.0.1:8765", 5s);        // says hello, learns the cluster's time
//     Request add;  add.op = ClientOp::kSadd;  add.key = "likes";  add.members = {"kith"};
//     add.tag = client.mint_tag();                                 // once; every retry carries the same
//     ClientReply reply = client.call(add, 5s);
//
// A Client belongs to one thread.  Errors of the connection are ClientError; what the node says, good or bad, is a
// ClientReply.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "node/client_protocol.h"

namespace kith {

class ClientError : public std::runtime_error {
 public:
  enum class Kind {
    kConnect,   // Nobody answered at that address, or not a Kith node.
    kTimeout,   // Connected, but no reply in time.  A write may or may not have happened: retry it with its tag.
    kProtocol,  // An answer that could not be understood.
    kLimit,     // The request is larger than a message may be; nothing was sent.
  };
  ClientError(Kind kind, const std::string& what) : std::runtime_error(what), kind_(kind) {}
  Kind kind() const { return kind_; }

 private:
  Kind kind_;
};

// Who a client is to the cluster, whichever node it talks to.  Carry it over when you connect to another node: a session
// has observed its own earlier writes, so its remove takes back its own add even at a node that has not heard of it yet.
// Never let two open Clients mint tags of one session: they might mint the same.
struct Session {
  ActorId actor;     // None: a new one is drawn.
  Timestamp newest;  // The greatest timestamp it has minted or seen.
};

class Client {
 public:
  using Duration = std::chrono::milliseconds;

  // Connects and says hello.  Throws ClientError(kConnect) when no node answers within `timeout`.
  static Client connect(const std::string& address, Duration timeout, const Session& session = {});
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  ~Client();

  const std::string& address() const;
  const ClientReply& hello() const;   // What the node said of itself when we connected.

  Session session() const;

  // A new tag of this session, above all it minted or saw before, close to the cluster's time.
  Tag mint_tag();

  // Sends and waits for the reply.  Sets the request's id.  Throws ClientError.
  ClientReply call(Request request, Duration timeout);

  // Pipelined: send() returns the id under which receive() will give the reply, in any order.
  std::uint64_t send(Request request);
  std::optional<ClientReply> receive(Duration timeout);  // Nothing: none came in time.

 private:
  struct Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kith
