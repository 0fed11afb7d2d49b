#include "store/cell_digest.h"

#include <xxhash.h>

namespace kith {

std::uint64_t CellDigest::fingerprint(std::uint64_t observable_hash) const {
  if (observable_hash == 0 || is_sum_) return observable_hash;
  const std::uint64_t words[] = {name_, observable_hash};
  const std::uint64_t hash = XXH3_64bits(words, sizeof words);
  return hash != 0 ? hash : 1;
}

std::uint64_t CellDigest::observable_of(const CellKey& cell, const Content& content) {
  if (!is_base(cell)) return content.observable_hash();
  const auto base = content.present() ? decode_base(*content.as_register().value()) : std::nullopt;
  return base ? base->digest : 0;
}

std::size_t bucket_of(const CellKey& cell) { return CellDigest(cell).bucket(); }

std::uint64_t fingerprint_of(const CellKey& cell, const Content& content) {
  return CellDigest(cell).fingerprint(CellDigest::observable_of(cell, content));
}

}  // namespace kith
