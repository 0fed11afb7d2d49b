#include "node/documents.h"

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "crdt/limits.h"
#include "node/client_protocol.h"
#include "node/faults.h"
#include "node/front.h"
#include "node/json_text.h"
#include "node/scrub.h"
#include "node/transport.h"
#include "node/version.h"

namespace kith {

namespace {

using nlohmann::json;

json cluster_json(const EngineStatus& engine) {
  if (!engine.joined) return nullptr;
  return {{"id", to_hex(engine.cluster.value)}, {"name", engine.cluster_name}, {"shard_count", engine.shard_count}, {"replicas", engine.replication.number()}};
}

// Never is null, not a number that could be taken for one.
json ms_ago(std::int64_t ms) { return ms < 0 ? json(nullptr) : json(ms); }

std::string_view name_of(Liveness liveness) {
  switch (liveness) {
    case Liveness::kAlive: return "alive";
    case Liveness::kSuspect: return "suspect";
    case Liveness::kDead: return "dead";
  }
  return "unknown";
}

json member_json(const MemberStatus& member) {
  return {{"id", to_hex(member.id.value)},
          {"name", member.name},
          {"client_address", member.client_address},
          {"peer_address", member.peer_address},
          {"origin", to_hex(member.origin.value)},
          {"start", time_json(member.start)},
          {"lives", member.lives},
          {"self", member.self},
          {"role", member.observer ? "observer" : "replica"},
          {"heard_ms_ago", ms_ago(member.heard_ms_ago)},
          {"agreed_ms_ago", ms_ago(member.agreed_ms_ago)},
          {"round_trip_ms", ms_ago(member.round_trip_ms)},
          {"clock_offset_ms", member.clock_offset_ms},
          {"stopping", member.stopping},
          {"liveness", member.liveness_ms < 0 ? json(nullptr) : json(name_of(member.liveness))},
          {"liveness_ms", ms_ago(member.liveness_ms)},
          {"liveness_by", member.liveness_by.empty() ? json(nullptr) : json(member.liveness_by)},
          {"floor", time_json(member.floor)},
          {"floor_held_ms", ms_ago(member.floor_held_ms)},
          {"leaving", member.leaving},
          {"left", member.left},
          {"evicted", member.out},
          {"evicted_at", member.evicted_at ? time_json(member.evicted_at) : json(nullptr)}};
}

json leave_json(const LeaveStatus& leave) {
  if (!leave.since) return nullptr;
  return {{"since", time_json(leave.since)}, {"catches_up", leave.catches_up}, {"handed_over", leave.handed_over},
          {"lacking", leave.lacking}, {"away", leave.away}};
}

json garbage_json(const GarbageStatus& garbage) {
  json rebase = nullptr;
  if (garbage.rebasing) {
    rebase = {{"onto", garbage.onto.empty() ? json(nullptr) : json(garbage.onto)},
              {"shards", garbage.shards},
              {"shards_done", garbage.shards_done},
              {"rows_cut", garbage.rows_cut}};
  }
  json eviction = nullptr;
  if (!garbage.evicting.empty()) {
    eviction = {{"of", garbage.evicting},
                {"proposed_here", garbage.proposes_eviction},
                {"agreed", garbage.eviction_agreed},
                {"waits_for", garbage.eviction_waits_for}};
  }
  return {{"collects", garbage.collects},
          {"retry_window_ms", garbage.retry_window_ms},
          {"floor", time_json(garbage.floor)},
          {"floor_held_by", garbage.floor_held_by.empty() ? json(nullptr) : json(garbage.floor_held_by)},
          {"floor_held_by_former_life", garbage.floor_held_by_former_life},
          {"horizon", time_json(garbage.horizon)},
          {"highest_horizon", time_json(garbage.highest_horizon)},
          {"held_by", garbage.held_by.empty() ? json(nullptr) : json(garbage.held_by)},
          {"held_at", time_json(garbage.held_at)},
          {"held_for_ms", ms_ago(garbage.held_for_ms)},
          {"rebase", std::move(rebase)},
          {"eviction", eviction},
          {"evict_after_ms", garbage.evict_after_ms},
          {"returning", garbage.returning},
          {"nobody_in_good_standing", garbage.nobody_in_good_standing},
          {"recover_at", garbage.recover_at.empty() ? json(nullptr) : json(garbage.recover_at)},
          {"lives_to_close", garbage.lives_to_close},
          {"closing_waits_for", garbage.closing_waits_for}};
}

json front_json(const FrontCounters& front, std::size_t in_flight) {
  return {{"requests", front.requests.load()},
          {"replies", front.replies.load()},
          {"in_flight", in_flight},
          {"busy", front.busy.load()},
          {"malformed", front.malformed.load()},
          {"dropped_unreadable", front.dropped_unreadable.load()},
          {"dropped_frame_count", front.dropped_frame_count.load()},
          {"dropped_client_gone", front.dropped_client_gone.load()},
          {"dropped_queue_full", front.dropped_queue_full.load()},
          {"pings", front.pings.load()},
          {"rosters", front.rosters.load()}};
}

json transport_json(const TransportCounters& transport) {
  return {{"frames_received", transport.frames_received},
          {"bytes_received", transport.bytes_received},
          {"frames_sent", transport.frames_sent},
          {"bytes_sent", transport.bytes_sent},
          {"dropped_frame_count", transport.dropped_frame_count},
          {"dropped_queue_full", transport.dropped_queue_full},
          {"dropped_oversize", transport.dropped_oversize},
          {"dropped_address", transport.dropped_address},
          {"dropped_by_fault", transport.dropped_by_fault},
          {"connections", transport.connections}};
}

json scrub_json(const ScrubCounters* scrub) {
  if (scrub == nullptr) return nullptr;
  const std::int64_t last_ms = scrub->last_pass_wall_ms;
  return {{"rows", scrub->rows.load()},
          {"damaged", scrub->damaged.load()},
          {"shards_doubted", scrub->shards_doubted.load()},
          {"shards_unsettled", scrub->shards_unsettled.load()},
          {"errors", scrub->errors.load()},
          {"passes", scrub->passes.load()},
          {"last_pass", last_ms == 0 ? json(nullptr) : json(iso_time(last_ms))},
          {"last_pass_took_ms", scrub->last_pass_took_ms.load()}};
}

}  // namespace

std::string hello_document(const NodeFacts& facts) {
  const EngineStatus& engine = facts.engine;
  return dump({{"kith_version", kVersion},
               {"client_protocol", kClientProtocolVersion},
               {"cluster", cluster_json(engine)},
               {"joined", engine.joined},
               {"introduced", engine.introduced},
               {"node", {{"id", to_hex(engine.node.value)}, {"name", engine.name}}},
               {"faults_allowed", facts.faults != nullptr},
               {"limits",
                {{"table_name_bytes", kTableNameBytesMax},
                 {"key_bytes", kKeyBytesMax},
                 {"member_bytes", kMemberBytesMax},
                 {"value_bytes", kValueBytesMax},
                 {"message_bytes", kMessageBytesMax},
                 {"operation_bytes", kOperationBytesMax},
                 {"operation_members", kOperationMembersMax},
                 {"page_bytes", kPageBytesMax}}}});
}

std::string status_document(const NodeFacts& facts) {
  const EngineStatus& engine = facts.engine;
  json members = json::array();
  for (const MemberStatus& member : engine.members) members.push_back(member_json(member));
  json newest = json::array();
  for (const auto& [origin, at] : engine.newest_held) {
    newest.push_back({{"origin", to_hex(origin.value)}, {"at", time_json(at)}});
  }
  return dump({
      {"kith_version", kVersion},
      {"pid", ::getpid()},
      {"data", name_json(facts.data)},
      {"started", iso_time(facts.started_wall_ms)},
      {"uptime_ms", facts.uptime_ms},
      {"gossip_interval_ms", facts.gossip_interval_ms},
      {"cluster", cluster_json(engine)},
      {"joined", engine.joined},
      {"introduced", engine.introduced},
      {"stopping", facts.stopping},
      {"node",
       {{"id", to_hex(engine.node.value)},
        {"name", engine.name},
        {"origin", to_hex(engine.origin.value)},
        {"start", time_json(engine.start)},
        {"client_address", facts.client_address},
        {"peer_address", facts.peer_address}}},
      {"now", time_json(engine.now)},
      {"clock_fenced", engine.clock_fenced},
      {"superseded", engine.superseded},
      {"clock_ahead_ms", engine.clock_ahead_ms},
      {"full", engine.full},
      {"pulls_outstanding", engine.pulls_outstanding},
      {"probe_score", engine.probe_score},
      {"rows_damaged", engine.rows_damaged},
      {"members", std::move(members)},
      {"garbage", garbage_json(engine.garbage)},
      {"leaving", leave_json(engine.leave)},
      {"newest_held", std::move(newest)},
      {"counters", engine.counters},
      {"store",
       {{"root", to_hex(facts.root)},
        {"root_unchanged_since", iso_time(facts.root_since_wall_ms)},
        {"bytes_used", facts.usage.bytes_used},
        {"bytes_max", facts.usage.bytes_max},
        {"rows", facts.usage.rows}}},
      {"redone", facts.redone_lines == 0 ? json(nullptr) : json{{"file", name_json(facts.redone_path)}, {"lines", facts.redone_lines}}},
      {"scrub", scrub_json(facts.scrub)},
      {"front", front_json(*facts.front, facts.requests_in_flight)},
      {"transport", transport_json(*facts.transport)},
      {"faults", facts.faults == nullptr ? json(nullptr) : json::parse(facts.faults->document())},
  });
}

}  // namespace kith
