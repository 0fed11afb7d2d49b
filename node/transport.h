// node/transport.h -- the peer side: frames from and to other nodes, best effort.
//
//     others' DEALERs ---> one ROUTER, receive only        one DEALER a peer, send only ---> their ROUTERs
//
// Invariants:
//   I1. Nothing is taken from routing ids: who speaks is in the frame.  No HANDOVER, no CONNECT_ROUTING_ID.
//   I2. One payload frame a message; anything else is dropped and counted.
//   I3. Never blocks: what does not fit into a peer's queue (kPeerQueueBytesMax), and what is said to a peer that is not
//       connected, is dropped and counted.  Only a connection that is just being made is waited for, a second at most.
//
// Belongs to one thread.  The machine's refusal to listen is a ListenError.  Tests: tests/node/transport_test.cc
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "crdt/ids.h"

namespace kith {

class Faults;

inline constexpr std::size_t kPeerQueueBytesMax = 64 * 1024 * 1024;
inline constexpr std::int64_t kPeerIdleMsMax = 5 * 60 * 1000;  // Then its DEALER is dropped.

struct TransportCounters {
  std::uint64_t frames_received = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t frames_sent = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t dropped_frame_count = 0;   // A message of another number of frames than one.
  std::uint64_t dropped_queue_full = 0;    // To a peer that does not take it, or is not connected.
  std::uint64_t dropped_oversize = 0;      // Larger than any receiver accepts.
  std::uint64_t dropped_address = 0;       // To what is no address.
  std::uint64_t dropped_by_fault = 0;
  std::uint64_t connections = 0;           // DEALERs now.
};

class Transport {
 public:
  using SenderOf = std::function<std::optional<NodeId>(std::string_view frame)>;

  // Listens on `address`.  `faults` may be null: then nothing is ever cut; else `sender_of` tells who sent a frame.
  Transport(const std::string& address, const Faults* faults, SenderOf sender_of);
  ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  const std::string& address() const;  // With the real port.
  void* poll_handle() const;           // For zmq_poll(): readable when receive() has something.

  // The next frame, or nothing when none waits.
  std::optional<std::string> receive();

  // Best effort.  `to` is none while only the address is known.
  void send(const std::string& address, NodeId to, std::string bytes, std::int64_t now_ms);

  // A new life was seen behind this address: connects afresh, instead of after what is left of a pause.
  void reconnect(const std::string& address, std::int64_t now_ms);

  // Sends what was delayed and is due, and what waited for a connection, lets go of peers unused for kPeerIdleMsMax.  Returns when to be called again.
  std::int64_t tick(std::int64_t now_ms);

  // Bytes that ZeroMQ still has to send.
  std::size_t bytes_waiting() const;
  const TransportCounters& counters() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kith
