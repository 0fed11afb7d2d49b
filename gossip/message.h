// gossip/message.h -- what nodes say to each other, and its bytes.
//
//     frame    := "KITH"  version:u8  checksum:u64  envelope         checksum: xxh3-64 of the envelope, seeded with version - 1, verified first
//     envelope := msgpack map  {0: cluster, 1: sender, 2: origin, 3: start, 4: floor, 5: hlc, 6: wall ms,
//                               7: members version, 8: type, 9: body, 10: members, 11: horizon?, 12: voted?}
//     members  := cells, present when the sender has reason to think that the receiver's table differs
//     cells    := (cell key  content: counted)*                      the canonical bytes of crdt/, in one msgpack bin
//     clock    := (origin:u64  at:u64)*                              sorted by origin, in one msgpack bin
//     body     := msgpack map, per type:
//       join     {0: name, 1: peer address, 2: cluster name?, 3: shard count?, 4: nonce, 5: retry window?, 6: replicas?}
//                    cluster may be 0 here only
//       welcome  {0: cluster name, 1: shard count, 2: nonce, 3: retry window?, 4: electorate?, 5: replicas?}
//       refuse   {0: code, 1: sentence, 2: nonce}
//                    join and refuse are read in every version, so that one that does not fit can be told
//       push     {0: parts, 1: nonce?, 2: spread?, 3: [[node, origin, start, floor, parts] ...]?, 4: after?}
//                    nonce: an ack is wanted; spread: send 0 on to your row; 3: what others wrote, sent on;
//                    after: the sender's commit before these, in whatever shard: these are all since then
//                    parts := [[shard, previous, commit, cells] ...]
//       ack      {0: nonce}
//       summary  {0: digest, 1: promise, 2: root?, 3: standing?}
//       agreed   {0: digest, 1: promise, 2: root?, 3: standing?}
//       digests  {0: [[shard, digest] ...], 1: promise?, 3: standing?}
//                    standing := [last, first, (promise lag:varint floor lag:varint)*]    lags in ms + 1 behind `promise`, 0:
//                    unknown, of the members from the first-th on in order of id; in one msgpack bin
//       pull     {0: nonce, 1: [[shard, epoch, after, clock] ...]}
//       rows     {0: nonce, 1: [[shard, next, end, sound, clock, cells] ...], 2: promise}
//       fetch    {0: [store key ...]}
//       mended   {0: [[shard, cells] ...], 1: [store key ...], 2: [[shard, clock] ...]?, 3: [store key ...]?}
//                1: of these I hold nothing; 3: these are damaged here, too
//       stopping {}
//       audit    {0: nonce, 1: (shard:u16 root:u64)*}               in one msgpack bin
//       buckets  {0: nonce, 1: [[shard, 256 sums] ...]}             sums: u64 each, in one msgpack bin
//       repair   {0: nonce, 1: shard, 2: buckets, 3: after, 4: back?}
//                    buckets: 256 bits in 32 bytes, bucket 0 the lowest of the first; after, next: store key or nothing
//       repaired {0: nonce, 1: shard, 2: cells, 3: next, 4: end}
//       superseded {0: origin, 1: start}
//       evict    {0: step, 1: ballot at, 2: ballot origin, 3: members, 4: going, 5: asked for}
//                    members, going, electorate: node ids, u64 each, sorted, in one msgpack bin
//       vote     {0: step, 1: ballot at, 2: ballot origin, 3: refusal, 4: promised at, 5: promised origin, 6: accepted at,
//                 7: accepted origin, 8: members, 9: going, 10: electorate}
//       evicted  {0: at, 1: heard of}
//       rebase   {0: nonce, 1: shard, 2: 256 sums?, 3: buckets?, 4: after, 5: sketch cells?, 6: until?, 7: counters?}
//                    counters: u64 each, in one msgpack bin
//       rebased  {0: nonce, 1: shard, 2: buckets, 3: cells, 4: next, 5: end, 6: sound, 7: clock, 8: sketch?}
//       probe    {0: step, 1: nonce, 2: incarnation, 3: node?, 4: rumours?}       gossip/detector_message.h
//
// Unknown keys are skipped, unknown types are counted.  Decoding never throws and takes memory in proportion to the
// frame only; what it returns owns its bytes.  Golden bytes: tests/gossip/message_test.cc and docs/WIRE.md
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "crdt/cell_key.h"
#include "crdt/content.h"
#include "crdt/ids.h"
#include "crdt/timestamp.h"
#include "gossip/detector_message.h"
#include "gossip/member_table.h"
#include "store/store.h"

namespace kith {

inline constexpr std::uint8_t kPeerProtocolVersion = 1;

struct Cell {
  CellKey key;
  Content content;
};

// Encoded cells.  Appending is how a message's size is known before it is sent.
class CellBlock {
 public:
  CellBlock() = default;
  explicit CellBlock(std::string bytes) : bytes_(std::move(bytes)) {}

  void append(const CellKey& key, const Content& content);
  void append(const CellBlock& other) { bytes_ += other.bytes_; }
  const std::string& bytes() const { return bytes_; }
  std::size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }

  // Nothing when any of it is malformed: then nothing of the message may be applied.
  std::optional<std::vector<Cell>> read() const;

 private:
  std::string bytes_;
};

struct JoinBody {
  std::string name;
  std::string peer_address;             // Where to answer.
  std::string cluster_name;             // Empty: any.
  std::uint64_t shard_count = 0;        // 0: any.
  std::uint64_t nonce = 0;
  std::int64_t retry_window_ms = 0;     // 0: any, or from a version without.
  std::uint32_t replicas = 0;           // The same.
};
struct WelcomeBody {
  std::string cluster_name;
  std::uint64_t shard_count = 0;
  std::uint64_t nonce = 0;
  std::int64_t retry_window_ms = 0;     // 0: from a version without.
  std::vector<NodeId> electorate = {};  // gossip/eviction.h; empty: from a version without.
  std::uint32_t replicas = 0;           // 0: nobody gave one (gossip/replication.h), or from a version without.
};
struct RefuseBody {
  std::string code;
  std::string sentence;
  std::uint64_t nonce = 0;
};
struct PushBody {
  struct Part {
    ShardId shard = 0;
    Timestamp previous;                 // The origin's commit in this shard before these; zero: none in this life.
    Timestamp commit;                   // The last of these.
    CellBlock cells;
  };
  struct Relayed {                      // What another node pushed to the sender, on its way to the sender's row.
    NodeId node;
    OriginId origin;
    Timestamp start;                    // Of that life.
    Timestamp floor;                    // Of that node, as it said.
    std::vector<Part> parts;
  };
  std::vector<Part> parts;              // The sender's own.
  std::uint64_t nonce = 0;
  bool spread = false;                  // The receiver is a relay: `parts` are for its row as well (gossip/relay.h).
  std::vector<Relayed> relayed = {};
  Timestamp after = {};                 // Zero: others of the same commit are in another message.
};
struct AckBody { std::uint64_t nonce = 0; };
// What a node knows of how far everybody is; gossip/horizon.h.
struct Standing {
  struct Member {
    Timestamp promise;                  // Nothing of its present life is missing at the sender up to here; zero: unknown.
    Timestamp floor;                    // As it last reported; zero: unknown.
    friend bool operator==(const Member&, const Member&) = default;
  };
  Timestamp last;                       // The sender's last commit, in whatever shard.
  std::uint32_t first = 0;              // Which members: from this one on, in the order of ids, and on from the first.
  std::vector<Member> members;
  friend bool operator==(const Standing&, const Standing&) = default;
};

struct SummaryBody {
  std::uint64_t digest = 0;
  Timestamp promise;                    // Nothing of my origin is missing up to here.
  // Of observable content in all shards; none: from a version without, or rows were being written.
  std::optional<std::uint64_t> root = {};
  Standing standing = {};
};
struct AgreedBody {
  std::uint64_t digest = 0;             // On what: an answer that finds other things here says nothing.
  Timestamp promise;
  std::optional<std::uint64_t> root = {};
  Standing standing = {};
};
struct DigestsBody {
  std::vector<std::pair<ShardId, std::uint64_t>> shards;
  Timestamp promise = {};
  Standing standing = {};
};
struct PullBody {
  struct Part {
    ShardId shard = 0;
    OriginId epoch;                     // Of the feed that `after` is a position in; none: no position.
    Lsn after = 0;
    CommitClock clock;                  // What the sender holds.
  };
  std::uint64_t nonce = 0;
  std::vector<Part> parts;
};
struct RowsBody {
  struct Part {
    ShardId shard = 0;
    Lsn next = 0;
    bool end = false;                   // The feed was read to its end.
    bool sound = true;                  // No row of the shard is damaged there: `clock` may be taken.
    CommitClock clock;                  // At the end only: what the sender held in the snapshot that reached it.
    CellBlock cells;
  };
  std::uint64_t nonce = 0;
  std::vector<Part> parts;
  Timestamp promise;
};
struct FetchBody { std::vector<StoreKey> keys; };
struct MendedBody {
  struct Part {
    ShardId shard = 0;
    CellBlock cells;
  };
  std::vector<Part> parts;
  std::vector<StoreKey> missing;
  std::vector<std::pair<ShardId, CommitClock>> clocks = {};  // What the sender holds in each shard it speaks of, if soundly.
  std::vector<StoreKey> damaged = {};   // Here, too: ask somebody else.
};
struct StoppingBody {};

using BucketSet = std::bitset<kFingerprintBuckets>;
struct AuditBody {
  std::uint64_t nonce = 0;
  std::vector<std::pair<ShardId, std::uint64_t>> roots;  // Sorted; shards that are not named are not compared.
};
struct BucketsBody {
  struct Part {
    ShardId shard = 0;
    Buckets sums{};
  };
  std::uint64_t nonce = 0;
  std::vector<Part> parts;              // Some of the shards that differ.
};
struct RepairBody {
  std::uint64_t nonce = 0;
  ShardId shard = 0;
  BucketSet buckets;
  StoreKey after;
  bool back = false;                    // In return for the same question: the receiver need not ask us once more.
};
struct RepairedBody {
  std::uint64_t nonce = 0;
  ShardId shard = 0;
  CellBlock cells;                      // Whole rows, dead entries too.
  StoreKey next;                        // Read up to here; empty at the end.
  bool end = false;
};

struct SupersededBody {                 // To whom speaks for an earlier life: of yours we know this one.
  OriginId origin;
  Timestamp start;
  NodeId node;                          // You.  SUBTLE: an address may be another node's by now.
};

// gossip/eviction.h
struct Ballot {
  Timestamp at;
  OriginId origin;                      // Of who proposes.
  friend auto operator<=>(const Ballot&, const Ballot&) = default;
  explicit operator bool() const { return static_cast<bool>(at); }
};
// The last two of what was voted for: a voter asks the others whether it stands, and is told when it does not, and never will.
enum class VoteStep : std::uint8_t { kPrepare, kAccept, kConfirm, kStands, kWithdrawn };
enum class VoteRefusal : std::uint8_t { kNone, kOtherTable, kNotInGoodStanding, kOutbid, kHeardOfIt };
struct EvictBody {
  VoteStep step = VoteStep::kPrepare;
  Ballot ballot;
  std::vector<NodeId> members;          // All that are not out, as the proposer knows them.  Sorted, as all of these.
  std::vector<NodeId> going;
  bool asked_for = false;               // By an operator: the voter need not have missed them itself.
};
struct VoteBody {
  VoteStep step = VoteStep::kPrepare;   // Of what is answered, as is
  Ballot ballot;
  VoteRefusal refusal = VoteRefusal::kNone;
  Ballot promised;                      // The highest that was heard of.
  Ballot accepted;                      // And confirmed; of a question whether it stands, what is asked about.  None: nothing was.
  std::vector<NodeId> members, going;   // What was.
  std::vector<NodeId> electorate;
};
struct EvictedBody {                    // To who does not know that it was; gossip/evicted_table.h.
  Evicted record;
  NodeId node;                          // As above.
};

struct RebaseBody {
  std::uint64_t nonce = 0;
  ShardId shard = 0;
  std::optional<Buckets> sums = {};     // The asker's, in the first question about a shard; then
  BucketSet buckets;                    // those that differed.
  StoreKey after;
  // A sketch will do (gossip/sketch.h), of so many cells; zero: as the sums suggest.  Hashes are salted with the nonce.
  std::optional<std::uint32_t> sketch_cells = {};
  StoreKey until = {};                  // Only rows up to here; empty: all.
  std::vector<std::uint64_t> counters = {};  // Only the bases of these: hashes of names, salted with the nonce.  Sorted.
};
struct RebasedBody {
  std::uint64_t nonce = 0;
  ShardId shard = 0;
  BucketSet buckets;                    // That differ, and are gone through.
  CellBlock cells;                      // All whole rows in them, from `after` on; dead entries too.  Or else `sketch`.
  StoreKey next;                        // Read up to here; empty at the end.
  bool end = false;
  bool sound = true;                    // No row of the shard is damaged there: what is not in `cells` is not there.
  CommitClock clock;                    // Of the same snapshot.
  std::string sketch = {};              // Of what shows in those rows: gossip/rebase_view.h.
};

using Body = std::variant<JoinBody, WelcomeBody, RefuseBody, PushBody, AckBody, SummaryBody, AgreedBody, DigestsBody,
                          PullBody, RowsBody, FetchBody, MendedBody, StoppingBody, AuditBody, BucketsBody, RepairBody,
                          RepairedBody, SupersededBody, RebaseBody, RebasedBody, EvictBody, VoteBody, EvictedBody, ProbeBody>;
std::string_view type_name(const Body& body);  // "join", "welcome", ...

struct Envelope {
  ClusterId cluster;
  NodeId sender;
  OriginId origin;
  Timestamp start;
  Timestamp floor;
  Timestamp hlc;
  std::int64_t wall_ms = 0;
  std::uint64_t members_version = 0;
  CellBlock members;
  Timestamp horizon = {};
  bool voted = false;                   // For an eviction that has not taken effect here.
  std::uint8_t version = kPeerProtocolVersion;  // As read; another one only of join and refuse.  Not written.
  Body body;
};

std::string encode(const Envelope& envelope);

// Why a frame was dropped, as counters name it.
enum class FrameError { kNone, kTooLarge, kNotKith, kVersion, kChecksum, kMsgpack, kEnvelope, kUnknownType, kBody };
std::string_view to_string(FrameError error);

// On an error `out` is not to be used.
[[nodiscard]] FrameError decode(std::string_view frame, Envelope& out);

// Who sent it, if the frame is sound.  For faults that cut a link.
std::optional<NodeId> peek_sender(std::string_view frame);

}  // namespace kith
