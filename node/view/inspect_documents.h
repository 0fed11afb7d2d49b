// node/view/inspect_documents.h -- the documents by which two nodes are compared, read back: shards, buckets, cells.
//
// The one place here that knows the names in them.  All throw ClientError(kProtocol) on what is no such document.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kith {

// What a person sees of a cell: its name, and its value when it has one (a set's element is there or it is not).
struct CellName {
  std::string table;
  std::string key;
  std::string kind;    // "register", "set", "hash", "counter"
  std::string member;  // Empty for a register and a counter.

  friend auto operator<=>(const CellName&, const CellName&) = default;
};

struct CellValue {
  CellName name;                     // Of a damaged row: kind "damaged", and the key is the store's.
  std::string fingerprint;           // Equal: the same, tags included.
  std::optional<std::string> value;  // Nothing: a set's element, or too long for a document; then ask for it.
  std::uint64_t value_bytes = 0;
  std::vector<std::string> tags;     // Those of a set's element that are alive; of a value the one that set it.
};

std::vector<std::string> parse_shard_roots(std::string_view document);  // By shard, in hex.
std::vector<std::string> parse_buckets(std::string_view document);      // Sums, in hex.
std::vector<CellValue> parse_cells(std::string_view document);

}  // namespace kith
