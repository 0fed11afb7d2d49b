// store/cell_digest.h -- what a cell adds to its shard's fingerprint: bucket_of and fingerprint_of of store/store.h
// with the name hashed once.
#pragma once

#include <cstdint>

#include "crdt/cell_key.h"
#include "store/store.h"

namespace kith {

class CellDigest {
 public:
  explicit CellDigest(const CellKey& cell) : name_(hash_of(cell)) {}

  std::size_t bucket() const { return static_cast<std::size_t>(name_ % kFingerprintBuckets); }
  std::uint64_t fingerprint(std::uint64_t observable_hash) const;  // Zero when that is zero: absent.

 private:
  std::uint64_t name_;
};

}  // namespace kith
