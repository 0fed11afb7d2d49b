// tests/gossip/join_test.cc -- who may belong to a cluster, and what everybody else is told.
#include <doctest/doctest.h>

#include <algorithm>

#include "gossip/core.h"
#include "tests/gossip/frames.h"

namespace kith::test {
namespace {

bool noted(Network& network, const std::string& name, const std::string& words) {
  for (const auto& note : network.node(name).notes) {
    if (note.find(words) != std::string::npos) return true;
  }
  return false;
}

bool joined(Network& network, const std::string& name) { return network.node(name).engine->status({}).joined; }

std::size_t members(Network& network, const std::string& name) {
  return network.node(name).engine->status({}).members.size();
}

// n2 asks to join n1 after `change` to its setup.
void try_to_join(Network& network, const std::function<void(NodeSetup&)>& change) {
  network.add("n2", "n1");
  change(network.node("n2").setup);
  network.start("n2");
  network.run_ms(100);
}

void check_refused_for_good(Network& network, const std::string& words) {
  CHECK(network.node("n2").refused_for_good);
  CHECK(noted(network, "n2", words));
  CHECK(members(network, "n1") == 1);
  // It does not ask again.
  const auto refusals = network.counter("n1", "joins_refused");
  CHECK(refusals == 1);
  network.run_ms(10'000);
  CHECK(network.counter("n1", "joins_refused") == refusals);
}

TEST_CASE("join: through any member") {
  Network network;
  begin_cluster(network, 2);
  network.add("n3", "n2");
  network.start("n3");
  REQUIRE(network.run_until(
      [&] { return members(network, "n3") == 3 && members(network, "n1") == 3 && network.all_settled(); }));
  CHECK(network.node("n3").engine->status({}).cluster == network.node("n1").engine->status({}).cluster);
  CHECK(network.node("n3").engine->status({}).shard_count == 4);
  network.operate("n3", set("k", "v"));
  network.run_ms(50);
  CHECK(network.value("n1", "k") == "v");
}

TEST_CASE("join: what is given and fits is taken") {
  Network network;
  begin_cluster(network, 1);
  try_to_join(network, [](NodeSetup& setup) {
    setup.cluster = "kith";
    setup.shard_count = 4;
    setup.shard_count_given = true;
  });
  CHECK(joined(network, "n2"));
  CHECK(network.counter("n1", "joins_refused") == 0);
}

TEST_CASE("join: another cluster name is refused for good") {
  Network network;
  begin_cluster(network, 1);
  try_to_join(network, [](NodeSetup& setup) { setup.cluster = "other"; });
  check_refused_for_good(network, "not 'other'; check --cluster and --join");
  CHECK_FALSE(joined(network, "n2"));
}

TEST_CASE("join: another shard count is refused for good") {
  Network network;
  begin_cluster(network, 1);
  try_to_join(network, [](NodeSetup& setup) {
    setup.shard_count = 8;
    setup.shard_count_given = true;
  });
  check_refused_for_good(network, "has 4 shards, fixed at its creation, not 8; leave --shards out");
  CHECK_FALSE(joined(network, "n2"));
}

// ---- The retry window

std::int64_t window_of(Network& network, const std::string& name) {
  return network.node(name).engine->status({}).garbage.retry_window_ms;
}

// Starts `name` as a process that was told this window; zero: none.
void start_with_window(Network& network, const std::string& name, std::int64_t window_ms) {
  network.options.retry_window_ms = window_ms != 0 ? window_ms : EngineOptions{}.retry_window_ms;
  network.node(name).setup.retry_window_given = window_ms != 0;
  network.start(name);
  network.run_ms(100);
}

constexpr std::int64_t kMinuteMs = 60'000;

TEST_CASE("join: a node that is told no retry window learns the cluster's, and has it after a restart") {
  Network network;
  network.add("n1");
  start_with_window(network, "n1", 5 * kMinuteMs);
  network.add("n2", "n1");
  start_with_window(network, "n2", 0);
  CHECK(joined(network, "n2"));
  CHECK(window_of(network, "n1") == 5 * kMinuteMs);
  CHECK(window_of(network, "n2") == 5 * kMinuteMs);
  for (const char* name : {"n1", "n2"}) {
    network.kill(name);
    start_with_window(network, name, 0);
    CHECK(window_of(network, name) == 5 * kMinuteMs);
    CHECK_FALSE(network.node(name).refused_for_good);
  }
  // And it is what they go by.
  Operation old = set("k", "v");
  old.tag = Tag{Timestamp::at_ms(network.node("n2").engine->status({network.now_ms(), 0}).now.ms() - 6 * kMinuteMs), ActorId{7}};
  CHECK(network.operate("n2", old).code == Refusal::kRetryWindowPassed);
}

TEST_CASE("join: another retry window is refused for good, the same is welcome") {
  Network network;
  network.add("n1");
  start_with_window(network, "n1", 5 * kMinuteMs);
  network.add("n2", "n1");
  start_with_window(network, "n2", 4 * kMinuteMs);
  check_refused_for_good(network, "has a retry window of 5m, fixed at its creation, not 4m; leave --retry-window out");
  CHECK_FALSE(joined(network, "n2"));
  network.add("n3", "n1");
  start_with_window(network, "n3", 5 * kMinuteMs);
  CHECK(joined(network, "n3"));
}

// Method: n2's disk is from before the retry window was kept, so that only its peers can tell.
TEST_CASE("join: a member with another retry window is told so when it asks, also when it has only the default") {
  Network network;
  network.add("n1");
  start_with_window(network, "n1", 5 * kMinuteMs);
  network.add("n2", "n1");
  start_with_window(network, "n2", 5 * kMinuteMs);
  REQUIRE(joined(network, "n2"));
  network.kill("n2");
  StoreBatch without;
  without.set_meta(meta::kRetryWindow, meta::encode_number(0));
  network.node("n2").store->commit(without);
  start_with_window(network, "n2", 0);
  CHECK(network.node("n2").refused_for_good);
  CHECK(noted(network, "n2", "has a retry window of 5m, fixed at its creation, not 10m"));
}

// A version that says nothing of it.
TEST_CASE("join: a welcome or a question without a retry window is taken as before") {
  Network network;
  start_with_window(network, network.add("n1").name, 5 * kMinuteMs);
  Puppet puppet(network, "n1");
  Tap tap(network);
  Puppet joiner = puppet;
  joiner.node = NodeId{0xabcdef};
  joiner.cluster = {};
  network.feed("n1", joiner.says(JoinBody{"old", "old:2", "", 0, 9}));
  REQUIRE(std::holds_alternative<WelcomeBody>(tap.sent.back().envelope.body));
  CHECK(std::get<WelcomeBody>(tap.sent.back().envelope.body).retry_window_ms == 5 * kMinuteMs);

  network.add("n2", "nobody");
  start_with_window(network, "n2", 4 * kMinuteMs);
  const auto asked = std::find_if(tap.sent.begin(), tap.sent.end(), [](const auto& sent) { return sent.from == "n2"; });
  REQUIRE(asked != tap.sent.end());
  const JoinBody& question = std::get<JoinBody>(asked->envelope.body);
  CHECK(question.retry_window_ms == 4 * kMinuteMs);
  network.feed("n2", puppet.says(WelcomeBody{"kith", 4, question.nonce}));
  CHECK(joined(network, "n2"));
  CHECK(window_of(network, "n2") == 4 * kMinuteMs);
}

TEST_CASE("join: a name that is taken is refused for good") {
  Network network;
  begin_cluster(network, 1);
  try_to_join(network, [](NodeSetup& setup) { setup.name = "n1"; });
  check_refused_for_good(network, "is called 'n1' already; choose another --name");
  CHECK_FALSE(joined(network, "n2"));
}

TEST_CASE("join: a node that belongs elsewhere is refused for good, and told why") {
  Network network;
  begin_cluster(network, 1);
  network.add("n2");
  network.start("n2");  // A cluster of its own.
  REQUIRE(joined(network, "n2"));
  network.kill("n2");
  network.node("n2").setup.join = {"n1:2"};
  network.start("n2");
  network.run_ms(100);
  check_refused_for_good(network, "but the data directory belongs to cluster");
  CHECK(network.node("n2").engine->status({}).cluster != network.node("n1").engine->status({}).cluster);
}

TEST_CASE("join: a member that is told to join its own cluster again is welcome") {
  Network network;
  begin_cluster(network, 2);
  network.kill("n2");
  network.start("n2");  // Its setup says --join n1 still.
  network.run_ms(100);
  CHECK_FALSE(network.node("n2").refused_for_good);
  CHECK(network.counter("n1", "joins_refused") == 0);
  CHECK(members(network, "n1") == 2);
}

TEST_CASE("join: through a node that has not joined itself is retried until it has") {
  Network network;
  network.add("n2", "n1");
  network.add("n3", "n2");
  network.start("n2");
  network.start("n3");
  network.run_ms(3000);
  CHECK_FALSE(joined(network, "n3"));
  CHECK_FALSE(network.node("n3").refused_for_good);
  CHECK(noted(network, "n3", "does not belong to a cluster itself yet"));
  network.add("n1");
  network.start("n1");
  REQUIRE(network.run_until([&] { return joined(network, "n3") && network.all_settled(); }));
  CHECK(members(network, "n1") == 3);
}

TEST_CASE("join: with a clock ahead is retried until the clock is right") {
  Network network;
  begin_cluster(network, 1);
  network.add("n2", "n1");
  network.node("n2").clock_offset_ms = 60'000;
  network.start("n2");
  network.run_ms(3000);
  CHECK_FALSE(joined(network, "n2"));
  CHECK_FALSE(network.node("n2").refused_for_good);
  CHECK(noted(network, "n2", "its clock is 59990 ms ahead of ours (limit 500 ms); set the clock"));
  CHECK(members(network, "n1") == 1);
  // Its engine's time has been ahead; it is started anew with the clock set.
  network.kill("n2");
  network.node("n2").clock_offset_ms = 0;
  network.run_ms(61'000);
  network.start("n2");
  REQUIRE(network.run_until([&] { return joined(network, "n2") && network.all_settled(); }));
}

TEST_CASE("join: to a member whose clock is ahead waits, and says so") {
  Network network;
  begin_cluster(network, 1);
  network.add("n2", "n1");
  network.node("n2").clock_offset_ms = -60'000;
  network.start("n2");
  network.run_ms(2000);
  CHECK_FALSE(joined(network, "n2"));
  CHECK(noted(network, "n2", "has a clock 59990 ms ahead of ours; check both clocks"));
  network.node("n2").clock_offset_ms = 0;
  REQUIRE(network.run_until([&] { return joined(network, "n2"); }));
}

TEST_CASE("join: a cluster at its limit of members refuses one more") {
  Network network;
  begin_cluster(network, 2);
  Puppet puppet(network, "n2");
  network.kill("n2");
  const auto add = [&](std::uint64_t from, std::uint64_t to) {
    Envelope envelope = puppet.envelope(StoppingBody{});
    for (std::uint64_t id = from; id < to; ++id) {
      const std::string name = "m" + std::to_string(id);
      Content content(Kind::kHash);
      const MemberRecord record{name, name + ":1", name + ":2", {{OriginId{id}, puppet.start}}};
      (void)content.as_register().set(encode(record), {puppet.start, ActorId{id}}, {puppet.start, OriginId{id}});
      envelope.members.append(member_cell(NodeId{id}), content);
    }
    network.feed("n1", encode(envelope));
  };
  add(1, kMembersMax - 2);  // With n1 and n2 one below the limit.
  REQUIRE(members(network, "n1") == kMembersMax - 1);
  Tap tap(network);
  Puppet joiner = puppet;
  joiner.node = NodeId{0xabcdef};
  joiner.cluster = {};
  const auto ask = [&] {
    network.feed("n1", joiner.says(JoinBody{"late", "late:2", "", 0, 9}));
    const auto& body = tap.sent.back().envelope.body;
    if (const auto* refuse = std::get_if<RefuseBody>(&body)) return refuse->code;
    REQUIRE(std::holds_alternative<WelcomeBody>(body));
    return std::string("welcome");
  };
  CHECK(ask() == "welcome");
  add(kMembersMax, kMembersMax + 1);
  CHECK(members(network, "n1") == kMembersMax);
  CHECK(ask() == "members_limit");
  // One that belongs already is welcome all the same.
  joiner.node = puppet.node;
  network.feed("n1", joiner.says(JoinBody{"n2", "n2:2", "", 0, 9}));
  CHECK(std::holds_alternative<WelcomeBody>(tap.sent.back().envelope.body));
  // A table that would grow past the limit does not.
  add(kMembersMax + 1, kMembersMax + 2);
  CHECK(members(network, "n1") == kMembersMax);
  CHECK(network.counter("n1", "dropped_member_over_limit") == 1);
}

TEST_CASE("join: an answer that was not asked for changes nothing") {
  Network network;
  begin_cluster(network, 1);
  Puppet puppet(network, "n1");
  network.add("n2", "nobody");
  network.start("n2");
  network.feed("n2", puppet.says(WelcomeBody{"kith", 4, 12345}));
  CHECK_FALSE(joined(network, "n2"));
  CHECK(network.counter("n2", "dropped_unasked_welcome") == 1);
  network.feed("n2", puppet.says(RefuseBody{"name_taken", "no", 12345}));
  CHECK_FALSE(network.node("n2").refused_for_good);
  CHECK(network.counter("n2", "dropped_unasked_refusal") == 1);
  // And nothing else is listened to before.
  network.feed("n2", puppet.says(StoppingBody{}));
  CHECK(network.counter("n2", "dropped_not_joined") == 1);
}

TEST_CASE("join: a member that comes back under new addresses is found there") {
  Network network;
  begin_cluster(network, 3);
  network.kill("n2");
  Network::Node& moved = network.add("n9");
  moved.store = std::move(network.node("n2").store);
  moved.setup = network.node("n2").setup;
  moved.setup.client_address = "n9:1";
  moved.setup.peer_address = "n9:2";
  moved.setup.join.clear();
  network.node("n2").store = std::make_unique<MemoryStore>();
  network.start("n9");
  network.run_ms(100);
  for (const char* name : {"n1", "n3"}) {
    bool found = false;
    for (const auto& member : network.node(name).engine->status({}).members) {
      if (member.name != "n2") continue;
      found = member.peer_address == "n9:2" && member.client_address == "n9:1" && member.lives == 2;
    }
    CHECK(found);
  }
  network.operate("n1", set("k", "v"));
  network.run_ms(50);
  CHECK(network.value("n9", "k") == "v");
}

// ---- Before a life begins

TEST_CASE("setup: a directory of another node, cluster or shard count is refused with what to do") {
  Network network;
  begin_cluster(network, 1);
  network.kill("n1");
  const auto snapshot = network.node("n1").store->snapshot();
  const NodeSetup good = network.node("n1").setup;
  CHECK_FALSE(check_setup(*snapshot, good).has_value());
  NodeSetup setup = good;
  setup.name = "other";
  CHECK(check_setup(*snapshot, setup).value().find("give --name n1") != std::string::npos);
  setup = good;
  setup.cluster = "other";
  CHECK(check_setup(*snapshot, setup).value().find("give --cluster kith") != std::string::npos);
  setup.cluster = "kith";
  CHECK_FALSE(check_setup(*snapshot, setup).has_value());
  setup = good;
  setup.shard_count = 8;
  CHECK_FALSE(check_setup(*snapshot, setup).has_value());  // The default, not given.
  setup.shard_count_given = true;
  CHECK(check_setup(*snapshot, setup).value().find("leave --shards out") != std::string::npos);
  CHECK_FALSE(check_setup(*MemoryStore().snapshot(), setup).has_value());

  EngineOptions other;
  other.retry_window_ms = 90'000;
  setup = good;
  CHECK_FALSE(check_setup(*snapshot, setup, other).has_value());  // The default, not given.
  setup.retry_window_given = true;
  CHECK_FALSE(check_setup(*snapshot, setup, EngineOptions{}).has_value());
  CHECK(check_setup(*snapshot, setup, other).value() ==
        "cluster 'kith' has a retry window of 10m, fixed at its creation, not 90s: leave --retry-window out");
}

}  // namespace
}  // namespace kith::test
