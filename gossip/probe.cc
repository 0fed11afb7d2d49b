#include "gossip/probe.h"

#include <utility>

#include "gossip/duration_words.h"

namespace kith {
namespace {

constexpr std::size_t kNamedMax = 4;  // In one line of the log.

Detector::Options options_of(const EngineOptions& options) {
  Detector::Options out;
  if (options.probe_every_ms > 0) out.probe_every_ms = options.probe_every_ms;
  out.dead_after_ms = options.dead_after_ms;
  return out;
}

// In seconds, from ten on in what is read at a glance.
std::string for_people(std::int64_t ms) { return duration_words(ms < 1000 ? ms : ms / 1000 * 1000); }

}  // namespace

Probe::Probe(Core& core, std::uint64_t seed) : core_(core), detector_(options_of(core.options), seed) {}

void Probe::look_at_members() {
  detector_.be(core_.self.node, core_.self.start);
  if (members_version_ == core_.members.version()) return;
  members_version_ = core_.members.version();
  std::vector<Detector::Peer> peers;
  for (const NodeId node : core_.others()) peers.push_back({node, core_.member(node)->life.start});
  Detector::Output out;
  detector_.members(core_.now.monotonic_ms, peers, out);
  act(out);
}

bool Probe::refuse(std::string_view why) {
  core_.count("dropped_probe_" + std::string(why));
  return false;
}

bool Probe::admits(const Envelope& from) {
  if (!core_.joined()) return refuse("not_joined");
  if (from.cluster != core_.self.cluster) return refuse("wrong_cluster");
  if (from.sender == core_.self.node) return refuse("own");
  const auto* known = core_.member(from.sender);
  if (known == nullptr) return refuse("stranger");
  if (known->out) return refuse("evicted");
  if (Life{from.origin, from.start} < known->life) return refuse("earlier_life");
  return true;
}

void Probe::receive(const Envelope& from, const ProbeBody& body, std::size_t bytes) {
  if (!admits(from)) return;
  someone_spoke();
  core_.count("received_probe");
  core_.count("received_probe_bytes", bytes);
  look_at_members();
  Detector::Output out;
  detector_.receive(core_.now.monotonic_ms, {from.sender, from.start}, body, out);
  act(out);
}

void Probe::heard(const Envelope& from) {
  if (!probes()) return;
  someone_spoke();
  look_at_members();
  Detector::Output out;
  detector_.heard(core_.now.monotonic_ms, {from.sender, from.start}, out);
  act(out);
}

void Probe::tick() {
  if (!probes() || !core_.joined() || core_.evicted || core_.stopping) return;
  look_at_members();
  if (core_.now.monotonic_ms < detector_.wake_at_ms()) return;
  note_silence();
  Detector::Output out;
  detector_.tick(core_.now.monotonic_ms, out);
  act(out);
}

void Probe::stop() {
  if (!core_.joined()) return;
  Detector::Output out;
  detector_.stop(core_.now.monotonic_ms, out);
  act(out);
}

void Probe::someone_spoke() {
  const std::int64_t now_ms = core_.now.monotonic_ms;
  if (std::exchange(silence_, false)) {
    core_.note(Output::Note::Level::kInfo, "members are heard of again, after " + for_people(now_ms - heard_ms_.value_or(now_ms)));
  }
  heard_ms_ = now_ms;
}

// Half a cut looks like that, and an address that others were told and that is not this node's.
void Probe::note_silence() {
  const std::int64_t now_ms = core_.now.monotonic_ms;
  const bool stood_still = now_ms - detector_.wake_at_ms() >= core_.options.probe_every_ms;
  if (core_.others().empty() || stood_still || !heard_ms_) heard_ms_ = now_ms;
  if (silence_ || now_ms - *heard_ms_ <= core_.options.dead_after_ms) return;
  silence_ = true;
  core_.note(Output::Note::Level::kWarning,
             "no member was heard of for " + for_people(now_ms - *heard_ms_) + ": either none is there, or what they send does not arrive; they are told that this "
             "node is at " + core_.self.peer_address + ": see that it can be reached there, or say with --advertise-peer where");
}

std::optional<std::int64_t> Probe::wake_at_ms() const {
  if (!probes() || !core_.joined() || core_.evicted || core_.stopping) return std::nullopt;
  if (members_version_ != core_.members.version()) return core_.now.monotonic_ms;
  return detector_.wake_at_ms();
}

void Probe::act(Detector::Output& out) {
  for (const std::string_view counted : out.counted) core_.count(counted);
  for (auto& send : out.sends) {
    const auto* known = core_.member(send.to);
    if (known == nullptr) continue;
    // Who it is from, and in which life: nothing else of an envelope is looked at, and zeros are short.
    Envelope envelope;
    envelope.cluster = core_.self.cluster;
    envelope.sender = core_.self.node;
    envelope.origin = core_.self.origin;
    envelope.start = core_.self.start;
    envelope.body = std::move(send.body);
    std::string bytes = encode(envelope);
    core_.count("sent_probe");
    core_.count("sent_probe_bytes", bytes.size());
    core_.out->sends.push_back({known->record.peer_address, send.to, std::move(bytes), true});
  }
  if (probes()) note_changes(out.changes);
}

std::string Probe::why(const Detector::Output::Change& change) const {
  const Detector::Belief& belief = change.after;
  const std::string heard = belief.heard_ms < 0 ? "not heard of since this node started"
                                                : "last heard of " + for_people(core_.now.monotonic_ms - belief.heard_ms) + " ago";
  if (belief.by == change.node) return "it says that it stops";
  return (belief.by == core_.self.node ? "it does not answer" : core_.name_of(belief.by) + " says so") + ", " + heard;
}

void Probe::note_changes(const std::vector<Detector::Output::Change>& changes) {
  std::vector<const Detector::Output::Change*> dead;
  for (const auto& change : changes) {
    const bool was_dead = change.before.state == Liveness::kDead;
    if (change.after.state == Liveness::kSuspect) core_.count("members_suspected");
    if (change.after.state == Liveness::kDead) {
      core_.count("members_called_dead");
      dead.push_back(&change);
    } else if (was_dead) {
      core_.count("members_back");
      core_.note(Output::Note::Level::kInfo, core_.name_of(change.node) + " is back; it was taken for dead for " +
                                                 for_people(core_.now.monotonic_ms - change.before.since_ms));
    }
  }
  if (dead.size() <= kNamedMax) {
    for (const auto* change : dead) {
      const bool stops = change->after.by == change->node;
      core_.note(stops ? Output::Note::Level::kInfo : Output::Note::Level::kWarning,
                 core_.name_of(change->node) + " is taken for dead: " + why(*change) + "; it is asked less, and its data stays");
    }
    return;
  }
  std::string names;
  for (std::size_t i = 0; i < kNamedMax; ++i) names += (i == 0 ? "" : ", ") + core_.name_of(dead[i]->node);
  core_.note(Output::Note::Level::kWarning, names + " and " + std::to_string(dead.size() - kNamedMax) +
                                                " others are taken for dead; they are asked less, and their data stays");
}

}  // namespace kith
