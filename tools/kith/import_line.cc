#include "tools/kith/import_line.h"

#include <nlohmann/json.hpp>

#include "crdt/limits.h"
#include "node/view/json_text.h"
#include "node/view/text.h"

namespace kith::tools {
namespace {

using Json = nlohmann::ordered_json;

// Thrown and caught in this file only: it makes the reading below read like the grammar.
struct Bad {
  std::string message;
};

std::string bytes_named(const Json& line, const char* name) {
  const auto found = line.find(name);
  if (found == line.end()) throw Bad{"\"" + std::string(name) + "\" is missing"};
  const auto bytes = bytes_of(*found);
  if (!bytes) throw Bad{"\"" + std::string(name) + "\" is neither a string nor {\"hex\": \"..\"}"};
  return *bytes;
}

std::string bytes_in(const Json& value, const std::string& what) {
  const auto bytes = bytes_of(value);
  if (!bytes) throw Bad{what + " is neither a string nor {\"hex\": \"..\"}, but of type " + value.type_name()};
  return *bytes;
}

void check_size(const std::string& what, std::size_t size, std::size_t limit, bool may_be_empty) {
  if (size > limit) {
    throw Bad{what + " has " + std::to_string(size) + " bytes; the limit is " + std::to_string(limit)};
  }
  if (size == 0 && !may_be_empty) throw Bad{what + " is empty"};
}

std::vector<std::string> names_in(const Json& line, const char* name) {
  const auto found = line.find(name);
  if (found == line.end()) throw Bad{"\"" + std::string(name) + "\" is missing"};
  if (!found->is_array() || found->empty()) throw Bad{"\"" + std::string(name) + "\" is no list of one or more names"};
  std::vector<std::string> out;
  for (const Json& value : *found) {
    out.push_back(bytes_in(value, "one of \"" + std::string(name) + "\""));
    check_size("one of \"" + std::string(name) + "\"", out.back().size(), kMemberBytesMax, true);
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> fields_in(const Json& line) {
  const auto found = line.find("fields");
  if (found == line.end()) throw Bad{"\"fields\" is missing"};
  std::vector<std::pair<std::string, std::string>> out;
  if (found->is_object() && !found->empty()) {
    for (const auto& [field, value] : found->items()) {
      out.emplace_back(field, bytes_in(value, "the value of field \"" + escaped(field) + "\""));
    }
  } else if (found->is_array() && !found->empty()) {
    for (const Json& item : *found) {
      if (!item.is_object()) throw Bad{"one of \"fields\" is not of the form {\"field\": .., \"value\": ..}"};
      out.emplace_back(bytes_named(item, "field"), bytes_named(item, "value"));
    }
  } else {
    throw Bad{"\"fields\" is no object of one or more fields"};
  }
  for (const auto& [field, value] : out) {
    check_size("field \"" + escaped(field.substr(0, 40)) + "\"", field.size(), kMemberBytesMax, true);
    check_size("the value of field \"" + escaped(field.substr(0, 40)) + "\"", value.size(), kValueBytesMax, true);
  }
  return out;
}

// 1 when none is given.
std::int64_t amount_in(const Json& line) {
  const auto found = line.find("amount");
  if (found == line.end()) return 1;
  const bool too_large = found->is_number_unsigned() && found->get<std::uint64_t>() > INT64_MAX;
  if (!found->is_number_integer() || too_large) {
    throw Bad{"\"amount\" is no whole number from " + std::to_string(INT64_MIN) + " to " + std::to_string(INT64_MAX)};
  }
  if (found->get<std::int64_t>() == 0) throw Bad{"\"amount\" is 0: an increment of 0 changes nothing"};
  return found->get<std::int64_t>();
}

// 0 when none is given.
std::int64_t ttl_in(const Json& line) {
  const auto found = line.find("ttl_ms");
  if (found == line.end()) return 0;
  const bool fits = found->is_number_integer() && (!found->is_number_unsigned() || found->get<std::uint64_t>() <= kTtlMsMax) &&
                    found->get<std::int64_t>() > 0;
  if (!fits) throw Bad{"\"ttl_ms\" is no whole number from 1 to " + std::to_string(kTtlMsMax) + " (100 years)"};
  return found->get<std::int64_t>();
}

void check_names(const Json& line, const std::vector<std::string>& known) {
  for (const auto& [name, value] : line.items()) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const auto meant = closest(name, known);
    throw Bad{"\"" + escaped(name) + "\" has no meaning here" + (meant ? ": did you mean \"" + *meant + "\"?" : "")};
  }
}

Request request_in(const Json& line, const std::string& default_table) {
  if (!line.is_object()) throw Bad{"not a JSON object"};
  const std::string op = bytes_named(line, "op");
  static const std::vector<std::string> kOps = {"set", "del", "sadd", "srem", "hset", "hdel", "incr"};
  if (std::find(kOps.begin(), kOps.end(), op) == kOps.end()) {
    const auto meant = closest(op, kOps);
    throw Bad{"there is no op \"" + escaped(op) + "\"" +
              (meant ? ": did you mean \"" + *meant + "\"?" : "; there are set, del, sadd, srem, hset, hdel and incr")};
  }
  Request request;
  request.op = *client_op_from(op);
  request.table = line.contains("table") ? bytes_named(line, "table") : default_table;
  if (!valid_table_name(request.table)) throw Bad{"\"" + escaped(request.table) + "\" is no table name"};
  request.key = bytes_named(line, "key");
  check_size("the key", request.key.size(), kKeyBytesMax, false);
  std::vector<std::string> names = {"op", "table", "key"};
  if (op == "set") {
    names.emplace_back("value");
    names.emplace_back("ttl_ms");
    check_names(line, names);
    request.ttl_ms = ttl_in(line);
    request.value = bytes_named(line, "value");
    check_size("the value", request.value.size(), kValueBytesMax, true);
  } else if (op == "sadd" || op == "srem") {
    names.emplace_back("members");
    check_names(line, names);
    request.members = names_in(line, "members");
  } else if (op == "hset" || op == "hdel") {
    names.emplace_back("fields");
    if (op == "hset") names.emplace_back("ttl_ms");
    check_names(line, names);
    if (op == "hset") {
      request.ttl_ms = ttl_in(line);
      request.fields = fields_in(line);
    } else {
      request.members = names_in(line, "fields");
    }
  } else if (op == "incr") {
    names.emplace_back("amount");
    check_names(line, names);
    request.amount = amount_in(line);
  } else {
    check_names(line, names);
  }
  const std::size_t members = std::max(request.members.size(), request.fields.size());
  if (members > kOperationMembersMax) {
    throw Bad{std::to_string(members) + " members in one operation; the limit is " +
              std::to_string(kOperationMembersMax) + ": split the line"};
  }
  return request;
}

}  // namespace

std::variant<Request, ImportError> parse_import_line(std::string_view line, const std::string& default_table) {
  try {
    return request_in(Json::parse(line), default_table);
  } catch (const Bad& bad) {
    return ImportError{bad.message};
  } catch (const Json::parse_error& error) {
    // "[json.exception.parse_error.101] parse error at line 1, column 5: syntax error ..": the line is ours to count.
    std::string what = error.what();
    if (const std::size_t at = what.find("column "); at != std::string::npos) what = what.substr(at);
    return ImportError{"not JSON, at " + escaped(what.substr(0, 160))};
  } catch (const Json::exception& error) {
    return ImportError{std::string("not usable: ") + error.what()};
  }
}

}  // namespace kith::tools
