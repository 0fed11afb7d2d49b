// node/view/explain_document.h -- the document of op "explain", read back: the entries of a key's cells as stored, and
// whose lives they speak of.
//
// The one place here that knows the names in it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/tag.h"

namespace kith {

struct ExplainedEntry {
  enum class Role { kAdd, kRemoval, kValue, kIncrement, kBase } role = Role::kAdd;
  Tag tag;          // Of a removal: the latest of that actor's adds which was removed.  Of a base: up to where it is folded.
  Commit commit;
  bool dead = false;              // An add that some removal names; a value that does not show.
  std::uint64_t value_bytes = 0;  // kValue.
  std::string value_hash;         // kValue, in hex; empty: a deletion.
  Timestamp expires;              // kValue; zero: never.
  std::int64_t amount = 0;        // kIncrement, kBase.
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
  bool entries_cut = false;       // There are more than a document shows.
  std::string content;            // Of a set's element: its canonical bytes; empty when there are too many.
};

// Whose life an origin is.
struct LifeName {
  std::string node;
  bool present = false;           // Else one that is over.
  friend bool operator==(const LifeName&, const LifeName&) = default;
};
using LifeNames = std::map<OriginId, LifeName>;

struct Explained {
  std::vector<ExplainedValue> values;
  LifeNames lives;                // Of those in the values, as far as the node knows.
};

// Throws ClientError(kProtocol).
Explained parse_explained(std::string_view document);

}  // namespace kith
