// Goal: a client that was opened on a cluster moves from node to node, says again what was not answered, under the same tags, and
//       gives up only when nobody answers.
// Method: fake nodes that tell of each other, and stop, keep silent or refuse as the case wants.
#include <doctest/doctest.h>

#include <unistd.h>

#include <map>
#include <memory>
#include <mutex>

#include "node/client.h"
#include "tests/node/fake_node.h"

namespace kith {
namespace {

using namespace std::chrono_literals;

// Nodes named n1, n2, .. which take writes once each, by tag, and tell who there is.
class FakeCluster {
 public:
  explicit FakeCluster(std::size_t count) {
    roster_.cluster = ClusterId{7};
    roster_.name = "fake";
    for (std::size_t i = 0; i < count; ++i) start(i);
  }

  // What a request is answered with in place of the usual; nothing: it is not answered at all.
  using Special = std::function<std::optional<ClientReply>(const Request&, ClientReply usual)>;
  void special(std::size_t node, Special special) {
    const std::scoped_lock lock(mutex_);
    specials_[node] = std::move(special);
  }
  const std::string& address(std::size_t node) const { return addresses_[node]; }
  void stop(std::size_t node) { nodes_[node].reset(); }
  void start(std::size_t node) {
    if (nodes_.size() <= node) nodes_.resize(node + 1);
    const std::string where = node < addresses_.size() ? addresses_[node] : "127.0.0.1:0";
    nodes_[node] = std::make_unique<FakeNode>([this, node](const Request& request, const auto& reply) { answer(node, request, reply); }, where);
    const std::scoped_lock lock(mutex_);
    if (node < addresses_.size()) return;
    addresses_.push_back(nodes_[node]->address());
    roster_.members.push_back({NodeId{100 - node}, "n" + std::to_string(node + 1), addresses_[node], true});
  }
  void change(const std::function<void(Roster&)>& how) {
    const std::scoped_lock lock(mutex_);
    how(roster_);
  }
  std::size_t written() {
    const std::scoped_lock lock(mutex_);
    return tags_.size();
  }
  std::size_t times_written() {
    const std::scoped_lock lock(mutex_);
    std::size_t out = 0;
    for (const auto& [tag, times] : tags_) out += times;
    return out;
  }

 private:
  void answer(std::size_t node, const Request& request, const FakeNode::Reply& reply) {
    const std::scoped_lock lock(mutex_);
    ClientReply out;
    out.id = request.id;
    out.node = "n" + std::to_string(node + 1);
    out.time = Timestamp::at_ms(1'700'000'000'000);
    if (request.roster && *request.roster != roster_.version()) out.roster = roster_;
    if (is_write(request.op)) {
      ++tags_[to_string(request.tag.value_or(Tag{}))];
      out.number = 1;
    }
    if (const auto found = specials_.find(node); found != specials_.end() && found->second) {
      auto instead = found->second(request, out);
      if (!instead) return;
      out = std::move(*instead);
    }
    reply(encode(out));
  }

  std::mutex mutex_;
  Roster roster_;
  std::vector<std::string> addresses_;
  std::map<std::size_t, Special> specials_;
  std::map<std::string, std::size_t> tags_;
  std::vector<std::unique_ptr<FakeNode>> nodes_;  // Last: they answer out of the rest.
};

ClientOptions quick(const FakeCluster& cluster) {
  ClientOptions out;
  out.addresses = {cluster.address(0)};
  out.heartbeat = 50ms;
  out.silent = 200ms;
  out.attempt_timeout = 500ms;
  out.connect_timeout = 30s;
  return out;
}

Request set(const std::string& key) {
  Request out;
  out.op = ClientOp::kSet;
  out.key = key;
  out.timeout_ms = 0;
  return out;
}

FakeCluster::Special silent_to(ClientOp op) {
  return [op](const Request& request, ClientReply usual) -> std::optional<ClientReply> {
    if (request.op == op) return std::nullopt;
    return usual;
  };
}

FakeCluster::Special refuses_writes(const std::string& code) {
  return [code](const Request& request, ClientReply usual) -> std::optional<ClientReply> {
    if (!is_write(request.op)) return usual;
    usual.status = Status::kRefused;
    usual.code = code;
    usual.message = "no, for " + code;
    return usual;
  };
}

TEST_CASE("moving client: it learns of the others, and goes on there when its node is gone, in the middle of writes") {
  FakeCluster cluster(3);
  cluster.special(0, silent_to(ClientOp::kSet));
  Client client = Client::open(quick(cluster));
  CHECK(client.address() == cluster.address(0));
  CHECK(client.roster().members.size() == 3);
  constexpr std::size_t kWrites = 1000;
  for (std::size_t i = 0; i < kWrites; ++i) client.send(set("k" + std::to_string(i)));
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  while (cluster.written() < kWrites && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(1ms);
  REQUIRE(cluster.written() == kWrites);
  cluster.stop(0);
  for (std::size_t i = 0; i < kWrites; ++i) {
    const auto reply = client.receive(60s);
    REQUIRE(reply);
    CHECK(reply->status == Status::kOk);
  }
  CHECK(client.in_flight() == 0);
  CHECK(client.moves() == 2);
  CHECK(client.address() != cluster.address(0));
  CHECK(client.roster().size() == 2);  // By its own word.
  CHECK(cluster.written() == kWrites);
  CHECK(cluster.times_written() == 2 * kWrites);  // Each tag came twice: once here, once there.
}

TEST_CASE("moving client: a node that keeps silent is left") {
  FakeCluster cluster(2);
  Client client = Client::open(quick(cluster));
  cluster.special(0, [](const Request&, ClientReply) { return std::optional<ClientReply>(); });
  CHECK(client.call(set("k"), 30s).node == "n2");
  CHECK(cluster.written() == 1);
}

TEST_CASE("moving client: a node that is there, and does not answer what was asked, is left as well") {
  FakeCluster cluster(2);
  cluster.special(0, silent_to(ClientOp::kSet));
  ClientOptions options = quick(cluster);
  options.stuck = 300ms;
  Client client = Client::open(options);
  CHECK(client.call(set("k"), 30s).node == "n2");
}

TEST_CASE("moving client: what one node can not do another one is asked for, under the same tag") {
  for (const char* code : {"stopping", "full", "rebasing", "clock_fenced", "damaged", "store", "evicted", "superseded", "not_joined"}) {
    CAPTURE(code);
    FakeCluster cluster(2);
    cluster.special(0, refuses_writes(code));
    Client client = Client::open(quick(cluster));
    const ClientReply reply = client.call(set("k"), 30s);
    CHECK(reply.status == Status::kOk);
    CHECK(reply.node == "n2");
    CHECK(cluster.written() == 1);
  }
}

TEST_CASE("moving client: what no node can do is told as it was said, and what is a client's mistake at once") {
  FakeCluster cluster(2);
  for (std::size_t node : {0, 1}) cluster.special(node, refuses_writes("full"));
  Client client = Client::open(quick(cluster));
  CHECK(client.call(set("k"), 30s).code == "full");
  for (std::size_t node : {0, 1}) cluster.special(node, refuses_writes("limit"));
  const auto moves = client.moves();
  CHECK(client.call(set("k"), 30s).code == "limit");
  CHECK(client.moves() == moves);
}

TEST_CASE("moving client: a busy node is asked again in a moment") {
  FakeCluster cluster(1);
  auto left = std::make_shared<std::atomic<int>>(5);
  cluster.special(0, [left](const Request& request, ClientReply usual) -> std::optional<ClientReply> {
    if (is_write(request.op) && (*left)-- > 0) usual.status = Status::kError, usual.code = "busy";
    return usual;
  });
  Client client = Client::open(quick(cluster));
  CHECK(client.call(set("k"), 30s).status == Status::kOk);
  CHECK(client.moves() == 1);
}

TEST_CASE("moving client: only when nobody answers a write fails, with all that were tried") {
  FakeCluster cluster(2);
  ClientOptions options = quick(cluster);
  options.patience = 100ms;
  Client client = Client::open(options);
  cluster.stop(0);
  cluster.stop(1);
  try {
    client.call(set("k"), 60s);
    FAIL("nobody was there");
  } catch (const ClientError& error) {
    const std::string what = error.what();
    CHECK(what.find("no node answers") != std::string::npos);
    for (std::size_t node : {0, 1}) CHECK(what.find(cluster.address(node) + " (nobody listens there)") != std::string::npos);
  }
  // And when one is back it goes on.
  cluster.start(1);
  CHECK(client.call(set("k"), 60s).node == "n2");
}

TEST_CASE("moving client: an address where another cluster answers is not gone to") {
  FakeCluster cluster(2);
  Client client = Client::open(quick(cluster));
  FakeCluster other(1);
  other.change([](Roster& roster) { roster.cluster = ClusterId{8}; });
  cluster.change([&](Roster& roster) { roster.members[1].client_address = other.address(0); });
  cluster.stop(1);
  CHECK(client.call(set("k"), 30s).node == "n1");
  cluster.stop(0);
  CHECK_THROWS_WITH_AS(client.call(set("k"), 1500ms), doctest::Contains("it belongs to another cluster"), ClientError);
  CHECK(other.written() == 0);
}

TEST_CASE("moving client: while nothing is asked it notices that its node is gone, and moves") {
  FakeCluster cluster(2);
  Client client = Client::open(quick(cluster));
  int pipe[2];
  REQUIRE(::pipe(pipe) == 0);
  CHECK_FALSE(client.wait_for(pipe[0], 100ms));
  CHECK(client.moves() == 1);
  cluster.stop(0);
  for (int i = 0; i < 100 && client.moves() == 1; ++i) CHECK_FALSE(client.wait_for(pipe[0], 300ms));
  CHECK(client.moves() == 2);
  CHECK(client.address() == cluster.address(1));
  // Who types is heard.
  REQUIRE(::write(pipe[1], "x", 1) == 1);
  CHECK(client.wait_for(pipe[0], 30s));
  // Also with nobody to talk to.
  cluster.stop(1);
  CHECK(client.wait_for(pipe[0], 30s));
  for (const int end : pipe) ::close(end);
}

TEST_CASE("moving client: it hears of a new member while nothing is asked") {
  FakeCluster cluster(1);
  Client client = Client::open(quick(cluster));
  cluster.start(1);
  int pipe[2];
  REQUIRE(::pipe(pipe) == 0);
  for (int i = 0; i < 100 && client.roster().members.size() < 2; ++i) (void)client.wait_for(pipe[0], 300ms);
  CHECK(client.roster().members.size() == 2);
  for (const int end : pipe) ::close(end);
}

TEST_CASE("moving client: by the leader's route it talks to the leader only, whoever that is by now") {
  FakeCluster cluster(3);  // Ids fall: n3 has the least.
  ClientOptions options = quick(cluster);
  options.route = Route::kLeader;
  Client client = Client::open(options);
  CHECK(client.call(set("a"), 30s).node == "n3");
  cluster.stop(2);
  CHECK(client.call(set("b"), 30s).node == "n2");
  cluster.start(3);  // n4 has a lesser id still.
  CHECK(client.call(set("c"), 30s).status == Status::kOk);
  for (int i = 0; i < 200 && client.call(set("d"), 30s).node != "n4"; ++i) std::this_thread::sleep_for(1ms);
  CHECK(client.call(set("d"), 30s).node == "n4");
}

TEST_CASE("moving client: without an address, and with addresses that are none, it says so") {
  CHECK_THROWS_WITH_AS(Client::open({.connect_timeout = 100ms}), doctest::Contains("no address of a node was given"), ClientError);
  CHECK_THROWS_WITH_AS(Client::open({.addresses = {"nonsense"}, .connect_timeout = 100ms}), doctest::Contains("give HOST:PORT"), ClientError);
  CHECK_THROWS_WITH_AS(Client::open({.addresses = {"127.0.0.1:0"}, .connect_timeout = 100ms}), doctest::Contains("127.0.0.1:0"), ClientError);
}

}  // namespace
}  // namespace kith
