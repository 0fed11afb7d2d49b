#include "store/recent_changes.h"

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "store/journal.h"

namespace kith {
namespace {

constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();
// A commit that alone is such a part of a table goes into the trees at once: it shares pages enough by itself.
constexpr std::size_t kLargeShare = 4;
// The frozen table is through before the active one is full, with some to spare.
constexpr double kAhead = 1.25;
constexpr std::size_t kNodesLeast = 32;

}  // namespace

RecentChanges::RecentChanges(std::size_t bytes_max, std::uint64_t transaction, std::uint64_t rows) : bytes_max_(bytes_max), rows_(rows) {
  state_.active = new_table();
  view_ = {state_.active, nullptr, 0, transaction};
}

void RecentChanges::recover(WriteTransaction& file, const std::string& where) {
  const auto left = read(file);
  if (!left) throw StoreError(StoreError::Kind::kCorrupt, damaged_journal(where));
  Place place;
  (void)settle(file, *left->active, place, kAll);
  forget_journal(file, left->commit);
}

std::optional<RecentChanges::View> RecentChanges::read(const ReadTransaction& file) {
  const auto table = std::make_shared<RecentTable>(0);
  const bool sound = read_journal(file, [&](std::uint64_t commit, const JournalChange& change) {
    table->put(change.database, change.key, change.value, commit);
  });
  if (!sound) return std::nullopt;
  return View{table, nullptr, std::numeric_limits<RecentTable::Commit>::max(), 0};
}

RecentChanges::View RecentChanges::view() const {
  const std::scoped_lock lock(mutex_);
  return view_;
}

// Returns whether that was all of it.
bool RecentChanges::settle(WriteTransaction& file, const RecentTable& table, Place& place, std::size_t nodes) {
  for (; place.database < kDatabaseCount; ++place.database, place.node = nullptr) {
    const auto database = static_cast<Database>(place.database);
    if (place.node == nullptr) place.node = table.first(database);
    for (; place.node != nullptr; place.node = RecentTable::behind(*place.node)) {
      if (nodes-- == 0) return false;
      const auto* version = place.node->newest();
      if (version == nullptr) continue;  // It was taken back.
      if (version->present) {
        file.put(database, place.node->key(), version->value);
      } else {
        file.del(database, place.node->key());
      }
    }
  }
  return true;
}

void RecentChanges::forget_journal(WriteTransaction& file, RecentTable::Commit up_to) {
  std::vector<std::string> keys;
  {
    const auto walk = file.walk(Database::kJournal);
    for (bool more = walk->seek({}); more; more = walk->next()) {
      const auto place = parse_journal_key(walk->key());
      if (place && place->commit > up_to) break;
      keys.emplace_back(walk->key());
    }
  }
  for (const std::string& key : keys) file.del(Database::kJournal, key);
}

void RecentChanges::settle_frozen(WriteTransaction& file, std::size_t nodes) {
  if (!next_.frozen || !settle(file, *next_.frozen, next_.place, nodes)) return;
  forget_journal(file, next_.last_frozen);
  next_.frozen = nullptr;
  next_.place = {};
}

// With what is at hand.
void RecentChanges::settle_active(WriteTransaction& file) {
  Place place;
  (void)settle(file, *next_.active, place, kAll);
  forget_journal(file, next_.commit);
  next_.active = new_table();
}

CommitReport RecentChanges::apply(WriteTransaction& file, const Apply& apply) {
  next_ = state_;
  if (next_.active->bytes() >= bytes_max_) {
    settle_frozen(file, kAll);
    next_.frozen = next_.active;
    next_.last_frozen = next_.commit;
    next_.active = new_table();
  }
  ++next_.commit;
  RecentTable& into = *next_.active;
  LayeredWriteTransaction layered(file, {{&into, next_.frozen.get()}, next_.commit}, into);
  CommitReport report = apply(layered);
  rows_more_ = layered.rows_more();
  if (into.at_hand().empty()) return report;
  if (into.bytes_at_hand() > bytes_max_ / kLargeShare) {
    settle_frozen(file, kAll);
    settle_active(file);
    return report;
  }
  JournalWriter journal(file, next_.commit);
  for (const auto* node : into.at_hand()) {
    const auto* version = node->newest();
    journal.add({node->database(), node->key(), version->present ? std::optional(version->value) : std::nullopt});
  }
  journal.finish();
  if (next_.frozen) {
    const double share = static_cast<double>(into.bytes_at_hand()) / static_cast<double>(bytes_max_) * kAhead;
    settle_frozen(file, kNodesLeast + static_cast<std::size_t>(share * static_cast<double>(next_.frozen->nodes())));
  }
  return report;
}

void RecentChanges::settle_all(WriteTransaction& file) {
  next_ = state_;
  rows_more_ = 0;
  settle_frozen(file, kAll);
  settle_active(file);
}

void RecentChanges::committed(std::uint64_t transaction) {
  next_.active->keep();
  state_ = next_;
  rows_ += static_cast<std::uint64_t>(rows_more_);
  bytes_ = state_.active->bytes() + (state_.frozen ? state_.frozen->bytes() : 0);
  next_ = {};
  const std::scoped_lock lock(mutex_);
  view_ = {state_.active, state_.frozen, state_.commit, transaction};
}

void RecentChanges::failed() {
  state_.active->take_back();
  next_ = {};
}

}  // namespace kith
