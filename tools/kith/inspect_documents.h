// tools/kith/inspect_documents.h -- the documents by which two nodes are compared, read back: shards, buckets, cells.
//
// The one place here that knows the names in them.  All throw ClientError(kProtocol) on what is no such document.
#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <vector>

namespace kith::tools {

// What a person sees of a cell: its name, and its value when it has one (a set's element is there or it is not).
struct CellName {
  std::string table;
  std::string key;
  std::string kind;    // "register", "set", "hash"
  std::string member;  // Empty for a register.

  friend auto operator<=>(const CellName&, const CellName&) = default;
};

struct CellValue {
  CellName name;
  std::string value;  // Empty for a set's element.
};

std::vector<std::string> parse_shard_roots(std::string_view document);  // By shard, in hex.
std::vector<std::string> parse_buckets(std::string_view document);      // Sums, in hex.
std::vector<CellValue> parse_cells(std::string_view document);

}  // namespace kith::tools
