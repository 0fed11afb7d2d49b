// Goal: a node gets into its cluster through whatever name leads to a member, finds it again when that changes, and says what is wrong
//       when nobody lets it in.
// Method: the real kithd; names are told by a name server of ours on loopback.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <zmq.hpp>

#include "node/address.h"
#include "tests/node/dns_server.h"
#include "tests/node/kithd_process.h"
#include "tests/node/temporary_directory.h"

namespace kith {
namespace {

using namespace std::chrono_literals;

std::uint16_t port_of(const std::string& address) { return parse_address(address)->port; }

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::size_t members_at(KithdProcess& node) {
  Client client = node.connect();
  Request status;
  status.op = ClientOp::kStatus;
  return nlohmann::json::parse(client.call(status, 30s).document)["members"].size();
}

// Answered when another node has it, too.
ClientReply add_at_two(KithdProcess& node) {
  Client client = node.connect();
  Request add;
  add.op = ClientOp::kSadd;
  add.key = "s";
  add.members = {"m"};
  add.tag = client.mint_tag();
  add.replicas = 2;
  add.timeout_ms = 60'000;
  return client.call(add, 90s);
}

TEST_CASE("join: through a DNS service, also when it names nobody at first, and itself") {
  DnsServer names;
  const TemporaryDirectory dir;
  KithdProcess n1({.data = dir / "n1", .name = "n1"});
  n1.wait_ready();
  KithdProcess n2({.data = dir / "n2", .name = "n2", .join = {"srv:_kith._tcp.test"}, .flags = {"--dns", names.address()}});
  REQUIRE(eventually([&] { return names.asked() > 0; }));
  CHECK_FALSE(contains(n2.output(), "ready"));
  names.host("here.test", {"127.0.0.1"});
  names.service("_kith._tcp.test", {{10, port_of(n2.peer_address()), "here.test"}, {10, port_of(n1.peer_address()), "here.test"}});
  n2.wait_ready();
  CHECK(members_at(n2) == 2);
  CHECK_FALSE(contains(n2.output(), "refused"));  // By itself.
}

TEST_CASE("join: through a name with many addresses of which one is a member's") {
  DnsServer names;
  names.host("kith.test", {"127.0.0.9", "127.0.0.1", "127.0.0.8"});
  const TemporaryDirectory dir;
  KithdProcess n1({.data = dir / "n1", .name = "n1"});
  n1.wait_ready();
  KithdProcess n2({.data = dir / "n2",
                   .name = "n2",
                   .join = {"kith.test:" + std::to_string(port_of(n1.peer_address()))},
                   .flags = {"--dns", names.address()}});
  n2.wait_ready();
  CHECK(members_at(n1) == 2);
}

TEST_CASE("join: asking again changes nothing, and when all that it was told to ask are gone a member goes by those it remembers") {
  const TemporaryDirectory dir;
  KithdProcess n1({.data = dir / "n1", .name = "n1"});
  KithdProcess n2({.data = dir / "n2", .name = "n2", .join = {n1.peer_address()}});
  KithdProcess n3({.data = dir / "n3", .name = "n3", .join = {n1.peer_address(), "no-such-host.invalid:1"}});
  for (KithdProcess* node : {&n1, &n2, &n3}) node->wait_ready();
  REQUIRE(eventually([&] { return members_at(n1) == 3 && members_at(n2) == 3 && members_at(n3) == 3; }));
  n3.kill();
  n3.restart();
  n3.wait_ready();
  CHECK(members_at(n3) == 3);
  n3.kill();
  n1.kill();  // The only one that n3 was told to ask.
  n3.restart();
  n3.wait_ready();
  const ClientReply reply = add_at_two(n3);
  CHECK(reply.status == Status::kOk);
  CHECK(reply.replicas == std::vector<std::string>{"n3", "n2"});
}

// Method: members that all moved while it was down, so that what it remembers leads nowhere; the service tells where they are now.
TEST_CASE("join: a member that hears of nobody asks whoever its service names by then") {
  DnsServer names;
  names.host("here.test", {"127.0.0.1"});
  const TemporaryDirectory dir;
  std::optional<KithdProcess> n1(std::in_place, KithdProcess::Options{.data = dir / "n1", .name = "n1"});
  n1->wait_ready();
  names.service("_kith._tcp.test", {{10, port_of(n1->peer_address()), "here.test"}});
  KithdProcess n2({.data = dir / "n2", .name = "n2", .join = {"srv:_kith._tcp.test"}, .flags = {"--dns", names.address()}});
  n2.wait_ready();
  n2.kill();
  n1.reset();
  n1.emplace(KithdProcess::Options{.data = dir / "n1", .name = "n1"});  // On another port.
  n1->wait_ready();
  names.service("_kith._tcp.test", {{10, port_of(n1->peer_address()), "here.test"}});
  n2.restart();
  n2.wait_ready();
  CHECK(add_at_two(n2).replicas.size() == 2);
}

TEST_CASE("join: while nobody lets a node in its log says what is wrong with each address") {
  const TemporaryDirectory dir;
  KithdProcess n1({.data = dir / "n1", .name = "n1"});
  n1.wait_ready();
  zmq::context_t context;
  zmq::socket_t other(context, zmq::socket_type::stream);  // Accepts, and never says a word of ZeroMQ.
  other.bind("tcp://127.0.0.1:0");
  const std::string silent = other.get(zmq::sockopt::last_endpoint).substr(6);
  std::string nobody;
  {
    zmq::socket_t gone(context, zmq::socket_type::router);
    gone.bind("tcp://127.0.0.1:0");
    nobody = gone.get(zmq::sockopt::last_endpoint).substr(6);
  }
  // n2 asks the wrong ones; n3 the right one, and tells it a wrong address of itself.
  KithdProcess n2({.data = dir / "n2", .name = "n2", .join = {silent, nobody, n1.client_address(), "no-such-host.invalid:1"}});
  KithdProcess n3({.data = dir / "n3", .name = "n3", .join = {n1.peer_address()}, .flags = {"--advertise-peer", nobody}});
  REQUIRE(eventually([&] { return contains(n2.output(), "nobody has let this node in yet") && contains(n3.output(), "nobody has let this node in yet"); }));
  const std::string log = n2.output();
  CHECK(contains(log, silent + ": it accepts connections and does not speak ZeroMQ, so it is no Kith node"));
  CHECK(contains(log, nobody + ": nobody listens there"));
  CHECK(contains(log, n1.client_address() + ": it speaks ZeroMQ, and no answer came. Either it is not the peer address (--peer) of a member"));
  CHECK(contains(log, "no-such-host.invalid:1: the name stands for no address"));
  CHECK(contains(n3.output(), n1.peer_address() + ": it speaks ZeroMQ, and no answer came."));
  CHECK(contains(n3.output(), "members cannot reach this node at " + nobody + " (--advertise-peer)"));
  // Its directory tells both: where others are told it is, and where it listens.
  CHECK(n3.peer_address() == nobody);
  CHECK(n3.bound_peer_address() != nobody);
  CHECK(parse_address(n3.bound_peer_address()));
  // The member that was asked all that is well.
  CHECK(members_at(n1) == 1);
  CHECK(n1.running());
}

// Method: n3 is let in, and comes back telling that it is where n2 is.  Whatever is meant for it goes to n2, and n1 says so.
TEST_CASE("join: a member that lies about its address harms nobody but itself") {
  const TemporaryDirectory dir;
  KithdProcess n1({.data = dir / "n1", .name = "n1", .flags = {"--gossip-interval", "100ms"}});
  KithdProcess n2({.data = dir / "n2", .name = "n2", .join = {n1.peer_address()}, .flags = {"--gossip-interval", "100ms"}});
  n1.wait_ready();
  n2.wait_ready();
  {
    KithdProcess n3({.data = dir / "n3", .name = "n3", .join = {n1.peer_address()}});
    n3.wait_ready();
    REQUIRE(eventually([&] { return members_at(n1) == 3 && members_at(n2) == 3; }));
    REQUIRE(n3.terminate().code == 0);
  }
  KithdProcess liar({.data = dir / "n3", .name = "n3", .join = {n1.peer_address()}, .flags = {"--advertise-peer", n2.peer_address(), "--advertise-client", n2.client_address()}});
  liar.wait_ready();
  Client client = n1.connect();
  for (int i = 0; i < 20; ++i) {
    Request add;
    add.op = ClientOp::kSadd;
    add.key = "s";
    add.members = {std::to_string(i)};
    add.tag = client.mint_tag();
    add.replicas = 2;
    add.timeout_ms = 30'000;
    const ClientReply reply = client.call(add, 60s);
    REQUIRE(reply.status == Status::kOk);
    CHECK(reply.replicas[1] == "n2");  // n3 was told nothing, and has said nothing of it.
  }
  Request count;
  count.op = ClientOp::kScard;
  count.key = "s";
  Client at_n2 = n2.connect();
  CHECK(at_n2.call(count, 30s).number == 20);
  CHECK(eventually([&] {
    return contains(n1.output(), "members n2 and n3 are both heard of and both tell the address " + n2.peer_address() +
                                     ": what is meant for one goes to the other; start the one that is not there with its own --advertise-peer");
  }));
  // A client that is sent to the liar's address is at n2, and that is as good.
  ClientOptions options;
  options.addresses = {n1.client_address()};
  Client moving = Client::open(options);
  n1.kill();
  Request set;
  set.op = ClientOp::kSet;
  set.key = "k";
  CHECK(moving.call(set, 60s).node == "n2");
}

}  // namespace
}  // namespace kith
