// Goal: a member that goes for good hands over first, goes by agreement, and nothing waits for it, nor is anything lost; and whatever
// happens on the way out, no two sides go on without each other.
// Method: engines in virtual time with a short retry window; members away, kills, restarts and changes of mind at every step of it.
#include "gossip/leave.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/gossip/frames.h"

namespace kith::test {
namespace {

constexpr std::int64_t kWindowMs = 5000;
using Names = std::vector<std::string>;

EngineOptions options(bool collect = true) {
  EngineOptions out;
  out.collect = collect;
  out.retry_window_ms = kWindowMs;
  out.evict_after_ms = 0;
  return out;
}

struct Cluster {
  explicit Cluster(int nodes, bool collect = true) : network(options(collect)) {
    begin_cluster(network, nodes);
    for (int i = 1; i <= nodes; ++i) names.push_back("n" + std::to_string(i));
    network.operate("n1", sadd("likes", {"both", "dropped"}));
    REQUIRE(network.run_until([&] { return network.all_settled(); }, 120'000));
    network.run_ms(5000);  // Everybody has been counted among those who vote.
  }
  Reply drain(const std::string& at, bool cancel = false) {
    const std::uint64_t request = ++requests;
    network.input(at, Drain{request, cancel});
    const auto reply = network.reply(request);
    REQUIRE(reply.has_value());
    return *reply;
  }
  Reply evict(const std::string& at, std::vector<std::string> whom) {
    const std::uint64_t request = ++requests;
    network.input(at, Evict{request, std::move(whom), false});
    return network.reply(request).value();
  }
  EngineStatus status(const std::string& at) { return network.node(at).engine->status(instant_of(network)); }
  MemberStatus member(const std::string& at, const std::string& name) {
    for (const auto& member : status(at).members) {
      if (member.name == name) return member;
    }
    return {};
  }
  bool up(const std::string& name) { return network.node(name).engine != nullptr; }
  bool left(const std::string& name) {  // Its process has ended, and all others know.
    return !up(name) && std::all_of(names.begin(), names.end(), [&](const auto& it) { return !up(it) || it == name || member(it, name).left; });
  }
  bool says(const std::string& name, const std::string& part) {
    const auto& notes = network.node(name).notes;
    return std::any_of(notes.begin(), notes.end(), [&](const auto& note) { return note.find(part) != std::string::npos; });
  }
  void cut_off(const Names& these) {
    for (const auto& one : these) {
      for (const auto& other : names) {
        if (std::find(these.begin(), these.end(), other) == these.end()) network.cut(one, other);
      }
    }
  }

  Network network;
  Names names;
  std::uint64_t requests = 1u << 30;
};

TEST_CASE("leave: a member hands over what only it had, goes by the agreement of the others, and nothing waits for it") {
  Cluster cluster(4);
  Network& network = cluster.network;
  cluster.cut_off({"n2"});
  REQUIRE(network.operate("n4", sadd("likes", {"late"})).outcome == Outcome::kOk);
  REQUIRE(cluster.drain("n4").outcome == Outcome::kOk);
  CHECK(cluster.status("n4").leave.since);
  // Twice is the same.
  REQUIRE(cluster.drain("n4").outcome == Outcome::kOk);
  const Reply refused = network.operate("n4", sadd("likes", {"too late"}));
  CHECK(refused.code == Refusal::kLeaving);
  CHECK(refused.message.find("ask another one") != std::string::npos);
  network.run_ms(3000);
  CHECK(cluster.up("n4"));
  CHECK(cluster.member("n1", "n4").leaving);
  network.heal();
  REQUIRE(network.run_until([&] { return cluster.left("n4"); }));
  CHECK(cluster.says("n4", "left the cluster"));
  for (const std::string name : {"n1", "n2", "n3"}) {
    CAPTURE(name);
    CHECK(network.members_of(name, "likes") == Names{"both", "dropped", "late"});
    CHECK_FALSE(cluster.member(name, "n4").leaving);
    CHECK(cluster.member(name, "n4").out);
  }
  // Nobody's clock, floor or horizon knows of it any more.
  REQUIRE(network.operate("n1", srem("likes", {"dropped"})).outcome == Outcome::kOk);
  const CellKey cell{"t", "likes", Kind::kSet, "dropped"};
  CHECK(network.run_until([&] {
    Row row;
    return network.node("n2").store->snapshot()->get(shard_of(cell, 4), cell, row) == Snapshot::Lookup::kMissing;
  }, 120'000));
  CHECK(network.run_until([&] { return cluster.member("n3", "n4").lives == 0; }, 120'000));
  CHECK(cluster.status("n1").garbage.held_by != "n4");
  CHECK(cluster.status("n1").members.size() == 4);
}

TEST_CASE("leave: a node that has left and is started again comes back as a member, with nothing to do again") {
  Cluster cluster(3);
  Network& network = cluster.network;
  REQUIRE(network.operate("n3", sadd("likes", {"late"})).outcome == Outcome::kOk);
  REQUIRE(cluster.drain("n3").outcome == Outcome::kOk);
  REQUIRE(network.run_until([&] { return cluster.left("n3"); }));
  REQUIRE(network.operate("n1", srem("likes", {"dropped"})).outcome == Outcome::kOk);
  network.run_ms(4 * kWindowMs);
  network.start("n3");
  REQUIRE(network.run_until([&] { return network.all_settled() && !cluster.member("n1", "n3").out; }, 120'000));
  CHECK(network.node("n3").redone.empty());
  CHECK_FALSE(cluster.member("n1", "n3").left);
  CHECK_FALSE(cluster.status("n3").leave.since);
  for (const auto& name : cluster.names) CHECK(network.members_of(name, "likes") == Names{"both", "late"});
  REQUIRE(network.run_until([&] { return network.operate("n3", sadd("likes", {"again"})).outcome == Outcome::kOk; }));
  CHECK(network.run_until([&] { return network.present("n1", "likes", "again"); }));
  // And may leave once more.
  REQUIRE(cluster.drain("n3").outcome == Outcome::kOk);
  CHECK(network.run_until([&] { return cluster.left("n3"); }, 120'000));
}

TEST_CASE("leave: who cannot leave, or is not leaving, is told why, and nothing changes") {
  Cluster alone(1);
  const Reply only = alone.drain("n1");
  CHECK(only.code == Refusal::kCannotDrain);
  CHECK(only.message.find("only member") != std::string::npos);
  CHECK(alone.network.operate("n1", sadd("likes", {"x"})).outcome == Outcome::kOk);

  Cluster keeps_all(2, false);
  CHECK(keeps_all.drain("n2").message.find("collects nothing") != std::string::npos);

  Cluster two(2);
  const Reply stays = two.drain("n2", true);
  CHECK(stays.code == Refusal::kCannotDrain);
  CHECK(stays.message.find("not leaving") != std::string::npos);

  Network nowhere(options());
  nowhere.add("n9", "n1");
  nowhere.start("n9");
  nowhere.input("n9", Drain{7, false});
  CHECK(nowhere.reply(7)->message.find("does not belong to a cluster") != std::string::npos);
}

TEST_CASE("leave: a member that is away is waited for, named, and may be evicted by the vote of who goes") {
  Cluster cluster(4);
  Network& network = cluster.network;
  network.kill("n2");
  REQUIRE(network.operate("n4", sadd("likes", {"late"})).outcome == Outcome::kOk);
  REQUIRE(cluster.drain("n4").outcome == Outcome::kOk);
  network.run_ms(60'000);
  CHECK(cluster.up("n4"));
  CHECK_FALSE(cluster.status("n4").leave.handed_over);
  CHECK(cluster.status("n4").leave.lacking == Names{"n2"});
  CHECK(cluster.status("n4").leave.away == Names{"n2"});
  SUBCASE("it comes back") {
    network.start("n2");
    REQUIRE(network.run_until([&] { return cluster.left("n4"); }, 120'000));
    CHECK(network.members_of("n2", "likes") == Names{"both", "dropped", "late"});
  }
  SUBCASE("it is evicted") {
    REQUIRE(cluster.evict("n1", {"n2"}).outcome == Outcome::kOk);
    REQUIRE(network.run_until([&] { return cluster.member("n1", "n2").out; }));
    CHECK_FALSE(cluster.member("n1", "n2").left);
    REQUIRE(network.run_until([&] { return cluster.left("n4"); }, 120'000));
    CHECK(network.members_of("n3", "likes") == Names{"both", "dropped", "late"});
  }
}

TEST_CASE("leave: with less than a half there nobody goes, and with all there again it does") {
  Cluster cluster(5);
  Network& network = cluster.network;
  cluster.cut_off({"n1", "n5"});
  REQUIRE(cluster.drain("n5").outcome == Outcome::kOk);
  network.run_ms(120'000);
  CHECK(cluster.up("n5"));
  CHECK_FALSE(cluster.member("n1", "n5").out);
  network.heal();
  CHECK(network.run_until([&] { return cluster.left("n5"); }, 120'000));
}

TEST_CASE("leave: of four members two may leave at once, and the last two take turns: one stays") {
  Cluster cluster(4);
  Network& network = cluster.network;
  REQUIRE(cluster.drain("n3").outcome == Outcome::kOk);
  REQUIRE(cluster.drain("n4").outcome == Outcome::kOk);
  REQUIRE(network.run_until([&] { return cluster.left("n3") && cluster.left("n4"); }, 240'000));
  REQUIRE(cluster.drain("n2").outcome == Outcome::kOk);
  REQUIRE(network.run_until([&] { return cluster.left("n2"); }, 120'000));
  CHECK(network.members_of("n1", "likes") == Names{"both", "dropped"});
  CHECK(cluster.drain("n1").code == Refusal::kCannotDrain);
  CHECK(network.operate("n1", sadd("likes", {"alone"})).outcome == Outcome::kOk);
}

TEST_CASE("leave: of two members that both want to go neither does, until one of them changes its mind") {
  Cluster cluster(2);
  Network& network = cluster.network;
  REQUIRE(cluster.drain("n1").outcome == Outcome::kOk);
  REQUIRE(cluster.drain("n2").outcome == Outcome::kOk);
  // Neither hears in time that the other has handed over.
  REQUIRE(network.run_until([&] { return cluster.status("n1").leave.lacking.empty() && cluster.status("n2").leave.lacking.empty(); }));
  network.cut("n1", "n2");
  network.run_ms(3000);
  network.heal();
  network.run_ms(120'000);
  REQUIRE(cluster.up("n1"));
  REQUIRE(cluster.up("n2"));
  CHECK(cluster.status("n1").leave.handed_over);
  CHECK(cluster.status("n2").leave.handed_over);
  SUBCASE("one stays") {
    REQUIRE(cluster.drain("n1", true).outcome == Outcome::kOk);
    // SUBTLE: what n2 said before that does not count any more; it says it again.
    CHECK(network.run_until([&] { return cluster.left("n2"); }, 120'000));
    CHECK(network.operate("n1", sadd("likes", {"alone"})).outcome == Outcome::kOk);
  }
  SUBCASE("both stay, each without having heard that of the other") {
    network.cut("n1", "n2");
    REQUIRE(cluster.drain("n1", true).outcome == Outcome::kOk);
    REQUIRE(cluster.drain("n2", true).outcome == Outcome::kOk);
    REQUIRE(network.operate("n1", sadd("likes", {"one"})).outcome == Outcome::kOk);
    REQUIRE(network.operate("n2", sadd("likes", {"two"})).outcome == Outcome::kOk);
    network.run_ms(120'000);
    CHECK_FALSE(cluster.member("n1", "n2").out);
    CHECK_FALSE(cluster.member("n2", "n1").out);
    network.heal();
    REQUIRE(network.run_until([&] { return network.all_settled(); }, 120'000));
    CHECK(network.members_of("n1", "likes") == Names{"both", "dropped", "one", "two"});
  }
}

TEST_CASE("leave: the last of two that leave one after the other stays, and says so") {
  Cluster cluster(2);
  Network& network = cluster.network;
  REQUIRE(cluster.drain("n1").outcome == Outcome::kOk);
  REQUIRE(network.run_until([&] { return cluster.status("n1").leave.lacking.empty(); }));
  // It is leaving, too, and has not handed over when it hears that the other has.
  REQUIRE(cluster.drain("n2").outcome == Outcome::kOk);
  REQUIRE(network.run_until([&] { return cluster.left("n1"); }));
  REQUIRE(network.run_until([&] { return cluster.says("n2", "the only member left"); }));
  CHECK(network.operate("n2", sadd("likes", {"alone"})).outcome == Outcome::kOk);
}

TEST_CASE("leave: killed on the way out it goes on with its next life, and ends when it hears that it is out") {
  Cluster cluster(4);
  Network& network = cluster.network;
  REQUIRE(network.operate("n4", sadd("likes", {"late"})).outcome == Outcome::kOk);
  SUBCASE("before it had handed over") {
    network.cut("n4", "n3");
    REQUIRE(cluster.drain("n4").outcome == Outcome::kOk);
    network.run_ms(3000);
    REQUIRE_FALSE(cluster.status("n4").leave.handed_over);
    network.kill("n4");
    network.heal();
    network.run_ms(20'000);
    CHECK_FALSE(cluster.member("n1", "n4").out);
    network.start("n4");
    CHECK(cluster.says("n4", "was leaving the cluster when it stopped"));
    CHECK(network.operate("n4", sadd("likes", {"too late"})).code == Refusal::kLeaving);
  }
  SUBCASE("after it had handed over") {
    REQUIRE(cluster.drain("n4").outcome == Outcome::kOk);
    // SUBTLE: it hears nothing any more, and so goes on saying what it has to say.
    REQUIRE(network.run_until([&] { return cluster.status("n4").leave.handed_over; }));
    REQUIRE(network.run_until([&] { return cluster.member("n1", "n4").leaving; }));
    for (const auto& other : {"n1", "n2", "n3"}) network.cut_one_way(other, "n4");
    REQUIRE(network.run_until([&] { return cluster.member("n1", "n4").left; }, 120'000));
    REQUIRE(cluster.up("n4"));
    network.kill("n4");
    network.heal();
    network.start("n4");
  }
  REQUIRE(network.run_until([&] { return cluster.left("n4"); }, 120'000));
  for (const std::string name : {"n1", "n2", "n3"}) CHECK(network.members_of(name, "likes") == Names{"both", "dropped", "late"});
  // Only now it has left; who starts it again has it back.
  network.start("n4");
  REQUIRE(network.run_until([&] { return network.all_settled() && !cluster.member("n1", "n4").out; }, 120'000));
  CHECK(network.node("n4").redone.empty());
}

// Method: the others do not hear each other, and so cannot agree; of one, which the node that goes still hears, the disk goes back.
TEST_CASE("leave: a member that comes back with a disk from before has to hold everything, too, before anybody goes") {
  Cluster cluster(4);
  Network& network = cluster.network;
  auto before = network.node("n2").store->clone();
  REQUIRE(network.operate("n4", sadd("likes", {"late"})).outcome == Outcome::kOk);
  REQUIRE(network.run_until([&] { return network.all_settled(); }, 120'000));
  network.cut("n1", "n2");
  network.cut("n1", "n3");
  network.cut("n2", "n3");
  REQUIRE(cluster.drain("n4").outcome == Outcome::kOk);
  REQUIRE(network.run_until([&] { return cluster.status("n4").leave.handed_over; }));
  network.run_ms(100);
  network.kill("n2");
  network.node("n2").store = std::move(before);
  network.cut_one_way("n4", "n2");
  network.start("n2");
  CHECK_FALSE(network.present("n2", "likes", "late"));
  REQUIRE(network.run_until([&] { return !cluster.status("n4").leave.handed_over; }));
  CHECK(cluster.status("n4").leave.lacking == Names{"n2"});
  network.heal();
  REQUIRE(network.run_until([&] { return cluster.left("n4"); }, 240'000));
  for (const std::string name : {"n1", "n2", "n3"}) CHECK(network.members_of(name, "likes") == Names{"both", "dropped", "late"});
}

TEST_CASE("leave: who changes its mind takes writes again, also when the others go on without it just then") {
  Cluster cluster(4);
  Network& network = cluster.network;
  SUBCASE("in time") {
    network.cut("n4", "n3");
    REQUIRE(cluster.drain("n4").outcome == Outcome::kOk);
    REQUIRE(network.run_until([&] { return cluster.member("n1", "n4").leaving; }));
    REQUIRE(cluster.drain("n4", true).outcome == Outcome::kOk);
    network.heal();
  }
  SUBCASE("too late") {
    REQUIRE(cluster.drain("n4").outcome == Outcome::kOk);
    REQUIRE(network.run_until([&] { return cluster.status("n4").leave.handed_over; }));
    for (const auto& other : {"n1", "n2", "n3"}) network.cut_one_way(other, "n4");
    network.run_ms(100);
    cluster.cut_off({"n4"});
    REQUIRE(cluster.drain("n4", true).outcome == Outcome::kOk);
    REQUIRE(network.operate("n4", sadd("likes", {"alone"})).outcome == Outcome::kOk);
    REQUIRE(network.run_until([&] { return cluster.member("n1", "n4").out; }, 120'000));
    network.heal();
    REQUIRE(network.run_until([&] { return network.present("n1", "likes", "alone"); }, 120'000));
  }
  REQUIRE(network.run_until([&] { return network.all_settled() && !cluster.member("n1", "n4").out && !cluster.member("n1", "n4").leaving; }, 120'000));
  REQUIRE(cluster.up("n4"));
  REQUIRE(network.run_until([&] { return network.operate("n4", sadd("likes", {"later"})).outcome == Outcome::kOk; }));
  CHECK(network.run_until([&] { return network.present("n1", "likes", "later"); }));
  network.run_ms(60'000);
  CHECK(cluster.up("n4"));
  CHECK_FALSE(cluster.member("n1", "n4").out);
}

TEST_CASE("leave: who changes its mind before that it leaves was durable stays, also when it is started again") {
  Cluster cluster(3);
  Network& network = cluster.network;
  network.node("n3").gather_ms = 50;
  network.input("n3", Drain{1u << 29, false});
  network.input("n3", Drain{(1u << 29) + 1, true});
  network.run_ms(200);
  network.node("n3").gather_ms = 0;
  network.kill("n3");
  network.start("n3");
  CHECK_FALSE(cluster.status("n3").leave.since);
  network.run_ms(30'000);
  CHECK(cluster.up("n3"));
}

TEST_CASE("leave: evicted on its way out, before it had handed over, it comes back with what it had taken in, and then leaves") {
  Cluster cluster(4);
  Network& network = cluster.network;
  cluster.cut_off({"n4"});
  REQUIRE(network.operate("n4", sadd("likes", {"alone"})).outcome == Outcome::kOk);
  REQUIRE(cluster.drain("n4").outcome == Outcome::kOk);
  REQUIRE(cluster.evict("n1", {"n4"}).outcome == Outcome::kOk);
  REQUIRE(network.run_until([&] { return cluster.member("n1", "n4").out; }));
  CHECK_FALSE(cluster.member("n1", "n4").left);
  network.heal();
  REQUIRE(network.run_until([&] { return cluster.left("n4"); }, 240'000));
  CHECK(network.members_of("n1", "likes") == Names{"alone", "both", "dropped"});
}

TEST_CASE("leave: clients are told of who is on its way out as of one that is not there") {
  Cluster cluster(3);
  Network& network = cluster.network;
  network.cut("n3", "n2");
  REQUIRE(cluster.drain("n3").outcome == Outcome::kOk);
  REQUIRE(network.run_until([&] { return cluster.member("n1", "n3").leaving; }));
  for (const std::string at : {"n1", "n3"}) {
    const Roster roster = network.node(at).engine->roster(instant_of(network));
    const auto it = std::find_if(roster.members.begin(), roster.members.end(), [](const auto& member) { return member.name == "n3"; });
    REQUIRE(it != roster.members.end());
    CHECK_FALSE(it->living);
    CHECK(roster.leader() != it->id);
  }
}

TEST_CASE("leave: a record says since when a member is leaving, and whether it has handed over, and one that makes no sense is none") {
  MemberRecord record{"n1", "n1:1", "n1:2", {{OriginId{1}, Timestamp{2}}}, Timestamp{3}, Timestamp{4}, true};
  CHECK(decode_member_record(encode(record)) == record);
  record.handed_over = false;
  CHECK(decode_member_record(encode(record)) == record);
  record.returned = {};
  CHECK(decode_member_record(encode(record)) == record);
  record.leaving = {};
  CHECK(decode_member_record(encode(record)) == record);
  record.handed_over = true;  // Of what?
  CHECK_FALSE(decode_member_record(encode(record)));
  const std::string lives = pack::array({pack::array({pack::number(1), pack::number(2)})});
  const auto with = [&](std::uint64_t key, const std::string& value) {
    return decode_member_record(pack::map({{0, pack::text("n1")}, {2, pack::text("n1:2")}, {3, lives}, {key, value}}));
  };
  CHECK(with(5, pack::number(9)));
  CHECK_FALSE(with(5, pack::number(0)));
  CHECK_FALSE(with(5, pack::text("9")));
  CHECK_FALSE(with(6, pack::number(1)));
}

}  // namespace
}  // namespace kith::test
