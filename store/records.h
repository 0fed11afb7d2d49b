// store/records.h -- the keys and values of every database but `cells` and `journal`.
//
//     feed          shard:u16 lsn:u64           -> flags:u8 store key      flags: 1 the row has something to collect
//     marks         shard:u16 lsn:u64           -> sealed: (origin:u64 at:u64)*, sorted by origin
//     clocks        shard:u16 origin:u64        -> sealed: at:u64
//     cursors       shard:u16 peer:u64          -> sealed: epoch:u64 lsn:u64
//     meta          name                        -> sealed: bytes
//     counts        value key (store/row.h)     -> live:u64 [the whole key, when the value key has not]
//                   that of a counter           -> sealed: cells:u64 sum:16 bytes [the whole key, likewise]
//     fingerprints  00                          -> the root: u64
//                   01 shard:u16                -> the shard's root: u64
//                   02 shard:u16 quarter:u8     -> its 64 bucket sums: u64 each
//                   03 changes:u64              -> (shard:u16 bucket:u8 by:u64)*, to be added to those
//                                                  changes: in the log up to here, this record's included
//     damaged       store key                   -> nothing, or 01: there is a row again, of what was merged in since
//     sealed        := bytes, xxh3-64 of them, seeded with the xxh3-64 of the key and the database's number
//
// Sealed is what would lose data if a flipped bit went unnoticed: a clock, a cursor or a mark that claims too much.
// A damaged one counts as absent, so that data is sent again; damaged meta stops the node; a counter's sum is added up
// from its rows.  The rest shows when compared: fingerprints with peers, counts and feed with the rows (store/verify.h).
// Golden bytes: tests/store/records_test.cc and docs/DISK.md
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "crdt/counter.h"
#include "store/store.h"
#include "store/transaction.h"

namespace kith {

// Of feed, marks, clocks and cursors: a shard, then an lsn, an origin or a peer.
struct ShardEntry {
  ShardId shard = 0;
  std::uint64_t id = 0;
};
std::string shard_entry_key(ShardId shard, std::uint64_t id);
std::optional<ShardEntry> parse_shard_entry(std::string_view key);

// A feed entry says whether its row has something to collect, now or later: a removal, a deletion, or an increment to be
// folded.  So nobody need read the others.
bool is_collectable(const CellKey& cell, const Content& content);
inline constexpr char kFeedPlain = 0, kFeedCollectable = 1;
std::string encode_feed_entry(std::string_view store_key, bool collectable);
inline std::string_view key_of_feed_entry(std::string_view bytes) { return bytes.empty() ? bytes : bytes.substr(1); }
inline bool is_collectable(std::string_view bytes) { return !bytes.empty() && bytes[0] == kFeedCollectable; }

std::string seal(Database database, std::string_view key, std::string_view value);
std::optional<std::string_view> unseal(Database database, std::string_view key, std::string_view sealed);

std::string encode_u64(std::uint64_t value);
std::optional<std::uint64_t> decode_u64(std::string_view bytes);  // Nothing unless there are exactly eight.

std::string encode_clock(const CommitClock& clock);
std::optional<CommitClock> decode_clock(std::string_view bytes);

std::string encode_cursor(const Cursor& cursor);
std::optional<Cursor> decode_cursor(std::string_view bytes);

struct CountRecord {
  std::uint64_t live = 0;  // Of a counter: cells.
  CounterSum sum;          // Of a counter.
  std::string_view key;    // Empty when the value key has it whole.
};
bool is_counter(std::string_view value_key);
std::string encode_count(std::string_view value_key, std::string_view key, std::uint64_t live, const CounterSum& sum = {});
std::optional<CountRecord> decode_count(std::string_view value_key, std::string_view bytes);

// Four records a shard, so that several share a page.
inline constexpr std::size_t kQuarters = 4;
inline constexpr std::size_t kBucketsPerQuarter = kFingerprintBuckets / kQuarters;
inline constexpr std::size_t kQuarterBytes = kBucketsPerQuarter * 8;

inline constexpr std::string_view kRootKey{"\0", 1};
std::string shard_root_key(ShardId shard);
std::string quarter_key(ShardId shard, std::size_t quarter);
inline constexpr std::string_view kLogPrefix{"\3", 1}, kLogEnd{"\4", 1};
std::string log_key(std::uint64_t changes);

// In `meta`, for the store itself.
inline constexpr std::string_view kFormatName = "format_version";
inline constexpr std::uint64_t kFormatVersion = 4;
// Opened, and made the present one: the same, but for the journal.
inline constexpr std::uint64_t kFormatWithoutJournal = 2;
inline constexpr std::uint64_t kFormatWithJournalInside = 3;  // In the database `journal`.

}  // namespace kith
