// Goal: an observer as people meet it: it joins, copies, answers reads, sends writers to a replica, and nobody misses it when it is gone.
// Method: two real replicas and a real observer; clients of the library, of Redis, and kithd with what it refuses.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "gossip/operation.h"
#include "node/client.h"
#include "tests/node/kithd_process.h"
#include "tests/node/redis_socket.h"
#include "tests/node/temporary_directory.h"

namespace kith {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

struct Watched {
  TemporaryDirectory directory;
  std::vector<std::string> flags{"--gossip-interval", "100ms", "--retry-window", "1s"};
  KithdProcess n1{{.data = directory / "n1", .name = "n1", .flags = flags}};
  KithdProcess n2{{.data = directory / "n2", .name = "n2", .join = {n1.peer_address()}, .flags = flags}};
  KithdProcess o1{{.data = directory / "o1", .name = "o1", .join = {n1.peer_address()}, .flags = observing()}};

  Watched() {
    for (KithdProcess* node : {&n1, &n2, &o1}) node->wait_ready();
    REQUIRE(eventually([&] { return member(n2, "o1")["role"] == "observer" && member(o1, "n2")["role"] == "replica"; }));
  }
  std::vector<std::string> observing() const {
    std::vector<std::string> out = flags;
    out.insert(out.end(), {"--role", "observer", "--redis", "127.0.0.1:0"});
    return out;
  }
  static json status(KithdProcess& node) {
    Client client = node.connect();
    Request request;
    request.op = ClientOp::kStatus;
    return json::parse(client.call(request, 30s).document);
  }
  static json member(KithdProcess& at, const std::string& name) {
    const json all = status(at);
    for (const json& it : all["members"]) {
      if (it["name"] == name) return it;
    }
    return json::object();
  }
  static ClientReply write(Client& client, ClientOp op, const std::string& member, std::uint32_t replicas = 1) {
    Request request;
    request.op = op;
    request.key = "likes";
    request.members = {member};
    request.replicas = replicas;
    request.tag = client.mint_tag();
    return client.call(request, 30s);
  }
  static std::vector<std::string> likes(KithdProcess& node) {
    Client client = node.connect();
    Request request;
    request.op = ClientOp::kSmembers;
    request.key = "likes";
    return client.call(request, 30s).members;
  }
};

TEST_CASE("observer: it copies and answers reads, and a client that begins there writes at a replica, with the tag that it had") {
  Watched watched;
  ClientOptions options;
  options.addresses = {watched.o1.client_address()};
  Client client = Client::open(options);
  const ClientReply written = Watched::write(client, ClientOp::kSadd, "tea", kAllReplicas);
  CAPTURE(written.message);
  REQUIRE(written.status == Status::kOk);
  CHECK(written.replicas.size() == 2);
  CHECK(std::find(written.replicas.begin(), written.replicas.end(), "o1") == written.replicas.end());
  CHECK(eventually([&] { return Watched::likes(watched.o1) == std::vector<std::string>{"tea"}; }));
  const Roster roster = client.roster();
  CHECK(roster.size() == 2);
  CHECK(std::count_if(roster.members.begin(), roster.members.end(), [](const auto& member) { return member.observer && member.name == "o1"; }) == 1);

  // Who stays there is told.
  Client staying = watched.o1.connect();
  const ClientReply refused = Watched::write(staying, ClientOp::kSadd, "milk");
  CHECK(refused.status == Status::kRefused);
  CHECK(refused.code == "observer");
  CHECK(contains(refused.message, "o1 is an observer, which copies and answers reads and takes no writes: ask a replica, such as n"));

  RedisSocket redis(watched.o1.redis_address());
  CHECK(redis.say({"SET", "color", "red"}).starts_with("-READONLY o1 is an observer"));
  RedisSocket again(watched.o1.redis_address());
  CHECK(again.say({"GET", "color"}) == "$-1\r\n");
}

TEST_CASE("observer: while it is dead writes to all replicas are acknowledged and what was removed is forgotten, and it comes back to what they show") {
  Watched watched;
  Client client = watched.n1.connect();
  REQUIRE(Watched::write(client, ClientOp::kSadd, "tea").status == Status::kOk);
  REQUIRE(Watched::write(client, ClientOp::kSadd, "milk").status == Status::kOk);
  REQUIRE(eventually([&] { return Watched::likes(watched.o1).size() == 2; }));
  watched.o1.kill();
  REQUIRE(Watched::write(client, ClientOp::kSrem, "tea", kAllReplicas).status == Status::kOk);
  for (KithdProcess* node : {&watched.n1, &watched.n2}) {
    REQUIRE(eventually([&] { return Watched::status(*node)["counters"].value("rows_collected", 0) > 0; }));
  }
  watched.o1.restart();
  watched.o1.wait_ready();
  CHECK(eventually([&] { return Watched::likes(watched.o1) == std::vector<std::string>{"milk"}; }));
  CHECK(eventually([&] { return Watched::status(watched.o1)["store"]["root"] == Watched::status(watched.n1)["store"]["root"]; }));
  CHECK(Watched::likes(watched.n1) == std::vector<std::string>{"milk"});
  CHECK(Watched::likes(watched.n2) == std::vector<std::string>{"milk"});
}

TEST_CASE("observer: its directory says what it is, another role is refused, and so is one that would be the first node") {
  Watched watched;
  REQUIRE(watched.o1.terminate().code == 0);
  const auto start = [&](const std::string& data, const std::string& name, std::vector<std::string> more) {
    std::vector<std::string> arguments{"--data", data, "--name", name, "--client", "127.0.0.1:0", "--peer", "127.0.0.1:0"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_kithd(arguments);
  };
  const KithdRun other = start(watched.directory / "o1", "o1", {"--role", "replica", "--join", watched.n1.peer_address()});
  CHECK(other.code == 2);
  CHECK(contains(other.output, "the data directory is that of an observer"));
  CHECK(contains(other.output, "kith drain o1"));
  const KithdRun first = start(watched.directory / "new", "o9", {"--role", "observer"});
  CHECK(first.code == 2);
  CHECK(contains(first.output, "can not be the first node of a cluster"));
  const KithdRun none = start(watched.directory / "new", "o9", {"--role", "witness"});
  CHECK(none.code == 2);
  CHECK(contains(none.output, "\"witness\" is no role: replica or observer"));
  // Said or not, it is what it was.
  KithdProcess back({.data = watched.directory / "o1", .name = "o1", .join = {watched.n1.peer_address()}, .flags = watched.flags});
  back.wait_ready();
  CHECK(Watched::member(back, "o1")["role"] == "observer");
}

}  // namespace
}  // namespace kith
