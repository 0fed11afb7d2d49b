// tests/gossip/cost_test.cc -- what things cost in bytes: exact, the same on every machine.
#include <doctest/doctest.h>

#include <map>

#include "tests/gossip/network.h"

namespace kith::test {
namespace {

constexpr std::uint32_t kShards = 64;

class Pair {
 public:
  Pair() {
    for (const std::string name : {"n1", "n2"}) {
      network.add(name, name == "n1" ? "" : "n1").setup.shard_count = kShards;
      network.start(name);
    }
    REQUIRE(network.run_until([&] { return network.all_settled(); }));
    network.filter = [this](const std::string&, const std::string&, std::string& bytes) {
      sent_bytes += bytes.size();
      ++sent_messages;
      return true;
    };
  }

  // `count` new members in sets of a thousand, at n1.
  void write(std::size_t count, const std::string& prefix) {
    for (std::size_t i = 0; i < count;) {
      std::vector<std::string> members;
      for (; members.size() < 1000 && i < count; ++i) members.push_back("member-" + std::to_string(i));
      REQUIRE(network.operate("n1", sadd(prefix + std::to_string(i), members)).outcome == Outcome::kOk);
    }
  }
  void settle() { REQUIRE(network.run_until([&] { return network.all_settled(); })); }
  void forget() { sent_bytes = sent_messages = 0; }

  Network network;
  std::uint64_t sent_bytes = 0, sent_messages = 0;
};

// DESIGN.md, section 6: a few hundred bytes at most, whatever the size of the data.
TEST_CASE("round: in sync it costs the same few bytes at 10 keys and at 100,000 elements") {
  std::map<std::size_t, std::uint64_t> bytes_per_round;
  for (const std::size_t count : {std::size_t{10}, std::size_t{100'000}}) {
    Pair pair;
    pair.write(count, "set");
    pair.settle();
    pair.network.run_ms(3000);
    pair.forget();
    pair.network.run_ms(20'000);
    REQUIRE(pair.sent_messages > 20);
    REQUIRE(pair.sent_messages % 2 == 0);
    bytes_per_round[count] = pair.sent_bytes / (pair.sent_messages / 2);
  }
  CHECK(bytes_per_round[10] <= 400);
  CHECK(bytes_per_round[100'000] == bytes_per_round[10]);
  MESSAGE("a round in sync: ", bytes_per_round[10], " bytes both ways");
}

TEST_CASE("push: an add to a large set costs the bytes of an add to a small one") {
  std::map<std::size_t, std::uint64_t> bytes;
  for (const std::size_t size : {std::size_t{10}, std::size_t{50'000}}) {
    Pair pair;
    for (std::size_t i = 0; i < size; i += 10) {
      std::vector<std::string> members;
      for (std::size_t j = i; j < i + 10; ++j) members.push_back("m" + std::to_string(j));
      REQUIRE(pair.network.operate("n1", sadd("likes", members)).outcome == Outcome::kOk);
    }
    pair.settle();
    pair.network.run_ms(1);
    const std::uint64_t before = pair.network.counter("n1", "sent_push_bytes");
    REQUIRE(pair.network.operate("n1", sadd("likes", {"the new one"})).outcome == Outcome::kOk);
    bytes[size] = pair.network.counter("n1", "sent_push_bytes") - before;
  }
  CHECK(bytes[10] > 0);
  CHECK(bytes[50'000] == bytes[10]);
}

// Goal: a node that was down catches up with little more than the bytes of the rows it lacked.
// Method: 10,000 single writes while it is down; all messages of both sides count until nothing is left to say.
TEST_CASE("pull: a node that was down during 10,000 writes catches up with at most 1.3 times their rows") {
  Pair pair;
  pair.write(2000, "before");
  pair.settle();
  pair.network.kill("n2");
  const std::uint64_t rows_before = pair.network.counter("n1", "row_bytes_changed");
  for (int i = 0; i < 10'000; ++i) {
    const std::string name = std::to_string(i);
    REQUIRE(pair.network.operate("n1", sadd("user:" + name, {"member-" + name})).outcome == Outcome::kOk);
  }
  const std::uint64_t row_bytes = pair.network.counter("n1", "row_bytes_changed") - rows_before;
  pair.network.run_ms(5000);  // What was pushed meanwhile is gone.
  pair.forget();
  pair.network.start("n2");
  pair.settle();
  MESSAGE(row_bytes, " bytes of rows, ", pair.sent_bytes, " bytes sent");
  CHECK(row_bytes > 10'000 * 40);
  CHECK(static_cast<double>(pair.sent_bytes) <= 1.3 * static_cast<double>(row_bytes));
}

}  // namespace
}  // namespace kith::test
