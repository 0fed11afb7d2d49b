#include "store/counter_rows.h"

#include <algorithm>

#include "crdt/check.h"
#include "store/cell_digest.h"

namespace kith {
namespace {

// Calls `visit(store key, row bytes)` for each increment at or behind `from`, in order, until it returns false.
template <class Visit>
void each_increment(const ReadTransaction& transaction, std::string_view base_key, std::string_view from, Visit visit) {
  // A base's key is the prefix of its counter's keys, and the empty member's part behind it.
  constexpr std::size_t kEmptyPartBytes = 2;
  const std::string_view prefix = base_key.substr(0, base_key.size() - kEmptyPartBytes);
  const auto walk = transaction.walk(Database::kCells);
  bool more = walk->seek(std::max(base_key, from));
  if (more && walk->key() == base_key) more = walk->next();
  for (; more && walk->key().starts_with(prefix); more = walk->next()) {
    if (!visit(walk->key(), walk->value())) return;
  }
}

}  // namespace

Timestamp folded_to(const ReadTransaction& transaction, std::string_view base_key) {
  const auto bytes = transaction.get(Database::kCells, base_key);
  const auto row = bytes ? decode_row(base_key, *bytes) : std::nullopt;
  return row ? row->content.as_register().tag().at : Timestamp{};
}

std::vector<StoreKey> increments_up_to(const ReadTransaction& transaction, std::string_view base_key, Timestamp up_to) {
  std::vector<StoreKey> out;
  each_increment(transaction, base_key, base_key, [&](std::string_view key, std::string_view) {
    const auto tag = increment_tag_of_store_key(key);
    if (tag && tag->at > up_to) return false;
    if (tag) out.emplace_back(key);
    return true;
  });
  return out;
}

FoldPlan plan_fold(const ReadTransaction& transaction, const CellKey& cell, std::string_view base_key,
                   const Register& base, Timestamp up_to, std::size_t limit) {
  KITH_CHECK(limit > 0, "a fold that takes nothing", cell.key);
  FoldPlan plan;
  const bool any_marked = !transaction.empty(Database::kDamaged);
  // SUBTLE: what was folded before may be gone a moment only, and the walk would step over all of it again (store/recent_table.h).
  const StoreKey from = store_key(shard_of_store_key(base_key), {cell.table, cell.key, Kind::kCounter, increment_member(Tag{base.tag().at, ActorId{}})});
  each_increment(transaction, base_key, from, [&](std::string_view key, std::string_view bytes) {
    const auto tag = increment_tag_of_store_key(key);
    if (!tag) return true;
    if (tag->at > up_to) return false;
    const bool same_timestamp =
        !plan.taken.empty() && plan.taken.back().second.content.as_register().tag().at == tag->at;
    if (plan.taken.size() >= limit && !same_timestamp) {
      plan.more = true;
      return false;
    }
    auto row = decode_row(key, bytes);
    if (!row || (any_marked && transaction.get(Database::kDamaged, key))) {
      plan.damaged = StoreKey(key);
      std::erase_if(plan.taken, [&](const auto& it) { return it.second.content.as_register().tag().at == tag->at; });
      return false;
    }
    // Else it is another's, whose long name has the same hash, and is left.
    if (row->cell.key == cell.key) plan.taken.emplace_back(key, *std::move(row));
    return true;
  });
  if (plan.taken.empty()) return plan;

  plan.base = with_increments(base, plan.taken);
  return plan;
}

Register with_increments(const Register& base, const std::vector<std::pair<StoreKey, Row>>& increments) {
  if (increments.empty()) return base;
  CounterBase folded = base.present() ? decode_base(*base.value()).value_or(CounterBase{}) : CounterBase{};
  Commit latest = base.commit();
  for (const auto& [key, row] : increments) {
    folded.sum += counter_share(row.cell, row.content);
    folded.digest += fingerprint_of(row.cell, row.content);
    latest = std::max(latest, row.content.as_register().commit());
  }
  return base_register(increments.back().second.content.as_register().tag().at, folded, latest);
}

CounterSum sum_of_rows(const ReadTransaction& transaction, std::string_view base_key) {
  CounterSum sum;
  const auto add = [&](std::string_view key, std::string_view bytes) {
    if (const auto row = decode_row(key, bytes)) sum += counter_share(row->cell, row->content);
    return true;
  };
  if (const auto base = transaction.get(Database::kCells, base_key)) add(base_key, *base);
  each_increment(transaction, base_key, base_key, add);
  return sum;
}

}  // namespace kith
