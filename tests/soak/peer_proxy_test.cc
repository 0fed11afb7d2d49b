#include "tests/soak/peer_proxy.h"

#include <doctest/doctest.h>

#include <functional>
#include <thread>
#include <zmq.hpp>

#include "gossip/message.h"
#include "tests/node/kithd_process.h"

namespace kith::soak {
namespace {

using namespace std::chrono_literals;

// A node's two ends of the peer side, and frames that say who sent them.
struct Ends {
  explicit Ends(std::uint64_t the_id) : id{the_id} {
    for (zmq::socket_t* socket : {&router, &dealer}) socket->set(zmq::sockopt::linger, 0);
    router.bind("tcp://127.0.0.1:*");
  }
  std::string address() { return router.get(zmq::sockopt::last_endpoint).substr(6); }

  void send(const std::string& to) {
    if (connected != to) dealer.connect("tcp://" + to);
    connected = to;
    Envelope envelope;
    envelope.cluster = ClusterId{7};
    envelope.sender = id;
    envelope.origin = OriginId{id.value + 100};
    envelope.start = Timestamp::at_ms(1);
    envelope.body = AckBody{1};
    const std::string frame = encode(envelope);
    (void)dealer.send(zmq::buffer(frame), zmq::send_flags::dontwait);
  }
  std::size_t received() {
    zmq::message_t part;
    while (router.recv(part, zmq::recv_flags::dontwait)) count += part.more() ? 0 : 1;
    return count;
  }

  NodeId id;
  zmq::context_t context{1};
  zmq::socket_t router{context, zmq::socket_type::router};
  zmq::socket_t dealer{context, zmq::socket_type::dealer};
  std::string connected;
  std::size_t count = 0;
};

struct Pair {
  Pair() {
    for (std::size_t node = 0; node < 2; ++node) {
      proxy.lead_to(node, node == 0 ? a.address() : b.address());
      proxy.know(node == 0 ? a.id : b.id, node);
    }
  }
  void send(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) a.send(proxy.address(1));
  }
  Ends a{1}, b{2};
  PeerProxy proxy{2, 1};
};

TEST_CASE("proxy: what one node says reaches the one whose address it was told") {
  Pair pair;
  pair.send(20);
  CHECK(eventually([&] { return pair.b.received() == 20; }));
  CHECK(pair.a.received() == 0);
  CHECK(pair.proxy.counters().passed == 20);
}

TEST_CASE("proxy: a link that is cut passes nothing that way, and all again when it is healed") {
  Pair pair;
  pair.proxy.cut(0, 1, true);
  pair.send(5);
  CHECK(eventually([&] { return pair.proxy.counters().cut == 5; }));
  pair.b.send(pair.proxy.address(0));
  CHECK(eventually([&] { return pair.a.received() == 1; }));
  pair.proxy.cut(0, 1, false);
  pair.send(3);
  CHECK(eventually([&] { return pair.b.received() == 3; }));
}

TEST_CASE("proxy: weather loses, repeats and delays, and fair weather does none of it") {
  Pair pair;
  pair.proxy.set_weather({.lost = 1});
  pair.send(4);
  CHECK(eventually([&] { return pair.proxy.counters().lost == 4; }));
  pair.proxy.set_weather({.twice = 1, .delay_least_ms = 5, .delay_most_ms = 20});
  pair.send(10);
  CHECK(eventually([&] { return pair.b.received() == 20; }));
  CHECK(pair.proxy.counters().repeated == 10);
  CHECK(pair.proxy.counters().delayed == 20);
  pair.proxy.heal();
  pair.send(2);
  CHECK(eventually([&] { return pair.b.received() == 22; }));
  CHECK(pair.proxy.counters().delayed == 20);
}

TEST_CASE("proxy: connections that break are made again") {
  Pair pair;
  pair.send(1);
  REQUIRE(eventually([&] { return pair.b.received() == 1; }));
  pair.proxy.break_connections(1);
  // What was on its way may be gone.
  CHECK(eventually([&] {
    pair.send(1);
    std::this_thread::sleep_for(20ms);
    return pair.b.received() >= 4;
  }));
}

TEST_CASE("proxy: what is said to a node that is nowhere yet is dropped and counted") {
  PeerProxy proxy(2, 1);
  Ends a(1);
  a.send(proxy.address(1));
  CHECK(eventually([&] { return proxy.counters().unreachable == 1; }));
}

}  // namespace
}  // namespace kith::soak
