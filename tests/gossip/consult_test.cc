// tests/gossip/consult_test.cc -- reads that ask others first.
#include "gossip/consult.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "tests/gossip/frames.h"

namespace kith::test {
namespace {

constexpr const char* kTable = "t";  // Of the network.
constexpr std::uint64_t kFirstRead = 1'000'000;

// Nodes, and reads at a level; a read is what the node shows when it was told that it may answer.
struct Reads {
  explicit Reads(int count, EngineOptions options = {}) : network(options) { begin_cluster(network, count); }

  std::uint64_t ask(const std::string& node, const std::string& key, std::uint32_t level, std::int64_t timeout_ms = 5000) {
    network.input(node, Consult{++last, kTable, key, level, timeout_ms});
    return last;
  }
  Reply read(const std::string& node, const std::string& key, std::uint32_t level, std::int64_t timeout_ms = 5000) {
    const std::uint64_t request = ask(node, key, level, timeout_ms);
    REQUIRE(network.run_until([&] { return network.reply(request).has_value(); }));
    return *network.reply(request);
  }
  // From the others, in silence.
  void lose_all_to(const std::string& node) {
    network.filter = [node](const std::string&, const std::string& to, std::string&) { return to != node; };
  }

  static Operation at(std::uint32_t level, Operation operation) {
    operation.replicas = level;
    return operation;
  }

  Network network;
  std::uint64_t last = kFirstRead;
};

TEST_CASE("consult: a read of a quorum shows what a quorum was said to have, at a node that had not heard of it") {
  Reads reads(3);
  Network& network = reads.network;
  reads.lose_all_to("n3");
  REQUIRE(network.operate("n1", Reads::at(kQuorumReplicas, sadd("likes", {"tea", "milk"}))).outcome == Outcome::kOk);
  REQUIRE(network.operate("n1", Reads::at(kQuorumReplicas, set("color", "red"))).outcome == Outcome::kOk);
  REQUIRE_FALSE(network.present("n3", "likes", "tea"));
  network.filter = nullptr;
  network.cut("n1", "n3");  // Who took the write is not there to tell.

  const std::int64_t before_ms = network.now_ms();
  const Reply reply = reads.read("n3", "likes", kQuorumReplicas);
  CHECK(reply.outcome == Outcome::kOk);
  CHECK(reply.replicas == std::vector<std::string>{"n3", "n2"});
  CHECK(network.members_of("n3", "likes") == std::vector<std::string>{"milk", "tea"});
  CHECK(network.now_ms() - before_ms == 2 * network.delay_ms);
  CHECK(reads.read("n3", "color", kQuorumReplicas).outcome == Outcome::kOk);
  CHECK(network.value("n3", "color") == "red");
}

TEST_CASE("consult: who asks for one, by itself or by its table, asks nobody") {
  Reads reads(3);
  const std::uint64_t one = reads.ask("n1", "k", 1), as_the_table = reads.ask("n1", "k", kAsTheTable);
  for (const std::uint64_t request : {one, as_the_table}) {
    REQUIRE(reads.network.reply(request));
    CHECK(reads.network.reply(request)->outcome == Outcome::kOk);
    CHECK(reads.network.reply(request)->replicas == std::vector<std::string>{"n1"});
  }
  CHECK(reads.network.counter("n1", "consult_questions") == 0);
}

TEST_CASE("consult: the rules of a table say how many are asked, where a read does not") {
  Reads reads(3);
  Network& network = reads.network;
  CHECK_FALSE(network.node("n2").engine->some_reads_ask_others());
  Operation create;
  create.verb = Verb::kHashSet;
  create.describe = Describe::kCreate;
  create.table = kTable;
  create.key = kTablesKey;
  create.fields = {{"read", "quorum"}};
  REQUIRE(network.operate("n1", create).outcome == Outcome::kOk);
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  CHECK(network.node("n2").engine->some_reads_ask_others());
  CHECK(reads.read("n2", "k", kAsTheTable).replicas.size() == 2);
  create.describe = Describe::kAlter;
  create.fields = {{"read", "one"}};
  REQUIRE(network.operate("n1", create).outcome == Outcome::kOk);
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  CHECK_FALSE(network.node("n2").engine->some_reads_ask_others());
}

// Where two of five members are enough for a write, four have to tell: one of them took part.
TEST_CASE("consult: a quorum of reads has a member in common with every quorum of writes") {
  Reads reads(5);
  Network& network = reads.network;
  const Reply write = network.operate("n1", Reads::at(kQuorumReplicas, set("k", "v")));
  REQUIRE(write.replicas.size() == 2);
  CHECK(reads.read("n3", "k", kQuorumReplicas).replicas.size() == 4);
  CHECK(reads.read("n3", "k", kAllReplicas).replicas.size() == 5);
  CHECK(reads.read("n3", "k", 3).replicas.size() == 3);
}

TEST_CASE("consult: a level that is not reached in time is said, with who told, and nothing is read") {
  Reads reads(3);
  Network& network = reads.network;
  network.kill("n2");
  CHECK(reads.read("n1", "k", kQuorumReplicas).outcome == Outcome::kOk);
  const std::int64_t before_ms = network.now_ms();
  const Reply reply = reads.read("n1", "k", kAllReplicas, 700);
  CHECK(reply.outcome == Outcome::kRefused);
  CHECK(reply.code == Refusal::kNotReached);
  CHECK(reply.message.find("by n1, n3 alone") != std::string::npos);
  CHECK(network.now_ms() - before_ms == 700);
  CHECK(network.counter("n1", "consults_not_reached") == 1);
  // Nothing is left of it: who comes later asks anew.
  network.start("n2");
  CHECK(reads.read("n1", "k", kAllReplicas).outcome == Outcome::kOk);
}

TEST_CASE("consult: a question or an answer that is lost is asked for again") {
  Reads reads(3);
  Network& network = reads.network;
  int lost = 0;
  Tap tap(network);
  tap.pass = [&](const Tap::Sent& sent) { return sent.to != "n1" || !std::holds_alternative<RowsBody>(sent.envelope.body) || ++lost > 5; };
  CHECK(reads.read("n1", "k", kAllReplicas).outcome == Outcome::kOk);
  CHECK(lost > 5);
}

TEST_CASE("consult: reads that come while others are asked wait for the next question, and share it") {
  Reads reads(3);
  Network& network = reads.network;
  std::vector<std::uint64_t> requests = {reads.ask("n1", "k", kQuorumReplicas)};
  for (int i = 0; i < 50; ++i) requests.push_back(reads.ask("n1", "k", kQuorumReplicas));
  REQUIRE(network.run_until([&] { return network.reply(requests.back()).has_value(); }));
  for (const std::uint64_t request : requests) CHECK(network.reply(request)->outcome == Outcome::kOk);
  CHECK(network.counter("n1", "consult_questions") == 4);
}

// Goal: an answer that was asked for before a read began does not count for it.
// Method: n2's answer to the first read is on its way when a write is acknowledged by n2 and n3 and a second read begins at n1.
TEST_CASE("consult: what was told before a read began does not count for it") {
  Reads reads(3);
  Network& network = reads.network;
  network.delay_ms = 50;
  Tap tap(network);
  tap.pass = [&](const Tap::Sent& sent) { return sent.to != "n1" || !std::holds_alternative<PushBody>(sent.envelope.body); };
  network.cut("n1", "n3");
  const std::uint64_t first = reads.ask("n1", "k", kQuorumReplicas);
  network.run_ms(70);  // The question is at n2, and its answer on the way.
  const std::uint64_t write = network.submit("n2", Reads::at(kQuorumReplicas, set("k", "new")));
  network.run_ms(20);
  REQUIRE_FALSE(network.reply(first));
  // Acknowledged elsewhere by now or not: the read that begins after it must see it.
  REQUIRE(network.run_until([&] { return network.reply(first).has_value(); }));
  CHECK_FALSE(network.value("n1", "k"));
  REQUIRE(network.run_until([&] { return network.reply(write).has_value(); }));
  REQUIRE(network.reply(write)->outcome == Outcome::kOk);
  CHECK(reads.read("n1", "k", kQuorumReplicas).outcome == Outcome::kOk);
  CHECK(network.value("n1", "k") == "new");
}

TEST_CASE("consult: a node that is far behind reads on to the end") {
  EngineOptions options;
  options.answer_bytes_max = 2000;
  Reads reads(3, options);
  Network& network = reads.network;
  reads.lose_all_to("n3");
  std::vector<std::string> members;
  for (int i = 0; i < 500; ++i) members.push_back("member" + std::to_string(1000 + i));
  REQUIRE(network.operate("n1", Reads::at(kQuorumReplicas, sadd("likes", members))).outcome == Outcome::kOk);
  network.filter = nullptr;
  CHECK(reads.read("n3", "likes", kQuorumReplicas).outcome == Outcome::kOk);
  CHECK(network.members_of("n3", "likes") == members);
}

TEST_CASE("consult: who has damaged rows in the shard has not told") {
  Reads reads(2);
  Network& network = reads.network;
  const std::string key = key_in(2);
  network.operate("n2", sadd(key, {"one"}));
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  
  const StoreKey row = store_key(2, {kTable, key, Kind::kSet, "one"});
  Tap tap(network);
  tap.lose = {"mended"};  // It stays damaged.
  REQUIRE(network.node("n2").store->flip_bit(Database::kCells, row, 200));
  network.input("n2", RowDamaged{row});
  CHECK(reads.read("n1", key, kAllReplicas, 900).code == Refusal::kNotReached);
  tap.lose.clear();
  REQUIRE(network.run_until([&] { return network.node("n2").engine->status({}).rows_damaged == 0; }));
  CHECK(reads.read("n1", key, kAllReplicas).outcome == Outcome::kOk);
}

TEST_CASE("consult: a read that waits for a node which begins anew asks its next life") {
  Reads reads(2);
  Network& network = reads.network;
  network.kill("n2");
  const std::uint64_t request = reads.ask("n1", "k", kAllReplicas, 60'000);
  network.run_ms(20'000);
  CHECK_FALSE(network.reply(request));
  network.start("n2");
  CHECK(network.run_until([&] { return network.reply(request).has_value(); }, 10'000));
}

// Goal: a read of a quorum that begins after a write was acknowledged by a quorum sees it, whatever is lost and cut.
// Method: five nodes, a register written in rising numbers and read at random nodes, on links that lose, delay and overtake;
//         replicas 3, so that writes need 2 and reads 4.
TEST_CASE("consult: quorum and quorum: no read is older than what was acknowledged before it (random)") {
  std::uint64_t seed = 1;
  if (const char* given = std::getenv("KITH_TEST_SEED")) seed = std::strtoull(given, nullptr, 10);
  for (const std::uint64_t last_seed = seed + 20; seed < last_seed; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    Reads reads(5);
    Network& network = reads.network;
    network.copies = [&]() -> std::vector<std::int64_t> {
      if (random() % 5 == 0) return {};
      return {static_cast<std::int64_t>(random() % 60)};
    };
    const auto some = [&] { return "n" + std::to_string(1 + random() % 5); };
    struct Asked {
      std::uint64_t request = 0;
      std::string node;
      int at_least = 0;
    };
    std::vector<Asked> asked;
    std::map<std::uint64_t, int> writes;
    int number = 0, acknowledged = 0, checked = 0, newer_than_local = 0;
    for (int step = 0; step < 300; ++step) {
      if (random() % 20 == 0) network.cut(some(), some());
      if (random() % 10 == 0) network.heal();
      Operation write = Reads::at(kQuorumReplicas, set("k", std::to_string(1000 + ++number)));
      write.timeout_ms = 3000;
      writes[network.submit(some(), write)] = number;
      const std::string node = some();
      asked.push_back({reads.ask(node, "k", kQuorumReplicas, 3000), node, acknowledged});
      newer_than_local += network.value(node, "k").value_or("") < std::to_string(1000 + acknowledged) ? 1 : 0;
      (void)network.run_until(
          [&] {
            for (const auto& [request, value] : writes) {
              const auto reply = network.reply(request);
              if (reply && reply->outcome == Outcome::kOk) acknowledged = std::max(acknowledged, value);
            }
            // Looked at in the moment in which it may be answered.
            std::erase_if(asked, [&](const Asked& read) {
              const auto reply = network.reply(read.request);
              if (!reply) return false;
              if (reply->outcome != Outcome::kOk) return true;
              ++checked;
              const int shown = std::stoi(network.value(read.node, "k").value_or("1000")) - 1000;
              CHECK(shown >= read.at_least);
              return true;
            });
            return false;
          },
          40);
    }
    CHECK(checked > 100);
    CHECK(newer_than_local > 5);  // Without asking, some would have been older.
  }
}

}  // namespace
}  // namespace kith::test
