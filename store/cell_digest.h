// store/cell_digest.h -- what a cell adds to its shard's fingerprint: bucket_of and fingerprint_of of store/store.h
// with the name hashed once.
//
// All cells of a counter go by the counter's name, and its base adds what the increments in it had added: a counter that
// is folded at one member and not yet at another has equal fingerprints.
#pragma once

#include <cstdint>

#include "crdt/cell_key.h"
#include "crdt/counter.h"
#include "store/store.h"

namespace kith {

class CellDigest {
 public:
  explicit CellDigest(const CellKey& cell)
      : name_(cell.kind == Kind::kCounter ? hash_of_value(cell) : hash_of(cell)), is_sum_(is_base(cell)) {}

  static std::uint64_t observable_of(const CellKey& cell, const Content& content);  // What fingerprint() is of.

  std::size_t bucket() const { return static_cast<std::size_t>(name_ % kFingerprintBuckets); }
  std::uint64_t fingerprint(std::uint64_t observable_hash) const;  // Zero when that is zero: absent.

 private:
  std::uint64_t name_;
  bool is_sum_;
};

}  // namespace kith
