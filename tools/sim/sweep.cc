#include "tools/sim/sweep.h"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <vector>

#include "tools/sim/child.h"
#include "tools/sim/text.h"

namespace kith::sim::tool {
namespace {

constexpr int kPollMs = 200;

std::int64_t now_us() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

class Sweep {
 public:
  Sweep(const SweepPlan& plan, const SweepWatcher& watcher) : plan_(plan), watcher_(watcher), began_us_(now_us()) {
    const std::uint64_t seeds = plan.last - plan.first + 1;
    // Of all 2^64 seeds the number is 0.
    const std::uint64_t jobs = seeds == 0 ? plan.jobs : std::min<std::uint64_t>(plan.jobs, seeds);
    workers_.resize(std::max<std::uint64_t>(jobs, 1));
  }

  void run() {
    for (Worker& worker : workers_) give(worker);
    while (busy() && watcher_.go_on()) look();
  }

 private:
  struct Worker {
    std::unique_ptr<Child> child;
    std::uint64_t seed = 0;
    std::int64_t began_us = 0;
    bool busy = false;
  };

  bool busy() const {
    return std::any_of(workers_.begin(), workers_.end(), [](const Worker& worker) { return worker.busy; });
  }

  bool in_time() const { return plan_.no_more_after_us == 0 || now_us() - began_us_ < plan_.no_more_after_us; }

  void give(Worker& worker) {
    worker.busy = false;
    if (given_all_ || !in_time()) return;
    worker.seed = next_or_first();
    given_all_ = worker.seed == plan_.last;
    if (!worker.child) worker.child = std::make_unique<Child>([this](const std::string& seed) { return serve(seed); });
    worker.began_us = now_us();
    worker.busy = true;
    worker.child->ask(std::to_string(worker.seed));
  }

  std::uint64_t next_or_first() { return plan_.first + given_++; }

  // In the child.
  std::string serve(const std::string& request) {
    if (!prepared_ && plan_.in_worker) plan_.in_worker();
    prepared_ = true;
    const std::uint64_t seed = std::stoull(request);
    RunOptions options;
    options.check_messages = plan_.check_messages;
    return to_bytes(run_measured(plan_.draw(seed), seed, options, plan_.twice));
  }

  void look() {
    std::vector<pollfd> descriptors;
    std::vector<Worker*> asked;
    for (Worker& worker : workers_) {
      if (!worker.busy) continue;
      descriptors.push_back({.fd = worker.child->descriptor(), .events = POLLIN, .revents = 0});
      asked.push_back(&worker);
    }
    ::poll(descriptors.data(), descriptors.size(), kPollMs);
    for (std::size_t i = 0; i < asked.size(); ++i) {
      if (descriptors[i].revents != 0) {
        hear(*asked[i]);
      } else if (now_us() - asked[i]->began_us > plan_.seed_limit_us) {
        asked[i]->child->end();
        died(*asked[i], "it had not ended after " + span_words(plan_.seed_limit_us) + " of real time");
      }
    }
  }

  void hear(Worker& worker) {
    const auto bytes = worker.child->answer();
    auto outcome = bytes ? parse_outcome(*bytes) : std::nullopt;
    if (!outcome) return died(worker, worker.child->last_words());
    watcher_.outcome(std::move(*outcome));
    give(worker);
  }

  void died(Worker& worker, std::string why) {
    Outcome outcome;
    outcome.seed = worker.seed;
    outcome.real_us = now_us() - worker.began_us;
    outcome.result.failure = Failure{'A', -1, std::move(why)};
    worker.child.reset();
    watcher_.outcome(std::move(outcome));
    give(worker);
  }

  const SweepPlan& plan_;
  const SweepWatcher& watcher_;
  const std::int64_t began_us_;
  std::vector<Worker> workers_;
  std::uint64_t given_ = 0;
  bool given_all_ = false;
  bool prepared_ = false;
};

}  // namespace

void sweep(const SweepPlan& plan, const SweepWatcher& watcher) { Sweep(plan, watcher).run(); }

}  // namespace kith::sim::tool
