// gossip/folded_base.h -- the base of a counter as if it had been folded as far as somebody else's.
//
// Members fold by themselves (gossip/collector.h), so a base that is damaged at one may hold what others have as increments, or
// have no base of at all.  Below the horizon of who asks these are the same everywhere, and a base is made of them for it:
// what was folded there is in no row that it would be sent otherwise.
// Reads only.  Tests: tests/gossip/counters_test.cc
#pragma once

#include <optional>

#include "store/store.h"

namespace kith {

// More than that will have been folded here, too, when it is asked for again.
inline constexpr std::size_t kFoldedForOthersMax = 64 * 1024;

struct FoldedBase {
  Snapshot::Lookup lookup = Snapshot::Lookup::kMissing;
  Row row = {};                           // When found.
  std::optional<StoreKey> damaged = {};   // When damaged: the base, or an increment that would be in it.
};

bool is_base_store_key(const StoreKey& key);

// Of the counter with this base, folded up to `up_to` at least.  Nothing: there is too much to fold.
// REQUIRES: is_base_store_key(key).  Cost: one step an increment.
std::optional<FoldedBase> base_folded_to(const Snapshot& snapshot, const StoreKey& key, Timestamp up_to);

}  // namespace kith
