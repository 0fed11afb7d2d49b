#include "store/reader.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <set>

#include "store/counter_rows.h"
#include "store/expiries.h"
#include "store/feed_writer.h"
#include "store/fingerprints.h"
#include "store/records.h"
#include "store/shard_walk.h"

namespace kith {
namespace {

[[noreturn]] void refuse_damaged_record(const std::string& name) {
  throw StoreError(StoreError::Kind::kCorrupt,
                   "the record '" + name +
                       "' of the store is damaged and there is no second copy of it: set the data "
                       "directory aside and let the node join again");
}

constexpr std::uint64_t kIdEnd = ~std::uint64_t{0};

// Jumps from shard to shard.  `before` is what the keys have before the shard.
void collect_shards(const ReadTransaction& transaction, Database database, std::set<ShardId>& out,
                    const std::string& before = {}) {
  const auto walk = transaction.walk(database);
  const std::size_t least = before.size() + shard_prefix(0).size();
  for (bool more = walk->seek(before); more && walk->key().starts_with(before) && walk->key().size() >= least;) {
    const ShardId shard = shard_of_store_key(walk->key().substr(before.size()));
    out.insert(shard);
    if (shard == kSystemShard) return;
    more = walk->seek(before + shard_prefix(static_cast<ShardId>(shard + 1)));
  }
}

std::uint64_t feed_entry_share(Lsn lsn, std::string_view entry) {
  return XXH3_64bits_withSeed(entry.data(), entry.size(), lsn);
}

// More bits than this do not flip in one key while the disk still works.
constexpr int kFlippedBitsMax = 8;

// Whether the row at hand cannot be read, and its key may once have begun with `key`.  Cheap when it may not.
bool flipped_from(const Walk& row, std::string_view key) {
  if (row.key().size() < key.size()) return false;
  int bits = 0;
  for (std::size_t i = 0; i < key.size() && bits <= kFlippedBitsMax; ++i) {
    bits += std::popcount(static_cast<unsigned char>(row.key()[i] ^ key[i]));
  }
  return bits <= kFlippedBitsMax && !open_row(row.key(), row.value());
}

}  // namespace

std::uint64_t feed_share(const StoreKey& key, const Row& row) {
  return feed_entry_share(row.lsn, encode_feed_entry(key, is_collectable(row.cell, row.content)));
}

Reader::Reader(std::unique_ptr<ReadTransaction> transaction)
    : transaction_(std::move(transaction)), any_marked_(!transaction_->empty(Database::kDamaged)) {}

bool Reader::marked(std::string_view key) const {
  return any_marked_ && transaction_->get(Database::kDamaged, key).has_value();
}

std::optional<Row> Reader::sound(std::string_view key, std::string_view row) const {
  auto out = decode_row(key, row);
  if (out && marked(key)) return std::nullopt;
  return out;
}

Snapshot::Lookup Reader::get(ShardId shard, const CellKey& cell, Row& out) const {
  Row row;
  const Lookup lookup = get(store_key(shard, cell), row);
  // Two long names with one hash: the place is taken, so nothing true can be said of this cell.
  if (lookup == Lookup::kFound && row.cell != cell) return Lookup::kDamaged;
  if (lookup == Lookup::kFound) out = std::move(row);
  return lookup;
}

Snapshot::Lookup Reader::get(const StoreKey& key, Row& out) const {
  const auto bytes = transaction_->get(Database::kCells, key);
  if (!bytes) return marked(key) ? Lookup::kDamaged : Lookup::kMissing;
  auto row = sound(key, *bytes);
  if (!row) return Lookup::kDamaged;
  out = *std::move(row);
  return Lookup::kFound;
}

std::optional<StoreKey> Reader::damage_beside(const StoreKey& key) const {
  if (!beside_) beside_ = transaction_->walk_on_disk(Database::kCells);
  Walk* const walk = beside_.get();
  const auto may_be_it = [&] { return walk->key().size() == key.size() && flipped_from(*walk, key); };
  if (walk->seek(key)) {
    if (may_be_it()) return StoreKey(walk->key());
    if (walk->previous() && may_be_it()) return StoreKey(walk->key());
  } else if (walk->seek_before(key) && may_be_it()) {
    return StoreKey(walk->key());
  }
  return std::nullopt;
}

std::optional<StoreKey> Reader::damage_around(const StoreKey& prefix) const {
  const auto walk = transaction_->walk_on_disk(Database::kCells);
  if (walk->seek_before(prefix) && flipped_from(*walk, prefix)) return StoreKey(walk->key());
  if (walk->seek(value_prefix_end(prefix)) && flipped_from(*walk, prefix)) return StoreKey(walk->key());
  return std::nullopt;
}

void Reader::scan(const StoreKey& prefix, const StoreKey& after, const VisitRow& visit) const {
  const auto begin = [&](Walk& walk) {
    const bool more = walk.seek(std::max(prefix, after));
    return (more && walk.key() == after ? walk.next() : more) && walk.key().starts_with(prefix);
  };
  const auto go_on = [&](Walk& walk) { return walk.next() && walk.key().starts_with(prefix); };
  const auto walk = transaction_->walk(Database::kCells);
  const auto marks = any_marked_ ? transaction_->walk(Database::kDamaged) : nullptr;
  bool more = begin(*walk), more_marks = marks != nullptr && begin(*marks);
  while (more || more_marks) {
    // Of rows that are lost there is the mark alone.
    const bool at_mark = more_marks && (!more || marks->key() <= walk->key());
    const StoreKey key(at_mark ? marks->key() : walk->key());
    const bool at_row = more && walk->key() == key;
    const auto row = at_row && !at_mark ? decode_row(key, walk->value()) : std::nullopt;
    if (!visit(key, row ? &*row : nullptr)) return;
    if (at_row) more = go_on(*walk);
    if (at_mark) more_marks = go_on(*marks);
  }
}

void Reader::feed_after(ShardId shard, Lsn after, const VisitFeed& visit) const {
  if (after == kIdEnd) return;
  const auto walk = transaction_->walk(Database::kFeed);
  Lsn reached = after;
  for (bool more = walk->seek(shard_entry_key(shard, after + 1)); more && in_shard(*walk, shard); more = walk->next()) {
    const auto lsn = id_at(*walk);
    if (!lsn) {
      if (!visit(reached, StoreKey(), nullptr)) return;
      continue;
    }
    reached = *lsn;
    const StoreKey key(key_of_feed_entry(walk->value()));
    const auto bytes = transaction_->get(Database::kCells, key);
    const auto row = bytes ? sound(key, *bytes) : std::nullopt;
    const bool own = bytes ? !row || row->lsn == *lsn : marked(key);
    if (!visit(*lsn, own ? key : StoreKey(), own && row ? &*row : nullptr)) return;
  }
}

void Reader::collectable_after(ShardId shard, Lsn after, const VisitCollectable& visit) const {
  const auto walk = transaction_->walk(Database::kFeed);
  for (bool more = walk->seek(shard_entry_key(shard, after + 1)); more && in_shard(*walk, shard); more = walk->next()) {
    const auto lsn = id_at(*walk);
    if (lsn && !visit(*lsn, is_collectable(walk->value()) ? key_of_feed_entry(walk->value()) : std::string_view{})) return;
  }
}

Lsn Reader::feed_end(ShardId shard) const {
  const auto walk = transaction_->walk(Database::kFeed);
  return last_before(*walk, shard, kIdEnd).value_or(0);
}

// Backwards in longer and longer steps, since it is mostly one of the last; then halving what is between: who holds a mark holds those
// before it.  Where that is not so (one of them is damaged, say) it is a covered mark all the same, if not the last.
Lsn Reader::first_unseen(ShardId shard, const Covered& covered) const {
  const auto walk = transaction_->walk(Database::kMarks);
  const auto mark_before = [&](Lsn lsn) { return last_before(*walk, shard, lsn).value_or(0); };
  const auto is_covered = [&] {  // The mark at which the walk stands; a damaged one is none.
    const auto bytes = unseal(Database::kMarks, walk->key(), walk->value());
    const auto clock = bytes ? decode_clock(*bytes) : std::nullopt;
    return clock && std::all_of(clock->begin(), clock->end(), [&](const auto& item) { return covered({item.second, item.first}); });
  };
  Lsn low = 0, high = kIdEnd;  // The first is covered, the second is not, or the end.
  for (Lsn step = Store::kMarkInterval, at = mark_before(high); at != 0; step *= 2) {
    if (is_covered()) {
      low = at;
      break;
    }
    high = at;
    if (at <= step) break;
    at = mark_before(at - step + 1);
  }
  for (;;) {
    if (mark_before(high) <= low) return low;
    Lsn middle = mark_before(low + (high - low) / 2 + 1);
    if (middle <= low) middle = mark_before(high);  // None is in the lower half.
    (is_covered() ? low : high) = middle;
  }
}

void Reader::keys(std::string_view table, std::string_view prefix, const std::optional<KeyPosition>& after,
                  const VisitKey& visit) const {
  const std::string floor = value_key_floor(table, prefix);
  const std::string behind = after ? value_key(table, after->key, after->kind) : std::string();
  const auto walk = transaction_->walk(Database::kCounts);
  bool more = walk->seek(std::max(floor, behind));
  if (more && walk->key() == behind) more = walk->next();
  for (; more && walk->key().starts_with(floor); more = walk->next()) {
    auto name = parse_value_key(walk->key());
    const auto record = decode_count(walk->key(), walk->value());
    if (!name || !record || name->whole != record->key.empty()) continue;
    KeyCount out{std::move(name->table), name->whole ? std::move(name->key) : std::string(record->key), name->kind,
                 record->live};
    if (out.kind == Kind::kCounter) out.live = 1, out.total = record->sum.shown();
    if (out.key.starts_with(prefix) && !visit(out)) return;
  }
}

std::uint64_t Reader::count(std::string_view table, std::string_view key, Kind kind) const {
  const std::string value = value_key(table, key, kind);
  const auto bytes = transaction_->get(Database::kCounts, value);
  const auto record = bytes ? decode_count(value, *bytes) : std::nullopt;
  if (!record || !(record->key.empty() || record->key == key)) return 0;
  return kind == Kind::kCounter ? 1 : record->live;
}

void Reader::expiries(Expiries which, const VisitExpiry& visit) const {
  if (transaction_->empty(Database::kExpiries)) return;
  const std::string mark = which == Expiries::kNotPassed ? expired_mark(*transaction_) : std::string();
  const auto walk = transaction_->walk(Database::kExpiries);
  for (bool more = walk->seek(mark.empty() ? mark : mark + '\0'); more; more = walk->next()) {
    if (!visit({over_at_ms_of_entry(walk->key()), StoreKey(walk->value()), std::string(walk->key())})) return;
  }
}

std::int64_t Reader::passed_up_to_ms() const { return over_at_ms_of_entry(expired_mark(*transaction_)); }

bool Reader::passed(const StoreKey& key, const Content& content) const {
  return content.over_at_ms() != 0 && is_passed(expired_mark(*transaction_), key, content);
}

Snapshot::Lookup Reader::counter(ShardId shard, std::string_view table, std::string_view key, CounterState& out) const {
  const CellKey cell = base_cell(table, key);
  const StoreKey base_key = store_key(shard, cell);
  if (any_marked_) {
    const StoreKey prefix = value_prefix(shard, table, key, Kind::kCounter);
    const auto walk = transaction_->walk(Database::kDamaged);
    if (walk->seek(prefix) && walk->key().starts_with(prefix)) {
      out.damaged = walk->key();
      return Lookup::kDamaged;
    }
  }
  // Most keys are no counters, and every counter has its record: one look, and not three.
  const std::string_view value = value_of_store_key(base_key);
  const auto kept = transaction_->get(Database::kCounts, value);
  if (!kept) return Lookup::kMissing;
  const std::string bytes(*kept);  // A view is good until the next look.
  Row base;
  const Lookup lookup = get(shard, cell, base);
  if (lookup == Lookup::kDamaged) {
    out.damaged = base_key;
    return Lookup::kDamaged;
  }
  if (lookup == Lookup::kMissing) {  // It sorts before all increments, and is beside the first of them.
    if (auto beside = damage_beside(base_key)) {
      out.damaged = *std::move(beside);
      return Lookup::kDamaged;
    }
  }
  out.folded_to = lookup == Lookup::kFound ? base.content.as_register().tag().at : Timestamp{};
  const auto record = decode_count(value, bytes);
  if (record && !record->key.empty() && record->key != key) return Lookup::kMissing;
  // SUBTLE: a sum that rotted must not be shown, and verify() tells of it; the rows have what it was.
  out.sum = record ? record->sum : sum_of_rows(*transaction_, base_key);
  out.cells = record ? record->live : 0;
  out.added_up = !record;
  return Lookup::kFound;
}

CommitClock Reader::held(ShardId shard) const {
  CommitClock out;
  const auto walk = transaction_->walk(Database::kClocks);
  for (bool more = walk->seek(shard_prefix(shard)); more && in_shard(*walk, shard); more = walk->next()) {
    const auto origin = id_at(*walk);
    if (!origin) continue;
    const auto bytes = unseal(Database::kClocks, walk->key(), walk->value());
    const auto at = bytes ? decode_u64(*bytes) : std::nullopt;
    if (at) out.emplace_back(OriginId{*origin}, Timestamp{*at});
  }
  return out;
}

std::vector<ShardId> Reader::shards() const {
  std::set<ShardId> out;
  collect_shards(*transaction_, Database::kCells, out);
  collect_shards(*transaction_, Database::kClocks, out);
  return {out.begin(), out.end()};
}

std::vector<ShardId> Reader::shards_kept() const {
  std::set<ShardId> out;
  for (const ShardId shard : shards()) out.insert(shard);
  collect_shards(*transaction_, Database::kFeed, out);
  for (const std::string& key : {shard_root_key(0), quarter_key(0, 0)}) {
    collect_shards(*transaction_, Database::kFingerprints, out, key.substr(0, 1));
  }
  return {out.begin(), out.end()};
}

std::uint64_t Reader::feed_sum(ShardId shard) const {
  std::uint64_t sum = 0;
  const auto walk = transaction_->walk(Database::kFeed);
  for (bool more = walk->seek(shard_prefix(shard)); more && in_shard(*walk, shard); more = walk->next()) {
    const auto lsn = id_at(*walk);
    if (lsn) sum += feed_entry_share(*lsn, walk->value());
  }
  return sum;
}

std::optional<Cursor> Reader::cursor(ShardId shard, NodeId peer) const {
  const std::string key = shard_entry_key(shard, peer.value);
  const auto sealed = transaction_->get(Database::kCursors, key);
  const auto bytes = sealed ? unseal(Database::kCursors, key, *sealed) : std::nullopt;
  return bytes ? decode_cursor(*bytes) : std::nullopt;
}

std::optional<std::string> Reader::meta(const std::string& name) const {
  if (const auto sealed = transaction_->get(Database::kMeta, name)) {
    if (const auto bytes = unseal(Database::kMeta, name, *sealed)) return std::string(*bytes);
    refuse_damaged_record(name);
  }
  // SUBTLE: a record under a name of which a bit has flipped may be this one.
  const auto walk = transaction_->walk(Database::kMeta);
  for (bool more = walk->seek({}); more; more = walk->next()) {
    if (!unseal(Database::kMeta, walk->key(), walk->value())) refuse_damaged_record(name);
  }
  return std::nullopt;
}

Buckets Reader::buckets(ShardId shard) const { return read_buckets(*transaction_, shard); }

std::uint64_t Reader::shard_root(ShardId shard) const { return read_sum(*transaction_, shard_root_key(shard)); }

std::uint64_t Reader::root() const { return read_sum(*transaction_, kRootKey); }

std::vector<StoreKey> Reader::damaged(std::size_t most) const {
  std::vector<StoreKey> out;
  const auto walk = transaction_->walk(Database::kDamaged);
  for (bool more = walk->seek({}); more && out.size() < most; more = walk->next()) out.emplace_back(walk->key());
  return out;
}

}  // namespace kith
