// Goal: an observer has all that the replicas have, and nothing of theirs waits for it, counts it, or changes by what it says; and
// whatever it alone was told of, it ends like them.
// Method: engines in virtual time with a short retry window; o1 and o2 are observers.  Cuts, kills, and disks that go back so that only an
// observer has what was written, or heard of a life.
#include <doctest/doctest.h>

#include <algorithm>

#include "gossip/follow.h"
#include "gossip/role.h"
#include "tests/gossip/frames.h"

namespace kith::test {
namespace {

constexpr std::int64_t kWindowMs = 5000;
using Names = std::vector<std::string>;

EngineOptions options() {
  EngineOptions out;
  out.collect = true;
  out.retry_window_ms = kWindowMs;
  out.evict_after_ms = 0;
  return out;
}

struct Cluster {
  // n1 to n<replicas>, then o1 to o<observers>, which join through n1.
  explicit Cluster(int replicas, int observers = 1) : network(options()) {
    begin_cluster(network, replicas);
    for (int i = 1; i <= replicas; ++i) names.push_back("n" + std::to_string(i));
    for (int i = 1; i <= observers; ++i) observe("o" + std::to_string(i), "n1");
    network.operate("n1", sadd("likes", {"both", "dropped"}));
    settle();
    network.run_ms(5000);  // Everybody has been counted among those who vote.
  }
  void observe(const std::string& name, const std::string& through) {
    network.add(name, through).setup.role = Role::kObserver;
    network.start(name);
    names.push_back(name);
  }
  void settle() { REQUIRE(network.run_until([&] { return network.all_settled(); }, 180'000)); }
  EngineStatus status(const std::string& at) { return network.node(at).engine->status(instant_of(network)); }
  MemberStatus member(const std::string& at, const std::string& name) {
    for (const auto& it : status(at).members) {
      if (it.name == name) return it;
    }
    return {};
  }
  Reply ask(const std::string& at, Input input) {
    const std::uint64_t request = ++requests;
    if (auto* evict = std::get_if<Evict>(&input)) evict->request = request;
    if (auto* drain = std::get_if<Drain>(&input)) drain->request = request;
    if (auto* consult = std::get_if<Consult>(&input)) consult->request = request;
    network.input(at, input);
    REQUIRE(network.run_until([&] { return network.reply(request).has_value(); }));
    return *network.reply(request);
  }
  Reply evict(const std::string& at, Names whom) { return ask(at, Evict{0, std::move(whom), false}); }
  Reply drain(const std::string& at) { return ask(at, Drain{0, false}); }
  Reply read(const std::string& at, const std::string& key, std::uint32_t level) { return ask(at, Consult{0, "t", key, level, 5000}); }
  bool collected(const std::string& at, const std::string& member) {
    const CellKey cell{"t", "likes", Kind::kSet, member};
    Row row;
    return network.node(at).store->snapshot()->get(shard_of(cell, 4), cell, row) == Snapshot::Lookup::kMissing;
  }
  void part(const Names& a, const Names& b) {
    for (const auto& one : a) {
      for (const auto& other : b) network.cut(one, other);
    }
  }
  bool says(const std::string& name, const std::string& part) {
    const auto& notes = network.node(name).notes;
    return std::any_of(notes.begin(), notes.end(), [&](const auto& note) { return note.find(part) != std::string::npos; });
  }
  // The disk as it is now, to be put back later.
  void keep(const std::string& name) { kept = network.node(name).store->clone(); }
  void put_back(const std::string& name) {
    network.kill(name);
    network.node(name).store = std::move(kept);
  }

  Network network;
  Names names;
  std::unique_ptr<MemoryStore> kept;
  std::uint64_t requests = 1u << 30;
};

Operation at_level(std::uint32_t level, Operation operation) {
  operation.replicas = level;
  return operation;
}

TEST_CASE("observer: it copies what is there and what is written, and refuses writes with the name of who takes them") {
  Cluster cluster(3);
  Network& network = cluster.network;
  CHECK(network.present("o1", "likes", "both"));
  REQUIRE(network.operate("n2", set("color", "red")).outcome == Outcome::kOk);
  REQUIRE(network.run_until([&] { return network.value("o1", "color") == "red"; }, 1000));  // By a push.

  const Reply refused = network.operate("o1", set("color", "blue"));
  CHECK(refused.outcome == Outcome::kRefused);
  CHECK(refused.code == Refusal::kObserver);
  const Roster roster = network.node("o1").engine->roster(instant_of(network));
  const auto* leader = roster.find(roster.leader());
  REQUIRE(leader != nullptr);
  CHECK(refused.message == "o1 is an observer, which copies and answers reads and takes no writes: ask a replica, such as " + leader->name + " at " +
                               leader->client_address + "; nothing changed");
  CHECK(cluster.status("o1").role == Role::kObserver);
  CHECK(cluster.member("n2", "o1").observer);
  CHECK_FALSE(cluster.member("o1", "n2").observer);
  CHECK_FALSE(leader->observer);
  CHECK(roster.size() == 3);
  // Nothing that it committed is in a clock.
  for (const auto& name : cluster.names) {
    for (const auto& [origin, at] : cluster.status(name).newest_held) CHECK(origin != cluster.status("o1").origin);
  }
}

TEST_CASE("observer: its role is that of its directory, and it can not be the first node") {
  Cluster cluster(1);
  const auto snapshot = cluster.network.node("o1").store->snapshot();
  NodeSetup setup = cluster.network.node("o1").setup;
  CHECK_FALSE(check_setup(*snapshot, setup).has_value());
  setup.role = Role::kReplica;
  const auto other = check_setup(*snapshot, setup);
  REQUIRE(other.has_value());
  CHECK(other->find("that of an observer") != std::string::npos);
  CHECK(other->find("kith drain o1") != std::string::npos);
  NodeSetup founder = cluster.network.node("n1").setup;
  founder.role = Role::kObserver;
  CHECK(check_setup(*cluster.network.node("n1").store->snapshot(), founder).value().find("that of a replica") != std::string::npos);

  MemoryStore empty;
  NodeSetup first;
  first.name = "o9";
  first.role = Role::kObserver;
  CHECK(check_setup(*empty.snapshot(), first).value().find("can not be the first node") != std::string::npos);
  first.join = {"n1:2"};
  CHECK_FALSE(check_setup(*empty.snapshot(), first).has_value());
}

TEST_CASE("observer: dead for longer than the horizon it holds nothing up, comes back, rebases, and nothing that was removed returns") {
  Cluster cluster(3);
  Network& network = cluster.network;
  const auto pulled = [&] { return network.counter("n1", "rows_pulled") + network.counter("n2", "rows_pulled") + network.counter("n3", "rows_pulled"); };
  const std::uint64_t before = pulled();
  network.kill("o1");
  REQUIRE(network.operate("n1", srem("likes", {"dropped"})).outcome == Outcome::kOk);
  REQUIRE(network.run_until([&] { return cluster.collected("n1", "dropped") && cluster.collected("n2", "dropped") && cluster.collected("n3", "dropped"); }));
  CHECK(cluster.status("n2").garbage.held_by != "o1");

  network.start("o1");
  CHECK(network.present("o1", "likes", "dropped"));
  REQUIRE(network.run_until([&] { return !network.present("o1", "likes", "dropped"); }));
  CHECK(network.counter("o1", "rebases_begun") >= 1);
  cluster.settle();
  CHECK(network.members_of("n1", "likes") == Names{"both"});
  CHECK(pulled() - before <= 6);  // Of the table, from each other.
}

TEST_CASE("observer: no level of writes counts it, and all are reached without it") {
  Cluster cluster(2, 2);
  Network& network = cluster.network;
  const Reply all = network.operate("n1", at_level(kAllReplicas, set("a", "1")));
  CHECK(all.outcome == Outcome::kOk);
  CHECK(all.replicas == Names{"n1", "n2"});
  network.kill("o1");
  network.kill("o2");
  CHECK(network.operate("n1", at_level(kAllReplicas, set("a", "2"))).outcome == Outcome::kOk);
  network.start("o1");
  network.start("o2");
  cluster.settle();

  // With the other replica away two observers do not make up for it.
  network.kill("n2");
  const Reply quorum = network.operate("n1", at_level(kQuorumReplicas, set("a", "3")));
  CHECK(quorum.outcome == Outcome::kStored);
  CHECK(quorum.replicas == Names{"n1"});
  CHECK(network.value("o1", "a") == "3");
  CHECK(network.operate("n1", at_level(2, set("a", "4"))).outcome == Outcome::kStored);
}

TEST_CASE("observer: reads that ask others ask replicas, and one at an observer is told by as many of them") {
  Cluster cluster(3, 2);
  Network& network = cluster.network;
  CHECK(cluster.read("n1", "likes", kAllReplicas).replicas == Names{"n1", "n2", "n3"});
  const Reply here = cluster.read("o1", "likes", kQuorumReplicas);
  CHECK(here.outcome == Outcome::kOk);
  CHECK(here.replicas.size() >= 2);
  CHECK(std::find(here.replicas.begin(), here.replicas.end(), "o1") == here.replicas.end());
  CHECK(std::find(here.replicas.begin(), here.replicas.end(), "o2") == here.replicas.end());
  CHECK(cluster.read("o1", "likes", 1).replicas == Names{"o1"});
  // It shows what a quorum was said to have, though nobody had told it.
  network.filter = [](const std::string&, const std::string& to, std::string&) { return to[0] != 'o'; };
  REQUIRE(network.operate("n2", at_level(kQuorumReplicas, set("fresh", "yes"))).outcome == Outcome::kOk);
  network.filter = nullptr;
  CHECK(cluster.read("o2", "fresh", kQuorumReplicas).outcome == Outcome::kOk);
  CHECK(network.value("o2", "fresh") == "yes");

  cluster.part({"o1"}, {"n1", "n2"});
  const Reply short_of = cluster.read("o1", "likes", kQuorumReplicas);
  CHECK(short_of.code == Refusal::kNotReached);
  CHECK(short_of.message.find("by n3 alone") != std::string::npos);

  Cluster one(1);
  CHECK(one.read("o1", "likes", kQuorumReplicas).replicas == Names{"n1"});
}

TEST_CASE("observer: former lives of replicas are closed and retired while it is away, and it begins lives that leave nothing") {
  Cluster cluster(2);
  Network& network = cluster.network;
  network.kill("o1");
  const OriginId former = cluster.status("n2").origin;
  network.kill("n2");
  network.start("n2");
  REQUIRE(network.run_until([&] { return network.counter("n2", "lives_retired") == 1; }));
  CHECK(cluster.status("n2").garbage.lives_to_close == 0);
  network.run_ms(3000);
  for (const auto& [origin, at] : cluster.status("n1").newest_held) CHECK(origin != former);
  for (int i = 0; i < 3; ++i) {
    network.start("o1");
    network.run_ms(3000);
    network.kill("o1");
  }
  network.start("o1");
  cluster.settle();
  for (const auto& [origin, at] : cluster.status("o1").newest_held) CHECK(origin != former);
  CHECK(cluster.member("n1", "o1").lives == 1);
}

TEST_CASE("observer: it is put out at once, though replicas are away, and comes back by itself") {
  Cluster cluster(3);
  Network& network = cluster.network;
  CHECK(cluster.evict("o1", {"n2"}).message.find("o1 is an observer, and has no vote") != std::string::npos);
  network.kill("n3");
  network.kill("o1");
  REQUIRE(cluster.evict("n1", {"o1"}).outcome == Outcome::kOk);
  CHECK(cluster.member("n1", "o1").out);
  CHECK_FALSE(cluster.status("n1").garbage.proposes_eviction);
  REQUIRE(network.run_until([&] { return cluster.member("n2", "o1").out; }));
  REQUIRE(network.operate("n2", set("color", "red")).outcome == Outcome::kOk);
  network.start("n3");
  network.run_ms(5000);
  network.start("o1");
  REQUIRE(network.run_until([&] { return !cluster.member("n1", "o1").out && !cluster.status("o1").garbage.returning; }));
  cluster.settle();
  CHECK(network.value("o1", "color") == "red");
}

TEST_CASE("observer: replicas are evicted by replicas alone, and half of all with an observer is no more than a half") {
  Cluster cluster(4, 3);
  Network& network = cluster.network;
  cluster.part({"n1", "n2", "o1", "o2", "o3"}, {"n3", "n4"});
  network.run_ms(1000);
  const Reply refused = cluster.evict("n1", {"n3", "n4"});
  CHECK(refused.outcome == Outcome::kRefused);
  CHECK(refused.message.find("only 2 of 4 members") != std::string::npos);
  network.heal();
  cluster.settle();
  network.kill("n4");
  for (const auto& name : {"o1", "o2", "o3"}) network.kill(name);
  REQUIRE(cluster.evict("n1", {"n4"}).outcome == Outcome::kOk);
  REQUIRE(network.run_until([&] { return cluster.member("n3", "n4").out; }));
  for (const auto& name : {"o1", "o2", "o3"}) network.start(name);
  cluster.settle();
  CHECK(cluster.member("o2", "n4").out);
}

TEST_CASE("observer: it leaves at once, and the only replica does not leave, however many observers there are") {
  Cluster cluster(1, 2);
  Network& network = cluster.network;
  const Reply refused = cluster.drain("n1");
  CHECK(refused.code == Refusal::kCannotDrain);
  CHECK(refused.message.find("n1 is the only replica of its cluster") != std::string::npos);
  REQUIRE(cluster.drain("o1").outcome == Outcome::kOk);
  REQUIRE(network.run_until([&] { return network.node("o1").engine == nullptr; }));
  CHECK(cluster.member("n1", "o1").left);
  cluster.settle();
  CHECK(cluster.member("o2", "o1").left);
  // Started again it is a member again.
  network.start("o1");
  REQUIRE(network.run_until([&] { return !cluster.member("n1", "o1").out; }));
  cluster.settle();
}

TEST_CASE("observer: a replica that leaves waits for replicas alone") {
  Cluster cluster(3);
  Network& network = cluster.network;
  network.kill("o1");
  REQUIRE(cluster.drain("n3").outcome == Outcome::kOk);
  REQUIRE(network.run_until([&] { return network.node("n3").engine == nullptr; }));
  network.start("o1");
  cluster.settle();
  CHECK(cluster.member("o1", "n3").left);
}

TEST_CASE("observer: who joins through an observer is let in by a replica") {
  Cluster cluster(2);
  Network& network = cluster.network;
  network.add("n3", "o1");
  network.start("n3");
  REQUIRE(network.run_until([&] { return cluster.status("n3").introduced; }));
  cluster.observe("o2", "o1");
  cluster.settle();
  CHECK(network.counter("o1", "joins_sent_on") >= 2);
  CHECK(network.counter("o1", "joins_welcomed") == 0);
  CHECK(network.operate("n3", set("color", "red")).outcome == Outcome::kOk);
}

TEST_CASE("observer: a node that was let in takes no writes while only an observer has its record") {
  Cluster cluster(2);
  Network& network = cluster.network;
  network.filter = [](const std::string& from, const std::string& to, std::string& bytes) {
    Envelope envelope;
    REQUIRE(decode(bytes, envelope) == FrameError::kNone);
    const bool joining = std::holds_alternative<JoinBody>(envelope.body) || std::holds_alternative<WelcomeBody>(envelope.body);
    return joining || !((from == "n3" && to[0] == 'n') || (to == "n3" && from[0] == 'n'));
  };
  network.add("n3", "n1");
  network.start("n3");
  network.run_ms(10'000);
  CHECK(cluster.status("n3").joined);
  CHECK_FALSE(cluster.status("n3").introduced);
  CHECK(network.operate("n3", set("color", "red")).code == Refusal::kNotJoined);
  network.filter = nullptr;
  REQUIRE(network.run_until([&] { return cluster.status("n3").introduced; }));
  cluster.settle();
}

// ---- What only an observer has

TEST_CASE("observer: what it alone was told, by a replica whose disk then went back, it gives up, and shows what they show") {
  Cluster cluster(2);
  Network& network = cluster.network;
  REQUIRE(network.operate("n2", set("color", "red")).outcome == Outcome::kOk);
  REQUIRE(network.operate("n1", sadd("likes", {"tea"})).outcome == Outcome::kOk);
  cluster.settle();
  cluster.keep("n2");
  network.cut("n1", "n2");
  REQUIRE(network.operate("n2", set("color", "green")).outcome == Outcome::kOk);
  REQUIRE(network.operate("n2", sadd("likes", {"alone"})).outcome == Outcome::kOk);
  REQUIRE(network.operate("n2", srem("likes", {"tea"})).outcome == Outcome::kOk);
  network.run_ms(200);
  REQUIRE(network.value("o1", "color") == "green");
  REQUIRE_FALSE(network.present("o1", "likes", "tea"));
  cluster.put_back("n2");
  network.heal();
  network.run_ms(3000);
  CHECK(network.value("n1", "color") == "red");  // Nothing of it came by way of the observer.
  network.start("n2");
  cluster.settle();
  for (const std::string name : {"n1", "n2", "o1"}) {
    CHECK(network.value(name, "color") == "red");
    CHECK(network.members_of(name, "likes") == Names{"both", "dropped", "tea"});
  }
}

TEST_CASE("observer: a life that only it heard of, of a disk that went back, is nothing to it in the end") {
  Cluster cluster(2);
  Network& network = cluster.network;
  network.kill("n2");
  cluster.kept = network.node("n2").store->clone();
  network.cut("n1", "n2");
  network.start("n2");
  network.run_ms(2000);
  REQUIRE(network.operate("n2", sadd("likes", {"alone"})).outcome == Outcome::kOk);
  REQUIRE(network.operate("n2", srem("likes", {"both"})).outcome == Outcome::kOk);
  network.run_ms(2000);
  REQUIRE(network.present("o1", "likes", "alone"));
  cluster.put_back("n2");
  network.heal();
  network.start("n2");
  cluster.settle();
  CHECK(network.members_of("o1", "likes") == Names{"both", "dropped"});
  CHECK(network.counter("n1", "strayed") == 0);
}

TEST_CASE("observer: what a member that was evicted told it alone is gone, until that member is back and does it again") {
  Cluster cluster(3);
  Network& network = cluster.network;
  cluster.part({"n3", "o1"}, {"n1", "n2"});
  REQUIRE(network.operate("n3", sadd("likes", {"alone"})).outcome == Outcome::kOk);
  network.run_ms(500);
  network.kill("n3");
  REQUIRE(cluster.evict("n1", {"n3"}).outcome == Outcome::kOk);
  REQUIRE(network.run_until([&] { return cluster.member("n2", "n3").out; }));
  network.start("n3");  // A life that only the observer hears of.
  network.run_ms(2000);
  REQUIRE(network.operate("n3", srem("likes", {"both"})).outcome == Outcome::kOk);
  network.run_ms(500);
  REQUIRE_FALSE(network.present("o1", "likes", "both"));
  network.kill("n3");
  network.heal();
  cluster.settle();
  CHECK(network.members_of("o1", "likes") == Names{"both", "dropped"});
  CHECK(network.members_of("n1", "likes") == Names{"both", "dropped"});
  network.start("n3");
  REQUIRE(network.run_until([&] { return network.present("o1", "likes", "alone") && !network.present("o1", "likes", "both"); }));
  cluster.settle();
}

TEST_CASE("observer: nothing that it says changes what a replica holds") {
  Cluster cluster(1);
  Network& network = cluster.network;
  Puppet puppet(network, "o1");
  network.kill("o1");
  const std::uint64_t root = network.root("n1");
  const auto dropped = [&] { return network.counter("n1", "dropped_of_or_for_observer"); };
  PushBody push;
  push.parts.push_back({0, Timestamp{}, time_of(network), plain_add(key_in(0), "m", puppet.origin, time_of(network))});
  std::vector<Body> bodies{push};
  for (const Envelope& example : examples()) bodies.push_back(example.body);
  std::set<std::string> refused;
  for (const Body& body : bodies) {
    const std::uint64_t before = dropped();
    network.feed("n1", puppet.says(body));
    if (dropped() > before) refused.insert(std::string(type_name(body)));
  }
  std::string all;
  for (const auto& type : refused) all += type + " ";
  CHECK(all == "agreed buckets digests evict evicted mended push rebased repaired rows superseded vote welcome ");
  CHECK(network.root("n1") == root);
  CHECK(cluster.status("n1").pulls_outstanding == 0);
}

}  // namespace
}  // namespace kith::test
