#include "tests/gossip/detector_net.h"

#include <algorithm>

namespace kith::test {

DetectorNet::DetectorNet(std::size_t count, std::uint64_t seed, const Detector::Options& options)
    : nodes(count), options_(options), random_(seed), seed_(seed) {
  for (std::size_t i = 0; i < count; ++i) {
    nodes[i].id = NodeId{i + 1};
    nodes[i].start = Timestamp::at_ms(1'700'000'000'000);
  }
  for (std::size_t i = 0; i < count; ++i) start(i);
  for (std::size_t i = 0; i < count; ++i) tell_all_members(i);
}

void DetectorNet::start(std::size_t which) {
  Node& node = nodes[which];
  node.start = Timestamp::at_ms(node.start.ms() + 1 + now_ms_);
  node.detector = std::make_unique<Detector>(options_, seed_ * 1'000'003 + which * 7919 + static_cast<std::uint64_t>(now_ms_));
  node.detector->be(node.id, node.start);
  tell_all_members(which);
}

void DetectorNet::tell_all_members(std::size_t which) {
  std::vector<Detector::Peer> peers;
  for (const Node& other : nodes) {
    if (&other != &nodes[which]) peers.push_back({other.id, other.start});
  }
  Detector::Output out;
  nodes[which].detector->members(now_ms_, peers, out);
  act(which, out);
}

void DetectorNet::stop(std::size_t which) {
  Detector::Output out;
  nodes[which].detector->stop(now_ms_, out);
  act(which, out);
  kill(which);
}

void DetectorNet::resume(std::size_t which) { nodes[which].paused = false; }

void DetectorNet::act(std::size_t which, Detector::Output& out) {
  for (auto& send : out.sends) {
    ++nodes[which].messages;
    for (const Rumour& rumour : send.body.rumours) nodes[which].rumour_bytes += bytes_of(rumour);
    const std::size_t to = index_of(send.to);
    if (passes && !passes(which, to, send.body)) continue;
    if (loss > 0 && static_cast<double>(random_.below(1'000'000)) < loss * 1e6) continue;
    const std::int64_t due_ms = now_ms_ + 1 + static_cast<std::int64_t>(random_.below(20));
    flights_.push({due_ms, ++order_, which, to, nodes[which].start, std::move(send.body)});
  }
  for (auto& change : out.changes) changes.push_back({now_ms_, which, change});
  for (const auto counter : out.counted) ++counters_[counter];
}

void DetectorNet::inject(std::size_t to, std::size_t from, ProbeBody body) {
  Detector::Output out;
  nodes[to].detector->receive(now_ms_, {nodes[from].id, nodes[from].start}, body, out);
  act(to, out);
}

void DetectorNet::data(std::size_t from, std::size_t to) {
  Detector::Output out;
  nodes[to].detector->heard(now_ms_, {nodes[from].id, nodes[from].start}, out);
  act(to, out);
}

void DetectorNet::run_ms(std::int64_t ms) {
  const std::int64_t end_ms = now_ms_ + ms;
  while (true) {
    std::int64_t next_ms = end_ms;
    if (!flights_.empty()) next_ms = std::min(next_ms, flights_.top().due_ms);
    for (const Node& node : nodes) {
      if (node.detector && !node.paused) next_ms = std::min(next_ms, std::max(node.detector->wake_at_ms(), now_ms_));
    }
    now_ms_ = next_ms;
    while (!flights_.empty() && flights_.top().due_ms <= now_ms_) {
      const Flight flight = flights_.top();
      flights_.pop();
      Node& to = nodes[flight.to];
      if (!to.detector) continue;
      if (to.paused) {  // It waits in a buffer of the machine.
        flights_.push({now_ms_ + 50, ++order_, flight.from, flight.to, flight.start, flight.body});
        continue;
      }
      Detector::Output out;
      to.detector->receive(now_ms_, {nodes[flight.from].id, flight.start}, flight.body, out);
      act(flight.to, out);
    }
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      if (!nodes[i].detector || nodes[i].paused || nodes[i].detector->wake_at_ms() > now_ms_) continue;
      Detector::Output out;
      nodes[i].detector->tick(now_ms_, out);
      act(i, out);
    }
    if (now_ms_ >= end_ms) return;
  }
}

bool DetectorNet::run_until(const std::function<bool()>& done, std::int64_t most_ms) {
  for (const std::int64_t end_ms = now_ms_ + most_ms; now_ms_ < end_ms; run_ms(10)) {
    if (done()) return true;
  }
  return done();
}

bool DetectorNet::all_believe(std::size_t of, Detector::State state) const {
  for (std::size_t at = 0; at < nodes.size(); ++at) {
    if (at != of && nodes[at].detector && belief(at, of).state != state) return false;
  }
  return true;
}

std::uint64_t DetectorNet::counted(std::string_view counter) const {
  const auto at = counters_.find(counter);
  return at == counters_.end() ? 0 : at->second;
}

}  // namespace kith::test
