#include "node/send_queue.h"

#include <zmq.hpp>

namespace kith {

namespace {

struct Waiting {
  std::string bytes;
  std::shared_ptr<SendLoad> load;
  // SUBTLE: ZeroMQ hands the message to its I/O thread in a way that ThreadSanitizer cannot see; this makes it visible.
  std::atomic<bool> handed_over{false};
};

void release(void*, void* hint) {
  auto* waiting = static_cast<Waiting*>(hint);
  (void)waiting->handed_over.load(std::memory_order_acquire);
  waiting->load->remove(waiting->bytes.size());
  delete waiting;
}

}  // namespace

Sent send_counted(zmq::socket_t& socket, std::string bytes, const std::shared_ptr<SendLoad>& load) {
  auto waiting = std::make_unique<Waiting>();
  waiting->bytes = std::move(bytes);
  waiting->load = load;
  load->add(waiting->bytes.size());
  char* const data = waiting->bytes.data();
  const std::size_t size = waiting->bytes.size();
  Waiting* const owned = waiting.release();
  owned->handed_over.store(true, std::memory_order_release);  // Nothing of it is touched here after this.
  zmq::message_t message(data, size, release, owned);         // Releases it, sent or not.
  try {
    return socket.send(message, zmq::send_flags::dontwait) ? Sent::kQueued : Sent::kFull;
  } catch (const zmq::error_t& error) {
    if (error.num() == EHOSTUNREACH) return Sent::kUnreachable;
    throw;
  }
}

}  // namespace kith
