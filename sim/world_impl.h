// sim/world_impl.h -- the world's inside, for the files that make it up.
//
//     world.cc           the loop, messages, requests and answers
//     world_timeline.cc  what the events of the timeline do, and what they claim
//     world_claims.cc    what they claim of members
//     world_healing.cc   the end: a core healed, everything healed, the verdict
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <unordered_map>
#include <vector>

#include "sim/clients.h"
#include "sim/judge.h"
#include "sim/machine.h"
#include "sim/network.h"
#include "sim/recorder.h"
#include "sim/world.h"

namespace kith::sim {

// Of what an operator asks for; no client's request.
inline constexpr std::uint64_t kEvictRequest = ~std::uint64_t{0};
inline constexpr std::uint64_t kDrainRequest = kEvictRequest - 1;

class World final : public Host {
 public:
  World(const Scenario& scenario, std::uint64_t seed, const RunOptions& options);
  RunResult run();

  // ---- Host
  void on_send(Machine& from, const Output::Send& send) override;
  void on_reply(Machine& from, Reply&& reply) override;
  void on_note(Machine& from, const Output::Note& note) override;
  void on_durable(Machine& at, const StoreBatch& batch, const CommitReport* report) override;
  void on_start(Machine& at) override;
  void on_stopped(Machine& at, const std::string& why) override;
  void on_left(Machine& at) override;
  void before_operation(Machine& at, const Operation& operation) override;
  void after_operation(Machine& at, const Operation& operation) override;
  void on_end(Machine& at) override { judge_.crashed(at); }

 private:
  // ---- world.cc
  void run_until(std::int64_t at_us);
  void dispatch(const Due& due);
  void deliver(const Due& due);
  void request(std::uint32_t call, std::uint32_t machine);   // One attempt.
  void answer(const Due& due);
  void timed_out(const Due& due);
  void write(const Event& event);
  void trace(const std::string& line);
  bool tracing() const { return static_cast<bool>(options_.trace); }
  Machine& machine(const std::string& name) { return *machines_[names_.at(name)]; }
  std::vector<Machine*> group(const std::vector<std::string>& names);
  std::vector<std::string> addresses_but(const Machine& machine) const;
  void mark(const std::string& name, std::uint64_t by = 1) { result_.marks[name] += by; }
  void hash(std::uint64_t what) { data_hash_ = scatter(data_hash_ ^ what); }
  void start(Machine& machine) { machine.start(now_us_, addresses_but(machine)); }
  std::vector<Machine*> up() const;
  std::vector<Machine*> all() const;

  // ---- world_timeline.cc
  void happen(const Event& event);
  void cut(const std::vector<std::string>& a, const std::vector<std::string>& b, bool both_ways, bool cut);
  void split(const Event& event);
  void swizzle(const Event& event);
  void swizzle_step(std::uint64_t which);
  void destroy_disk(Machine& machine);
  void restore(Machine& machine);
  void swap_disks(Machine& a, Machine& b);
  void clone(Machine& from, Machine& to);
  void flip_bit(Machine& machine);
  void read(const Event& event);
  void claim(const Event& event);
  void claim_content(const Event& event);
  void claim_of_members(const Event& event, bool named, const std::function<bool(const MemberStatus&)>& is_so);
  void claim_evicted(const Event& event);
  void claim_left(const Event& event);
  void claim_dead(const Event& event);
  void wait_for(std::vector<Machine*> among, std::int64_t within_us, std::int64_t since_us, const Event* event);

  // ---- world_healing.cc
  void heal_machine(Machine& machine);
  void heal_all();
  void converge(const std::vector<Machine*>& machines, char law, const std::string& who);
  bool was_cloned(const Machine& machine) const;
  bool out_for_each_other(const std::vector<Machine*>& machines);
  void evict_who_is_gone(const std::vector<Machine*>& machines);
  void recover_if_nobody_is_left(const std::vector<Machine*>& machines);
  void heal_core();
  std::size_t scrub(const std::vector<Machine*>& machines);
  void finish();
  void gather_marks();

  const Scenario& scenario_;
  const std::uint64_t seed_;
  const RunOptions& options_;
  RunResult result_;
  std::uint64_t data_hash_ = 0, probes_hash_ = 0;
  std::uint64_t trace_hash() const { return probes_hash_ == 0 ? data_hash_ : scatter(data_hash_ ^ probes_hash_); }
  std::int64_t now_us_ = 0;
  std::int64_t operator_looked_us_ = 0;
  bool operator_was_here_ = false;
  std::vector<Event> timeline_;                  // The workload among it.
  EventQueue queue_;
  std::vector<std::unique_ptr<Machine>> machines_;
  std::unordered_map<std::string, std::uint32_t> names_;
  std::unordered_map<std::string, std::uint32_t> addresses_;
  std::unique_ptr<Network> network_;
  std::unique_ptr<Recorder> recorder_;
  Judge judge_;
  Clients clients_;
  struct Request {
    std::uint32_t call = 0;
    std::uint32_t machine = 0;
  };
  struct Answer {
    std::uint64_t request = 0;
    Reply reply;
    Timestamp time;
  };
  std::vector<Request> requests_;                // By request number less one.
  std::vector<Answer> answers_;                  // That arrive; and how many there were with those that are lost.
  std::uint64_t answers_drawn_ = 0;
  struct Wait {
    std::vector<Machine*> among;
    std::int64_t within_us = 0, since_us = 0;
    const Event* event = nullptr;
  };
  std::vector<Wait> waits_;                      // Claims of convergence that are not decided yet.
  bool healing_ = false;                 // The timeline is over.
  std::vector<std::pair<std::uint32_t, bool>> swizzles_;  // Machine, and whether it is cut off or reached again.
  bool clients_stopped_ = false;
  std::uint64_t flips_ = 0;
};

}  // namespace kith::sim
