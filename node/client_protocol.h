// node/client_protocol.h -- what clients and nodes say to each other on the client port.
//
// ZeroMQ DEALER (client) to ROUTER (node); one frame a message, each a msgpack map with string keys.  Unknown keys are
// skipped, absent ones have the defaults below, trailing bytes, duplicate keys and wrong types are errors.  A request
// carries an id that its reply repeats; replies may come in another order.  Names and values are msgpack bin (str is
// taken too), so NUL and invalid UTF-8 are fine.
//
//   request  {v: 1, id, op, table?, key?, value?, members?: [..], fields?: [[f, v]..], amount?, ttl_ms?, tag?, replicas?,
//             timeout_ms?, prefix?, after?, limit?, shard?, buckets?: [..], text?, roster?}
//   reply    {v: 1, id, status, code?, message?, time, node, value?, members?, fields?, keys?, next?, number?,
//             total?, ttl_ms?, tag?, replicas?, document?, stale?, created?, roster?}
//   roster   {v, cluster, name, replicas, replicas_at_most?, leader, members: [[id, name, address, living]..],
//             observers?: [id..], warnings: [..]}
//
//   op                       needs                      answers
//   hello                                               document: cluster, node, versions, limits
//   ping                                                nothing: the node is there
//   get                      key                        value [ttl_ms], or not_found
//   set / del                key [value] [ttl_ms]       a write (below)
//   sadd / srem              key, members               a write
//   smembers                 key [after, limit]         members, next
//   sismember                key, members[0]            number 0 or 1
//   scard                    key                        number
//   hset / hdel              key, fields [ttl_ms] / members       a write
//   hget                     key, members[0]            value [ttl_ms], or not_found
//   hgetall                  key [after, limit]         fields, next
//   expire                   key, ttl_ms [members]      a write: the register, or those fields, expire in ttl_ms
//   persist                  key [members]              a write: they do not expire any more
//   ttl                      key [members[0]]           ttl_ms: what is left; without: it does not expire; or not_found
//   incr                     key [amount: 1]            a write; also total
//   count                    key                        total: what a counter stands at, 0 when there is none
//   table_create             table [fields: attributes]    a write: the rules of the table (gossip/tables.h)
//   table_alter              table, fields              a write: some of them
//   keys                     [prefix, after, limit]     keys, next
//   status                                              document
//   shards                                              document: root per shard
//   buckets                  shard                      document: 256 sums
//   cells                    shard [buckets, after]     document: observable cells of those buckets; next
//   explain                  key [members[0]]           document: entries as stored
//   missing                  text                       document: how many cells here whoever tells so much of itself lacks
//   backup                   text                       document: what was copied, and where to
//   fault                    text                       document; only with --allow-faults
//   drain                    [text: "cancel", members[0]]   this node leaves the cluster for good; or stays after all; members: its name
//   ttl_ms is a duration above zero; what is stored is a millisecond, counted from the tag (gossip/operation.h).
//   a write answers: status ok, stored or refused, with number (cells changed), tag, replicas
//
// `roster` in a request names the version of the roster that the client knows, 0 for none; in the reply comes the one that is
// known here, when it is another and was not sent over this connection already.  Whoever does not ask is not told.
//
// Paged answers carry `next`, an opaque position to send as `after`; empty at the end.  A page is at most 1 MiB.
// Documents are JSON text, for inspection; names and values in them are JSON strings when valid UTF-8, else
// {"hex": ".."}.  Limits: crdt/limits.h.  Golden bytes: tests/node/client_protocol_test.cc
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "crdt/cell_key.h"
#include "crdt/ids.h"
#include "crdt/tag.h"
#include "crdt/timestamp.h"
#include "gossip/roster.h"

namespace kith {

inline constexpr std::uint64_t kClientProtocolVersion = 1;
inline constexpr std::size_t kPageBytesMax = 1024 * 1024;

enum class ClientOp : std::uint8_t {
  kHello, kGet, kSet, kDel, kSadd, kSrem, kSmembers, kSismember, kScard, kHset, kHget, kHdel, kHgetall, kIncr,
  kCount, kKeys,
  kStatus, kShards, kBuckets, kCells, kExplain, kFault, kBackup,
  kExpire, kPersist, kTtl,
  kEvict, kRecover,
  kMissing,
  kPing,
  kTableCreate, kTableAlter,
  kDrain,
};
std::string_view to_string(ClientOp op);
std::optional<ClientOp> client_op_from(std::string_view name);
bool is_write(ClientOp op);

struct Request {
  std::uint64_t id = 0;
  ClientOp op = ClientOp::kHello;
  std::string table{kDefaultTable};
  std::string key;
  std::string value;
  std::vector<std::string> members;
  std::vector<std::pair<std::string, std::string>> fields;
  std::int64_t amount = 1;           // kIncr; not zero.
  std::int64_t ttl_ms = 0;           // kSet, kHset, kExpire; 0: none.
  std::optional<Tag> tag;
  std::uint32_t replicas = 0;        // kAsTheTable, kQuorumReplicas, kAllReplicas, or so many.
  std::int64_t timeout_ms = 5000;    // For the level of replicas.
  std::string prefix;
  std::string after;
  std::uint32_t limit = 0;           // Items a page; 0: as many as fit.
  std::uint32_t shard = 0;
  std::vector<std::uint32_t> buckets;  // Empty: all.
  std::string text;
  std::optional<std::uint64_t> roster;  // The version that is known.
};

// What a reply says happened.
enum class Status : std::uint8_t {
  kOk,        // Done, or here is the answer.
  kStored,    // A write that is durable here and will spread, but not yet at the level asked for.
  kRefused,   // Nothing changed; code and message say why.
  kNotFound,  // No such key, field, ...
  kError,     // The request could not be understood or served; nothing changed.
};
std::string_view to_string(Status status);

struct KeyInfo {
  std::string key;
  Kind kind = Kind::kRegister;
  std::uint64_t live = 0;
  std::int64_t total = 0;  // Of a counter; others have no fourth item in a list of keys.
};

struct ClientReply {
  std::uint64_t id = 0;
  Status status = Status::kOk;
  std::string code;     // "limit", "bad_request", "unknown_op", "damaged", ...: stable, for programs.
  std::string message;  // For people.
  Timestamp time;       // The cluster's time: what a session mints its next tag from.
  std::string node;     // Name of the node that answered.
  std::optional<std::string> value;
  std::vector<std::string> members;
  std::vector<std::pair<std::string, std::string>> fields;
  std::vector<KeyInfo> keys;
  std::string next;
  std::uint64_t number = 0;
  std::uint64_t created = 0;  // Of a write: cells that showed nothing before.
  std::optional<std::int64_t> total;  // Of a counter: the nearest that 64 bits can hold.
  std::optional<std::int64_t> ttl_ms;  // Left until the value expires, above zero; none: it does not.
  std::optional<Tag> tag;
  std::vector<std::string> replicas;
  std::string document;
  bool stale = false;  // Of a read: the node was away for longer than removals are remembered, and has not caught up.
  std::optional<Roster> roster;
};

// A request or reply that could not be read: which one, if that much could be told, and what is wrong with it.
struct Malformed {
  std::uint64_t id = 0;  // Zero when not even that was readable.
  std::string code;      // "bad_request", "unknown_op", "limit", "unsupported_version"
  std::string message;
};

std::string encode(const Request& request);
std::string encode(const ClientReply& reply);
// The bytes of a reply's `roster`, and how they are put into a reply that has none and is encoded already: the same roster goes to
// many.
std::string encode_roster(const Roster& roster);
void add_roster(std::string& reply, std::string_view roster);
// Never throw; take no memory beyond a small multiple of the frame.
std::variant<Request, Malformed> decode_request(std::string_view frame);
std::variant<ClientReply, Malformed> decode_reply(std::string_view frame);

}  // namespace kith
