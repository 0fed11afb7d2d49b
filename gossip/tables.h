// gossip/tables.h -- what is asked of the keys, kinds and writes of a table: its rules, as somebody described them.
//
// Ordinary replicated data: one hash, `tables` in the system table, a field per table and attribute, so every node has it, and of
// two who describe a table at once the later one counts, attribute by attribute: creating writes all of them under one tag, so of two
// creations one stands as a whole.  This is the engine's reading of it, kept in step with what is merged.
//
//     field  := table '/' attribute             '/' is in no table's name
//     value  := text: keys "any" | "uuid4"; kinds "set,hash,.."; write, read "one" | "quorum" | "all" | number;
//               quorum "majority" | "2/3"
//
// A table needs no rules: without any it takes every key and every kind, and a write is answered when one node has it.
// SUBTLE: rules steer what a node takes in, by what it has heard.  What was taken in before, or where they were not known yet,
// stays and spreads: rows are joined whatever the rules say, or nodes would differ.
// Tests: tests/gossip/tables_test.cc
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crdt/cell_key.h"
#include "crdt/content.h"
#include "gossip/operation.h"
#include "gossip/replication.h"

namespace kith {

enum class KeyRule : std::uint8_t { kAny, kUuid4 };

struct TableRules {
  bool described = false;
  KeyRule keys = KeyRule::kAny;
  std::vector<Kind> kinds = {Kind::kRegister, Kind::kSet, Kind::kHash, Kind::kCounter};  // In this order.
  std::uint32_t write = 1;                // A number of replicas, kAllReplicas or kQuorumReplicas.
  std::uint32_t read = 1;
  QuorumRule quorum = QuorumRule::kMajority;

  bool holds(Kind kind) const;
  friend bool operator==(const TableRules&, const TableRules&) = default;
};

// Attributes as text, all of them, in order of name.
using TableAttributes = std::vector<std::pair<std::string, std::string>>;
TableAttributes attributes_of(const TableRules& rules);
// Takes one over.  Returns what is wrong with it, for people; then nothing changed.
[[nodiscard]] std::optional<std::string> take_attribute(TableRules& rules, std::string_view name, std::string_view text);

// A level as people write it: "one", "quorum", "all", "2".
std::optional<std::uint32_t> level_from(std::string_view text);
std::string level_text(std::uint32_t level);

// In the one spelling that such ids are written in, 8-4-4-4-12 hex digits in lower case, of version 4: two spellings would be two keys.
bool proper_uuid4(std::string_view key);

// Where rules are kept.
inline constexpr std::string_view kTablesKey = "tables";
std::string table_field(std::string_view table, std::string_view attribute);
// "artifacts/keys" -> artifacts, keys; nothing when it is no such field.
std::optional<std::pair<std::string, std::string>> table_of_field(std::string_view field);

class Tables {
 public:
  // Joins a field in.  Returns whether it is one of these.
  bool merge(const CellKey& cell, const Content& delta);

  const TableRules& rules(std::string_view table) const;  // Of one that nobody described: no rules.
  bool any_reads_elsewhere() const { return reads_elsewhere_ > 0; }  // Of some table reads ask other members.

 private:
  std::map<std::string, Content, std::less<>> fields_;
  std::map<std::string, TableRules, std::less<>> tables_;
  std::uint32_t reads_elsewhere_ = 0;  // Tables of whose reads `read` says so.
};

}  // namespace kith
