#include "crdt/counter.h"
#include "sim/judge.h"

namespace kith::sim {
namespace {

bool is_increment_of(const StoreKey& key, const StoreKey& base) {
  return increment_tag_of_store_key(key).has_value() && base_store_key(key) == base;
}

}  // namespace

void Judge::base_rotten(Machine& at, const StoreKey& base) {
  const auto snapshot = at.disk.store->snapshot();
  Row row;
  for (auto& [key, ghost] : at.disk.ghost) {
    // SUBTLE: a row that rotted before, and is no more, was in the base by then.
    if (!is_increment_of(key, base) || snapshot->get(key, row) != Snapshot::Lookup::kMissing) continue;
    ghost.in_rotten_base = true;
    rotted_[key].insert(at.disk.node_name);
  }
}

void Judge::base_settled(Machine& at, const StoreKey& base, const Snapshot& snapshot) {
  for (auto at_key = at.disk.ghost.begin(); at_key != at.disk.ghost.end();) {
    GhostCell& ghost = at_key->second;
    const bool of_it = ghost.in_rotten_base && is_increment_of(at_key->first, base);
    if (of_it) ghost.in_rotten_base = false;
    // What was folded into it while it waited for others to vouch for it has to be in it still.
    if (!of_it && !ghost.rotten && is_increment_of(at_key->first, base)) compare(at, at_key->first, ghost, snapshot, false);
    if (of_it && !in_base(snapshot, at_key->first)) at_key = at.disk.ghost.erase(at_key);
    else ++at_key;
  }
}

// SUBTLE: what is merged into it meanwhile is in its row, and takes increments in, but is not served.
bool Judge::in_waiting_base(const Snapshot& snapshot, const StoreKey& key) const {
  if (!increment_tag_of_store_key(key)) return false;
  const StoreKey base = base_store_key(key);
  Row row;
  return rotted_.contains(base) && snapshot.get(base, row) == Snapshot::Lookup::kDamaged;
}

}  // namespace kith::sim
