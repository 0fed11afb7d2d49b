// store/expiries.h -- values that expire, in the order in which they do: what lets time pass in what is summed up.
//
//     expiries   over_at_ms:u64 name:16 bytes -> store key     one entry per row whose value expires
//                name: xxh3-128 of the store key, which itself may be too long for a key with something before it
//     meta       "expired" -> the entry that was passed last
//
// Counts and fingerprints are kept as rows change, and cannot see time pass.  So they are those of the rows that are not
// *passed*: a row that expires counts until the mark in `meta` has come to its entry.  A batch moves the mark
// (StoreBatch::pass_expired) over the next few entries that are over, and takes out what each of them had added: once per
// value, whatever else there is.  The rows stay as they are until they are collected, so what replication, merging and
// rebasing see does not depend on anybody's clock; and since an entry is passed before the horizon comes to it, collecting a
// row changes no sum, as of a deletion: nodes with different horizons have equal fingerprints.
//
// SUBTLE: a clock that was far ahead, and was set right, has carried the mark with it.  So the mark goes back as well: what
// is not over then counts again.  Else that node would differ from all others until their time has come there.
// SUBTLE: the mark is a place in this order, and an entry is made from nothing but the row and its key.  So whether a row
// counts can be told from the row and the mark alone: by verify(), by whoever counts a shard anew, and of a row that
// comes when it is over already.  With a mark in milliseconds all that expires in one would have to be passed in one step.
//
// An entry without its row, or of a row that has another by now, was left behind by damage.  It is taken out when it is met.
// Tests: tests/store/expiry_test.cc
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "crdt/content.h"
#include "store/transaction.h"

namespace kith {

inline const std::string kExpiredName = "expired";  // In `meta`.

// The entry of a row; empty when its value does not expire.
std::string expiry_entry(std::string_view store_key, const Content& content);
std::int64_t over_at_ms_of_entry(std::string_view entry);  // Zero when malformed.

// The entry that was passed last; empty: none was.  Throws StoreError(kCorrupt) when it is damaged.
std::string expired_mark(const ReadTransaction& transaction);
void put_expired_mark(WriteTransaction& transaction, std::string_view mark);

// Whether the row counts for nothing any more.
inline bool is_passed(std::string_view mark, std::string_view store_key, const Content& content) {
  if (content.over_at_ms() == 0 || mark.empty()) return false;
  return expiry_entry(store_key, content) <= mark;
}

}  // namespace kith
