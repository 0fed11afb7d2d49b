#include "node/view/inspect_documents.h"

#include <nlohmann/json.hpp>

#include "node/client.h"
#include "node/view/json_text.h"

namespace kith {
namespace {

using Json = nlohmann::ordered_json;

[[noreturn]] void not_understood(const std::string& what, const std::string& why) {
  throw ClientError(ClientError::Kind::kProtocol, "the node's list of " + what + " could not be understood: " + why);
}

template <class Read>
auto read_document(std::string_view document, const char* list, Read read) {
  try {
    std::vector<decltype(read(Json()))> out;
    const Json parsed = Json::parse(document);
    for (const Json& item : parsed.at(list)) out.push_back(read(item));
    return out;
  } catch (const Json::exception& error) {
    not_understood(list, error.what());
  }
}

std::string text_at(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return {};
  const auto bytes = bytes_of(*found);
  if (!bytes) not_understood("cells", std::string(name) + " is neither a string nor {\"hex\": \"..\"}");
  return *bytes;
}

}  // namespace

std::vector<std::string> parse_shard_roots(std::string_view document) {
  return read_document(document, "roots", [](const Json& item) { return item.get<std::string>(); });
}

std::vector<std::string> parse_buckets(std::string_view document) {
  return read_document(document, "buckets", [](const Json& item) { return item.get<std::string>(); });
}

std::vector<CellValue> parse_cells(std::string_view document) {
  return read_document(document, "cells", [](const Json& item) {
    CellValue cell;
    if (item.value("damaged", false)) {
      cell.name = {.table = {}, .key = text_at(item, "store_key"), .kind = "damaged", .member = {}};
      cell.fingerprint = "damaged";
      return cell;
    }
    cell.name = {.table = text_at(item, "table"), .key = text_at(item, "key"), .kind = text_at(item, "kind"),
                 .member = text_at(item, "member")};
    cell.fingerprint = text_at(item, "fingerprint");
    if (item.contains("value")) cell.value = text_at(item, "value");
    cell.value_bytes = item.value("value_bytes", std::uint64_t{0});
    if (item.contains("tag")) cell.tags.push_back(text_at(item, "tag"));
    for (const Json& tag : item.value("tags", Json::array())) cell.tags.push_back(tag.get<std::string>());
    return cell;
  });
}

}  // namespace kith
