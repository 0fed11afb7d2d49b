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

// What a string of Redis is made of here: a register, and a counter that counts on from it.
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
  std::optional<std::string> field(std::string_view key, std::string_view field);
  struct Ttl {
    bool exists = false;
    std::optional<std::int64_t> ms;  // None: it does not expire.
  };
  Ttl field_ttl(std::string_view key, std::string_view field);

  std::uint64_t count(std::string_view key, Kind kind);  // Live elements or fields.  Cost: O(1).
  bool exists(std::string_view key);                     // Of any kind.
  // string, set, hash; of several the first, and "none".
  std::string_view type(std::string_view key);

  // In the order of the store, from the start to the end.  `visit` returns false to stop.
  void each_member(std::string_view key, const std::function<bool(std::string& member)>& visit);
  void each_field(std::string_view key, const std::function<bool(std::string& field, std::string& value)>& visit);

  // A page from `after` (empty: the start) on; `next` is empty at the end.
  struct Page {
    std::vector<std::string> members;                          // Of a set.
    std::vector<std::pair<std::string, std::string>> fields;   // Of a hash.
    std::string next;
  };
  Page page(std::string_view key, Kind kind, const std::string& after, std::uint32_t limit);

  // Keys in order, each once, whatever kinds it holds; only what shows: no counter that stands at zero.
  struct Key {
    std::string name;
    std::string_view type;
  };
  struct Keys {
    std::vector<Key> keys;
    std::string next;   // The last key that was looked at; empty at the end.
  };
  Keys keys(const std::string& prefix, const std::string& after, std::uint32_t limit);
  // Exact, or as it was within the last second.  Cost: all keys, when something was committed since.
  std::uint64_t key_count(bool exact);

  std::int64_t now_ms() const { return now_ms_ != 0 ? now_ms_ : services_.now_ms(); }
  const Services& services() const { return services_; }

 private:
  bool counted_lately(bool exact) const;
  ClientReply ask(ClientOp op, std::string_view key);
  void look();  // Takes a snapshot when there is none that will do.

  const Services& services_;
  std::unique_ptr<Snapshot> snapshot_;
  std::uint64_t snapshot_commits_ = 0;
  Request request_;  // Kept for its memory.
  std::string error_;
  std::int64_t now_ms_ = 0;  // When the snapshot was taken; 0: there is none.

  std::uint64_t counted_keys_ = 0;
  std::uint64_t counted_at_commits_ = 0;
  std::int64_t counted_at_ms_ = -1;
};

}  // namespace kith::redis
