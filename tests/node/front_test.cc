// Goal: every request that could be read is answered once, and what is in flight is bounded.
#include "node/front.h"

#include <doctest/doctest.h>

#include <mutex>
#include <thread>
#include <vector>
#include <zmq.hpp>

#include "crdt/limits.h"
#include "node/client.h"
#include "node/listen.h"

namespace kith {
namespace {

using namespace std::chrono_literals;

// A front whose requests are kept until they are let go; hello is answered at once.
class Held {
 public:
  explicit Held(const FrontLimits& limits = {}) : front("127.0.0.1:0", limits, [](ClientReply& reply) { reply.node = "held"; }) {
    front.start([this](Ticket ticket, Request request) {
      if (request.op == ClientOp::kHello) return answer(ticket, request);
      const std::scoped_lock lock(mutex_);
      held_.emplace_back(ticket, std::move(request));
    });
  }
  ~Held() { front.stop(); }

  std::size_t count() {
    const std::scoped_lock lock(mutex_);
    return held_.size();
  }
  // From the last to the first: order must not matter.
  void let_go() {
    const std::scoped_lock lock(mutex_);
    for (; !held_.empty(); held_.pop_back()) answer(held_.back().first, held_.back().second);
  }

  Front front;

 private:
  void answer(Ticket ticket, const Request& request) {
    ClientReply reply;
    reply.id = request.id;
    reply.document = request.key;
    front.reply(ticket, std::move(reply));
  }

  std::mutex mutex_;
  std::vector<std::pair<Ticket, Request>> held_;
};

template <class Condition>
bool soon(Condition done) {
  for (int i = 0; i < 12'000; ++i) {
    if (done()) return true;
    std::this_thread::sleep_for(5ms);
  }
  return false;
}

Request get(const std::string& key) {
  Request out;
  out.op = ClientOp::kGet;
  out.key = key;
  return out;
}

TEST_CASE("front: thousands in flight of one client are all answered (5,000)") {
  Held held;
  Client client = Client::connect(held.front.address(), 30s);
  std::vector<std::string> keys;
  const std::uint64_t first = client.send(get("0"));
  for (int i = 1; i < 5000; ++i) client.send(get(std::to_string(i)));
  CHECK(soon([&] { return held.count() == 5000; }));
  CHECK(held.front.requests_in_flight() == 5000);
  held.let_go();
  for (int i = 0; i < 5000; ++i) {
    const auto reply = client.receive(60s);
    REQUIRE(reply);
    REQUIRE(reply->document == std::to_string(reply->id - first));
    REQUIRE(reply->node == "held");
  }
  CHECK(held.front.drain(60s));
}

TEST_CASE("front: above the limit of one client its requests are busy at once, others' are not") {
  Held held(FrontLimits{.client_requests_max = 10});
  Client client = Client::connect(held.front.address(), 30s);
  Client other = Client::connect(held.front.address(), 30s);
  CHECK(soon([&] { return held.front.requests_in_flight() == 0; }));
  CHECK(held.front.drain(60s));  // So that the hello's answer no longer counts.
  for (int i = 0; i < 30; ++i) client.send(get("k"));
  for (int i = 0; i < 20; ++i) {
    const auto reply = client.receive(60s);
    REQUIRE(reply);
    CHECK(reply->status == Status::kError);
    CHECK(reply->code == "busy");
  }
  CHECK(held.count() == 10);
  other.send(get("k"));
  CHECK(soon([&] { return held.count() == 11; }));
  held.let_go();
  for (int i = 0; i < 10; ++i) CHECK(client.receive(60s)->status == Status::kOk);
  CHECK(other.receive(60s)->status == Status::kOk);
  CHECK(held.front.counters().busy == 20);
}

TEST_CASE("front: above the limits of bytes and of all clients together requests are busy") {
  {
    Held held(FrontLimits{.bytes_max = 100'000});
    Client client = Client::connect(held.front.address(), 30s);
    Request large = get("k");
    large.text.assign(60'000, 'x');
    client.send(large);
    client.send(large);
    const auto reply = client.receive(60s);
    REQUIRE(reply);
    CHECK(reply->code == "busy");
    held.let_go();
  }
  Held held(FrontLimits{.requests_max = 3});
  Client client = Client::connect(held.front.address(), 30s);
  CHECK(held.front.drain(60s));
  for (int i = 0; i < 4; ++i) client.send(get("k"));
  CHECK(client.receive(60s)->code == "busy");
}

TEST_CASE("front: what cannot be read is answered when it has an id, else counted") {
  Held held;
  zmq::context_t context;
  zmq::socket_t dealer(context, zmq::socket_type::dealer);
  dealer.set(zmq::sockopt::linger, 0);
  dealer.connect("tcp://" + held.front.address());
  Request request = get("k");
  request.id = 77;
  const std::string bytes = encode(request);
  dealer.send(zmq::str_buffer("rubbish"), zmq::send_flags::none);
  dealer.send(zmq::str_buffer("a"), zmq::send_flags::sndmore);
  dealer.send(zmq::str_buffer("b"), zmq::send_flags::none);
  dealer.send(zmq::buffer(bytes.substr(0, bytes.size() - 1)), zmq::send_flags::none);
  zmq::message_t answer;
  REQUIRE(dealer.recv(answer, zmq::recv_flags::none));
  auto reply = decode_reply(answer.to_string_view());
  REQUIRE(std::holds_alternative<ClientReply>(reply));
  CHECK(std::get<ClientReply>(reply).id == 77);
  CHECK(std::get<ClientReply>(reply).status == Status::kError);
  CHECK(std::get<ClientReply>(reply).code == "bad_request");
  CHECK(held.front.counters().dropped_unreadable == 1);
  CHECK(held.front.counters().dropped_frame_count == 1);
  CHECK(held.front.counters().malformed == 1);
}

Roster roster_of(std::size_t members) {
  Roster out;
  out.cluster = ClusterId{7};
  out.name = "kith";
  for (std::size_t i = 0; i < members; ++i) out.members.push_back({NodeId{i + 1}, "n" + std::to_string(i), "127.0.0.1:1", true});
  return out;
}

TEST_CASE("front: who says which roster it knows is sent another one, once over a connection, with whatever it asked") {
  Held held;
  held.front.tell(roster_of(3));
  Client client = Client::connect(held.front.address(), 30s);
  CHECK(client.hello().roster == roster_of(3));
  Request asks = get("k");
  asks.roster = 0;
  for (int i = 0; i < 1000; ++i) client.send(asks);
  CHECK(soon([&] { return held.count() == 1000; }));
  held.let_go();
  for (int i = 0; i < 1000; ++i) REQUIRE_FALSE(client.receive(60s)->roster);  // It came with hello.

  held.front.tell(roster_of(4));
  Request knows = get("k");
  knows.roster = roster_of(4).version();
  client.send(knows);
  client.send(get("does not ask"));
  client.send(asks);
  CHECK(soon([&] { return held.count() == 3; }));
  held.let_go();
  int told = 0;
  for (int i = 0; i < 3; ++i) {
    const auto reply = client.receive(60s);
    REQUIRE(reply);
    if (!reply->roster) continue;
    ++told;
    CHECK(*reply->roster == roster_of(4));
  }
  CHECK(told == 1);
  CHECK(held.front.counters().rosters == 2);
}

TEST_CASE("front: a ping is answered at once, also when there is as much in flight as it takes, and brings the roster") {
  Held held(FrontLimits{.requests_max = 1});
  held.front.tell(roster_of(3));
  Client client = Client::connect(held.front.address(), 30s);
  CHECK(held.front.drain(60s));
  client.send(get("k"));
  CHECK(soon([&] { return held.count() == 1; }));
  held.front.tell(roster_of(5));
  Request ping;
  ping.op = ClientOp::kPing;
  ping.roster = roster_of(3).version();
  const ClientReply reply = client.call(ping, 60s);
  CHECK(reply.status == Status::kOk);
  REQUIRE(reply.roster);
  CHECK(reply.roster->members.size() == 5);
  CHECK(held.front.counters().pings == 1);
  held.let_go();
  held.front.refuse_new();
  CHECK(client.call(ping, 60s).code == "stopping");
}

TEST_CASE("front: a roster that does not fit beside an answer waits for the next one") {
  Held held;
  held.front.tell(roster_of(1024));
  Client client = Client::connect(held.front.address(), 30s);
  held.front.tell(roster_of(1023));
  Request large = get(std::string(kMessageBytesMax - 1000, 'x'));
  large.roster = 1;
  client.send(large);
  CHECK(soon([&] { return held.count() == 1; }));
  held.let_go();
  CHECK_FALSE(client.receive(60s)->roster);
  Request small = get("k");
  small.roster = 1;
  client.send(small);
  CHECK(soon([&] { return held.count() == 1; }));
  held.let_go();
  CHECK(client.receive(60s)->roster->members.size() == 1023);
}

TEST_CASE("front: answers to clients that are gone are dropped and counted") {
  Held held;
  {
    Client client = Client::connect(held.front.address(), 30s);
    for (int i = 0; i < 10; ++i) client.send(get("k"));
    CHECK(soon([&] { return held.count() == 10; }));
  }
  Client other = Client::connect(held.front.address(), 30s);
  // The node learns of the end of a connection at some time after it.
  CHECK(soon([&] {
    other.send(get("k"));
    held.let_go();
    return held.front.requests_in_flight() == 0;
  }));
  CHECK(other.call(Request{}, 60s).status == Status::kOk);  // By now all that it sent has come in.
  held.let_go();
  CHECK(held.front.drain(60s));
  CHECK(held.front.counters().dropped_client_gone + held.front.counters().replies >= 10);
}

TEST_CASE("front: while it goes down it refuses what is new and gives what is owed") {
  Held held;
  Client client = Client::connect(held.front.address(), 30s);
  client.send(get("owed"));
  CHECK(soon([&] { return held.count() == 1; }));
  held.front.refuse_new();
  CHECK(client.call(get("new"), 60s).code == "stopping");
  CHECK_FALSE(held.front.drain(10ms));
  held.let_go();
  CHECK(client.receive(60s)->document == "owed");
  CHECK(held.front.drain(60s));
}

TEST_CASE("front: an answer that is too large for a message is an error that says so") {
  Front front("127.0.0.1:0", {}, [](ClientReply&) {});
  front.start([&](Ticket given, Request request) {
    ClientReply reply;
    reply.id = request.id;
    if (request.op != ClientOp::kHello) reply.document.assign(3 * 1024 * 1024, 'x');
    front.reply(given, std::move(reply));
  });
  Client asker = Client::connect(front.address(), 30s);
  CHECK(asker.call(get("k"), 60s).code == "limit");
}

}  // namespace
}  // namespace kith
