#include "tools/kith/status_document.h"

#include <nlohmann/json.hpp>

#include "crdt/tag.h"
#include "node/client.h"
#include "tools/kith/json_text.h"

namespace kith::tools {
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

MemberRow member_of(const Json& object) {
  MemberRow member;
  member.id = text_of(object, "id");
  member.name = text_of(object, "name");
  member.client_address = text_of(object, "client_address");
  member.peer_address = text_of(object, "peer_address");
  member.origin = text_of(object, "origin");
  member.lives = number_of<std::uint64_t>(object, "lives", 1);
  member.self = flag_of(object, "self");
  member.heard_ms_ago = number_of<std::int64_t>(object, "heard_ms_ago", -1);
  member.clock_offset_ms = number_of<std::int64_t>(object, "clock_offset_ms", 0);
  member.agreed_ms_ago = number_of<std::int64_t>(object, "agreed_ms_ago", -1);
  member.stopping = flag_of(object, "stopping");
  return member;
}

NodeStatus status_of(const Json& document) {
  NodeStatus status;
  status.name = text_of(document, "name");
  status.cluster_name = text_of(document, "cluster_name");
  status.shard_count = number_of<std::uint64_t>(document, "shard_count", 0);
  status.root = text_of(document, "root");
  status.root_since_ms = number_of<std::int64_t>(document, "root_since_ms", 0);
  status.now_ms = number_of<std::int64_t>(document, "now_ms", 0);
  status.joined = flag_of(document, "joined");
  status.clock_fenced = flag_of(document, "clock_fenced");
  status.clock_ahead_ms = number_of<std::int64_t>(document, "clock_ahead_ms", 0);
  status.full = flag_of(document, "full");
  status.rows_damaged = number_of<std::uint64_t>(document, "rows_damaged", 0);
  status.bytes_used = number_of<std::uint64_t>(document, "bytes_used", 0);
  status.bytes_max = number_of<std::uint64_t>(document, "bytes_max", 0);
  status.uptime_ms = number_of<std::int64_t>(document, "uptime_ms", 0);
  status.version = text_of(document, "version");
  status.pid = number_of<std::int64_t>(document, "pid", 0);
  for (const Json& member : document.value("members", Json::array())) status.members.push_back(member_of(member));
  for (const Json& held : document.value("newest_held", Json::array())) {
    status.newest_held[text_of(held, "origin")] = parse_hex(text_of(held, "at")).value_or(0);
  }
  const Json counters = document.value("counters", Json::object());
  for (const auto& [name, value] : counters.items()) {
    if (value.is_number()) status.counters[name] = value.get<std::uint64_t>();
  }
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

}  // namespace kith::tools
