#include "tools/bench/redis_bench.h"

#include <sys/utsname.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <thread>

#include "node/version.h"
#include "tools/bench/real_cluster.h"
#include "tools/bench/redis_lag.h"

namespace kith::bench {

namespace {

constexpr const char* kTests[] = {"SET", "GET", "SADD", "SISMEMBER", "INCR", "HSET"};  // What is read was written before.

constexpr std::chrono::milliseconds kConvergePatience{120'000};

// (pipeline, test) -> requests a second, of each run.
using Results = std::map<std::pair<std::size_t, std::string>, std::vector<double>>;

void load_all(int port, const RedisBenchOptions& options, Results& results) {
  RedisLoad load = options.load;
  for (const std::size_t pipeline : options.pipelines) {
    load.pipeline = pipeline;
    for (const char* test : kTests) {
      // SUBTLE: in the time of so few reads what the writes before them left to be done in the background would be all that is measured.
      const bool reads = std::string_view(test) == "GET" || std::string_view(test) == "SISMEMBER";
      load.requests = options.load.requests * (reads ? pipeline : 1);
      results[{pipeline, test}].push_back(run_redis_benchmark(port, test, load));
    }
  }
}

int redis_port_of(const std::string& data) {
  std::ifstream in(data + "/addresses");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("redis=")) return std::stoi(line.substr(line.rfind(':') + 1));
  }
  throw std::runtime_error("the node in " + data + " has no Redis port");
}

void load_redis(const std::vector<std::string>& arguments, std::size_t replicas, const RedisBenchOptions& options, Results& results) {
  const ScratchDirectory directory(options.directory);
  const RedisServer server(directory.path("r0"), arguments);
  std::vector<std::unique_ptr<RedisServer>> others;
  for (std::size_t i = 1; i <= replicas; ++i) {
    std::vector<std::string> of_replica = arguments;
    of_replica.insert(of_replica.end(), {"--replicaof", "127.0.0.1 " + std::to_string(server.port())});
    others.push_back(std::make_unique<RedisServer>(directory.path("r" + std::to_string(i)), of_replica));
  }
  load_all(server.port(), options, results);
}

// By pipeline: of all runs.
struct Lags {
  std::vector<double> asked, reached, ms;
  std::size_t never = 0;
};
using LagResults = std::map<std::size_t, Lags>;

void add_lags(const std::vector<int>& ports, const RedisBenchOptions& options, const Results& rates, LagResults& results) {
  for (const std::size_t pipeline : options.pipelines) {
    LagLoad load;
    load.per_second = rates.at({pipeline, "SET"}).back() / 2;
    load.seconds = options.lag_seconds;
    load.clients = options.load.clients;
    load.keys = options.load.keys;
    load.value_bytes = options.load.value_bytes;
    const LagSeen seen = measure_lag(ports.front(), {ports.begin() + 1, ports.end()}, load);
    Lags& lags = results[pipeline];
    lags.asked.push_back(load.per_second);
    lags.reached.push_back(seen.reached_per_second);
    lags.ms.insert(lags.ms.end(), seen.ms.begin(), seen.ms.end());
    lags.never += seen.never;
  }
}

void load_kith(std::size_t nodes, const RedisBenchOptions& options, Results& results, LagResults& lags) {
  const ScratchDirectory directory(options.directory);
  DemoCluster cluster(options.kithd.empty() ? tools::kithd_beside_us() : options.kithd, directory.path(""), nodes, {"--redis", "127.0.0.1:0"});
  cluster.start();
  std::vector<int> ports;
  for (const auto& [name, address] : cluster.addresses()) ports.push_back(redis_port_of(directory.path("") + "/" + name));
  load_all(ports.front(), options, results);
  if (nodes == 1 || options.lag_seconds == 0) return;
  (void)cluster.converge(kConvergePatience);
  add_lags(ports, options, results, lags);
}

Table lag_table(LagResults& results, const RedisBenchOptions& options) {
  Table table("redis_lag", "How late two other nodes are, under half of the SETs that one of three took at that pipeline",
              {"half of pipeline", "writes/s asked", "writes/s", "p50 ms", "p90 ms", "p99 ms", "most ms"});
  for (auto& [pipeline, lags] : results) {
    std::sort(lags.ms.begin(), lags.ms.end());
    const auto at = [&lags = lags](double share) {
      return lags.ms.empty() ? 0 : lags.ms[std::min(lags.ms.size() - 1, static_cast<std::size_t>(share * static_cast<double>(lags.ms.size())))];
    };
    table.add({static_cast<double>(pipeline), median(lags.asked), median(lags.reached), at(0.5), at(0.9), at(0.99), at(1)});
    if (lags.never > 0) table.note("pipeline " + std::to_string(pipeline) + ": " + std::to_string(lags.never) + " marks did not come within ten seconds");
  }
  table.note("from the sending of a write to the first node until another one tells a subscriber of it, durable there; " +
             std::to_string(options.lag_seconds) + " s a run, 100 marks a second at each of two nodes");
  return table;
}

std::string machine() {
  utsname name{};
  ::uname(&name);
  std::ifstream in("/proc/cpuinfo");
  std::string model = name.machine;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("model name")) {
      model = line.substr(line.find(':') + 2);
      break;
    }
  }
  return std::to_string(std::thread::hardware_concurrency()) + " x " + model + ", " + name.sysname + " " + name.release;
}

}  // namespace

std::vector<Table> run_redis_bench(const RedisBenchOptions& options) {
  const std::vector<std::string> never = {"--appendonly", "no"};
  const auto syncing = [](const char* when) { return std::vector<std::string>{"--appendonly", "yes", "--appendfsync", when}; };
  struct Subject {
    const char* name;
    std::function<void(Results&)> load;
    Results results{};
  };
  LagResults lags;
  std::vector<Subject> subjects = {
      {"redis always", [&](Results& out) { load_redis(syncing("always"), 0, options, out); }},
      {"kith", [&](Results& out) { load_kith(1, options, out, lags); }},
      {"kith x3", [&](Results& out) { load_kith(3, options, out, lags); }},
  };
  if (!options.brief) {
    subjects.push_back({"redis everysec", [&](Results& out) { load_redis(syncing("everysec"), 0, options, out); }});
    subjects.push_back({"redis no sync", [&](Results& out) { load_redis(never, 0, options, out); }});
    subjects.push_back({"redis always +2", [&](Results& out) { load_redis(syncing("always"), 2, options, out); }});
  }
  for (std::size_t run = 0; run < options.runs; ++run) {
    for (Subject& subject : subjects) subject.load(subject.results);
  }

  std::vector<std::string> columns = {"test", "pipeline"};
  for (const Subject& subject : subjects) columns.emplace_back(subject.name);
  columns.insert(columns.end(), {"kith / redis always", "kith x3 / kith"});
  Table table("redis", "Requests a second, " + std::to_string(options.load.clients) + " connections, values of " +
                           std::to_string(options.load.value_bytes) + " bytes, " + std::to_string(options.load.keys) + " random keys", columns);
  for (const std::size_t pipeline : options.pipelines) {
    for (const char* test : kTests) {
      std::vector<Table::Value> row = {std::string(test), static_cast<double>(pipeline)};
      std::vector<double> rates;
      for (const Subject& subject : subjects) rates.push_back(median(subject.results.at({pipeline, test})));
      for (const double rate : rates) row.emplace_back(rate);
      row.emplace_back(rates[1] / rates[0]);
      row.emplace_back(rates[2] / rates[1]);
      table.add(std::move(row));
    }
  }
  table.note("medians of " + std::to_string(options.runs) + " runs of " + std::to_string(options.load.requests) + " requests, of reads in a pipeline so many times as many; each server in turn, with an empty directory");
  table.note("redis always: appendfsync always, which is what Kith promises; +2: with two replicas; kith x3: three nodes that replicate, one is loaded");
  table.note(machine() + "; kithd " + std::string(kVersion) + "; " + output_of("redis-server --version") + "; " + output_of("redis-benchmark --version"));
  if (lags.empty()) return {table};
  return {table, lag_table(lags, options)};
}

}  // namespace kith::bench
