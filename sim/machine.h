// sim/machine.h -- one simulated machine: an engine, a disk, a clock, and the loop that kithd runs around them.
//
//     input -> [inbox while a commit runs or the machine is paused] -> Engine::step -> commit, takes a while ->
//     Engine::committed -> sends and replies
//
// The engine and the store are the ones that kithd has; what is simulated is around and beneath them.  As in kithd, all
// that waits is stepped into one batch, and nothing leaves before the batch is durable.
// Tells its host of everything that the outside could see.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gossip/engine.h"
#include "sim/draw.h"
#include "sim/event_queue.h"
#include "sim/ghost.h"
#include "sim/machine_clock.h"
#include "sim/scenario.h"
#include "store/memory_store.h"

namespace kith::sim {

// What outlasts a process: the data directory, and beside it what it must hold.
struct Disk {
  std::unique_ptr<MemoryStore> store;
  Ghost ghost;
  std::string node_name;       // The --name that goes with this directory.
  Timestamp last_commit;       // The latest that any life on this disk made durable.
  bool founded = false;        // A node began here: it needs no --join.
  bool observer = false;       // What its node is.
  bool drained = false;        // Once its node has left the cluster the machine is gone for good.
  std::int64_t lead_ms = 0;    // How far ahead of true time a clock that it was used with has been, at most.

  Disk copy() const;
};

class Machine;

// Whoever looks on.  Called in the order in which things happen.
class Host {
 public:
  virtual ~Host() = default;
  virtual void on_send(Machine& from, const Output::Send& send) = 0;
  virtual void on_reply(Machine& from, Reply&& reply) = 0;
  virtual void on_note(Machine& from, const Output::Note& note) = 0;
  // The batch is on the disk; `report` is null when nobody is alive to be told (the machine crashed on the way).
  virtual void on_durable(Machine& at, const StoreBatch& batch, const CommitReport* report) = 0;
  virtual void on_start(Machine& at) = 0;                       // A life has begun: nothing of it is durable yet.
  virtual void on_stopped(Machine& at, const std::string& why) = 0;  // By itself: the disk failed, or it was refused for good.
  virtual void before_operation(Machine& at, const Operation& operation) = 0;
  virtual void after_operation(Machine& at, const Operation& operation) = 0;
  virtual void on_left(Machine& at) = 0;                        // The same, having left the cluster as it was told to.
  virtual void on_end(Machine& at) = 0;                         // The process is no more.
};

class Machine {
 public:
  enum class State : std::uint8_t { kDown, kUp, kPaused };

  Machine(std::uint32_t index, std::string name, const Scenario& scenario, std::uint64_t seed, EventQueue& queue, Host& host);

  // ---- Who it is
  const std::uint32_t index;
  const std::string name;       // The machine's; the node on its disk may have another one (Disk::node_name).
  std::string address() const { return name + ":2"; }

  // ---- What happens to it.  Each is harmless when it does not apply.
  void start(std::int64_t now_us, const std::vector<std::string>& join);
  void crash();              // A commit under way may have reached the disk, or not.
  void stop(std::int64_t now_us);               // Tells the peers, then goes down.
  void pause();
  void resume(std::int64_t now_us);
  void input(std::int64_t now_us, Input what);
  void probed(std::int64_t now_us, PeerFrame frame);
  void tick(std::int64_t now_us, std::uint64_t what);
  void probe_tick(std::int64_t now_us, std::uint64_t what);
  void commit_done(std::int64_t now_us, std::uint64_t what);

  // ---- State
  State state() const { return state_; }
  bool up() const { return state_ != State::kDown; }
  bool answering() const { return state_ == State::kUp; }
  Engine& engine() { return *engine_; }         // REQUIRES: up().
  const Output& output() const { return out_; } // Gathered, not acted on yet.
  // What has expired by then this node does not serve: the cluster's time, or its wall's where that is ahead.
  std::int64_t time_ms(std::int64_t now_us) const {
    const Instant now = instant(now_us);
    return engine_ ? std::max(engine_->time(now).ms(), now.wall_ms) : now.wall_ms;
  }
  Instant instant(std::int64_t now_us) const { return {now_us / 1000, clock.wall_ms(now_us)}; }
  std::uint64_t lives() const { return lives_; }
  bool committing() const { return committing_; }
  std::map<std::string, std::uint64_t> counters() const;  // Of all its lives.

  Disk disk;
  std::optional<Disk> backup;
  MachineClock clock;
  std::optional<std::int64_t> sync_us;          // Instead of the scenario's.
  bool fail_next_sync = false;
  bool joins = false;                           // Its disk was empty when the run began: it has to be let in.
  bool gone = false;                            // Left for good.
  bool clone = false;                           // A copy of another machine.
  bool refused_for_good = false;

 private:
  void step(std::int64_t now_us, const Input& what);
  void keep_appointments(std::int64_t now_us);  // Ticks, when the engine wants them.
  Instant look_at_clock(std::int64_t now_us);
  std::vector<std::string> join_;               // Who starts it anew tells it the same.
  void settle(std::int64_t now_us);             // Acts on the output.
  void begin_commit(std::int64_t now_us);
  void release();
  void end();                // The process is no more.

  static constexpr std::size_t kInboxMax = 20'000;
  static constexpr std::size_t kGatheredMax = 256;

  const Scenario& scenario_;
  std::uint64_t seed_;
  EventQueue& queue_;
  Host& host_;

  State state_ = State::kDown;
  std::unique_ptr<Engine> engine_;
  Output out_;
  std::deque<Input> inbox_;
  std::deque<PeerFrame> probes_;                // SUBTLE: apart, so that they take nobody's place, nor delay anything.
  bool committing_ = false, commit_waits_ = false, tick_waits_ = false, probe_tick_waits_ = false;
  bool stopping_ = false;
  StoreBatch batch_;
  std::uint64_t commit_number_ = 0;
  std::int64_t wake_us_ = -1, probe_us_ = -1;   // When the ticks that count are due; -1: none.
  std::uint64_t lives_ = 0;
  std::map<std::string, std::uint64_t> former_counters_;
};

}  // namespace kith::sim
