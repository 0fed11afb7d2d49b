#include "tests/soak/peer_proxy.h"

#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>
#include <utility>
#include <vector>
#include <zmq.hpp>

#include "crdt/limits.h"
#include "gossip/message.h"

namespace kith::soak {
namespace {

using SteadyClock = std::chrono::steady_clock;
using Moment = SteadyClock::time_point;

constexpr int kReceiveMessagesMax = 1000;
constexpr int kSendMessagesMax = 2000;
constexpr std::size_t kDelayedMax = 50'000;
constexpr std::chrono::milliseconds kLook{20};

void configure(zmq::socket_t& socket) {
  socket.set(zmq::sockopt::linger, 0);
  socket.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(kMessageBytesMax));
}

}  // namespace

struct PeerProxy::Impl {
  using Link = std::pair<std::size_t, std::size_t>;  // From, to; from is the number of nodes when nobody knows.
  struct Delayed {
    Link link;
    zmq::message_t frame;
  };

  Impl(std::size_t the_nodes, std::uint64_t seed) : nodes(the_nodes), random(seed) {
    real.resize(nodes);
    for (std::size_t node = 0; node < nodes; ++node) {
      routers.push_back(open_router("tcp://127.0.0.1:*"));
      addresses.push_back(routers.back().get(zmq::sockopt::last_endpoint).substr(6));
    }
    thread = std::thread([this] { run(); });
  }

  ~Impl() {
    ending = true;
    thread.join();
  }

  zmq::socket_t open_router(const std::string& endpoint) {
    zmq::socket_t router(context, zmq::socket_type::router);
    configure(router);
    router.set(zmq::sockopt::rcvhwm, kReceiveMessagesMax);
    // The port of one that was just closed is free a moment later.
    for (int attempt = 0;; ++attempt) {
      try {
        router.bind(endpoint);
        return router;
      } catch (const zmq::error_t& error) {
        if (error.num() != EADDRINUSE || attempt > 500) throw;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
      }
    }
  }

  void run() {
    while (!ending) {
      std::vector<zmq::pollitem_t> items;
      for (zmq::socket_t& router : routers) items.push_back({router.handle(), 0, ZMQ_POLLIN, 0});
      auto wait = kLook;
      if (!delayed.empty()) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(delayed.begin()->first - SteadyClock::now());
        wait = std::clamp(left, std::chrono::milliseconds(0), kLook);
      }
      (void)zmq::poll(items, wait);
      const std::scoped_lock lock(mutex);
      for (const std::size_t node : std::exchange(to_break, {})) reconnect(node);
      for (std::size_t node = 0; node < nodes; ++node) take_from(node);
      const auto now = SteadyClock::now();
      while (!delayed.empty() && delayed.begin()->first <= now) {
        auto due = delayed.extract(delayed.begin());
        pass(due.mapped().link, std::move(due.mapped().frame));
      }
    }
  }

  void take_from(std::size_t node) {
    zmq::message_t part;
    for (int taken = 0; taken < kReceiveMessagesMax && routers[node].recv(part, zmq::recv_flags::dontwait); ++taken) {
      std::vector<zmq::message_t> frames;  // The first part is a routing id.
      while (part.more() && routers[node].recv(part, zmq::recv_flags::dontwait)) {
        const bool more = part.more();
        frames.push_back(std::move(part));
        if (!more) break;
        part.rebuild();
      }
      if (frames.size() == 1) weigh(node, std::move(frames.front()));
    }
  }

  double draw() { return static_cast<double>(random() >> 11) * 0x1p-53; }

  void weigh(std::size_t to, zmq::message_t frame) {
    const auto sender = peek_sender({frame.data<char>(), frame.size()});
    const auto known = sender ? who.find(*sender) : who.end();
    const Link link{known == who.end() ? nodes : known->second, to};
    if (cuts.contains(link)) {
      ++counters.cut;
      return;
    }
    if (draw() < weather.lost) {
      ++counters.lost;
      return;
    }
    if (draw() < weather.twice) {
      zmq::message_t copy;
      copy.copy(frame);
      ++counters.repeated;
      delay(link, std::move(copy));
    }
    delay(link, std::move(frame));
  }

  void delay(const Link& link, zmq::message_t frame) {
    const auto width = static_cast<double>(weather.delay_most_ms - weather.delay_least_ms);
    const auto ms = weather.delay_least_ms + static_cast<std::int64_t>(draw() * width);
    if (ms <= 0 || delayed.size() >= kDelayedMax) return pass(link, std::move(frame));
    ++counters.delayed;
    delayed.emplace(SteadyClock::now() + std::chrono::milliseconds(ms), Delayed{link, std::move(frame)});
  }

  void pass(const Link& link, zmq::message_t frame) {
    zmq::socket_t* const dealer = dealer_for(link);
    if (dealer == nullptr || !dealer->send(std::move(frame), zmq::send_flags::dontwait)) {
      ++counters.unreachable;
    } else {
      ++counters.passed;
    }
  }

  zmq::socket_t* dealer_for(const Link& link) {
    if (const auto found = dealers.find(link); found != dealers.end()) return &found->second;
    if (real[link.second].empty()) return nullptr;
    zmq::socket_t dealer(context, zmq::socket_type::dealer);
    configure(dealer);
    dealer.set(zmq::sockopt::sndhwm, kSendMessagesMax);
    dealer.set(zmq::sockopt::reconnect_ivl, 50);
    dealer.set(zmq::sockopt::reconnect_ivl_max, 500);
    dealer.connect("tcp://" + real[link.second]);
    return &dealers.emplace(link, std::move(dealer)).first->second;
  }

  void reconnect(std::size_t node) {
    std::erase_if(dealers, [&](const auto& one) { return one.first.first == node || one.first.second == node; });
    routers[node].close();
    routers[node] = open_router("tcp://" + addresses[node]);
  }

  const std::size_t nodes;
  std::vector<std::string> addresses;
  zmq::context_t context{1};
  std::vector<zmq::socket_t> routers;
  std::map<Link, zmq::socket_t> dealers;
  std::multimap<Moment, Delayed> delayed;
  std::mt19937_64 random;

  mutable std::mutex mutex;  // Guards what follows.
  std::vector<std::string> real;
  std::map<NodeId, std::size_t> who;
  std::set<Link> cuts;
  LinkWeather weather;
  std::set<std::size_t> to_break;
  ProxyCounters counters;

  std::atomic<bool> ending{false};
  std::thread thread;
};

PeerProxy::PeerProxy(std::size_t nodes, std::uint64_t seed) : impl_(std::make_unique<Impl>(nodes, seed)) {}
PeerProxy::~PeerProxy() = default;

const std::string& PeerProxy::address(std::size_t node) const { return impl_->addresses.at(node); }

void PeerProxy::lead_to(std::size_t node, const std::string& real_address) {
  const std::scoped_lock lock(impl_->mutex);
  impl_->real.at(node) = real_address;
}

void PeerProxy::know(NodeId id, std::size_t node) {
  const std::scoped_lock lock(impl_->mutex);
  impl_->who[id] = node;
}

void PeerProxy::set_weather(const LinkWeather& weather) {
  const std::scoped_lock lock(impl_->mutex);
  impl_->weather = weather;
}

void PeerProxy::cut(std::size_t from, std::size_t to, bool cut) {
  const std::scoped_lock lock(impl_->mutex);
  if (cut) {
    impl_->cuts.insert({from, to});
  } else {
    impl_->cuts.erase({from, to});
  }
}

void PeerProxy::break_connections(std::size_t node) {
  const std::scoped_lock lock(impl_->mutex);
  impl_->to_break.insert(node);
}

void PeerProxy::heal() {
  const std::scoped_lock lock(impl_->mutex);
  impl_->cuts.clear();
  impl_->weather = {};
}

ProxyCounters PeerProxy::counters() const {
  const std::scoped_lock lock(impl_->mutex);
  return impl_->counters;
}

}  // namespace kith::soak
