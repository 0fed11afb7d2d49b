// store/counter_rows.h -- what the rows of a counter say: how far it is folded, what a fold would take, what it adds up to.
//
//     value prefix | base            the tag of its register: folded to
//                  | increments      by timestamp, then actor
//
// Reads only; store/applier.cc acts on it.  Rules: crdt/counter.h.  Tests: tests/store/counter_test.cc
#pragma once

#include <optional>
#include <vector>

#include "crdt/counter.h"
#include "store/store.h"
#include "store/transaction.h"

namespace kith {

// Whose tags are at or below this is in the base already.  Zero when there is no base, or it cannot be read: then nothing
// is known to be in it, and what should not be there goes when the base is mended.
Timestamp folded_to(const ReadTransaction& transaction, std::string_view base_key);

// The increments at or below `up_to`, whether they can be read or not.  Cost: one step each.
std::vector<StoreKey> increments_up_to(const ReadTransaction& transaction, std::string_view base_key, Timestamp up_to);

struct FoldPlan {
  std::vector<std::pair<StoreKey, Row>> taken;  // Oldest first.
  Register base;                                // With them; empty when nothing is taken.
  bool more = false;                            // There are further ones at or below `up_to`.
  std::optional<StoreKey> damaged;              // Stands in the way: nothing from its timestamp on is taken.
};
// At most `limit` increments with tags at or below `up_to`, oldest first; those of one timestamp together, so that it may
// be a few more.  `base`: the present one, or bottom.  A base depends only on the increments folded into it, never on
// how many at a time.  REQUIRES: limit > 0.
FoldPlan plan_fold(const ReadTransaction& transaction, const CellKey& cell, std::string_view base_key,
                   const Register& base, Timestamp up_to, std::size_t limit);

// A base with these folded in.  REQUIRES: their tags are above its own, oldest first.
Register with_increments(const Register& base, const std::vector<std::pair<StoreKey, Row>>& increments);

// From the rows that can be read: O(n), for when the record in `counts` is damaged.
CounterSum sum_of_rows(const ReadTransaction& transaction, std::string_view base_key);

}  // namespace kith
