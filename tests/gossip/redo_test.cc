// tests/gossip/redo_test.cc -- writes of a life that is over and that nobody has seen: none is lost, none counts twice, each
// is listed.
#include "gossip/redo.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "crdt/counter.h"
#include "tests/gossip/frames.h"

namespace kith::test {
namespace {

constexpr std::int64_t kLongMs = 600'000, kShortMs = 5000;  // Retry windows.
const std::vector<std::string> kAll{"n1", "n2", "n3"};

EngineOptions options(std::int64_t window_ms) {
  EngineOptions out;
  out.collect = true;
  out.retry_window_ms = window_ms;
  return out;
}

Operation plus(const std::string& key, std::int64_t amount) {
  Operation out = del(key);
  out.verb = Verb::kIncrement;
  out.amount = amount;
  return out;
}
Operation lasting(Operation operation, std::int64_t ttl_ms) {
  operation.ttl_ms = ttl_ms;
  return operation;
}

std::optional<Row> row_of(Network& network, const std::string& name, const CellKey& cell) {
  Row row;
  const auto found = network.node(name).store->snapshot()->get(shard_of(cell, 4), cell, row);
  return found == Snapshot::Lookup::kFound ? std::optional(row) : std::nullopt;
}
CellKey element(const std::string& key, const std::string& member) { return {"t", key, Kind::kSet, member}; }
CellKey value_cell(const std::string& key) { return {"t", key, Kind::kRegister, ""}; }

std::int64_t total(Network& network, const std::string& name, const std::string& key) {
  CounterState state;
  (void)network.node(name).store->snapshot()->counter(shard_of("t", key, 4), "t", key, state);
  return state.sum.shown();
}
bool shows(Network& network, const std::string& name, const std::string& key) {
  const auto row = row_of(network, name, value_cell(key));
  return row && row->content.shows_at(instant_of(network).wall_ms);
}

// "add likes tea: again", "increment visits 5: today"; sorted.
std::vector<std::string> listed(Network& network, const std::string& name) {
  std::vector<std::string> out;
  for (const Output::Redone& it : network.node(name).redone) {
    std::string what = it.cell.kind == Kind::kCounter
                           ? std::to_string(decode_amount(*it.these.as_register().value()).value())
                           : it.cell.kind == Kind::kSet ? it.cell.member : it.these.as_register().value().value_or("");
    if (!what.empty()) what = " " + what;
    std::set<Timestamp> old_tags, new_tags;
    const auto tags = [](const Content& content, std::set<Timestamp>& into) {
      if (content.empty()) return;
      if (!content.holds(Kind::kSet)) return void(into.insert(content.as_register().tag().at));
      for (const auto& [actor, entry] : content.as_set_element().adds()) into.insert(entry.at);
      for (const auto& [actor, entry] : content.as_set_element().removed()) into.insert(entry.at);
    };
    tags(it.these, old_tags), tags(it.anew, new_tags);
    const std::string how = it.anew.empty() ? "not" : new_tags == old_tags ? "again" : "today";
    out.push_back(it.what + " " + it.cell.key + what + ": " + how);
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::optional<EndedLife> record_of(Network& network, const std::string& name, NodeId node, OriginId origin) {
  const auto row = [&]() -> std::optional<Row> {
    Row out;
    const CellKey cell = ended_cell(node, origin);
    if (network.node(name).store->snapshot()->get(kSystemShard, cell, out) != Snapshot::Lookup::kFound) return std::nullopt;
    return out;
  }();
  if (!row || !row->content.present()) return std::nullopt;
  return decode_ended_life(*row->content.as_register().value());
}

// n3's disk is copied, and n8 runs on with the copy; nobody hears n3 any more, which goes on as well.
struct Split {
  explicit Split(std::int64_t window_ms) : network(options(window_ms)) {
    begin_cluster(network, 3);
    network.operate("n1", sadd("likes", {"both", "dropped"}));
    network.operate("n1", set("color", "red"));
    network.operate("n1", set("doomed", "here"));
    network.operate("n1", set("lamp", "off"));
    network.operate("n2", plus("visits", 100));
    settle();
    network.run_ms(3000);
    const EngineStatus status = network.node("n3").engine->status({});
    node = status.node, life = status.origin;
    network.copy("n3", "n8");
    unheard(true);
    network.start("n8");
    REQUIRE(network.run_until([&] { return network.counter("n8", "lives_closed") == 1 && known_as("n1") == "n8" && known_as("n2") == "n8"; }));
  }
  void settle() {
    REQUIRE(network.run_until([&] { return network.all_settled(); }, 120'000));
  }
  void unheard(bool yes) {
    if (!yes) return network.heal();
    for (const char* other : {"n1", "n2", "n8", "n9"}) network.cut("n3", other);
  }
  // Whose life others take for that of the node.
  std::string known_as(const std::string& name) {
    const EngineStatus status = network.node(name).engine->status(instant_of(network));
    for (const auto& member : status.members) {
      if (member.id != node) continue;
      for (const char* it : {"n3", "n8", "n9"}) {
        try {
          if (network.node(it).engine && network.node(it).engine->status(instant_of(network)).origin == member.origin) return it;
        } catch (const std::out_of_range&) {
        }
      }
    }
    return "";
  }
  // One of each kind, at the one that nobody listens to.
  void write_unseen() {
    for (Operation operation : {sadd("likes", {"unseen"}), srem("likes", {"dropped"}), set("mine", "1"), del("doomed"),
                                plus("visits", 5), lasting(set("lamp", "on"), 500)}) {
      REQUIRE(network.operate("n3", std::move(operation)).outcome == Outcome::kOk);
    }
    REQUIRE(network.present("n3", "likes", "unseen"));
    REQUIRE_FALSE(network.present("n1", "likes", "unseen"));
  }
  // The copy's machine is gone; the original's disk starts.
  void original_comes_back() {
    network.kill("n8");
    network.kill("n3");
    unheard(false);
    network.start("n3");
  }
  // The others hear that it did again what it had taken in alone, and get nothing of that.
  void original_comes_back_without_rows() {
    tap.emplace(network);
    const auto of_data = [](const auto& body) {
      return std::any_of(body.parts.begin(), body.parts.end(), [](const auto& part) { return part.shard != kSystemShard; });
    };
    tap->pass = [=](const Tap::Sent& sent) {
      if (sent.from != "n3") return true;
      const auto* push = std::get_if<PushBody>(&sent.envelope.body);
      const auto* rows = std::get_if<RowsBody>(&sent.envelope.body);
      return !(push != nullptr && of_data(*push)) && !(rows != nullptr && of_data(*rows));
    };
    original_comes_back();
    const auto redone = [&](const char* name) {
      const auto record = record_of(network, name, node, life);
      return record && !record->redone.empty();
    };
    REQUIRE(network.run_until([&] { return done("n3") && redone("n1") && redone("n2"); }, 120'000));
  }
  bool done(const std::string& name) { return network.node(name).store->snapshot()->meta(meta::kToLookThrough).value_or("").empty(); }
  void check_written(const std::vector<std::string>& names = kAll) {
    for (const auto& name : names) {
      CAPTURE(name);
      CHECK(network.members_of(name, "likes") == std::vector<std::string>{"both", "unseen"});
      CHECK(network.value(name, "mine") == "1");
      CHECK(network.value(name, "color") == "red");
      CHECK_FALSE(network.value(name, "doomed").has_value());
      CHECK(total(network, name, "visits") == 105);
      CHECK_FALSE(shows(network, name, "lamp"));
      CHECK(network.node(name).store->verify().empty());
    }
  }

  Network network;
  NodeId node;
  OriginId life;  // The one that is over.
  std::optional<Tap> tap;
};

TEST_CASE("redo: within the retry window what nobody has seen is done again under its tags") {
  Split split(kLongMs);
  Network& network = split.network;
  split.write_unseen();
  network.run_ms(3000);
  const auto increment = network.operate("n3", plus("visits", 7));
  const auto before = row_of(network, "n3", element("likes", "unseen"));
  split.original_comes_back();
  REQUIRE(network.run_until([&] { return network.present("n1", "likes", "unseen") && total(network, "n2", "visits") == 112 && network.all_settled(); }));
  CHECK(network.counter("n3", "rebases_needed") == 0);
  CHECK(listed(network, "n3") == std::vector<std::string>{
      "add likes unseen: again", "deletion doomed: again", "increment visits 5: again", "increment visits 7: again",
      "removal likes dropped: again", "value lamp on: again", "value mine 1: again"});
  const auto after = row_of(network, "n1", element("likes", "unseen"));
  REQUIRE(after.has_value());
  // The same tag, of a commit of the present life.
  const OriginId present = network.node("n3").engine->status({}).origin;
  const ActorId writer = actor_of(split.life);
  REQUIRE(after->content.as_set_element().adds().find(writer) != nullptr);
  CHECK(after->content.as_set_element().adds().find(writer)->at == before->content.as_set_element().adds().find(writer)->at);
  CHECK(after->content.as_set_element().adds().find(writer)->commit.origin == present);
  CHECK(row_of(network, "n2", increment_cell("t", "visits", increment.tag)).has_value());
  CHECK(listed(network, "n1").empty());
  CHECK(listed(network, "n2").empty());
  REQUIRE(network.operate("n3", plus("visits", -7)).outcome == Outcome::kOk);
  split.settle();
  split.check_written();
}

TEST_CASE("redo: past the retry window what nobody has seen is done again, adds, values and increments as of today") {
  Split split(kShortMs);
  Network& network = split.network;
  split.write_unseen();
  network.run_ms(60'000);
  split.original_comes_back();
  REQUIRE(network.run_until([&] {
    return network.present("n1", "likes", "unseen") && total(network, "n1", "visits") == 105 && network.all_settled() && split.done("n3");
  }, 120'000));
  CHECK(network.counter("n3", "rebases_completed") == 1);
  CHECK(listed(network, "n3") == std::vector<std::string>{
      "add likes unseen: today", "deletion doomed: again", "increment visits 5: today", "removal likes dropped: again",
      "value lamp on: again", "value mine 1: today"});
  split.check_written();
  network.run_ms(60'000);
  split.settle();
  split.check_written();
  CHECK(network.node("n3").redone.size() == 6);
}

// Goal: floors rise with what the copy says, and horizons are made of them, while n3 writes in a later life that nobody hears of.
// Method: when it is heard again, it is not behind any horizon; so that it is who hears of that life that says that it is over.
TEST_CASE("redo: a life that floors had passed before anybody heard of it is over, and is done again by the next") {
  Split split(kShortMs);
  Network& network = split.network;
  network.kill("n3");
  network.run_ms(500);
  network.start("n3");
  const OriginId unheard = network.node("n3").engine->status({}).origin;
  split.write_unseen();
  network.run_ms(2 * kShortMs);
  network.kill("n8");
  split.unheard(false);
  REQUIRE(network.run_until([&] { return network.node("n3").engine->health(instant_of(network)).superseded; }));
  CHECK(network.counter("n1", "lives_passed_unheard") + network.counter("n2", "lives_passed_unheard") > 0);
  CHECK(record_of(network, "n1", split.node, unheard).has_value());
  const Reply reply = network.operate("n3", sadd("likes", {"no"}));
  CHECK(reply.outcome == Outcome::kRefused);
  CHECK(reply.code == Refusal::kSuperseded);
  network.run_ms(3000);
  for (const char* name : {"n1", "n2"}) {
    CHECK_FALSE(network.present(name, "likes", "unseen"));
    CHECK(total(network, name, "visits") == 100);
    CHECK(network.counter(name, "rebases_needed") == 0);
  }
  CHECK(network.present("n3", "likes", "unseen"));
  network.kill("n3");
  network.start("n3");
  REQUIRE(network.run_until([&] { return network.present("n1", "likes", "unseen") && network.all_settled() && split.done("n3"); }, 120'000));
  split.check_written();
  network.run_ms(60'000);
  split.settle();
  split.check_written();
  CHECK(network.node("n3").redone.size() == 6);
}

// Goal: within a window of our floor no horizon can have passed it: then it is a life like any other, and our floor goes back to its start.
TEST_CASE("redo: a life that was unheard of for less than a window is listened to, and floors go back for it") {
  Split split(kLongMs);
  Network& network = split.network;
  const auto floor = [&](const std::string& name) { return network.node(name).engine->garbage(instant_of(network)).floor; };
  network.kill("n3");
  network.run_ms(500);
  network.start("n3");
  const Timestamp start = network.node("n3").engine->health(instant_of(network)).start;
  split.write_unseen();
  REQUIRE(network.run_until([&] { return floor("n1") > start && floor("n2") > start; }));
  network.kill("n8");
  Tap tap(network);
  tap.lose = {"rows"};  // So that they hear of it and get nothing.
  split.unheard(false);
  REQUIRE(network.run_until([&] { return split.known_as("n1") == "n3"; }));
  CHECK(floor("n1") <= start);
  tap.lose.clear();
  split.settle();
  split.check_written();
  CHECK(network.counter("n1", "lives_passed_unheard") + network.counter("n2", "lives_passed_unheard") == 0);
  CHECK(listed(network, "n3").empty());
}

// Goal: of one disk there may be more copies than one, and each operation counts once.
// Method: a second copy is made when all was written and nothing done again yet; it comes back when the first is through.
TEST_CASE("redo: two copies of a disk come back one after the other, and nothing is done twice") {
  for (const std::int64_t window_ms : {kLongMs, kShortMs}) {
    CAPTURE(window_ms);
    Split split(window_ms);
    Network& network = split.network;
    split.write_unseen();
    network.run_ms(window_ms == kShortMs ? 60'000 : 3000);
    network.kill("n3");
    network.copy("n3", "n9");
    split.original_comes_back();
    REQUIRE(network.run_until([&] { return network.present("n1", "likes", "unseen") && network.all_settled() && split.done("n3"); }, 120'000));
    split.check_written();
    const auto record = record_of(network, "n1", split.node, split.life);
    REQUIRE(record.has_value());
    REQUIRE_FALSE(record->redone.empty());
    CHECK(record->redone.front().second > record->up_to);
    network.run_ms(window_ms == kShortMs ? 60'000 : 3000);
    split.settle();
    network.kill("n3");
    network.start("n9");
    REQUIRE(network.run_until([&] { return split.known_as("n1") == "n9" && network.all_settled() && split.done("n9"); }, 120'000));
    network.run_ms(10'000);
    REQUIRE(network.all_settled());
    split.check_written({"n1", "n2", "n9"});
    // What takes away does so once more, under its tag.  SUBTLE: else what it took away would show again, in the row it was in.
    const std::vector<std::string> allowed{"add likes unseen: not", "deletion doomed: again", "increment visits 5: not",
                                           "removal likes dropped: again", "value lamp on: again", "value mine 1: not"};
    for (const std::string& line : listed(network, "n9")) CHECK_MESSAGE(std::count(allowed.begin(), allowed.end(), line) == 1, line);
  }
}

// Goal: the record of what was done again may outlive what was.
// Method: of the original that comes back the others get the record and no rows; then it is gone, and a copy of its disk comes.
TEST_CASE("redo: what another copy did again, and was lost with it, is done again under its tags") {
  Split split(kLongMs);
  Network& network = split.network;
  split.write_unseen();
  network.run_ms(3000);
  network.kill("n3");
  network.copy("n3", "n9");
  split.original_comes_back_without_rows();
  REQUIRE_FALSE(network.present("n1", "likes", "unseen"));
  network.kill("n3");
  split.tap->pass = nullptr;
  network.start("n9");
  REQUIRE(network.run_until([&] { return split.known_as("n1") == "n9" && network.all_settled() && split.done("n9"); }, 120'000));
  split.check_written({"n1", "n2", "n9"});
}

// Goal: that it was done again is no reason to do nothing, when what was done is nowhere.
// Method: the same with a short window, so that under its tag it has no place any more; no audit helps.
TEST_CASE("redo: what another copy did again as of that day, and was lost with it, is done again as of today, but for increments") {
  Split split(kShortMs);
  Network& network = split.network;
  REQUIRE(network.operate("n3", set("color", "blue")).outcome == Outcome::kOk);
  split.write_unseen();
  network.run_ms(60'000);
  network.kill("n3");
  network.copy("n3", "n9");
  split.original_comes_back_without_rows();
  network.kill("n3");
  split.tap->pass = nullptr;
  split.tap->lose = {"audit"};
  network.start("n9");
  REQUIRE(network.run_until([&] { return split.known_as("n1") == "n9" && network.all_settled() && split.done("n9"); }, 120'000));
  network.run_ms(10'000);
  for (const char* name : {"n1", "n2", "n9"}) {
    CAPTURE(name);
    CHECK(network.value(name, "color") == "blue");  // Written over red, which all had.
    CHECK(network.present(name, "likes", "unseen"));
    CHECK(total(network, name, "visits") == 100);  // It would count twice, should what was lost turn up.
  }
}

// ---- Horizons and bases

TEST_CASE("redo: an unseen removal that is below a horizon takes away what it took away") {
  Split split(kShortMs);
  Network& network = split.network;
  REQUIRE(network.operate("n3", srem("likes", {"dropped"})).outcome == Outcome::kOk);
  const Timestamp removed_at = network.node("n3").engine->time(instant_of(network));
  const auto horizon = [&](const std::string& name) { return network.node(name).engine->garbage(instant_of(network)).horizon; };
  REQUIRE(network.run_until([&] { return horizon("n1") > removed_at && horizon("n2") > removed_at; }));
  REQUIRE(network.present("n1", "likes", "dropped"));
  split.original_comes_back();
  REQUIRE(network.run_until([&] {
    REQUIRE_FALSE(network.present("n3", "likes", "dropped"));
    return !network.present("n1", "likes", "dropped") && !network.present("n2", "likes", "dropped") && network.all_settled();
  }, 120'000));
  CHECK(listed(network, "n3") == std::vector<std::string>{"removal likes dropped: again"});
  network.run_ms(60'000);  // The removal is forgotten in its turn.
  split.settle();
  for (const auto& name : kAll) CHECK(network.members_of(name, "likes") == std::vector<std::string>{"both"});
  // What is added again stays.
  REQUIRE(network.operate("n3", sadd("likes", {"dropped"})).outcome == Outcome::kOk);
  REQUIRE(network.run_until([&] { return network.present("n1", "likes", "dropped") && network.all_settled(); }));
}

// Goal: an increment that only this disk has is not swallowed by a base that was folded past its tag without it.
void check_below_a_base(std::int64_t gather_ms) {
  Split split(kShortMs);
  Network& network = split.network;
  network.node("n3").gather_ms = gather_ms;
  constexpr int kCounters = 60;
  const auto key = [](int i) { return "c" + std::to_string(i); };
  for (int i = 0; i < kCounters; ++i) REQUIRE(network.operate("n3", plus(key(i), 1000 + i)).outcome == Outcome::kOk);
  for (int i = 0; i < kCounters; ++i) REQUIRE(network.operate("n3", plus(key(i), 1)).outcome == Outcome::kOk);
  network.run_ms(1000);
  for (int i = 0; i < kCounters; ++i) REQUIRE(network.operate("n1", plus(key(i), 10)).outcome == Outcome::kOk);
  const auto folded = [&](const std::string& name) {
    for (int i = 0; i < kCounters; ++i) {
      CounterState state;
      (void)network.node(name).store->snapshot()->counter(shard_of("t", key(i), 4), "t", key(i), state);
      if (!state.folded_to || state.cells != 1 || state.sum != CounterSum(10)) return false;
    }
    return true;
  };
  REQUIRE(network.run_until([&] { return folded("n1") && folded("n2"); }));
  split.original_comes_back();
  const auto all_at = [&](const std::string& name) {
    for (int i = 0; i < kCounters; ++i) {
      if (total(network, name, key(i)) != 1011 + i) return false;
    }
    return true;
  };
  REQUIRE(network.run_until([&] { return all_at("n1") && all_at("n2") && all_at("n3") && network.all_settled(); }, 120'000));
  CHECK(network.counter("n3", "rebases_completed") == 1);
  CHECK(network.node("n3").redone.size() == 2 * kCounters);
  for (const std::string& line : listed(network, "n3")) CHECK((line.starts_with("increment c") && line.ends_with(": today")));
  network.run_ms(60'000);  // They are folded in their turn.
  split.settle();
  for (const auto& name : kAll) {
    CHECK(all_at(name));
    CHECK(network.node(name).store->verify().empty());
  }
}

TEST_CASE("redo: unseen increments below a base are counted after a rebase (60 counters, in sketches and in rows)") {
  check_below_a_base(0);
}

// ---- Retries that were taken in elsewhere

// n3 took operations in that nobody has seen; their clients had no answer, and tried again at n1 in time.  n2 is down, so
// that there is no horizon above them.  When `window_passes` they are too old for another retry.
void check_seen_elsewhere(bool window_passes, std::int64_t gather_ms) {
  Split split(kShortMs);
  Network& network = split.network;
  network.kill("n2");
  const auto tag = [&](std::uint64_t counter) { return Tag{time_of(network, 0, counter), ActorId{0x5e55}}; };
  const std::vector<Operation> operations{tagged(sadd("likes", {"retried"}), tag(1)), tagged(set("mine", "1"), tag(2)),
                                          tagged(plus("visits", 5), tag(3)), tagged(srem("likes", {"dropped"}), tag(4))};
  for (const Operation& operation : operations) REQUIRE(network.operate("n3", operation).outcome == Outcome::kOk);
  REQUIRE(network.operate("n3", plus("visits", 1000)).outcome == Outcome::kOk);
  network.run_ms(500);
  for (const Operation& operation : operations) REQUIRE(network.operate("n1", operation).outcome == Outcome::kOk);
  network.run_ms(window_passes ? 20'000 : 1000);
  const OriginId writer = network.node("n1").engine->status({}).origin;
  network.node("n3").gather_ms = gather_ms;
  split.original_comes_back();
  REQUIRE(network.run_until([&] {
    REQUIRE(total(network, "n1", "visits") <= 1105);
    return total(network, "n1", "visits") == 1105 && network.all_settled() && split.done("n3");
  }));
  CHECK(network.counter("n3", "rebases_needed") == 0);
  CHECK(network.counter("n3", "unseen_writes_seen_elsewhere") >= 3);
  CHECK(listed(network, "n3") == std::vector<std::string>{window_passes ? "increment visits 1000: today" : "increment visits 1000: again"});
  network.start("n2");
  split.settle();
  network.run_ms(10'000);
  for (const auto& name : kAll) {
    CAPTURE(name);
    CHECK(network.members_of(name, "likes") == std::vector<std::string>{"both", "retried"});
    CHECK(network.value(name, "mine") == "1");
    CHECK(total(network, name, "visits") == 1105);
    // One operation, under the commit by which everybody knows it.
    const auto row = row_of(network, name, element("likes", "retried"));
    REQUIRE(row.has_value());
    const SetElement& likes = row->content.as_set_element();
    CHECK(likes.adds().size() == 1);
    REQUIRE(likes.adds().find(ActorId{0x5e55}) != nullptr);
    CHECK(likes.adds().find(ActorId{0x5e55})->commit.origin == writer);
    CHECK(row_of(network, name, value_cell("mine"))->content.as_register().commit().origin == writer);
    CHECK(network.node(name).store->verify().empty());
  }
}

TEST_CASE("redo: an unseen entry of an operation that was taken in elsewhere is replaced by the one that was seen") {
  for (const bool window_passes : {false, true}) {
    CAPTURE(window_passes);
    check_seen_elsewhere(window_passes, 0);
  }
}

// SUBTLE: what is done again, or replaced, is in its row until the batch is durable.
TEST_CASE("redo: of one batch no step does again what an earlier one did, or replaced") {
  for (const std::int64_t gather_ms : {25, 60, 200}) {
    CAPTURE(gather_ms);
    check_seen_elsewhere(true, gather_ms);
    check_below_a_base(gather_ms);
  }
}

// ---- Kills

// Method: more than three steps' worth; the disk is killed after so many of them, and a copy from before comes back at the end.
TEST_CASE("redo: killed between its steps, nothing is lost and nothing is done twice, by another copy neither") {
  constexpr int kEach = 300;
  for (const std::int64_t window_ms : {kLongMs, kShortMs}) {
    for (const std::size_t steps : {1u, 2u, 3u, 4u}) {
      CAPTURE(window_ms);
      CAPTURE(steps);
      Split split(window_ms);
      Network& network = split.network;
      std::vector<std::string> members;
      for (int i = 0; i < kEach; ++i) members.push_back("m" + std::to_string(i));
      REQUIRE(network.operate("n3", sadd("many", members)).outcome == Outcome::kOk);
      for (int i = 0; i < kEach; ++i) {
        REQUIRE(network.operate("n3", plus("visits", 1)).outcome == Outcome::kOk);
        REQUIRE(network.operate("n3", set("r" + std::to_string(i), "v")).outcome == Outcome::kOk);
      }
      // SUBTLE: the newest is among the first that are done again: what is left to the next life is older.
      const std::string first = key_in(0);
      REQUIRE(network.operate("n3", plus(first, 1)).outcome == Outcome::kOk);
      network.run_ms(window_ms == kShortMs ? 60'000 : 3000);
      network.kill("n3");
      network.copy("n3", "n9");
      split.original_comes_back();
      std::size_t seen_steps = 0, before = 0;
      REQUIRE(network.run_until([&] {
        const std::size_t now = network.node("n3").redone.size();
        seen_steps += now > before ? 1 : 0;
        before = now;
        return seen_steps >= steps;
      }, 120'000));
      if (steps < 3) REQUIRE(network.node("n3").redone.size() < 3 * kEach);
      network.kill("n3");
      network.run_ms(2000);
      network.start("n3");
      const auto all_there = [&](const std::string& name) {
        std::size_t values = 0;
        for (int i = 0; i < kEach; ++i) values += network.value(name, "r" + std::to_string(i)) == "v" ? 1 : 0;
        return network.members_of(name, "many").size() == kEach && total(network, name, "visits") == 100 + kEach && values == kEach &&
               total(network, name, first) == 1;
      };
      REQUIRE(network.run_until([&] {
        for (const auto& name : kAll) REQUIRE(total(network, name, "visits") <= 100 + kEach);
        return all_there("n1") && all_there("n2") && all_there("n3") && network.all_settled() && split.done("n3");
      }, 300'000));
      CHECK(network.node("n3").redone.size() == 3 * kEach + 1);
      network.run_ms(10'000);
      network.kill("n3");
      network.start("n9");
      REQUIRE(network.run_until([&] { return split.known_as("n1") == "n9" && network.all_settled() && split.done("n9"); }, 300'000));
      network.run_ms(10'000);
      for (const char* name : {"n1", "n2", "n9"}) {
        CAPTURE(name);
        CHECK(all_there(name));
        CHECK(network.node(name).store->verify().empty());
      }
    }
  }
}

// ---- What other members have of it

// n1 of three is real and up; n3 speaks as it is told, at last as a later life.
struct Held {
  explicit Held(std::int64_t window_ms = kShortMs) : network(options(window_ms)) {
    begin_cluster(network, 3);
    network.run_ms(3000);
    network.kill("n2");
    puppet.emplace(network, "n3");
    network.kill("n3");
    tap.emplace(network);
    before = puppet->now();
  }
  // So long after n1 had heard of n3 last.
  Timestamp at(std::int64_t plus_ms) const { return Timestamp::at_ms(before.ms() + plus_ms); }
  Content add(Timestamp at) const {  // Of the life that is over.
    Content out(Kind::kSet);
    (void)out.as_set_element().add({at, actor_of(former)}, {at, former});
    return out;
  }
  // What the next life of n3 says of the former one.
  void close(const EndedLife& record) {
    former = puppet->origin;
    puppet->origin = OriginId{0xbeef};
    puppet->start = puppet->now();
    const Timestamp commit{puppet->now().value + 1};
    Register it;
    (void)it.set(encode(record), {commit, actor_of(puppet->origin)}, {commit, puppet->origin});
    PushBody body;
    body.parts.push_back({kSystemShard, puppet->start, commit, {}});
    body.parts[0].cells.append(ended_cell(puppet->node, former), Content(it));
    Envelope envelope = puppet->envelope(body);
    envelope.floor = just_before(puppet->now());
    network.feed("n1", encode(envelope));
  }

  Network network;
  std::optional<Puppet> puppet;
  std::optional<Tap> tap;
  Timestamp before;
  OriginId former;
};

// Goal: who belongs to a cluster takes in writes, whether or not it got in step with anybody yet.
// Method: no rows reach n3, which writes; a copy of its disk from before that closes its life.
TEST_CASE("redo: a node that never got in step does again what the copy of its disk had not seen") {
  Network network(options(kLongMs));
  begin_cluster(network, 2);
  REQUIRE(network.operate("n1", sadd("likes", {"both"})).outcome == Outcome::kOk);
  Tap tap(network);
  tap.pass = [](const Tap::Sent& sent) { return sent.to != "n3" || !std::holds_alternative<RowsBody>(sent.envelope.body); };
  network.add("n3", "n1");
  network.start("n3");
  REQUIRE(network.run_until([&] { return network.node("n3").engine->status({}).introduced; }));
  network.copy("n3", "n8");
  tap.pass = [](const Tap::Sent& sent) { return sent.to != "n3" && sent.from != "n3"; };
  REQUIRE(network.operate("n3", sadd("likes", {"alone"})).outcome == Outcome::kOk);
  network.kill("n3");
  REQUIRE_FALSE(network.node("n3").store->snapshot()->meta(meta::kWhole).has_value());
  tap.pass = nullptr;
  network.start("n8");
  REQUIRE(network.run_until([&] { return network.counter("n8", "lives_closed") == 1 && network.all_settled(); }));
  network.kill("n8");
  network.start("n3");
  REQUIRE(network.run_until([&] { return network.present("n1", "likes", "alone") && network.all_settled(); }));
  CHECK(listed(network, "n3") == std::vector<std::string>{"add likes alone: again"});
  CHECK(network.members_of("n3", "likes") == std::vector<std::string>{"alone", "both"});
}

// RULE. It is committed anew under its tag, and the floor stays until then.
// Method: n2 hears n3 while nobody else does; then both run from older copies of their disks, so that n3's life is closed without
// what n2 has of it; then n2's own disk is back, with more of it than is done again in one step.
TEST_CASE("redo: a member that holds what a life was closed without commits it anew, and its floor stays until it has") {
  constexpr int kMembers = 2000;
  Network network(options(kLongMs));
  begin_cluster(network, 3);
  network.operate("n1", sadd("likes", {"both", "dropped"}));
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  network.run_ms(3000);
  const OriginId over = network.node("n3").engine->status({}).origin;
  network.copy("n3", "n8");
  network.copy("n2", "n7");
  for (const char* name : {"n2", "n3"}) network.cut("n1", name);
  std::vector<std::string> members;
  for (int i = 0; i < kMembers; ++i) members.push_back("m" + std::to_string(i));
  REQUIRE(network.operate("n3", sadd("many", members)).outcome == Outcome::kOk);
  REQUIRE(network.operate("n3", srem("likes", {"dropped"})).outcome == Outcome::kOk);
  const Tag increment = network.operate("n3", plus("visits", 5)).tag;
  REQUIRE(network.run_until([&] { return total(network, "n2", "visits") == 5 && network.members_of("n2", "many").size() == kMembers; }));
  network.run_ms(1000);
  network.kill("n2");
  network.kill("n3");
  network.heal();
  network.start("n7");
  network.start("n8");
  REQUIRE(network.run_until([&] { return network.counter("n8", "lives_closed") == 1 && network.counter("n7", "lives_closed") == 1 && network.all_settled(); }));
  REQUIRE(network.members_of("n1", "many").empty());
  network.run_ms(5000);
  network.kill("n7");
  network.start("n2");
  const auto floor = [&] { return network.node("n2").engine->garbage(instant_of(network)).floor; };
  const auto pending = [&] { return !network.node("n2").store->snapshot()->meta(meta::kToLookThrough).value_or("").empty(); };
  REQUIRE(network.run_until(pending));
  const Timestamp then = floor();
  std::size_t steps = 0, before = 0;
  REQUIRE(network.run_until([&] {
    const std::size_t now = network.node("n2").redone.size();
    steps += now > before ? 1 : 0;
    before = now;
    if (pending()) REQUIRE(floor() <= then);
    return !pending();
  }));
  CHECK(steps >= kMembers / Redo::kRowsPerStep);
  CHECK(network.node("n2").redone.size() == kMembers + 2);
  for (const std::string& line : listed(network, "n2")) REQUIRE(line.ends_with(": again"));
  REQUIRE(network.run_until([&] { return floor() > then && network.all_settled(); }));
  const OriginId writer = network.node("n2").engine->status({}).origin;
  for (const char* name : {"n1", "n2", "n8"}) {
    CAPTURE(name);
    CHECK(network.members_of(name, "many").size() == kMembers);
    CHECK(network.members_of(name, "likes") == std::vector<std::string>{"both"});
    CHECK(total(network, name, "visits") == 5);
    const auto row = row_of(network, name, increment_cell("t", "visits", increment));
    REQUIRE(row.has_value());
    CHECK(row->content.as_register().commit().origin == writer);
    CHECK(network.node(name).store->verify().empty());
  }
  // Its own node's disk has the same, and finds that they have been seen.
  network.kill("n8");
  network.start("n3");
  REQUIRE(network.run_until([&] { return network.all_settled() && network.counter("n3", "lives_closed") > 0; }));
  network.run_ms(10'000);
  for (const auto& name : kAll) {
    CHECK(network.members_of(name, "many").size() == kMembers);
    CHECK(total(network, name, "visits") == 5);
    CHECK(row_of(network, name, increment_cell("t", "visits", increment))->content.as_register().commit().origin == writer);
  }
  CHECK(network.node("n3").redone.empty());
  CHECK(over != network.node("n3").engine->status({}).origin);
}

// Goal: a base is no write: what is in it everybody had seen, whosever commit it bears.
// Method: a base with a commit of the life that is over, from beyond what was seen of it, here and in what is merged after it.
TEST_CASE("redo: a base of a counter stays, and is merged, whatever life its commit is of") {
  Held held;
  const auto base = [&](std::int64_t folded_ms, std::int64_t sum) {
    CounterBase out;
    out.sum += CounterSum(sum);
    const Timestamp commit = held.at(20);
    return Content(base_register(held.at(folded_ms), out, {commit, held.puppet->origin}));
  };
  const auto push = [&](const Content& content, std::uint64_t counted) {
    PushBody body;
    const Timestamp at{held.at(30).value + counted};
    body.parts.push_back({shard_of("t", "visits", 4), just_before(at), at, {}});
    body.parts[0].cells.append(base_cell("t", "visits"), content);
    held.network.feed("n1", held.puppet->says(body));
  };
  push(base(-5000, 40), 1);
  REQUIRE(total(held.network, "n1", "visits") == 40);
  const Content later = base(-4000, 41);
  held.close(EndedLife{held.at(10)});
  held.network.run_ms(5000);
  CHECK(total(held.network, "n1", "visits") == 40);
  CHECK(held.network.node("n1").redone.empty());
  push(later, 2);
  CHECK(total(held.network, "n1", "visits") == 41);
}

// Goal: marks say how far a life goes in what is before them, and of that the last may be seen, exactly, where something before it is not.
// Method: of a life a push was lost, and the next was not; behind both there are rows for some marks.
TEST_CASE("redo: what is unseen before something of its life that was seen is done again as well") {
  Held held(kLongMs);
  Network& network = held.network;
  const std::string key = key_in(2);
  const OriginId former = held.puppet->origin;
  const auto push = [&](Timestamp at, const std::vector<std::string>& members) {
    PushBody body;
    body.parts.push_back({2, just_before(at), at, {}});
    Content add(Kind::kSet);
    (void)add.as_set_element().add({at, actor_of(former)}, {at, former});
    for (const std::string& member : members) body.parts[0].cells.append(element(key, member), add);
    network.feed("n1", held.puppet->says(body));
  };
  push(held.at(700), {"unseen"});
  for (Lsn i = 0; i < 3 * Store::kMarkInterval;) {
    std::vector<std::string> members;
    for (; members.size() < 512; ++i) members.push_back("seen" + std::to_string(i));
    push(held.at(900), members);
  }
  REQUIRE(network.present("n1", key, "unseen"));
  EndedLife record{held.at(100)};
  record.beyond = {{2, held.at(900)}};
  held.close(record);
  REQUIRE(network.run_until([&] { return !network.node("n1").redone.empty(); }, 120'000));
  CHECK(listed(network, "n1") == std::vector<std::string>{"add " + key + " unseen: again"});
  network.run_ms(5000);
  CHECK(network.node("n1").redone.size() == 1);
  const auto row = row_of(network, "n1", element(key, "unseen"));
  REQUIRE(row.has_value());
  CHECK(row->content.as_set_element().adds().find(actor_of(former))->commit.origin == network.node("n1").engine->status({}).origin);
}

TEST_CASE("redo: an unseen entry in a pull is not merged, the rest of its row is, and the clock of that shard is not taken") {
  Held held;
  Network& network = held.network;
  const std::string key = key_in(2), other = key_in(1);
  EndedLife record{held.at(100)};
  held.close(record);
  Puppet& puppet = *held.puppet;
  // Until n1 asks.
  const auto asked = [&]() -> std::optional<PullBody> {
    DigestsBody digests{{{2, 0xd2}, {1, 0xd1}}, {}, {}};
    Envelope envelope = puppet.envelope(digests);
    envelope.floor = just_before(puppet.now());
    network.feed("n1", encode(envelope));
    return held.tap->last<PullBody>("n1", "n3");
  };
  std::optional<PullBody> pull;
  REQUIRE(network.run_until([&] { return (pull = asked()).has_value(); }));
  RowsBody rows;
  rows.nonce = pull->nonce;
  const Timestamp theirs{puppet.now().value + 9};
  for (const auto& part : pull->parts) {
    RowsBody::Part answer{part.shard, 1, true, true, {}, {}};
    if (part.shard == 2 || part.shard == 1) answer.clock = {{puppet.origin, theirs}};
    if (part.shard == 2) {
      Content both = held.add(held.at(700));  // Of the life that is over, and of the present one, in one row.
      (void)both.as_set_element().add({theirs, ActorId{5}}, {theirs, puppet.origin});
      answer.cells.append(element(key, "both"), both);
      answer.cells.append(element(key, "unseen"), held.add(held.at(700)));
      answer.cells.append(element(key, "seen"), held.add(held.at(90)));
    }
    if (part.shard == 1) answer.cells = plain_add(other, "x", puppet.origin, theirs);
    rows.parts.push_back(std::move(answer));
  }
  REQUIRE(std::any_of(rows.parts.begin(), rows.parts.end(), [](const auto& part) { return part.shard == 2; }));
  Envelope envelope = puppet.envelope(rows);
  envelope.floor = just_before(puppet.now());
  network.feed("n1", encode(envelope));
  CHECK(network.counter("n1", "unseen_entries_dropped") == 2);
  CHECK_FALSE(network.present("n1", key, "unseen"));
  CHECK(network.present("n1", key, "seen"));
  const auto row = row_of(network, "n1", element(key, "both"));
  REQUIRE(row.has_value());
  CHECK(row->content.entry_count() == 1);
  CHECK(row->content.as_set_element().adds().find(ActorId{5}) != nullptr);
  CHECK(test::held(network, "n1", 2, puppet.origin) < theirs);
  // Of a shard of which all was taken it is.
  if (std::any_of(rows.parts.begin(), rows.parts.end(), [](const auto& part) { return part.shard == 1; })) {
    CHECK(test::held(network, "n1", 1, puppet.origin) == theirs);
  }
}

// ---- What it costs when nothing was lost

TEST_CASE("redo: after a normal restart nothing is done again, the record is small, and rows are read from the last marks on") {
  constexpr int kRows = 12'000;
  Network network(options(kLongMs));
  begin_cluster(network, 3);
  const std::string key = key_in(2);
  for (int i = 0; i < kRows;) {
    std::vector<std::string> members;
    for (; members.size() < 1000 && i < kRows; ++i) members.push_back("m" + std::to_string(i));
    REQUIRE(network.operate("n3", sadd(key, members)).outcome == Outcome::kOk);
  }
  REQUIRE(network.run_until([&] { return network.all_settled(); }));
  const EngineStatus former = network.node("n3").engine->status({});
  std::map<std::string, std::uint64_t> read_before;
  for (const auto& name : kAll) read_before[name] = network.counter(name, "rows_read_to_redo");
  network.kill("n3");
  network.start("n3");
  REQUIRE(network.run_until([&] { return network.counter("n3", "lives_closed") == 1 && network.all_settled(); }));
  network.run_ms(10'000);
  for (const auto& name : kAll) {
    CAPTURE(name);
    const auto record = record_of(network, name, former.node, former.origin);
    REQUIRE(record.has_value());
    CHECK(record->held.empty());
    CHECK(record->beyond.empty());
    CHECK(record->redone.empty());
    CHECK(encode(*record).size() == 11);
    Row row;
    REQUIRE(network.node(name).store->snapshot()->get(kSystemShard, ended_cell(former.node, former.origin), row) == Snapshot::Lookup::kFound);
    CHECK(row.content.as_register().value()->size() == 11);
    CHECK(network.node(name).redone.empty());
    CHECK(network.counter(name, "unseen_entries_dropped") == 0);
    CHECK(network.counter(name, "unseen_writes_redone") == 0);
    // Of 12,000 rows of a shard those behind the last mark that is covered.
    const std::uint64_t before = name == "n3" ? 0 : read_before[name];
    CHECK(network.counter(name, "rows_read_to_redo") - before <= Store::kMarkInterval);
    CHECK(network.node(name).store->snapshot()->meta(meta::kToLookThrough).value_or("").empty());
  }
}

}  // namespace
}  // namespace kith::test
