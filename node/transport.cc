#include "node/transport.h"

#include <zmq.hpp>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "crdt/limits.h"
#include "node/address.h"
#include "node/faults.h"
#include "node/listen.h"
#include "node/send_queue.h"

namespace kith {

namespace {

// By count ZeroMQ only stops what the byte limit does not: 64 MiB of frames of 256 bytes.
constexpr int kPeerQueueMessagesMax = 256 * 1024;
// Frames that wait for us, for each peer: 64 * 2 MiB = 128 MiB at worst.
constexpr int kReceiveMessagesMax = 64;
// Every member twice, for addresses that change; a stranger cannot make us open more.
constexpr std::size_t kConnectionsMax = 2 * kMembersMax;
constexpr std::size_t kDelayedBytesMax = kPeerQueueBytesMax;
// A connection that is being made takes a few milliseconds, and the first thing said over it is usually an answer that
// somebody waits for.  So long it is kept, and looked at that often.
constexpr std::int64_t kConnectingMsMax = 1000;
constexpr std::int64_t kConnectingLookMs = 5;
constexpr std::size_t kConnectingMessagesMax = 64;
constexpr std::size_t kConnectingBytesMax = 4 * kMessageBytesMax;
constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

void configure(zmq::socket_t& socket) {
  socket.set(zmq::sockopt::linger, 0);
  socket.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(kMessageBytesMax));
  socket.set(zmq::sockopt::handshake_ivl, 3000);
  socket.set(zmq::sockopt::heartbeat_ivl, 2000);
  socket.set(zmq::sockopt::heartbeat_timeout, 6000);
  socket.set(zmq::sockopt::ipv6, 1);
}

}  // namespace

struct Transport::Impl {
  struct Peer {
    zmq::socket_t dealer;
    std::shared_ptr<SendLoad> load;
    std::int64_t used_ms = 0;
    std::int64_t connecting_until_ms = 0;
    std::vector<std::string> early{};  // What was said before it was connected.
    std::size_t early_bytes = 0;

    bool writable() { return (dealer.get(zmq::sockopt::events) & ZMQ_POLLOUT) != 0; }
  };
  struct Delayed {
    std::string address;
    std::string bytes;
  };

  Impl(const std::string& where, const Faults* the_faults, SenderOf the_sender_of)
      : faults(the_faults), sender_of(std::move(the_sender_of)) {
    // SUBTLE: before the first socket; later it has no effect.
    zmq_ctx_set(context.handle(), ZMQ_MAX_SOCKETS, static_cast<int>(kConnectionsMax) + 16);
    router = zmq::socket_t(context, zmq::socket_type::router);
    configure(router);
    router.set(zmq::sockopt::rcvhwm, kReceiveMessagesMax);
    address = listen_on(router, where, "peers");
  }

  Peer* peer_at(const std::string& where, std::int64_t now_ms) {
    auto found = peers.find(where);
    if (found == peers.end()) {
      if (!parse_address(where) || peers.size() >= kConnectionsMax) return nullptr;
      zmq::socket_t dealer(context, zmq::socket_type::dealer);
      configure(dealer);
      dealer.set(zmq::sockopt::sndhwm, kPeerQueueMessagesMax);
      dealer.set(zmq::sockopt::rcvhwm, 1);  // Nobody has to send us anything there.
      dealer.set(zmq::sockopt::reconnect_ivl, 100);
      dealer.set(zmq::sockopt::reconnect_ivl_max, 10'000);
      dealer.set(zmq::sockopt::immediate, 1);
      try {
        dealer.connect("tcp://" + where);
      } catch (const zmq::error_t&) {
        return nullptr;  // A host name that is none.
      }
      Peer peer{std::move(dealer), std::make_shared<SendLoad>(), now_ms, now_ms + kConnectingMsMax};
      found = peers.emplace(where, std::move(peer)).first;
      counters.connections = peers.size();
    }
    found->second.used_ms = now_ms;
    return &found->second;
  }

  void send_now(const std::string& where, std::string bytes, std::int64_t now_ms) {
    Peer* const peer = peer_at(where, now_ms);
    if (peer == nullptr) {
      ++counters.dropped_address;
      return;
    }
    if (now_ms < peer->connecting_until_ms) {
      if (!peer->writable()) {
        if (peer->early.size() >= kConnectingMessagesMax || peer->early_bytes + bytes.size() > kConnectingBytesMax) {
          ++counters.dropped_queue_full;
          return;
        }
        peer->early_bytes += bytes.size();
        peer->early.push_back(std::move(bytes));
        return;
      }
      connected(*peer);
    }
    put(*peer, std::move(bytes));
  }

  // What was said early goes first.
  void connected(Peer& peer) {
    peer.connecting_until_ms = 0;
    peer.early_bytes = 0;
    for (std::string& bytes : std::exchange(peer.early, {})) put(peer, std::move(bytes));
  }

  void put(Peer& peer, std::string bytes) {
    const std::size_t size = bytes.size();
    if (peer.load->bytes.load() + size > kPeerQueueBytesMax ||
        send_counted(peer.dealer, std::move(bytes), peer.load) != Sent::kQueued) {
      ++counters.dropped_queue_full;
      return;
    }
    ++counters.frames_sent;
    counters.bytes_sent += size;
  }

  zmq::context_t context{1};
  zmq::socket_t router;
  std::string address;
  const Faults* faults;
  SenderOf sender_of;
  std::map<std::string, Peer> peers;
  std::multimap<std::int64_t, Delayed> delayed;  // By when it is due.
  std::size_t delayed_bytes = 0;
  std::int64_t idle_check_ms = 0;
  TransportCounters counters;
};

Transport::Transport(const std::string& address, const Faults* faults, SenderOf sender_of)
    : impl_(std::make_unique<Impl>(address, faults, std::move(sender_of))) {}
Transport::~Transport() = default;

const std::string& Transport::address() const { return impl_->address; }
void* Transport::poll_handle() const { return impl_->router.handle(); }
const TransportCounters& Transport::counters() const { return impl_->counters; }

std::optional<std::string> Transport::receive() {
  TransportCounters& counters = impl_->counters;
  zmq::message_t part;
  while (impl_->router.recv(part, zmq::recv_flags::dontwait)) {
    // The first part is a routing id that libzmq made, or that a stranger chose: not looked at.
    std::size_t frames = 0;
    std::optional<std::string> payload;
    while (part.more()) {
      // A message arrives whole, so its other parts are here.
      if (!impl_->router.recv(part, zmq::recv_flags::dontwait)) break;
      if (++frames == 1) payload = part.to_string();
    }
    if (frames != 1) {
      ++counters.dropped_frame_count;
      continue;
    }
    ++counters.frames_received;
    counters.bytes_received += payload->size();
    if (impl_->faults != nullptr && impl_->faults->any()) {
      const auto sender = impl_->sender_of(*payload);
      if (sender && impl_->faults->cuts(*sender, {})) {
        ++counters.dropped_by_fault;
        continue;
      }
    }
    return payload;
  }
  return std::nullopt;
}

void Transport::send(const std::string& address, NodeId to, std::string bytes, std::int64_t now_ms) {
  if (bytes.size() > kMessageBytesMax) {
    ++impl_->counters.dropped_oversize;
    return;
  }
  if (impl_->faults != nullptr && impl_->faults->any()) {
    if (impl_->faults->cuts(to, address)) {
      ++impl_->counters.dropped_by_fault;
      return;
    }
    if (const std::int64_t latency = impl_->faults->latency_ms(to, address); latency > 0) {
      if (impl_->delayed_bytes + bytes.size() > kDelayedBytesMax) {
        ++impl_->counters.dropped_queue_full;
        return;
      }
      // The connection is made now, so that the delay is all that the fault adds.
      (void)impl_->peer_at(address, now_ms);
      impl_->delayed_bytes += bytes.size();
      impl_->delayed.emplace(now_ms + latency, Impl::Delayed{address, std::move(bytes)});
      return;
    }
  }
  impl_->send_now(address, std::move(bytes), now_ms);
}

void Transport::reconnect(const std::string& address, std::int64_t now_ms) {
  impl_->peers.erase(address);
  impl_->counters.connections = impl_->peers.size();
  (void)impl_->peer_at(address, now_ms);
}

std::int64_t Transport::tick(std::int64_t now_ms) {
  auto& delayed = impl_->delayed;
  while (!delayed.empty() && delayed.begin()->first <= now_ms) {
    auto due = delayed.extract(delayed.begin());
    impl_->delayed_bytes -= due.mapped().bytes.size();
    impl_->send_now(due.mapped().address, std::move(due.mapped().bytes), now_ms);
  }
  std::int64_t next_ms = delayed.empty() ? kNever : delayed.begin()->first;
  for (auto& [address, peer] : impl_->peers) {
    if (peer.early.empty()) continue;
    if (peer.writable()) {
      impl_->connected(peer);
    } else if (now_ms >= peer.connecting_until_ms) {
      impl_->counters.dropped_queue_full += peer.early.size();
      peer.early.clear();
      peer.early_bytes = 0;
    } else {
      next_ms = std::min(next_ms, now_ms + kConnectingLookMs);
    }
  }
  if (now_ms >= impl_->idle_check_ms) {
    std::erase_if(impl_->peers, [&](const auto& peer) { return now_ms - peer.second.used_ms > kPeerIdleMsMax; });
    impl_->counters.connections = impl_->peers.size();
    impl_->idle_check_ms = now_ms + kPeerIdleMsMax / 5;
  }
  return next_ms;
}

std::size_t Transport::bytes_waiting() const {
  std::size_t out = impl_->delayed_bytes;
  for (const auto& [address, peer] : impl_->peers) out += peer.load->bytes.load() + peer.early_bytes;
  return out;
}

}  // namespace kith
