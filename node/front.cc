#include "node/front.h"

#include <zmq.hpp>

#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "crdt/check.h"
#include "crdt/limits.h"
#include "node/listen.h"
#include "node/send_queue.h"
#include "node/waker.h"

namespace kith {

namespace {

// Above what one client may have in flight, busy errors included: a ROUTER drops silently past its mark.
constexpr int kQueueMessagesMax = 256 * 1024;
// Requests taken before replies are looked at again.
constexpr int kRequestsATurn = 512;
// Clients are forgotten when nothing of theirs is in flight; looked at when there are this many more.
constexpr std::size_t kClientsSweep = 1024;
// What a roster takes in a reply beside its own bytes: its name, and a larger count of entries.
constexpr std::size_t kRosterRoom = 16;

}  // namespace

struct Front::Impl {
  struct Client {
    std::string routing_id;
    std::shared_ptr<SendLoad> replies = std::make_shared<SendLoad>();
    std::size_t requests = 0;  // Handed out.
    std::size_t bytes = 0;
    std::uint64_t roster_sent = 0;
  };
  struct Pending {
    std::shared_ptr<Client> client;
    std::size_t bytes = 0;
    std::optional<std::uint64_t> roster;  // That it knew when it asked.
  };
  struct News {
    std::uint64_t version = 0;
    std::string bytes;
  };
  struct Outgoing {
    Ticket ticket = 0;
    std::string bytes;
  };

  Impl(const std::string& where, const FrontLimits& the_limits, Complete the_complete)
      : router(context, zmq::socket_type::router), limits(the_limits), complete(std::move(the_complete)) {
    router.set(zmq::sockopt::linger, 0);
    router.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(kMessageBytesMax));
    router.set(zmq::sockopt::handshake_ivl, 3000);
    router.set(zmq::sockopt::heartbeat_ivl, 5000);
    router.set(zmq::sockopt::heartbeat_timeout, 15'000);
    router.set(zmq::sockopt::router_mandatory, 1);
    router.set(zmq::sockopt::sndhwm, kQueueMessagesMax);
    router.set(zmq::sockopt::ipv6, 1);
    address = listen_on(router, where, "clients");
  }

  void run() {
    while (!stop) {
      zmq::pollitem_t items[] = {{router.handle(), 0, ZMQ_POLLIN, 0}, {nullptr, waker.fd(), ZMQ_POLLIN, 0}};
      (void)zmq_poll(items, 2, -1);  // Interrupted or not, we look.
      waker.clear();
      send_replies();
      // SUBTLE: a ZeroMQ socket signals once; whatever is left when this returns is still there at the next poll.
      for (int i = 0; i < kRequestsATurn && take_request(); ++i) {
      }
      if (clients.size() > sweep_at) sweep();
    }
  }

  bool take_request() {
    zmq::message_t who;
    if (!router.recv(who, zmq::recv_flags::dontwait)) return false;
    zmq::message_t part;
    zmq::message_t frame;
    std::size_t frames = 0;
    bool more = who.more();
    while (more && router.recv(part, zmq::recv_flags::dontwait)) {
      more = part.more();
      if (++frames == 1) frame = std::move(part);
    }
    if (frames != 1) {
      ++counters.dropped_frame_count;
      return true;
    }
    ++counters.requests;
    auto& client = clients[who.to_string()];
    if (!client) {
      client = std::make_shared<Client>();
      client->routing_id = who.to_string();
      client->replies->whole = all_replies;
    }
    auto decoded = decode_request(frame.to_string_view());
    if (const auto* malformed = std::get_if<Malformed>(&decoded)) {
      if (malformed->id == 0) {
        ++counters.dropped_unreadable;
      } else {
        ++counters.malformed;
        Request unread;
        unread.id = malformed->id;
        refuse(*client, unread, malformed->code, malformed->message);
      }
      return true;
    }
    Request& request = std::get<Request>(decoded);
    if (refusing) {
      refuse(*client, request, "stopping", "this node is going down: ask another one");
    } else if (request.op == ClientOp::kPing) {
      ++counters.pings;
      answer(*client, request, {});
    } else if (over_limits(*client, frame.size())) {
      ++counters.busy;
      refuse(*client, request, "busy",
             "this node has as much in flight as it takes; nothing was done: send it again in a moment");
    } else {
      const Ticket ticket = ++last_ticket;
      pending.emplace(ticket, Pending{client, frame.size(), request.roster});
      ++client->requests;
      client->bytes += frame.size();
      ++requests_out;
      bytes_out += frame.size();
      on_request(ticket, std::move(request));
    }
    return true;
  }

  bool over_limits(const Client& client, std::size_t bytes) const {
    return client.requests + client.replies->messages.load() >= limits.client_requests_max ||
           client.bytes + client.replies->bytes.load() + bytes > limits.client_bytes_max ||
           requests_out + all_replies->messages.load() >= limits.requests_max ||
           bytes_out + all_replies->bytes.load() + bytes > limits.bytes_max;
  }

  void refuse(Client& client, const Request& request, const std::string& code, const std::string& message) {
    ClientReply out;
    out.status = Status::kError;
    out.code = code;
    out.message = message;
    answer(client, request, std::move(out));
  }

  void answer(Client& client, const Request& request, ClientReply out) {
    out.id = request.id;
    complete(out);
    // Not counted as in flight: small, and bounded by the mark of the queue.
    send(client, encode(out), refusals, request.roster);
  }

  // SUBTLE: what a client has been sent over its connection it will have read before what comes behind it, so requests that it
  // sent before it knew are answered without.  Else a thousand of them would be answered with a thousand rosters.
  void send(Client& client, std::string bytes, const std::shared_ptr<SendLoad>& load, const std::optional<std::uint64_t>& known) {
    const std::shared_ptr<const News> latest = std::atomic_load(&news);
    const bool tells = known && latest && latest->version != *known && latest->version != client.roster_sent &&
                       bytes.size() + latest->bytes.size() + kRosterRoom <= kMessageBytesMax;
    if (tells) add_roster(bytes, latest->bytes);
    if (!queue(client, std::move(bytes), load) || !tells) return;
    client.roster_sent = latest->version;
    ++counters.rosters;
  }

  // Whether it is on its way.
  bool queue(const Client& client, std::string bytes, const std::shared_ptr<SendLoad>& load) {
    Sent sent = Sent::kUnreachable;
    try {
      if (router.send(zmq::buffer(client.routing_id), zmq::send_flags::sndmore | zmq::send_flags::dontwait)) {
        sent = send_counted(router, std::move(bytes), load);
      } else {
        sent = Sent::kFull;
      }
    } catch (const zmq::error_t& error) {
      if (error.num() != EHOSTUNREACH) throw;
    }
    if (sent == Sent::kQueued) ++counters.replies;
    if (sent == Sent::kFull) ++counters.dropped_queue_full;
    if (sent == Sent::kUnreachable) ++counters.dropped_client_gone;
    return sent == Sent::kQueued;
  }

  void send_replies() {
    std::vector<Outgoing> ready;
    {
      const std::scoped_lock lock(mutex);
      ready.swap(outgoing);
    }
    for (Outgoing& reply : ready) {
      const auto found = pending.find(reply.ticket);
      KITH_CHECK(found != pending.end(), "a ticket that is not out was replied to", reply.ticket);
      Client& client = *found->second.client;
      --client.requests;
      client.bytes -= found->second.bytes;
      bytes_out -= found->second.bytes;
      send(client, std::move(reply.bytes), client.replies, found->second.roster);
      pending.erase(found);
      --requests_out;  // Last, so that drain() sees the reply either here or in a queue.
    }
  }

  void sweep() {
    std::erase_if(clients, [](const auto& entry) {
      return entry.second->requests == 0 && entry.second->replies->messages.load() == 0;
    });
    sweep_at = clients.size() + kClientsSweep;
  }

  zmq::context_t context{1};
  zmq::socket_t router;
  std::string address;
  const FrontLimits limits;
  Complete complete;
  OnRequest on_request;
  FrontCounters counters;

  // The front's thread.
  std::unordered_map<std::string, std::shared_ptr<Client>> clients;
  std::unordered_map<Ticket, Pending> pending;
  Ticket last_ticket = 0;
  std::size_t sweep_at = kClientsSweep;
  std::size_t bytes_out = 0;
  const std::shared_ptr<SendLoad> refusals = std::make_shared<SendLoad>();
  const std::shared_ptr<SendLoad> all_replies = std::make_shared<SendLoad>();
  std::atomic<std::size_t> requests_out{0};

  // All threads.
  Waker waker;
  std::mutex mutex;
  std::vector<Outgoing> outgoing;  // Guarded by mutex.
  std::shared_ptr<const News> news;  // By std::atomic_load() and std::atomic_store().
  std::atomic<bool> refusing{false};
  std::atomic<bool> stop{false};

  std::thread thread;
};

Front::Front(const std::string& address, const FrontLimits& limits, Complete complete)
    : impl_(std::make_unique<Impl>(address, limits, std::move(complete))) {}

Front::~Front() { stop(); }

void Front::stop() {
  impl_->stop = true;
  impl_->waker.wake();
  if (impl_->thread.joinable()) impl_->thread.join();
}

const std::string& Front::address() const { return impl_->address; }
const FrontCounters& Front::counters() const { return impl_->counters; }
std::size_t Front::requests_in_flight() const { return impl_->requests_out.load(); }

void Front::start(OnRequest on_request) {
  impl_->on_request = std::move(on_request);
  impl_->thread = std::thread([this] { impl_->run(); });
}

void Front::reply(Ticket ticket, ClientReply reply) {
  impl_->complete(reply);
  std::string bytes = encode(reply);
  if (bytes.size() > kMessageBytesMax) {
    ClientReply instead;
    instead.id = reply.id;
    instead.status = Status::kError;
    instead.code = "limit";
    instead.message = "the answer has " + std::to_string(bytes.size()) + " bytes; the limit of a message is " +
                      std::to_string(kMessageBytesMax) + ": ask for less at a time";
    instead.time = reply.time;
    instead.node = reply.node;
    bytes = encode(instead);
  }
  bool first = false;
  {
    const std::scoped_lock lock(impl_->mutex);
    first = impl_->outgoing.empty();
    impl_->outgoing.push_back({ticket, std::move(bytes)});
  }
  if (first) impl_->waker.wake();
}

void Front::tell(const Roster& roster) {
  if (!roster.cluster) return;
  const std::uint64_t version = roster.version();
  const auto before = std::atomic_load(&impl_->news);
  if (before && before->version == version) return;
  std::atomic_store(&impl_->news, std::make_shared<const Impl::News>(Impl::News{version, encode_roster(roster)}));
}

void Front::refuse_new() { impl_->refusing = true; }

bool Front::drain(std::chrono::milliseconds most) {
  const auto deadline = std::chrono::steady_clock::now() + most;
  const auto busy = [&] {
    return impl_->requests_out.load() != 0 || impl_->all_replies->messages.load() != 0 ||
           impl_->refusals->messages.load() != 0;
  };
  while (busy()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace kith
