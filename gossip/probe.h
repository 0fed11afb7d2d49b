// gossip/probe.h -- failure detection as a conversation: the detector's values (gossip/detector.h) in envelopes, and its word for others.
//
// What comes is fenced by itself, and leaves no trace in what is known of a peer otherwise: not its clock, nor its table, nor when it
// was heard of.  So a probe changes no history of data.  What other conversations ask is whether somebody is believed dead; they ask
// him less, and never not at all.
// A node that does not probe (probe_every_ms is 0) answers all the same.  Tests: tests/gossip/probe_test.cc
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "gossip/core.h"
#include "gossip/detector.h"

namespace kith {

class Probe {
 public:
  // SUBTLE: a generator of its own: what data histories draw stays as it is, whatever is probed.
  Probe(Core& core, std::uint64_t seed);

  void receive(const Envelope& from, const ProbeBody& body, std::size_t bytes);
  void heard(const Envelope& from);        // Of any other message that passed the fence.
  void tick();
  void stop();
  std::optional<std::int64_t> wake_at_ms() const;

  bool probes() const { return core_.options.probe_every_ms > 0; }
  bool dead(NodeId node) const { return probes() && detector_.dead(node); }
  std::optional<Detector::Belief> belief(NodeId node) const { return probes() ? detector_.belief(node) : std::nullopt; }
  int score() const { return detector_.health_score(); }

 private:
  void look_at_members();
  void act(Detector::Output& out);
  void someone_spoke();
  void note_silence();
  void note_changes(const std::vector<Detector::Output::Change>& changes);
  std::string why(const Detector::Output::Change& change) const;
  bool refuse(std::string_view why);
  bool admits(const Envelope& from);

  Core& core_;
  Detector detector_;
  std::optional<std::uint64_t> members_version_;
  std::optional<std::int64_t> heard_ms_;   // When anybody was heard of, or could have been for the first time.
  bool silence_ = false;                   // It was noted that nobody is.
};

}  // namespace kith
