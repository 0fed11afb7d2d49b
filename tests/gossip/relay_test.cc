// tests/gossip/relay_test.cc -- a relay at work, and what its row makes of what it sends on.
#include <doctest/doctest.h>

#include <algorithm>

#include "gossip/spread.h"
#include "tests/gossip/frames.h"

namespace kith::test {
namespace {

constexpr ShardId kShard = 2;

// ---- One relay, and a hundred and twenty others who are only talked of

struct Spoken {
  NodeId node;
  OriginId origin;
  Timestamp start;
};

struct RelayStage : PuppetStage {
  explicit RelayStage(std::size_t push_bytes_max = 0) {
    if (push_bytes_max > 0) network.options.push_bytes_max = push_bytes_max;
    network.kill("n1");
    network.start("n1");  // With the options as they are now.
    const NodeId self = network.node("n1").engine->status({}).node;
    members = {self, puppet->node};
    lives[puppet->node] = {puppet->node, puppet->origin, puppet->start};
    Envelope envelope = puppet->envelope(AckBody{1});
    for (std::uint64_t i = 1; members.size() < 121; ++i) {
      const NodeId node{i * (~std::uint64_t{0} / 119)};
      const OriginId origin{0x7000 + i};
      const Timestamp start{i}, at{1000 + i};
      const std::string name = "m" + std::to_string(i);
      Content content(Kind::kHash);
      (void)content.as_register().set(encode(MemberRecord{name, name + ":1", name + ":2", {{origin, start}}}),
                                      {at, actor_of(origin)}, {at, origin});
      envelope.members.append(member_cell(node), content);
      members.push_back(node);
      lives[node] = {node, origin, start};
    }
    std::sort(members.begin(), members.end());
    network.feed("n1", encode(envelope));
    place = static_cast<std::size_t>(std::find(members.begin(), members.end(), self) - members.begin());
    for (const NodeId node : row_of(members, self)) row.insert(node);
    const Grid grid(members.size());
    for (std::size_t r = 0; r < grid.rows(); ++r) {
      const NodeId node = members[grid.beside(place, r)];
      if (lives.contains(node)) column.push_back(lives.at(node));
    }
    tap->sent.clear();
  }

  // What `who` has to say, to be sent on.
  std::string says(const Spoken& who, PushBody body) {
    body.spread = true;
    Puppet as = *puppet;
    as.node = who.node;
    as.origin = who.origin;
    as.start = who.start;
    return as.says(std::move(body));
  }
  PushBody push_of(const Spoken& who, Timestamp previous, Timestamp commit, const std::string& member) {
    PushBody out;
    out.parts.push_back({kShard, previous, commit, plain_add(key_in(kShard), member, who.origin, commit)});
    return out;
  }
  struct Message {
    std::string to;
    PushBody body;
  };
  std::vector<Message> relayed() const {
    std::vector<Message> out;
    for (const auto& sent : tap->sent) {
      const auto* push = std::get_if<PushBody>(&sent.envelope.body);
      if (push != nullptr && !push->relayed.empty()) out.push_back({sent.to, *push});
    }
    return out;
  }

  std::vector<NodeId> members;
  std::size_t place = 0;
  std::set<NodeId> row;
  std::vector<Spoken> column;
  std::map<NodeId, Spoken> lives;
};

TEST_CASE("relay: ten writes of a column within the gather time are at most two messages to each of the row") {
  RelayStage stage;
  REQUIRE(stage.column.size() >= 10);
  REQUIRE(stage.row.size() == 10);
  const Timestamp at = stage.puppet->now();
  for (std::size_t i = 0; i < 10; ++i) {
    stage.network.feed("n1", stage.says(stage.column[i], stage.push_of(stage.column[i], {}, at, std::to_string(i))));
    stage.network.run_ms(10);
  }
  stage.network.run_ms(200);
  const auto messages = stage.relayed();
  std::map<std::string, std::vector<PushBody>> by_receiver;
  for (const auto& message : messages) by_receiver[message.to].push_back(message.body);
  CHECK(by_receiver.size() == 10);
  for (const auto& [to, bodies] : by_receiver) {
    CHECK(bodies.size() == 2);
    CHECK(bodies[0].relayed.size() == 1);  // The first at once.
    CHECK(bodies[1].relayed.size() == 9);
    std::set<OriginId> seen;
    for (const auto& body : bodies) {
      CHECK(body.parts.empty());
      CHECK_FALSE(body.spread);
      CHECK(body.nonce == 0);
      for (const auto& life : body.relayed) {
        CHECK(seen.insert(life.origin).second);
        CHECK(stage.lives.at(life.node).origin == life.origin);
        CHECK(stage.lives.at(life.node).start == life.start);
        REQUIRE(life.parts.size() == 1);
        // As they came, byte for byte.
        CHECK(life.parts[0].commit == at);
        CHECK(life.parts[0].cells.read()->size() == 1);
      }
    }
    CHECK(seen.size() == 10);
  }
  CHECK(stage.network.counter("n1", "relayed_messages") == 20);
}

TEST_CASE("relay: nothing is sent on before it is durable here, and nothing twice") {
  RelayStage stage;
  const Spoken who = stage.column[0];
  const std::string frame = stage.says(who, stage.push_of(who, {}, stage.puppet->now(), "a"));
  Engine& engine = *stage.network.node("n1").engine;
  Output out;
  engine.step(instant_of(stage.network), PeerFrame{frame}, out);
  engine.step(instant_of(stage.network), PeerFrame{frame}, out);
  CHECK(out.sends.empty());
  engine.committed(instant_of(stage.network), stage.network.node("n1").store->commit(out.store), out);
  CHECK(out.sends.size() == 10);
  stage.network.run_ms(200);
  stage.network.feed("n1", frame);
  stage.network.run_ms(500);
  CHECK(stage.relayed().empty());
}

// Goal: silence means something: who was not heard of is asked to speak, and passed over when it does not.
TEST_CASE("relay: one that leaves a push unanswered is passed over until it is heard of") {
  RelayStage stage;
  const auto relays_of_a_write = [&] {
    stage.tap->sent.clear();
    (void)stage.network.operate("n1", sadd("likes", {std::to_string(stage.network.now_ms())}));
    std::map<std::string, bool> asked;  // By address, whether for an ack.
    for (const auto& sent : stage.tap->sent) {
      const auto* push = std::get_if<PushBody>(&sent.envelope.body);
      if (push != nullptr && push->spread) asked[sent.to] = push->nonce != 0;
    }
    REQUIRE(asked.size() == 10);
    return asked;
  };
  const auto name_of = [&](NodeId node) {
    for (const auto& member : stage.network.node("n1").engine->status({}).members) {
      if (member.id == node) return member.name;
    }
    return std::string();
  };
  const Spoken answering = stage.column[0], other = stage.column[1];
  const auto first = relays_of_a_write();
  for (const Spoken& it : stage.column) CHECK(first.contains(name_of(it.node)));
  CHECK(first.at(name_of(answering.node)));
  Puppet as = *stage.puppet;
  as.node = answering.node;
  as.origin = answering.origin;
  as.start = answering.start;
  stage.network.feed("n1", as.says(AckBody{1}));
  // One that was just heard of need not answer.
  CHECK_FALSE(relays_of_a_write().at(name_of(answering.node)));
  stage.network.run_ms(stage.network.options.relay_silent_ms - 500);
  stage.network.feed("n1", as.says(AckBody{1}));
  stage.network.run_ms(500);
  const auto then = relays_of_a_write();
  CHECK(then.contains(name_of(answering.node)));
  CHECK_FALSE(then.contains(name_of(other.node)));
  as.node = other.node;
  as.origin = other.origin;
  as.start = other.start;
  stage.network.feed("n1", as.says(AckBody{1}));
  CHECK(relays_of_a_write().contains(name_of(other.node)));
}

TEST_CASE("relay: what was relayed is not relayed again, and what is not marked is not relayed") {
  RelayStage stage;
  const Spoken who = stage.column[0], other = stage.column[1];
  PushBody body;
  const PushBody of_other = stage.push_of(other, {}, stage.puppet->now(), "a");
  body.relayed.push_back({other.node, other.origin, other.start, other.start, of_other.parts});
  stage.network.feed("n1", stage.says(who, body));
  CHECK(stage.network.present("n1", key_in(kShard), "a"));
  Puppet as = *stage.puppet;
  as.node = who.node;
  as.origin = who.origin;
  as.start = who.start;
  stage.network.feed("n1", as.says(stage.push_of(who, {}, stage.puppet->now(), "b")));
  CHECK(stage.network.present("n1", key_in(kShard), "b"));
  stage.network.run_ms(500);
  CHECK(stage.relayed().empty());
}

TEST_CASE("relay: a message is cut between parts only, and each of them begins where the last one ended") {
  RelayStage stage(150);
  const Spoken who = stage.column[0];
  const std::uint64_t base = stage.puppet->now().value;
  PushBody first = stage.push_of(who, {}, Timestamp{base}, "first"), more;
  for (std::uint64_t i = 1; i <= 12; ++i) {
    const auto part = stage.push_of(who, Timestamp{base + i - 1}, Timestamp{base + i}, std::to_string(i));
    more.parts.push_back(part.parts[0]);
  }
  stage.network.feed("n1", stage.says(who, first));
  stage.network.feed("n1", stage.says(who, more));
  stage.network.run_ms(500);
  std::map<std::string, Timestamp> reached;
  std::map<std::string, std::size_t> messages;
  for (const auto& message : stage.relayed()) {
    ++messages[message.to];
    for (const auto& life : message.body.relayed) {
      for (const auto& part : life.parts) {
        CHECK(part.previous == reached[message.to]);
        reached[message.to] = part.commit;
        CHECK(part.cells.read()->size() == 1);
      }
    }
  }
  CHECK(reached.size() == 10);
  for (const auto& [to, at] : reached) CHECK(at == Timestamp{base + 12});
  for (const auto& [to, count] : messages) CHECK(count >= 7);
}

TEST_CASE("relay: a record that is sent on brings its member along") {
  RelayStage stage;
  const Spoken who = stage.column[0];
  const Timestamp at = stage.puppet->now();
  Content content(Kind::kHash);
  const MemberRecord record{"new name", "m:1", "m:2", {{who.origin, who.start}}};
  (void)content.as_register().set(encode(record), {at, actor_of(who.origin)}, {at, who.origin});
  PushBody push;
  CellBlock cells;
  cells.append(member_cell(who.node), content);
  push.parts.push_back({kSystemShard, {}, at, cells});
  stage.network.feed("n1", stage.says(who, push));
  REQUIRE_FALSE(stage.relayed().empty());
  for (const auto& sent : stage.tap->sent) {
    if (std::holds_alternative<PushBody>(sent.envelope.body)) CHECK(sent.envelope.members.bytes() == cells.bytes());
  }
}

// ---- The fence for what is relayed

struct FenceStage {
  FenceStage() {
    begin_cluster(network, 3);
    relay.emplace(network, "n2");
    originator.emplace(network, "n3");
    network.kill("n2");
    network.kill("n3");
  }
  PushBody of(NodeId node, OriginId origin, Timestamp start, const std::string& member) {
    PushBody out;
    const Timestamp at = Timestamp{originator->now().value + ++commits};
    out.relayed.push_back({node, origin, start, start, {{kShard, {}, at, plain_add(key_in(kShard), member, origin, at)}}});
    return out;
  }
  std::uint64_t dropped(const std::string& why) { return network.counter("n1", "dropped_relayed_" + why); }
  MemberStatus status_of_originator() {
    for (const auto& member : network.node("n1").engine->status(instant_of(network)).members) {
      if (member.id == originator->node) return member;
    }
    FAIL("no such member");
    return {};
  }

  Network network;
  std::optional<Puppet> relay, originator;
  std::uint64_t commits = 0;
};

TEST_CASE("relayed: it is merged and held under its originator, of whom nothing was heard by that") {
  FenceStage stage;
  stage.network.run_ms(1000);
  const auto before = stage.status_of_originator();
  const PushBody body = stage.of(stage.originator->node, stage.originator->origin, stage.originator->start, "x");
  stage.network.feed("n1", stage.relay->says(body));
  CHECK(stage.network.present("n1", key_in(kShard), "x"));
  CHECK(held(stage.network, "n1", kShard, stage.originator->origin) == body.relayed[0].parts[0].commit);
  CHECK_FALSE(held(stage.network, "n1", kShard, stage.relay->origin));
  CHECK(stage.status_of_originator().heard_ms_ago == before.heard_ms_ago);
  // Behind a gap it is merged, and no more.
  PushBody later = stage.of(stage.originator->node, stage.originator->origin, stage.originator->start, "y");
  later.relayed[0].parts[0].commit = Timestamp{later.relayed[0].parts[0].commit.value + 5};
  later.relayed[0].parts[0].previous = Timestamp{later.relayed[0].parts[0].commit.value - 1};
  stage.network.feed("n1", stage.relay->says(later));
  CHECK(stage.network.present("n1", key_in(kShard), "y"));
  CHECK(held(stage.network, "n1", kShard, stage.originator->origin) == body.relayed[0].parts[0].commit);
}

TEST_CASE("relayed: an earlier life, a clone, a stranger and oneself are dropped and counted, and nothing else is") {
  FenceStage stage;
  const Puppet& it = *stage.originator;
  const EngineStatus self = stage.network.node("n1").engine->status(instant_of(stage.network));
  struct Case {
    std::string why;
    NodeId node;
    OriginId origin;
    Timestamp start;
  };
  const std::vector<Case> cases = {
      {"earlier_life", it.node, OriginId{0xdead}, just_before(it.start)},
      {"clone", it.node, OriginId{0xdead}, it.start},
      {"stranger", NodeId{0x5712}, OriginId{0xdead}, it.start},
      {"own", self.node, self.origin, self.start},
      {"own", self.node, OriginId{0xdead}, it.now()},
  };
  for (const Case& bad : cases) {
    CAPTURE(bad.why);
    const auto before = stage.dropped(bad.why);
    PushBody body = stage.of(bad.node, bad.origin, bad.start, "bad");
    const PushBody good = stage.of(it.node, it.origin, it.start, "good after " + bad.why);
    body.relayed.push_back(good.relayed[0]);
    stage.network.feed("n1", stage.relay->says(body));
    CHECK(stage.dropped(bad.why) == before + 1);
    CHECK_FALSE(stage.network.present("n1", key_in(kShard), "bad"));
    CHECK_FALSE(held(stage.network, "n1", kShard, OriginId{0xdead}));
    CHECK(stage.network.present("n1", key_in(kShard), "good after " + bad.why));
  }
}

TEST_CASE("relayed: a newer life is learnt from it, and the earlier one fenced") {
  FenceStage stage;
  const OriginId newer{0xbeef};
  const auto before = stage.status_of_originator();
  stage.network.feed("n1", stage.relay->says(stage.of(stage.originator->node, newer, stage.originator->now(), "x")));
  CHECK(stage.network.present("n1", key_in(kShard), "x"));
  CHECK(stage.status_of_originator().origin == newer);
  CHECK(stage.status_of_originator().heard_ms_ago == before.heard_ms_ago);
  stage.network.feed("n1", stage.originator->says(StoppingBody{}));
  CHECK(stage.network.counter("n1", "dropped_earlier_life") == 1);
  const Puppet& it = *stage.originator;
  stage.network.feed("n1", stage.relay->says(stage.of(it.node, it.origin, it.start, "y")));
  CHECK(stage.dropped("earlier_life") == 1);
}

TEST_CASE("relayed: when any of it is malformed, or the relay itself is refused, nothing is looked at") {
  FenceStage stage;
  const OriginId newer{0xbeef};
  PushBody body = stage.of(stage.originator->node, newer, stage.originator->now(), "x");
  PushBody bad = body;
  bad.relayed.push_back(body.relayed[0]);
  bad.relayed[1].parts[0].cells = CellBlock("no cell");
  stage.network.feed("n1", stage.relay->says(bad));
  CHECK(stage.network.counter("n1", "dropped_bad_cells") == 1);
  bad = body;
  bad.relayed[0].parts.push_back({kShard + 1, {}, Timestamp{5}, plain_add(key_in(kShard), "x", newer, Timestamp{5})});
  stage.network.feed("n1", stage.relay->says(bad));
  CHECK(stage.network.counter("n1", "dropped_bad_cells") == 2);
  Puppet earlier = *stage.relay;
  earlier.start = just_before(earlier.start);
  stage.network.feed("n1", earlier.says(body));
  CHECK(stage.network.counter("n1", "dropped_earlier_life") == 1);
  CHECK_FALSE(stage.network.present("n1", key_in(kShard), "x"));
  CHECK(stage.status_of_originator().origin == stage.originator->origin);
}

}  // namespace
}  // namespace kith::test
