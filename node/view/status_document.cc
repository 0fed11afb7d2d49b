#include "node/view/status_document.h"

#include <cstdio>
#include <ctime>

#include <nlohmann/json.hpp>

#include "crdt/tag.h"
#include "crdt/timestamp.h"
#include "node/client.h"
#include "node/view/json_text.h"

namespace kith {
namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return {};
  if (const auto bytes = bytes_of(*found)) return *bytes;
  return found->dump();
}

template <class Number>
Number number_of(const Json& object, const char* name, Number absent) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number() ? found->get<Number>() : absent;
}

bool flag_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

Json object_at(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_object() ? *found : Json::object();
}

// {"hlc": "16 hex digits", "time": ..}
Timestamp timestamp_at(const Json& object, const char* name) {
  return Timestamp{parse_hex(text_of(object_at(object, name), "hlc")).value_or(0)};
}

// "2026-01-31T12:00:00.000Z"
std::int64_t unix_ms_at(const Json& object, const char* name) {
  std::tm parts{};
  int ms = 0;
  const std::string text = text_of(object, name);
  if (std::sscanf(text.c_str(), "%d-%d-%dT%d:%d:%d.%dZ", &parts.tm_year, &parts.tm_mon, &parts.tm_mday, &parts.tm_hour,
                  &parts.tm_min, &parts.tm_sec, &ms) != 7) {
    return 0;
  }
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  return std::int64_t{timegm(&parts)} * 1000 + ms;
}

MemberRow member_of(const Json& object) {
  MemberRow member;
  member.id = text_of(object, "id");
  member.name = text_of(object, "name");
  member.client_address = text_of(object, "client_address");
  member.peer_address = text_of(object, "peer_address");
  member.origin = text_of(object, "origin");
  member.lives = number_of<std::uint64_t>(object, "lives", 1);
  member.self = flag_of(object, "self");
  member.observer = text_of(object, "role") == "observer";
  member.heard_ms_ago = number_of<std::int64_t>(object, "heard_ms_ago", -1);
  member.clock_offset_ms = number_of<std::int64_t>(object, "clock_offset_ms", 0);
  member.agreed_ms_ago = number_of<std::int64_t>(object, "agreed_ms_ago", -1);
  member.round_trip_ms = number_of<std::int64_t>(object, "round_trip_ms", -1);
  member.stopping = flag_of(object, "stopping");
  member.liveness = text_of(object, "liveness");
  member.liveness_ms = number_of<std::int64_t>(object, "liveness_ms", -1);
  member.liveness_by = text_of(object, "liveness_by");
  member.evicted = flag_of(object, "evicted");
  member.left = flag_of(object, "left");
  member.leaving = flag_of(object, "leaving");
  member.floor = timestamp_at(object, "floor");
  member.floor_held_ms = number_of<std::int64_t>(object, "floor_held_ms", -1);
  return member;
}

void names(const Json& in, const char* key, std::vector<std::string>& out) {
  for (const Json& name : in.value(key, Json::array())) {
    if (const auto bytes = bytes_of(name)) out.push_back(*bytes);
  }
}

LeaveRow leave_of(const Json& object) {
  LeaveRow leave;
  leave.leaving = !object.empty();
  leave.catches_up = flag_of(object, "catches_up");
  leave.handed_over = flag_of(object, "handed_over");
  names(object, "lacking", leave.lacking);
  names(object, "away", leave.away);
  return leave;
}

GarbageRow garbage_of(const Json& object) {
  GarbageRow garbage;
  garbage.collects = flag_of(object, "collects");
  garbage.retry_window_ms = number_of<std::int64_t>(object, "retry_window_ms", 0);
  garbage.floor = timestamp_at(object, "floor");
  garbage.floor_held_by = text_of(object, "floor_held_by");
  garbage.floor_held_by_former_life = flag_of(object, "floor_held_by_former_life");
  garbage.horizon = timestamp_at(object, "horizon");
  garbage.horizon_ms = garbage.horizon.ms();
  garbage.held_by = text_of(object, "held_by");
  garbage.held_at_ms = timestamp_at(object, "held_at").ms();
  garbage.held_for_ms = number_of<std::int64_t>(object, "held_for_ms", -1);
  const Json rebase = object_at(object, "rebase");
  garbage.rebasing = !rebase.empty();
  garbage.onto = text_of(rebase, "onto");
  garbage.shards = number_of<std::uint64_t>(rebase, "shards", 0);
  garbage.shards_done = number_of<std::uint64_t>(rebase, "shards_done", 0);
  garbage.lives_to_close = number_of<std::uint64_t>(object, "lives_to_close", 0);
  names(object, "closing_waits_for", garbage.closing_waits_for);
  const Json eviction = object_at(object, "eviction");
  names(eviction, "of", garbage.evicting);
  names(eviction, "waits_for", garbage.eviction_waits_for);
  garbage.eviction_agreed = flag_of(eviction, "agreed");
  garbage.returning = flag_of(object, "returning");
  garbage.nobody_in_good_standing = flag_of(object, "nobody_in_good_standing");
  garbage.recover_at = text_of(object, "recover_at");
  garbage.evict_after_ms = number_of<std::int64_t>(object, "evict_after_ms", 0);
  return garbage;
}

void read_numbers(const Json& object, const std::string& prefix, std::map<std::string, std::uint64_t>& into) {
  for (const auto& [name, value] : object.items()) {
    if (value.is_number_unsigned()) into[prefix + name] = value.get<std::uint64_t>();
  }
}

NodeStatus status_of(const Json& document) {
  NodeStatus status;
  const Json cluster = object_at(document, "cluster");
  const Json store = object_at(document, "store");
  status.name = text_of(object_at(document, "node"), "name");
  status.cluster_id = text_of(cluster, "id");
  status.cluster_name = text_of(cluster, "name");
  status.shard_count = number_of<std::uint64_t>(cluster, "shard_count", 0);
  status.root = text_of(store, "root");
  status.root_since_ms = unix_ms_at(store, "root_unchanged_since");
  status.bytes_used = number_of<std::uint64_t>(store, "bytes_used", 0);
  status.bytes_max = number_of<std::uint64_t>(store, "bytes_max", 0);
  status.rows = number_of<std::uint64_t>(store, "rows", 0);
  status.now = timestamp_at(document, "now");
  status.now_ms = status.now.ms();
  status.probe_score = number_of<std::int64_t>(document, "probe_score", 0);
  status.gossip_interval_ms = number_of<std::int64_t>(document, "gossip_interval_ms", 0);
  for (const Json& cut : object_at(document, "faults").value("cut", Json::array())) {
    if (const auto name = bytes_of(cut)) status.links_cut.push_back(*name);
  }
  status.joined = flag_of(document, "joined");
  status.stopping = flag_of(document, "stopping");
  status.clock_fenced = flag_of(document, "clock_fenced");
  status.clock_ahead_ms = number_of<std::int64_t>(document, "clock_ahead_ms", 0);
  status.full = flag_of(document, "full");
  status.superseded = flag_of(document, "superseded");
  status.rows_damaged = number_of<std::uint64_t>(document, "rows_damaged", 0);
  const Json redone = object_at(document, "redone");
  if (const auto file = bytes_of(redone.value("file", Json()))) status.redone_file = *file;
  status.redone_lines = number_of<std::uint64_t>(redone, "lines", 0);
  status.uptime_ms = number_of<std::int64_t>(document, "uptime_ms", 0);
  status.version = text_of(document, "kith_version");
  status.pid = number_of<std::int64_t>(document, "pid", 0);
  for (const Json& member : document.value("members", Json::array())) status.members.push_back(member_of(member));
  status.garbage = garbage_of(object_at(document, "garbage"));
  status.leave = leave_of(object_at(document, "leaving"));
  for (const Json& held : document.value("newest_held", Json::array())) {
    status.newest_held[text_of(held, "origin")] = timestamp_at(held, "at").value;
  }
  read_numbers(object_at(document, "counters"), "", status.counters);
  read_numbers(object_at(document, "transport"), "transport_", status.counters);
  read_numbers(object_at(document, "front"), "front_", status.counters);
  read_numbers(object_at(document, "scrub"), "scrub_", status.counters);
  return status;
}

}  // namespace

NodeStatus parse_node_status(std::string_view document) {
  try {
    NodeStatus status = status_of(Json::parse(document));
    status.document = document;
    return status;
  } catch (const Json::exception& error) {
    throw ClientError(ClientError::Kind::kProtocol,
                      std::string("the node's status could not be understood: ") + error.what());
  }
}

}  // namespace kith
