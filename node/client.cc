#include "node/client.h"

#include <zmq.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <deque>
#include <mutex>
#include <random>
#include <unordered_set>

#include "crdt/limits.h"

namespace kith {

namespace {

using SteadyClock = std::chrono::steady_clock;

// Twice what a client may reasonably have in flight (65,536): a send must never wait for a reply to be read.
constexpr int kQueueMessagesMax = 128 * 1024;
constexpr Client::Duration kHelloAgain{500};
constexpr Client::Duration kSendTimeout{5000};

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

std::uint64_t random_session() {
  std::random_device device;
  std::uint64_t value = 0;
  while (value == 0) value = (std::uint64_t{device()} << 32) | device();
  return value;
}

std::string seconds(Client::Duration duration) {
  const auto ms = duration.count();
  return ms % 1000 == 0 ? std::to_string(ms / 1000) + " s" : std::to_string(ms) + " ms";
}

// How far connecting got, for a sentence that helps.
class ConnectWatch {
 public:
  ConnectWatch(zmq::context_t& context, zmq::socket_t& watched) : events_(context, zmq::socket_type::pair) {
    static std::atomic<unsigned> counter{0};
    const std::string name = "inproc://kith-client-" + std::to_string(++counter);
    events_.set(zmq::sockopt::linger, 0);
    if (zmq_socket_monitor(watched.handle(), name.c_str(), ZMQ_EVENT_CONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED) == 0) {
      events_.connect(name);
    }
  }

  std::string explain(const std::string& address, Client::Duration timeout) {
    bool connected = false;
    bool shook_hands = false;
    zmq::message_t event;
    while (events_.recv(event, zmq::recv_flags::dontwait)) {
      std::uint16_t number = 0;
      if (event.size() >= sizeof number) std::copy_n(event.data<char>(), sizeof number, reinterpret_cast<char*>(&number));
      connected |= number == ZMQ_EVENT_CONNECTED;
      shook_hands |= number == ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
      while (event.more()) (void)events_.recv(event, zmq::recv_flags::dontwait);
    }
    const std::string waited = " (waited " + seconds(timeout) + ")";
    if (!connected) {
      return "no node answers at " + address + waited +
             ": nothing accepts connections there; is kithd running, and is this its client address?";
    }
    if (!shook_hands) {
      return address + " accepts connections but does not speak ZeroMQ" + waited + ": this is no Kith node";
    }
    return address + " speaks ZeroMQ but did not answer hello" + waited +
           ": is this the client port, not the peer port, and is the node alive?";
  }

 private:
  zmq::socket_t events_;
};

}  // namespace

struct Client::Impl {
  Impl(std::string where, const Session& carried)
      : address(std::move(where)), context(shared_context()), socket(*context, zmq::socket_type::dealer),
        session(carried.actor ? carried.actor : ActorId{random_session()}), newest(carried.newest) {
    socket.set(zmq::sockopt::linger, 0);
    socket.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(kMessageBytesMax));
    socket.set(zmq::sockopt::sndhwm, kQueueMessagesMax);
    socket.set(zmq::sockopt::rcvhwm, kQueueMessagesMax);
    socket.set(zmq::sockopt::sndtimeo, static_cast<int>(kSendTimeout.count()));
    socket.set(zmq::sockopt::reconnect_ivl, 100);
    socket.set(zmq::sockopt::reconnect_ivl_max, 2000);
  }

  void send(Request& request) {
    request.id = ++last_id;
    const std::string frame = encode(request);
    if (frame.size() > kMessageBytesMax) {
      throw ClientError(ClientError::Kind::kLimit, "the request has " + std::to_string(frame.size()) +
                                                       " bytes; the limit of a message is " +
                                                       std::to_string(kMessageBytesMax) + ": send it in parts");
    }
    if (!socket.send(zmq::buffer(frame), zmq::send_flags::none)) {
      throw ClientError(ClientError::Kind::kTimeout,
                        address + " does not take requests: too many are waiting; read replies, or try again later");
    }
  }

  // The next message that is a reply to somebody, whoever that is; nothing when none came until `deadline`.
  std::optional<ClientReply> next_reply(SteadyClock::time_point deadline) {
    for (;;) {
      zmq::message_t frame;
      if (!socket.recv(frame, zmq::recv_flags::dontwait)) {
        // Rounded up, so that a wait does not end before its time.
        const auto left = std::chrono::ceil<Duration>(deadline - SteadyClock::now());
        if (left.count() <= 0) return std::nullopt;
        zmq::pollitem_t item{socket.handle(), 0, ZMQ_POLLIN, 0};
        (void)zmq_poll(&item, 1, static_cast<long>(left.count()));  // Interrupted or not, we look.
        continue;
      }
      if (frame.more()) {
        while (frame.more()) (void)socket.recv(frame, zmq::recv_flags::none);
        throw ClientError(ClientError::Kind::kProtocol, address + " answered in several frames: this is no Kith node");
      }
      auto decoded = decode_reply(frame.to_string_view());
      if (const auto* malformed = std::get_if<Malformed>(&decoded)) {
        throw ClientError(ClientError::Kind::kProtocol,
                          "the answer of " + address + " could not be understood: " + malformed->message);
      }
      ClientReply reply = std::move(std::get<ClientReply>(decoded));
      learn_time(reply.time);
      return reply;
    }
  }

  void learn_time(Timestamp time) {
    time_base = time;
    time_learned = SteadyClock::now();
    newest = std::max(newest, time);
  }

  Tag mint_tag() {
    const auto elapsed = std::chrono::duration_cast<Duration>(SteadyClock::now() - time_learned).count();
    const Timestamp now = Timestamp::at_ms(std::min(time_base.ms() + elapsed, Timestamp::kMillisecondsMax));
    newest = std::max(now, Timestamp{newest.value + 1});
    return {newest, session};
  }

  std::string address;
  std::shared_ptr<zmq::context_t> context;
  zmq::socket_t socket;
  ClientReply hello;
  const ActorId session;
  std::uint64_t last_id = 0;
  std::unordered_set<std::uint64_t> in_flight;  // Sent by send(), not answered yet.
  std::deque<ClientReply> early;                // Answers to send() that came while call() waited for its own.

  Timestamp time_base;  // Of the last reply,
  SteadyClock::time_point time_learned;
  Timestamp newest;     // The greatest minted or seen.
};

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

const std::string& Client::address() const { return impl_->address; }
const ClientReply& Client::hello() const { return impl_->hello; }
Tag Client::mint_tag() { return impl_->mint_tag(); }

Session Client::session() const { return {impl_->session, impl_->newest}; }

Client Client::connect(const std::string& address, Duration timeout, const Session& session) {
  auto impl = std::make_unique<Impl>(address, session);
  ConnectWatch watch(*impl->context, impl->socket);
  const auto deadline = SteadyClock::now() + timeout;
  try {
    impl->socket.connect("tcp://" + address);
  } catch (const zmq::error_t& error) {
    throw ClientError(ClientError::Kind::kConnect,
                      "\"" + address + "\" is no address to connect to (" + error.what() + "): give HOST:PORT");
  }
  do {
    // Said again from time to time: a hello that reached a node just before it went down is lost.
    Request hello;
    hello.op = ClientOp::kHello;
    try {
      impl->send(hello);
      const auto again = std::min(deadline, SteadyClock::now() + kHelloAgain);
      while (auto reply = impl->next_reply(again)) {
        if (reply->id > impl->last_id) continue;
        if (reply->status != Status::kOk) {
          throw ClientError(ClientError::Kind::kConnect, address + " does not take us: " + reply->message);
        }
        impl->hello = std::move(*reply);
        zmq_socket_monitor(impl->socket.handle(), nullptr, 0);
        return Client(std::move(impl));
      }
    } catch (const ClientError& error) {
      if (error.kind() == ClientError::Kind::kConnect) throw;
      throw ClientError(ClientError::Kind::kConnect, error.what());
    }
  } while (SteadyClock::now() < deadline);
  throw ClientError(ClientError::Kind::kConnect, watch.explain(address, timeout));
}

ClientReply Client::call(Request request, Duration timeout) {
  const auto deadline = SteadyClock::now() + timeout;
  impl_->send(request);
  while (auto reply = impl_->next_reply(deadline)) {
    if (reply->id == request.id) return std::move(*reply);
    // What is neither ours nor awaited is the late answer to a call that was given up.
    if (impl_->in_flight.erase(reply->id) != 0) impl_->early.push_back(std::move(*reply));
  }
  throw ClientError(ClientError::Kind::kTimeout,
                    impl_->address + " did not answer \"" + std::string(to_string(request.op)) + "\" within " +
                        seconds(timeout) +
                        (is_write(request.op) ? ": the write may or may not have happened; retry it with the same tag"
                                              : ": try again"));
}

std::uint64_t Client::send(Request request) {
  impl_->send(request);
  impl_->in_flight.insert(request.id);
  return request.id;
}

std::optional<ClientReply> Client::receive(Duration timeout) {
  if (!impl_->early.empty()) {
    ClientReply reply = std::move(impl_->early.front());
    impl_->early.pop_front();
    return reply;
  }
  const auto deadline = SteadyClock::now() + timeout;
  while (auto reply = impl_->next_reply(deadline)) {
    if (impl_->in_flight.erase(reply->id) != 0) return reply;
  }
  return std::nullopt;
}

}  // namespace kith
