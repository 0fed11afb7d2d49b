// sim/scenario.h -- all that a simulated history is made of, but the seed: nodes, links, disks, clients, and a timeline.
//
// A plain value, read from TOML and written to it (sim/scenario_toml), drawn from a seed (sim/swarm), cut down (sim/shrink).
// One scenario and one seed give one history, to the last bit.  Grammar of the file: docs/SIMULATION.md
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gossip/options.h"
#include "sim/event.h"

namespace kith::sim {

struct LinkQuality {
  std::int64_t delay_us = 500;        // The least.
  std::int64_t jitter_us = 100;       // The mean of what comes on top, exponential.
  double loss = 0;                    // Shares of messages, each drawn by itself.
  double repeat = 0;                  // Arrives twice, the copy some time later.
  double flip = 0;                    // One bit is turned on the way.
  std::uint32_t queue_max = 20'000;   // Messages under way on one link, one direction; what comes on top is lost.
  friend bool operator==(const LinkQuality&, const LinkQuality&) = default;
};

struct LinkOverride {                 // Between two groups or nodes, both ways.
  std::string a, b;
  LinkQuality quality;
  friend bool operator==(const LinkOverride&, const LinkOverride&) = default;
};

struct DiskQuality {
  std::int64_t sync_us = 400;         // The least time of a commit.
  std::int64_t sync_jitter_us = 200;  // The mean of what comes on top, exponential.
  std::uint64_t bytes_max = std::uint64_t{1} << 34;
  friend bool operator==(const DiskQuality&, const DiskQuality&) = default;
};

// What clients do by themselves, spread evenly over `from_us` to `to_us`.  Expanded into events before the run
// (sim/workload), so that a failing history can be cut down event by event.
struct Workload {
  double writes_per_second = 0;
  std::uint32_t sessions = 4;
  std::uint32_t keys = 8;             // Of each kind.
  std::uint32_t members = 8;          // Elements of a set, fields of a hash.
  std::uint32_t value_bytes = 8;
  // Weights.
  double adds = 4, removes = 2, sets = 2, deletes = 1, fields = 1, increments = 1;
  // Above zero: every add is followed by the removal of its elements so much later, by any session at any node, if the
  // run lasts so long.  On top of writes_per_second, and `removes` are 0 as a rule.
  std::int64_t removed_after_us = 0;
  double expiring = 0;                // Share of values and fields that expire, or are told to later, or not to.
  double untagged = 0;                // Share of writes that come without a tag.
  double retries = 0;                 // Share of writes that are sent again though answered, some time later, anywhere.
  double wait_for_all = 0;            // Share of writes that wait for every replica.
  double reads_per_second = 0;
  std::int64_t from_us = 0;
  std::int64_t to_us = 0;             // 0: the end of the run.
  std::vector<std::string> at;        // Nodes or groups that take the writes; empty: all.
  friend bool operator==(const Workload&, const Workload&) = default;
};

// How a session behaves when an answer does not come.
struct ClientBehaviour {
  std::int64_t timeout_us = 2'000'000;
  std::uint32_t retries_max = 3;      // With the same tag, at another node each time; then it gives up.
  std::int64_t skew_us = 0;           // Its idea of the cluster's time may be off by up to this, either way.
  friend bool operator==(const ClientBehaviour&, const ClientBehaviour&) = default;
};

struct Scenario {
  std::string name;
  std::string about;                  // A sentence or two: what it shows.
  std::uint64_t seed = 1;             // Unless another is given.
  std::int64_t duration_us = 60'000'000;
  std::vector<std::string> nodes;     // The cluster as it stands at the beginning: formed, and in sync.
  std::vector<std::string> observers; // Of these, or of those that join: they copy and answer, and count for nothing.
  std::map<std::string, std::vector<std::string>> groups;
  std::uint32_t shard_count = 16;
  EngineOptions engine;
  LinkQuality links;
  std::vector<LinkOverride> between;
  DiskQuality disks;
  Workload workload;
  ClientBehaviour clients;
  std::vector<Event> timeline;        // In order of time.

  // The end: everything is healed, started and set right, and then all replicas must become equal within `settle_us`.
  // Without it the run ends as it stands, and only what must hold at any moment was checked.
  bool heal_at_end = true;
  std::int64_t settle_us = 120'000'000;
  // Before that, only these are healed among themselves, all others stay as they are for good, and these must become
  // equal within `settle_us`: liveness of a core (empty: left out).
  std::vector<std::string> core;

  friend bool operator==(const Scenario&, const Scenario&);
};

bool observes(const Scenario& scenario, const std::string& node);

// Nodes that the names stand for: themselves, their group's, or with "all" those of the beginning.  Each once, in order.
std::vector<std::string> resolve(const Scenario& scenario, const std::vector<std::string>& names);

// What is wrong with it, for people, or nothing: unknown names, limits, events after the end, a key without a node.
[[nodiscard]] std::optional<std::string> check(const Scenario& scenario);

// ---- sim/scenario_toml
// Nothing when it cannot be read or check() finds something; then `problem` says which line, key or event, and what was
// expected.  The timeline may be in any order in the file.
[[nodiscard]] std::optional<Scenario> parse_scenario(std::string_view toml, std::string& problem);
// Round trip: parse_scenario(to_toml(s)) == s, when !check(s).  What is as by default is left out.
std::string to_toml(const Scenario& scenario);

// ---- sim/workload
// The same history with the workload written out as events, so that each can be taken away by itself.
Scenario with_workload_expanded(const Scenario& scenario, std::uint64_t seed);
// The events of scenario.workload, drawn from `seed`, in order of time.  Writes are labelled w1, w2, .. (but for labels
// of the timeline).  REQUIRES: !check(scenario).  Cost: its events.
std::vector<Event> expand_workload(const Scenario& scenario, std::uint64_t seed);

}  // namespace kith::sim
