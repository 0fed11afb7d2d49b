// tests/gossip/rebase_test.cc -- a disk that is older than removals are remembered: it is brought up to date, brings nothing
// back that was removed, and loses nothing that nobody has seen.
#include "gossip/rebase.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "tests/gossip/frames.h"

namespace kith::test {
namespace {

constexpr std::int64_t kWindowMs = 5000;
constexpr ShardId kShard = 2;

EngineOptions options() {
  EngineOptions out;
  out.collect = true;
  out.retry_window_ms = kWindowMs;
  return out;
}

bool remembers_removal(Network& network, const std::string& name) {
  bool out = false;
  const auto snapshot = network.node(name).store->snapshot();
  for (const ShardId shard : snapshot->shards()) {
    if (shard == kSystemShard) continue;
    snapshot->scan(shard_prefix(shard), {}, [&](const StoreKey&, const Row* row) {
      out |= row != nullptr && row->content.collectable();
      return !out;
    });
  }
  return out;
}

// Three nodes.  n3's disk says "done" and is not from a moment on: when it is killed it is as it was then, long before the
// removals that everybody, n3 too, has seen and forgotten since.  It starts alone, and writes what nobody else has seen.
struct Stage {
  // `restarts`: n1 and n2 begin lives meanwhile, and those before are retired.
  explicit Stage(std::size_t rows = 1, bool restarts = false) : network(options()) {
    begin_cluster(network, 3);
    for (std::size_t i = 0; i < rows; ++i) gone.push_back("gone" + std::to_string(i));
    REQUIRE(network.operate("n1", sadd("likes", gone)).outcome == Outcome::kOk);
    for (std::size_t i = 0; i < 2 * rows; ++i) stays.push_back("stays" + std::to_string(i));
    REQUIRE(network.operate("n1", sadd(stays_key, stays)).outcome == Outcome::kOk);
    network.operate("n3", sadd("likes", {"kept", "own_gone"}));
    network.operate("n2", set("color", "red"));
    network.operate("n2", set("shape", "round"));
    network.operate("n1", hset("hash", "field", "old"));
    REQUIRE(network.run_until([&] { return network.all_settled(); }));
    network.run_ms(3000);
    network.node("n3").store->hold_syncs(true);
    REQUIRE(network.operate("n2", srem("likes", gone)).outcome == Outcome::kOk);
    network.operate("n1", srem("likes", {"own_gone"}));
    network.operate("n1", del("color"));
    network.operate("n1", set("shape", "square"));
    network.operate("n1", hset("hash", "field", "new"));
    network.operate("n1", sadd("likes", {"later"}));
    for (const char* name : {"n1", "n2"}) {
      if (!restarts) continue;
      network.kill(name);
      network.start(name);
      REQUIRE(network.run_until([&] {
        return network.all_settled() && network.counter(name, "lives_retired") > 0 && network.counter("n3", "lives_retired") == 0;
      }));
    }
    REQUIRE(network.run_until([&] {
      return network.all_settled() && !remembers_removal(network, "n1") && !remembers_removal(network, "n2") && !remembers_removal(network, "n3");
    }));
    if (restarts) network.run_ms(4 * kWindowMs);  // Nor is there a word of them in the table of lives.
    network.kill("n3");
    network.node("n3").store->hold_syncs(false);
    REQUIRE(network.present("n1", "likes", "later"));
    alone(true);
    network.start("n3");
    REQUIRE(network.operate("n3", sadd("likes", {"unseen"})).outcome == Outcome::kOk);
    REQUIRE(network.operate("n3", set("mine", "1")).outcome == Outcome::kOk);
    network.run_ms(1000);
    REQUIRE(network.present("n3", "likes", "gone0"));
    REQUIRE_FALSE(network.present("n3", "likes", "later"));
    REQUIRE(network.value("n3", "color") == "red");
  }
  void alone(bool yes) {
    if (!yes) return network.heal();
    network.cut("n3", "n1");
    network.cut("n3", "n2");
  }
  bool rebased() { return network.counter("n3", "rebases_completed") > 0; }

  // Nothing removed is there, nowhere and at no time; all that should be is everywhere in the end.
  void check_nothing_returned(const std::string& name) {
    for (const auto& member : gone) REQUIRE_FALSE(network.present(name, "likes", member));
    REQUIRE_FALSE(network.present(name, "likes", "own_gone"));
    REQUIRE_FALSE(network.value(name, "color").has_value());
    REQUIRE(network.value(name, "shape") == "square");
  }
  void run_to_the_end() {
    REQUIRE(network.run_until([&] {
      for (const char* name : {"n1", "n2"}) check_nothing_returned(name);
      return network.all_settled() && network.present("n1", "likes", "unseen") && network.present("n2", "likes", "unseen");
    }, 120'000));
    for (const char* name : {"n1", "n2", "n3"}) {
      check_nothing_returned(name);
      CHECK(network.members_of(name, "likes") == std::vector<std::string>{"kept", "later", "unseen"});
      CHECK(network.value(name, "mine") == "1");
      CHECK(network.members_of(name, stays_key).size() == stays.size());
      CHECK(network.node(name).store->verify().empty());
    }
    network.run_ms(20'000);
    CHECK(network.all_settled());
    CHECK(network.counter("n3", "dropped_fenced") + network.counter("n1", "rebases_needed") + network.counter("n2", "rebases_needed") == 0);
  }

  Network network;
  const std::string stays_key = key_in(shard_of("t", "likes", 4));  // In the shard, and so in the buckets, of what goes.
  std::vector<std::string> gone, stays;
};

TEST_CASE("rebase: a disk from before the window brings nothing back, and keeps what nobody has seen") {
  Stage stage;
  stage.alone(false);
  stage.run_to_the_end();
  CHECK(stage.network.counter("n3", "rebases_needed") == 1);
  CHECK(stage.network.counter("n3", "rebases_completed") == 1);
  CHECK(stage.network.operate("n3", sadd("likes", {"again"})).outcome == Outcome::kOk);
  REQUIRE(stage.network.run_until([&] { return stage.network.present("n1", "likes", "again"); }));
  // What was removed may be added again.
  CHECK(stage.network.operate("n3", sadd("likes", {"gone0"})).outcome == Outcome::kOk);
  REQUIRE(stage.network.run_until([&] { return stage.network.present("n1", "likes", "gone0") && stage.network.all_settled(); }));
}

// Goal: with the member's horizon on its disk, and not the promises that came with it, the node would be behind its own horizon,
// and wait for members that may be gone.
TEST_CASE("rebase: a node that is killed as soon as it is done is not behind when it comes back alone") {
  Stage stage;
  stage.alone(false);
  REQUIRE(stage.network.run_until([&] { return stage.rebased(); }));
  stage.network.kill("n3");
  stage.alone(true);
  stage.network.start("n3");
  stage.network.run_ms(1000);
  const auto garbage = stage.network.node("n3").engine->garbage({});
  CHECK(garbage.horizon);
  CHECK(garbage.floor >= garbage.horizon);
  CHECK_FALSE(garbage.rebasing);
  CHECK(stage.network.operate("n3", sadd("likes", {"alone"})).outcome == Outcome::kOk);
}

TEST_CASE("rebase: until it is done writes are refused, reads are answered, and rows that come otherwise are not merged") {
  Stage stage;
  Tap tap(stage.network);
  tap.lose = {"rebased"};
  stage.alone(false);
  REQUIRE(stage.network.run_until([&] { return stage.network.counter("n3", "rebases_begun") > 0; }));
  const Reply reply = stage.network.operate("n3", sadd("likes", {"no"}));
  CHECK(reply.outcome != Outcome::kOk);
  CHECK(reply.code == Refusal::kRebasing);
  CHECK(to_string(reply.code) == "rebasing");
  CHECK(reply.message.find("away for longer") != std::string::npos);
  CHECK(stage.network.operate("n1", sadd("likes", {"meanwhile"})).outcome == Outcome::kOk);
  stage.network.run_ms(4000);
  CHECK(stage.network.counter("n3", "dropped_while_behind_a_horizon") > 0);
  CHECK_FALSE(stage.network.present("n3", "likes", "meanwhile"));
  CHECK(stage.network.present("n3", "likes", "gone0"));  // It serves what it has.
  stage.check_nothing_returned("n1");
  stage.check_nothing_returned("n2");
  CHECK(stage.network.counter("n3", "rebases_completed") == 0);
  CHECK(stage.network.counter("n3", "rebases_unanswered") > 0);
  const auto& notes = stage.network.node("n3").notes;
  CHECK(std::count_if(notes.begin(), notes.end(), [](const std::string& it) { return it.find("away for longer") != std::string::npos; }) == 1);
  tap.lose.clear();
  REQUIRE(stage.network.operate("n1", srem("likes", {"meanwhile"})).outcome == Outcome::kOk);
  stage.run_to_the_end();
}

// Goal: a life that is over holds the floor of a stale node down.  When it goes too early, the floor is above what is lacking:
// the node would take itself for sound, and be sent nothing that was written below it.
TEST_CASE("rebase: lives that are over go with the end of the pull, and the floor stays until then") {
  Stage stage(1, true);
  Tap tap(stage.network);
  tap.lose = {"rows"};
  const auto floor = [&] { return stage.network.node("n3").engine->garbage({}).floor; };
  const auto horizon = [&] { return stage.network.node("n1").engine->garbage({}).horizon; };
  stage.alone(false);
  REQUIRE(stage.network.run_until([&] { return tap.last<RebasedBody>("n1", "n3") || tap.last<RebasedBody>("n2", "n3"); }));
  for (int i = 0; i < 40; ++i) {
    stage.network.run_ms(100);
    REQUIRE(floor() < horizon());
  }
  CHECK(stage.network.counter("n3", "lives_dropped_by_rebase") == 0);
  CHECK(stage.network.counter("n3", "rebases_completed") == 0);
  CHECK(stage.network.operate("n3", sadd("likes", {"no"})).code == Refusal::kRebasing);
  tap.lose.clear();
  stage.run_to_the_end();
  CHECK(stage.network.counter("n3", "lives_dropped_by_rebase") > 0);
  CHECK(floor() >= stage.network.node("n3").engine->garbage({}).horizon);
}

// Goal: answers that all come too late are waited for longer each time, in the pull of a rebase as well.
TEST_CASE("rebase: a patience below the round trip grows until answers count") {
  Stage stage;
  stage.network.options.pull_timeout_ms = 5;  // There and back takes 20.
  stage.network.kill("n3");
  stage.network.start("n3");
  stage.alone(false);
  stage.run_to_the_end();
}

// n3 begins to rebase, is killed when `reached`, and then nothing is kept from it any more.
void kill_in_the_rebase(Stage& stage, Tap& tap, const std::function<bool()>& reached) {
  stage.alone(false);
  REQUIRE(stage.network.run_until([&] { return reached() && stage.network.counter("n3", "rebases_begun") > 0; }));
  stage.network.run_ms(50);
  stage.network.kill("n3");
  tap.pass = nullptr;
  stage.network.start("n3");
  stage.run_to_the_end();
}

// SUBTLE: taking out is exact, decided from one snapshot of the member, and harmless to repeat.
TEST_CASE("rebase: a kill after any of its answers, and losses, are harmless (300 rows in small answers)") {
  for (const std::size_t answers : {0u, 1u, 2u, 3u, 5u, 8u}) {
    CAPTURE(answers);
    Stage stage(300);
    stage.network.options.answer_bytes_max = 2000;
    Tap tap(stage.network);
    std::size_t let_through = 0;
    tap.pass = [&](const Tap::Sent& sent) {
      return !std::holds_alternative<RebasedBody>(sent.envelope.body) || let_through++ < answers;
    };
    for (const char* name : {"n1", "n2"}) {  // With the smaller answers.
      stage.network.kill(name);
      stage.network.start(name);
    }
    REQUIRE(stage.network.run_until([&] { return stage.network.present("n1", "likes", "later"); }));
    kill_in_the_rebase(stage, tap, [&] { return let_through >= answers; });
  }
}

// The same with sketches: the shard's answer, with what it condemns, those of the other shards, and then of the pull.
TEST_CASE("rebase: a kill after any of its answers, and losses, are harmless (300 rows in sketches)") {
  for (const std::size_t answers : {1u, 2u, 3u, 4u, 5u, 6u, 7u}) {
    CAPTURE(answers);
    Stage stage(300);
    Tap tap(stage.network);
    std::size_t let_through = 0;
    bool sketches = false;
    tap.pass = [&](const Tap::Sent& sent) {
      if (sent.to != "n3") return true;
      const auto* rebased = std::get_if<RebasedBody>(&sent.envelope.body);
      sketches |= rebased != nullptr && !rebased->sketch.empty();
      const bool counts = rebased != nullptr || (std::holds_alternative<RowsBody>(sent.envelope.body) &&
                                                 stage.network.counter("n3", "rebase_sketches") > 0);
      return !counts || let_through++ < answers;
    };
    kill_in_the_rebase(stage, tap, [&] { return let_through >= answers; });
    if (answers > 1) CHECK(sketches);
  }
}

// Goal: what was overwritten is read as it was, until it is read as it is.
TEST_CASE("rebase: while a sketch is all that came of the later values, the earlier ones are still there") {
  Network network(options());
  begin_cluster(network, 2);
  const auto write_all = [&](const std::string& value) {
    for (int i = 0; i < 2000; ++i) network.operate("n1", set("r" + std::to_string(i), value));
  };
  write_all("old");
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  network.run_ms(3000);
  network.node("n2").store->hold_syncs(true);
  for (int i = 0; i < 100; ++i) network.operate("n1", set("r" + std::to_string(i), "new"));
  network.operate("n1", del("r1999"));
  REQUIRE(network.run_until([&] { return network.all_settled() && !remembers_removal(network, "n1"); }));
  network.kill("n2");
  network.node("n2").store->hold_syncs(false);
  network.start("n2");
  bool rebased = false;
  std::set<std::string> seen;
  REQUIRE(network.run_until([&] {
    for (int i = 0; i < 100; ++i) {
      const auto value = network.value("n2", "r" + std::to_string(i));
      REQUIRE(value.has_value());
      seen.insert(*value);
    }
    rebased |= network.counter("n2", "rebase_sketches") > 0;
    return network.counter("n2", "rebases_completed") == 1;
  }));
  CHECK(rebased);
  CHECK(seen == std::set<std::string>{"new", "old"});
  CHECK_FALSE(network.value("n2", "r1999").has_value());
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
}

// Goal: what a sketch condemns goes with the later values, not with an answer that is not looked at: of a question given up, say.
TEST_CASE("rebase: rows that were not asked for take out nothing of what waits for the later values") {
  Network network(options());
  begin_cluster(network, 2);
  const auto write = [&](int count, const std::string& value) {
    for (int i = 0; i < count; ++i) network.operate("n1", set("r" + std::to_string(i), value));
  };
  write(2000, "old");
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  network.run_ms(3000);
  network.node("n2").store->hold_syncs(true);
  write(100, "new");
  network.operate("n1", del("r1999"));
  REQUIRE(network.run_until([&] { return network.all_settled() && !remembers_removal(network, "n1"); }));
  network.kill("n2");
  network.node("n2").store->hold_syncs(false);
  Tap tap(network);
  std::optional<Envelope> rows;
  tap.pass = [&](const Tap::Sent& it) {
    const auto* body = std::get_if<RowsBody>(&it.envelope.body);
    if (body == nullptr || it.to != "n2" || body->parts.size() < 2) return true;
    rows = it.envelope;
    return false;
  };
  network.start("n2");
  REQUIRE(network.run_until([&] { return rows && network.counter("n2", "rebase_sketches") > 0; }));
  const auto before = network.counter("n2", "dropped_unasked_rows");
  ++std::get<RowsBody>(rows->body).nonce;
  network.feed("n2", encode(*rows));
  REQUIRE(network.counter("n2", "dropped_unasked_rows") == before + 1);
  for (int i = 0; i < 100; ++i) REQUIRE(network.value("n2", "r" + std::to_string(i)).has_value());
  tap.pass = {};
  REQUIRE(network.run_until([&] { return network.counter("n2", "rebases_completed") == 1 && network.all_settled(); }));
  for (int i = 0; i < 100; ++i) REQUIRE(network.value("n2", "r" + std::to_string(i)) == "new");
  CHECK_FALSE(network.value("n2", "r1999").has_value());
}

TEST_CASE("rebase: a sketch that is too small is asked for again, larger (5,000 of 15,000 rows gone)") {
  Stage stage(5000);
  stage.alone(false);
  stage.run_to_the_end();
  CHECK(stage.network.counter("n3", "rebase_sketches_too_small") > 0);
  CHECK(stage.network.counter("n3", "rebases_begun") == 1);
}

// Goal: nothing is taken out on the word of a sketch that does not come out even, and there is a way on.
TEST_CASE("rebase: sketches of noise take nothing out, and in the end the rows are compared") {
  Stage stage(300);
  std::size_t sketches = 0, whole = 0;
  stage.network.filter = [&](const std::string&, const std::string&, std::string& bytes) {
    Envelope envelope;
    REQUIRE(decode(bytes, envelope) == FrameError::kNone);
    auto* rebased = std::get_if<RebasedBody>(&envelope.body);
    if (rebased == nullptr) return true;
    whole += rebased->cells.empty() ? 0 : 1;
    if (rebased->sketch.empty()) return true;
    for (std::size_t i = 0; i < rebased->sketch.size(); i += 3) rebased->sketch[i] = static_cast<char>(rebased->sketch[i] ^ 0x55);
    ++sketches;
    bytes = encode(envelope);
    return true;
  };
  stage.alone(false);
  stage.run_to_the_end();
  CHECK(sketches >= 1);
  CHECK(whole >= 1);
  CHECK(stage.network.counter("n3", "rebase_sketches_too_small") == sketches);
}

// Goal: a member of a version without sketches, which skips what it does not know, answers with rows, and they will do.
TEST_CASE("rebase: a member that knows of no sketches is rebased onto all the same") {
  Stage stage(300);
  stage.network.filter = [&](const std::string&, const std::string&, std::string& bytes) {
    Envelope envelope;
    REQUIRE(decode(bytes, envelope) == FrameError::kNone);
    auto* rebase = std::get_if<RebaseBody>(&envelope.body);
    if (rebase == nullptr) return true;
    rebase->sketch_cells.reset();
    bytes = encode(envelope);
    return true;
  };
  stage.alone(false);
  stage.run_to_the_end();
  CHECK(stage.network.counter("n3", "rebase_sketches") == 0);
}

// Goal: a step stays short, on either side.
// Method: the stale node has 48,000 rows in one shard, the member 40,000 of them: more than either looks at in one go.
TEST_CASE("rebase: a shard of more rows than are looked at in one go is gone through in parts") {
  Network network(options());
  begin_cluster(network, 2);
  const std::string key = key_in(kShard);
  const auto change = [&](auto make, int first, int last) {
    for (int i = first; i < last;) {
      std::vector<std::string> members;
      for (; members.size() < 8000 && i < last; ++i) members.push_back("m" + std::to_string(i));
      REQUIRE(network.operate("n1", make(key, members)).outcome == Outcome::kOk);
    }
  };
  change(sadd, 0, 48'000);
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  network.run_ms(3000);
  network.node("n2").store->hold_syncs(true);
  change(srem, 0, 8000);
  network.run_ms(60'000);
  REQUIRE(network.all_settled());
  REQUIRE_FALSE(remembers_removal(network, "n1"));
  network.kill("n2");
  network.node("n2").store->hold_syncs(false);
  Tap tap(network);
  network.start("n2");
  REQUIRE(network.run_until([&] { return network.counter("n2", "rebases_completed") == 1 && network.all_settled(); }));
  CHECK(network.members_of("n2", key).size() == 40'000);
  CHECK(network.node("n2").store->verify().empty());
  std::size_t positions = 0, limits = 0;
  for (const auto& sent : tap.sent) {
    const auto* rebase = std::get_if<RebaseBody>(&sent.envelope.body);
    if (rebase == nullptr) continue;
    positions += rebase->after.empty() ? 0 : 1;
    limits += rebase->until.empty() ? 0 : 1;
  }
  CHECK(positions > 0);
  CHECK(limits > 0);
}

// Goal: what the member has folded into a base arrives, though the commit of the base is covered by the stale node's clock.
// Method: n3 has heard of the later increments and not of the earlier ones, when its disk stands still.
TEST_CASE("rebase: bases of counters that differ are asked for, whatever their commit (in small answers)") {
  EngineOptions small = options();
  small.answer_bytes_max = 3300;
  Network network(small);
  begin_cluster(network, 3);
  constexpr int kCounters = 240;
  const auto add_all = [&](const std::string& name, std::int64_t amount) {
    for (int i = 0; i < kCounters; ++i) {
      Operation operation = del("c" + std::to_string(i));
      operation.verb = Verb::kIncrement;
      operation.amount = amount;
      REQUIRE(network.operate(name, operation).outcome == Outcome::kOk);
    }
  };
  const auto all_stand_at = [&](const std::string& name, std::int64_t value, std::uint64_t cells_max) {
    for (int i = 0; i < kCounters; ++i) {
      CounterState state;
      const std::string key = "c" + std::to_string(i);
      (void)network.node(name).store->snapshot()->counter(shard_of("t", key, 4), "t", key, state);
      if (state.sum != CounterSum(value) || state.cells > cells_max) return false;
    }
    return true;
  };
  network.cut("n1", "n3");
  Tap tap(network);
  tap.lose = {"rows"};
  add_all("n1", 1);
  network.run_ms(100);  // So that the commit of a base is n2's.
  add_all("n2", 10);
  REQUIRE(network.run_until([&] { return all_stand_at("n3", 10, 9); }));
  network.node("n3").store->hold_syncs(true);
  tap.lose.clear();
  network.heal();
  REQUIRE(network.run_until([&] { return network.all_settled() && all_stand_at("n1", 11, 1) && all_stand_at("n2", 11, 1); }));
  network.kill("n3");
  network.node("n3").store->hold_syncs(false);
  tap.sent.clear();
  network.start("n3");
  REQUIRE(network.run_until([&] { return network.counter("n3", "rebases_completed") == 1 && network.all_settled(); }));
  CHECK(std::any_of(tap.sent.begin(), tap.sent.end(), [](const Tap::Sent& sent) {
    const auto* rebase = std::get_if<RebaseBody>(&sent.envelope.body);
    return rebase != nullptr && !rebase->counters.empty() && !rebase->after.empty();
  }));
  CHECK(all_stand_at("n3", 11, 2));
  CHECK(network.counter("n3", "rebase_sketches") > 0);
  CHECK(network.counter("n3", "counters_rebased") > kCounters / 2);  // The others came as rows: few in a shard.
  CHECK(network.counter("n3", "rows_repaired") == 0);
  CHECK(network.node("n3").store->verify().empty());
}

TEST_CASE("rebase: buckets that are equal cost no rows (2,000 elements, one of them gone)") {
  std::vector<std::string> many;
  for (int i = 0; i < 2000; ++i) many.push_back("m" + std::to_string(i));
  Network network(options());
  begin_cluster(network, 2);
  const std::string key = key_in(shard_of("t", "likes", 4));  // In the same shard, a few in the same bucket.
  network.operate("n1", sadd(key, many));
  network.operate("n1", sadd("likes", {"gone"}));
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  network.run_ms(3000);
  network.node("n2").store->hold_syncs(true);
  network.operate("n1", srem("likes", {"gone"}));
  network.run_ms(30'000);
  REQUIRE_FALSE(remembers_removal(network, "n1"));
  network.kill("n2");
  network.node("n2").store->hold_syncs(false);
  Tap tap(network);
  network.start("n2");
  REQUIRE(network.run_until([&] { return network.counter("n2", "rebases_completed") == 1; }));
  std::size_t cells = 0, bytes = 0;
  for (const auto& sent : tap.sent) {
    if (const auto* rebased = std::get_if<RebasedBody>(&sent.envelope.body)) {
      if (rebased->shard != kSystemShard) cells += rebased->cells.read()->size();
      bytes += sent.bytes.size();
    }
  }
  MESSAGE("rebased of 2,000 elements and one that is gone: ", cells, " cells, ", bytes, " bytes");
  CHECK(network.counter("n2", "rebase_sketches") == 1);
  CHECK(cells < 30);
  CHECK(bytes < 1000);
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  CHECK_FALSE(network.present("n2", "likes", "gone"));
  CHECK(network.members_of("n2", key).size() == 2000);
}

// ---- The fence

// n1 has a horizon; n2 is down, and speaks as it is told.
struct FenceStage {
  FenceStage() : network(options()) {
    begin_cluster(network, 2);
    network.operate("n1", sadd("likes", {"tea"}));
    network.operate("n1", srem("likes", {"tea"}));
    REQUIRE(network.run_until([&] { return network.counter("n1", "rows_collected") == 1 && network.all_settled(); }));
    Tap tap(network);
    REQUIRE(network.run_until([&] { return !tap.sent.empty() && tap.sent.back().from == "n1"; }));
    horizon = tap.sent.back().envelope.horizon;
    network.filter = nullptr;
    REQUIRE(horizon);
    puppet.emplace(network, "n2");
    network.kill("n2");
  }
  void feed(Body body, Timestamp floor) {
    Envelope envelope = puppet->envelope(std::move(body));
    envelope.floor = floor;
    network.feed("n1", encode(envelope));
  }
  PushBody push(const std::string& member, std::uint64_t plus) {
    const Timestamp at{puppet->now().value + plus};
    PushBody out;
    out.parts.push_back({kShard, {}, at, plain_add(key_in(kShard), member, puppet->origin, at)});
    return out;
  }
  bool present(const std::string& member) { return network.present("n1", key_in(kShard), member); }
  std::uint64_t fenced() { return network.counter("n1", "dropped_fenced"); }

  Network network;
  Timestamp horizon;
  std::optional<Puppet> puppet;
};

// RULE (the fence). A message that carries rows is merged only if its sender's floor is at or above our horizon.
TEST_CASE("rebase: rows of a node whose floor is below the horizon are not merged, at the horizon they are") {
  FenceStage stage;
  stage.feed(stage.push("none", 1), {});
  stage.feed(stage.push("below", 2), just_before(stage.horizon));
  CHECK(stage.fenced() == 2);
  CHECK_FALSE(stage.present("none"));
  CHECK_FALSE(stage.present("below"));
  stage.feed(stage.push("at", 3), stage.horizon);
  CHECK(stage.fenced() == 2);
  CHECK(stage.present("at"));
  const auto root = stage.network.root("n1");
  RowsBody rows;
  rows.nonce = 7;
  stage.feed(rows, just_before(stage.horizon));
  MendedBody mended;
  mended.parts.push_back({kShard, plain_add(key_in(kShard), "mended", stage.puppet->origin, stage.puppet->now())});
  stage.feed(mended, just_before(stage.horizon));
  stage.feed(RepairedBody{7, kShard, plain_add(key_in(kShard), "repaired", stage.puppet->origin, stage.puppet->now()), {}, true},
             just_before(stage.horizon));
  CHECK(stage.fenced() == 5);
  CHECK(stage.network.root("n1") == root);
}

// Goal: a row may rot at the only member in good standing that had it.
TEST_CASE("rebase: of a damaged row what is above the horizon is taken from a node below it, and the rest is not") {
  FenceStage stage;
  const std::string key = key_in(kShard);
  REQUIRE(stage.network.operate("n1", sadd(key, {"above", "below"})).outcome == Outcome::kOk);
  MendedBody mended;
  const auto damaged = [&](const std::string& member, Timestamp at) {
    const StoreKey row = store_key(kShard, {"t", key, Kind::kSet, member});
    REQUIRE(stage.network.node("n1").store->flip_bit(Database::kCells, row, 200));
    stage.network.input("n1", RowDamaged{row});
    mended.parts.push_back({kShard, plain_add(key, member, stage.puppet->origin, at)});
  };
  damaged("above", Timestamp{stage.horizon.value + 1});
  damaged("below", stage.horizon);
  REQUIRE(stage.network.node("n1").engine->status({}).rows_damaged == 2);
  stage.feed(mended, just_before(stage.horizon));
  CHECK(stage.network.node("n1").engine->status({}).rows_damaged == 0);
  CHECK(stage.present("above"));
  CHECK_FALSE(stage.present("below"));
  CHECK(stage.network.counter("n1", "rows_lost") == 1);
}

TEST_CASE("rebase: what a relay sends on is fenced by the floor of who wrote it") {
  FenceStage stage;
  const auto relayed = [&](const std::string& member, std::uint64_t plus, Timestamp floor) {
    PushBody out;
    out.relayed.push_back({stage.puppet->node, stage.puppet->origin, stage.puppet->start, floor, stage.push(member, plus).parts});
    return out;
  };
  stage.feed(relayed("below", 1, just_before(stage.horizon)), stage.horizon);
  CHECK(stage.fenced() == 1);
  CHECK_FALSE(stage.present("below"));
  stage.feed(relayed("at", 2, stage.horizon), stage.horizon);
  CHECK(stage.fenced() == 1);
  CHECK(stage.present("at"));
}

// Goal: who is behind the horizon of one that is gone for good goes on with the others, who are not above it either; when it
// is heard again it is behind as before.
// Method: a puppet tells of a horizon, and falls silent.
TEST_CASE("rebase: the horizon of a member that is not heard of does not count until it is") {
  FenceStage stage;
  Network& network = stage.network;
  const auto behind = [&] { return network.node("n1").engine->garbage(instant_of(network)).rebasing; };
  network.run_ms(3 * kWindowMs);
  const auto tell = [&] {
    Envelope envelope = stage.puppet->envelope(SummaryBody{});
    envelope.horizon = Timestamp::at_ms(stage.puppet->now().ms() - kWindowMs);
    envelope.floor = {};  // Nobody to rebase onto.
    network.feed("n1", encode(envelope));
  };
  tell();
  REQUIRE(behind());
  network.run_ms(29'000);
  CHECK(behind());
  network.run_ms(3000);
  CHECK_FALSE(behind());
  CHECK(network.counter("n1", "rebases_completed") == 0);
  CHECK(network.operate("n1", sadd("likes", {"x"})).outcome == Outcome::kOk);
  tell();
  CHECK(behind());
}

TEST_CASE("rebase: a horizon from the present, which nobody can have, is not believed") {
  FenceStage stage;
  Envelope envelope = stage.puppet->envelope(StoppingBody{});
  envelope.floor = stage.puppet->now();
  envelope.horizon = stage.puppet->now();
  stage.network.feed("n1", encode(envelope));
  CHECK(stage.network.counter("n1", "horizons_not_believed") == 1);
  CHECK(stage.network.counter("n1", "rebases_needed") == 0);
  CHECK(stage.network.operate("n1", sadd("likes", {"x"})).outcome == Outcome::kOk);
}

TEST_CASE("rebase: an answer that was not asked for takes nothing out") {
  FenceStage stage;
  REQUIRE(stage.network.operate("n1", sadd("likes", {"x"})).outcome == Outcome::kOk);
  const auto root = stage.network.root("n1");
  BucketSet all;
  all.set();
  stage.feed(RebasedBody{9, shard_of("t", "likes", 4), all, {}, {}, true, true, {}}, stage.puppet->now());
  CHECK(stage.network.counter("n1", "dropped_unasked_rebased") == 1);
  CHECK(stage.network.root("n1") == root);
}

}  // namespace
}  // namespace kith::test
