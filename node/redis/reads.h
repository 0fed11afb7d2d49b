// node/redis/reads.h -- what a thread of the Redis port reads: all commands of one turn from one snapshot.
//
// The rules of reading (expiry, damaged rows, a node that has not joined) are those of node/reads.h, through which all goes.
// A snapshot is kept while no commit came after it, and never across a wait: forget() at the end of each turn.
//
//     const auto value = reads.string("greeting");    // register plus counter, as docs/REDIS.md says
//     if (reads.failed()) return out.error(reads.error());
//
// After a failure everything reads as empty until begin().  Belongs to one thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "node/client_protocol.h"
#include "node/redis/services.h"

namespace kith::redis {

// What a string of Redis, or a field of a hash, is made of here: a register, and a counter that counts on from it.
struct StringParts {
  std::optional<std::string> text;     // Of the register.
  std::int64_t counted = 0;            // By the counter.
  std::optional<std::int64_t> ttl_ms;  // Of the register; none: it does not expire.

  bool exists() const { return text.has_value() || counted != 0; }
  std::optional<std::string> shown() const;
};

class Reads {
 public:
  explicit Reads(const Services& services);

  void begin();   // Of a command: the snapshot is as new as anything that was answered before, the error is gone.
  void forget();  // Lets go of the snapshot.

  bool failed() const { return !error_.empty(); }
  const std::string& error() const { return error_; }  // As a reply says it, code included.

  StringParts string(std::string_view key);
  std::optional<std::string> text(std::string_view key);  // Of the register alone.
  std::int64_t counted(std::string_view key);

  bool is_member(std::string_view key, std::string_view member);

  // ---- Fields of hashes (reads_fields.cc): registers, and counters under names of their own (field_counters.h)
  std::optional<std::string> field(std::string_view key, std::string_view field);       // As it shows.
  std::optional<std::string> field_text(std::string_view key, std::string_view field);  // Of the register alone.
  std::int64_t field_counted(std::string_view key, std::string_view field);
  bool any_field_counted(std::string_view key);  // Some counter of the hash does not stand at zero.
  // Those, in the order of the store.  Cost: all counters of the hash, whatever they stand at.
  void each_counted_field(std::string_view key, const std::function<bool(std::string& field, std::int64_t counted)>& visit);
  std::uint64_t fields_only_counted(std::string_view key);  // That have no text.
  // All fields as they show: first those that have a text, then those that were only counted.
  void each_shown_field(std::string_view key, const std::function<bool(std::string& field, std::string& value)>& visit);
  struct Ttl {
    bool exists = false;
    std::optional<std::int64_t> ms;  // None: it does not expire.
  };
  Ttl field_ttl(std::string_view key, std::string_view field);

  std::uint64_t count(std::string_view key, Kind kind);  // Live elements, or fields with a text.  Cost: O(1).
  bool exists(std::string_view key);                     // Of any kind.
  // string, set, hash; of several the first, and "none".
  std::string_view type(std::string_view key);

  // In the order of the store, from the start to the end.  `visit` returns false to stop.
  void each_member(std::string_view key, const std::function<bool(std::string& member)>& visit);
  // Those that have a text, and their texts.
  void each_field(std::string_view key, const std::function<bool(std::string& field, std::string& value)>& visit);

  // A page from `after` (empty: the start) on; `next` is empty at the end.  Fields as they show.
  struct Page {
    std::vector<std::string> members;                          // Of a set.
    std::vector<std::pair<std::string, std::string>> fields;   // Of a hash.
    std::string next;
  };
  Page page(std::string_view key, Kind kind, const std::string& after, std::uint32_t limit);

  // Keys in order, each once, whatever kinds it holds; only what shows: no counter that stands at zero.  Behind all others
  // those that hold nothing but counted fields.
  struct Key {
    std::string name;
    std::string_view type;
  };
  struct Keys {
    std::vector<Key> keys;
    std::string next;   // Where the next page begins; empty at the end.
  };
  Keys keys(const std::string& prefix, const std::string& after, std::uint32_t limit);
  // Exact, or as it was within the last second.  Cost: all keys, when something was committed since.
  std::uint64_t key_count(bool exact);

  std::int64_t now_ms() const { return now_ms_ != 0 ? now_ms_ : services_.now_ms(); }
  const Services& services() const { return services_; }

 private:
  // What a position is in: first what has texts, or is something else than a hash; then what was only counted.
  static constexpr char kTextPosition = 't', kCountedPosition = 'c';

  bool counted_lately(bool exact) const;
  // Of kFieldTable, in order, from behind `after` on, counters that do not stand at zero and whose names begin so.
  void each_counter(const std::string& prefix, const std::string& after, const std::function<bool(const std::string& counter, std::int64_t counted)>& visit);
  void add_counted_fields(std::string_view key, const std::string& after, std::uint32_t limit, Page& page);
  Keys keys_of_tables(const std::string& prefix, const std::string& after, std::uint32_t limit);
  Keys keys_only_counted(const std::string& prefix, const std::string& after, std::uint32_t limit);
  ClientReply ask(ClientOp op, std::string_view key);
  struct CellSeen {
    bool shows = false;
    std::optional<std::string> value = {};
    std::optional<std::int64_t> ttl_ms = {};
  };
  // What one cell shows, as ask() would say it, without a reply being made.  Nothing: it has to be asked.
  std::optional<CellSeen> cell_at_once(std::string_view key, Kind kind, std::string_view member);
  void look();  // Takes a snapshot when there is none that will do.

  const Services& services_;
  std::unique_ptr<Snapshot> snapshot_;
  std::uint64_t snapshot_commits_ = 0;
  Request request_;  // Kept for its memory, as the next two.
  CellKey cell_;
  Row row_;
  std::string error_;
  std::int64_t now_ms_ = 0;  // When the snapshot was taken; 0: there is none.

  std::uint64_t counted_keys_ = 0;
  std::uint64_t counted_at_commits_ = 0;
  std::int64_t counted_at_ms_ = -1;
};

}  // namespace kith::redis
