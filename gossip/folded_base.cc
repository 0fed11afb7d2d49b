#include "gossip/folded_base.h"

#include <utility>
#include <vector>

#include "crdt/counter.h"
#include "store/counter_rows.h"

namespace kith {

bool is_base_store_key(const StoreKey& key) {
  const std::string_view value = value_of_store_key(key);
  return !value.empty() && value.back() == static_cast<char>(Kind::kCounter) && base_store_key(key) == key;
}

std::optional<FoldedBase> base_folded_to(const Snapshot& snapshot, const StoreKey& key, Timestamp up_to) {
  FoldedBase out;
  out.lookup = snapshot.get(key, out.row);
  if (out.lookup == Snapshot::Lookup::kMissing) out.damaged = snapshot.damage_beside(key);
  else if (out.lookup == Snapshot::Lookup::kDamaged) out.damaged = key;
  const bool found = out.lookup == Snapshot::Lookup::kFound;
  const Register base = found ? out.row.content.as_register() : Register{};
  std::vector<std::pair<StoreKey, Row>> above;
  bool too_much = false;
  const StoreKey counter(key, 0, shard_prefix(shard_of_store_key(key)).size() + value_of_store_key(key).size());
  snapshot.scan(counter, key, [&](const StoreKey& at, const Row* row) {
    const auto tag = increment_tag_of_store_key(at);
    if (!tag) return true;
    if (out.damaged || tag->at > up_to) return false;
    if (tag->at <= base.tag().at) return true;  // In it already.
    if (row == nullptr) out.damaged = at;
    else if (const Row* one = found ? &out.row : above.empty() ? row : &above.front().second; row->cell.key != one->cell.key) return true;
    else above.emplace_back(at, *row);  // Not another's, whose long name has the same hash.
    return !(too_much = above.size() > kFoldedForOthersMax);
  });
  if (too_much) return std::nullopt;
  if (out.damaged) {
    out.lookup = Snapshot::Lookup::kDamaged;
  } else if (!above.empty()) {
    const CellKey& any = above.front().second.cell;
    if (!found) out.row.cell = base_cell(any.table, any.key);
    out.lookup = Snapshot::Lookup::kFound;
    out.row.content = Content(with_increments(base, above));
    out.row.bytes = key.size() + encode_row(key, out.row.cell, out.row.content, 0).size();
  }
  return out;
}

}  // namespace kith
