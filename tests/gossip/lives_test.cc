// tests/gossip/lives_test.cc -- restarts, rollbacks, clones and clocks: whose messages are listened to.
#include <doctest/doctest.h>

#include <set>

#include "tests/gossip/frames.h"

namespace kith::test {
namespace {

EngineStatus status(Network& network, const std::string& name) {
  return network.node(name).engine->status(instant_of(network));
}

MemberStatus member(Network& network, const std::string& at, const std::string& of) {
  for (const auto& it : status(network, at).members) {
    if (it.name == of) return it;
  }
  FAIL("no such member");
  return {};
}

MemberRecord record_on_disk(Network& network, const std::string& at, NodeId of) {
  Row row;
  REQUIRE(network.node(at).store->snapshot()->get(store_key(kSystemShard, member_cell(of)), row) == Snapshot::Lookup::kFound);
  return *decode_member_record(*row.content.as_register().value());
}

bool noted(Network& network, const std::string& name, const std::string& words) {
  for (const auto& note : network.node(name).notes) {
    if (note.find(words) != std::string::npos) return true;
  }
  return false;
}

// RULE. Every start is a new origin with a start timestamp; a node's lives are ordered by it.
TEST_CASE("lives: each start is a new origin that starts later, whatever the wall clock does") {
  Network network;
  begin_cluster(network, 2);
  std::set<OriginId> origins;
  Timestamp last;
  const NodeId node = status(network, "n2").node;
  for (const std::int64_t offset_ms : {0, 0, -3'600'000, -7'200'000, 0, 100}) {
    network.kill("n2");
    network.node("n2").clock_offset_ms = offset_ms;
    network.start("n2");
    const EngineStatus now = status(network, "n2");
    CHECK(now.node == node);
    CHECK(origins.insert(now.origin).second);
    CHECK(now.start > last);
    last = now.start;
  }
  CHECK(member(network, "n2", "n2").lives == 7);
}

// RULE. Peers that learn of a new life refuse all messages of the earlier ones from then on.
TEST_CASE("lives: messages of an earlier life change nothing once a newer one is known") {
  Network network;
  begin_cluster(network, 2);
  Tap tap(network);
  tap.lose = {"push"};
  Puppet earlier(network, "n2");
  network.operate("n2", sadd("likes", {"x"}));
  network.run_ms(3000);
  std::vector<std::string> frames;
  for (const auto& sent : tap.sent) {
    if (sent.from == "n2" && sent.to == "n1") frames.push_back(sent.bytes);
  }
  frames.push_back(earlier.says(PushBody{
      {{shard_of("t", "likes", 4), {}, earlier.now(), plain_add("likes", "late", earlier.origin, earlier.now())}}, 0}));
  frames.push_back(earlier.says(StoppingBody{}));
  REQUIRE(frames.size() > 3);
  network.kill("n2");
  network.start("n2");
  network.run_ms(3000);
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  const OriginId newer = status(network, "n2").origin;
  REQUIRE(member(network, "n1", "n2").origin == newer);
  const auto root = network.root("n1");
  const auto newest = status(network, "n1").newest_held;
  const auto before = network.counter("n1", "dropped_earlier_life");
  for (const auto& frame : frames) network.feed("n1", frame);
  CHECK(network.counter("n1", "dropped_earlier_life") - before == frames.size());
  CHECK(network.root("n1") == root);
  CHECK(status(network, "n1").newest_held == newest);
  CHECK(member(network, "n1", "n2").origin == newer);
  CHECK_FALSE(member(network, "n1", "n2").stopping);
}

TEST_CASE("lives: a newer life is learnt from its first message, before its record has come") {
  Network network;
  begin_cluster(network, 2);
  Puppet puppet(network, "n2");
  network.kill("n2");
  Puppet newer = puppet;
  newer.origin = OriginId{0xbeef};
  newer.start = puppet.now();
  network.feed("n1", newer.says(StoppingBody{}));
  CHECK(member(network, "n1", "n2").origin == newer.origin);
  network.feed("n1", puppet.says(StoppingBody{}));
  CHECK(network.counter("n1", "dropped_earlier_life") == 1);
}

// Goal: of a node and its copy, which may begin at one timestamp, all listen to the same one, whomever they heard first.
TEST_CASE("lives: of two that began at one timestamp the one with the greater origin is the later") {
  Network network;
  begin_cluster(network, 2);
  Puppet puppet(network, "n2");
  network.kill("n2");
  Puppet less = puppet, greater = puppet;
  less.origin = OriginId{0xbeef}, greater.origin = OriginId{0xcafe};
  less.start = greater.start = puppet.now();
  network.feed("n1", less.says(StoppingBody{}));
  CHECK(member(network, "n1", "n2").origin == less.origin);
  network.feed("n1", greater.says(StoppingBody{}));
  CHECK(member(network, "n1", "n2").origin == greater.origin);
  network.feed("n1", less.says(StoppingBody{}));
  CHECK(network.counter("n1", "dropped_clone") == 1);
  CHECK(member(network, "n1", "n2").origin == greater.origin);
}

// Goal: two nodes on old disks, each of which knows a later life of the other, do not shut each other up for ever.
TEST_CASE("lives: that there is a later life is believed of an earlier life, too") {
  PuppetStage stage;
  const Puppet old = *stage.puppet;
  Puppet later = old;
  later.origin = OriginId{0xbeef};
  later.start = later.now();
  stage.network.feed("n1", later.says(StoppingBody{}));
  const EngineStatus before = status(stage.network, "n1");
  Puppet speaker = old;
  // Nothing that is not later than this life, and not what a stranger says.
  stage.network.feed("n1", speaker.says(SupersededBody{before.origin, before.start, before.node}));
  stage.network.feed("n1", speaker.says(SupersededBody{OriginId{~0ull}, Timestamp{before.start.value - 1}, before.node}));
  Puppet stranger = old;
  stranger.node = NodeId{0x5747};
  stage.network.feed("n1", stranger.says(SupersededBody{OriginId{7}, Timestamp{before.start.value + 1}, before.node}));
  CHECK_FALSE(status(stage.network, "n1").superseded);
  // Nor what is meant for who had this address before.
  const OriginId seven{7};
  const Timestamp after{before.start.value + 1};
  stage.network.feed("n1", speaker.says(SupersededBody{seven, after, NodeId{0x0dd}}));
  stage.network.feed("n1", speaker.says(EvictedBody{{after, after}, NodeId{0x0dd}}));
  CHECK(stage.network.counter("n1", "dropped_meant_for_another") == 2);
  CHECK(stage.network.counter("n1", "evicted") == 0);
  CHECK_FALSE(status(stage.network, "n1").superseded);
  stage.network.feed("n1", speaker.says(SupersededBody{OriginId{7}, Timestamp{before.start.value + 1}, before.node}));
  CHECK(status(stage.network, "n1").superseded);
  CHECK(stage.network.counter("n1", "dropped_earlier_life") == 5);
}

// Goal: a node is found where it is, though a copy of it wrote the newer record.
TEST_CASE("lives: the record of an earlier life that is the newer one is written over") {
  PuppetStage stage;
  Network& network = stage.network;
  const EngineStatus self = status(network, "n1");
  const Timestamp late = Timestamp::at_ms(stage.puppet->now().ms() + 200);
  const CellKey cell = member_cell(self.node);
  Register record;
  const MemberRecord copy{"n1", "elsewhere:1", "elsewhere:2", {{OriginId{1}, Timestamp{self.start.value - 1}}}};
  (void)record.set(encode(copy), {late, actor_of(OriginId{1})}, {late, OriginId{1}});
  PushBody push;
  push.parts.push_back({kSystemShard, {}, stage.puppet->now(), {}});
  push.parts[0].cells.append(cell, Content(record));
  stage.feed(push);
  const auto address = [&] { return record_on_disk(network, "n1", self.node).peer_address; };
  REQUIRE(address() == "elsewhere:2");
  REQUIRE(network.run_until([&] { return address() != "elsewhere:2"; }));
  CHECK(record_on_disk(network, "n1", self.node).lives.back().origin == self.origin);
  CHECK(network.counter("n1", "own_records_written_again") == 1);
}

// Goal: a node that began below a life of its own, which it could not read, learns it though nobody that is asked may tell it.
TEST_CASE("lives: a later life of itself that a node finds in the table of members supersedes it") {
  PuppetStage stage;
  Network& network = stage.network;
  const EngineStatus self = status(network, "n1");
  const auto tell = [&](Timestamp start, Timestamp at) {
    Register record;
    const MemberRecord other{"n1", "elsewhere:1", "elsewhere:2", {{OriginId{9}, start}}};
    (void)record.set(encode(other), {at, actor_of(OriginId{9})}, {at, OriginId{9}});
    PushBody push;
    push.parts.push_back({kSystemShard, {}, stage.puppet->now(), {}});
    push.parts[0].cells.append(member_cell(self.node), Content(record));
    stage.feed(push);
  };
  network.run_ms(100);
  const Timestamp now = stage.puppet->now();
  tell(Timestamp{self.start.value - 1}, now);
  network.run_ms(2000);
  CHECK_FALSE(status(network, "n1").superseded);
  tell(Timestamp{self.start.value + 1}, Timestamp::at_ms(stage.puppet->now().ms() + 200));
  CHECK(network.run_until([&] { return status(network, "n1").superseded; }));
}

// Goal: what the last life of a node wrote keeps clocks from being equal no more than it must, though nobody has its row.
// Method: the life is known from one message; its node never comes back.
TEST_CASE("lives: the last life of a node is put into the table in its name when its row does not come") {
  PuppetStage stage;
  Network& network = stage.network;
  Puppet later = *stage.puppet;
  later.origin = OriginId{0xbeef};
  later.start = later.now();
  const Timestamp at = Timestamp{later.now().value + 1};
  network.run_ms(10);
  network.feed("n1", later.says(PushBody{{{2, {}, at, plain_add(key_in(2), "a", later.origin, at)}}, 0}));
  REQUIRE(held(network, "n1", 2, later.origin) == at);
  network.add("n3", "n1");
  network.start("n3");
  REQUIRE(network.run_until([&] { return held(network, "n3", 2) == held(network, "n1", 2) && network.present("n3", key_in(2), "a"); }, 120'000));
  CHECK(network.counter("n1", "lost_lives_registered") == 1);
}

TEST_CASE("lives: behind an address where a new life was seen the connection is made anew") {
  Network network;
  begin_cluster(network, 2);
  Puppet puppet(network, "n2");
  network.kill("n2");
  Engine& engine = *network.node("n1").engine;
  Output out;
  engine.step(instant_of(network), PeerFrame{puppet.says(StoppingBody{})}, out);
  CHECK(out.reconnect.empty());
  puppet.origin = OriginId{0xbeef};
  puppet.start = puppet.now();
  engine.step(instant_of(network), PeerFrame{puppet.says(StoppingBody{})}, out);
  CHECK(out.reconnect == std::vector<std::string>{"n2:2"});
}

// ---- Strangers

TEST_CASE("lives: another cluster's messages, strangers' and one's own change nothing and are counted") {
  Network network;
  begin_cluster(network, 2);
  Puppet puppet(network, "n2");
  network.kill("n2");
  const Timestamp at = puppet.now();
  PushBody push;
  push.parts.push_back({shard_of("t", "likes", 4), {}, at, plain_add("likes", "x", puppet.origin, at)});
  const auto drops = [&](Puppet who, const std::string& counter) {
    const auto before = network.counter("n1", counter);
    network.feed("n1", who.says(push));
    return network.counter("n1", counter) - before == 1 && network.members_of("n1", "likes").empty();
  };
  Puppet foreign = puppet;
  foreign.cluster = ClusterId{puppet.cluster.value + 1};
  CHECK(drops(foreign, "dropped_wrong_cluster"));
  Puppet none = puppet;
  none.cluster = {};
  CHECK(drops(none, "dropped_wrong_cluster"));
  Puppet stranger = puppet;
  stranger.node = NodeId{0xabc};
  CHECK(drops(stranger, "dropped_stranger"));
  CHECK(drops(Puppet(network, "n1"), "dropped_own"));
  Puppet before = Puppet(network, "n1");
  before.origin = OriginId{0xbeef};
  before.start = just_before(before.start);
  CHECK(drops(before, "dropped_own"));  // An earlier life of the receiver's.
  network.feed("n1", "GET / HTTP/1.1\r\n\r\n");
  CHECK(network.counter("n1", "dropped_not_kith") == 1);
  network.feed("n1", puppet.says(push));
  CHECK_FALSE(network.members_of("n1", "likes").empty());
}

// ---- Clones

TEST_CASE("lives: two processes under one node id are noticed, and the one that started last is listened to") {
  Network network;
  begin_cluster(network, 2);
  // Copies n2's directory, all that it says of who it is.
  Network::Node& copy = network.add("n8");
  StoreBatch batch;
  const auto snapshot = network.node("n2").store->snapshot();
  for (const char* name : {"node_id", "node_name", "cluster_id", "cluster_name", "shard_count", "origin", "lease"}) {
    batch.set_meta(name, snapshot->meta(name).value());
  }
  snapshot->scan(shard_prefix(kSystemShard), {}, [&](const StoreKey&, const Row* row) {
    batch.merge(kSystemShard, row->cell, row->content);
    return true;
  });
  (void)copy.store->commit(batch);
  copy.setup = network.node("n2").setup;
  copy.setup.peer_address = "n8:2";
  copy.setup.join.clear();
  network.run_ms(1000);
  network.start("n8");
  REQUIRE(status(network, "n8").node == status(network, "n2").node);
  network.run_ms(5000);
  CHECK(member(network, "n1", "n2").origin == status(network, "n8").origin);
  CHECK(network.counter("n1", "dropped_earlier_life") > 0);
  Puppet later(network, "n8");
  network.feed("n2", later.says(StoppingBody{}));
  CHECK(network.counter("n2", "dropped_same_node_id") == 1);
  CHECK(noted(network, "n2", "another process runs under the id of this node"));
}

// ---- Clocks

TEST_CASE("lives: a peer whose clock is ahead is not listened to, nothing is lost, it flows again afterwards") {
  Network network;
  begin_cluster(network, 3);
  network.node("n3").clock_offset_ms = 60'000;
  network.operate("n3", sadd("likes", {"early"}));
  network.run_ms(5000);
  CHECK(network.counter("n1", "dropped_skewed") > 0);
  CHECK(noted(network, "n1", "not listening to n3: its clock is"));
  CHECK_FALSE(network.present("n1", "likes", "early"));
  CHECK(network.present("n3", "likes", "early"));
  // Not more than a line every ten seconds.
  CHECK(std::count_if(network.node("n1").notes.begin(), network.node("n1").notes.end(),
                      [](const std::string& note) { return note.starts_with("not listening"); }) == 1);
  network.node("n3").clock_offset_ms = 0;
  network.run_ms(60'000);
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  CHECK(network.present("n1", "likes", "early"));
  CHECK(network.present("n2", "likes", "early"));
}

TEST_CASE("lives: a clock exactly at the limit ahead is listened to, one millisecond more is not") {
  Network network;
  begin_cluster(network, 2);
  Puppet puppet(network, "n2");
  network.kill("n2");
  puppet.ahead_ms = network.options.max_skew_ms;
  network.feed("n1", puppet.says(StoppingBody{}));
  CHECK(network.counter("n1", "dropped_skewed") == 0);
  puppet.ahead_ms = network.options.max_skew_ms + 1;
  network.feed("n1", puppet.says(StoppingBody{}));
  CHECK(network.counter("n1", "dropped_skewed") == 1);
  puppet.ahead_ms = -3'600'000;  // Behind is not our business.
  network.feed("n1", puppet.says(StoppingBody{}));
  CHECK(network.counter("n1", "dropped_skewed") == 1);
}

TEST_CASE("lives: a peer whose wall is right but whose timestamps are far ahead does not drag ours along") {
  Network network;
  begin_cluster(network, 2);
  Puppet puppet(network, "n2");
  network.kill("n2");
  Envelope envelope = puppet.envelope(StoppingBody{});
  const std::int64_t bound_ms = 2 * network.options.max_skew_ms + network.options.lease_ms;
  envelope.hlc = Timestamp::at_ms(puppet.now().ms() + bound_ms + 1);
  network.feed("n1", encode(envelope));
  CHECK(network.counter("n1", "dropped_skewed") == 1);
  CHECK(status(network, "n1").now < envelope.hlc);
  envelope.hlc = Timestamp::at_ms(puppet.now().ms() + bound_ms);
  network.feed("n1", encode(envelope));
  CHECK(network.counter("n1", "dropped_skewed") == 1);
  CHECK(status(network, "n1").now >= envelope.hlc);
}

TEST_CASE("lives: what was written in a time to come is taken in from nobody, whoever tells it") {
  Network network;
  begin_cluster(network, 2);
  Puppet puppet(network, "n2");
  network.kill("n2");
  const std::int64_t most_ms = 16 * network.options.max_skew_ms + network.options.lease_ms;
  const auto with_row_of = [&](std::int64_t ahead_ms) {
    Envelope envelope = puppet.envelope(StoppingBody{});
    const Timestamp at = Timestamp::at_ms(puppet.now().ms() + ahead_ms);
    const OriginId origin{ahead_ms > most_ms ? 77u : 78u};
    envelope.members.append(life_cell(puppet.node, origin), Content(Register{}.set(encode(LifeRecord{at}), {at, actor_of(origin)}, {at, origin}, 0)));
    return encode(envelope);
  };
  network.feed("n1", with_row_of(most_ms + 1));
  CHECK(network.counter("n1", "dropped_of_a_time_to_come") == 1);
  CHECK(network.counter("n1", "dropped_bad_members") == 1);
  CHECK(noted(network, "n1", "n2 holds what was written 8 s ahead of our clock: nothing of that is taken in"));
  network.feed("n1", with_row_of(most_ms));
  CHECK(network.counter("n1", "dropped_of_a_time_to_come") == 1);
  CHECK(network.counter("n1", "dropped_bad_members") == 1);
  // Nor that there is such a life of our own: no later one could follow it.
  const auto mine = status(network, "n1");
  const Timestamp to_come = Timestamp::at_ms(puppet.now().ms() + most_ms + 60'000);
  network.feed("n1", puppet.says(SupersededBody{OriginId{79}, to_come, mine.node}));
  CHECK(network.counter("n1", "superseded") == 0);
  CHECK(network.counter("n1", "dropped_of_a_time_to_come") == 2);
}

TEST_CASE("lives: a node whose clock is ahead of the majority refuses writes, answers reads, and recovers") {
  Network network;
  begin_cluster(network, 3);
  network.operate("n1", set("k", "v"));
  network.run_ms(12'000);
  CHECK_FALSE(status(network, "n1").clock_fenced);
  network.node("n1").clock_offset_ms = 5000;
  REQUIRE(network.run_until([&] {
    return network.node("n1").engine->status({network.now_ms(), time_of(network, 5000).ms()}).clock_fenced;
  }));
  const Reply reply = network.operate("n1", set("k", "w"));
  CHECK(reply.code == Refusal::kClockFenced);
  CHECK(reply.message.find("ahead of its peers'") != std::string::npos);
  CHECK(network.value("n1", "k") == "v");
  CHECK(network.node("n1").engine->status({network.now_ms(), time_of(network, 5000).ms()}).clock_ahead_ms > 4000);
  CHECK_FALSE(status(network, "n2").clock_fenced);
  network.node("n1").clock_offset_ms = 0;
  REQUIRE(network.run_until([&] { return !status(network, "n1").clock_fenced; }));
  CHECK(network.operate("n1", set("k", "w")).outcome == Outcome::kOk);
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
}

TEST_CASE("lives: one peer of two with its clock behind does not fence a node") {
  Network network;
  begin_cluster(network, 3);
  network.node("n3").clock_offset_ms = -5000;
  network.run_ms(30'000);
  CHECK_FALSE(status(network, "n1").clock_fenced);
  CHECK(network.operate("n1", set("k", "v")).outcome == Outcome::kOk);
  CHECK(member(network, "n1", "n3").clock_offset_ms < -4000);
}

// Goal: single messages that the network held up for long do not fence a node.
TEST_CASE("lives: messages that were held up, far apart, do not make a clock look ahead") {
  Network network;
  begin_cluster(network, 2);
  Puppet puppet(network, "n2");
  network.kill("n2");
  network.kill("n1");
  network.start("n1");
  puppet.ahead_ms = -8000;  // Sent eight seconds ago.
  for (int i = 0; i < 3; ++i) {
    network.feed("n1", puppet.says(StoppingBody{}));
    CHECK_FALSE(status(network, "n1").clock_fenced);
    network.run_ms(15'000);
  }
  CHECK(network.operate("n1", set("k", "v")).outcome == Outcome::kOk);
}

// RULE. A life's clock entry begins at its start, never at zero.
TEST_CASE("lives: a new life's commits follow on its start") {
  Network network;
  begin_cluster(network, 2);
  Puppet puppet(network, "n2");
  network.kill("n2");
  puppet.origin = OriginId{0xbeef};
  puppet.start = puppet.now();
  const Timestamp commit{puppet.start.value + 1};
  PushBody push;
  push.parts.push_back({2, puppet.start, commit, plain_add(key_in(2), "x", puppet.origin, commit)});
  network.feed("n1", puppet.says(push));
  CHECK(network.counter("n1", "push_gaps") == 0);
  CHECK(held(network, "n1", 2, puppet.origin) == commit);
}

// Goal: memory says how tables compare, the disk what is sent.  Where memory is behind, tables would differ for ever, and nothing be sent.
// Method: both disks get a word of a life that clocks cover already; who restarts reads it.
TEST_CASE("lives: a row of the table that is newer on disk than in memory is read again") {
  Network network;
  begin_cluster(network, 2);
  const EngineStatus of = status(network, "n2");
  const Timestamp start = network.node("n2").engine->health(instant_of(network)).start;
  network.run_ms(3000);
  const Tag tag{time_of(network), actor_of(of.origin)};
  for (const char* name : {"n1", "n2"}) {
    StoreBatch batch;
    batch.merge(kSystemShard, life_cell(of.node, of.origin),
                Content(Register{}.set(encode(LifeRecord{start}), tag, Commit{start, of.origin})));
    (void)network.node(name).store->commit(batch);
  }
  network.kill("n2");
  network.start("n2");
  Tap tap(network);
  const auto version = [&](const std::string& name) {
    for (auto at = tap.sent.rbegin(); at != tap.sent.rend(); ++at) {
      if (at->from == name) return at->envelope.members_version;
    }
    return std::uint64_t{0};
  };
  REQUIRE(network.run_until([&] { return version("n1") != 0 && version("n2") != 0 && version("n1") != version("n2"); }));
  CHECK(network.run_until([&] { return version("n1") == version("n2"); }));
}

// ---- The lease

TEST_CASE("lives: no timestamp is issued twice, though the node is killed and its clock steps back an hour") {
  Network network;
  begin_cluster(network, 1);
  Timestamp last;
  for (const std::int64_t offset_ms : {0, -3'600'000, -3'600'000, 0, -7'200'000}) {
    network.kill("n1");
    network.node("n1").clock_offset_ms = offset_ms;
    network.start("n1");
    CHECK(status(network, "n1").start > last);
    for (int i = 0; i < 20; ++i) {
      const Reply reply = network.operate("n1", set("k" + std::to_string(i), "v"));
      CHECK(reply.tag.at > last);
      last = reply.tag.at;
      network.run_ms(50);
    }
  }
}

TEST_CASE("lives: the lease is in the batch before the timestamp that needs it, and spares most commits") {
  Network network;
  begin_cluster(network, 1);
  Engine& engine = *network.node("n1").engine;
  network.run_ms(10'000);
  Output out;
  engine.step(instant_of(network), set("k", "v"), out);
  REQUIRE(out.store.meta().contains("lease"));
  ByteReader lease(out.store.meta().at("lease"));
  CHECK(Timestamp{lease.u64()} >= out.replies.at(0).tag.at);
  engine.committed(instant_of(network), network.node("n1").store->commit(out.store), out);
  out.clear();
  engine.step(instant_of(network), set("k", "w"), out);
  CHECK_FALSE(out.store.meta().contains("lease"));
}

// Goal: a node that wrote nothing for long has promised much; killed, with its clock set back, it must not begin far below that, or
// it would look like one that ran twice.
TEST_CASE("lives: a node that is killed after a long silence begins above what it promised but for a quarter of a window") {
  EngineOptions options;
  options.retry_window_ms = 8000;
  Network network(options);
  begin_cluster(network, 2);
  REQUIRE(network.operate("n1", set("k", "v")).outcome == Outcome::kOk);
  network.run_ms(60'000);
  const std::int64_t promised_ms = instant_of(network).wall_ms;
  network.kill("n1");
  network.node("n1").clock_offset_ms = -3'600'000;
  network.start("n1");
  CHECK(status(network, "n1").start.ms() > promised_ms - options.retry_window_ms / 4 - 2 * options.gossip_interval_ms);
}

// ---- A disk that went back

TEST_CASE("lives: a node whose disk went back gets back what it had sent") {
  Network network;
  begin_cluster(network, 2);
  network.operate("n2", sadd("likes", {"kept"}));
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  network.node("n2").store->hold_syncs(true);  // A disk that says "done" and is not.
  network.operate("n2", sadd("likes", {"lost"}));
  REQUIRE(network.run_until([&] { return network.present("n1", "likes", "lost"); }));
  network.kill("n2");
  CHECK_FALSE(network.node("n2").store->snapshot()->root() == network.root("n1"));
  network.node("n2").store->hold_syncs(false);
  network.start("n2");
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  CHECK(network.present("n2", "likes", "lost"));
}

// Goal: a former life whose row of the table rotted is not taken for one that is retired, of which everybody holds all.
// Method: the asker's floor is above what that life wrote, as it is when it has only heard of it; the row goes out all the same.
TEST_CASE("lives: a life whose row of the table is damaged is not retired") {
  PuppetStage stage;
  Network& network = stage.network;
  const std::string key = key_in(2);
  network.operate("n1", sadd(key, {"a"}));
  const EngineStatus former = network.node("n1").engine->status({});
  network.kill("n1");
  network.start("n1");  // The node's record names its last life, too.
  network.run_ms(10);
  network.kill("n1");
  REQUIRE(network.node("n1").store->flip_bit(Database::kCells, store_key(kSystemShard, life_cell(former.node, former.origin)), 200));
  network.start("n1");
  network.run_ms(10);
  Puppet& puppet = *stage.puppet;
  puppet.members_version = network.node("n1").engine->status({}).members_version;
  PullBody pull;
  pull.nonce = 5;
  pull.parts.emplace_back().shard = 2;
  Envelope envelope = puppet.envelope(pull);
  envelope.floor = puppet.now();
  network.feed("n1", encode(envelope));
  const auto rows = stage.tap->last<RowsBody>("n1", "n2");
  REQUIRE(rows.has_value());
  REQUIRE(rows->parts.size() == 1);
  CHECK_FALSE(rows->parts[0].cells.empty());
}

// Goal: while a life is retired its rows are passed over, by who answers a pull and by who asks.  So what was read past then was not seen.
// Method: n3 tells of a life of n2 that was retired long ago, as from an old disk.
TEST_CASE("lives: of a life that is heard of again no cursor counts, and of one that begins they all do") {
  Network network;
  begin_cluster(network, 3);
  Tap tap(network);
  tap.lose = {"push"};
  const std::string key = key_in(2);
  REQUIRE(network.operate("n3", sadd(key, {"pulled"})).outcome == Outcome::kOk);
  REQUIRE(network.run_until([&] { return network.present("n1", key, "pulled"); }));
  network.run_ms(3000);
  const NodeId from = network.node("n3").engine->status({}).node, other = network.node("n2").engine->status({}).node;
  const auto cursor = [&] { return network.node("n1").store->snapshot()->cursor(2, from); };
  if (!cursor()) {
    REQUIRE(network.operate("n3", sadd(key, {"pulled too"})).outcome == Outcome::kOk);
    REQUIRE(network.run_until([&] { return cursor().has_value(); }));
  }
  tap.lose.clear();
  network.kill("n2");
  network.start("n2");  // A life begins, the one before is closed.
  REQUIRE(network.run_until([&] { return network.counter("n2", "lives_closed") == 1 && network.all_settled(); }));
  REQUIRE(cursor().has_value());

  Puppet puppet(network, "n3");
  const Timestamp long_ago = Timestamp::at_ms(puppet.now().ms() - 600'000);
  const OriginId again{0xdead};
  Register row;
  (void)row.set(encode(LifeRecord{long_ago}), {long_ago, actor_of(again)}, {long_ago, again});
  PushBody body;
  const Timestamp at{puppet.now().value + 1};
  body.parts.push_back({kSystemShard, just_before(at), at, {}});
  body.parts[0].cells.append(life_cell(other, again), Content(row));
  network.kill("n3");
  Envelope envelope = puppet.envelope(body);
  envelope.floor = just_before(puppet.now());
  network.feed("n1", encode(envelope));
  network.run_ms(50);
  CHECK_FALSE(cursor().has_value());
}

}  // namespace
}  // namespace kith::test
