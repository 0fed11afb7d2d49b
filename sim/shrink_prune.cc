#include "sim/shrink_prune.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

namespace kith::sim {
namespace {

class Prune {
 public:
  explicit Prune(Scenario& scenario) : scenario_(scenario), nodes_(scenario.nodes.begin(), scenario.nodes.end()) {}

  void run() {
    prune_groups();
    std::erase_if(scenario_.between, [&](const LinkOverride& it) { return !known(it.a) || !known(it.b); });
    const auto unknown = [&](const std::string& name) { return !known(name); };
    std::erase_if(scenario_.core, unknown);
    std::erase_if(scenario_.workload.at, unknown);
    std::vector<Event> kept;
    kept.reserve(scenario_.timeline.size());
    for (Event& event : scenario_.timeline) {
      if (event.at_us <= scenario_.duration_us && keep(event)) kept.push_back(std::move(event));
    }
    scenario_.timeline = std::move(kept);
    std::erase_if(scenario_.observers, [&](const std::string& name) { return !nodes_.contains(name); });
  }

 private:
  bool known(const std::string& name) const {
    return name == "all" || nodes_.contains(name) || scenario_.groups.contains(name);
  }

  void prune_groups() {
    for (auto& [name, members] : scenario_.groups) {
      std::erase_if(members, [&](const std::string& member) { return !nodes_.contains(member); });
    }
    std::erase_if(scenario_.groups, [](const auto& group) { return group.second.empty(); });
  }

  // Whether something is left of it.
  bool keep(Event& event) {
    if (!keep_groups(event)) return false;
    if (event.action == Action::kRetry || event.action == Action::kExpectReply) {
      const auto write = labels_.find(event.label);
      return write != labels_.end() && (event.action == Action::kExpectReply || write->second);
    }
    if (event.action == Action::kJoin || event.action == Action::kClone) nodes_.insert(event.name);
    if (is_write(event.action) && !event.label.empty()) labels_[event.label] = !event.session.empty();
    return true;
  }

  bool keep_groups(Event& event) const {
    const bool had_bridge = event.bridged;
    for (std::size_t i = 0; i < event.groups.size(); ++i) {
      auto& group = event.groups[i];
      std::erase_if(group, [&](const std::string& name) { return !known(name); });
      if (group.empty() && had_bridge && i + 1 == event.groups.size()) event.bridged = false;
    }
    const auto empty = [](const std::vector<std::string>& group) { return group.empty(); };
    if (event.action != Action::kSplit) {
      if (std::any_of(event.groups.begin(), event.groups.end(), empty)) return false;
      // Where one or two nodes are needed, fewer are none.
      return event.action != Action::kSwapDisks || resolve(scenario_, event.groups.front()).size() == 2;
    }
    std::erase_if(event.groups, empty);
    return event.groups.size() - (event.bridged ? 1 : 0) >= 2;
  }

  Scenario& scenario_;
  std::set<std::string> nodes_;         // That there are by the event at hand.
  std::map<std::string, bool> labels_;  // Of writes so far -> whether it has a tag.
};

}  // namespace

void prune(Scenario& scenario) { Prune(scenario).run(); }

}  // namespace kith::sim
