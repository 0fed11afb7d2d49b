// tests/gossip/detector_net.h -- many failure detectors on one virtual network: nothing else of a node is there, so that hours of a
// hundred nodes take seconds.
//
// Messages take 1 to 20 ms, or are lost.  All randomness is of the seed.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <vector>

#include "gossip/detector.h"

namespace kith::test {

class DetectorNet {
 public:
  struct Node {
    NodeId id;
    Timestamp start;
    std::unique_ptr<Detector> detector;     // Null: down.
    std::uint64_t messages = 0, rumour_bytes = 0;  // Sent.
    bool paused = false;
  };
  struct Change {
    std::int64_t at_ms;
    std::size_t at;                         // Whose belief.
    Detector::Output::Change what;
  };

  DetectorNet(std::size_t nodes, std::uint64_t seed, const Detector::Options& options = {});

  void run_ms(std::int64_t ms);
  bool run_until(const std::function<bool()>& done, std::int64_t most_ms);
  std::int64_t now_ms() const { return now_ms_; }

  void kill(std::size_t which) { nodes[which].detector.reset(); }
  void start(std::size_t which);            // A new life.
  void stop(std::size_t which);             // Says so, and goes.
  void pause(std::size_t which) { nodes[which].paused = true; }
  void resume(std::size_t which);
  void tell_all_members(std::size_t which);  // The table, as it is.

  // What `at` believes of `of`.
  Detector::Belief belief(std::size_t at, std::size_t of) const { return *nodes[at].detector->belief(nodes[of].id); }
  bool all_believe(std::size_t of, Detector::State state) const;   // All that are up, but itself.
  std::uint64_t counted(std::string_view counter) const;

  void inject(std::size_t to, std::size_t from, ProbeBody body);   // As if it came from there, at once.
  void data(std::size_t from, std::size_t to);                     // Some other message.

  std::vector<Node> nodes;
  std::vector<Change> changes;
  double loss = 0;
  std::function<bool(std::size_t from, std::size_t to, const ProbeBody& body)> passes;  // False: cut.

 private:
  struct Flight {
    std::int64_t due_ms;
    std::uint64_t order;
    std::size_t from, to;
    Timestamp start;
    ProbeBody body;
    bool operator>(const Flight& other) const { return due_ms != other.due_ms ? due_ms > other.due_ms : order > other.order; }
  };
  std::size_t index_of(NodeId id) const { return static_cast<std::size_t>(id.value) - 1; }
  void act(std::size_t which, Detector::Output& out);

  Detector::Options options_;
  Random random_;
  std::uint64_t seed_;
  std::int64_t now_ms_ = 0;
  std::uint64_t order_ = 0;
  std::priority_queue<Flight, std::vector<Flight>, std::greater<>> flights_;
  std::map<std::string_view, std::uint64_t> counters_;
};

}  // namespace kith::test
