#include "node/view/explain_document.h"

#include <nlohmann/json.hpp>

#include "node/client.h"
#include "node/view/text.h"

namespace kith {
namespace {

using Json = nlohmann::ordered_json;
using Role = ExplainedEntry::Role;

std::uint64_t hex_of(const Json& text) { return parse_hex(text.get<std::string>()).value_or(0); }
Timestamp time_of(const Json& time) { return Timestamp{hex_of(time.at("hlc"))}; }
Commit commit_of(const Json& commit) { return {time_of(commit.at("at")), OriginId{hex_of(commit.at("origin"))}}; }

ExplainedEntry entry_of(const Json& entry, Role role) {
  ExplainedEntry out;
  out.role = role;
  out.tag = {time_of(entry.at("at")), ActorId{hex_of(entry.at("actor"))}};
  out.commit = commit_of(entry.at("commit"));
  out.dead = entry.value("dead", false);
  return out;
}

// Of a register, a field, an increment or a base.
ExplainedEntry register_of(const Json& cell) {
  const Json& value = cell.at("register");
  const Json& tag = value.at("tag");
  ExplainedEntry out;
  out.role = cell.contains("sum") ? Role::kBase : cell.contains("amount") ? Role::kIncrement : Role::kValue;
  out.tag = {time_of(tag.at("at")), ActorId{hex_of(tag.at("actor"))}};
  out.commit = commit_of(value.at("commit"));
  out.dead = !cell.value("present", false);
  out.value_bytes = value.value("value_bytes", std::uint64_t{0});
  out.value_hash = value.value("value_hash", std::string());
  if (value.contains("expires")) out.expires = time_of(value["expires"]);
  if (out.role != Role::kValue) out.amount = cell.at(out.role == Role::kBase ? "sum" : "amount").get<std::int64_t>();
  return out;
}

void read_collection(const Json& value, ExplainedValue& out) {
  out.cells = value.at("cells_total").get<std::uint64_t>();
  out.live = value.value("live", std::uint64_t{0});
  out.present = out.live > 0;
  if (const auto total = value.find("total"); total != value.end()) out.total = total->get<std::int64_t>();
  if (const auto folded = value.find("folded_to"); folded != value.end()) out.folded_to = time_of(*folded);
  const Json cells = value.value("cells", Json::array());
  out.entries_cut = cells.size() < out.cells || !value.value("counted_all", true);
  if (out.kind != "counter") return;
  for (const Json& cell : cells) {
    if (cell.contains("register")) out.entries.push_back(register_of(cell));
  }
}

ExplainedValue value_of(const Json& value) {
  ExplainedValue out;
  out.kind = value.at("kind").get<std::string>();
  out.damaged = value.contains("damaged") && value["damaged"].is_boolean() && value["damaged"].get<bool>();
  if (out.damaged) return out;
  out.collection = value.contains("cells_total");
  out.bytes = value.value("bytes", std::uint64_t{0});
  if (out.collection) {
    read_collection(value, out);
    return out;
  }
  out.present = value.value("present", false);
  for (const Json& entry : value.value("adds", Json::array())) out.entries.push_back(entry_of(entry, Role::kAdd));
  for (const Json& entry : value.value("removed", Json::array())) out.entries.push_back(entry_of(entry, Role::kRemoval));
  if (value.contains("register")) out.entries.push_back(register_of(value));
  out.entries_cut = value.value("cut", false);
  out.content = from_hex(value.value("content", std::string())).value_or("");
  return out;
}

}  // namespace

Explained parse_explained(std::string_view document) {
  try {
    Explained out;
    const Json parsed = Json::parse(document);
    for (const Json& value : parsed.at("values")) out.values.push_back(value_of(value));
    for (const Json& origin : parsed.value("origins", Json::array())) {
      const Json& node = origin.at("node");
      // A member whose record is lost has its id still.
      const std::string name = node.is_string() ? node.get<std::string>() : origin.at("node_id").get<std::string>();
      out.lives[OriginId{hex_of(origin.at("origin"))}] = {name, origin.value("present", false)};
    }
    return out;
  } catch (const Json::exception& error) {
    throw ClientError(ClientError::Kind::kProtocol,
                      std::string("the node's explanation could not be understood: ") + error.what());
  }
}

}  // namespace kith
