// kith-bench -- measurements that anybody can repeat.  Each command is a file of its own; the flags are all here.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

#include "tools/bench/cluster_bench.h"
#include "tools/bench/collection_bench.h"
#include "tools/bench/increments_bench.h"
#include "tools/bench/merge_bench.h"
#include "tools/bench/placement_bench.h"
#include "tools/bench/probes_bench.h"
#include "tools/bench/redis_bench.h"
#include "tools/bench/store_bench.h"

namespace {

using namespace kith::bench;

// A command and its flags.
class Flags {
 public:
  Flags(CLI::App& app, const char* name, const char* about) : command_(app.add_subcommand(name, about)) {}

  template <class Value>
  Flags& value(const char* flag, Value& into, const char* about) {
    command_->add_option(flag, into, about)->capture_default_str();
    return *this;
  }
  // Within these bounds, both taken.
  template <class Number, class Bound>
  Flags& number(const char* flag, Number& into, Bound least, Bound most, const char* about) {
    command_->add_option(flag, into, about)->check(CLI::Range(least, most))->capture_default_str();
    return *this;
  }
  Flags& numbers(const char* flag, std::vector<std::size_t>& into, int least, int most, const char* about) {
    command_->add_option(flag, into, about)->delimiter(',')->check(CLI::Range(least, most))->capture_default_str();
    return *this;
  }
  Flags& yes(const char* flag, bool& into, const char* about) {
    command_->add_flag(flag, into, about);
    return *this;
  }
  Flags& program(std::string& kithd) {
    command_->add_option("--kithd", kithd, "The program to run")->check(CLI::ExistingFile);
    return *this;
  }
  // What all of them have.
  Flags& place(std::string& directory, bool& as_json) {
    command_->add_option("--dir", directory, "A directory on the disk to measure")->check(CLI::ExistingDirectory);
    return yes("--json", as_json, "For machines");
  }
  explicit operator bool() const { return static_cast<bool>(*command_); }  // It was given.

 private:
  CLI::App* command_;
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Measures Kith.  Run on a machine with nothing else to do, on the disk that matters.", "kith-bench");
  app.require_subcommand(1);
  bool as_json = false;

  StoreBenchOptions store;
  Flags store_command(app, "store", "Durable writes of the store against raw LMDB");
  store_command.numbers("--in-flight", store.in_flight, 1, 1'000'000, "Operations that share a commit")
      .number("--seconds", store.seconds, 0.01, 3600.0, "Of each run")
      .number("--runs", store.runs, 1, 1000, "Of which the medians are shown")
      .number("--preload", store.preload, 1, 100'000'000, "Rows that are there before")
      .place(store.directory, as_json);

  MergeBenchOptions merge;
  Flags merge_command(app, "merge", "Rows received from peers; adds to small and large sets");
  merge_command.number("--seconds", merge.seconds, 0.01, 3600.0, "For each kind of merge")
      .number("--actors", merge.actors, 1, 8000, "Sessions that added the element with many")
      .number("--large-set", merge.large_set, 1, 100'000'000, "Elements")
      .place(merge.directory, as_json);

  ClusterBenchOptions cluster;
  Flags cluster_command(app, "cluster", "Real nodes on this machine: writes, lag, bytes");
  cluster_command.number("--nodes", cluster.nodes, 2, 16, "How many")
      .numbers("--in-flight", cluster.in_flight, 1, 65'536, "Writes on the way to each node")
      .number("--seconds", cluster.seconds, 1, 3600, "For each measurement that takes time")
      .number("--many-keys", cluster.many_keys, 1, 10'000'000, "Of the second look at rounds")
      .number("--writes-missed", cluster.writes_missed, 1, 10'000'000, "While one node is down")
      .program(cluster.kithd)
      .place(cluster.directory, as_json);

  CollectionBenchOptions collection;
  Flags collection_command(app, "collection", "Adds and removes, with and without collection; its pauses");
  collection_command.numbers("--in-flight", collection.in_flight, 2, 100'000, "Operations that share a commit")
      .number("--seconds", collection.seconds, 0.01, 3600.0, "Of each run, with and without")
      .number("--runs", collection.runs, 0, 1000, "Of which the medians are shown; 0: pauses only")
      .number("--live", collection.live, 1, 100'000'000, "Elements that are there at any time")
      .number("--retry-window", collection.retry_window_ms, 100, 3'600'000, "In ms")
      .number("--rows-per-step", collection.rows_per_step, 1, 1'000'000, "Of the collector")
      .number("--cells", collection.cells, 100, 100'000'000, "Of the store on which pauses are measured")
      .number("--removed", collection.removed, 1, 100'000'000, "Of these")
      .number("--increments", collection.increments, 1, 100'000'000, "Of one counter")
      .place(collection.directory, as_json);

  IncrementsBenchOptions increments;
  Flags increments_command(app, "increments", "Increments through nodes that are killed, with replies lost: is the count exact?");
  increments_command.number("--count", increments.count, 1, 1'000'000'000, "Increments")
      .number("--nodes", increments.nodes, 2, 16, "How many")
      .number("--clients", increments.clients, 1, 64, "Threads, each connected to all nodes")
      .number("--window", increments.window, 1, 65'536, "On the way, of each client to each node")
      .number("--lose", increments.lose, 0.0, 0.9, "Share of the replies that is thrown away")
      .number("--kills", increments.kills, 0, 100'000, "Of nodes, spread over the increments")
      .number("--down", increments.down_ms, 0, 600'000, "ms that a killed node is down, at most")
      .yes("--collect", increments.collect, "Increments are folded once they are older than the retry window")
      .value("--retry-window", increments.retry_window, "As kithd takes it")
      .number("--patience", increments.patience_s, 1, 86'400, "Seconds to wait for progress, convergence, folding")
      .value("--seed", increments.seed, "Of what is lost and who is killed; 0: any")
      .program(increments.kithd)
      .place(increments.directory, as_json);

  PlacementBenchOptions placement;
  Flags placement_command(app, "placement", "Shards over members: shares, what a join or a leave moves, the time to compute it");
  placement_command.number("--shards", placement.shards, 1, 4096, "Of the cluster")
      .numbers("--replicas", placement.replicas, 1, 16, "Of each shard")
      .number("--nodes", placement.nodes_max, 4, 1024, "The most; from 3 on")
      .number("--clusters", placement.clusters, 1, 10'000, "Drawn for each number of nodes")
      .number("--weights", placement.weight_max, 2, 1'000'000, "The most of the unequal ones, drawn evenly from 1 on")
      .value("--seed", placement.seed, "Of ids and weights")
      .yes("--json", as_json, "For machines");

  ProbesBenchOptions probes;
  Flags probes_command(app, "probes", "Failure detection on virtual time: its bytes, how soon a death is known, and whether the living are called dead");
  probes_command.numbers("--nodes", probes.nodes, 3, 1024, "How many; more than one, with commas")
      .number("--loss", probes.loss, 0.0, 0.9, "Share of the messages that is lost; each number of nodes without it first")
      .number("--seconds", probes.seconds, 1, 1'000'000, "Virtual ones, in which nobody dies")
      .number("--deaths", probes.deaths, 0, 100, "After that, one a minute")
      .value("--seed", probes.seed, "Of order, delays and losses")
      .yes("--json", as_json, "For machines");

  RedisBenchOptions redis;
  Flags redis_command(app, "redis", "The Redis port beside redis-server, in turn, under redis-benchmark");
  redis_command.numbers("--pipelines", redis.pipelines, 1, 1000, "Requests that a connection sends at once")
      .number("--requests", redis.load.requests, 100, 100'000'000, "Of each test")
      .number("--clients", redis.load.clients, 1, 1000, "Connections")
      .number("--keys", redis.load.keys, 1, 100'000'000, "Of which each request draws one")
      .number("--value-bytes", redis.load.value_bytes, 1, 1'000'000, "Of what is set")
      .number("--runs", redis.runs, 1, 100, "Of which the medians are shown")
      .number("--lag-seconds", redis.lag_seconds, 0, 3600, "How long three nodes are looked at under half of their load; 0: not at all")
      .yes("--brief", redis.brief, "Only Redis with appendfsync always, one node and three")
      .program(redis.kithd)
      .place(redis.directory, as_json);

  CLI11_PARSE(app, argc, argv);
  try {
    if (store_command) print(run_store_bench(store), as_json);
    if (cluster_command) print(run_cluster_bench(cluster), as_json);
    if (collection_command) print(run_collection_bench(collection), as_json);
    if (increments_command) {
      const IncrementsOutcome outcome = run_increments_bench(increments);
      print(outcome.tables, as_json);
      if (!outcome.failure.empty()) throw std::runtime_error("the count is not exact, or was not reached: " + outcome.failure);
    }
    if (redis_command) print(run_redis_bench(redis), as_json);
    if (probes_command) print(run_probes_bench(probes), as_json);
    if (placement_command) print(run_placement_bench(placement), as_json);
    if (merge_command) print(run_merge_bench(merge), as_json);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "kith-bench: %s\n", error.what());
    return 1;
  }
  return 0;
}
