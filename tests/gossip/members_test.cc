// tests/gossip/members_test.cc -- how the member table travels: what comes along with a message, and what a pull
// brings.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "gossip/ended_lives.h"
#include "tests/gossip/frames.h"

namespace kith::test {
namespace {

constexpr ShardId kShard = 2;
constexpr std::uint64_t kMany = 40;

// A record that member `id` wrote, under the first commit of its only life.
struct Written {
  NodeId node;
  Commit commit;
  CellBlock cell;
};
Written written(std::uint64_t id) {
  const OriginId origin{1000 + id};
  const Timestamp start{id}, at{100 + id};
  const std::string name = "m" + std::to_string(id);
  Content content(Kind::kHash);
  (void)content.as_register().set(encode(MemberRecord{name, name + ":1", name + ":2", {{origin, start}}}),
                                  {at, actor_of(origin)}, {at, origin});
  Written out{NodeId{id}, {at, origin}, {}};
  out.cell.append(member_cell(out.node), content);
  return out;
}

// n1 knows `kMany` more members, and n2 speaks as it is told.
struct Stage : PuppetStage {
  Stage() {
    Envelope envelope = puppet->envelope(AckBody{1});
    for (std::uint64_t id = 1; id <= kMany; ++id) envelope.members.append(written(id).cell);
    network.feed("n1", encode(envelope));
    version = network.node("n1").engine->status({}).members_version;
    REQUIRE(network.node("n1").engine->status({}).members.size() == kMany + 2);
    tap->sent.clear();
  }

  // What n1 answers to a question for `kShard`; with a clock, for the system shard too.
  Envelope ask(const std::optional<CommitClock>& clock) {
    PullBody pull;
    pull.nonce = 5;
    pull.parts.push_back({kShard, {}, 0, {}});
    if (clock) pull.parts.push_back({kSystemShard, {}, 0, *clock});
    feed(pull);
    for (const auto& sent : tap->sent) {
      if (std::holds_alternative<RowsBody>(sent.envelope.body)) return sent.envelope;
    }
    FAIL("no answer");
    return {};
  }
  // What n1 asks when the digests of both differ in `kShard` and nowhere else.
  PullBody asked() {
    feed(SummaryBody{0, {}});
    if (const auto first = tap->last<PullBody>("n1", "n2")) {  // Where tables differ, the first round is theirs alone.
      REQUIRE(first->parts.size() == 1);
      REQUIRE(first->parts[0].shard == kSystemShard);
      feed(RowsBody{first->nonce, {{kSystemShard, 0, true, false, {}, {}}}, {}});
      feed(SummaryBody{0, {}});
    }
    auto digests = tap->last<DigestsBody>("n1", "n2");
    REQUIRE(digests.has_value());
    digests->shards.emplace_back(kShard, 12345);
    feed(*digests);
    const auto pull = tap->last<PullBody>("n1", "n2");
    REQUIRE(pull.has_value());
    return *pull;
  }
  CommitClock clock_of_n1() { return held(network, "n1", kSystemShard); }

  std::uint64_t version = 0;
};

// Its record, and its present life.
void check_is_of_sender(const Envelope& envelope) {
  const auto cells = envelope.members.read();
  REQUIRE(cells.has_value());
  REQUIRE(cells->size() == 2);
  CHECK(node_of_member_cell(cells->front().key) == envelope.sender);
  CHECK(life_of_cell(cells->back().key) == std::pair(envelope.sender, envelope.origin));
}

// gossip/core.h, M2.
TEST_CASE("members: an asker that lacks many records gets exactly those, once, and before any other shard") {
  Stage stage;
  CommitClock clock = stage.clock_of_n1();
  CellBlock missing;
  for (std::uint64_t id = 1; id <= kMany; ++id) {
    if (id % 3 == 0) missing.append(written(id).cell);
    else clock.emplace_back(written(id).commit.origin, written(id).commit.at);
  }
  std::sort(clock.begin(), clock.end());
  const Envelope answer = stage.ask(clock);
  const auto& rows = std::get<RowsBody>(answer.body);
  REQUIRE(rows.parts.size() == 2);
  CHECK(rows.parts[0].shard == kSystemShard);
  CHECK(rows.parts[0].end);
  CHECK(rows.parts[0].cells.bytes() == missing.bytes());
  CHECK(rows.parts[1].shard == kShard);
  CHECK(rows.parts[1].end);
  // Besides there is only what tells who n1 is: its table is not the asker's.
  check_is_of_sender(answer);
}

TEST_CASE("members: an asker that lacks no record gets none, and one whose table is equal not even a question") {
  Stage stage;
  CommitClock clock = stage.clock_of_n1();
  for (std::uint64_t id = 1; id <= kMany; ++id) clock.emplace_back(written(id).commit.origin, written(id).commit.at);
  std::sort(clock.begin(), clock.end());
  stage.puppet->members_version = stage.version;
  const Envelope answer = stage.ask(clock);
  const auto& rows = std::get<RowsBody>(answer.body);
  REQUIRE(rows.parts.size() == 2);
  CHECK(rows.parts[0].cells.empty());
  CHECK(answer.members.empty());

  Stage equal;
  equal.puppet->members_version = equal.version;
  const Envelope small = equal.ask(std::nullopt);
  CHECK(small.members.empty());
  REQUIRE(std::get<RowsBody>(small.body).parts.size() == 1);
  // And n1 asks for no more than what differs.
  const PullBody pull = equal.asked();
  REQUIRE(pull.parts.size() == 1);
  CHECK(pull.parts[0].shard == kShard);
}

TEST_CASE("members: a question that did not know that tables differ is answered with the whole table") {
  Stage stage;
  const Envelope answer = stage.ask(std::nullopt);
  const auto records = answer.members.read();
  REQUIRE(records.has_value());
  CHECK(std::count_if(records->begin(), records->end(), [](const Cell& cell) { return node_of_member_cell(cell.key).has_value(); }) ==
        kMany + 2);
  CHECK(std::get<RowsBody>(answer.body).parts.size() == 1);
}

TEST_CASE("members: a question to a peer whose table differs asks for the system shard first") {
  Stage stage;
  stage.puppet->members_version = stage.version + 1;
  const PullBody pull = stage.asked();
  REQUIRE(pull.parts.size() == 2);
  CHECK(pull.parts[0].shard == kSystemShard);
  CHECK(pull.parts[0].clock == stage.clock_of_n1());
  CHECK(pull.parts[1].shard == kShard);
}

// Goal: no clock of another shard before the table is complete, however small the answers are.
TEST_CASE("members: an answer that does not come to the end of the system shard says nothing of the others") {
  Network network;
  network.options.answer_bytes_max = 600;
  begin_cluster(network, 2);
  Puppet puppet(network, "n2");
  network.kill("n2");
  Tap tap(network);
  Envelope envelope = puppet.envelope(AckBody{1});
  for (std::uint64_t id = 1; id <= kMany; ++id) envelope.members.append(written(id).cell);
  network.feed("n1", encode(envelope));
  std::set<std::uint64_t> seen;
  OriginId epoch;
  Lsn after = 0;
  for (int asked = 0; asked < 100; ++asked) {
    PullBody pull;
    pull.nonce = 5;
    pull.parts.push_back({kShard, {}, 0, {}});
    pull.parts.push_back({kSystemShard, epoch, after, {}});
    network.feed("n1", puppet.says(pull));
    const auto rows = tap.last<RowsBody>("n1", "n2");
    REQUIRE(rows.has_value());
    REQUIRE_FALSE(rows->parts.empty());
    CHECK(rows->parts[0].shard == kSystemShard);
    const auto cells = rows->parts[0].cells.read();
    REQUIRE(cells.has_value());
    for (const Cell& cell : *cells) {
      if (const auto node = node_of_member_cell(cell.key)) CHECK(seen.insert(node->value).second);
    }
    if (rows->parts[0].end) break;
    REQUIRE(rows->parts.size() == 1);
    epoch = network.node("n1").engine->status({}).origin;
    after = rows->parts[0].next;
  }
  CHECK(seen.size() == kMany + 2);
}

// Goal: who learns of us later than we write is told who we are by the first thing we say besides pushes.
TEST_CASE("members: to a peer whose table differs a message brings our record, about 250 bytes, and to others nothing") {
  Stage stage;
  const auto size_of_summary = [&] {
    stage.tap->sent.clear();
    for (int ms = 0; ms < 600'000; ms += 500) {  // Among forty that are away the puppet has its turn.
      stage.network.run_ms(500);
      stage.feed(AckBody{1});  // So that it counts as heard of.
      for (const auto& sent : stage.tap->sent) {
        if (sent.to == "n2" && std::holds_alternative<SummaryBody>(sent.envelope.body)) return sent;
      }
    }
    FAIL("no summary");
    return Tap::Sent{};
  };
  stage.puppet->members_version = stage.version + 1;
  stage.feed(AckBody{1});
  const auto with = size_of_summary();
  check_is_of_sender(with.envelope);
  stage.puppet->members_version = stage.version;
  stage.feed(AckBody{1});
  const auto without = size_of_summary();
  CHECK(without.envelope.members.empty());
  CHECK(with.bytes.size() - without.bytes.size() <= 260);
}

// Goal: who hears of a life that it is closed knows what of it was seen; else it would take all of it for seen.
TEST_CASE("members: with the whole table comes what of a life that is over was seen, before the word that it is closed") {
  Network network;
  begin_cluster(network, 3);
  network.cut("n1", "n3");  // It is in step with one of the others only, so that former lives stay closed and are not retired.
  network.kill("n2");
  network.start("n2");
  network.run_ms(3000);
  network.heal();
  Tap tap(network);
  const auto closed_lives = [&](const std::string& name) {
    std::set<std::pair<NodeId, OriginId>> out;
    network.node(name).store->snapshot()->scan(shard_prefix(kSystemShard), {}, [&](const StoreKey&, const Row* row) {
      const auto life = row == nullptr ? std::nullopt : life_of_ended_cell(row->cell);
      if (life) out.insert(*life);
      return true;
    });
    return out;
  };
  REQUIRE(network.run_until([&] { return !closed_lives("n1").empty() && network.all_settled(); }));
  const auto known = closed_lives("n1");
  network.add("n4", "n1");
  network.start("n4");
  network.run_ms(500);
  const auto welcome = std::find_if(tap.sent.begin(), tap.sent.end(), [](const Tap::Sent& it) {
    return it.from == "n1" && it.to == "n4" && std::holds_alternative<WelcomeBody>(it.envelope.body);
  });
  REQUIRE(welcome != tap.sent.end());
  std::set<std::pair<NodeId, OriginId>> told;
  const auto cells = welcome->envelope.members.read();
  REQUIRE(cells.has_value());
  for (const Cell& cell : *cells) {
    if (const auto over = life_of_ended_cell(cell.key)) told.insert(*over);
    const auto life = life_of_cell(cell.key);
    if (life && known.contains(*life)) CHECK(told.contains(*life));
  }
  CHECK(told == known);
}

// Goal: a record that no clock covers reaches everybody all the same.
// Method: n3 joins, only n2 hears of it, and only in passing: the record came along with a summary.  Then n3 is gone
// for
//         good, so that what n1 and n2 hold has equal digests.
TEST_CASE("members: tables become equal although the only one who held the commit is gone") {
  Network network;
  begin_cluster(network, 2);
  network.run_ms(5000);
  Tap tap(network);
  tap.lose = {"push", "digests", "pull", "rows", "agreed"};
  tap.pass = [](const Tap::Sent& sent) {
    return sent.from != "n3" || sent.to != "n1" || std::holds_alternative<JoinBody>(sent.envelope.body);
  };
  network.add("n3", "n1");
  network.start("n3");
  network.run_ms(200);
  network.kill("n3");
  REQUIRE(network.node("n2").engine->status({}).members.size() == 3);
  REQUIRE(network.node("n1").engine->status({}).members.size() == 2);
  tap.lose.clear();
  tap.pass = nullptr;
  REQUIRE(network.run_until([&] { return network.node("n1").engine->status({}).members.size() == 3; }));
  network.run_ms(10'000);
  CHECK(network.digest_of_members("n1") == network.digest_of_members("n2"));
  // And then there is silence about it.
  tap.sent.clear();
  network.run_ms(10'000);
  CHECK(tap.count("pull") == 0);
}

// Goal: whatever is lost, tables become equal.
TEST_CASE("members: random joins and restarts with loss end with equal tables, and then nothing more is said of them") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    Network network;
    if (seed % 2 == 0) network.options.answer_bytes_max = 1 + random() % 400;
    if (seed % 3 == 0) network.options.direct_members_max = 2;
    network.add("n1");
    network.start("n1");
    network.copies = [&random]() {
      std::vector<std::int64_t> delays_ms;
      if (random() % 100 < 60) delays_ms.push_back(5 + static_cast<std::int64_t>(random() % 300));
      return delays_ms;
    };
    int nodes = 1;
    for (int step = 0; step < 25; ++step) {
      const std::string any = "n" + std::to_string(1 + random() % static_cast<std::uint64_t>(nodes));
      const std::uint64_t dice = random() % 4;
      if (dice == 0 && nodes < 9) {
        const std::string name = "n" + std::to_string(++nodes);
        network.add(name, any);
        network.start(name);
      } else if (dice == 1) {
        network.kill(any);
        network.start(any);
      } else if (network.node(any).engine->status({}).joined) {
        network.submit(any, set("key" + std::to_string(random() % 8), std::to_string(step)));
      }
      network.run_ms(static_cast<std::int64_t>(random() % 700));
    }
    network.copies = nullptr;
    REQUIRE(network.run_until([&] {
      for (int i = 1; i <= nodes; ++i) {
        const auto status = network.node("n" + std::to_string(i)).engine->status({});
        if (!status.joined || status.members.size() != static_cast<std::size_t>(nodes)) return false;
        if (status.members_version != network.node("n1").engine->status({}).members_version) return false;
      }
      return network.all_settled();
    }, 300'000));
    network.run_ms(120'000);  // Until everybody has heard everybody's version.
    Tap tap(network);
    network.run_ms(20'000);
    CHECK(tap.count("pull") == 0);
      // But who we are, to those who were not heard of for a while: they may have forgotten.
    for (const auto& sent : tap.sent) {
      const auto cells = sent.envelope.members.read();
      REQUIRE(cells.has_value());
      if (!cells->empty()) check_is_of_sender(sent.envelope);
    }
  }
}

}  // namespace
}  // namespace kith::test
