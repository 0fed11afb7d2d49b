#include "node/http/api_documents.h"

#include <nlohmann/json.hpp>

#include "node/json_text.h"
#include "node/version.h"
#include "node/view/garbage_words.h"
#include "node/view/node_state.h"
#include "node/view/text.h"

namespace kith {
namespace {

using nlohmann::json;

json or_null(std::int64_t value) { return value < 0 ? json(nullptr) : json(value); }
json or_null(const std::string& text) { return text.empty() ? json(nullptr) : json(text); }
json time_or_null(std::int64_t unix_ms) { return unix_ms <= 0 ? json(nullptr) : json(iso_time(unix_ms)); }

std::int64_t age_ms(SteadyTime then, SteadyTime now) {
  return std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::milliseconds>(now - then).count());
}

std::string_view name_of(Severity severity) {
  switch (severity) {
    case Severity::kGood: return "good";
    case Severity::kWarning: return "warning";
    case Severity::kBad: break;
  }
  return "bad";
}

// What it said last, so that also of one that is silent there is something to see; with the age of that.
json node_json(const Picture& picture, const ClusterView& view, const SeenNode& node, SteadyTime now) {
  const NodeView* seen = nullptr;
  for (const NodeView& candidate : view.nodes) {
    if (candidate.name == node.name) seen = &candidate;
  }
  const NodeState state = state_of(*seen);
  json out = {{"name", node.name},
              {"address", node.address},
              {"self", node.name == picture.self},
              {"answers", node.answers()},
              {"error", or_null(node.error)},
              {"age_ms", node.status ? json(age_ms(node.told_at, now)) : json(nullptr)},
              {"silent_for_ms", node.answers() ? json(0) : or_null(silent_for_ms(view, *seen))},
              {"state", state.text},
              {"severity", name_of(state.severity)},
              {"lag_ms", or_null(node.lag_ms)},
              {"missing", or_null(most_lacked(picture, node))}};
  if (!node.status) return out;
  const NodeStatus& status = *node.status;
  out["root"] = status.root;
  out["root_since"] = time_or_null(status.root_since_ms);
  out["rows"] = status.rows;
  out["bytes_used"] = status.bytes_used;
  out["bytes_max"] = status.bytes_max;
  out["uptime_ms"] = status.uptime_ms;
  out["version"] = status.version;
  out["gossip_interval_ms"] = status.gossip_interval_ms;
  out["rows_damaged"] = status.rows_damaged;
  out["horizon"] = {{"at", time_or_null(status.garbage.horizon_ms)},
                    {"floor", time_or_null(status.garbage.floor.ms())},
                    {"held_by", or_null(status.garbage.held_by)},
                    {"held_at", time_or_null(status.garbage.held_at_ms)},
                    {"held_for_ms", or_null(status.garbage.held_for_ms)}};
  return out;
}

json link_json(const SeenNode& from, const MemberRow& member, const SeenNode& to, SteadyTime now) {
  json missing = nullptr;
  json complete = true;
  if (from.answers() && to.answers()) {
    if (from.status->root == to.status->root) {
      missing = 0;
    } else if (const auto lacked = from.lacked.find(to.name); lacked != from.lacked.end()) {
      missing = lacked->second.cells;
      complete = lacked->second.complete;
    }
  }
  return {{"from", from.name},
          {"to", to.name},
          {"missing", std::move(missing)},
          {"complete", std::move(complete)},
          {"heard_ms_ago", or_null(member.heard_ms_ago)},
          {"agreed_ms_ago", or_null(member.agreed_ms_ago)},
          {"round_trip_ms", or_null(member.round_trip_ms)},
          {"clock_offset_ms", member.clock_offset_ms},
          {"cut", cuts_link(*from.status, to.name)},
          {"age_ms", age_ms(from.told_at, now)}};
}

json garbage_json(const NodeStatus& status, const RemovalCount::Reading& removals) {
  const GarbageRow& garbage = status.garbage;
  return {{"removal_records", removals.counted_wall_ms == 0 ? json(nullptr) : json(removals.rows)},
          {"removal_records_counted", time_or_null(removals.counted_wall_ms)},
          {"collects", garbage.collects},
          {"retry_window_ms", or_null(garbage.retry_window_ms)},
          {"horizon", time_or_null(garbage.horizon_ms)},
          {"floor", time_or_null(garbage.floor.ms())},
          {"held_by", or_null(garbage.held_by)},
          {"held_at", time_or_null(garbage.held_at_ms)},
          {"held_for_ms", or_null(garbage.held_for_ms)},
          {"sentences", garbage_in_words(status)}};
}

}  // namespace

std::string status_json(const Picture& picture, SteadyTime now) {
  const ClusterView view = picture.view();
  json nodes = json::array(), links = json::array();
  for (const SeenNode& node : picture.nodes) {
    nodes.push_back(node_json(picture, view, node, now));
    if (!node.status) continue;
    for (const MemberRow& member : node.status->members) {
      const SeenNode* to = picture.find(member.name);
      if (to != nullptr && to->name != node.name) links.push_back(link_json(node, member, *to, now));
    }
  }
  const SeenNode* own = picture.own();
  json cluster = nullptr;
  if (own != nullptr && own->status && own->status->joined) {
    cluster = {{"id", own->status->cluster_id}, {"name", own->status->cluster_name}, {"shard_count", own->status->shard_count}};
  }
  return dump({{"kith_version", kVersion},
               {"node", picture.self},
               {"cluster", std::move(cluster)},
               {"picture", picture.number},
               {"taken", iso_time(picture.taken_wall_ms)},
               {"age_ms", age_ms(picture.taken_at, now)},
               {"interval_ms", picture.interval_ms},
               {"agreement", name_of(picture.verdict.agreement)},
               {"headline", picture.verdict.sentence},
               {"agreement_since", iso_time(picture.verdict_since_wall_ms)},
               {"nodes", std::move(nodes)},
               {"links", std::move(links)},
               {"garbage", own == nullptr || !own->status ? json(nullptr) : garbage_json(*own->status, picture.removals)}});
}

std::string nodes_json(const Picture& picture, SteadyTime now) {
  const SeenNode* own = picture.own();
  json members = json::array();
  if (own != nullptr && own->status) {
    members = json::parse(own->status->document).value("members", json::array());
  }
  return dump({{"node", picture.self},
               {"age_ms", own == nullptr || !own->status ? json(nullptr) : json(age_ms(own->told_at, now))},
               {"members", std::move(members)}});
}

std::string events_json(const std::vector<Event>& events, std::uint64_t last) {
  json out = json::array();
  for (const Event& event : events) {
    out.push_back({{"number", event.number},
                   {"time", iso_time(event.wall_ms)},
                   {"kind", event.kind},
                   {"severity", event.severity},
                   {"text", event.text}});
  }
  return dump({{"last", last}, {"events", std::move(out)}});
}

std::string history_json(const History::Reading& reading, std::int64_t now_wall_ms) {
  json samples = json::array();
  for (const Sample& sample : reading.samples) {
    json lags = json::array(), missing = json::array();
    for (const std::int64_t lag : sample.lag_ms) lags.push_back(or_null(lag));
    for (const std::int64_t cells : sample.missing) missing.push_back(or_null(cells));
    samples.push_back({{"at_ms", sample.wall_ms},
                       {"agreement", name_of(sample.agreement)},
                       {"lag_ms", std::move(lags)},
                       {"missing", std::move(missing)}});
  }
  return dump({{"now_ms", now_wall_ms}, {"nodes", reading.names}, {"samples", std::move(samples)}});
}

}  // namespace kith
