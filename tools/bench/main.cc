// kith-bench -- measurements that anybody can repeat.  Each command is a file of its own; the flags are all here.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <stdexcept>

#include "tools/bench/cluster_bench.h"
#include "tools/bench/collection_bench.h"
#include "tools/bench/increments_bench.h"
#include "tools/bench/merge_bench.h"
#include "tools/bench/store_bench.h"

int main(int argc, char** argv) {
  using namespace kith::bench;
  CLI::App app("Measures Kith.  Run on a machine with nothing else to do, on the disk that matters.", "kith-bench");
  app.require_subcommand(1);
  bool as_json = false;

  StoreBenchOptions store;
  CLI::App* store_command = app.add_subcommand("store", "Durable writes of the store against raw LMDB");
  store_command->add_option("--in-flight", store.in_flight, "Operations that share a commit")
      ->delimiter(',')->check(CLI::Range(1, 1'000'000))->capture_default_str();
  store_command->add_option("--seconds", store.seconds, "Of each run")
      ->check(CLI::Range(0.01, 3600.0))
      ->capture_default_str();
  store_command->add_option("--runs", store.runs, "Of which the medians are shown")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  store_command->add_option("--preload", store.preload, "Rows that are there before")
      ->check(CLI::Range(1, 100'000'000))
      ->capture_default_str();
  store_command->add_option("--dir", store.directory, "A directory on the disk to measure")
      ->check(CLI::ExistingDirectory);
  store_command->add_flag("--json", as_json, "For machines");

  MergeBenchOptions merge;
  CLI::App* merge_command = app.add_subcommand("merge", "Rows received from peers; adds to small and large sets");
  merge_command->add_option("--seconds", merge.seconds, "For each kind of merge")
      ->check(CLI::Range(0.01, 3600.0))
      ->capture_default_str();
  merge_command->add_option("--actors", merge.actors, "Sessions that added the element with many")
      ->check(CLI::Range(1, 8000))
      ->capture_default_str();
  merge_command->add_option("--large-set", merge.large_set, "Elements")
      ->check(CLI::Range(1, 100'000'000))
      ->capture_default_str();
  merge_command->add_option("--dir", merge.directory, "A directory on the disk to measure")
      ->check(CLI::ExistingDirectory);
  merge_command->add_flag("--json", as_json, "For machines");

  ClusterBenchOptions cluster;
  CLI::App* cluster_command = app.add_subcommand("cluster", "Real nodes on this machine: writes, lag, bytes");
  cluster_command->add_option("--nodes", cluster.nodes)->check(CLI::Range(2, 16))->capture_default_str();
  cluster_command->add_option("--in-flight", cluster.in_flight, "Writes on the way to each node")
      ->delimiter(',')->check(CLI::Range(1, 65'536))->capture_default_str();
  cluster_command->add_option("--seconds", cluster.seconds, "For each measurement that takes time")->check(CLI::Range(1, 3600))->capture_default_str();
  cluster_command->add_option("--many-keys", cluster.many_keys, "Of the second look at rounds")->check(CLI::Range(1, 10'000'000))->capture_default_str();
  cluster_command->add_option("--writes-missed", cluster.writes_missed, "While one node is down")->check(CLI::Range(1, 10'000'000))->capture_default_str();
  cluster_command->add_option("--kithd", cluster.kithd, "The program to run")->check(CLI::ExistingFile);
  cluster_command->add_option("--dir", cluster.directory, "A directory on the disk to measure")->check(CLI::ExistingDirectory);
  cluster_command->add_flag("--json", as_json, "For machines");

  CollectionBenchOptions collection;
  CLI::App* collection_command = app.add_subcommand("collection", "Adds and removes, with and without collection; its pauses");
  collection_command->add_option("--in-flight", collection.in_flight, "Operations that share a commit")
      ->delimiter(',')->check(CLI::Range(2, 100'000))->capture_default_str();
  collection_command->add_option("--seconds", collection.seconds, "Of each run, with and without")
      ->check(CLI::Range(0.01, 3600.0))->capture_default_str();
  collection_command->add_option("--runs", collection.runs, "Of which the medians are shown; 0: pauses only")
      ->check(CLI::Range(0, 1000))->capture_default_str();
  collection_command->add_option("--live", collection.live, "Elements that are there at any time")
      ->check(CLI::Range(1, 100'000'000))->capture_default_str();
  collection_command->add_option("--retry-window", collection.retry_window_ms, "In ms")
      ->check(CLI::Range(100, 3'600'000))->capture_default_str();
  collection_command->add_option("--rows-per-step", collection.rows_per_step, "Of the collector")
      ->check(CLI::Range(1, 1'000'000))->capture_default_str();
  collection_command->add_option("--cells", collection.cells, "Of the store on which pauses are measured")
      ->check(CLI::Range(100, 100'000'000))->capture_default_str();
  collection_command->add_option("--removed", collection.removed, "Of these")
      ->check(CLI::Range(1, 100'000'000))->capture_default_str();
  collection_command->add_option("--increments", collection.increments, "Of one counter")
      ->check(CLI::Range(1, 100'000'000))->capture_default_str();
  collection_command->add_option("--dir", collection.directory, "A directory on the disk to measure")
      ->check(CLI::ExistingDirectory);
  collection_command->add_flag("--json", as_json, "For machines");

  IncrementsBenchOptions increments;
  CLI::App* increments_command = app.add_subcommand("increments", "Increments through nodes that are killed, with replies lost: is the count exact?");
  increments_command->add_option("--count", increments.count, "Increments")->check(CLI::Range(1, 1'000'000'000))->capture_default_str();
  increments_command->add_option("--nodes", increments.nodes)->check(CLI::Range(2, 16))->capture_default_str();
  increments_command->add_option("--clients", increments.clients, "Threads, each connected to all nodes")->check(CLI::Range(1, 64))->capture_default_str();
  increments_command->add_option("--window", increments.window, "On the way, of each client to each node")
      ->check(CLI::Range(1, 65'536))->capture_default_str();
  increments_command->add_option("--lose", increments.lose, "Share of the replies that is thrown away")->check(CLI::Range(0.0, 0.9))->capture_default_str();
  increments_command->add_option("--kills", increments.kills, "Of nodes, spread over the increments")->check(CLI::Range(0, 100'000))->capture_default_str();
  increments_command->add_option("--down", increments.down_ms, "ms that a killed node is down, at most")->check(CLI::Range(0, 600'000))->capture_default_str();
  increments_command->add_flag("--collect", increments.collect, "Increments are folded once they are older than the retry window");
  increments_command->add_option("--retry-window", increments.retry_window, "As kithd takes it")->capture_default_str();
  increments_command->add_option("--patience", increments.patience_s, "Seconds to wait for progress, convergence, folding")
      ->check(CLI::Range(1, 86'400))->capture_default_str();
  increments_command->add_option("--seed", increments.seed, "Of what is lost and who is killed; 0: any")->capture_default_str();
  increments_command->add_option("--kithd", increments.kithd, "The program to run")->check(CLI::ExistingFile);
  increments_command->add_option("--dir", increments.directory, "A directory on the disk to use")->check(CLI::ExistingDirectory);
  increments_command->add_flag("--json", as_json, "For machines");

  CLI11_PARSE(app, argc, argv);
  try {
    if (*store_command) print(run_store_bench(store), as_json);
    if (*cluster_command) print(run_cluster_bench(cluster), as_json);
    if (*collection_command) print(run_collection_bench(collection), as_json);
    if (*increments_command) {
      const IncrementsOutcome outcome = run_increments_bench(increments);
      print(outcome.tables, as_json);
      if (!outcome.failure.empty()) throw std::runtime_error("the count is not exact, or was not reached: " + outcome.failure);
    }
    if (*merge_command) print(run_merge_bench(merge), as_json);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "kith-bench: %s\n", error.what());
    return 1;
  }
  return 0;
}
