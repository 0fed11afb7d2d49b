#include "tools/bench/redis_bench.h"

#include <sys/utsname.h>

#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <thread>

#include "node/version.h"
#include "tools/bench/real_cluster.h"

namespace kith::bench {

namespace {

constexpr const char* kTests[] = {"SET", "GET", "SADD", "SISMEMBER", "INCR", "HSET"};  // What is read was written before.

// (pipeline, test) -> requests a second, of each run.
using Results = std::map<std::pair<std::size_t, std::string>, std::vector<double>>;

void load_all(int port, const RedisBenchOptions& options, Results& results) {
  RedisLoad load = options.load;
  for (const std::size_t pipeline : options.pipelines) {
    load.pipeline = pipeline;
    for (const char* test : kTests) results[{pipeline, test}].push_back(run_redis_benchmark(port, test, load));
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

void load_kith(std::size_t nodes, const RedisBenchOptions& options, Results& results) {
  const ScratchDirectory directory(options.directory);
  DemoCluster cluster(options.kithd.empty() ? tools::kithd_beside_us() : options.kithd, directory.path(""), nodes, {"--redis", "127.0.0.1:0"});
  cluster.start();
  load_all(redis_port_of(directory.path("") + "/" + cluster.addresses().front().first), options, results);
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
  std::vector<Subject> subjects = {
      {"redis always", [&](Results& out) { load_redis(syncing("always"), 0, options, out); }},
      {"kith", [&](Results& out) { load_kith(1, options, out); }},
      {"redis everysec", [&](Results& out) { load_redis(syncing("everysec"), 0, options, out); }},
      {"redis no sync", [&](Results& out) { load_redis(never, 0, options, out); }},
      {"redis always +2", [&](Results& out) { load_redis(syncing("always"), 2, options, out); }},
      {"kith x3", [&](Results& out) { load_kith(3, options, out); }},
  };
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
      row.emplace_back(rates[5] / rates[1]);
      table.add(std::move(row));
    }
  }
  table.note("medians of " + std::to_string(options.runs) + " runs of " + std::to_string(options.load.requests) + " requests; each server in turn, with an empty directory");
  table.note("redis always: appendfsync always, which is what Kith promises; +2: with two replicas; kith x3: three nodes that replicate, one is loaded");
  table.note(machine() + "; kithd " + std::string(kVersion) + "; " + output_of("redis-server --version") + "; " + output_of("redis-benchmark --version"));
  return {table};
}

}  // namespace kith::bench
