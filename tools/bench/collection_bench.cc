// Two engines in turns: one commit here, one there, each on its own store and by its own clock.  The writes are the same: an
// element comes, the oldest goes, so that in the steady state as much is collected as is removed.
#include "tools/bench/collection_bench.h"

#include <algorithm>
#include <memory>
#include <stdexcept>

#include "tools/bench/bench_engine.h"

namespace kith::bench {
namespace {

constexpr std::size_t kKeys = 10'000;
constexpr std::size_t kLoadMembers = 100;  // Of one operation, while loading.
constexpr std::size_t kLoadOperations = 100;

Operation operation(Verb verb, std::string key, std::vector<std::string> members, Tag tag) {
  Operation out;
  out.verb = verb;
  out.table = "default";
  out.key = std::move(key);
  out.members = std::move(members);
  out.tag = tag;
  return out;
}

std::string key_of(std::uint64_t i) { return "user:" + std::to_string(i * 7919 % kKeys); }
std::string member_of(std::uint64_t i) { return "item-" + std::to_string(i * 0x9e3779b97f4a7c15); }

// ---- Throughput

// Adds element after element, and removes each when `live` others came after it.
class Slider {
 public:
  Slider(const EngineOptions& options, const std::string& directory, std::size_t live) : engine_(options, directory), live_(live) {}

  void load() {
    while (added_ < live_) commit(1024, false);
  }
  double commit(std::size_t in_flight, bool removes = true) {
    std::vector<Operation> operations;
    operations.reserve(in_flight);
    while (operations.size() < in_flight) {
      operations.push_back(operation(Verb::kSetAdd, key_of(added_), {member_of(added_)}, engine_.mint()));
      ++added_;
      if (!removes) continue;
      operations.push_back(operation(Verb::kSetRemove, key_of(removed_), {member_of(removed_)}, engine_.mint()));
      ++removed_;
    }
    const double before = engine_.elapsed_ms();
    engine_.commit(std::move(operations));
    return engine_.elapsed_ms() - before;
  }
  BenchEngine& engine() { return engine_; }
  std::uint64_t removed() const { return removed_; }
  std::uint64_t collected() const { return engine_.counter("rows_collected"); }

 private:
  BenchEngine engine_;
  std::size_t live_;
  std::uint64_t added_ = 0, removed_ = 0;
};

struct Outcome {
  double with_per_s = 0, without_per_s = 0;
  double collected_share = 0;  // Of what was removed meanwhile.
  double kept_windows = 0;     // What waits to be collected, in windows of removals.
};

Outcome run_once(const CollectionBenchOptions& options, std::size_t in_flight, bool with_first) {
  const ScratchDirectory scratch(options.directory);
  EngineOptions engine;
  engine.retry_window_ms = options.retry_window_ms;
  engine.collect_rows_per_step = options.rows_per_step;
  Slider without(engine, scratch.path("without"), options.live);
  engine.collect = true;
  Slider with(engine, scratch.path("with"), options.live);
  without.load();
  with.load();
  // Until collecting is under way: a window, and the gossip interval in which the horizon follows.
  const double steady_ms = static_cast<double>(2 * (options.retry_window_ms + engine.gossip_interval_ms));
  for (double ms = 0; ms < steady_ms; ms += with.commit(in_flight)) (void)without.commit(in_flight);

  const std::uint64_t removed = with.removed(), collected = with.collected();
  double with_ms = 0, without_ms = 0;
  std::size_t commits = 0;
  for (; with_ms < options.seconds * 1e3 || without_ms < options.seconds * 1e3; ++commits, with_first = !with_first) {
    if (with_first) with_ms += with.commit(in_flight);
    without_ms += without.commit(in_flight);
    if (!with_first) with_ms += with.commit(in_flight);
  }
  const double writes = static_cast<double>(in_flight * commits);
  Outcome out{writes / with_ms * 1e3, writes / without_ms * 1e3, 0, 0};
  const auto removals = static_cast<double>(with.removed() - removed);
  out.collected_share = static_cast<double>(with.collected() - collected) / removals;
  out.kept_windows = static_cast<double>(with.engine().waiting()) / (removals / with_ms * static_cast<double>(options.retry_window_ms));
  return out;
}

Table throughput_table(const CollectionBenchOptions& options) {
  Table table("throughput", "Durable adds and removes, with and without collection",
              {"in flight", "with/s", "without/s", "ratio", "least", "most", "collected of removed", "kept, in windows"});
  std::vector<std::vector<Outcome>> outcomes(options.in_flight.size());
  for (std::size_t run = 0; run < options.runs; ++run) {
    for (std::size_t i = 0; i < options.in_flight.size(); ++i) {
      outcomes[i].push_back(run_once(options, options.in_flight[i], run % 2 == 0));
    }
  }
  for (std::size_t i = 0; i < options.in_flight.size(); ++i) {
    const auto all = [&](const auto& of) {
      std::vector<double> out;
      for (const Outcome& outcome : outcomes[i]) out.push_back(of(outcome));
      return out;
    };
    const auto ratio = all([](const Outcome& it) { return it.with_per_s / it.without_per_s; });
    table.add({static_cast<double>(options.in_flight[i]), median(all([](const Outcome& it) { return it.with_per_s; })),
               median(all([](const Outcome& it) { return it.without_per_s; })), median(ratio),
               *std::min_element(ratio.begin(), ratio.end()), *std::max_element(ratio.begin(), ratio.end()),
               median(all([](const Outcome& it) { return it.collected_share; })),
               median(all([](const Outcome& it) { return it.kept_windows; }))});
  }
  table.note("medians of " + std::to_string(options.runs) + " runs; " + std::to_string(options.live) +
             " elements there at any time, each new one takes out the oldest; retry window " +
             std::to_string(options.retry_window_ms) + " ms; " + std::to_string(options.rows_per_step) + " rows a step");
  table.note("kept: rows with something to collect at the end, in what is removed in one retry window");
  return table;
}

// ---- Pauses

class Pauses {
 public:
  explicit Pauses(BenchEngine& engine) : engine_(engine), before_(read()) {}

  bool step() {  // Whether it read anything.
    const BenchEngine::TickCost cost = engine_.tick();
    const Work now = read();
    const Work done{now.entries - before_.entries, now.rows - before_.rows, now.shards - before_.shards};
    before_ = now;
    most_.entries = std::max(most_.entries, done.entries);
    most_.rows = std::max(most_.rows, done.rows);
    most_.shards = std::max(most_.shards, done.shards);
    all_.entries += done.entries;
    all_.rows += done.rows;
    step_ms_.push_back(cost.step_ms);
    step_cpu_ms_.push_back(cost.step_cpu_ms);
    commit_ms_.push_back(cost.commit_ms);
    commit_cpu_ms_.push_back(cost.commit_cpu_ms);
    return done.entries > 0;
  }

  void add_to(Table& table, const std::string& what) const {
    const auto most = [](const std::vector<double>& of) { return *std::max_element(of.begin(), of.end()); };
    const auto number = [](std::uint64_t of) { return static_cast<double>(of); };
    table.add({what, number(step_ms_.size()), number(all_.entries), number(all_.rows), number(most_.shards), number(most_.entries),
               number(most_.rows), median(step_ms_), most(step_ms_), most(step_cpu_ms_), median(commit_ms_), most(commit_ms_),
               most(commit_cpu_ms_)});
  }
  static std::vector<std::string> columns() {
    return {"while", "steps", "entries", "rows", "shards/step", "entries/step", "rows/step", "step ms", "longest", "its cpu",
            "commit ms", "longest commit", "its cpu ms"};
  }

 private:
  struct Work {
    std::uint64_t entries = 0, rows = 0, shards = 0;
  };
  Work read() const {
    return {engine_.counter("collector_entries"),
            engine_.counter("rows_collected") + engine_.counter("rows_collected_in_part") + engine_.counter("increments_folded"),
            engine_.counter("collector_shards")};
  }

  BenchEngine& engine_;
  Work before_;
  Work all_, most_;
  std::vector<double> step_ms_, step_cpu_ms_, commit_ms_, commit_cpu_ms_;
};

Table pause_table(const CollectionBenchOptions& options) {
  const ScratchDirectory scratch(options.directory);
  EngineOptions engine_options;
  engine_options.retry_window_ms = options.retry_window_ms;
  engine_options.collect = true;
  engine_options.collect_rows_per_step = options.rows_per_step;
  BenchEngine engine(engine_options, scratch.path("store"));

  // In operations of many members, the members of one key each.
  const auto each = [&](Verb verb, std::size_t count, std::size_t stride) {
    std::vector<Operation> operations;
    std::vector<std::string> members;
    for (std::size_t i = 0; i < count; ++i) {
      members.push_back(member_of(i * stride));
      const std::size_t group = i * stride / kLoadMembers;
      if (i + 1 < count && (i + 1) * stride / kLoadMembers == group) continue;
      operations.push_back(operation(verb, key_of(group), std::move(members), engine.mint()));
      members.clear();
      if (operations.size() < kLoadOperations && i + 1 < count) continue;
      engine.commit(std::move(operations));
      operations.clear();
    }
  };
  each(Verb::kSetAdd, options.cells, 1);

  Table table("pauses", "Steps of the collector on " + std::to_string(options.cells) + " cells", Pauses::columns());
  constexpr std::size_t kIdleSteps = 200;
  // Until no more waits than did before.  Asked only when a step had nothing to read: it reads all.
  const auto until_left = [&](Pauses& pauses, std::uint64_t waiting) {
    const double give_up_ms = engine.elapsed_ms() + static_cast<double>(options.retry_window_ms) + 3.6e6;
    while (pauses.step() || engine.waiting() > waiting) {
      if (engine.elapsed_ms() < give_up_ms) continue;
      throw std::runtime_error("what was removed was not collected within an hour of the engine's time: " + std::to_string(engine.waiting()) +
                               " rows wait, the horizon is " + std::to_string(engine.horizon_age_ms()) + " ms old");
    }
  };
  const auto idle = [&](const std::string& what) {
    Pauses pauses(engine);
    for (std::size_t i = 0; i < kIdleSteps; ++i) (void)pauses.step();
    pauses.add_to(table, what);
  };
  for (double until_ms = engine.elapsed_ms() + 4 * static_cast<double>(options.retry_window_ms + engine_options.gossip_interval_ms);
       engine.elapsed_ms() < until_ms;) {
    (void)engine.tick();
  }
  idle("nothing to do");
  {
    const std::uint64_t waiting = engine.waiting();
    // Each stride-th element of each key, so that the removed ones are all over the store.
    each(Verb::kSetRemove, options.removed, std::max<std::size_t>(options.cells / options.removed, 1));
    Pauses pauses(engine);
    until_left(pauses, waiting);
    pauses.add_to(table, "removed elements go");
  }
  {
    const std::uint64_t waiting = engine.waiting();
    for (std::size_t i = 0; i < options.increments;) {
      std::vector<Operation> operations;
      for (std::size_t n = 0; n < 10'000 && i < options.increments; ++n, ++i) {
        Operation one = operation(Verb::kIncrement, "hits", {}, engine.mint());
        one.amount = 1;
        operations.push_back(std::move(one));
      }
      engine.commit(std::move(operations));
    }
    Pauses pauses(engine);
    until_left(pauses, waiting);
    pauses.add_to(table, "increments are folded");
  }
  idle("nothing to do again");
  {
    engine.begin_life();
    Pauses pauses(engine);
    while (engine.counter("collector_entries") == 0) (void)pauses.step();
    while (pauses.step()) continue;
    pauses.add_to(table, "a life begins");
  }
  table.note(std::to_string(options.removed) + " elements removed, " + std::to_string(options.increments) +
             " increments of one counter; ms: a whole tick of the engine, and the synced commit of what it asked for");
  table.note("longest: by the wall clock, so also what else the machine did; its cpu: of this thread alone");
  return table;
}

}  // namespace

std::vector<Table> run_collection_bench(const CollectionBenchOptions& options) {
  std::vector<Table> tables;
  if (!options.in_flight.empty() && options.runs > 0) tables.push_back(throughput_table(options));
  tables.push_back(pause_table(options));
  return tables;
}

}  // namespace kith::bench
