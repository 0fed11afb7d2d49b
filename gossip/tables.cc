#include "gossip/tables.h"

#include <algorithm>
#include <charconv>

#include "crdt/limits.h"

namespace kith {
namespace {

constexpr std::string_view kAllKinds = "register, set, hash and counter";

std::optional<std::vector<Kind>> kinds_from(std::string_view text) {
  const TableRules all;
  std::vector<Kind> out;
  while (true) {
    const std::string_view name = text.substr(0, text.find(','));
    const auto kind = std::find_if(all.kinds.begin(), all.kinds.end(), [&](Kind known) { return to_string(known) == name; });
    if (kind == all.kinds.end() || std::find(out.begin(), out.end(), *kind) != out.end()) return std::nullopt;
    out.push_back(*kind);
    if (name.size() == text.size()) break;
    text.remove_prefix(name.size() + 1);
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::string kinds_text(const std::vector<Kind>& kinds) {
  std::string out;
  for (const Kind kind : kinds) out += (out.empty() ? "" : ",") + std::string(to_string(kind));
  return out;
}

}  // namespace

bool TableRules::holds(Kind kind) const { return std::find(kinds.begin(), kinds.end(), kind) != kinds.end(); }

std::optional<std::uint32_t> level_from(std::string_view text) {
  if (text == "one") return 1;
  if (text == "quorum") return kQuorumReplicas;
  if (text == "all") return kAllReplicas;
  std::uint32_t number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc{} || stop != text.data() + text.size() || number == 0 || number > kMembersMax) return std::nullopt;
  return number;
}

std::string level_text(std::uint32_t level) {
  return level == kAllReplicas ? "all" : level == kQuorumReplicas ? "quorum" : level == 1 ? "one" : std::to_string(level);
}

TableAttributes attributes_of(const TableRules& rules) {
  return {{"keys", rules.keys == KeyRule::kUuid4 ? "uuid4" : "any"},
          {"kinds", kinds_text(rules.kinds)},
          {"quorum", rules.quorum == QuorumRule::kTwoThirds ? "2/3" : "majority"},
          {"read", level_text(rules.read)},
          {"write", level_text(rules.write)}};
}

std::optional<std::string> take_attribute(TableRules& rules, std::string_view name, std::string_view text) {
  const auto wrong = [&](std::string_view wanted) { return std::string(name) + ": \"" + std::string(text.substr(0, 64)) + "\"; give " + std::string(wanted); };
  if (name == "keys") {
    if (text != "any" && text != "uuid4") return wrong("any or uuid4");
    rules.keys = text == "uuid4" ? KeyRule::kUuid4 : KeyRule::kAny;
  } else if (name == "kinds") {
    auto kinds = kinds_from(text);
    if (!kinds) return wrong("some of " + std::string(kAllKinds) + ", each once, with commas between them");
    rules.kinds = *std::move(kinds);
  } else if (name == "quorum") {
    if (text != "majority" && text != "2/3") return wrong("majority or 2/3");
    rules.quorum = text == "2/3" ? QuorumRule::kTwoThirds : QuorumRule::kMajority;
  } else if (name == "write") {
    const auto level = level_from(text);
    if (!level) return wrong("one, quorum, all, or a number from 1 to " + std::to_string(kMembersMax));
    rules.write = *level;
  } else if (name == "read") {
    const auto level = level_from(text);
    if (!level) return wrong("one, quorum, all, or a number from 1 to " + std::to_string(kMembersMax));
    rules.read = *level;
  } else {
    return "a table has no attribute \"" + std::string(name.substr(0, 64)) + "\": there are keys, kinds, quorum, read and write";
  }
  return std::nullopt;
}

bool proper_uuid4(std::string_view key) {
  constexpr std::string_view kForm = "xxxxxxxx-xxxx-4xxx-Vxxx-xxxxxxxxxxxx";
  const auto fits = [](char form, char c) {
    if (form == 'x') return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    if (form == 'V') return c == '8' || c == '9' || c == 'a' || c == 'b';  // The variant of RFC 9562.
    return c == form;
  };
  return key.size() == kForm.size() && std::equal(kForm.begin(), kForm.end(), key.begin(), fits);
}

std::string table_field(std::string_view table, std::string_view attribute) { return std::string(table) + "/" + std::string(attribute); }

std::optional<std::pair<std::string, std::string>> table_of_field(std::string_view field) {
  const std::size_t slash = field.find('/');
  if (slash == std::string_view::npos || !valid_table_name(field.substr(0, slash))) return std::nullopt;
  return std::pair(std::string(field.substr(0, slash)), std::string(field.substr(slash + 1)));
}

bool Tables::merge(const CellKey& cell, const Content& delta) {
  if (cell.table != kSystemTable || cell.key != kTablesKey || cell.kind != Kind::kHash || !delta.holds(Kind::kHash)) return false;
  const auto named = table_of_field(cell.member);
  if (!named) return true;
  Content& content = fields_.try_emplace(cell.member, Kind::kHash).first->second;
  if (!content.join(delta)) return true;
  const auto& value = content.as_register().value();
  TableRules& rules = tables_[named->first];
  rules.described = true;
  // An attribute, or a value of one, of a later version says nothing here.
  const std::uint32_t read = rules.read;
  if (value) (void)take_attribute(rules, named->second, *value);
  reads_elsewhere_ += (rules.read != 1 ? 1u : 0u) - (read != 1 ? 1u : 0u);
  return true;
}

const TableRules& Tables::rules(std::string_view table) const {
  static const TableRules kNone;
  const auto found = tables_.find(table);
  return found == tables_.end() ? kNone : found->second;
}

}  // namespace kith
