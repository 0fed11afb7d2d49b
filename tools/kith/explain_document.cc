#include "tools/kith/explain_document.h"

#include <nlohmann/json.hpp>

#include "node/client.h"

namespace kith::tools {
namespace {

using Json = nlohmann::ordered_json;

std::uint64_t hex_of(const Json& text) { return parse_hex(text.get<std::string>()).value_or(0); }
Timestamp time_of(const Json& time) { return Timestamp{hex_of(time.at("hlc"))}; }
Commit commit_of(const Json& commit) { return {time_of(commit.at("at")), OriginId{hex_of(commit.at("origin"))}}; }

ExplainedEntry entry_of(const Json& entry, ExplainedEntry::Role role) {
  return {.role = role, .tag = {time_of(entry.at("at")), ActorId{hex_of(entry.at("actor"))}},
          .commit = commit_of(entry.at("commit")), .dead = entry.value("dead", false), .value_bytes = 0, .expires = {}};
}

ExplainedValue value_of(const Json& value) {
  ExplainedValue out;
  out.kind = value.at("kind").get<std::string>();
  out.damaged = value.contains("damaged") && value["damaged"].is_boolean() && value["damaged"].get<bool>();
  if (out.damaged) return out;
  out.collection = value.contains("cells_total");
  out.bytes = value.value("bytes", std::uint64_t{0});
  if (out.collection) {
    out.cells = value.at("cells_total").get<std::uint64_t>();
    out.live = value.value("live", std::uint64_t{0});
    out.present = out.live > 0;
    if (const auto total = value.find("total"); total != value.end()) out.total = total->get<std::int64_t>();
    if (const auto folded = value.find("folded_to"); folded != value.end()) out.folded_to = time_of(*folded);
    return out;
  }
  out.present = value.value("present", false);
  for (const Json& entry : value.value("adds", Json::array())) {
    out.entries.push_back(entry_of(entry, ExplainedEntry::Role::kAdd));
  }
  for (const Json& entry : value.value("removed", Json::array())) {
    out.entries.push_back(entry_of(entry, ExplainedEntry::Role::kRemoval));
  }
  if (const auto found = value.find("register"); found != value.end()) {
    const Json& tag = found->at("tag");
    out.entries.push_back({.role = ExplainedEntry::Role::kValue,
                           .tag = {time_of(tag.at("at")), ActorId{hex_of(tag.at("actor"))}},
                           .commit = commit_of(found->at("commit")),
                           .dead = !out.present,
                           .value_bytes = found->value("value_bytes", std::uint64_t{0}),
                           .expires = found->contains("expires") ? time_of(found->at("expires")) : Timestamp{}});
  }
  return out;
}

}  // namespace

std::vector<ExplainedValue> parse_explained(std::string_view document) {
  try {
    std::vector<ExplainedValue> out;
    const Json parsed = Json::parse(document);
    for (const Json& value : parsed.at("values")) out.push_back(value_of(value));
    return out;
  } catch (const Json::exception& error) {
    throw ClientError(ClientError::Kind::kProtocol,
                      std::string("the node's explanation could not be understood: ") + error.what());
  }
}

}  // namespace kith::tools
