#include "sim/timeline_check.h"

#include <algorithm>
#include <set>

#include "crdt/limits.h"
#include "gossip/operation.h"
#include "sim/spelling.h"

namespace kith::sim {

namespace {

using Problem = std::optional<std::string>;

// Every code that a reply may give, as clients see it.
const std::vector<std::string>& reasons() {
  static const std::vector<std::string> kReasons = [] {
    std::vector<std::string> out;
    for (auto code = static_cast<int>(Refusal::kLimit); code <= static_cast<int>(Refusal::kNoValue); ++code) {
      out.emplace_back(to_string(static_cast<Refusal>(code)));
    }
    return out;
  }();
  return kReasons;
}

class TimelineCheck {
 public:
  explicit TimelineCheck(const Scenario& scenario)
      : scenario_(scenario), nodes_(scenario.nodes.begin(), scenario.nodes.end()) {}

  Problem run() {
    std::int64_t last_us = 0;
    for (const Event& event : scenario_.timeline) {
      Problem problem = check(event);
      if (!problem && event.at_us < last_us) problem = "it comes after an event of " + to_words_duration(last_us);
      if (problem) return to_words(event) + ": " + *problem;
      last_us = event.at_us;
    }
    return std::nullopt;
  }

 private:
  Problem check(const Event& event) {
    if (event.at_us < 0) return "before the run";
    if (event.at_us > scenario_.duration_us) {
      return "after the end of the run, which takes " + to_words_duration(scenario_.duration_us);
    }
    for (const auto& group : event.groups) {
      if (group.empty()) return "a group without a node";
      for (const std::string& name : group) {
        if (auto problem = check_known(name)) return problem;
      }
    }
    if (auto problem = check_groups(event)) return problem;
    if (auto problem = check_amount(event)) return problem;
    if (is_client_action(event.action) || is_claim(event.action)) return check_client(event);
    if (event.action == Action::kJoin || event.action == Action::kClone) return take_newcomer(event.name);
    return std::nullopt;
  }

  Problem check_known(const std::string& name) const {
    if (name == "all" || nodes_.contains(name) || scenario_.groups.contains(name)) return std::nullopt;
    std::vector<std::string> known(nodes_.begin(), nodes_.end());
    for (const auto& [group, members] : scenario_.groups) known.push_back(group);
    return "there is no node or group \"" + printable(name) + "\" by then" + did_you_mean(name, known);
  }

  Problem take_newcomer(const std::string& name) {
    if (auto problem = check_name(name, "the new node")) return problem;
    if (scenario_.groups.contains(name)) return "there is a group \"" + name + "\" already";
    if (!nodes_.insert(name).second) return "there is a node \"" + name + "\" already";
    if (nodes_.size() > kMembersMax) return "that makes more than " + std::to_string(kMembersMax) + " nodes";
    return std::nullopt;
  }

  Problem check_groups(const Event& event) const {
    const bool client = is_client_action(event.action) && event.action != Action::kVanish;
    const bool one_node = client || event.action == Action::kClone;
    if (one_node && (event.groups.size() != 1 || resolve(scenario_, event.groups.front()).size() != 1)) {
      return "it needs exactly one node";
    }
    if (event.action == Action::kEvict || event.action == Action::kRecover) {
      const auto& at = event.groups.at(event.action == Action::kEvict ? 1 : 0);
      if (resolve(scenario_, at).size() != 1) return "it is asked of exactly one node";
    }
    if (event.action == Action::kSwapDisks && resolve(scenario_, event.groups.front()).size() != 2) {
      return "it needs exactly two nodes";
    }
    if (event.action != Action::kSplit) return std::nullopt;
    const std::size_t sides = event.groups.size() - (event.bridged ? 1 : 0);
    if (sides < 2) return "it needs at least two sides";
    std::set<std::string> seen;
    for (std::size_t i = 0; i < sides; ++i) {
      for (const std::string& node : resolve(scenario_, event.groups[i])) {
        if (!seen.insert(node).second) return "\"" + node + "\" is on two sides";
      }
    }
    return std::nullopt;
  }

  static Problem check_amount(const Event& event) {
    constexpr std::int64_t kPpm = 1'000'000;
    if (event.action == Action::kDriftClock && (event.amount <= -kPpm || event.amount > kPpm)) {
      return "a clock drifts by more than -1000000 ppm, at which it stands still, and up to 1000000";
    }
    const bool claim = event.action == Action::kExpectConvergence;
    if ((claim || event.action == Action::kSwizzle) && event.amount <= 0) return "the duration must be above zero";
    if (event.action == Action::kExpectRecords && event.amount < 0) return "their number must not be below zero";
    if (event.action == Action::kSyncTime && event.amount < 0) return "the duration must not be below zero";
    for (const auto& share : {event.weather.loss, event.weather.repeat, event.weather.flip}) {
      if (share && !(*share >= 0 && *share <= 1)) return "a share is not between 0% and 100%";
    }
    for (const auto& time : {event.weather.delay_us, event.weather.jitter_us}) {
      if (time && *time < 0) return "a duration is below zero";
    }
    return std::nullopt;
  }

  Problem check_client(const Event& event) {
    if (event.session == "nobody") return "\"nobody\" is no session: it stands for writes without a tag";
    if (event.action == Action::kVanish && event.session.empty()) return "nobody cannot vanish";
    if (event.action == Action::kRetry || event.action == Action::kExpectReply) return check_reference(event);
    if (event.action == Action::kVanish || event.action == Action::kExpectConvergence || event.action == Action::kExpectEvicted ||
        event.action == Action::kExpectNobodyEvicted || event.action == Action::kExpectLeft || event.action == Action::kExpectDead || event.action == Action::kExpectNobodyDead) {
      return std::nullopt;
    }
    if (event.key.empty()) return "the key is empty";
    if (event.key.size() > kKeyBytesMax) return "the key has more than " + std::to_string(kKeyBytesMax) + " bytes";
    if (event.value.size() > kValueBytesMax) {
      return "the value has more than " + std::to_string(kValueBytesMax) + " bytes";
    }
    for (const std::string& member : event.members) {
      if (member.empty()) return "a member or field is empty";
      if (member.size() > kMemberBytesMax) {
        return "a member has more than " + std::to_string(kMemberBytesMax) + " bytes";
      }
    }
    if (!is_write(event.action)) return std::nullopt;
    if (event.replicas == 0) return "no replica at all is no level to wait for";
    if (!event.label.empty() && !labels_.emplace(event.label, !event.session.empty()).second) {
      return "there is a write #" + printable(event.label) + " already";
    }
    return std::nullopt;
  }

  Problem check_reference(const Event& event) const {
    const auto write = labels_.find(event.label);
    if (write == labels_.end()) {
      std::vector<std::string> known;
      for (const auto& [label, tagged] : labels_) known.push_back(label);
      return "there is no write #" + printable(event.label) + " before it" + did_you_mean(event.label, known);
    }
    if (event.action == Action::kRetry && !write->second) {
      return "#" + printable(event.label) + " has no tag: what nobody wrote cannot be retried";
    }
    if (event.action != Action::kExpectReply || event.value.empty()) return std::nullopt;
    if (std::find(reasons().begin(), reasons().end(), event.value) != reasons().end()) return std::nullopt;
    return "nothing is refused for \"" + printable(event.value) + "\"" + did_you_mean(event.value, reasons()) +
           " (one of "  + one_of(reasons()) + ")";
  }

  const Scenario& scenario_;
  std::set<std::string> nodes_;
  std::map<std::string, bool> labels_;  // Of writes so far -> whether it has a tag.
};

}  // namespace

std::optional<std::string> check_name(const std::string& name, const std::string& what) {
  const auto plain = [](char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
  };
  if (name.empty() || name.size() > kNodeNameBytesMax || !std::all_of(name.begin(), name.end(), plain)) {
    return what + ": \"" + printable(name) + "\" is no name: 1 to " + std::to_string(kNodeNameBytesMax) +
           " of A-Z a-z 0-9 . - _";
  }
  if (name == "all") return what + ": \"all\" stands for all nodes, nothing else can be called so";
  return std::nullopt;
}

std::optional<std::string> check_timeline(const Scenario& scenario) { return TimelineCheck(scenario).run(); }

}  // namespace kith::sim
