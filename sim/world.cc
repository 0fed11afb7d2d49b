#include <xxhash.h>

#include <algorithm>

#include "crdt/check.h"
#include "gossip/message_words.h"
#include "sim/formation.h"
#include "sim/world_impl.h"

namespace kith::sim {
namespace {

constexpr std::int64_t kClientDelayUs = 150;        // The least between a client and a node.
constexpr std::int64_t kClientJitterUs = 100;
constexpr std::size_t kMembersWithGhostsMax = 64;

}  // namespace

RunResult run(const Scenario& scenario, std::uint64_t seed, const RunOptions& options) {
  return World(scenario, seed, options).run();
}

World::World(const Scenario& scenario, std::uint64_t seed, const RunOptions& options)
    : scenario_(scenario), seed_(seed), options_(options), judge_(scenario, result_.marks), clients_(seed, scenario.clients) {
  judge_.check_messages = options.check_messages;
  timeline_ = with_workload_expanded(scenario, seed).timeline;

  std::vector<std::string> names = scenario.nodes;
  for (const Event& event : timeline_) {
    if (event.action == Action::kJoin || event.action == Action::kClone) names.push_back(event.name);
  }
  std::vector<Machine*> formed;
  for (const auto& name : names) {
    const auto index = static_cast<std::uint32_t>(machines_.size());
    names_[name] = index;
    machines_.push_back(std::make_unique<Machine>(index, name, scenario_, seed, queue_, *this));
    addresses_[machines_.back()->address()] = index;
    if (index < scenario.nodes.size()) formed.push_back(machines_.back().get());
  }
  network_ = std::make_unique<Network>(seed, static_cast<std::uint32_t>(machines_.size()), scenario.links);
  for (const auto& between : scenario.between) {
    for (const Machine* a : group({between.a})) {
      for (const Machine* b : group({between.b})) {
        if (a != b) network_->set_quality(a->index, b->index, between.quality);
      }
    }
  }
  form_cluster(formed, scenario, seed, formed.size() <= kMembersWithGhostsMax);
  if (options.recording != nullptr) recorder_ = std::make_unique<Recorder>(*options.recording, scenario, machines_);
}

RunResult World::run() {
  try {
    Draw draw(scatter(seed_, 0x57a7));
    for (std::size_t i = 0; i < scenario_.nodes.size(); ++i) {
      queue_.put(draw.between(0, 50'000), Due::Kind::kStart, static_cast<std::uint32_t>(i), 0);
    }
    for (std::size_t i = 0; i < timeline_.size(); ++i) queue_.put(timeline_[i].at_us, Due::Kind::kTimeline, 0, i);
    if (recorder_) queue_.put(0, Due::Kind::kSample, 0, 0);
    run_until(scenario_.duration_us);
    finish();
  } catch (const Violation& violation) {
    result_.failure = Failure{violation.law(), now_us_, violation.what()};
    trace(std::string("VIOLATION ") + violation.law() + ": " + violation.what());
  }
  gather_marks();
  result_.trace_hash = trace_hash();
  result_.data_hash = data_hash_;
  result_.virtual_us = now_us_;
  result_.messages = network_->figures().sent;
  result_.message_bytes = network_->figures().bytes;
  result_.writes = judge_.oracle().acknowledged_count();
  if (recorder_) {
    Recording& recording = recorder_->recording();
    recorder_->end_everything(now_us_);
    recording.seed = seed_;
    recording.trace_hash = trace_hash();
    if (result_.failure) recording.failures.push_back(std::string(1, result_.failure->law) + ": " + result_.failure->text);
    for (const auto& machine : machines_) {
      for (const auto& [counter, count] : machine->counters()) {
        if (!counter.starts_with("sent_")) continue;
        const bool bytes = counter.ends_with("_bytes");
        auto& traffic = recording.traffic[counter.substr(5, counter.size() - 5 - (bytes ? 6 : 0))];
        (bytes ? traffic.bytes : traffic.messages) += count;
      }
    }
  }
  return std::move(result_);
}

void World::run_until(std::int64_t at_us) {
  while (!queue_.empty() && queue_.next_at_us() <= at_us) {
    const Due due = queue_.take();
    now_us_ = due.at_us;
    ++result_.steps;
    dispatch(due);
  }
  now_us_ = std::max(now_us_, at_us);
}

void World::dispatch(const Due& due) {
  Machine& at = *machines_[due.machine];
  switch (due.kind) {
    case Due::Kind::kDeliver: return deliver(due);
    case Due::Kind::kTick: return at.tick(now_us_, due.what);
    case Due::Kind::kProbeTick: return at.probe_tick(now_us_, due.what);
    case Due::Kind::kCommitDone: return at.commit_done(now_us_, due.what);
    case Due::Kind::kTimeline: return happen(timeline_[due.what]);
    case Due::Kind::kAnswer: return answer(due);
    case Due::Kind::kTimeout: return timed_out(due);
    case Due::Kind::kStart: return start(at);
    case Due::Kind::kRequest: {
      const Request& it = requests_[due.what - 1];
      if (!at.up()) return;
      Operation operation = clients_.call(it.call).operation;
      operation.request = due.what;
      return at.input(now_us_, std::move(operation));
    }
    case Due::Kind::kSample:
      recorder_->sample(now_us_);
      queue_.put(now_us_ + recorder_->recording().sample_interval_us, Due::Kind::kSample, 0, 0);
      return;
    case Due::Kind::kSwizzle: return swizzle_step(due.what);
    case Due::Kind::kWait: {
      const Wait it = waits_[due.what];
      return wait_for(it.among, it.within_us, it.since_us, it.event);
    }
  }
}

void World::deliver(const Due& due) {
  auto message = network_->arrive(due.what);
  if (!message) return;
  Machine& to = *machines_[due.machine];
  if (tracing()) trace(machines_[message->from]->name + " -> " + to.name + (to.up() ? "" : " (down)") + ": " + describe(message->bytes));
  const auto before = tracing() ? to.counters() : std::map<std::string, std::uint64_t>{};
  PeerFrame frame{std::move(message->bytes)};
  if (message->probe) to.probed(now_us_, std::move(frame));
  else to.input(now_us_, std::move(frame));
  if (!tracing()) return;
  for (const auto& [counter, count] : to.counters()) {
    const auto at = before.find(counter);
    if (counter.starts_with("dropped_") && count != (at == before.end() ? 0 : at->second)) trace(to.name + " " + counter);
  }
}

// ---- Machines

void World::on_send(Machine& from, const Output::Send& send) {
  judge_.on_send(from, send.bytes);
  const std::uint64_t what = XXH3_64bits(send.bytes.data(), send.bytes.size()) ^ (std::uint64_t{from.index} << 48) ^ static_cast<std::uint64_t>(now_us_);
  if (send.probe) probes_hash_ = scatter(probes_hash_ ^ what);
  else hash(what);
  if (recorder_) recorder_->on_send(from, send.bytes.size());
  const auto to = addresses_.find(send.address);
  if (to != addresses_.end()) network_->send(now_us_, from.index, to->second, send.bytes, send.probe, queue_);
}

void World::on_reply(Machine& from, Reply&& reply) {
  if (reply.request == kEvictRequest) {
    mark(reply.outcome == Outcome::kOk ? "eviction under way" : "eviction refused");
    if (tracing()) trace(from.name + (reply.message.empty() ? " does as the operator says" : " does not evict: " + reply.message));
    return;
  }
  if (reply.request == kDrainRequest) {
    mark(reply.outcome == Outcome::kOk ? "told to leave, or to stay" : "neither leaves nor stays");
    if (tracing()) trace(from.name + (reply.message.empty() ? " does as the operator says" : " does not: " + reply.message));
    return;
  }
  hash(reply.request ^ (static_cast<std::uint64_t>(reply.outcome) << 56) ^ reply.tag.at.value);
  judge_.on_reply(from, reply, all());
  // An answer travels like everything else, and may be lost.
  Draw draw(scatter(seed_, 0xa25e, answers_drawn_++));
  const bool lost = draw.chance(scenario_.links.loss);
  if (lost) return mark("answer lost");
  answers_.push_back({reply.request, std::move(reply), from.engine().time(from.instant(now_us_))});
  queue_.put(now_us_ + kClientDelayUs + draw.exponential(kClientJitterUs), Due::Kind::kAnswer, from.index, answers_.size() - 1);
}

void World::on_note(Machine& from, const Output::Note& note) {
  if (tracing()) trace(from.name + " notes: " + note.text);
}

void World::on_durable(Machine& at, const StoreBatch& batch, const CommitReport* report) {
  if (report == nullptr) mark("crash while a commit was under way, and it had reached the disk");
  if (tracing()) {
    for (const auto& change : batch.cells()) {
      trace(at.name + " stored " + cell_in_words(store_key(change.shard, change.cell)) + ": " + in_words(change.delta));
    }
    for (const auto& [which, held] : batch.held()) {
      trace(at.name + " holds of shard " + std::to_string(which.first) + " all of " + to_hex(which.second.value).substr(0, 4) + " up to " +
            std::to_string(held.ms() % 1'000'000) + "." + std::to_string(held.counter()));
    }
  }
  judge_.on_durable(at, batch, report, now_us_);
  if (recorder_) recorder_->on_durable(at, batch, judge_.origin_of(at), now_us_);
}

void World::on_start(Machine& at) {
  judge_.on_start(at, now_us_);
  if (recorder_) recorder_->end("down " + at.name, now_us_);
  if (tracing()) trace(at.name + " starts");
}

void World::on_left(Machine& at) {
  mark("left the cluster");
  if (tracing()) trace(at.name + " has left the cluster");
  if (recorder_) recorder_->begin("down " + at.name, Recording::Span::Kind::kDown, {at.index}, at.name + " left", now_us_);
  if (at.gone) judge_.left(all());
}

void World::on_stopped(Machine& at, const std::string& why) {
  mark("stopped by itself");
  if (tracing()) trace(at.name + " stops: " + why);
  if (recorder_) {
    recorder_->happened(now_us_, at.name + " stopped: " + why);
    recorder_->begin("down " + at.name, Recording::Span::Kind::kDown, {at.index}, at.name + " down", now_us_);
  }
}

void World::before_operation(Machine& at, const Operation& operation) { judge_.before_operation(at, operation, now_us_); }
void World::after_operation(Machine& at, const Operation& operation) { judge_.after_operation(at, operation.request, now_us_); }

// ---- Clients

void World::write(const Event& event) {
  Machine& at = machine(event.groups.front().front());
  const Timestamp time = at.up() ? at.engine().time(at.instant(now_us_)) : Timestamp::at_ms((kEpochUs + now_us_) / 1000);
  request(clients_.begin(event, now_us_, time), at.index);
}

void World::request(std::uint32_t call, std::uint32_t to) {
  Clients::Call& it = clients_.call(call);
  ++it.attempts;
  requests_.push_back({call, to});
  const std::uint64_t number = requests_.size();
  Draw draw(scatter(seed_, 0x4e0e, number));
  if (tracing()) trace((it.session.empty() ? "somebody" : it.session) + " asks " + machines_[to]->name + ": " + to_words(*it.event) +
                       (it.attempts > 1 ? ", attempt " + std::to_string(it.attempts) : ""));
  if (!draw.chance(scenario_.links.loss)) {
    queue_.put(now_us_ + kClientDelayUs + draw.exponential(kClientJitterUs), Due::Kind::kRequest, to, number);
  }
  queue_.put(now_us_ + scenario_.clients.timeout_us, Due::Kind::kTimeout, to, number);
}

void World::answer(const Due& due) {
  const Answer& it = answers_[due.what];
  const std::uint32_t call = requests_[it.request - 1].call;
  if (clients_.vanished(clients_.call(call).session)) return;
  const bool first = clients_.answered(call, it.reply, it.time, now_us_);
  if (!first) mark("answered more than once");
  if (tracing()) {
    trace(machines_[due.machine]->name + " answers request " + std::to_string(it.request) + ": " + std::string(to_string(it.reply.outcome)) +
          (it.reply.code == Refusal::kNone ? "" : " " + std::string(to_string(it.reply.code))));
  }
  if (first && recorder_) {
    ++recorder_->recording().outcomes[it.reply.outcome == Outcome::kRefused ? "refused: " + std::string(to_string(it.reply.code))
                                                                           : std::string(to_string(it.reply.outcome))];
  }
}

void World::timed_out(const Due& due) {
  const Request it = requests_[due.what - 1];
  if (clients_stopped_ || !clients_.retries(it.call)) return;
  mark("retried after a timeout");
  const auto count = static_cast<std::uint32_t>(machines_.size());
  const auto hop = static_cast<std::uint32_t>(1 + Draw(scatter(seed_, 0x4e7, due.what)).below(count));
  request(it.call, (it.machine + hop) % count);
}

// ---- Small things

std::vector<Machine*> World::group(const std::vector<std::string>& names) {
  std::vector<Machine*> out;
  for (const auto& name : resolve(scenario_, names)) out.push_back(&machine(name));
  return out;
}

std::vector<std::string> World::addresses_but(const Machine& but) const {
  std::vector<std::string> out;
  for (const auto& it : machines_) {
    if (it.get() != &but && out.size() < 8) out.push_back(it->address());
  }
  return out;
}

std::vector<Machine*> World::all() const {
  std::vector<Machine*> out;
  for (const auto& it : machines_) out.push_back(it.get());
  return out;
}

std::vector<Machine*> World::up() const {
  std::vector<Machine*> out;
  for (const auto& it : machines_) {
    if (it->up()) out.push_back(it.get());
  }
  return out;
}

void World::trace(const std::string& line) {
  if (!tracing()) return;
  std::string at = std::to_string(now_us_ / 1000);
  at = at.size() > 3 ? at.substr(0, at.size() - 3) + "." + at.substr(at.size() - 3) : "0." + std::string(3 - at.size(), '0') + at;
  options_.trace(at + "s  " + line);
}

}  // namespace kith::sim
