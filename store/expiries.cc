#include "store/expiries.h"

#include <xxhash.h>

#include "crdt/bytes.h"
#include "store/records.h"

namespace kith {

std::string expiry_entry(std::string_view store_key, const Content& content) {
  const std::int64_t over_at_ms = content.over_at_ms();
  if (over_at_ms == 0) return {};
  XXH128_canonical_t name;
  XXH128_canonicalFromHash(&name, XXH3_128bits(store_key.data(), store_key.size()));
  ByteWriter out;
  out.u64(static_cast<std::uint64_t>(over_at_ms));
  out.bytes({reinterpret_cast<const char*>(name.digest), sizeof name.digest});
  return out.take();
}

std::int64_t over_at_ms_of_entry(std::string_view entry) {
  ByteReader in(entry);
  return static_cast<std::int64_t>(in.u64());
}

std::string expired_mark(const ReadTransaction& transaction) {
  const auto sealed = transaction.get(Database::kMeta, kExpiredName);
  if (!sealed) return {};
  const auto mark = unseal(Database::kMeta, kExpiredName, *sealed);
  if (!mark) {
    throw StoreError(StoreError::Kind::kCorrupt,
                     "the record '" + kExpiredName + "' of the store is damaged and there is no second copy of it: set the data "
                     "directory aside and let the node join again");
  }
  return std::string(*mark);
}

void put_expired_mark(WriteTransaction& transaction, std::string_view mark) {
  transaction.put(Database::kMeta, kExpiredName, seal(Database::kMeta, kExpiredName, mark));
}

}  // namespace kith
