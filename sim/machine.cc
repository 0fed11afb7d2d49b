#include "sim/machine.h"

#include <algorithm>
#include <utility>

#include "crdt/check.h"
#include "gossip/core.h"

namespace kith::sim {

Disk Disk::copy() const { return {store->clone(), ghost, node_name, last_commit, founded, observer, drained, lead_ms}; }

Machine::Machine(std::uint32_t machine_index, std::string machine_name, const Scenario& scenario, std::uint64_t seed,
                 EventQueue& queue, Host& host)
    : index(machine_index), name(std::move(machine_name)), scenario_(scenario), seed_(seed), queue_(queue), host_(host) {
  disk.store = std::make_unique<MemoryStore>(scenario.disks.bytes_max);
  disk.node_name = name;
  disk.observer = observes(scenario, name);
}

void Machine::start(std::int64_t now_us, const std::vector<std::string>& join) {
  if (state_ != State::kDown || gone) return;
  join_ = join;
  // An empty disk that was something else before, or is a copy of an empty one: the name it had may be taken by now.
  if (!disk.store->snapshot()->meta(meta::kNodeId) && (lives_ > 0 || clone)) {
    disk.node_name = name + "-" + std::to_string(lives_ + 1);
  }
  NodeSetup setup;
  setup.name = disk.node_name;
  setup.client_address = name + ":1";
  setup.peer_address = address();
  setup.shard_count = scenario_.shard_count;
  if (disk.observer) setup.role = Role::kObserver;
  if (!disk.founded || lives_ > 0) setup.join = join;  // Who starts a node again tells it whom to ask.
  if (const auto problem = check_setup(*disk.store->snapshot(), setup)) {
    host_.on_stopped(*this, *problem);
    return;
  }
  state_ = State::kUp;
  out_.clear();
  ++lives_;
  engine_ = std::make_unique<Engine>(scenario_.engine, setup, *disk.store, scatter(seed_, 0xe29e, index, lives_));
  engine_->start(look_at_clock(now_us), out_);
  host_.on_start(*this);
  settle(now_us);
}

void Machine::end() {
  if (!engine_) return;
  former_counters_ = counters();
  host_.on_end(*this);
  engine_.reset();
  state_ = State::kDown;
  inbox_.clear();
  probes_.clear();
  out_.clear();
  committing_ = commit_waits_ = tick_waits_ = probe_tick_waits_ = stopping_ = false;
  ++commit_number_;
  wake_us_ = probe_us_ = -1;
}

void Machine::crash() {
  if (!engine_) return;
  const bool on_the_way = std::exchange(committing_, false);
  StoreBatch batch;
  std::swap(batch, batch_);
  // LMDB's commit ends with one page that says which tree is the tree: it is there or it is not.
  const bool durable = on_the_way && Draw(scatter(seed_, 0x7042, index, lives_)).one_in(2);
  if (durable) {
    try {
      disk.store->commit(batch);
      host_.on_durable(*this, batch, nullptr);
    } catch (const StoreError&) {  // It was full, too.
    }
  }
  end();
}

void Machine::stop(std::int64_t now_us) {
  if (!engine_ || stopping_) return;
  stopping_ = true;
  input(now_us, Stop{});
  if (engine_ && !committing_ && state_ == State::kUp) end();
}

void Machine::pause() {
  if (state_ == State::kUp) state_ = State::kPaused;
}

void Machine::resume(std::int64_t now_us) {
  if (state_ != State::kPaused) return;
  state_ = State::kUp;
  if (std::exchange(commit_waits_, false)) {
    commit_done(now_us, commit_number_);
  } else if (!committing_) {
    settle(now_us);
  }
}

void Machine::input(std::int64_t now_us, Input what) {
  if (!engine_) return;
  if (committing_ || state_ == State::kPaused) {
    if (inbox_.size() < kInboxMax) inbox_.push_back(std::move(what));
    return;
  }
  step(now_us, what);
  settle(now_us);
}

void Machine::probed(std::int64_t now_us, PeerFrame frame) {
  if (!engine_) return;
  if (committing_ || state_ == State::kPaused) {
    if (probes_.size() < kInboxMax) probes_.push_back(std::move(frame));
    return;
  }
  step(now_us, frame);
  settle(now_us);
}

void Machine::tick(std::int64_t now_us, std::uint64_t what) {
  if (!engine_ || wake_us_ != now_us || what != lives_) return;  // An earlier appointment, or an earlier life's.
  wake_us_ = -1;
  if (committing_ || state_ == State::kPaused) {
    tick_waits_ = true;
    return;
  }
  step(now_us, Tick{});
  settle(now_us);
}

void Machine::probe_tick(std::int64_t now_us, std::uint64_t what) {
  if (!engine_ || probe_us_ != now_us || what != lives_) return;
  probe_us_ = -1;
  if (committing_ || state_ == State::kPaused) {
    probe_tick_waits_ = true;
    return;
  }
  step(now_us, ProbeTick{});
  settle(now_us);
}

Instant Machine::look_at_clock(std::int64_t now_us) {
  const Instant now = instant(now_us);
  disk.lead_ms = std::max(disk.lead_ms, now.wall_ms - (kEpochUs + now_us) / 1000);
  return now;
}

void Machine::step(std::int64_t now_us, const Input& what) {
  const auto* operation = std::get_if<Operation>(&what);
  if (operation != nullptr) host_.before_operation(*this, *operation);
  engine_->step(look_at_clock(now_us), what, out_);
  if (operation != nullptr) host_.after_operation(*this, *operation);
}

void Machine::settle(std::int64_t now_us) {
  for (;;) {
    if (!out_.store.empty()) return begin_commit(now_us);
    release();
    if (!engine_) return;
    if (engine_->has_left()) {
      end();
      gone = disk.drained;
      return host_.on_left(*this);
    }
    if (engine_->life_is_over()) {  // In one process, as kithd does it; to whoever looks on it is another one.
      const bool paused = state_ == State::kPaused, stops = stopping_;
      end();
      if (stops) return;
      start(now_us, std::vector<std::string>(join_));
      if (paused) pause();
      return;
    }
    if (stopping_ && inbox_.empty()) return end();
    if (state_ == State::kPaused || (inbox_.empty() && probes_.empty() && !tick_waits_ && !probe_tick_waits_)) break;
    for (std::size_t i = 0; i < kGatheredMax && !inbox_.empty(); ++i) {
      const Input next = std::move(inbox_.front());
      inbox_.pop_front();
      step(now_us, next);
    }
    for (; !probes_.empty(); probes_.pop_front()) step(now_us, probes_.front());
    if (std::exchange(tick_waits_, false)) step(now_us, Tick{});
    if (std::exchange(probe_tick_waits_, false)) step(now_us, ProbeTick{});
  }
  keep_appointments(now_us);
}

void Machine::keep_appointments(std::int64_t now_us) {
  if (out_.probe_at_ms) {
    const std::int64_t probe_us = std::max(*out_.probe_at_ms * 1000, now_us + 1);
    if (probe_us_ < 0 || probe_us_ > probe_us) {
      probe_us_ = probe_us;
      queue_.put(probe_us, Due::Kind::kProbeTick, index, lives_);
    }
  }
  const std::int64_t wake_us = std::max(out_.wake_at_ms * 1000, now_us + 1);
  if (wake_us_ >= 0 && wake_us_ <= wake_us) return;
  wake_us_ = wake_us;
  queue_.put(wake_us, Due::Kind::kTick, index, lives_);
}

void Machine::begin_commit(std::int64_t now_us) {
  committing_ = true;
  std::swap(batch_, out_.store);
  out_.store.clear();
  Draw draw(scatter(seed_, 0x5c4c, index, ++commit_number_));
  const std::int64_t least_us = sync_us.value_or(scenario_.disks.sync_us);
  const std::int64_t jitter_us = sync_us ? *sync_us / 2 : scenario_.disks.sync_jitter_us;
  queue_.put(now_us + least_us + draw.exponential(jitter_us), Due::Kind::kCommitDone, index, commit_number_);
}

void Machine::commit_done(std::int64_t now_us, std::uint64_t what) {
  if (!committing_ || what != commit_number_) return;
  if (state_ == State::kPaused) {
    commit_waits_ = true;
    return;
  }
  StoreBatch batch;
  std::swap(batch, batch_);
  try {
    if (std::exchange(fail_next_sync, false)) {
      // What a failed sync left on the disk nobody knows: all of it, or nothing.
      if (Draw(scatter(seed_, 0xfa11, index, commit_number_)).one_in(2)) {
        disk.store->commit(batch);
        host_.on_durable(*this, batch, nullptr);
      }
      throw StoreError(StoreError::Kind::kOther, "the disk reported an error on sync");
    }
    const CommitReport report = disk.store->commit(batch);
    committing_ = false;
    host_.on_durable(*this, batch, &report);
    engine_->committed(instant(now_us), report, out_);
  } catch (const StoreError& error) {
    end();  // Any error from a commit stops the node.
    host_.on_stopped(*this, error.what());
    return;
  }
  settle(now_us);
}

void Machine::release() {
  for (const auto& send : out_.sends) host_.on_send(*this, send);
  std::vector<Reply> replies = std::exchange(out_.replies, {});
  for (Reply& reply : replies) host_.on_reply(*this, std::move(reply));
  for (const auto& note : out_.notes) host_.on_note(*this, note);
  const bool refused = out_.refused_for_good;
  const std::int64_t wake_at_ms = out_.wake_at_ms;
  const auto probe_at_ms = out_.probe_at_ms;
  out_.clear();
  out_.wake_at_ms = wake_at_ms;
  out_.probe_at_ms = probe_at_ms;
  if (!refused) return;
  refused_for_good = true;
  end();
  host_.on_stopped(*this, "it was refused for good");
}

std::map<std::string, std::uint64_t> Machine::counters() const {
  auto out = former_counters_;
  if (!engine_) return out;
  for (const auto& [counter, count] : engine_->counters()) out[counter] += count;
  return out;
}

}  // namespace kith::sim
