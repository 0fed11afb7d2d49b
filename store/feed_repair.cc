#include "store/feed_repair.h"

#include <map>

#include "store/records.h"

namespace kith {

FeedRepair plan_feed_repair(const ReadTransaction& transaction, ShardId shard, const std::set<Lsn>& begun,
                            const std::set<Lsn>& ended) {
  FeedRepair out;
  const std::string prefix = shard_prefix(shard);
  std::map<Lsn, StoreKey> of_no_row;
  const auto feed = transaction.walk(Database::kFeed);
  for (bool more = feed->seek(prefix); more && feed->key().starts_with(prefix); more = feed->next()) {
    const auto entry = parse_shard_entry(feed->key());
    if (!entry) out.misnamed.emplace_back(feed->key());
    if (!entry || ended.contains(entry->id)) continue;
    const StoreKey key(key_of_feed_entry(feed->value()));
    const auto bytes = key.starts_with(prefix) ? transaction.get(Database::kCells, key) : std::nullopt;
    const auto row = bytes ? open_row(key, *bytes) : std::nullopt;
    if (bytes && (!row || row->lsn == entry->id)) continue;
    if (!bytes && key.starts_with(prefix)) {
      of_no_row[entry->id] = key;
    } else {
      out.wrong.push_back(entry->id);
    }
  }
  const auto rows = transaction.walk(Database::kCells);
  for (bool more = rows->seek(prefix); more && rows->key().starts_with(prefix); more = rows->next()) {
    const auto row = decode_row(rows->key(), rows->value());
    if (!row || begun.contains(row->lsn)) continue;
    const auto entry = transaction.get(Database::kFeed, shard_entry_key(shard, row->lsn));
    if (entry && *entry == encode_feed_entry(rows->key(), is_collectable(row->cell, row->content))) continue;
    if (of_no_row.erase(row->lsn) > 0) out.wrong.push_back(row->lsn);  // Its own entry is what rotted.
    const bool listed = entry && key_of_feed_entry(*entry) == rows->key();
    out.unlisted.emplace_back(rows->key(), listed ? row->lsn : 0);
  }
  for (auto& [lsn, key] : of_no_row) out.lost.push_back(std::move(key));
  return out;
}

std::vector<ShardId> shards_it_may_be_of(const ReadTransaction& transaction, const StoreKey& key) {
  const std::string prefix = key.substr(0, shard_prefix(0).size());
  std::vector<ShardId> out{shard_of_store_key(prefix)};
  const auto rows = transaction.walk(Database::kCells);
  const bool follows = rows->seek_before(key) && rows->key().starts_with(prefix);
  if (follows && rows->seek(key) && rows->key().starts_with(prefix)) return out;
  for (unsigned bit = 0; bit < 8 * sizeof(ShardId); ++bit) {
    const auto other = static_cast<ShardId>(out.front() ^ (1U << bit));
    const auto feed = transaction.walk(Database::kFeed);
    if (feed->seek(shard_prefix(other)) && feed->key().starts_with(shard_prefix(other))) out.push_back(other);
  }
  return out;
}

}  // namespace kith
