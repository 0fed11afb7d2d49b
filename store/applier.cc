#include "store/applier.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <set>

#include "crdt/check.h"
#include "crdt/counter.h"
#include "crdt/limits.h"
#include "store/counter_rows.h"
#include "store/expiries.h"
#include "store/feed_repair.h"
#include "store/records.h"
#include "store/tally.h"

namespace kith {
namespace {

// The mark of a damaged row under which there is a row again: of what was merged in since.
constexpr std::string_view kReadableSince = "\1";

// What is under a store key.
struct StoredRow {
  enum class State {
    kMissing,
    kSound,
    kUnreadable,
    kForeign,  // Of another cell, whose long name has the same hash.
  };
  State state = State::kMissing;
  bool marked = false;  // As damaged: if it can be read, it is not all that it should be.
  bool readable_since = false;  // What was merged in after it was marked was written, and is to be read.
  bool damaged_again() const { return state == State::kUnreadable && readable_since; }
  Lsn lsn = 0;          // Of its entry in the feed; zero: it has none.
  Content content;      // When sound.
};

// SUBTLE: checked after the join, since two rows within the limit can join to one above it, and what is above it could
// be written but never read again.
bool storable(const Content& content) {
  if (content.holds(Kind::kSet)) {
    const SetElement& element = content.as_set_element();
    return element.adds().size() + element.removed().size() <= kEntriesPerCellMergedMax;
  }
  const auto& value = content.as_register().value();
  return !value || value->size() <= kValueBytesMax;
}

class Application {
 public:
  Application(WriteTransaction& transaction, FeedWriter& feeds, LogSize& log)
      : transaction_(transaction), feeds_(feeds), any_marked_(!transaction.empty(Database::kDamaged)), tally_(log) {}

  CommitReport run(const StoreBatch& batch);

 private:
  struct FeedEntry {
    ShardId shard;
    Lsn lsn;
    const StoreKey* key;
    bool collectable;
  };

  void merge(const StoreKey& key, const StoreBatch::CellDelta& change);
  bool in_base(const StoreKey& key, const CellKey& cell);
  void drop_row(const StoreKey& key, const CellKey* cell);
  void fold(const StoreBatch::Fold& fold);
  void pass_expired(const StoreBatch::Passing& passing);
  void replace_expiry(const StoreKey& key, const std::string& before, const Content& after);
  bool forget_damaged(const StoreKey& key);
  void cut(const StoreKey& key, const std::function<bool(Content&)>& change);
  void recount(ShardId shard);
  StoredRow read(const StoreKey& key, const CellKey* cell);
  Lsn feed_entry_of(const StoreKey& key, std::string_view damaged_row) const;
  void write_row(const StoreKey& key, ShardId shard, const CellKey& cell, const Content& content, Lsn lsn_before,
                 const Content& delta);
  void remove_row(const StoreKey& key, const StoredRow& stored);
  void end_entry(ShardId shard, Lsn lsn);
  void mark_damaged(const StoreKey& key);
  void write_feed();
  void write_clocks(const StoreBatch& batch);
  void write_names(const StoreBatch& batch);

  WriteTransaction& transaction_;
  FeedWriter& feeds_;
  bool any_marked_;
  Tally tally_;
  std::vector<ShardEntry> feed_ends_;
  std::vector<FeedEntry> feed_begins_;
  std::deque<CellKey> forgotten_cells_;  // And of rows that were cut: the tally points into it.
  std::deque<StoreKey> folded_keys_;     // The feed's entries point into it.
  StoreKey counter_;                     // The base's key of the counter at hand, and how far that is folded.
  Timestamp counter_folded_to_;
  std::set<ShardId> unlisted_;            // In which a row was mended that had no entry.
  std::deque<StoreKey> relisted_;         // And the feed's entries into this.
  CommitReport report_;
};

CommitReport Application::run(const StoreBatch& batch) {
  std::vector<std::pair<StoreKey, const StoreBatch::CellDelta*>> changes;
  changes.reserve(batch.cells().size());
  tally_.set_expired_mark(expired_mark(transaction_));
  if (batch.passing().limit > 0) pass_expired(batch.passing());
  for (const std::string& entry : batch.expiries_forgotten()) transaction_.del(Database::kExpiries, entry);
  for (const auto& change : batch.cells()) changes.emplace_back(store_key(change.shard, change.cell), &change);
  std::sort(changes.begin(), changes.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  feed_begins_.reserve(changes.size());
  std::set<ShardId> recounts = batch.recounts();
  for (const StoreKey& key : batch.forgotten()) {
    // SUBTLE: what could not be read may have been another row, under a key of which a bit had flipped: then there is an
    // entry of the feed that names a row which is not there.
    if (!forget_damaged(key)) continue;
    for (const ShardId shard : shards_it_may_be_of(transaction_, key)) recounts.insert(shard);
  }
  for (const ShardId shard : recounts) recount(shard);
  for (const auto& [key, these] : batch.dropped()) {
    cut(key, [&](Content& content) { return content.drop(these); });
  }
  for (const auto& it : batch.redone()) {
    cut(it.key, [&](Content& content) { return content.drop(it.these); });
  }
  for (const auto& [key, horizon] : batch.collected()) {
    cut(key, [&](Content& content) { return content.collect(horizon); });
  }
  for (const auto& [key, change] : changes) merge(key, *change);
  for (const auto& it : batch.folds()) fold(it);
  for (const ShardId shard : unlisted_) recount(shard);

  write_feed();
  feeds_.finish(transaction_);
  for (const StoreKey& key : tally_.write(transaction_)) mark_damaged(key);
  write_clocks(batch);
  write_names(batch);
  return std::move(report_);
}

void Application::merge(const StoreKey& key, const StoreBatch::CellDelta& change) {
  if (is_increment(change.cell) && in_base(key, change.cell)) return drop_row(key, &change.cell);
  StoredRow stored = read(key, &change.cell);
  if (stored.state == StoredRow::State::kForeign) {
    report_.refused.push_back(key);
    return;
  }
  const Tally::Share before =
      stored.state == StoredRow::State::kSound ? tally_.share_of(change.cell, key, stored.content) : Tally::Share{};
  const std::string expiry_before =
      stored.state == StoredRow::State::kSound ? expiry_entry(key, stored.content) : std::string();
  Content content = stored.state == StoredRow::State::kSound ? std::move(stored.content) : Content(change.cell.kind);
  const bool changed = content.join(change.delta);
  if (!storable(content)) {
    report_.refused.push_back(key);
    return;
  }

  const bool unreadable = stored.state == StoredRow::State::kUnreadable;
  // SUBTLE: also when it is marked already: what was merged in since then was readable once, and counted.
  if (unreadable) tally_.recount(key);
  // SUBTLE: what was merged in while it waited is lost now, and the peers that vouched for the row did not vouch for
  // that.
  const bool mends = change.mends && !stored.damaged_again();
  const bool waits = !mends && (stored.marked || unreadable);
  if (waits && (!stored.marked || stored.damaged_again())) mark_damaged(key);
  if (waits && !content.empty()) transaction_.put(Database::kDamaged, key, kReadableSince);
  if (mends && stored.marked) transaction_.del(Database::kDamaged, key);
  // SUBTLE: a mended row moves to the end of the feed even when the peer had nothing new: whoever read past it while it
  // was damaged has not seen it.
  const bool mended = mends && (stored.marked || unreadable);
  if (!changed && !mended) return;

  // Its entry rotted as well, so it names something else, or nothing: what it names is looked for, and found to be no row.
  if (mended && unreadable && stored.lsn == 0) unlisted_.insert(change.shard);
  replace_expiry(key, expiry_before, content);
  if (content.empty()) {
    remove_row(key, stored);
    return;
  }
  tally_.change(change.shard, change.cell, key, before, tally_.share_of(change.cell, key, content));
  write_row(key, change.shard, change.cell, content, stored.lsn, mends ? content : change.delta);
  if (!is_base(change.cell)) return;
  for (const StoreKey& covered : increments_up_to(transaction_, key, content.as_register().tag().at)) {
    drop_row(covered, nullptr);
  }
}

// SUBTLE: a counter's base sorts before its increments, so one that comes in the same batch is there already.
bool Application::in_base(const StoreKey& key, const CellKey& cell) {
  StoreKey base = base_store_key(key);
  if (counter_ != base) {
    counter_ = std::move(base);
    counter_folded_to_ = folded_to(transaction_, counter_);
  }
  const auto tag = increment_tag(cell.member);
  return tag && tag->at <= counter_folded_to_;
}

// An increment that is in its counter's base.
void Application::drop_row(const StoreKey& key, const CellKey* cell) {
  StoredRow stored = read(key, cell);
  if (stored.state == StoredRow::State::kForeign) return;
  if (stored.marked) transaction_.del(Database::kDamaged, key);
  if (stored.state == StoredRow::State::kMissing) {
    if (stored.lsn != 0) feed_ends_.push_back({shard_of_store_key(key), stored.lsn});
    return;
  }
  if (stored.state == StoredRow::State::kSound) {
    if (cell == nullptr) {
      const auto row = decode_row(key, *transaction_.get(Database::kCells, key));
      KITH_CHECK(row.has_value(), "a row that could just be read");
      cell = &forgotten_cells_.emplace_back(row->cell);
    }
    tally_.change(shard_of_store_key(key), *cell, key, Tally::share_of(*cell, stored.content), {});
  } else {
    tally_.recount(key);
  }
  remove_row(key, stored);
}

void Application::fold(const StoreBatch::Fold& fold) {
  CommitReport::Folded& report = report_.folded.emplace_back();
  const CellKey& cell = forgotten_cells_.emplace_back(base_cell(fold.table, fold.key));
  const StoreKey& key = folded_keys_.emplace_back(store_key(fold.shard, cell));
  StoredRow stored = read(key, &cell);
  if (stored.state == StoredRow::State::kForeign) return;
  if (stored.marked || stored.state == StoredRow::State::kUnreadable) {
    report.waits = true;
    if (stored.marked) return;
    tally_.recount(key);
    return mark_damaged(key);
  }
  const Content before = stored.state == StoredRow::State::kSound ? stored.content : Content(Kind::kCounter);
  const FoldPlan plan = plan_fold(transaction_, cell, key, before.as_register(), fold.up_to, fold.limit);
  report.increments = plan.taken.size();
  report.more = plan.more;
  report.waits = plan.damaged.has_value();
  if (plan.damaged && !transaction_.get(Database::kDamaged, *plan.damaged)) {
    tally_.recount(*plan.damaged);
    mark_damaged(*plan.damaged);
  }
  if (plan.taken.empty()) return;
  for (const auto& [taken, row] : plan.taken) drop_row(taken, &forgotten_cells_.emplace_back(row.cell));
  const Content after(plan.base);
  tally_.change(fold.shard, cell, key, Tally::share_of(cell, before), Tally::share_of(cell, after));
  write_row(key, fold.shard, cell, after, stored.lsn, after);
}

void Application::replace_expiry(const StoreKey& key, const std::string& before, const Content& after) {
  const std::string entry = expiry_entry(key, after);
  if (!before.empty() && before != entry) transaction_.del(Database::kExpiries, before);
  if (!entry.empty()) transaction_.put(Database::kExpiries, entry, key);
}

// Cost: the values that are passed, or counted again, and none of the others.
void Application::pass_expired(const StoreBatch::Passing& passing) {
  const std::string mark = expired_mark(transaction_);
  std::vector<std::pair<std::string, StoreKey>> over;
  std::string moved = mark;
  const bool back = over_at_ms_of_entry(mark) > passing.now_ms;
  {
    const auto walk = transaction_.walk(Database::kExpiries);
    const auto is_over = [&] { return over_at_ms_of_entry(walk->key()) <= passing.now_ms; };
    // SUBTLE: the entry of the mark itself may be gone, with its row.
    bool more = back ? walk->seek_before(mark + '\0') : walk->seek(mark + '\0');
    for (; more && over.size() < passing.limit && is_over() != back; more = back ? walk->previous() : walk->next()) {
      over.emplace_back(walk->key(), walk->value());
    }
    if (!back && !over.empty()) moved = over.back().first;
    if (back) moved = more ? std::string(walk->key()) : std::string();
  }
  if (moved == mark) return;
  for (const auto& [entry, key] : over) {
    const auto bytes = transaction_.get(Database::kCells, key);
    auto row = bytes ? decode_row(key, *bytes) : std::nullopt;
    if (bytes && !row) {  // What it had added is not known.
      tally_.recount(key);
      if (!transaction_.get(Database::kDamaged, key)) mark_damaged(key);
    } else if (!row || expiry_entry(key, row->content) != entry) {
      transaction_.del(Database::kExpiries, entry);
    } else {
      const CellKey& cell = forgotten_cells_.emplace_back(std::move(row->cell));
      const Tally::Share share = Tally::share_of(cell, row->content);
      tally_.change(shard_of_store_key(key), cell, key, back ? Tally::Share{} : share, back ? share : Tally::Share{});
    }
  }
  tally_.set_expired_mark(moved);
  put_expired_mark(transaction_, moved);
}

// What is left keeps its place in the feed: there is nothing in it that anybody has not seen.  SUBTLE: written at once, since
// the same batch may join something to it.
void Application::cut(const StoreKey& key, const std::function<bool(Content&)>& change) {
  const auto bytes = transaction_.get(Database::kCells, key);
  auto row = bytes ? decode_row(key, *bytes) : std::nullopt;
  if (!row) return;  // Damaged: what a peer mends it with is cut later.
  const Tally::Share before = tally_.share_of(row->cell, key, row->content);
  const std::string expiry_before = expiry_entry(key, row->content);
  if (!change(row->content)) return;
  replace_expiry(key, expiry_before, row->content);
  const ShardId shard = shard_of_store_key(key);
  const CellKey& cell = forgotten_cells_.emplace_back(std::move(row->cell));
  tally_.change(shard, cell, key, before, tally_.share_of(cell, key, row->content));
  if (row->content.empty()) {
    transaction_.del(Database::kCells, key);
    end_entry(shard, row->lsn);
  } else {
    const std::string written = encode_row(key, cell, row->content, row->lsn);
    transaction_.put(Database::kCells, key, written);
    transaction_.put(Database::kFeed, shard_entry_key(shard, row->lsn), encode_feed_entry(key, is_collectable(cell, row->content)));
    report_.row_bytes += key.size() + written.size();
  }
  ++report_.rows_changed;
}

// Only what cannot be read is forgotten.  Where something was merged in meanwhile, that is all there is now.  Returns whether
// something was.
bool Application::forget_damaged(const StoreKey& key) {
  if (key.size() < shard_prefix(0).size()) return false;
  StoredRow stored = read(key, nullptr);
  if (stored.damaged_again()) {
    mark_damaged(key);
    return false;
  }
  if (stored.marked) transaction_.del(Database::kDamaged, key);
  if (stored.state == StoredRow::State::kSound) {
    if (!stored.marked) return false;
    const auto row = decode_row(key, *transaction_.get(Database::kCells, key));
    KITH_CHECK(row.has_value(), "a row that could just be read");
    const CellKey& cell = forgotten_cells_.emplace_back(row->cell);
    write_row(key, shard_of_store_key(key), cell, row->content, stored.lsn, row->content);
    return false;
  }
  if (stored.lsn == 0) stored.lsn = feed_entry_of(key, {});
  if (stored.state == StoredRow::State::kMissing && stored.lsn == 0) return false;
  tally_.recount(key);
  remove_row(key, stored);
  return true;
}

// Feed, counts and fingerprints are made anew from the rows.  Rows that are lost are marked as damaged, so that peers are asked
// for them, and nobody is told meanwhile that there is no such row.
void Application::recount(ShardId shard) {
  tally_.recount(shard);
  std::set<Lsn> begun, ended;  // By this batch.
  for (const FeedEntry& entry : feed_begins_) {
    if (entry.shard == shard) begun.insert(entry.lsn);
  }
  for (const ShardEntry& entry : feed_ends_) {
    if (entry.shard == shard) ended.insert(entry.id);
  }
  const FeedRepair repair = plan_feed_repair(transaction_, shard, begun, ended);
  for (const std::string& key : repair.misnamed) transaction_.del(Database::kFeed, key);
  for (const Lsn lsn : repair.wrong) feed_ends_.push_back({shard, lsn});
  for (const auto& [key, lsn] : repair.unlisted) {
    const auto row = decode_row(key, *transaction_.get(Database::kCells, key));
    KITH_CHECK(row.has_value(), "a row that could just be read");
    write_row(relisted_.emplace_back(key), shard, row->cell, row->content, lsn, row->content);
  }
  for (const StoreKey& key : repair.lost) {
    tally_.recount(key);
    if (!transaction_.get(Database::kDamaged, key)) mark_damaged(key);
  }
}

StoredRow Application::read(const StoreKey& key, const CellKey* cell) {
  StoredRow stored;
  const auto mark = any_marked_ ? transaction_.get(Database::kDamaged, key) : std::nullopt;
  stored.marked = mark.has_value();
  stored.readable_since = mark == kReadableSince;
  const auto bytes = transaction_.get(Database::kCells, key);
  if (!bytes) {
    if (stored.marked) stored.lsn = feed_entry_of(key, {});  // It was lost.
    return stored;
  }

  std::optional<Content> content;
  if (const auto view = open_row(key, *bytes)) {
    if (cell != nullptr && !view->may_be(*cell)) {
      stored.state = StoredRow::State::kForeign;
      return stored;
    }
    if (cell != nullptr) {
      content = decode_content(cell->kind, view->content);
    } else if (auto row = decode_row(key, *bytes)) {
      content = std::move(row->content);
    }
    stored.lsn = view->lsn;
  }
  if (content) {
    stored.state = StoredRow::State::kSound;
    stored.content = *std::move(content);
  } else {
    stored.state = StoredRow::State::kUnreadable;
    stored.lsn = feed_entry_of(key, *bytes);
  }
  return stored;
}

// A damaged row's lsn is only a guess.  If it is wrong, the shard's feed is searched.
Lsn Application::feed_entry_of(const StoreKey& key, std::string_view damaged_row) const {
  const ShardId shard = shard_of_store_key(key);
  ByteReader guess(damaged_row);
  guess.u8();
  guess.u64();
  const Lsn lsn = guess.u64();
  const auto guessed = guess.ok() ? transaction_.get(Database::kFeed, shard_entry_key(shard, lsn)) : std::nullopt;
  if (guessed && key_of_feed_entry(*guessed) == key) return lsn;

  const std::string prefix = shard_prefix(shard);
  const auto feed = transaction_.walk(Database::kFeed);
  for (bool more = feed->seek(prefix); more && feed->key().starts_with(prefix); more = feed->next()) {
    const auto entry = parse_shard_entry(feed->key());
    if (entry && key_of_feed_entry(feed->value()) == key) return entry->id;
  }
  return 0;
}

void Application::write_row(const StoreKey& key, ShardId shard, const CellKey& cell, const Content& content,
                            Lsn lsn_before, const Content& delta) {
  const Lsn lsn = feeds_.append(transaction_, shard, delta);
  const std::string row = encode_row(key, cell, content, lsn);
  transaction_.put(Database::kCells, key, row);
  if (lsn_before != 0) feed_ends_.push_back({shard, lsn_before});
  feed_begins_.push_back({shard, lsn, &key, is_collectable(cell, content)});
  ++report_.rows_changed;
  report_.row_bytes += key.size() + row.size();
}

void Application::remove_row(const StoreKey& key, const StoredRow& stored) {
  transaction_.del(Database::kCells, key);
  if (stored.lsn != 0) feed_ends_.push_back({shard_of_store_key(key), stored.lsn});
  ++report_.rows_changed;
}

void Application::mark_damaged(const StoreKey& key) {
  transaction_.put(Database::kDamaged, key, {});
  any_marked_ = true;
  report_.damaged.push_back(key);
}

// In order: one pass over the pages instead of jumping between them.
// SUBTLE: first what begins, then what ends, since an entry that this batch began may be ended by it as well.
void Application::write_feed() {
  std::sort(feed_ends_.begin(), feed_ends_.end(), [](const ShardEntry& a, const ShardEntry& b) {
    return std::pair(a.shard, a.id) < std::pair(b.shard, b.id);
  });
  std::sort(feed_begins_.begin(), feed_begins_.end(), [](const FeedEntry& a, const FeedEntry& b) {
    return std::pair(a.shard, a.lsn) < std::pair(b.shard, b.lsn);
  });
  for (const auto& [shard, lsn, key, collectable] : feed_begins_) {
    transaction_.put(Database::kFeed, shard_entry_key(shard, lsn), encode_feed_entry(*key, collectable));
  }
  for (const auto& [shard, lsn] : feed_ends_) end_entry(shard, lsn);
}

void Application::end_entry(ShardId shard, Lsn lsn) {
  transaction_.del(Database::kFeed, shard_entry_key(shard, lsn));
  feeds_.ended(shard, lsn);
}

void Application::write_clocks(const StoreBatch& batch) {
  if (!batch.clocks_forgotten().empty()) {  // Once per life that is retired: all clocks are walked.
    std::vector<std::string> keys;
    const auto clocks = transaction_.walk(Database::kClocks);
    for (bool more = clocks->seek({}); more; more = clocks->next()) {
      const auto entry = parse_shard_entry(clocks->key());
      if (entry && batch.clocks_forgotten().contains(OriginId{entry->id})) keys.emplace_back(clocks->key());
    }
    for (const std::string& key : keys) transaction_.del(Database::kClocks, key);
  }
  for (const auto& [who, at] : batch.held()) {
    const std::string key = shard_entry_key(who.first, who.second.value);
    const auto sealed = transaction_.get(Database::kClocks, key);
    const auto before = sealed ? unseal(Database::kClocks, key, *sealed) : std::nullopt;
    if (before && decode_u64(*before).value_or(0) >= at.value) continue;
    transaction_.put(Database::kClocks, key, seal(Database::kClocks, key, encode_u64(at.value)));
  }
  for (const ShardId shard : batch.cursors_forgotten()) {
    const std::string prefix = shard_prefix(shard);
    std::vector<std::string> keys;
    const auto cursors = transaction_.walk(Database::kCursors);
    for (bool more = cursors->seek(prefix); more && cursors->key().starts_with(prefix); more = cursors->next()) {
      keys.emplace_back(cursors->key());
    }
    for (const std::string& key : keys) transaction_.del(Database::kCursors, key);
  }
  for (const auto& [who, cursor] : batch.cursors()) {
    const std::string key = shard_entry_key(who.first, who.second.value);
    transaction_.put(Database::kCursors, key, seal(Database::kCursors, key, encode_cursor(cursor)));
  }
}

void Application::write_names(const StoreBatch& batch) {
  for (const std::string& name : batch.meta_forgotten()) {
    KITH_CHECK(name != kFormatName && name != kExpiredName, "that name is the store's own", name);
    transaction_.del(Database::kMeta, name);
  }
  for (const auto& [name, value] : batch.meta()) {
    KITH_CHECK(name != kFormatName && name != kExpiredName, "that name is the store's own", name);
    transaction_.put(Database::kMeta, name, seal(Database::kMeta, name, value));
  }
}

}  // namespace

CommitReport Applier::apply(WriteTransaction& transaction, const StoreBatch& batch) {
  return Application(transaction, feeds_, log_).run(batch);
}

}  // namespace kith
