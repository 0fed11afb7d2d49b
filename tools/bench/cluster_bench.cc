#include "tools/bench/cluster_bench.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <thread>

#include <nlohmann/json.hpp>

#include "gossip/operation.h"
#include "tools/demo/demo_cluster.h"
#include "tools/demo/demo_load.h"
#include "tools/kith/exit_code.h"
#include "tools/kith/text.h"
#include "tools/kith/write_pipeline.h"

namespace kith::tools {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using Json = nlohmann::ordered_json;

constexpr milliseconds kPatience{10000};
constexpr milliseconds kConvergePatience{120000};
constexpr milliseconds kLightLoadPause{20};  // 50 writes a second.
constexpr std::size_t kFewKeys = 100;
constexpr std::size_t kManyKeys = 50'000;
constexpr std::size_t kWritesMissed = 10'000;

constexpr const char* kUsage =
    "kith-bench cluster [--nodes 3] [--in-flight N] [--seconds 5] [--json] [--kithd FILE]\n"
    "  --in-flight N   only this depth; otherwise 1, 16, 128 and 1024 per node\n"
    "  --seconds N     for each measurement that takes time\n";

struct Options {
  std::size_t nodes = 3;
  std::vector<std::size_t> depths = {1, 16, 128, 1024};
  std::int64_t seconds = 5;
  bool json = false;
  bool help = false;
  std::string kithd;
};

Options options_of(const std::vector<std::string>& arguments) {
  Options options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& name = arguments[i];
    const auto value = [&]() -> const std::string& {
      if (i + 1 == arguments.size()) throw CommandError(ExitCode::kUsage, name + " needs a value\n" + kUsage);
      return arguments[++i];
    };
    const auto number = [&](std::uint64_t least, std::uint64_t most) {
      const auto parsed = number_from(value());
      if (!parsed || *parsed < least || *parsed > most) {
        throw CommandError(ExitCode::kUsage, name + " takes a number from " + std::to_string(least) + " to " +
                                                 std::to_string(most));
      }
      return *parsed;
    };
    if (name == "--nodes") options.nodes = number(2, 16);
    else if (name == "--in-flight") options.depths = {number(1, 65536)};
    else if (name == "--seconds") options.seconds = static_cast<std::int64_t>(number(1, 3600));
    else if (name == "--kithd") options.kithd = value();
    else if (name == "--json") options.json = true;
    else if (name == "--help" || name == "-h") options.help = true;
    else throw CommandError(ExitCode::kUsage, "there is no option " + escaped(name) + "\n" + kUsage);
  }
  return options;
}

class TemporaryDirectory {
 public:
  TemporaryDirectory() : path_((std::filesystem::temp_directory_path() / "kith-bench-XXXXXX").string()) {
    if (mkdtemp(path_.data()) == nullptr) throw CommandError(ExitCode::kFailed, "cannot make a temporary directory");
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

double milliseconds_of(Clock::duration duration) { return std::chrono::duration<double, std::milli>(duration).count(); }

Json quantiles(std::vector<double> values) {
  if (values.empty()) return nullptr;
  std::sort(values.begin(), values.end());
  const auto at = [&](double share) {
    return values[std::min(values.size() - 1, static_cast<std::size_t>(share * static_cast<double>(values.size())))];
  };
  return {{"samples", values.size()}, {"median_ms", at(0.5)}, {"p99_ms", at(0.99)}, {"max_ms", values.back()}};
}

std::uint64_t counter_sum(const ClusterView& view, const std::string& name) {
  std::uint64_t sum = 0;
  for (const NodeView& node : view.nodes) {
    if (!node.status) throw CommandError(ExitCode::kFailed, node.name + " does not answer: " + node.error);
    const auto found = node.status->counters.find(name);
    if (found != node.status->counters.end()) sum += found->second;
  }
  return sum;
}

void must_succeed(const ClientReply& reply) {
  if (reply.status == Status::kOk || reply.status == Status::kStored) return;
  throw CommandError(ExitCode::kFailed, reply.node + " refused a write: " + reply.message);
}

std::vector<Request> set_writes(const std::string& prefix, std::size_t count) {
  std::vector<Request> out(count);
  for (std::size_t i = 0; i < count; ++i) {
    out[i].op = ClientOp::kSadd;
    out[i].key = prefix + std::to_string(i);
    out[i].members = {"member-" + std::to_string(i)};
  }
  return out;
}

class ClusterBench {
 public:
  ClusterBench(const Options& options, DemoCluster& cluster) : options_(options), cluster_(cluster) {
    for (const auto& [name, address] : cluster_.addresses()) addresses_.push_back(address);
  }

  Json run() {
    Json out;
    out["nodes"] = options_.nodes;
    load(set_writes("few:", kFewKeys));
    out["rounds_in_sync"].push_back(rounds_in_sync(kFewKeys));
    for (const std::size_t depth : options_.depths) out["throughput"].push_back(throughput(depth));
    converge();
    out["replication_lag"] = replication_lag();
    load(set_writes("many:", kManyKeys));
    out["rounds_in_sync"].push_back(rounds_in_sync(kManyKeys));
    out["catch_up"] = catch_up();
    return out;
  }

 private:
  void load(const std::vector<Request>& writes) {
    const Console console{.out = std::cout, .err = std::cerr};
    load_through(addresses_, writes, console);
    converge();
  }

  DemoCluster::Convergence converge() {
    const DemoCluster::Convergence seen = cluster_.converge(kConvergePatience);
    if (!seen.reached) throw CommandError(ExitCode::kTimeout, "the nodes did not converge: " + seen.sentence);
    return seen;
  }

  // One thread and one connection a node, `depth` writes on the way on each; each write durable before it is answered.
  Json throughput(std::size_t depth) {
    std::atomic<std::uint64_t> answered{0};
    std::vector<std::string> errors(addresses_.size());
    const auto begin = Clock::now();
    const auto end = begin + std::chrono::seconds(options_.seconds);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < addresses_.size(); ++i) {
      threads.emplace_back([&, i] {
        try {
          WritePipeline pipeline(addresses_[i], depth, kPatience, [&](std::uint64_t, const ClientReply& reply) {
            must_succeed(reply);
            if (Clock::now() < end) ++answered;
          });
          const std::string prefix = "w" + std::to_string(depth) + "-" + std::to_string(i) + "-";
          for (std::uint64_t n = 0; Clock::now() < end; ++n) {
            Request request;
            request.op = ClientOp::kSadd;
            request.key = "load:" + std::to_string(n % 1000);
            request.members = {prefix + std::to_string(n)};
            pipeline.submit(std::move(request), n);
          }
          pipeline.drain();
        } catch (const std::exception& error) {
          errors[i] = error.what();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const std::string& error : errors) {
      if (!error.empty()) throw CommandError(ExitCode::kFailed, error);
    }
    const double per_second = static_cast<double>(answered) / static_cast<double>(options_.seconds);
    return {{"in_flight_per_node", depth}, {"writes", answered.load()}, {"writes_per_second", per_second}};
  }

  // Polls the other nodes as fast as they answer, so what is seen is late by one read, some 0.2 ms.
  Json replication_lag() {
    Client writer = Client::connect(addresses_[0], kPatience);
    std::vector<Client> readers;
    for (std::size_t i = 1; i < addresses_.size(); ++i) readers.push_back(Client::connect(addresses_[i], kPatience));
    std::vector<double> visible, acknowledged_by_all;
    const auto end = Clock::now() + std::chrono::seconds(options_.seconds);
    for (std::uint64_t n = 0; Clock::now() < end; ++n) {
      const auto next = Clock::now() + kLightLoadPause;
      Request write;
      write.op = ClientOp::kSet;
      write.key = "lag:" + std::to_string(n);
      write.value = "x";
      write.tag = writer.mint_tag();
      const bool all = n % 2 == 1;  // Every other one asks for all replicas, to compare the two.
      if (all) write.replicas = kAllReplicas;
      Request read;
      read.op = ClientOp::kGet;
      read.key = write.key;
      const auto sent = Clock::now();
      writer.send(write);
      for (Client& reader : readers) {
        while (reader.call(read, kPatience).status != Status::kOk) {
          if (Clock::now() - sent > kPatience)
            throw CommandError(ExitCode::kTimeout, "a write was not seen within 10 s");
        }
      }
      visible.push_back(milliseconds_of(Clock::now() - sent));
      const auto reply = writer.receive(kPatience);
      if (!reply) throw CommandError(ExitCode::kTimeout, "a write was not answered within 10 s");
      must_succeed(*reply);
      if (all) acknowledged_by_all.push_back(milliseconds_of(Clock::now() - sent));
      std::this_thread::sleep_until(next);
    }
    // The answer is read once the others show the write, so for "all" its time is an upper bound.
    return {{"writes_per_second", 1000 / kLightLoadPause.count()},
            {"visible_on_all_others", quantiles(visible)},
            {"acknowledged_by_all", quantiles(acknowledged_by_all)}};
  }

  Json rounds_in_sync(std::size_t keys) {
    const auto view = [&] { return look_at_nodes(cluster_.running(), kPatience); };
    const ClusterView before = view();
    std::this_thread::sleep_for(std::chrono::seconds(options_.seconds));
    const ClusterView after = view();
    const std::uint64_t rounds = counter_sum(after, "rounds") - counter_sum(before, "rounds");
    const std::uint64_t bytes =
        counter_sum(after, "transport_bytes_sent") - counter_sum(before, "transport_bytes_sent");
    return {{"keys", keys}, {"rounds", rounds}, {"bytes", bytes},
            {"bytes_per_round", rounds == 0 ? 0.0 : static_cast<double>(bytes) / static_cast<double>(rounds)}};
  }

  // What the last node receives in its new life until it holds what the others hold.
  Json catch_up() {
    NodeProcess& late = cluster_.nodes().back();
    cluster_.stop(late.name());
    std::vector<std::string> others(addresses_.begin(), addresses_.end() - 1);
    const Console console{.out = std::cout, .err = std::cerr};
    load_through(others, set_writes("missed:", kWritesMissed), console);
    const auto begin = Clock::now();
    cluster_.restart(late.name());
    const double started_ms = milliseconds_of(Clock::now() - begin);
    converge();
    const double took_ms = milliseconds_of(Clock::now() - begin);
    const ClusterView view = look_at_nodes({{late.name(), late.client_address()}}, kPatience);
    const std::uint64_t received = counter_sum(view, "transport_bytes_received");
    const std::uint64_t rows = counter_sum(view, "row_bytes_changed");
    return {{"writes_missed", kWritesMissed},
            {"start_ms", started_ms},
            {"converged_ms", took_ms},
            {"bytes_received", received},
            {"row_bytes_lacked", rows},
            {"ratio", rows == 0 ? 0.0 : static_cast<double>(received) / static_cast<double>(rows)}};
  }

  const Options& options_;
  DemoCluster& cluster_;
  std::vector<std::string> addresses_;
};

std::string fixed(double value, int digits) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%.*f", digits, value);
  return buffer;
}

void print(const Json& result) {
  const auto row = [](const std::string& what, const std::string& value) {
    std::cout << "  " << what << std::string(what.size() < 44 ? 44 - what.size() : 1, ' ') << value << '\n';
  };
  const auto latency = [&](const std::string& what, const Json& q) {
    if (q.is_null()) return;
    row(what, "median " + fixed(q["median_ms"], 2) + " ms, p99 " + fixed(q["p99_ms"], 2) + " ms, max " +
                  fixed(q["max_ms"], 2) + " ms (" + std::to_string(q["samples"].get<std::size_t>()) + " writes)");
  };
  std::cout << result["nodes"] << " real nodes on this machine, every write durable before it is answered\n";
  for (const Json& depth : result["throughput"]) {
    row("writes/s, " + std::to_string(depth["in_flight_per_node"].get<std::size_t>()) + " in flight per node",
        fixed(depth["writes_per_second"], 0));
  }
  latency("visible on all other nodes, at 50 writes/s", result["replication_lag"]["visible_on_all_others"]);
  latency("acknowledged by all, at 50 writes/s", result["replication_lag"]["acknowledged_by_all"]);
  for (const Json& rounds : result["rounds_in_sync"]) {
    row("bytes of a round in sync, " + count_of(rounds["keys"].get<std::uint64_t>(), "key", "keys"),
        fixed(rounds["bytes_per_round"], 0) + " (" + std::to_string(rounds["rounds"].get<std::uint64_t>()) +
            " rounds)");
  }
  const Json& catch_up = result["catch_up"];
  row("catching up on " + count_of(catch_up["writes_missed"].get<std::uint64_t>(), "write", "writes"),
      bytes_in_words(catch_up["bytes_received"].get<std::uint64_t>()) + " received for " +
          bytes_in_words(catch_up["row_bytes_lacked"].get<std::uint64_t>()) + " of rows (" +
          fixed(catch_up["ratio"], 2) + " x), " + fixed(catch_up["converged_ms"], 0) +
          " ms after the start of its process");
}

}  // namespace

int run_cluster_bench(const std::vector<std::string>& arguments) {
  try {
    const Options options = options_of(arguments);
    if (options.help) {
      std::cout << kUsage;
      return 0;
    }
    const TemporaryDirectory directory;
    DemoCluster cluster(options.kithd.empty() ? kithd_beside_us() : options.kithd, directory.path(), options.nodes, {});
    cluster.start();
    const Json result = ClusterBench(options, cluster).run();
    if (options.json) std::cout << result.dump(2) << '\n';
    else print(result);
    return 0;
  } catch (const CommandError& error) {
    std::cerr << "kith-bench: " << error.what() << '\n';
    return static_cast<int>(error.code());
  } catch (const std::exception& error) {
    std::cerr << "kith-bench: " << error.what() << '\n';
    return 1;
  }
}

}  // namespace kith::tools
