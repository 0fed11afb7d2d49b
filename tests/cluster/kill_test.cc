// tests/cluster/kill_test.cc -- SIGKILL at random moments, while clients write.
//
// Goal: no acknowledged write is lost, and all nodes are equal at the end.
// Method: three kithd; three clients add to and remove from sets, each write with a tag, retried with the same tag at
//         whichever node answers until one says ok.  Meanwhile nodes are killed and restarted, 100 times (KITH_KILLS
//         for another number).  At the end every node must have every acknowledged add that was not removed, and none
//         that was; and the stores must verify offline.
#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <thread>

#include "store/lmdb_store.h"
#include "tests/cluster/cluster.h"

namespace kith {
namespace {

class Writer {
 public:
  Writer(std::vector<std::string> addresses, std::uint64_t seed)
      : addresses_(std::move(addresses)), random_(seed), name_("w" + std::to_string(seed)) {}

  void run(const std::atomic<bool>& stop) {
    while (!stop) {
      const std::string member = name_ + "-" + std::to_string(++written_);
      if (!write(ClientOp::kSadd, member, stop)) return;
      expected_.insert(member);
      if (written_ % 4 == 0 && !expected_.empty()) {
        const std::string victim = *expected_.begin();
        if (!write(ClientOp::kSrem, victim, stop)) {
          unknown_.insert(victim);  // Neither said to be done nor not: either is right.
          return;
        }
        expected_.erase(victim);
      }
    }
  }

  const std::set<std::string>& expected() const { return expected_; }
  const std::set<std::string>& unknown() const { return unknown_; }
  std::uint64_t written() const { return written_; }
  std::uint64_t retries() const { return retries_; }

 private:
  // Until some node says ok.  False when told to stop before: what became of it is not known.
  bool write(ClientOp op, const std::string& member, const std::atomic<bool>& stop) {
    std::optional<Tag> tag;
    for (int attempt = 0;; ++attempt) {
      try {
        // One session for all connections: its removes take back its own adds, whichever node has heard of them.
        if (!client_) {
          client_.emplace(Client::connect(addresses_[random_() % addresses_.size()], std::chrono::seconds(1), session_));
        }
        Request request;
        request.op = op;
        request.key = "set" + std::to_string(std::hash<std::string>{}(member) % 8);
        request.members = {member};
        if (!tag) tag = client_->mint_tag();
        session_ = client_->session();
        request.tag = tag;
        const ClientReply reply = client_->call(request, std::chrono::seconds(1));
        if (reply.status == Status::kOk) return true;
        client_.reset();
      } catch (const ClientError&) {
        client_.reset();
      }
      ++retries_;
      if (stop) {
        unknown_.insert(member);
        return false;
      }
    }
  }

  std::vector<std::string> addresses_;
  std::mt19937_64 random_;
  std::string name_;
  std::optional<Client> client_;
  Session session_;
  std::uint64_t written_ = 0, retries_ = 0;
  std::set<std::string> expected_, unknown_;
};

TEST_CASE("cluster: nodes killed at random moments lose no acknowledged write") {
  const char* wanted = std::getenv("KITH_KILLS");
  const int kills = wanted != nullptr ? std::atoi(wanted) : 100;
  const std::uint64_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  TestCluster cluster(3);
  REQUIRE(eventually([&] { return cluster.all_know_all(); }));

  std::vector<std::string> addresses;
  for (std::size_t i = 0; i < cluster.size(); ++i) addresses.push_back(cluster.node(i).client_address());
  std::vector<Writer> writers;
  for (std::uint64_t i = 1; i <= 3; ++i) writers.emplace_back(addresses, seed * 10 + i);
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (auto& writer : writers) threads.emplace_back([&] { writer.run(stop); });

  for (int i = 0; i < kills; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 60));
    KithdProcess& victim = cluster.node(random() % cluster.size());
    victim.kill();
    victim.restart();
    if (random() % 2 == 0) victim.wait_ready();  // Else the next kill may meet it while it starts.
  }
  stop = true;
  for (auto& thread : threads) thread.join();
  for (std::size_t i = 0; i < cluster.size(); ++i) cluster.node(i).wait_ready();
  REQUIRE(eventually([&] { return cluster.all_equal(); }));

  std::uint64_t written = 0, retries = 0;
  for (std::size_t i = 0; i < cluster.size(); ++i) {
    Client client = cluster.node(i).connect();
    std::set<std::string> found;
    for (int key = 0; key < 8; ++key) {
      const auto members = members_of(client, "set" + std::to_string(key));
      found.insert(members.begin(), members.end());
    }
    for (const auto& writer : writers) {
      for (const auto& member : writer.expected()) {
        if (!writer.unknown().contains(member)) CHECK_MESSAGE(found.contains(member), "lost on node ", i, ": ", member);
        found.erase(member);
      }
      for (const auto& member : writer.unknown()) found.erase(member);
    }
    CHECK_MESSAGE(found.empty(), "came back on node ", i, ": ", found.empty() ? "" : *found.begin());
  }
  for (const auto& writer : writers) written += writer.written(), retries += writer.retries();
  MESSAGE(kills, " kills, ", written, " adds, ", retries, " retries");
  CHECK(written > 100);

  for (std::size_t i = 0; i < cluster.size(); ++i) {
    CHECK(cluster.node(i).terminate().code == 0);
    CHECK(LmdbStore::open(cluster.data_of(i))->verify() == std::vector<std::string>{});
  }
}

}  // namespace
}  // namespace kith
