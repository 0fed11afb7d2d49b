#include "tools/bench/increments_bench.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <random>
#include <stdexcept>
#include <thread>

#include "tools/bench/lossy_incrementer.h"
#include "tools/bench/measure.h"
#include "tools/bench/real_cluster.h"

namespace kith::bench {
namespace {

using tools::NodeProcess;

constexpr milliseconds kAnswerIn{5000};
constexpr milliseconds kPoll{20};
constexpr int kReads = 200;
const std::string kKey = "hits";

class IncrementsBench {
 public:
  IncrementsBench(const IncrementsBenchOptions& options, DemoCluster& cluster)
      : options_(options), cluster_(cluster), seed_(options.seed != 0 ? options.seed : std::random_device{}()), random_(seed_) {
    tally_.wanted = options.count;
  }

  IncrementsOutcome run() {
    increment();
    const double incrementing_s = watch_.seconds();
    for (NodeProcess& node : cluster_.nodes()) {
      if (!node.running()) node.start();
    }
    if (failure_.empty()) converge();
    const double converged_s = watch_.seconds();
    for (NodeProcess& node : cluster_.nodes()) ask(node, "converged");
    if (options_.collect && failure_.empty()) wait_until_folded();

    Table figures("increments", "Increments of one counter through " + std::to_string(options_.nodes) + " nodes", {"what", "figure"});
    const auto figure = [&](const std::string& what, auto value) { figures.add({what, static_cast<double>(value)}); };
    figure("increments", tally_.wanted);
    figure("acknowledged", tally_.done.load());
    figure("replies lost", tally_.replies_lost.load());
    figure("unanswered by a node that was killed", tally_.unanswered.load());
    figure("refused for the moment", tally_.refusals.load());
    figure("retries", tally_.retries.load());
    figure("retries that came too late", tally_.retries_too_late.load());
    figure("kills", kills_);
    figure("seconds, incrementing", incrementing_s);
    figure("seconds until all nodes held the same", converged_s - incrementing_s);
    figure("reads of the count meanwhile", reads_ms_.size());
    if (!reads_ms_.empty()) {
      figure("such a read, ms: median", median(reads_ms_));
      figure("such a read, ms: longest", *std::max_element(reads_ms_.begin(), reads_ms_.end()));
    }
    figures.note("seed " + std::to_string(seed_) + (options_.collect ? "; collecting, retry window " + options_.retry_window : "; not collecting"));
    return {{std::move(figures), std::move(counts_)}, failure_};
  }

 private:
  void fail(const std::string& what) {
    if (failure_.empty()) failure_ = what + " (seed " + std::to_string(seed_) + ")";
  }

  void increment() {
    std::vector<std::string> addresses;
    for (const auto& [name, address] : cluster_.addresses()) addresses.push_back(address);
    std::atomic<bool> stop{false};
    std::atomic<std::size_t> at_work{options_.clients};
    std::vector<std::string> errors(options_.clients);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < options_.clients; ++i) {
      threads.emplace_back([&, i] {
        try {
          LossyIncrementer({addresses, kKey, options_.window, options_.lose, seed_ + i}, tally_).run(stop);
        } catch (const std::exception& error) {
          errors[i] = error.what();
        }
        --at_work;
      });
    }
    try {
      look_after_nodes(at_work);
    } catch (...) {
      stop = true;
      for (std::thread& thread : threads) thread.join();
      throw;
    }
    stop = true;
    for (std::thread& thread : threads) thread.join();
    for (const std::string& error : errors) {
      if (!error.empty()) fail(error);
    }
  }

  // Kills, starts again, and reads the count, until the clients are through.  On the main thread: see node_process.h.
  void look_after_nodes(const std::atomic<std::size_t>& at_work) {
    std::vector<std::optional<Clock::time_point>> start_at(cluster_.nodes().size());
    std::uint64_t done = 0;
    auto progress_at = Clock::now();
    while (at_work > 0) {
      for (std::size_t i = 0; i < start_at.size(); ++i) {
        if (!start_at[i] || Clock::now() < *start_at[i]) continue;
        cluster_.nodes()[i].start();
        start_at[i].reset();
      }
      if (kills_ < options_.kills && tally_.done * (options_.kills + 1) >= options_.count * (kills_ + 1)) {
        const std::size_t victim = random_() % start_at.size();
        if (!start_at[victim]) {
          cluster_.nodes()[victim].kill();
          start_at[victim] = Clock::now() + milliseconds(random_() % static_cast<std::uint64_t>(options_.down_ms + 1));
          ++kills_;
        }
      }
      read_one(random_() % start_at.size());
      if (tally_.done != std::exchange(done, tally_.done)) progress_at = Clock::now();
      if (Clock::now() - progress_at > std::chrono::seconds(options_.patience_s)) {
        fail("no increment was done for " + std::to_string(options_.patience_s) + " s");
        return;
      }
      if (!failure_.empty()) return;
      std::this_thread::sleep_for(kPoll);
    }
  }

  // What a reader sees on the way can be behind, never ahead.
  void read_one(std::size_t at) {
    NodeProcess& node = cluster_.nodes()[at];
    if (!node.running()) return;
    try {
      Request request;
      request.op = ClientOp::kCount;
      request.key = kKey;
      Client& client = cluster_.connections().to(node.client_address(), kAnswerIn);
      const Stopwatch watch;
      const ClientReply reply = client.call(request, kAnswerIn);
      if (reply.status != Status::kOk) return;
      reads_ms_.push_back(watch.seconds() * 1e3);
      const auto begun = static_cast<std::int64_t>(tally_.begun.load());
      if (reply.total.value_or(0) > begun) {
        fail(node.name() + " counts " + std::to_string(*reply.total) + ", and only " + std::to_string(begun) + " were begun");
      }
    } catch (const ClientError&) {  // It was killed before it was ready, or is another process now.
      cluster_.connections().drop(node.client_address());
    }
  }

  void converge() {
    for (const NodeProcess& node : cluster_.nodes()) cluster_.connections().drop(node.client_address());
    const DemoCluster::Convergence seen = cluster_.converge(std::chrono::seconds(options_.patience_s));
    if (!seen.reached) fail("the nodes did not converge: " + seen.sentence);
  }

  std::uint64_t rows_of(const NodeProcess& node) {
    Request request;
    request.op = ClientOp::kStatus;
    const ClientReply reply = cluster_.connections().call(node.client_address(), request, kAnswerIn);
    return nlohmann::json::parse(reply.document).at("store").at("rows").get<std::uint64_t>();
  }

  void ask(const NodeProcess& node, const std::string& when) {
    Request request;
    request.op = ClientOp::kCount;
    request.key = kKey;
    Client& client = cluster_.connections().to(node.client_address(), kAnswerIn);
    std::vector<double> ms;
    std::int64_t total = 0;
    for (int i = 0; i < kReads; ++i) {
      const Stopwatch watch;
      const ClientReply reply = client.call(request, kAnswerIn);
      ms.push_back(watch.seconds() * 1e3);
      if (reply.status != Status::kOk) fail(node.name() + " does not tell the count: " + reply.message);
      total = reply.total.value_or(0);
    }
    counts_.add({node.name(), when, static_cast<double>(total), static_cast<double>(rows_of(node)), median(ms),
                 *std::max_element(ms.begin(), ms.end())});
    if (total != static_cast<std::int64_t>(options_.count)) {
      fail(node.name() + " counts " + std::to_string(total) + " of " + std::to_string(options_.count) + " increments, when " + when);
    }
  }

  // Until few rows are left: the counter's base, and the members.
  void wait_until_folded() {
    constexpr std::uint64_t kFewRows = 200;
    const Stopwatch watch;
    for (const NodeProcess& node : cluster_.nodes()) {
      while (rows_of(node) > kFewRows) {
        if (watch.seconds() > static_cast<double>(options_.patience_s)) {
          fail(node.name() + " still has " + std::to_string(rows_of(node)) + " rows: its increments were not folded within " +
               std::to_string(options_.patience_s) + " s");
          break;
        }
        std::this_thread::sleep_for(kPoll);
      }
    }
    counts_.note("folded " + std::to_string(static_cast<int>(watch.seconds())) + " s after all held the same");
    for (const NodeProcess& node : cluster_.nodes()) ask(node, "folded");
  }

  const IncrementsBenchOptions& options_;
  DemoCluster& cluster_;
  std::uint64_t seed_;
  std::mt19937_64 random_;
  Stopwatch watch_;
  IncrementTally tally_;
  std::size_t kills_ = 0;
  std::vector<double> reads_ms_;
  Table counts_{"counts", "What each node counts", {"node", "when", "count", "rows", "a read, ms", "longest"}};
  std::string failure_;
};

}  // namespace

IncrementsOutcome run_increments_bench(const IncrementsBenchOptions& options) {
  std::vector<std::string> arguments = {"--retry-window", options.retry_window};
  if (options.collect) arguments.emplace_back("--collect");
  RealCluster cluster(options.kithd, options.directory, options.nodes, std::move(arguments));
  return IncrementsBench(options, cluster.nodes()).run();
}

}  // namespace kith::bench
