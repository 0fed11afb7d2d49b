// Goal: a Client says what went wrong, matches replies to requests, and mints tags of the cluster's time.
// Method: servers made of a bare ROUTER, on ports the system picks, that answer as the case wants.
#include "node/client.h"

#include <doctest/doctest.h>

#include <zmq.hpp>

#include <atomic>
#include <functional>

#include "crdt/limits.h"
#include "tests/node/fake_node.h"

namespace kith {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kClusterMs = 1'700'000'000'000;

ClientReply reply_to(const Request& request) {
  ClientReply out;
  out.id = request.id;
  out.node = "fake";
  out.time = Timestamp::at_ms(kClusterMs, 5);
  out.document = request.key;
  return out;
}

Request get(const std::string& key) {
  Request out;
  out.op = ClientOp::kGet;
  out.key = key;
  return out;
}

ClientError::Kind kind_of(const std::function<void()>& act, std::string* what = nullptr) {
  try {
    act();
  } catch (const ClientError& error) {
    if (what != nullptr) *what = error.what();
    return error.kind();
  }
  FAIL("nothing was thrown");
  return ClientError::Kind::kProtocol;
}

TEST_CASE("client: connecting where nothing listens says so") {
  std::string address;
  {
    zmq::context_t context;
    zmq::socket_t socket(context, zmq::socket_type::router);
    socket.bind("tcp://127.0.0.1:0");
    address = socket.get(zmq::sockopt::last_endpoint).substr(6);
  }
  std::string what;
  CHECK(kind_of([&] { Client::connect(address, 300ms); }, &what) == ClientError::Kind::kConnect);
  CHECK(what.find(address) != std::string::npos);
  CHECK(what.find("is kithd running") != std::string::npos);
}

TEST_CASE("client: connecting to a server of another protocol says so") {
  zmq::context_t context;
  zmq::socket_t other(context, zmq::socket_type::stream);  // Accepts, and never says a word of ZeroMQ.
  other.bind("tcp://127.0.0.1:0");
  const std::string address = other.get(zmq::sockopt::last_endpoint).substr(6);
  std::string what;
  CHECK(kind_of([&] { Client::connect(address, 500ms); }, &what) == ClientError::Kind::kConnect);
  CHECK(what.find("does not speak ZeroMQ") != std::string::npos);
}

TEST_CASE("client: connecting to something that keeps silent says so") {
  FakeNode silent([](const Request&, const auto&) {});
  std::string what;
  CHECK(kind_of([&] { Client::connect(silent.address(), 700ms); }, &what) == ClientError::Kind::kConnect);
  CHECK(what.find("did not answer hello") != std::string::npos);
}

TEST_CASE("client: connecting to an answer that is not ours, or to a malformed address, is an error of connecting") {
  FakeNode garbage([](const Request&, const auto& reply) { reply("+PONG\r\n"); });
  CHECK(kind_of([&] { Client::connect(garbage.address(), 5s); }) == ClientError::Kind::kConnect);
  CHECK(kind_of([&] { Client::connect("no address", 300ms); }) == ClientError::Kind::kConnect);
}

TEST_CASE("client: a lost hello is said again") {
  std::atomic<int> hellos = 0;
  FakeNode node([&](const Request& request, const auto& reply) {
    if (++hellos > 1) reply(encode(reply_to(request)));
  });
  Client client = Client::connect(node.address(), 30s);
  CHECK(client.hello().node == "fake");
  CHECK(hellos >= 2);
}

TEST_CASE("client: each call gets the reply to its own id, whatever else arrives") {
  FakeNode node([](const Request& request, const auto& reply) {
    ClientReply stale = reply_to(request);
    stale.id = request.id + 1000;
    reply(encode(stale));
    reply(encode(reply_to(request)));
  });
  Client client = Client::connect(node.address(), 30s);
  for (int i = 0; i < 20; ++i) {
    const std::string key = "k" + std::to_string(i);
    CHECK(client.call(get(key), 30s).document == key);
  }
  CHECK_FALSE(client.receive(0ms));
}

TEST_CASE("client: pipelined requests are answered by id, also around a call (65,536 in flight)") {
  FakeNode node([](const Request& request, const auto& reply) { reply(encode(reply_to(request))); });
  Client client = Client::connect(node.address(), 30s);
  constexpr std::uint64_t kRequests = 65'536;
  const std::uint64_t first = client.send(get("0"));
  for (std::uint64_t i = 1; i < kRequests; ++i) REQUIRE(client.send(get(std::to_string(i))) == first + i);
  CHECK(client.call(get("call"), 120s).document == "call");
  std::uint64_t answered = 0;
  while (const auto reply = client.receive(answered < kRequests ? 60s : 0s)) {
    REQUIRE(reply->document == std::to_string(reply->id - first));
    ++answered;
  }
  CHECK(answered == kRequests);
}

TEST_CASE("client: a call without an answer times out and says that a write may have happened") {
  FakeNode node([](const Request& request, const auto& reply) {
    if (request.op == ClientOp::kHello) reply(encode(reply_to(request)));
  });
  Client client = Client::connect(node.address(), 30s);
  Request set = get("k");
  set.op = ClientOp::kSet;
  std::string what;
  CHECK(kind_of([&] { client.call(set, 50ms); }, &what) == ClientError::Kind::kTimeout);
  CHECK(what.find("may or may not have happened") != std::string::npos);
  CHECK_FALSE(client.receive(10ms));
}

TEST_CASE("client: a request above the limit of a message is not sent") {
  FakeNode node([](const Request& request, const auto& reply) { reply(encode(reply_to(request))); });
  Client client = Client::connect(node.address(), 30s);
  Request set = get("k");
  set.value.assign(kMessageBytesMax, 'x');
  CHECK(kind_of([&] { client.call(set, 30s); }) == ClientError::Kind::kLimit);
  CHECK(client.call(get("k"), 30s).document == "k");
}

TEST_CASE("client: tags rise, are of one session, follow the cluster's time, and exceed all that was seen") {
  FakeNode node([](const Request& request, const auto& reply) {
    ClientReply out = reply_to(request);
    if (request.key == "later") out.time = Timestamp::at_ms(kClusterMs + 10'000'000);
    reply(encode(out));
  });
  Client client = Client::connect(node.address(), 30s);
  Tag last = client.mint_tag();
  CHECK(last.actor.value != 0);
  CHECK(last.at > Timestamp::at_ms(kClusterMs, 5));
  CHECK(last.at < Timestamp::at_ms(kClusterMs + 600'000));  // A slow machine, but no other clock.
  for (int i = 0; i < 1000; ++i) {
    const Tag next = client.mint_tag();
    REQUIRE(next.at > last.at);
    REQUIRE(next.actor == last.actor);
    last = next;
  }
  client.call(get("later"), 30s);
  CHECK(client.mint_tag().at > Timestamp::at_ms(kClusterMs + 10'000'000));
  client.call(get("earlier"), 30s);
  CHECK(client.mint_tag().at > Timestamp::at_ms(kClusterMs + 10'000'000));
  CHECK(Client::connect(node.address(), 30s).mint_tag().actor != last.actor);
}

TEST_CASE("client: a session goes on at another node, above all that it has minted or seen") {
  FakeNode first([](const Request& request, const auto& reply) {
    ClientReply out = reply_to(request);
    out.time = Timestamp::at_ms(kClusterMs + 5000);
    reply(encode(out));
  });
  FakeNode second([](const Request& request, const auto& reply) { reply(encode(reply_to(request))); });
  Client client = Client::connect(first.address(), 30s);
  const Tag last = client.mint_tag();
  const Session session = client.session();
  CHECK(session.actor == last.actor);
  Client other = Client::connect(second.address(), 30s, session);
  const Tag next = other.mint_tag();
  CHECK(next.actor == last.actor);
  CHECK(next.at > last.at);
}

}  // namespace
}  // namespace kith
