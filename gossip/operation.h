// gossip/operation.h -- a client's write, as it enters the engine, and the engine's answer.
//
// Outcomes (DESIGN.md, section 4):
//   ok       durable on as many replicas as were asked for; `replicas` names them
//   stored   durable here, will spread, but the level asked for was not reached in time
//   refused  nothing changed; `code` and `message` say why and what to do
// A timeout is never a failure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crdt/tag.h"

namespace kith {

enum class Verb : std::uint8_t { kSet, kDelete, kSetAdd, kSetRemove, kHashSet, kHashDelete, kIncrement, kExpire, kPersist };

// How many replicas must hold a write durably, or be asked by a read: a number of them, or one of these.
inline constexpr std::uint32_t kAllReplicas = 0xffffffff;
inline constexpr std::uint32_t kQuorumReplicas = 0xfffffffe;  // More than half of the replication factor, or what the table says.
inline constexpr std::uint32_t kAsTheTable = 0;               // What the rules of the table say (gossip/tables.h).

enum class Describe : std::uint8_t { kNo, kCreate, kAlter };

struct Operation {
  std::uint64_t request = 0;  // The caller's, comes back in the reply.
  Verb verb = Verb::kSet;
  std::string table;
  std::string key;
  std::string value;                                          // kSet.
  // kSetAdd, kSetRemove; kHashDelete: the fields; kExpire, kPersist: the fields, or none for the register.
  std::vector<std::string> members;
  std::vector<std::pair<std::string, std::string>> fields;    // kHashSet: field and value.
  std::int64_t amount = 0;                                    // kIncrement: may be negative, not zero.
  // kSet, kHashSet: how long the value shows, 0: until something is written over it; kExpire: the same, not 0.
  // SUBTLE: counted from the tag's timestamp, not from when the operation arrives: a retry, at any node, however late, writes
  // the same expiry.  A duration is nobody's but the client's; what is written and spreads is the millisecond.
  std::int64_t ttl_ms = 0;
  std::optional<Tag> tag;                                     // Without one, the commit is the tag: no safe retry.
  std::uint32_t replicas = 1;                                 // How many must hold it durably.
  std::int64_t timeout_ms = 5000;                             // For that level only.
  // Not data: the rules of `table`, `fields` being their attributes (gossip/tables.h), at least one,
  // and `key` kTablesKey.
  Describe describe = Describe::kNo;
};

// A read of `key` that asks other members first (gossip/consult.h).  Answered like an operation: when it may be read here, or refused.
struct Consult {
  std::uint64_t request = 0;
  std::string table;
  std::string key;
  std::uint32_t level = kAsTheTable;                          // Of members, this one among them; kQuorumReplicas, kAllReplicas.
  std::int64_t timeout_ms = 5000;
};

enum class Outcome : std::uint8_t { kOk, kStored, kRefused };

// Why an operation was refused.  The names are what clients see.
enum class Refusal : std::uint8_t {
  kNone,
  kLimit,              // "limit": over a limit of crdt/limits.h, or empty where something is needed.
  kBadName,            // "bad_name": a table name that is not one.
  kRetryWindowPassed,  // "retry_window_passed"
  kTagFromFuture,      // "tag_from_future"
  kClockFenced,        // "clock_fenced": this node's clock runs ahead of its peers'.
  kNotJoined,          // "not_joined": no cluster yet.
  kFull,               // "full": the map is over its mark.
  kStopping,           // "stopping"
  kLeaving,            // "leaving": it leaves the cluster for good, and takes no more writes.
  kObserver,           // "observer": it copies and answers reads, and takes no writes.
  kSuperseded,         // "superseded": peers know a later life of this node, and do not listen to this one.
  kRebasing,           // "rebasing": away for longer than removals are remembered; it compares its data with a member's.
  kEvicted,            // "evicted": the others agreed to go on without this node; it begins anew.
  kCannotEvict,        // "cannot_evict": of an eviction that was asked for.
  kCannotDrain,        // "cannot_drain": the same of leaving for good, or of staying.
  kOverflow,           // "overflow": a counter would pass 64 bits.
  kDamaged,            // "damaged": the row it needs is damaged and not mended yet.
  kBadKey,             // "bad_key": not one that its table takes.
  kBadKind,            // "bad_kind": the same of its kind.
  kTableExists,        // "table_exists": with other rules than were asked for.
  kNoTable,            // "no_table": of one that nobody described.
  kNoValue,            // "no_value": there is nothing that could expire, or be kept.
  kNotReached,         // "not_reached": of a read, that fewer members told of it in time than were asked for.
};
std::string_view to_string(Refusal refusal);
std::string_view to_string(Outcome outcome);

struct Reply {
  std::uint64_t request = 0;
  Outcome outcome = Outcome::kOk;
  Refusal code = Refusal::kNone;
  std::string message;                 // Of a refusal: what happened, to what, what to do now.
  Tag tag;                             // For retries.
  std::uint64_t changed = 0;           // Cells whose presence or value this operation changed; 0 for a retry.
  std::uint64_t created = 0;           // Of those, cells that showed nothing before and something now.
  // Of an increment, also of a retry: what the counter stands at here, with this operation, without what peers sent in
  // the same batch.
  std::optional<std::int64_t> total;
  std::vector<std::string> replicas;   // Names of nodes known to hold it durably, this one first.
};

}  // namespace kith
