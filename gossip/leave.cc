#include "gossip/leave.h"

namespace kith {

void Leave::begin() {
  since_ = core_.self.start;
  since_ms_ = core_.now.monotonic_ms;
  if (!core_.leaving) return;
  core_.note(Output::Note::Level::kWarning,
             "this node was leaving the cluster when it stopped, and goes on with that: it takes no writes. `kith drain --cancel` has it stay");
}

std::string Leave::leave() {
  if (core_.leaving) return "";
  const std::string& name = core_.self.name;
  if (!core_.joined()) return name + " does not belong to a cluster yet, so there is none to leave: stop its process";
  if (!core_.options.collect) return "this cluster collects nothing (kithd without --collect), and nobody leaves it for good: stop the process";
  if (core_.evicted) return name + " was evicted while it was away, and begins anew: try again in a moment";
  if (core_.superseded) return "nobody listens to this life of " + name + " (its log says why): restart it first, then it can hand over what it has";
  if (core_.other_replicas().empty() && !core_.observer()) {
    return name + " is the only " + std::string(core_.others().empty() ? "member" : "replica") + " of its cluster: nobody could hold what it has. To stop it, stop its process; its directory is the cluster";
  }
  say();
  since_ = core_.leaving;
  since_ms_ = core_.now.monotonic_ms;
  core_.count("leaves_begun");
  core_.note(Output::Note::Level::kInfo, core_.observer() ? "leaving the cluster: an observer has nothing to hand over, and goes when a replica has taken it out"
                                                         : "leaving the cluster: takes no more writes, hands over what it has, and goes when the others have agreed");
  return "";
}

void Leave::say() {
  core_.leaving = core_.issue_now();
  core_.out->store.set_meta(meta::kLeaving, meta::encode_number(core_.leaving.value));
  lives_.publish();
  said_at_ms_ = core_.now.monotonic_ms;
}

std::string Leave::stay() {
  if (!core_.leaving) return core_.self.name + " is not leaving: there is nothing to cancel";
  if (core_.evicted) return core_.self.name + " has left already; started again it comes back as a member";
  take_back();
  core_.note(Output::Note::Level::kInfo, "stays in the cluster after all, and takes writes again");
  return "";
}

void Leave::take_back() {
  // SUBTLE: set to nothing, not forgotten: in a batch that sets it as well the forgetting would come first.
  core_.out->store.set_meta(meta::kLeaving, meta::encode_number(0));
  core_.leaving = {};
  core_.count("leaves_taken_back");
  take_word_back();
}

// That it has handed over.
void Leave::take_word_back() {
  if (core_.handed_over) {
    core_.handed_over = false;
    core_.out->store.set_meta(meta::kHandedOver, meta::encode_number(0));
    core_.stayed = core_.issue_now();
    core_.out->store.set_meta(meta::kStayed, meta::encode_number(core_.stayed.value));
  }
  lives_.publish();
}

// SUBTLE: not of an earlier life of this node: started again it may be out already, and is to hear that as one that has handed over.
bool Leave::somebody_began_anew() const {
  if (!handed_over_at_) return false;
  for (const NodeId node : core_.other_replicas()) {
    if (core_.member(node)->life.start > handed_over_at_ && !holds_all(node)) return true;
  }
  return false;
}

bool Leave::catches_up() const {
  if (core_.observer()) return false;
  return !core_.whole || !core_.got_in_step || !core_.introduced || core_.behind || core_.returning || core_.redoing;
}

bool Leave::holds_all(NodeId node) const {
  const auto peer = core_.peers.find(node);
  const bool agreed = peer != core_.peers.end() && peer->second.agreed_at_ms > since_ms_;
  return agreed || horizon_.told_by(node, core_.now.monotonic_ms).floor >= since_;
}

Leave::Status Leave::status() const {
  Status out;
  if (!core_.leaving || core_.handed_over) return out;
  out.catches_up = catches_up();
  if (core_.observer()) return out;  // It has nothing that others lack.
  for (const NodeId node : core_.members.replicas()) {
    if (node != core_.self.node && !holds_all(node)) out.lacking.push_back(node);
  }
  return out;
}

void Leave::tick() {
  if (!core_.leaving || core_.evicted || core_.superseded || core_.stopping || !core_.in_table()) return;
  if (core_.other_replicas().empty() && !core_.observer()) {
    take_back();
    return core_.note(Output::Note::Level::kWarning, "stays in the cluster after all: it is the only " + std::string(core_.others().empty() ? "member" : "replica") +
                                                                    " left, and nobody could hold what it has");
  }
  if (core_.handed_over && somebody_began_anew()) return take_word_back();
  if (core_.handed_over) {
    if (core_.other_replicas().size() == 1 && !core_.observer() && core_.now.monotonic_ms - said_at_ms_ >= kSaidAgainMs) say();
    return;
  }
  if (catches_up() || !status().lacking.empty()) return;
  // SUBTLE: what this node proposes itself it may bring about by its own vote alone.
  if (eviction_.status().proposes) return;
  core_.handed_over = true;
  handed_over_at_ = core_.issue_now();
  core_.out->store.set_meta(meta::kHandedOver, meta::encode_number(1));
  lives_.publish();
  core_.note(Output::Note::Level::kInfo, core_.observer() ? "asks a replica to take it out of the cluster"
                                                         : "handed over: every other member holds all that this node has; it goes when they have agreed");
}

}  // namespace kith
