// tests/gossip/mend_test.cc -- a bit flips on a disk: never served, never gossiped, mended from a peer.
#include <doctest/doctest.h>

#include "tests/gossip/frames.h"

namespace kith::test {
namespace {

constexpr ShardId kShard = 2;

struct Stage {
  explicit Stage(int count, EngineOptions options = {}) : network(options) {
    begin_cluster(network, count);
    network.operate("n1", sadd(key, {"one"}));
    network.operate("n1", sadd(key, {"two"}));
    REQUIRE(network.run_until([&] { return network.all_settled(); }));
    tap.emplace(network);
  }
  StoreKey row(const std::string& member) { return store_key(kShard, {"t", key, Kind::kSet, member}); }
  void damage(const std::string& name, const std::string& member) {
    REQUIRE(network.node(name).store->flip_bit(Database::kCells, row(member), 200));
  }
  std::size_t waiting(const std::string& name) { return network.node(name).engine->status({}).rows_damaged; }
  bool noted(const std::string& name, const std::string& words) {
    for (const auto& note : network.node(name).notes) {
      if (note.find(words) != std::string::npos) return true;
    }
    return false;
  }

  Network network;
  std::string key = key_in(kShard);
  std::optional<Tap> tap;
};

TEST_CASE("mend: damage that a write comes upon refuses the write, and is mended from a peer") {
  Stage stage(2);
  const std::uint64_t root = stage.network.root("n2");
  stage.damage("n1", "one");
  const Reply refused = stage.network.operate("n1", srem(stage.key, {"two", "one"}));
  CHECK(refused.code == Refusal::kDamaged);
  CHECK(refused.message.find("nothing changed") != std::string::npos);
  CHECK(stage.waiting("n1") == 1);
  CHECK(stage.noted("n1", "damaged"));
  CHECK(stage.network.present("n1", stage.key, "two"));
  REQUIRE(stage.network.run_until([&] { return stage.waiting("n1") == 0; }));
  CHECK(stage.network.counter("n1", "rows_mended") == 1);
  CHECK(stage.network.present("n1", stage.key, "one"));
  CHECK(stage.network.root("n1") == root);
  CHECK(stage.network.root("n2") == root);
  CHECK(stage.network.operate("n1", srem(stage.key, {"one"})).changed == 1);
  REQUIRE(stage.network.run_until([&] { return stage.network.all_settled(); }));
}

// Goal: a removal of an element whose key flipped is not answered with "it was not there".
TEST_CASE("mend: a row whose key flipped refuses a write to it, and comes back under its own name from a peer") {
  Stage stage(3);
  const std::uint64_t root = stage.network.root("n2");
  const StoreKey key = stage.row("one");
  MemoryStore& store = *stage.network.node("n1").store;
  REQUIRE(store.flip_key_bit(Database::kCells, key, (key.size() - 3) * 8 + 6).has_value());
  CHECK(stage.network.operate("n1", srem(stage.key, {"one"})).code == Refusal::kDamaged);
  CHECK(stage.network.operate("n1", sadd(stage.key, {"another"})).outcome == Outcome::kOk);
  CHECK(stage.network.operate("n1", srem(stage.key, {"another"})).outcome == Outcome::kOk);
  Row row;
  REQUIRE(stage.network.run_until([&] {
    // At no time is it said to be absent.
    const bool absent = store.snapshot()->get(key, row) == Snapshot::Lookup::kMissing && !store.snapshot()->damage_beside(key);
    REQUIRE_FALSE(absent);
    return store.snapshot()->get(key, row) == Snapshot::Lookup::kFound && stage.waiting("n1") == 0;
  }));
  REQUIRE(stage.network.run_until([&] { return stage.network.all_settled(); }));
  CHECK(stage.network.root("n1") == root);
  CHECK(store.verify() == std::vector<std::string>{});
  CHECK(stage.network.operate("n1", srem(stage.key, {"one"})).changed == 1);
}

TEST_CASE("mend: damage that a reader comes upon is mended from a peer") {
  Stage stage(2);
  const std::uint64_t root = stage.network.root("n2");
  stage.damage("n1", "two");
  stage.network.input("n1", RowDamaged{stage.row("two")});
  CHECK(stage.waiting("n1") == 1);
  stage.network.input("n1", RowDamaged{stage.row("two")});  // News once.
  CHECK(stage.network.counter("n1", "rows_found_damaged") == 1);
  CHECK(stage.tap->count("fetch") == 1);
  REQUIRE(stage.network.run_until([&] { return stage.waiting("n1") == 0; }));
  CHECK(stage.network.root("n1") == root);
  CHECK(stage.network.node("n1").store->verify().empty());
}

TEST_CASE("mend: a damaged row is never sent, neither in an answer nor to somebody who fetches it") {
  Stage stage(3);
  stage.damage("n1", "one");
  stage.tap->lose = {"mended"};
  stage.network.input("n1", RowDamaged{stage.row("one")});
  Puppet puppet(stage.network, "n3");
  stage.network.kill("n3");
  PullBody pull;
  pull.nonce = 5;
  pull.parts.push_back({kShard, {}, 0, {}});
  stage.network.feed("n1", puppet.says(pull));
  const auto rows = stage.tap->last<RowsBody>("n1", "n3");
  REQUIRE(rows.has_value());
  const auto cells = rows->parts[0].cells.read();
  REQUIRE(cells->size() == 1);
  CHECK((*cells)[0].key.member == "two");
  CHECK_FALSE(rows->parts[0].sound);
  CHECK(rows->parts[0].clock.empty());
  // "I have it, but cannot read it" is not "I do not have it".
  stage.network.feed("n1", puppet.says(FetchBody{{stage.row("one"), stage.row("two")}}));
  const auto mended = stage.tap->last<MendedBody>("n1", "n3");
  REQUIRE(mended.has_value());
  CHECK(mended->missing.empty());
  CHECK(mended->parts.size() == 1);
}

TEST_CASE("mend: after mending, who read past the damage gets the row") {
  Stage stage(3);
  stage.network.cut("n1", "n3");
  stage.network.cut("n2", "n3");
  stage.network.operate("n1", sadd(stage.key, {"three"}));
  stage.network.run_ms(3000);
  REQUIRE(stage.network.present("n2", stage.key, "three"));
  stage.damage("n1", "three");
  stage.tap->lose = {"fetch"};
  stage.network.heal();
  stage.network.cut("n2", "n3");
  stage.network.run_ms(10'000);
  CHECK_FALSE(stage.network.present("n3", stage.key, "three"));
  CHECK(stage.waiting("n1") == 1);
  stage.tap->lose.clear();
  REQUIRE(stage.network.run_until([&] { return stage.network.all_settled(); }));
  CHECK(stage.network.present("n3", stage.key, "three"));
}

TEST_CASE("mend: one peer after the other is asked, until one has it") {
  Stage stage(3);
  stage.network.cut("n1", "n2");
  stage.network.cut("n2", "n3");
  stage.network.cut("n1", "n3");
  stage.network.operate("n1", sadd(stage.key, {"three"}));
  stage.network.heal();
  stage.network.cut("n2", "n3");
  stage.network.cut("n1", "n2");  // Only n1 and n3 talk.
  REQUIRE(stage.network.run_until([&] { return stage.network.present("n3", stage.key, "three"); }));
  stage.tap->lose = {"pull", "push"};
  stage.damage("n1", "three");
  stage.network.heal();
  stage.network.cut("n2", "n3");
  stage.network.input("n1", RowDamaged{stage.row("three")});
  REQUIRE(stage.network.run_until([&] { return stage.waiting("n1") == 0; }));
  CHECK(stage.network.present("n1", stage.key, "three"));
  CHECK(stage.network.counter("n1", "rows_lost") == 0);
}

// Goal: the peer that answers first may hold less of the row than another; what only the other holds is not lost.
// Method: n3's newest entry has come to n1, not to n2.  n1's row is damaged, and n2 is the first to be asked.
TEST_CASE("mend: what the first peer lacks of a row comes from another") {
  Stage stage(3);
  stage.network.cut("n2", "n1");
  stage.network.cut("n2", "n3");
  stage.network.operate("n3", srem(stage.key, {"one"}));
  REQUIRE(stage.network.run_until([&] { return !stage.network.present("n1", stage.key, "one"); }));
  stage.network.run_ms(3000);
  stage.damage("n1", "one");
  stage.network.heal();
  stage.network.cut("n2", "n3");
  stage.tap->pass = [](const Tap::Sent& sent) {
    return !std::holds_alternative<FetchBody>(sent.envelope.body) || sent.to == "n2";
  };
  stage.tap->lose = {"pull"};
  stage.network.input("n1", RowDamaged{stage.row("one")});
  stage.network.run_ms(5000);
  REQUIRE(stage.tap->last<MendedBody>("n2", "n1").has_value());
  CHECK(stage.waiting("n1") == 1);  // n2's clock does not cover what n1's claims.
  stage.network.kill("n1");         // And what it waits for outlasts the process.
  stage.network.start("n1");
  CHECK(stage.waiting("n1") == 1);
  stage.tap->pass = nullptr;
  stage.tap->lose.clear();
  stage.network.heal();
  CHECK(stage.network.run_until([&] { return stage.waiting("n1") == 0 && stage.network.all_settled(); }));
  for (const char* name : {"n1", "n2", "n3"}) CHECK_FALSE(stage.network.present(name, stage.key, "one"));
}

// ---- What was on its way to a clock when the row was damaged: the clock had not claimed it yet, and must not without it.

// n1 runs, n2 is a puppet.
struct WithPuppet : PuppetStage {
  StoreKey row(const std::string& member) { return store_key(kShard, {"t", key, Kind::kSet, member}); }
  void damage_and_give_up(const std::string& member) {
    REQUIRE(network.node("n1").store->flip_bit(Database::kCells, row(member), 200));
    network.input("n1", RowDamaged{row(member)});
    REQUIRE(tap->last<FetchBody>("n1", "n2").has_value());
    feed(MendedBody{{}, {row(member)}});
    REQUIRE(network.node("n1").engine->status({}).rows_damaged == 0);
  }
  PullBody::Part asked() {
    const auto pull = tap->last<PullBody>("n1", "n2");
    REQUIRE(pull.has_value());
    for (const auto& part : pull->parts) {
      if (part.shard == kShard) return part;
    }
    FAIL("n1 does not ask for the shard");
    return {};
  }

  std::string key = key_in(kShard);
};

TEST_CASE("mend: a pull that was cut by damage begins again, since the row may have come with it") {
  WithPuppet stage;
  const OriginId origin = stage.puppet->origin;
  stage.feed(DigestsBody{{{kShard, 12345}}});
  const Timestamp at = stage.puppet->now();
  const auto rows = [&](bool end, CellBlock cells) {
    RowsBody out;
    out.nonce = stage.tap->last<PullBody>("n1", "n2")->nonce;
    out.parts.push_back({kShard, end ? Lsn{9} : Lsn{7}, end, true, {}, std::move(cells)});
    if (end) out.parts[0].clock = {{origin, at}};
    return out;
  };
  stage.feed(rows(false, plain_add(stage.key, "a", origin, at)));
  REQUIRE(stage.network.present("n1", stage.key, "a"));
  REQUIRE(stage.asked().after == 7);
  stage.damage_and_give_up("a");
  stage.feed(rows(true, {}));
  CHECK_FALSE(held(stage.network, "n1", kShard, origin));
  CHECK(stage.asked().after == 0);
  stage.feed(rows(true, plain_add(stage.key, "a", origin, at)));
  CHECK(stage.network.present("n1", stage.key, "a"));
  CHECK(held(stage.network, "n1", kShard, origin) == at);
}

TEST_CASE("mend: a cursor in the middle of a feed is forgotten, also when the damage is found in a later life") {
  WithPuppet stage;
  const OriginId origin = stage.puppet->origin;
  stage.feed(DigestsBody{{{kShard, 12345}}});
  const Timestamp at = stage.puppet->now();
  RowsBody first;
  first.nonce = stage.tap->last<PullBody>("n1", "n2")->nonce;
  first.parts.push_back({kShard, 7, false, true, {}, plain_add(stage.key, "a", origin, at)});
  stage.feed(first);
  stage.network.kill("n1");
  REQUIRE(stage.network.node("n1").store->snapshot()->cursor(kShard, stage.puppet->node).has_value());
  stage.network.start("n1");
  stage.damage_and_give_up("a");
  stage.network.run_ms(10'000);  // The question of before is given up.
  stage.feed(DigestsBody{{{kShard, 12345}}});
  CHECK(stage.asked().after == 0);
  CHECK_FALSE(stage.network.node("n1").store->snapshot()->cursor(kShard, stage.puppet->node).has_value());
}

TEST_CASE("mend: a push behind a gap does not count any more when its row was damaged") {
  WithPuppet stage;
  const OriginId origin = stage.puppet->origin;
  const Timestamp first = stage.puppet->now(), second{first.value + 1};
  const auto push = [&](Timestamp previous, Timestamp commit, const std::string& member) {
    PushBody out;
    out.parts.push_back({kShard, previous, commit, plain_add(stage.key, member, origin, commit)});
    return out;
  };
  stage.feed(push(first, second, "b"));
  REQUIRE(stage.network.present("n1", stage.key, "b"));
  stage.damage_and_give_up("b");
  stage.feed(push({}, first, "a"));
  CHECK(held(stage.network, "n1", kShard, origin) == first);
  stage.feed(push(first, second, "b"));
  CHECK(held(stage.network, "n1", kShard, origin) == second);
  CHECK(stage.network.present("n1", stage.key, "b"));
}

TEST_CASE("mend: what was merged in while a row waited is lost when the row is damaged again, and waited for as well") {
  Stage stage(3);
  stage.tap->lose = {"fetch", "push", "pull"};
  stage.damage("n1", "one");
  stage.network.input("n1", RowDamaged{stage.row("one")});
  stage.tap->lose = {"fetch", "pull"};
  stage.network.cut("n2", "n3");
  stage.network.cut("n2", "n1");
  stage.network.operate("n3", sadd(stage.key, {"one"}));
  stage.network.run_ms(1000);
  CHECK(stage.waiting("n1") == 1);
  stage.damage("n1", "one");
  stage.network.operate("n3", sadd(stage.key, {"one"}));  // Merging it into the row comes upon the damage.
  stage.network.run_ms(1000);
  // n2 has not seen these adds, and its clock covers all that n1's claimed when the damage was found first.
  stage.tap->pass = [](const Tap::Sent& sent) {
    return !std::holds_alternative<FetchBody>(sent.envelope.body) || sent.to == "n2";
  };
  stage.tap->lose = {"pull", "push", "audit"};
  stage.network.heal();
  stage.network.cut("n2", "n3");
  stage.network.run_ms(5000);
  REQUIRE(stage.tap->last<MendedBody>("n2", "n1").has_value());
  CHECK(stage.waiting("n1") == 1);
  stage.tap->pass = nullptr;
  stage.tap->lose = {"audit"};
  stage.network.heal();
  CHECK(stage.network.run_until([&] { return stage.waiting("n1") == 0 && stage.network.all_settled(); }));
}

// Goal: a member that is gone for good does not keep a row from being mended that others in sync hold.
TEST_CASE("mend: one peer in sync will do, though another member never answers") {
  Stage stage(3);
  REQUIRE(stage.network.run_until([&] { return stage.network.all_settled(); }));
  stage.network.kill("n3");
  stage.damage("n1", "one");
  stage.network.input("n1", RowDamaged{stage.row("one")});
  REQUIRE(stage.network.run_until([&] { return stage.waiting("n1") == 0; }));
  CHECK(stage.network.present("n1", stage.key, "one"));
  CHECK(stage.network.counter("n1", "rows_mended") == 1);
}

// Goal: two who lost the same row do not wait for each other.
TEST_CASE("mend: a row that is damaged at two nodes is mended at both from the third") {
  Stage stage(3);
  REQUIRE(stage.network.run_until([&] { return stage.network.all_settled(); }));
  stage.network.cut("n1", "n3");
  stage.network.cut("n2", "n3");
  stage.tap->lose = {"push", "pull"};
  stage.network.operate("n1", sadd(stage.key, {"one"}));  // So that n3's clock does not cover what n1's claims.
  stage.damage("n1", "one");
  stage.damage("n2", "one");
  stage.network.input("n1", RowDamaged{stage.row("one")});
  stage.network.input("n2", RowDamaged{stage.row("one")});
  stage.network.run_ms(3000);
  CHECK(stage.waiting("n1") == 1);
  stage.network.heal();
  stage.tap->lose.clear();
  REQUIRE(stage.network.run_until([&] { return stage.waiting("n1") == 0 && stage.waiting("n2") == 0; }));
  REQUIRE(stage.network.run_until([&] { return stage.network.all_settled(); }));
  CHECK(stage.network.present("n1", stage.key, "one"));
  CHECK(stage.network.present("n2", stage.key, "one"));
}

TEST_CASE("mend: a row that nobody else holds is given up, and the log says so") {
  Stage stage(3);
  stage.tap->lose = {"push", "pull"};
  stage.network.operate("n1", sadd(stage.key, {"mine"}));
  stage.damage("n1", "mine");
  stage.network.input("n1", RowDamaged{stage.row("mine")});
  REQUIRE(stage.network.run_until([&] { return stage.waiting("n1") == 0; }));
  CHECK(stage.network.counter("n1", "rows_lost") == 1);
  CHECK(stage.noted("n1", "held by no other member"));
  stage.tap->lose.clear();
  REQUIRE(stage.network.run_until([&] { return stage.network.all_settled(); }));
  CHECK_FALSE(stage.network.present("n1", stage.key, "mine"));
  CHECK(stage.network.operate("n1", sadd(stage.key, {"mine"})).changed == 1);  // The place can be written again.
}

TEST_CASE("mend: while one member has not answered, nothing is given up") {
  Stage stage(3);
  stage.tap->lose = {"push", "pull"};
  stage.network.operate("n1", sadd(stage.key, {"mine"}));
  stage.damage("n1", "mine");
  stage.network.kill("n3");
  stage.network.input("n1", RowDamaged{stage.row("mine")});
  stage.network.run_ms(20'000);
  CHECK(stage.waiting("n1") == 1);
  CHECK(stage.network.counter("n1", "rows_lost") == 0);
}

TEST_CASE("mend: what was marked in an earlier life is mended in the next") {
  Stage stage(2);
  stage.tap->lose = {"fetch"};
  stage.damage("n1", "one");
  // A delta that comes upon it marks it, durably.
  stage.network.operate("n2", srem(stage.key, {"one"}));
  stage.network.run_ms(50);
  CHECK(stage.waiting("n1") == 1);
  stage.network.kill("n1");
  stage.network.start("n1");
  CHECK(stage.waiting("n1") == 1);
  stage.tap->lose.clear();
  REQUIRE(stage.network.run_until([&] { return stage.waiting("n1") == 0 && stage.network.all_settled(); }));
  CHECK_FALSE(stage.network.present("n1", stage.key, "one"));
}

// Goal: a node that is coming back after its eviction helps, and what nobody may have of it does not come along.
// Method: a puppet without a floor answers with two adds: of the one our clock says that we held it, of the other it does not.
TEST_CASE("mend: of who cannot vouch only that is taken which our own clock claimed") {
  Stage stage(2);
  Puppet puppet(stage.network, "n2");
  stage.network.run_ms(3000);
  Row row;
  REQUIRE(stage.network.node("n1").store->snapshot()->get(stage.row("one"), row) == Snapshot::Lookup::kFound);
  stage.network.kill("n2");
  stage.damage("n1", "one");
  stage.network.input("n1", RowDamaged{stage.row("one")});
  Content content = row.content;
  const Timestamp later = puppet.now();
  (void)content.as_set_element().add({later, ActorId{77}}, {later, puppet.origin});
  REQUIRE(content.as_set_element().adds().size() == 2);
  MendedBody answer;
  answer.parts.push_back({kShard, {}});
  answer.parts[0].cells.append(row.cell, content);
  Envelope envelope = puppet.envelope(answer);
  envelope.floor = {};
  stage.network.feed("n1", encode(envelope));
  REQUIRE(stage.waiting("n1") == 0);
  Row mended;
  REQUIRE(stage.network.node("n1").store->snapshot()->get(stage.row("one"), mended) == Snapshot::Lookup::kFound);
  CHECK(mended.content == row.content);
}

TEST_CASE("mend: what nobody asked for is not taken, and a cell in a wrong shard has the whole answer refused") {
  Stage stage(2);
  Puppet puppet(stage.network, "n2");
  stage.network.kill("n2");
  const Timestamp at = puppet.now();
  MendedBody mended;
  mended.parts.push_back({kShard, plain_add(stage.key, "unasked", puppet.origin, at)});
  stage.network.feed("n1", puppet.says(mended));
  CHECK_FALSE(stage.network.present("n1", stage.key, "unasked"));
  stage.damage("n1", "one");
  stage.network.input("n1", RowDamaged{stage.row("one")});
  mended.parts[0].cells = plain_add(stage.key, "one", puppet.origin, at);
  mended.parts.push_back({3, plain_add(stage.key, "two", puppet.origin, at)});
  stage.network.feed("n1", puppet.says(mended));
  CHECK(stage.network.counter("n1", "dropped_bad_cells") == 1);
  CHECK(stage.waiting("n1") == 1);
}

// Goal: many damaged rows do not take a round each where an answer has room for few.
TEST_CASE("mend: what did not fit into an answer is asked for at once, until all is answered") {
  EngineOptions options;
  options.answer_bytes_max = 64;
  Stage stage(2, options);
  const std::vector<std::string> elements{"a", "b", "c", "d", "e", "f"};
  stage.network.operate("n1", sadd(stage.key, elements));
  REQUIRE(stage.network.run_until([&] { return stage.network.all_settled(); }));
  stage.tap->lose = {"fetch"};
  for (const auto& element : elements) {
    stage.damage("n1", element);
    stage.network.input("n1", RowDamaged{stage.row(element)});
  }
  REQUIRE(stage.waiting("n1") == elements.size());
  stage.tap->lose.clear();
  REQUIRE(stage.network.run_until([&] { return stage.waiting("n1") < elements.size(); }));
  stage.network.run_ms(options.gossip_interval_ms / 2);
  CHECK(stage.waiting("n1") == 0);
  CHECK(stage.network.counter("n2", "sent_mended") == elements.size());
}

// Goal: a peer that asks for much gets an answer that fits into a message.
TEST_CASE("mend: a fetch as large as a message does not make an answer larger than one") {
  Stage stage(2);
  Puppet puppet(stage.network, "n2");
  stage.network.kill("n2");
  FetchBody fetch;
  for (std::size_t i = 0; i < (kMessageBytesMax - 200) / 516; ++i) {
    std::string key = std::string("\0\2t", 3) + std::to_string(i);
    key.resize(511, 'x');
    fetch.keys.push_back(key);
  }
  while (puppet.says(fetch).size() + 300 < kMessageBytesMax) fetch.keys.push_back(std::string(200, 'k'));
  fetch.keys.push_back(std::string(3, 'k'));
  while (puppet.says(fetch).size() < kMessageBytesMax) fetch.keys.back() += 'k';
  REQUIRE(fetch.keys.back().size() <= kStoreKeyBytesMax);
  const std::string frame = puppet.says(fetch);
  REQUIRE(frame.size() == kMessageBytesMax);
  stage.network.feed("n1", frame);
  REQUIRE(stage.tap->last<MendedBody>("n1", "n2").has_value());
  CHECK(stage.tap->last<MendedBody>("n1", "n2")->missing.size() > 1000);
}

}  // namespace
}  // namespace kith::test
