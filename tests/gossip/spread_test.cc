// tests/gossip/spread_test.cc -- the grid along which pushes go to many: its layout, and twenty-five nodes on it.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "gossip/spread.h"
#include "tests/gossip/frames.h"

namespace kith::test {
namespace {

// ---- The layout

std::vector<NodeId> some_members(std::size_t count) {
  std::vector<NodeId> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(NodeId{1000 + 7 * i});
  return out;
}

// How often each member is reached by a push of `writer`, and that nobody sends too much.
std::map<NodeId, int> reached(const std::vector<NodeId>& members, NodeId writer,
                              const std::function<RelayStanding(NodeId)>& standing) {
  const Grid grid(members.size());
  const Neighbours to = neighbours_of(members, writer, standing);
  REQUIRE(to.relays.size() == grid.rows() - 1);
  REQUIRE(to.row.size() + to.relays.size() < grid.rows() + grid.columns());
  std::map<NodeId, int> out;
  for (const NodeId node : to.row) ++out[node];
  for (const NodeId relay : to.relays) {
    ++out[relay];
    const auto row = row_of(members, relay);
    REQUIRE(row.size() < grid.columns());
    for (const NodeId node : row) ++out[node];
  }
  return out;
}

bool once_each(const std::map<NodeId, int>& reached, const std::vector<NodeId>& members, NodeId writer) {
  return reached.size() == members.size() - 1 && !reached.contains(writer) &&
         std::all_of(reached.begin(), reached.end(), [](const auto& item) { return item.second == 1; });
}

TEST_CASE("spread: everybody is reached exactly once, over two hops (17 to 1,024 members)") {
  for (std::size_t count = 17; count <= 1024; ++count) {
    CAPTURE(count);
    const auto members = some_members(count);
    const Grid grid(count);
    REQUIRE(grid.columns() * grid.columns() >= count);
    REQUIRE((grid.columns() - 1) * (grid.columns() - 1) < count);
    const std::size_t step = count <= 64 ? 1 : count / 8;
    for (std::size_t at = 0; at < count; at += step) {
      const NodeId writer = members[std::min(at, count - 1)];
      REQUIRE(once_each(reached(members, writer, [](NodeId) { return RelayStanding::kNew; }), members, writer));
    }
    const NodeId last = members.back();
    REQUIRE(once_each(reached(members, last, [](NodeId) { return RelayStanding::kHeard; }), members, last));
  }
}

TEST_CASE("spread: one alone and two have a grid as well") {
  for (const std::size_t count : {1u, 2u, 3u, 4u, 5u}) {
    const auto members = some_members(count);
    for (const NodeId writer : members) {
      CHECK(once_each(reached(members, writer, [](NodeId) { return RelayStanding::kNew; }), members, writer));
    }
  }
}

TEST_CASE("spread: of a short row the last is the relay of the columns that it lacks") {
  const auto members = some_members(17);  // Rows of 5, 5, 5 and 2.
  const auto relays = [&](std::size_t writer) {
    return neighbours_of(members, members[writer], [](NodeId) { return RelayStanding::kNew; }).relays;
  };
  CHECK(relays(0) == std::vector<NodeId>{members[5], members[10], members[15]});
  CHECK(relays(4) == std::vector<NodeId>{members[9], members[14], members[16]});
  CHECK(relays(16) == std::vector<NodeId>{members[1], members[6], members[11]});
}

TEST_CASE("spread: a relay that is away is passed over for one that was heard of, and everybody is reached all the same") {
  std::mt19937_64 random(5);
  for (int run = 0; run < 500; ++run) {
    CAPTURE(run);
    const auto members = some_members(17 + random() % 200);
    const Grid grid(members.size());
    std::map<NodeId, RelayStanding> standing;
    for (const NodeId node : members) standing[node] = static_cast<RelayStanding>(random() % 5);
    const auto of = [&](NodeId node) { return standing.at(node); };
    const std::size_t place = random() % members.size();
    CHECK(once_each(reached(members, members[place], of), members, members[place]));
    const Neighbours to = neighbours_of(members, members[place], of);
    std::size_t i = 0;
    for (std::size_t row = 0; row < grid.rows(); ++row) {
      if (row == grid.row_of(place)) continue;
      const NodeId relay = to.relays[i++], beside = members[grid.beside(place, row)];
      std::set<RelayStanding> in_row;
      for (std::size_t j = 0; j < grid.size_of(row); ++j) in_row.insert(of(members[grid.first_of(row) + j]));
      if (of(beside) == RelayStanding::kHeard || of(beside) == RelayStanding::kNew) {
        CHECK(relay == beside);
      } else if (in_row.contains(RelayStanding::kHeard)) {
        CHECK(of(relay) == RelayStanding::kHeard);
      } else if (in_row.contains(RelayStanding::kNew) || in_row.contains(RelayStanding::kSilent)) {
        CHECK((of(relay) == RelayStanding::kNew || of(relay) == RelayStanding::kSilent));
      } else {
        CHECK(relay == beside);
      }
    }
  }
  // The next one, around the end of the row.
  const auto members = some_members(25);
  const auto with = [&](std::set<std::size_t> heard) {
    return neighbours_of(members, members[3], [&](NodeId node) {
             const auto at = static_cast<std::size_t>(std::find(members.begin(), members.end(), node) - members.begin());
             return heard.contains(at) ? RelayStanding::kHeard : RelayStanding::kSilent;
           }).relays[0];
  };
  CHECK(with({5, 9}) == members[9]);
  CHECK(with({5, 6}) == members[5]);
  CHECK(with({}) == members[8]);
}

// ---- Twenty-five nodes

struct Cluster {
  explicit Cluster(int count = 25) {
    begin_cluster(network, count);
    network.run_ms(3000);
    std::vector<std::pair<NodeId, std::string>> by_id;
    for (int i = 1; i <= count; ++i) {
      const std::string name = "n" + std::to_string(i);
      by_id.emplace_back(network.node(name).engine->status({}).node, name);
    }
    std::sort(by_id.begin(), by_id.end());
    for (const auto& [id, name] : by_id) names.push_back(name);
    tap.emplace(network);
  }
  // Writes at the member of that place while no round finds anything, and returns the names of who has got it then.
  std::set<std::string> write(std::size_t place, const std::string& member) {
    tap->sent.clear();
    tap->lose = {"summary"};
    REQUIRE(network.operate(names[place], sadd("likes", {member})).outcome == Outcome::kOk);
    network.run_ms(400);
    tap->lose.clear();
    std::set<std::string> out;
    for (const auto& name : names) {
      if (network.node(name).engine && network.present(name, "likes", member)) out.insert(name);
    }
    return out;
  }

  Network network;
  std::vector<std::string> names;  // In the order of the grid.
  std::optional<Tap> tap;
};

TEST_CASE("spread: a write to twenty-five nodes is twenty-four pushes, and no pull") {
  Cluster it;
  for (const std::size_t place : {std::size_t{0}, std::size_t{12}, std::size_t{24}}) {
    CHECK(it.write(place, "x" + std::to_string(place)).size() == 25);
    CHECK(it.tap->count("push") == 24);
    CHECK(it.tap->count("pull") == 0);
    std::map<std::string, int> sent;
    for (const auto& message : it.tap->sent) {
      if (std::holds_alternative<PushBody>(message.envelope.body)) ++sent[message.from];
    }
    CHECK(sent.at(it.names[place]) == 8);
    CHECK(sent.size() == 5);  // The writer and four relays.
  }
}

TEST_CASE("spread: with a client that waits for acks a push goes directly, and everybody answers") {
  Cluster it;
  Operation operation = sadd("likes", {"x"});
  operation.replicas = kAllReplicas;
  const Reply reply = it.network.operate(it.names[7], operation);
  CHECK(reply.outcome == Outcome::kOk);
  CHECK(reply.replicas.size() == 25);
  std::size_t pushes = 0;
  for (const auto& sent : it.tap->sent) {
    const auto* push = std::get_if<PushBody>(&sent.envelope.body);
    if (push == nullptr) continue;
    ++pushes;
    CHECK(sent.from == it.names[7]);
    CHECK(push->nonce != 0);
    CHECK_FALSE(push->spread);
  }
  CHECK(pushes == 24);
}

TEST_CASE("spread: what a killed relay should have sent on is pulled, until it counts as silent and another relays") {
  Cluster it;
  const std::size_t writer = 12, relay = 7;
  CHECK(it.write(writer, "before").size() == 25);
  it.network.kill(it.names[relay]);
  // All but its row.
  CHECK(it.write(writer, "lost").size() == 20);
  REQUIRE(it.network.run_until([&] { return it.network.all_settled(); }));
  for (const std::size_t place : {5u, 6u, 8u, 9u}) CHECK(it.network.present(it.names[place], "likes", "lost"));
  it.network.run_ms(it.network.options.relay_silent_ms);
  // Silent now.  Of its row perhaps nobody was heard of lately either: then it is asked once more, for the last time.
  CHECK(it.write(writer, "perhaps").size() >= 20);
  it.network.run_ms(it.network.options.relay_silent_ms);
  CHECK(it.write(writer, "around it").size() == 24);
  CHECK(it.tap->count("push") == 24);  // The others of its row are told by the new relay; one is for the dead.
  // Back again, it is asked again.
  it.network.start(it.names[relay]);
  REQUIRE(it.network.run_until([&] { return it.network.all_settled(); }));
  CHECK(it.write(writer, "after").size() == 25);
}

TEST_CASE("spread: a relay that says that it goes down is passed over at once") {
  Cluster it;
  it.network.input(it.names[7], Stop{});
  it.network.run_ms(100);
  it.network.kill(it.names[7]);
  CHECK(it.write(12, "x").size() == 24);
}

TEST_CASE("spread: a new member is known to all through its neighbours, and a new life too") {
  Cluster it;
  it.tap->sent.clear();
  it.network.kill(it.names[12]);
  it.network.start(it.names[12]);
  std::size_t told = 0;
  for (const auto& sent : it.tap->sent) told += std::holds_alternative<SummaryBody>(sent.envelope.body) ? 1 : 0;
  CHECK(told >= 8);
  CHECK(told <= 16);
  it.tap->lose = {"summary", "digests", "pull", "rows"};
  it.network.run_ms(500);
  const OriginId origin = it.network.node(it.names[12]).engine->status({}).origin;
  for (const auto& name : it.names) {
    for (const auto& member : it.network.node(name).engine->status({}).members) {
      if (member.name == it.names[12]) CHECK(member.origin == origin);
    }
  }
  it.network.add("n26", "n1");
  it.network.start("n26");
  it.network.run_ms(1000);
  // A new place in the order moves all behind it, and who counts on the old order passes nothing on to some: most know.
  std::size_t know = 0;
  for (const auto& name : it.names) know += it.network.node(name).engine->status({}).members.size() == 26 ? 1 : 0;
  CHECK(know >= 15);
  it.tap->lose.clear();
  REQUIRE(it.network.run_until([&] { return it.network.all_settled(); }));
  for (const auto& name : it.names) CHECK(it.network.node(name).engine->status({}).members.size() == 26);
}

}  // namespace
}  // namespace kith::test
