#include "store/feed_writer.h"

#include <algorithm>
#include <utility>

#include "store/shard_walk.h"

namespace kith {
namespace {

// Marks looked at for each one of kMarkInterval that is written.  More than one, so that the useless ones never pile up: of n marks
// all have been looked at after n / 4 new ones, so at most a third of the useful ones is ever there in vain.
constexpr int kMarksLookedAt = 4 * static_cast<int>(Store::kMarkInterval / FeedWriter::kFineMarkInterval);

// A mark has 16 bytes for each: so many are 4 bytes a change.
constexpr std::size_t kFineMarkOriginsMax = 64;

constexpr Lsn kLsnEnd = ~Lsn{0};

auto position(CommitClock& clock, OriginId origin) {
  return std::lower_bound(clock.begin(), clock.end(), origin,
                          [](const auto& item, OriginId wanted) { return item.first < wanted; });
}

}  // namespace

void raise(CommitClock& clock, OriginId origin, Timestamp at) {
  const auto it = position(clock, origin);
  if (it == clock.end() || it->first != origin) {
    clock.insert(it, {origin, at});
  } else {
    it->second = std::max(it->second, at);
  }
}

bool covers(const CommitClock& held, const CommitClock& clock) {
  auto mine = held.begin();
  for (const auto& [origin, at] : clock) {
    while (mine != held.end() && mine->first < origin) ++mine;
    if (mine == held.end() || mine->first != origin || mine->second < at) return false;
  }
  return true;
}

Lsn FeedWriter::append(const ReadTransaction& transaction, ShardId shard, const Content& delta) {
  auto it = shards_.find(shard);
  if (it == shards_.end()) {
    it = shards_.emplace(shard, load(transaction, shard)).first;
    // SUBTLE: what a life took out before its first write to the shard was at the end of the feed, and told to peers as that.
    if (const auto taken_out = given_out_.extract(shard)) it->second.last = std::max(it->second.last, taken_out.mapped());
  }
  Shard& state = it->second;
  delta.each_commit([&](const Commit& commit) { raise(state.highest, commit.origin, commit.at); });
  ++state.last;
  const bool fine = state.highest.size() <= kFineMarkOriginsMax;
  if (state.last % (fine ? kFineMarkInterval : Store::kMarkInterval) == 0) due_.push_back({shard, state.last, state.highest});
  return state.last;
}

void FeedWriter::finish(WriteTransaction& transaction) {
  for (const Mark& mark : due_) {
    const std::string key = shard_entry_key(mark.shard, mark.lsn);
    transaction.put(Database::kMarks, key, seal(Database::kMarks, key, encode_clock(mark.highest)));
    if (mark.lsn % Store::kMarkInterval == 0) drop_useless(transaction, mark.shard, shards_.at(mark.shard));
  }
  due_.clear();
}

void FeedWriter::ended(ShardId shard, Lsn lsn) {
  if (shards_.contains(shard)) return;
  Lsn& highest = given_out_[shard];
  highest = std::max(highest, lsn);
}

void FeedWriter::forget() {
  for (const auto& [shard, state] : std::exchange(shards_, {})) ended(shard, state.last);
  due_.clear();
}

FeedWriter::Shard FeedWriter::load(const ReadTransaction& transaction, ShardId shard) const {
  Shard state;
  const auto feed = transaction.walk(Database::kFeed);
  state.last = last_before(*feed, shard, kLsnEnd).value_or(0);

  // SUBTLE: a mark may lie behind the last entry, when the row of that entry was taken out.  An lsn at or below a mark
  // would be skipped by whoever the mark covers, so counting goes on behind the mark.
  Lsn read_from = 0;
  const auto marks = transaction.walk(Database::kMarks);
  bool found = marks->seek_before(shard_entry_key(shard, kLsnEnd));
  for (; found && in_shard(*marks, shard); found = marks->previous()) {
    const auto mark = id_at(*marks);
    if (!mark) continue;
    state.last = std::max(state.last, *mark);
    const auto bytes = unseal(Database::kMarks, marks->key(), marks->value());
    auto clock = bytes ? decode_clock(*bytes) : std::nullopt;
    if (!clock) continue;  // Damaged: the one before will do.
    state.highest = *std::move(clock);
    read_from = *mark;
    break;
  }

  for (bool more = feed->seek(shard_entry_key(shard, read_from + 1)); more && in_shard(*feed, shard);
       more = feed->next()) {
    const std::string_view key = key_of_feed_entry(feed->value());
    const auto bytes = transaction.get(Database::kCells, key);
    const auto row = bytes ? decode_row(key, *bytes) : std::nullopt;
    if (!row) continue;  // What a peer mends it with is a change of its own.
    row->content.each_commit([&](const Commit& commit) { raise(state.highest, commit.origin, commit.at); });
  }
  return state;
}

void FeedWriter::drop_useless(WriteTransaction& transaction, ShardId shard, Shard& state) const {
  const auto marks = transaction.walk(Database::kMarks);
  const auto feed = transaction.walk(Database::kFeed);
  for (int i = 0; i < kMarksLookedAt; ++i) {
    const auto mark = first_from(*marks, shard, state.useful_up_to + 1);
    if (!mark || !first_from(*marks, shard, *mark + 1)) {
      state.useful_up_to = 0;  // That was the newest; begin again next time.
      return;
    }
    const auto entry = first_from(*feed, shard, state.useful_up_to + 1);
    if (entry && *entry <= *mark) {
      state.useful_up_to = *mark;
    } else {
      transaction.del(Database::kMarks, shard_entry_key(shard, *mark));
    }
  }
}

}  // namespace kith
