// tests/gossip/rebase_cost_test.cc -- what a rebase costs in bytes: exact, the same on every machine.
//
// KITH_REBASE_CELLS=1000000 build/bin/gossip_test -tc="rebase: its cost*"   takes some minutes, and is where the table of
// ARCHITECTURE.md comes from.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>

#include "tests/gossip/frames.h"

namespace kith::test {
namespace {

// Of each hundred cells: what they are.  One of the hundred changes.
struct Mix {
  const char* name;
  std::size_t set, registers, hash, counters;
  std::size_t removed_each;  // One in so many of the cells that change is removed (counters never); the others are written again.
};

std::size_t cell_count() {
  const char* given = std::getenv("KITH_REBASE_CELLS");
  return given == nullptr ? 40'000 : std::strtoull(given, nullptr, 10);
}

class CostStage {
 public:
  explicit CostStage(const Mix& mix) : network(options()), mix_(mix), cells_(cell_count()) {
    shards = static_cast<std::uint32_t>(std::clamp<std::size_t>(cells_ / 10'000, 1, kShardsDefault));
    add("n1", "");
    add("n2", "n1");
    REQUIRE(network.run_until([&] { return network.all_settled(); }));
    for (std::size_t i = 0; i < cells_; ++i) write(i, false);
    flush();
    settle();
    network.run_ms(15'000);
    network.node("n2").store->hold_syncs(true);
    for (std::size_t i = 0; i < cells_; i += 100) change(i + i / 100 % 100);
    flush();
    settle();
    network.run_ms(30'000);
    REQUIRE(network.all_settled());
    network.kill("n2");
    network.node("n2").store->hold_syncs(false);
    network.filter = [this](const std::string& from, const std::string& to, std::string& bytes) {
      if (from != counted && to != counted) return true;
      Envelope envelope;
      REQUIRE(decode(bytes, envelope) == FrameError::kNone);
      bytes_of[std::string(type_name(envelope.body))] += bytes.size();
      return true;
    };
  }

  void add(const std::string& name, const std::string& join) {
    network.add(name, join).setup.shard_count = shards;
    network.start(name);
  }
  void settle() { REQUIRE(network.run_until([&] { return network.all_settled(); }, 600'000)); }
  std::uint64_t sum() const {
    std::uint64_t out = 0;
    for (const auto& [type, bytes] : bytes_of) out += bytes;
    return out;
  }

  Network network;
  std::uint32_t shards = 1;
  std::string counted = "n2";
  std::map<std::string, std::uint64_t> bytes_of;

 private:
  static EngineOptions options() {
    EngineOptions out;
    out.collect = true;
    out.retry_window_ms = 5000;
    return out;
  }

  void submit(Operation operation) {
    network.submit("n1", std::move(operation));
    if (++submitted_ % 256 == 0) network.run_ms(20);
  }
  void gather(Operation operation) {  // One set's members in few operations.
    if (gathered_.key != operation.key || gathered_.verb != operation.verb || gathered_.members.size() >= 1000) flush();
    if (gathered_.members.empty()) gathered_ = std::move(operation);
    else gathered_.members.push_back(operation.members.front());
  }
  void flush() {
    if (!gathered_.members.empty()) submit(std::move(gathered_));
    gathered_ = {};
    network.run_ms(20);
  }
  void write(std::size_t i, bool again) {
    const std::size_t kind = i % 100;
    const std::string number = std::to_string(i), hundred = std::to_string(i / 1000);
    const std::string value = (again ? "a value of today, " : "a value of some time, ") + number;
    if (kind < mix_.set) gather(sadd("followers:" + hundred, {(again ? "new-member-" : "member-") + number}));
    else if (kind < mix_.set + mix_.registers) submit(set("session:" + number, value));
    else if (kind < mix_.set + mix_.registers + mix_.hash) submit(hset("profile:" + hundred, "field-" + number, value));
    else submit(increment("hits:" + number));
  }
  void change(std::size_t i) {
    const std::size_t kind = i % 100;
    const bool remove = i / 100 % mix_.removed_each == 0;
    if (!remove || kind >= mix_.set + mix_.registers + mix_.hash) return write(i, true);
    const std::string number = std::to_string(i), hundred = std::to_string(i / 1000);
    if (kind < mix_.set) return gather(srem("followers:" + hundred, {"member-" + number}));
    if (kind < mix_.set + mix_.registers) return submit(del("session:" + number));
    Operation operation = del("profile:" + hundred);
    operation.verb = Verb::kHashDelete;
    operation.members = {"field-" + number};
    submit(std::move(operation));
  }
  static Operation increment(const std::string& key) {
    Operation out = del(key);
    out.verb = Verb::kIncrement;
    out.amount = 1;
    return out;
  }

  Mix mix_;
  std::size_t cells_;
  std::size_t submitted_ = 0;
  Operation gathered_;
};

// Goal: to come back from below a horizon costs the bytes of what differs, not those of what there is.
// Method: a disk that is set back to before one cell in a hundred was changed.  All messages of that node count, both ways,
// from its start until nothing is left to say; against them only the questions and rows that an empty node is filled with.
TEST_CASE("rebase: its cost is at most 3 % of a full copy where 1 % of the cells differ") {
  for (const Mix& mix : {Mix{"all kinds, half of it removed", 60, 15, 15, 10, 2}, Mix{"sets, half of it removed", 100, 0, 0, 0, 2},
                         Mix{"values, nine tenths written again", 0, 50, 50, 0, 10}, Mix{"counters", 0, 0, 0, 100, 1}}) {
    CAPTURE(std::string(mix.name));
    CostStage stage(mix);
    stage.network.start("n2");
    REQUIRE(stage.network.run_until([&] {
      return stage.network.counter("n2", "rebases_completed") == 1 && stage.network.all_settled();
    }, 600'000));
    const std::uint64_t rebase = stage.sum();
    std::string parts;
    for (const auto& [type, bytes] : stage.bytes_of) parts += " " + type + " " + std::to_string(bytes);
    const std::uint64_t sketches = stage.network.counter("n2", "rebase_sketches");
    const std::uint64_t too_small = stage.network.counter("n2", "rebase_sketches_too_small");
    CHECK(sketches >= stage.shards);
    CHECK(stage.network.counter("n2", "rows_cut_by_rebase") + stage.network.counter("n2", "counters_rebased") > 0);
    CHECK(stage.network.node("n2").store->verify().empty());

    stage.network.kill("n2");  // So that n3 asks one member, and gets nothing twice.
    stage.bytes_of.clear();
    stage.counted = "n3";
    stage.add("n3", "n1");
    REQUIRE(stage.network.run_until([&] { return stage.network.node("n3").engine->status({}).introduced; }));
    stage.settle();
    const std::uint64_t copy = stage.bytes_of["pull"] + stage.bytes_of["rows"];
    const double share = 100.0 * static_cast<double>(rebase) / static_cast<double>(copy);
    MESSAGE(cell_count(), " cells, ", std::string(mix.name), ": a full copy ", copy, " bytes, the rebase ", rebase, " = ", share, " % (",
            parts, "), sketches ", sketches, ", too small ", too_small);
    CHECK(share <= 3.0);
  }
}

}  // namespace
}  // namespace kith::test
