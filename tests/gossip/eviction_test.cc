// Goal: members that are away are put out by agreement, and by that alone; what they took in alone is not lost.
// Method: five engines in virtual time, with a short retry window; partitions, kills and lost messages at every step of a vote.
#include "gossip/eviction.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/gossip/frames.h"

namespace kith::test {
namespace {

constexpr std::int64_t kWindowMs = 5000;

EngineOptions options(std::int64_t evict_after_ms = 0) {
  EngineOptions out;
  out.collect = true;
  out.retry_window_ms = kWindowMs;
  out.evict_after_ms = evict_after_ms;
  return out;
}

struct Cluster {
  explicit Cluster(int nodes, std::int64_t evict_after_ms = 0) : network(options(evict_after_ms)) {
    begin_cluster(network, nodes);
    for (int i = 1; i <= nodes; ++i) names.push_back("n" + std::to_string(i));
    network.operate("n1", sadd("likes", {"both", "dropped"}));
    settle();
    // Everybody has been counted among those who vote.
    network.run_ms(5000);
  }
  void settle() {
    REQUIRE(network.run_until([&] { return network.all_settled(); }, 120'000));
  }
  Reply evict(const std::string& at, std::vector<std::string> whom, bool without_half = false) {
    const std::uint64_t request = ++requests;
    network.input(at, Evict{request, std::move(whom), without_half});
    const auto reply = network.reply(request);
    REQUIRE(reply.has_value());
    return *reply;
  }
  EngineStatus status(const std::string& at) { return network.node(at).engine->status(instant_of(network)); }
  // Names of those that are out, as `at` knows.
  std::vector<std::string> out(const std::string& at) {
    std::vector<std::string> names_out;
    for (const auto& member : status(at).members) {
      if (member.out) names_out.push_back(member.name);
    }
    return names_out;
  }
  bool all_say_out(const std::vector<std::string>& at, const std::vector<std::string>& who) {
    return std::all_of(at.begin(), at.end(), [&](const std::string& name) { return out(name) == who; });
  }
  void part(const std::vector<std::string>& a, const std::vector<std::string>& b) {
    for (const auto& one : a) {
      for (const auto& other : b) network.cut(one, other);
    }
  }
  bool removal_is_collected(const std::string& at, const std::string& member) {
    const CellKey cell{"t", "likes", Kind::kSet, member};
    Row row;
    return network.node(at).store->snapshot()->get(shard_of(cell, 4), cell, row) == Snapshot::Lookup::kMissing;
  }

  Network network;
  std::vector<std::string> names;
  std::uint64_t requests = 1u << 30;
};
using Names = std::vector<std::string>;

TEST_CASE("eviction: a dead member holds the horizon until it is evicted, it returns with a write that only it had, and nothing removed returns") {
  Cluster cluster(5);
  Network& network = cluster.network;
  const Names left{"n1", "n2", "n3", "n4"};
  cluster.part({"n5"}, left);
  REQUIRE(network.operate("n5", sadd("likes", {"alone"})).outcome == Outcome::kOk);
  REQUIRE(network.operate("n5", set("mine", "5")).outcome == Outcome::kOk);
  REQUIRE(network.operate("n1", srem("likes", {"dropped"})).outcome == Outcome::kOk);
  network.kill("n5");
  network.run_ms(60'000);
  CHECK_FALSE(cluster.removal_is_collected("n1", "dropped"));
  CHECK(cluster.status("n1").garbage.held_by == "n5");
  const Timestamp held = cluster.status("n1").garbage.horizon;

  REQUIRE(cluster.evict("n2", {"n5"}).outcome == Outcome::kOk);
  REQUIRE(network.run_until([&] { return cluster.all_say_out(left, {"n5"}); }));
  REQUIRE(network.run_until([&] { return cluster.removal_is_collected("n1", "dropped"); }));
  CHECK(cluster.status("n1").garbage.horizon > held);
  CHECK(cluster.status("n3").garbage.held_by != "n5");
  CHECK(network.run_until([&] { return cluster.status("n4").garbage.lives_to_close == 0; }));
  // Its lives leave the table as any do.
  CHECK(network.run_until([&] {
    const EngineStatus status = cluster.status("n3");
    return std::all_of(status.members.begin(), status.members.end(), [](const auto& member) { return !member.out || member.lives == 0; });
  }));
  network.run_ms(2 * kWindowMs);

  network.heal();
  network.start("n5");
  REQUIRE(network.run_until([&] { return network.present("n1", "likes", "alone") && network.all_settled() && cluster.out("n1").empty(); }, 120'000));
  CHECK(network.node("n5").lives >= 3);
  for (const auto& name : cluster.names) {
    CAPTURE(name);
    CHECK(network.members_of(name, "likes") == Names{"alone", "both"});
    CHECK(network.value(name, "mine") == "5");
    CHECK(network.node(name).store->verify().empty());
  }
  CHECK(network.node("n5").redone.size() == 2);
  CHECK_FALSE(cluster.status("n5").garbage.returning);
  // It is a member like any other, for good.
  REQUIRE(network.operate("n5", srem("likes", {"alone"})).outcome == Outcome::kOk);
  REQUIRE(network.run_until([&] { return cluster.removal_is_collected("n1", "alone"); }, 120'000));
  network.kill("n5");
  network.start("n5");
  cluster.settle();
  CHECK(cluster.out("n1").empty());
}

TEST_CASE("eviction: a member that was only cut off is told, begins anew by itself, and what it took in meanwhile is there") {
  Cluster cluster(5);
  Network& network = cluster.network;
  const Names left{"n1", "n2", "n3", "n4"};
  cluster.part({"n5"}, left);
  REQUIRE(network.operate("n5", sadd("likes", {"before"})).outcome == Outcome::kOk);
  REQUIRE(cluster.evict("n1", {"n5"}).outcome == Outcome::kOk);
  REQUIRE(network.run_until([&] { return cluster.all_say_out(left, {"n5"}); }));
  network.run_ms(3 * kWindowMs);
  // It does not know yet, and a restart begins a life that nobody has heard of.
  REQUIRE(network.operate("n5", sadd("likes", {"after"})).outcome == Outcome::kOk);
  network.kill("n5");
  network.start("n5");
  REQUIRE(network.run_until([&] { return network.operate("n5", srem("likes", {"dropped"})).outcome == Outcome::kOk; }));
  network.run_ms(3 * kWindowMs);
  network.heal();
  REQUIRE(network.run_until([&] { return network.present("n1", "likes", "after") && network.present("n1", "likes", "before") && network.all_settled(); }, 120'000));
  for (const auto& name : cluster.names) {
    CAPTURE(name);
    CHECK(network.members_of(name, "likes") == Names{"after", "before", "both"});
  }
  CHECK(cluster.out("n1").empty());
  CHECK(network.node("n5").redone.size() == 3);
  REQUIRE(network.run_until([&] { return network.operate("n5", sadd("likes", {"later"})).outcome == Outcome::kOk; }));
  REQUIRE(network.run_until([&] { return network.present("n3", "likes", "later"); }));
}

TEST_CASE("eviction: of two sides that try to evict each other at most one succeeds, and of two halves none") {
  for (const int size : {4, 5}) {
    CAPTURE(size);
    Cluster cluster(size);
    Network& network = cluster.network;
    const Names a{"n1", "n2"};
    Names b{"n3", "n4"};
    if (size == 5) b.push_back("n5");
    cluster.part(a, b);
    const Reply of_a = cluster.evict("n1", b), of_b = cluster.evict("n3", a);
    CHECK(of_a.outcome == Outcome::kRefused);
    CHECK(of_a.message.find("more than half") != std::string::npos);
    CHECK(of_b.outcome == (size == 5 ? Outcome::kOk : Outcome::kRefused));
    network.run_ms(120'000);
    for (const auto& name : a) CHECK(cluster.out(name).empty());
    for (const auto& name : b) CHECK(cluster.out(name) == (size == 5 ? a : Names{}));
    network.heal();
    REQUIRE(network.run_until([&] { return network.all_settled() && cluster.out("n3").empty(); }, 120'000));
  }
}

TEST_CASE("eviction: who joined on one side only does not help that side to more than a half") {
  Cluster cluster(5);
  Network& network = cluster.network;
  const Names a{"n1", "n2", "n3"}, b{"n4", "n5"};
  cluster.part(a, b);
  for (const char* joiner : {"n6", "n7"}) {
    network.add(joiner, "n4");
    for (const auto& name : a) network.cut(joiner, name);
    network.start(joiner);
  }
  REQUIRE(network.run_until([&] { return cluster.status("n6").introduced && cluster.status("n7").introduced; }));
  network.run_ms(30'000);
  // Four of seven, as they see it.
  const Reply reply = cluster.evict("n4", a);
  if (reply.outcome == Outcome::kOk) network.run_ms(120'000);
  CHECK(cluster.out("n4").empty());
  CHECK(cluster.out("n6").empty());
  REQUIRE(cluster.evict("n1", b).outcome == Outcome::kOk);
  REQUIRE(network.run_until([&] { return cluster.all_say_out(a, b); }));
}

TEST_CASE("eviction: every member left over has to agree") {
  Cluster cluster(5);
  Network& network = cluster.network;
  network.kill("n5");
  network.kill("n4");
  REQUIRE(cluster.evict("n1", {"n5"}).outcome == Outcome::kOk);
  network.run_ms(30'000);
  CHECK(cluster.status("n1").garbage.eviction_waits_for == Names{"n4"});
  network.run_ms(60'000);
  CHECK(cluster.out("n1").empty());
  const auto& notes = network.node("n1").notes;
  CHECK(std::any_of(notes.begin(), notes.end(), [](const auto& note) { return note.find("have not answered: n4") != std::string::npos; }));
  // Both of them: three of five are more than a half.
  REQUIRE(network.run_until([&] { return cluster.evict("n1", {"n4", "n5"}).outcome == Outcome::kOk; }));
  REQUIRE(network.run_until([&] { return cluster.all_say_out({"n1", "n2", "n3"}, {"n4", "n5"}); }));
}

TEST_CASE("eviction: a proposer that dies at any step leaves nothing undone for ever") {
  for (std::int64_t after_ms = 0; after_ms <= 2600; after_ms += 200) {
    CAPTURE(after_ms);
    Cluster cluster(5);
    Network& network = cluster.network;
    network.kill("n5");
    REQUIRE(cluster.evict("n1", {"n5"}).outcome == Outcome::kOk);
    network.run_ms(after_ms / 10);
    if (after_ms > 500) network.run_ms(after_ms);
    network.kill("n1");
    network.run_ms(90'000);
    network.start("n1");
    const Names left{"n1", "n2", "n3", "n4"};
    REQUIRE(network.run_until([&] {
      return std::none_of(left.begin(), left.end(), [&](const auto& name) { return !cluster.status(name).garbage.evicting.empty(); });
    }, 300'000));
    cluster.settle();
    for (const auto& name : left) CHECK(cluster.out(name) == cluster.out("n1"));
    if (cluster.out("n1").empty()) REQUIRE(cluster.evict("n2", {"n5"}).outcome == Outcome::kOk);
    REQUIRE(network.run_until([&] { return cluster.all_say_out(left, {"n5"}); }));
  }
}

TEST_CASE("eviction: who was voted against and comes back is heard again when nothing comes of the vote") {
  std::uint64_t withdrawn = 0;
  for (std::int64_t after_ms = 0; after_ms <= 60; after_ms += 5) {
    CAPTURE(after_ms);
    Cluster cluster(5);
    Network& network = cluster.network;
    const Names left{"n1", "n2", "n3", "n4"};
    cluster.part({"n5"}, left);
    REQUIRE(cluster.evict("n1", {"n5"}).outcome == Outcome::kOk);
    network.run_ms(after_ms);
    network.kill("n4");  // It has promised, or voted, or neither.
    network.heal();
    REQUIRE(network.run_until([&] { return network.operate("n5", sadd("likes", {"of n5"})).outcome == Outcome::kOk; }, 120'000));
    REQUIRE(network.run_until([&] { return network.present("n1", "likes", "of n5"); }, 120'000));
    for (const auto& name : {"n1", "n2", "n3"}) withdrawn += network.counter(name, "votes_withdrawn");
    network.start("n4");
    REQUIRE(network.run_until([&] {
      return std::all_of(cluster.names.begin(), cluster.names.end(), [&](const auto& name) { return cluster.status(name).garbage.evicting.empty(); });
    }, 120'000));
    cluster.settle();
    CHECK(network.members_of("n4", "likes") == Names{"both", "dropped", "of n5"});
  }
  CHECK(withdrawn > 0);
}

// Goal: what memory knows of who is out is enough to write a row of it again that rotted, though nobody else has it.
TEST_CASE("eviction: a damaged row that says who is out is written again from memory") {
  Cluster cluster(3);
  Network& network = cluster.network;
  const NodeId out = cluster.status("n3").node;
  network.kill("n3");
  network.run_ms(2000);
  REQUIRE(cluster.evict("n1", {"n3"}).outcome == Outcome::kOk);
  REQUIRE(network.run_until([&] { return cluster.all_say_out({"n1", "n2"}, {"n3"}); }));
  const StoreKey key = store_key(kSystemShard, evicted_cell(out));
  for (const char* name : {"n1", "n2"}) REQUIRE(network.node(name).store->flip_bit(Database::kCells, key, 200));
  for (const char* name : {"n1", "n2"}) network.input(name, RowDamaged{key});
  for (const char* name : {"n1", "n2"}) {
    CAPTURE(name);
    Row row;
    CHECK(network.run_until([&] { return network.node(name).store->snapshot()->get(key, row) == Snapshot::Lookup::kFound; }, 5000));
    CHECK(network.counter(name, "rows_mended_from_memory") == 1);
    CHECK(network.counter(name, "rows_lost") == 0);
    CHECK(network.node(name).store->verify().empty());
  }
}

TEST_CASE("eviction: by itself, when a member was silent for long enough, and not when only one misses it") {
  Cluster cluster(5, 60'000);
  Network& network = cluster.network;
  network.cut("n1", "n5");
  network.run_ms(300'000);
  CHECK(cluster.out("n1").empty());
  network.heal();
  network.run_ms(5000);  // n1 hears it again.
  network.kill("n5");
  network.run_ms(50'000);
  CHECK(cluster.out("n1").empty());
  REQUIRE(network.run_until([&] { return cluster.all_say_out({"n1", "n2", "n3", "n4"}, {"n5"}); }, 180'000));
}

// Method: what the proposer has to hear to bring it about is lost for as long as this lasts; who is voted against is back meanwhile, and
// when nothing came of the vote nothing of it arrives for a while.
TEST_CASE("eviction: who is back while it is voted against is not proposed again when nothing comes of the vote") {
  Cluster cluster(5, 60'000);
  Network& network = cluster.network;
  const Names left{"n1", "n2", "n3", "n4"};
  bool speaks = true;
  network.filter = [&](const std::string& from, const std::string&, std::string& bytes) {
    if (from == "n5" && !speaks) return false;
    Envelope envelope;
    if (decode(bytes, envelope) != FrameError::kNone) return true;
    const auto* evict = std::get_if<EvictBody>(&envelope.body);
    return evict == nullptr || evict->step != VoteStep::kConfirm;
  };
  const auto proposed = [&] {
    std::uint64_t all = 0;
    for (const auto& name : left) all += network.counter(name, "evictions_proposed");
    return all;
  };
  cluster.part({"n5"}, left);
  REQUIRE(network.run_until([&] { return network.counter("n4", "evictions_voted_for") > 0; }, 180'000));
  const std::uint64_t before = proposed();
  network.heal();
  const auto given_up = [&] {
    return std::any_of(left.begin(), left.end(), [&](const auto& name) { return network.counter(name, "evictions_given_up") > 0; });
  };
  REQUIRE(network.run_until(given_up, 180'000));
  speaks = false;
  network.run_ms(25'000);
  CHECK(proposed() == before);
  speaks = true;
  REQUIRE(network.operate("n5", sadd("likes", {"of n5"})).outcome == Outcome::kOk);
  CHECK(network.run_until([&] { return network.present("n1", "likes", "of n5"); }, 120'000));
  CHECK(cluster.out("n1").empty());
}

TEST_CASE("eviction: an operator may go on with less than a half") {
  Cluster cluster(3);
  Network& network = cluster.network;
  network.kill("n2");
  network.kill("n3");
  CHECK(cluster.evict("n1", {"n2", "n3"}).outcome == Outcome::kRefused);
  REQUIRE(cluster.evict("n1", {"n2", "n3"}, true).outcome == Outcome::kOk);
  REQUIRE(network.run_until([&] { return cluster.out("n1") == Names{"n2", "n3"}; }));
  REQUIRE(network.operate("n1", srem("likes", {"dropped"})).outcome == Outcome::kOk);
  REQUIRE(network.run_until([&] { return cluster.removal_is_collected("n1", "dropped"); }));
}

// Goal: where all that had everything have lost their disks, the one that is left waits, says so, and goes on when it is told to.
// Method: n3 is evicted and told so; then n1 and n2 are gone for good, and members come in their place that know nothing.
TEST_CASE("recover: when no member in good standing is left a node goes on with what it has, and the others take it from there") {
  Cluster cluster(3);
  Network& network = cluster.network;
  cluster.part({"n3"}, {"n1", "n2"});
  REQUIRE(network.operate("n3", sadd("likes", {"alone"})).outcome == Outcome::kOk);
  REQUIRE(network.operate("n3", set("mine", "3")).outcome == Outcome::kOk);
  REQUIRE(cluster.evict("n1", {"n3"}).outcome == Outcome::kOk);
  REQUIRE(network.run_until([&] { return cluster.all_say_out({"n1", "n2"}, {"n3"}); }));
  Tap tap(network);
  tap.lose = {"rebased", "rows"};
  network.heal();
  REQUIRE(network.run_until([&] { return cluster.status("n3").garbage.returning; }));
  // Somebody is in good standing, and says so.
  REQUIRE(network.run_until([&] { return network.counter("n3", "rebases_begun") > 0; }));
  CHECK(cluster.evict("n3", {}, true).message.find("is in good standing") != std::string::npos);
  network.kill("n1");
  network.kill("n2");
  tap.lose.clear();
  CHECK_FALSE(cluster.status("n3").garbage.nobody_in_good_standing);
  REQUIRE(network.run_until([&] { return cluster.status("n3").garbage.nobody_in_good_standing; }, 120'000));
  CHECK(network.operate("n3", sadd("likes", {"no"})).code == Refusal::kRebasing);
  network.add("n4", "n3");
  network.start("n4");
  network.run_ms(60'000);
  CHECK(cluster.status("n3").garbage.nobody_in_good_standing);

  REQUIRE(cluster.evict("n3", {}, true).outcome == Outcome::kOk);
  REQUIRE(network.run_until([&] { return !cluster.status("n3").garbage.returning; }));
  CHECK_FALSE(cluster.status("n3").garbage.nobody_in_good_standing);
  REQUIRE(network.run_until([&] { return network.operate("n3", sadd("likes", {"again"})).outcome == Outcome::kOk; }));
  REQUIRE(network.run_until([&] { return network.members_of("n4", "likes") == Names{"again", "alone", "both", "dropped"}; }, 120'000));
  CHECK(network.value("n4", "mine") == "3");
  REQUIRE(cluster.evict("n3", {"n1", "n2"}, true).outcome == Outcome::kOk);
  REQUIRE(network.run_until([&] { return cluster.all_say_out({"n3", "n4"}, {"n1", "n2"}); }, 120'000));
  cluster.settle();
  // It is remembered.
  network.kill("n3");
  network.start("n3");
  cluster.settle();
  CHECK_FALSE(cluster.status("n3").garbage.rebasing);
}

TEST_CASE("eviction: what speaks against it is said") {
  Cluster cluster(3);
  CHECK(cluster.evict("n1", {"n9"}).message.find("no member 'n9'") != std::string::npos);
  CHECK(cluster.evict("n1", {"n1"}).message.find("does not evict itself") != std::string::npos);
  CHECK(cluster.evict("n1", {}).message.find("nobody") != std::string::npos);
  cluster.network.kill("n2");
  cluster.network.kill("n3");
  const Reply reply = cluster.evict("n1", {"n2", "n3"});
  CHECK(reply.code == Refusal::kCannotEvict);
  CHECK(reply.message.find("only 1 of 3") != std::string::npos);
}

}  // namespace
}  // namespace kith::test
