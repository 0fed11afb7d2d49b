#include "sim/scenario.h"

#include <algorithm>
#include <set>

#include "crdt/limits.h"
#include "sim/spelling.h"
#include "sim/timeline_check.h"

namespace kith::sim {

namespace {

using Problem = std::optional<std::string>;

constexpr std::int64_t kHundredYearsUs = std::int64_t{36'525} * 86'400 * 1'000'000;
constexpr double kRateMax = 1e6;
// The whole workload is expanded before the run: 2,000,000 events of about 300 bytes are 600 MB.
constexpr double kWorkloadEventsMax = 2e6;
constexpr double kWorkloadBytesMax = double{1 << 30};

Problem check_time(const std::string& what, std::int64_t us, std::int64_t least = 0) {
  if (us >= least && us <= kHundredYearsUs) return std::nullopt;
  return what + " is " + to_words_duration(us) + ": it must be from " + to_words_duration(least) +
         " to a hundred years";
}

Problem check_share(const std::string& what, double share) {
  if (share >= 0 && share <= 1) return std::nullopt;
  return what + " is " + to_words_number(share) + ": a share must be from 0% to 100%";
}

Problem check_count(const std::string& what, std::uint64_t count, std::uint64_t least, std::uint64_t most) {
  if (count >= least && count <= most) return std::nullopt;
  return what + " is " + std::to_string(count) + ": it must be from " + std::to_string(least) + " to " +
         std::to_string(most);
}

// The first problem of several.
template <class... Problems>
Problem first(Problems... problems) {
  Problem out;
  ((out ? void() : void(out = std::move(problems))), ...);
  return out;
}

Problem check_known(const Scenario& scenario, const std::string& what, const std::string& name) {
  const bool node = std::find(scenario.nodes.begin(), scenario.nodes.end(), name) != scenario.nodes.end();
  if (node || name == "all" || scenario.groups.contains(name)) return std::nullopt;
  std::vector<std::string> known = scenario.nodes;
  for (const auto& [group, members] : scenario.groups) known.push_back(group);
  return what + ": there is no node or group \"" + printable(name) + "\"" + did_you_mean(name, known);
}

Problem check_nodes(const Scenario& scenario) {
  if (scenario.nodes.empty()) return "nodes: there are none; say count = 3, or names = [\"n1\", \"n2\"]";
  if (auto problem = check_count("nodes: their number", scenario.nodes.size(), 1, kMembersMax)) return problem;
  std::set<std::string> names;
  for (const std::string& name : scenario.nodes) {
    if (auto problem = check_name(name, "nodes.names")) return problem;
    if (!names.insert(name).second) return "nodes.names: there are two nodes \"" + name + "\"";
  }
  std::vector<std::string> all = scenario.nodes;
  for (const Event& event : scenario.timeline) {
    if (event.action == Action::kJoin) all.push_back(event.name);
  }
  for (const std::string& name : scenario.observers) {
    if (std::find(all.begin(), all.end(), name) != all.end()) continue;
    return "nodes.observers: there is no node \"" + printable(name) + "\", and none that joins" + did_you_mean(name, all);
  }
  if (std::all_of(scenario.nodes.begin(), scenario.nodes.end(), [&](const auto& name) { return observes(scenario, name); })) {
    return "nodes.observers: all nodes are observers, and there is nobody to copy from";
  }
  for (const auto& [group, members] : scenario.groups) {
    const std::string what = "nodes.groups." + printable(group);
    if (auto problem = check_name(group, "nodes.groups")) return problem;
    if (names.contains(group)) return what + ": there is a node of that name too";
    if (members.empty()) return what + ": it has no nodes";
    for (const std::string& name : members) {
      if (names.contains(name)) continue;
      return what + ": there is no node \"" + printable(name) + "\"" + did_you_mean(name, scenario.nodes);
    }
  }
  return std::nullopt;
}

Problem check_quality(const std::string& what, const LinkQuality& quality) {
  return first(check_time(what + ".delay", quality.delay_us), check_time(what + ".jitter", quality.jitter_us),
               check_share(what + ".loss", quality.loss), check_share(what + ".repeat", quality.repeat),
               check_share(what + ".flip", quality.flip),
               check_count(what + ".queue_max", quality.queue_max, 1, std::uint32_t{1} << 30));
}

Problem check_links(const Scenario& scenario) {
  if (auto problem = check_quality("links", scenario.links)) return problem;
  for (const LinkOverride& between : scenario.between) {
    const auto problem = first(check_known(scenario, "links.between", between.a),
                               check_known(scenario, "links.between", between.b),
                               check_quality("links.between " + between.a + " " + between.b, between.quality));
    if (problem) return problem;
  }
  return std::nullopt;
}

Problem check_workload(const Scenario& scenario) {
  const Workload& load = scenario.workload;
  const auto rate = [](const char* what, double value) -> Problem {
    if (value >= 0 && value <= kRateMax) return std::nullopt;
    return std::string(what) + " is " + to_words_number(value) + ": it must be from 0 to a million";
  };
  auto problem = first(
      rate("workload.writes_per_second", load.writes_per_second),
      rate("workload.reads_per_second", load.reads_per_second),
      rate("workload.adds", load.adds), rate("workload.removes", load.removes), rate("workload.sets", load.sets),
      rate("workload.deletes", load.deletes), rate("workload.fields", load.fields),
      rate("workload.increments", load.increments),
      check_count("workload.sessions", load.sessions, 1, 1'000'000),
      check_count("workload.keys", load.keys, 1, 1'000'000),
      check_count("workload.members", load.members, 1, 1'000'000),
      check_count("workload.value_bytes", load.value_bytes, 0, kValueBytesMax),
      check_share("workload.expiring", load.expiring), check_share("workload.untagged", load.untagged),
      check_share("workload.retries", load.retries), check_share("workload.wait_for_all", load.wait_for_all),
      check_time("workload.from", load.from_us), check_time("workload.to", load.to_us),
      check_time("workload.removed_after", load.removed_after_us));
  for (const std::string& name : load.at) {
    if (!problem) problem = check_known(scenario, "workload.at", name);
  }
  if (problem) return problem;
  const std::int64_t to_us = load.to_us == 0 ? scenario.duration_us : load.to_us;
  if (to_us > scenario.duration_us) {
    return "workload.to is " + to_words_duration(to_us) + ", after the end of the run: " +
           to_words_duration(scenario.duration_us);
  }
  if (load.from_us > to_us) {
    return "workload.from is " + to_words_duration(load.from_us) + ", after its end: " + to_words_duration(to_us);
  }
  if (load.writes_per_second > 0 && load.adds + load.removes + load.sets + load.deletes + load.fields + load.increments <= 0) {
    return "workload: adds, removes, sets, deletes, fields and increments are all 0, so there is nothing to write";
  }
  const double seconds = static_cast<double>(to_us - load.from_us) / 1e6;
  // Each may be retried, or else be followed by a removal, or both.
  const double each = load.removed_after_us > 0 && load.retries > 0 ? 3 : 2;
  const double writes = load.writes_per_second * seconds, events = writes * each + load.reads_per_second * seconds;
  if (events > kWorkloadEventsMax || writes * load.value_bytes > kWorkloadBytesMax) {
    return "workload: " + std::to_string(static_cast<std::uint64_t>(writes)) +
           " writes are too many for one run (a million events, 1 GiB of values); write less often, or narrow it "
           "with from and to";
  }
  return std::nullopt;
}

Problem check_engine(const EngineOptions& engine) {
  const auto ms = [](const char* name, std::int64_t value) {
    constexpr std::int64_t kMost = kHundredYearsUs / 1000;
    return value >= 1 && value <= kMost ? Problem() : check_time(name, std::clamp(value, -kMost, kMost) * 1000, 1000);
  };
  if (!(engine.full_at > 0 && engine.full_at <= 1)) return "engine.full_at must be above 0% and up to 100%";
  return first(ms("engine.gossip_interval", engine.gossip_interval_ms),
               ms("engine.pull_timeout", engine.pull_timeout_ms),
               ms("engine.join_retry", engine.join_retry_ms), ms("engine.retry_window", engine.retry_window_ms),
               ms("engine.max_skew", engine.max_skew_ms), ms("engine.lease", engine.lease_ms),
               check_count("engine.answer_bytes_max", engine.answer_bytes_max, 1, kMessageBytesMax),
               check_count("engine.push_bytes_max", engine.push_bytes_max, 1, kMessageBytesMax),
               check_count("engine.collect_rows_per_step", engine.collect_rows_per_step, 1, 1'000'000));
}

}  // namespace

bool operator==(const Scenario& a, const Scenario& b) {
  return a.name == b.name && a.about == b.about && a.seed == b.seed && a.duration_us == b.duration_us &&
         a.nodes == b.nodes && a.observers == b.observers &&
         a.groups == b.groups && a.shard_count == b.shard_count && a.engine == b.engine && a.links == b.links &&
         a.between == b.between && a.disks == b.disks && a.workload == b.workload && a.clients == b.clients &&
         a.timeline == b.timeline && a.heal_at_end == b.heal_at_end && a.settle_us == b.settle_us && a.core == b.core;
}

bool observes(const Scenario& scenario, const std::string& node) {
  return std::find(scenario.observers.begin(), scenario.observers.end(), node) != scenario.observers.end();
}

std::vector<std::string> resolve(const Scenario& scenario, const std::vector<std::string>& names) {
  std::vector<std::string> out;
  std::set<std::string> seen;
  const auto take = [&](const std::vector<std::string>& nodes) {
    for (const std::string& node : nodes) {
      if (seen.insert(node).second) out.push_back(node);
    }
  };
  for (const std::string& name : names) {
    const auto group = scenario.groups.find(name);
    take(group != scenario.groups.end() ? group->second : name == "all" ? scenario.nodes : std::vector{name});
  }
  return out;
}

std::optional<std::string> check(const Scenario& scenario) {
  const ClientBehaviour& clients = scenario.clients;
  if (!is_utf8(scenario.name) || !is_utf8(scenario.about)) return "name and about must be UTF-8";
  auto problem = first(
      check_time("duration", scenario.duration_us, 1), check_nodes(scenario),
      check_count("shards", scenario.shard_count, 1, kShardsMax), check_links(scenario),
      check_time("disks.sync", scenario.disks.sync_us), check_time("disks.sync_jitter", scenario.disks.sync_jitter_us),
      check_count("disks.bytes_max", scenario.disks.bytes_max, 1 << 20, std::uint64_t{1} << 46),
      check_engine(scenario.engine),
      check_time("clients.timeout", clients.timeout_us, 1),
      check_count("clients.retries_max", clients.retries_max, 0, 1000),
      check_time("clients.skew", clients.skew_us), check_time("end.settle", scenario.settle_us, 1));
  if (!problem) problem = check_workload(scenario);
  for (const std::string& name : scenario.core) {
    if (!problem) problem = check_known(scenario, "end.core", name);
  }
  return problem ? problem : check_timeline(scenario);
}

}  // namespace kith::sim
