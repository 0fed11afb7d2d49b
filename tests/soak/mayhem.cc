#include "tests/soak/mayhem.h"

#include <signal.h>

#include <algorithm>
#include <utility>

namespace kith::soak {
namespace {

constexpr std::int64_t kTryAgainMs = 300;
// After this nothing is put off any more.
constexpr std::int64_t kPutOffWindows = 20;
constexpr std::int64_t kSettledLookMs = 250;

}  // namespace

std::int64_t wall_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

Mayhem::Mayhem(SoakCluster& cluster, DiskCopies& copies, History& history, Figures& figures, std::int64_t retry_window_ms, std::vector<Fault> plan)
    : cluster_(cluster), copies_(copies), history_(history), figures_(figures), retry_window_ms_(retry_window_ms), nodes_(cluster.size()) {
  for (Fault& fault : plan) plan_.emplace(fault.at_ms, std::move(fault));
}

void Mayhem::tick(std::int64_t now_ms) {
  now_ms_ = now_ms;
  while (!later_.empty() && later_.begin()->first <= now_ms_) later_.extract(later_.begin()).mapped()();
  // Each is tried once, so that what is put off does not keep the others.
  std::vector<Fault> due;
  while (!plan_.empty() && plan_.begin()->first <= now_ms_) due.push_back(std::move(plan_.extract(plan_.begin()).mapped()));
  for (Fault& fault : due) {
    if (begin(fault)) continue;
    if (now_ms_ - fault.at_ms > kPutOffWindows * retry_window_ms_) {
      ++figures_.put_off;
    } else {
      plan_.emplace(now_ms_ + kTryAgainMs, std::move(fault));
    }
  }
  look_for_the_dead();
}

bool Mayhem::begin(const Fault& fault) {
  switch (fault.kind) {
    case FaultKind::kKill: return kill(fault);
    case FaultKind::kStop: return stop(fault);
    case FaultKind::kCut:
    case FaultKind::kCutOneWay:
    case FaultKind::kIsolate: return cut(fault);
    case FaultKind::kBackYoung:
    case FaultKind::kBackOld: return send_back(fault);
    case FaultKind::kBreak:
      cluster_.proxy().break_connections(fault.nodes.front());
      ++figures_.breaks;
      return true;
    case FaultKind::kWeather:
      cluster_.proxy().set_weather(fault.weather);
      ++figures_.weathers;
      return true;
  }
  return true;
}

std::size_t Mayhem::away() const {
  return static_cast<std::size_t>(std::count_if(nodes_.begin(), nodes_.end(), [](const Node& node) { return !node.up || node.stopped; }));
}

bool Mayhem::kill(const Fault& fault) {
  const bool all = fault.nodes.size() == nodes_.size();
  for (const std::size_t node : fault.nodes) {
    if (!nodes_[node].up) return false;
  }
  // A quorum stays, so that writes go on; but for the moment in which all are killed.
  const std::size_t spare = (nodes_.size() - 1) / 2;
  std::size_t would_be = away() + fault.nodes.size();
  for (const std::size_t node : fault.nodes) would_be -= nodes_[node].stopped ? 1 : 0;
  if (!all && would_be > spare) return false;
  for (const std::size_t node : fault.nodes) kill_one(node);
  for (const std::size_t node : fault.nodes) {
    // Often enough that there are copies of all ages.
    const auto youngest_ms = copies_.youngest_ms(node);
    if (!youngest_ms || now_ms_ - *youngest_ms > retry_window_ms_ / 3) copies_.take(node, cluster_.data_of(node), now_ms_);
    later_.emplace(now_ms_ + fault.lasts_ms, [this, node] { start(node); });
  }
  return true;
}

bool Mayhem::stop(const Fault& fault) {
  const std::size_t node = fault.nodes.front();
  if (!nodes_[node].up || nodes_[node].stopped || away() + 1 > (nodes_.size() - 1) / 2) return false;
  cluster_.node(node).send_signal(SIGSTOP);
  nodes_[node].stopped = true;
  ++figures_.stops;
  later_.emplace(now_ms_ + fault.lasts_ms, [this, node] { go_on(node); });
  return true;
}

bool Mayhem::cut(const Fault& fault) {
  std::vector<std::pair<std::size_t, std::size_t>> links;
  if (fault.kind == FaultKind::kIsolate) {
    for (std::size_t other = 0; other < nodes_.size(); ++other) {
      if (other == fault.nodes[0]) continue;
      links.emplace_back(fault.nodes[0], other);
      links.emplace_back(other, fault.nodes[0]);
    }
  } else {
    links.emplace_back(fault.nodes[0], fault.nodes[1]);
    if (fault.kind == FaultKind::kCut) links.emplace_back(fault.nodes[1], fault.nodes[0]);
  }
  for (const auto& [from, to] : links) cluster_.proxy().cut(from, to, true);
  ++figures_.cuts;
  later_.emplace(now_ms_ + fault.lasts_ms, [this, links] {
    for (const auto& [from, to] : links) cluster_.proxy().cut(from, to, false);
  });
  return true;
}

bool Mayhem::send_back(const Fault& fault) {
  for (const std::size_t node : fault.nodes) {
    if (!nodes_[node].up || nodes_[node].stopped) return false;
  }
  if (away() + fault.nodes.size() > (nodes_.size() - 1) / 2 || !disks_settled()) return false;
  const bool old = fault.kind == FaultKind::kBackOld;
  const std::int64_t least_ms = old ? 2 * retry_window_ms_ : 0;
  const std::int64_t most_ms = old ? now_ms_ + 1 : retry_window_ms_ * 9 / 10;
  std::vector<std::pair<std::size_t, DiskCopies::Copy>> back;
  for (const std::size_t node : fault.nodes) {
    auto copy = copies_.find(node, least_ms, most_ms, now_ms_);
    if (!copy) {
      // It waited too long for its moment: the copy that was meant for it is too old by now.
      if (const auto youngest_ms = copies_.youngest_ms(node); !youngest_ms || (!old && now_ms_ - *youngest_ms > most_ms)) {
        (void)kill({.at_ms = now_ms_, .kind = FaultKind::kKill, .nodes = {node}});
      }
      return false;
    }
    back.emplace_back(node, *std::move(copy));
  }
  figures_.disks_gone_back += back.size();
  const Timestamp held = held_by_others({fault.nodes.begin(), fault.nodes.end()});
  for (const auto& [node, copy] : back) kill_one(node);
  for (const auto& [node, copy] : back) {
    copies_.put_back(node, copy, cluster_.data_of(node));
    unsettled_[node] = Timestamp::at_ms(INT64_C(1) << 47);  // Until it is started.
    ++(old ? figures_.back_old : figures_.back_young);
  }
  const Timestamp at = Timestamp::at_ms(wall_ms(), Timestamp::kCounterMax);
  for (const auto& [node, copy] : back) {
    history_.add(DiskReturn{node, held, at});
    later_.emplace(now_ms_ + fault.lasts_ms, [this, node = node] { start(node); });
  }
  return true;
}

// The greatest: it is enough when one has it.
Timestamp Mayhem::held_by_others(const std::set<std::size_t>& not_these) const {
  Timestamp out;
  for (std::size_t node = 0; node < nodes_.size(); ++node) {
    if (not_these.contains(node) || !nodes_[node].up || nodes_[node].stopped) continue;
    if (const auto state = cluster_.state_of(node)) out = std::max(out, state->floor);
  }
  return out;
}

bool Mayhem::disks_settled() {
  if (unsettled_.empty()) return true;
  if (now_ms_ - settled_look_ms_ < kSettledLookMs) return false;
  settled_look_ms_ = now_ms_;
  std::erase_if(unsettled_, [&](const auto& one) {
    if (!nodes_[one.first].up || nodes_[one.first].stopped) return false;
    const auto state = cluster_.state_of(one.first);
    return state && state->introduced && !state->rebasing && state->floor > one.second;
  });
  return unsettled_.empty();
}

void Mayhem::kill_one(std::size_t node) {
  if (!cluster_.node(node).running()) look_for_the_dead();
  cluster_.node(node).kill();
  nodes_[node].up = nodes_[node].stopped = false;
  ++figures_.kills;
}

void Mayhem::start(std::size_t node) {
  if (nodes_[node].up) return;
  cluster_.node(node).restart();
  nodes_[node] = {.up = true, .stopped = false, .up_since_ms = now_ms_};
  // By its clock, which it may not have read yet.
  if (unsettled_.contains(node)) unsettled_[node] = Timestamp::at_ms(wall_ms() + 1000);
}

void Mayhem::go_on(std::size_t node) {
  if (!nodes_[node].stopped) return;
  cluster_.node(node).send_signal(SIGCONT);
  nodes_[node].stopped = false;
}

void Mayhem::heal() {
  for (auto& [at_ms, end] : std::exchange(later_, {})) end();
  cluster_.proxy().heal();
  for (std::size_t node = 0; node < nodes_.size(); ++node) {
    go_on(node);
    start(node);
  }
}

void Mayhem::look_for_the_dead() {
  for (std::size_t node = 0; node < nodes_.size(); ++node) {
    if (!nodes_[node].up || cluster_.node(node).running()) continue;
    const auto exit = cluster_.node(node).wait_exit();
    const std::string log = cluster_.node(node).output();
    figures_.find("n" + std::to_string(node + 1) + " ended by itself, with " +
                  (exit.signal != 0 ? "signal " + std::to_string(exit.signal) : "code " + std::to_string(exit.code)) + "; the end of its log:\n" +
                  log.substr(log.size() > 2000 ? log.size() - 2000 : 0));
    nodes_[node].up = nodes_[node].stopped = false;
    later_.emplace(now_ms_ + 1000, [this, node] { start(node); });
  }
}

}  // namespace kith::soak
