// Goal: peers' frames come through once and whole; what is none is dropped and counted; nothing ever blocks.
// Method: transports and bare sockets on loopback.
#include "node/transport.h"

#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <thread>
#include <vector>
#include <zmq.hpp>

#include "crdt/limits.h"
#include "node/faults.h"
#include "node/listen.h"

namespace kith {
namespace {

using namespace std::chrono_literals;

constexpr const char* kAnyPort = "127.0.0.1:0";

// The first eight bytes of a test's frame are its sender.
std::optional<NodeId> sender_of(std::string_view frame) {
  if (frame.size() < 8) return std::nullopt;
  return NodeId{static_cast<std::uint64_t>(frame[7])};
}
std::string from(char sender, const std::string& text) { return std::string(7, '\0') + sender + text; }

bool soon(const std::function<bool()>& done) {
  for (int i = 0; i < 12'000; ++i) {
    if (done()) return true;
    std::this_thread::sleep_for(5ms);
  }
  return false;
}

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// What arrives at `to`, while `from` gets its ticks; waits for `count` frames.
std::vector<std::string> arrived(Transport& to, Transport& sender, std::size_t count) {
  std::vector<std::string> out;
  CHECK(soon([&] {
    (void)sender.tick(now_ms());
    while (auto frame = to.receive()) out.push_back(std::move(*frame));
    return out.size() >= count;
  }));
  return out;
}

TEST_CASE("transport: frames arrive whole and in order, the first one too") {
  Transport a(kAnyPort, nullptr, sender_of);
  Transport b(kAnyPort, nullptr, sender_of);
  std::vector<std::string> sent;
  for (int i = 0; i < 50; ++i) sent.push_back("frame " + std::to_string(i));
  sent.push_back(std::string("\0\xff", 2));
  sent.push_back(std::string(kMessageBytesMax, 'x'));
  for (const std::string& frame : sent) a.send(b.address(), {}, frame, now_ms());
  CHECK(arrived(b, a, sent.size()) == sent);
  CHECK(a.counters().frames_sent == sent.size());
  CHECK(a.counters().connections == 1);
  CHECK(soon([&] { return a.bytes_waiting() == 0; }));
}

TEST_CASE("transport: messages of several frames, of none, and oversized ones are dropped and counted") {
  Transport node(kAnyPort, nullptr, sender_of);
  zmq::context_t context;
  {
    zmq::socket_t huge(context, zmq::socket_type::dealer);
    huge.set(zmq::sockopt::linger, 5000);
    huge.connect("tcp://" + node.address());
    huge.send(zmq::buffer(std::string(kMessageBytesMax + 1, 'x')), zmq::send_flags::none);
  }
  zmq::socket_t dealer(context, zmq::socket_type::dealer);
  dealer.set(zmq::sockopt::linger, 0);
  dealer.connect("tcp://" + node.address());
  dealer.send(zmq::str_buffer("one"), zmq::send_flags::sndmore);
  dealer.send(zmq::str_buffer("two"), zmq::send_flags::none);
  for (int i = 0; i < 9; ++i) dealer.send(zmq::str_buffer(""), zmq::send_flags::sndmore);
  dealer.send(zmq::str_buffer(""), zmq::send_flags::none);
  dealer.send(zmq::str_buffer("good"), zmq::send_flags::none);
  std::optional<std::string> got;
  CHECK(soon([&] { return (got = node.receive()).has_value(); }));
  CHECK(got == "good");
  CHECK(node.counters().dropped_frame_count == 2);
  CHECK(node.counters().frames_received == 1);
  CHECK_FALSE(node.receive());
}

TEST_CASE("transport: a message above the limit, or to what is no address, is not sent") {
  Transport node(kAnyPort, nullptr, sender_of);
  node.send(node.address(), {}, std::string(kMessageBytesMax + 1, 'x'), 0);
  CHECK(node.counters().dropped_oversize == 1);
  for (const char* address : {"", "nowhere", "h:1;tcp://x:2", "127.0.0.1:99999", "ipc:///tmp/x"}) node.send(address, {}, "x", 0);
  CHECK(node.counters().dropped_address == 5);
  CHECK(node.counters().connections == 0);
}

TEST_CASE("transport: to a peer that is away nothing waits for ever, and nothing blocks") {
  Transport node(kAnyPort, nullptr, sender_of);
  std::string away;
  {
    const Transport gone(kAnyPort, nullptr, sender_of);
    away = gone.address();
  }
  for (int i = 0; i < 100; ++i) node.send(away, {}, "x", 1000);
  CHECK(node.counters().dropped_queue_full >= 36);  // 64 wait for the connection that is being made.
  (void)node.tick(2001);
  CHECK(node.counters().dropped_queue_full == 100);
  CHECK(node.bytes_waiting() == 0);
  node.send(away, {}, "x", 3000);
  CHECK(node.counters().dropped_queue_full == 101);
}

TEST_CASE("transport: what a peer does not read is bounded by bytes, then dropped and counted") {
  Transport node(kAnyPort, nullptr, sender_of);
  Transport slow(kAnyPort, nullptr, sender_of);  // Does not receive.
  node.send(slow.address(), {}, "first", now_ms());
  CHECK(arrived(slow, node, 1).size() == 1);
  const std::string frame(1024 * 1024, 'x');
  // What fits into both queues and the kernel is a few hundred at most.
  for (int i = 0; i < 1000; ++i) {
    node.send(slow.address(), {}, frame, now_ms());
    REQUIRE(node.bytes_waiting() <= kPeerQueueBytesMax);
  }
  CHECK(node.counters().dropped_queue_full > 0);
}

TEST_CASE("transport: a peer that is not written to is let go, and reconnected on demand") {
  Transport a(kAnyPort, nullptr, sender_of);
  Transport b(kAnyPort, nullptr, sender_of);
  const std::int64_t start = now_ms();
  a.send(b.address(), {}, "x", start);
  CHECK(arrived(b, a, 1).size() == 1);
  (void)a.tick(start + kPeerIdleMsMax + 60'000);
  CHECK(a.counters().connections == 0);
  a.send(b.address(), {}, "y", now_ms());
  CHECK(arrived(b, a, 1) == std::vector<std::string>{"y"});
}

TEST_CASE("transport: after reconnect() a peer that came back on its port is reached at once") {
  Transport a(kAnyPort, nullptr, sender_of);
  auto b = std::make_unique<Transport>(kAnyPort, nullptr, sender_of);
  const std::string address = b->address();
  a.send(address, {}, "x", now_ms());
  CHECK(arrived(*b, a, 1).size() == 1);
  b.reset();
  b = std::make_unique<Transport>(address, nullptr, sender_of);
  a.reconnect(address, now_ms());
  a.send(address, {}, "y", now_ms());
  CHECK(arrived(*b, a, 1) == std::vector<std::string>{"y"});
}

TEST_CASE("transport: a port that is taken is refused with a sentence") {
  const Transport first(kAnyPort, nullptr, sender_of);
  CHECK_THROWS_AS(Transport(first.address(), nullptr, sender_of), ListenError);
  CHECK_THROWS_AS(Transport("no.such.host.invalid:1", nullptr, sender_of), ListenError);
}

TEST_CASE("transport: a cut drops both directions, by name and by address, and heals") {
  Faults faults;
  faults.know(NodeId{2}, {"n2", "127.0.0.1:1"});
  Transport a(kAnyPort, &faults, sender_of);
  Transport b(kAnyPort, nullptr, sender_of);
  faults.know(NodeId{2}, {"n2", b.address()});
  for (const std::string& word : {std::string("n2"), b.address()}) {
    CAPTURE(word);
    REQUIRE(faults.obey("cut " + word).empty());
    const auto before = a.counters().dropped_by_fault;
    a.send(b.address(), NodeId{2}, "out", now_ms());
    a.send(b.address(), NodeId{}, "out", now_ms());  // While joining.
    CHECK(a.counters().dropped_by_fault == before + 2);
    b.send(a.address(), {}, from(2, "in"), now_ms());
    b.send(a.address(), {}, from(3, "other"), now_ms());
    CHECK(arrived(a, b, 1) == std::vector<std::string>{from(3, "other")});
    CHECK(a.counters().dropped_by_fault == before + 3);
    REQUIRE(faults.obey("heal " + word).empty());
    b.send(a.address(), {}, from(2, "in"), now_ms());
    CHECK(arrived(a, b, 1) == std::vector<std::string>{from(2, "in")});
  }
  a.send(b.address(), NodeId{2}, "out", now_ms());
  CHECK(arrived(b, a, 1) == std::vector<std::string>{"out"});
}

TEST_CASE("transport: latency delays what is sent, by that much and in order") {
  Faults faults;
  Transport a(kAnyPort, &faults, sender_of);
  Transport b(kAnyPort, nullptr, sender_of);
  a.send(b.address(), {}, "0", now_ms());
  CHECK(arrived(b, a, 1).size() == 1);
  REQUIRE(faults.obey("latency 200ms").empty());
  const std::int64_t base = now_ms();
  a.send(b.address(), {}, "1", base);
  a.send(b.address(), {}, "2", base + 1);
  CHECK(a.tick(base + 199) == base + 200);
  CHECK_FALSE(b.receive());
  CHECK(a.bytes_waiting() == 2);
  CHECK(a.tick(base + 200) == base + 201);
  (void)a.tick(base + 201);
  CHECK(arrived(b, a, 2) == std::vector<std::string>{"1", "2"});
}

TEST_CASE("faults: commands are obeyed or explained") {
  Faults faults;
  CHECK(faults.obey("show").empty());
  CHECK_FALSE(faults.any());
  CHECK(faults.document() == R"({"cut":[],"latency_ms":{}})");
  CHECK(faults.obey("cut n2").empty());
  CHECK(faults.obey(" latency  n3 20ms ").empty());
  CHECK(faults.obey("latency 1s").empty());
  CHECK(faults.document() == R"({"cut":["n2"],"latency_ms":{"*":1000,"n3":20}})");
  CHECK(faults.latency_ms({}, "x:1") == 1000);
  faults.know(NodeId{3}, {"n3", "x:3"});
  CHECK(faults.latency_ms(NodeId{3}, "x:3") == 20);
  CHECK(faults.obey("latency 0ms").empty());
  CHECK(faults.latency_ms({}, "x:1") == 0);
  for (const char* bad : {"", "cut", "cut a b", "heal n9", "latency", "latency soon", "latency 2h", "reboot", "show me"}) {
    CAPTURE(bad);
    CHECK_FALSE(faults.obey(bad).empty());
  }
  CHECK(faults.obey("heal").empty());
  CHECK_FALSE(faults.any());
}

}  // namespace
}  // namespace kith
