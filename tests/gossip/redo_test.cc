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
    CHECK(record->redone > record->up_to);
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
TEST_CASE("redo: unseen increments below a base are counted after a rebase (60 counters, in sketches and in rows)") {
  Split split(kShortMs);
  Network& network = split.network;
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

}  // namespace
}  // namespace kith::test
