// node/send_queue.h -- sends a message through ZeroMQ and knows how many bytes wait there.
//
// ZeroMQ bounds its queues by messages only, and messages here differ in size by a factor of 20,000.  So each message
// carries a note that ZeroMQ's I/O thread gives back when the message has left for the kernel, or was dropped.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>

namespace zmq {
class socket_t;
}

namespace kith {

// What waits in ZeroMQ.  Shared with its I/O thread, and so outlives the socket.
struct SendLoad {
  std::atomic<std::size_t> messages{0};
  std::atomic<std::size_t> bytes{0};
  std::shared_ptr<SendLoad> whole;  // What this is a part of, if anything; set before use.

  void add(std::size_t size) {
    messages.fetch_add(1);
    bytes.fetch_add(size);
    if (whole) whole->add(size);
  }
  void remove(std::size_t size) {
    messages.fetch_sub(1);
    bytes.fetch_sub(size);
    if (whole) whole->remove(size);
  }
};

enum class Sent {
  kQueued,
  kFull,         // The high-water mark is reached, or nobody is connected (IMMEDIATE).
  kUnreachable,  // A ROUTER that knows no such client.
};

// Never blocks.  `bytes` moves: not copied.
Sent send_counted(zmq::socket_t& socket, std::string bytes, const std::shared_ptr<SendLoad>& load);

}  // namespace kith
