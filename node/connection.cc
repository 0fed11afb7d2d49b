#include "node/connection.h"

#include <zmq.hpp>

#include <algorithm>
#include <atomic>
#include <mutex>

#include "crdt/limits.h"
#include "node/address.h"

namespace kith {

namespace {

// Twice what a client may reasonably have in flight (65,536): a send must never wait for a reply to be read.
constexpr int kQueueMessagesMax = 128 * 1024;
constexpr int kSendTimeoutMs = 5000;

// One context, and so one I/O thread, for all clients of a process; gone with the last of them.
std::shared_ptr<zmq::context_t> shared_context() {
  static std::mutex mutex;
  static std::weak_ptr<zmq::context_t> weak;
  const std::scoped_lock lock(mutex);
  auto context = weak.lock();
  if (!context) {
    context = std::make_shared<zmq::context_t>(1);
    zmq_ctx_set(context->handle(), ZMQ_MAX_SOCKETS, 16 * 1024);
    weak = context;
  }
  return context;
}

}  // namespace

std::string in_seconds(Connection::Duration duration) {
  const auto ms = duration.count();
  return ms % 1000 == 0 ? std::to_string(ms / 1000) + " s" : std::to_string(ms) + " ms";
}

struct Connection::Impl {
  explicit Impl(std::string where)
      : address(std::move(where)), context(shared_context()), socket(*context, zmq::socket_type::dealer),
        events(*context, zmq::socket_type::pair) {
    socket.set(zmq::sockopt::linger, 0);
    socket.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(kMessageBytesMax));
    socket.set(zmq::sockopt::sndhwm, kQueueMessagesMax);
    socket.set(zmq::sockopt::rcvhwm, kQueueMessagesMax);
    socket.set(zmq::sockopt::sndtimeo, kSendTimeoutMs);
    socket.set(zmq::sockopt::reconnect_ivl, 100);
    socket.set(zmq::sockopt::reconnect_ivl_max, 2000);
    socket.set(zmq::sockopt::ipv6, 1);
    events.set(zmq::sockopt::linger, 0);
    static std::atomic<unsigned> counter{0};
    const std::string name = "inproc://kith-client-" + std::to_string(++counter);
    constexpr int kWatched = ZMQ_EVENT_CONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CONNECT_RETRIED |
                             ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;
    if (zmq_socket_monitor(socket.handle(), name.c_str(), kWatched) == 0) events.connect(name);
  }
  ~Impl() { zmq_socket_monitor(socket.handle(), nullptr, 0); }

  void look() {
    zmq::message_t event;
    while (events.recv(event, zmq::recv_flags::dontwait)) {
      std::uint16_t number = 0;
      if (event.size() >= sizeof number) std::copy_n(event.data<char>(), sizeof number, reinterpret_cast<char*>(&number));
      while (event.more()) (void)events.recv(event, zmq::recv_flags::dontwait);
      connected |= number == ZMQ_EVENT_CONNECTED;
      shook_hands |= number == ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
      retried |= number == ZMQ_EVENT_CONNECT_RETRIED;
      broke |= number == ZMQ_EVENT_DISCONNECTED || number == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL || number == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;
    }
  }

  const std::string address;
  const std::shared_ptr<zmq::context_t> context;
  zmq::socket_t socket;
  zmq::socket_t events;
  bool connected = false, shook_hands = false, retried = false, broke = false;
};

Connection::Connection(const std::string& address) : impl_(std::make_unique<Impl>(address)) {
  try {
    impl_->socket.connect("tcp://" + address);
  } catch (const zmq::error_t& error) {
    throw ClientError(ClientError::Kind::kConnect,
                      "\"" + address + "\" is no address to connect to (" + error.what() + "): give HOST:PORT");
  }
}

Connection::~Connection() = default;

const std::string& Connection::address() const { return impl_->address; }

void Connection::send(const Request& request) {
  const std::string frame = encode(request);
  if (frame.size() > kMessageBytesMax) {
    throw ClientError(ClientError::Kind::kLimit, "the request has " + std::to_string(frame.size()) + " bytes; the limit of a message is " +
                                                     std::to_string(kMessageBytesMax) + ": send it in parts");
  }
  if (!impl_->socket.send(zmq::buffer(frame), zmq::send_flags::none)) {
    throw ClientError(ClientError::Kind::kTimeout,
                      impl_->address + " does not take requests: too many are waiting; read replies, or try again later");
  }
}

std::optional<ClientReply> Connection::receive() {
  zmq::message_t frame;
  if (!impl_->socket.recv(frame, zmq::recv_flags::dontwait)) return std::nullopt;
  if (frame.more()) {
    while (frame.more()) (void)impl_->socket.recv(frame, zmq::recv_flags::none);
    throw ClientError(ClientError::Kind::kProtocol, impl_->address + " answered in several frames: this is no Kith node");
  }
  auto decoded = decode_reply(frame.to_string_view());
  if (const auto* malformed = std::get_if<Malformed>(&decoded)) {
    throw ClientError(ClientError::Kind::kProtocol, "the answer of " + impl_->address + " could not be understood: " + malformed->message);
  }
  return std::move(std::get<ClientReply>(decoded));
}

void Connection::wait(Instant until, int fd) {
  // Rounded up, so that a wait does not end before its time.
  const auto left = std::chrono::ceil<Duration>(until - std::chrono::steady_clock::now());
  if (left.count() <= 0) return;
  impl_->look();  // What was seen need not be waited for.
  zmq::pollitem_t items[] = {{impl_->socket.handle(), 0, ZMQ_POLLIN, 0}, {impl_->events.handle(), 0, ZMQ_POLLIN, 0}, {nullptr, fd, ZMQ_POLLIN, 0}};
  (void)zmq_poll(items, fd < 0 ? 2 : 3, static_cast<long>(left.count()));  // Interrupted or not, we look.
}

bool Connection::refused() {
  impl_->look();
  return impl_->retried && !impl_->connected;
}

bool Connection::broke() {
  impl_->look();
  return impl_->broke;
}

bool Connection::unknown_host() const {
  const auto address = parse_address(impl_->address);
  return address && resolve_all(*address).empty();
}

std::string Connection::explain(Duration waited) {
  impl_->look();
  const std::string so_long = " (waited " + in_seconds(waited) + ")";
  if (!impl_->connected && unknown_host()) {
    return "no node answers at " + impl_->address + so_long +
           ": the name of the host stands for no address; is it spelled right, and does the name server know it?";
  }
  if (!impl_->connected) {
    return "no node answers at " + impl_->address + so_long +
           ": nothing accepts connections there; is kithd running, and is this its client address?";
  }
  if (!impl_->shook_hands) {
    return impl_->address + " accepts connections but does not speak ZeroMQ" + so_long + ": this is no Kith node";
  }
  return impl_->address + " speaks ZeroMQ but did not answer hello" + so_long +
         ": is this the client port, not the peer port, and is the node alive?";
}

}  // namespace kith
