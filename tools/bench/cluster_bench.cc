#include "tools/bench/cluster_bench.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <iostream>
#include <stdexcept>
#include <thread>

#include "gossip/operation.h"
#include "tools/bench/measure.h"
#include "tools/bench/real_cluster.h"
#include "tools/demo/demo_load.h"
#include "tools/kith/write_pipeline.h"

namespace kith::bench {
namespace {

using tools::WritePipeline;

constexpr milliseconds kPatience{10000};
constexpr milliseconds kConvergePatience{120000};
constexpr milliseconds kLightLoadPause{20};  // 50 writes a second.
constexpr std::size_t kFewKeys = 10;

double milliseconds_of(Clock::duration duration) { return std::chrono::duration<double, std::milli>(duration).count(); }

// REQUIRES: not empty.
double quantile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<std::size_t>(share * static_cast<double>(values.size())))];
}

std::uint64_t counter_sum(const ClusterView& view, const std::string& name) {
  std::uint64_t sum = 0;
  for (const NodeView& node : view.nodes) {
    if (!node.status) throw std::runtime_error(node.name + " does not answer: " + node.error);
    const auto found = node.status->counters.find(name);
    if (found != node.status->counters.end()) sum += found->second;
  }
  return sum;
}

void must_succeed(const ClientReply& reply) {
  if (reply.status == Status::kOk || reply.status == Status::kStored) return;
  throw std::runtime_error(reply.node + " refused a write: " + reply.message);
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
  ClusterBench(const ClusterBenchOptions& options, DemoCluster& cluster) : options_(options), cluster_(cluster) {
    for (const auto& [name, address] : cluster_.addresses()) addresses_.push_back(address);
  }

  std::vector<Table> run() {
    load(set_writes("few:", kFewKeys));
    rounds_in_sync(kFewKeys);
    for (const std::size_t depth : options_.in_flight) throughput(depth);
    converge();
    replication_lag();
    load(set_writes("many:", options_.many_keys));
    rounds_in_sync(options_.many_keys);
    catch_up();
    return {writes_, lag_, rounds_, catch_up_};
  }

 private:
  void load(const std::vector<Request>& writes) {
    const tools::Console console{.out = std::cout, .err = std::cerr};
    tools::load_through(addresses_, writes, console);
    converge();
  }

  DemoCluster::Convergence converge() {
    const DemoCluster::Convergence seen = cluster_.converge(kConvergePatience);
    if (!seen.reached) throw std::runtime_error("the nodes did not converge: " + seen.sentence);
    return seen;
  }

  // One thread and one connection a node, `depth` writes on the way on each; each write durable before it is answered.
  void throughput(std::size_t depth) {
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
      if (!error.empty()) throw std::runtime_error(error);
    }
    const double per_second = static_cast<double>(answered) / static_cast<double>(options_.seconds);
    writes_.add({static_cast<double>(depth), per_second});
  }

  // Polls the other nodes as fast as they answer, so what is seen is late by one read, some 0.2 ms.
  void replication_lag() {
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
            throw std::runtime_error("a write was not seen within 10 s");
        }
      }
      visible.push_back(milliseconds_of(Clock::now() - sent));
      const auto reply = writer.receive(kPatience);
      if (!reply) throw std::runtime_error("a write was not answered within 10 s");
      must_succeed(*reply);
      if (all) acknowledged_by_all.push_back(milliseconds_of(Clock::now() - sent));
      std::this_thread::sleep_until(next);
    }
    const auto add = [this](const std::string& what, const std::vector<double>& values) {
      if (values.empty()) return;
      lag_.add({what, static_cast<double>(values.size()), quantile(values, 0.5), quantile(values, 0.99), quantile(values, 1)});
    };
    add("seen on all other nodes", visible);
    add("acknowledged by all", acknowledged_by_all);
    lag_.note("one write every " + std::to_string(kLightLoadPause.count()) + " ms; nodes are polled as fast as they answer");
  }

  void rounds_in_sync(std::size_t keys) {
    const auto view = [&] { return look_at_nodes(cluster_.running(), kPatience); };
    const ClusterView before = view();
    std::this_thread::sleep_for(std::chrono::seconds(options_.seconds));
    const ClusterView after = view();
    const std::uint64_t rounds = counter_sum(after, "rounds") - counter_sum(before, "rounds");
    const std::uint64_t bytes =
        counter_sum(after, "transport_bytes_sent") - counter_sum(before, "transport_bytes_sent");
    if (rounds == 0) throw std::runtime_error("no round began in " + std::to_string(options_.seconds) + " s");
    rounds_.add({static_cast<double>(keys), static_cast<double>(rounds), static_cast<double>(bytes) / static_cast<double>(rounds)});
  }

  // What the last node receives in its new life until it holds what the others hold.
  void catch_up() {
    tools::NodeProcess& late = cluster_.nodes().back();
    cluster_.stop(late.name());
    std::vector<std::string> others(addresses_.begin(), addresses_.end() - 1);
    const tools::Console console{.out = std::cout, .err = std::cerr};
    tools::load_through(others, set_writes("missed:", options_.writes_missed), console);
    const auto begin = Clock::now();
    cluster_.restart(late.name());
    converge();
    const double took_ms = milliseconds_of(Clock::now() - begin);
    const ClusterView view = look_at_nodes({{late.name(), late.client_address()}}, kPatience);
    const std::uint64_t received = counter_sum(view, "transport_bytes_received");
    const std::uint64_t rows = counter_sum(view, "row_bytes_changed");
    if (rows == 0) throw std::runtime_error("the node that was down lacked nothing");
    catch_up_.add({static_cast<double>(options_.writes_missed), static_cast<double>(rows), static_cast<double>(received),
                   static_cast<double>(received) / static_cast<double>(rows), took_ms});
    catch_up_.note("ms from the start of its process; bytes as received by its peer port");
  }

  const ClusterBenchOptions& options_;
  DemoCluster& cluster_;
  std::vector<std::string> addresses_;
  Table writes_{"writes", "Writes a second, each durable before it is answered", {"in flight per node", "writes/s"}};
  Table lag_{"replication_lag", "Replication lag under light load", {"a write is", "writes", "median ms", "p99 ms", "most ms"}};
  Table rounds_{"rounds_in_sync", "A gossip round in sync, both ways", {"keys", "rounds", "bytes/round"}};
  Table catch_up_{"catch_up", "A node that was down", {"writes missed", "row bytes lacked", "bytes received", "ratio", "ms"}};
};

}  // namespace

std::vector<Table> run_cluster_bench(const ClusterBenchOptions& options) {
  RealCluster cluster(options.kithd, options.directory, options.nodes);
  return ClusterBench(options, cluster.nodes()).run();
}

}  // namespace kith::bench
