// tools/kith/explain_document.h -- the document of op "explain", read back: the entries of a key's cells as stored.
//
// The one place here that knows the names in it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/tag.h"

namespace kith::tools {

struct ExplainedEntry {
  enum class Role { kAdd, kRemoval, kValue } role = Role::kAdd;
  Tag tag;          // Of a removal: the latest of that actor's adds which was removed.
  Commit commit;
  bool dead = false;              // An add that some removal names.
  std::uint64_t value_bytes = 0;  // kValue.
  Timestamp expires;              // kValue; zero: never.
};

// One cell, or all cells of a set, a hash or a counter.
struct ExplainedValue {
  std::string kind;
  bool collection = false;
  bool damaged = false;
  bool present = false;
  std::uint64_t bytes = 0;
  std::uint64_t live = 0;         // Of a collection.
  std::uint64_t cells = 0;        // Of a collection: rows, dead ones too.
  std::optional<std::int64_t> total;  // Of a counter; nothing while some row of it is damaged.
  Timestamp folded_to;            // Of a counter; zero: it has no base.
  std::vector<ExplainedEntry> entries;
};

// Throws ClientError(kProtocol).
std::vector<ExplainedValue> parse_explained(std::string_view document);

}  // namespace kith::tools
