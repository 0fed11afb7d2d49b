#include "tools/bench/bench_engine.h"

#include <time.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <stdexcept>

#include "crdt/check.h"

namespace kith::bench {
namespace {

constexpr std::uint64_t kMapBytes = std::uint64_t{16} << 30;
constexpr ActorId kSession{0x73657373696f6e};

double cpu_ms() {
  timespec at{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
  return static_cast<double>(at.tv_sec) * 1e3 + static_cast<double>(at.tv_nsec) / 1e6;
}

}  // namespace

BenchEngine::BenchEngine(const EngineOptions& options, const std::string& directory)
    : options_(options), store_(LmdbStore::open(directory, {.map_bytes = kMapBytes,
                                                          .recent_bytes = recent_bytes_for(kMapBytes),
                                                          .beside = [this](std::function<void()> what) { beside_.submit(std::move(what)); }})) {
  using std::chrono::duration_cast;
  using std::chrono::milliseconds;
  wall_began_ms_ = duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  begin_life();
}

BenchEngine::~BenchEngine() = default;

void BenchEngine::begin_life() {
  NodeSetup setup;
  setup.name = "bench";
  setup.client_address = setup.peer_address = "127.0.0.1:1";
  elapsed_ms_ += static_cast<double>(2 * options_.lease_ms);
  engine_.reset();
  engine_ = std::make_unique<Engine>(options_, setup, *store_, ++lives_);
  out_.clear();
  engine_->start(now(), out_);
  (void)commit_all();
}

Instant BenchEngine::now() const {
  const auto ms = static_cast<std::int64_t>(elapsed_ms_);
  return {ms, wall_began_ms_ + ms};
}

double BenchEngine::commit_all() {
  const double begin = cpu_ms();
  while (!out_.store.empty()) {
    StoreBatch batch;
    std::swap(batch, out_.store);
    engine_->committed(now(), store_->commit(batch), out_);
  }
  wake_at_ms_ = out_.wake_at_ms;
  for (const Reply& reply : out_.replies) {
    if (reply.outcome == Outcome::kRefused) throw std::runtime_error("a write was refused: " + reply.message);
  }
  out_.clear();
  return cpu_ms() - begin;
}

void BenchEngine::commit(std::vector<Operation> operations) {
  const Stopwatch watch;
  for (const Operation& operation : operations) engine_->step(now(), operation, out_);
  if (now().monotonic_ms >= wake_at_ms_) engine_->step(now(), Tick{}, out_);
  (void)commit_all();
  elapsed_ms_ += watch.seconds() * 1e3;
}

BenchEngine::TickCost BenchEngine::tick() {
  elapsed_ms_ = std::max(elapsed_ms_, static_cast<double>(wake_at_ms_));
  TickCost out;
  const Stopwatch step;
  const double cpu_began = cpu_ms();
  engine_->step(now(), Tick{}, out_);
  out.step_cpu_ms = cpu_ms() - cpu_began;
  out.step_ms = step.seconds() * 1e3;
  if (out_.store.empty()) {
    (void)commit_all();
    return out;
  }
  const Stopwatch commit;
  out.commit_cpu_ms = commit_all();
  out.commit_ms = commit.seconds() * 1e3;
  return out;
}

Tag BenchEngine::mint() {
  minted_ = std::max(engine_->time(now()), Timestamp{minted_.value + 1});
  return {minted_, kSession};
}

std::uint64_t BenchEngine::counter(const std::string& name) const {
  const EngineCounters counters = engine_->counters();
  const auto found = counters.find(name);
  return found == counters.end() ? 0 : found->second;
}

std::int64_t BenchEngine::horizon_age_ms() const { return engine_->time(now()).ms() - engine_->garbage(now()).horizon.ms(); }

std::uint64_t BenchEngine::waiting() const {
  std::uint64_t out = 0;
  const auto snapshot = store_->snapshot();
  for (const ShardId shard : snapshot->shards()) {
    snapshot->collectable_after(shard, 0, [&](Lsn, std::string_view key) {
      out += key.empty() ? 0 : 1;
      return true;
    });
  }
  return out;
}

}  // namespace kith::bench
