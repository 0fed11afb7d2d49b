// tools/bench/bench_engine.h -- a cluster of one: the real engine on a real LMDB store, driven by hand.
//
// Its clock runs only while it works, or is moved on: timestamps begin at the wall clock's.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "gossip/engine.h"
#include "node/worker.h"
#include "store/lmdb_store.h"
#include "tools/bench/measure.h"

namespace kith::bench {

class BenchEngine {
 public:
  BenchEngine(const EngineOptions& options, const std::string& directory);
  ~BenchEngine();
  BenchEngine(const BenchEngine&) = delete;
  BenchEngine& operator=(const BenchEngine&) = delete;

  // Steps all of them, and a tick when one is due, then commits once.  Throws std::runtime_error when one is refused.
  void commit(std::vector<Operation> operations);

  struct TickCost {
    double step_ms = 0, step_cpu_ms = 0;      // Of the tick: the collector, and whatever else is due.
    double commit_ms = 0, commit_cpu_ms = 0;  // Zero when there was nothing to commit.
  };
  // Moves the clock on to when the engine wants to be woken.
  TickCost tick();

  void begin_life();  // The same store, another engine: as after a kill.

  Tag mint();         // Of one session.
  std::uint64_t counter(const std::string& name) const;
  std::uint64_t waiting() const;  // Rows with something to collect, data and member table alike.
  std::int64_t horizon_age_ms() const;
  double elapsed_ms() const { return elapsed_ms_; }
  const Store& store() const { return *store_; }

 private:
  Instant now() const;
  double commit_all();  // CPU time.

  EngineOptions options_;
  Worker beside_;  // Of the store, as in kithd.
  std::unique_ptr<LmdbStore> store_;
  std::unique_ptr<Engine> engine_;
  Output out_;
  std::int64_t wall_began_ms_ = 0;
  double elapsed_ms_ = 0;
  std::int64_t wake_at_ms_ = 0;
  Timestamp minted_;
  std::uint64_t lives_ = 0;
};

}  // namespace kith::bench
