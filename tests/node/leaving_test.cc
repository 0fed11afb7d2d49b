// tests/node/leaving_test.cc -- a node that is told to go hands over first (kithd --leave).
#include "node/leaving.h"

#include <doctest/doctest.h>
#include <signal.h>

#include <optional>

#include "tests/node/kithd_process.h"
#include "tests/node/temporary_directory.h"

namespace kith {
namespace {

using namespace std::chrono_literals;

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

MemberStatus member(const std::string& name, std::int64_t heard_ms_ago, std::uint64_t floor, std::int64_t agreed_ms_ago = -1) {
  MemberStatus out;
  out.name = name;
  out.heard_ms_ago = heard_ms_ago;
  out.floor = Timestamp{floor};
  out.agreed_ms_ago = agreed_ms_ago;
  return out;
}

TEST_CASE("leaving: a floor at or past the last write, or a round since then, says that a member has everything") {
  EngineStatus status;
  status.members = {member("at", 100, 1000), member("past", 100, 1001), member("below", 100, 999), member("agreed", 100, 0, 499),
                    member("agreed before", 100, 0, 500), member("silent", 60'000, 999), member("never", -1, 0), member("gone, with all", 60'000, 1000)};
  status.members.push_back(member("self", 0, 0));
  status.members.back().self = true;
  status.members.push_back(member("evicted", 100, 0));
  status.members.back().out = true;
  status.members.push_back(member("dead", 5'000, 0));
  status.members.back().liveness = Liveness::kDead;
  status.members.push_back(member("going", 100, 0));
  status.members.back().stopping = true;
  const HandOver state = hand_over(status, Timestamp{1000}, 500);
  CHECK(state.have_all == std::vector<std::string>{"at", "past", "agreed", "gone, with all"});
  CHECK(state.lack_some == std::vector<std::string>{"below", "agreed before"});
  CHECK(state.away == std::vector<std::string>{"silent", "never", "dead", "going"});
  CHECK_FALSE(state.done());
}

TEST_CASE("leaving: it is done when all that are there have everything, and somebody is there, if there is anybody") {
  EngineStatus status;
  CHECK(hand_over(status, Timestamp{1000}, 500).done());
  CHECK(in_words(hand_over(status, Timestamp{1000}, 500)) == "there is no other member");
  status.members = {member("n2", 60'000, 999)};
  CHECK_FALSE(hand_over(status, Timestamp{1000}, 500).done());
  status.members.push_back(member("n3", 100, 1000));
  CHECK(hand_over(status, Timestamp{1000}, 500).done());
  CHECK(in_words(hand_over(status, Timestamp{1000}, 500)) == "n3 holds everything that this node has; n2 is away");
  status.members.push_back(member("n4", 100, 0));
  status.members.push_back(member("n5", 100, 0));
  CHECK_FALSE(hand_over(status, Timestamp{1000}, 500).done());
  CHECK(in_words(hand_over(status, Timestamp{1000}, 500)) == "n3 holds everything that this node has; n4 and n5 are there and are not known to; n2 is away");
}

struct Two {
  explicit Two(const std::string& within) : n1({.data = dir / "n1", .name = "n1", .flags = {"--leave", within, "--allow-faults", "--gossip-interval", "100ms"}}) {
    n1.wait_ready();
    n2.emplace(KithdProcess::Options{.data = dir / "n2", .name = "n2", .join = {n1.peer_address()}, .flags = {"--allow-faults", "--gossip-interval", "100ms"}});
    n2->wait_ready();
  }
  // Each end of the link, so that nothing passes.
  void fault(const std::string& words_at_n1, const std::string& words_at_n2) {
    for (auto [node, words] : {std::pair(&n1, words_at_n1), std::pair(&*n2, words_at_n2)}) {
      Client client = node->connect();
      Request request;
      request.op = ClientOp::kFault;
      request.text = words;
      REQUIRE(client.call(request, 30s).status == Status::kOk);
    }
  }
  void write_at_n1() {
    Client client = n1.connect();
    Request request;
    request.op = ClientOp::kSet;
    request.key = "only here";
    request.value = "v";
    REQUIRE(client.call(request, 30s).status == Status::kOk);
  }
  std::optional<std::string> read_at_n2() {
    Client client = n2->connect();
    Request request;
    request.op = ClientOp::kGet;
    request.key = "only here";
    return client.call(request, 30s).value;
  }

  TemporaryDirectory dir;
  KithdProcess n1;
  std::optional<KithdProcess> n2;
};

// Method: n2 stands still while n1 takes a write and is told to go; n1 goes when n2 has heard of it.
TEST_CASE("leaving: a node with --leave stays until another holds what only it had") {
  Two two("5m");
  two.n2->send_signal(SIGSTOP);
  two.write_at_n1();
  two.n1.send_signal(SIGTERM);
  REQUIRE(eventually([&] { return contains(two.n1.output(), "leaving: takes no more requests"); }));
  CHECK(two.n1.running());
  two.n2->send_signal(SIGCONT);
  CHECK(two.n1.wait_exit().code == 0);
  CHECK(contains(two.n1.output(), "handed over: n2 holds everything that this node has"));
  CHECK(two.read_at_n2() == "v");
}

TEST_CASE("leaving: a second signal ends the handing over, says so, and loses nothing") {
  Two two("5m");
  two.fault("cut n2", "cut n1");
  two.write_at_n1();
  two.n1.send_signal(SIGTERM);
  REQUIRE(eventually([&] { return contains(two.n1.output(), "leaving: takes no more requests"); }));
  CHECK(two.n1.running());
  two.n1.send_signal(SIGINT);
  CHECK(two.n1.wait_exit().code == 1);
  CHECK(contains(two.n1.output(), "went before it had handed over"));
  CHECK_FALSE(two.read_at_n2());
  two.n1.restart();
  two.n1.wait_ready();
  two.fault("heal", "heal");
  REQUIRE(eventually([&] { return two.read_at_n2() == "v"; }));
  CHECK(two.n1.terminate().code == 0);
}

TEST_CASE("leaving: a node whose time is up says who is not known to have everything") {
  Two two("1s");
  two.fault("cut n2", "cut n1");
  two.write_at_n1();
  const auto exit = two.n1.terminate();
  CHECK(exit.code == 1);
  CHECK(contains(two.n1.output(), "went before it had handed over"));
  CHECK(contains(two.n1.output(), "n2"));
}

TEST_CASE("leaving: the only member of a cluster goes at once, and so does one that joined none") {
  TemporaryDirectory dir;
  KithdProcess alone({.data = dir / "n1", .name = "n1", .flags = {"--leave", "5m"}});
  alone.wait_ready();
  CHECK(alone.terminate().code == 0);
  KithdProcess nowhere({.data = dir / "n2", .name = "n2", .join = {"127.0.0.1:1"}, .flags = {"--leave", "5m"}});
  (void)nowhere.client_address();
  CHECK(nowhere.terminate().code == 0);
}

}  // namespace
}  // namespace kith
