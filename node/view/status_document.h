// node/view/status_document.h -- what a node says of itself (client op "status"), read back.
//
// The one place here that knows the names in that document.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/timestamp.h"

namespace kith {

struct MemberRow {
  std::string id;  // Hex.
  std::string name;
  std::string client_address;
  std::string peer_address;
  std::string origin;  // Hex.
  std::uint64_t lives = 1;
  bool self = false;
  bool observer = false;            // It copies and answers reads, and counts for nothing.
  std::int64_t heard_ms_ago = -1;  // -1: never in this life.
  std::int64_t clock_offset_ms = 0;
  std::int64_t agreed_ms_ago = -1;
  std::int64_t round_trip_ms = -1;  // -1: no round with it was answered yet.
  bool stopping = false;
  std::string liveness;             // "alive", "suspect", "dead"; empty: the node does not say.
  std::int64_t liveness_ms = -1;    // Since when.
  std::string liveness_by;          // By whose word; empty: nobody's.
  bool evicted = false;             // Out of the cluster, and not back.
  bool left = false;                // The same of its own will, for good.
  bool leaving = false;             // It is on its way out, and takes no writes.
  Timestamp floor;                  // Up to where it has confirmed that it holds everything; zero: it has not said.
  std::int64_t floor_held_ms = -1;  // Since that rose; -1: it has not said in this node's life.
};

// Of removal records and of lives that are over.  Times are zero for "nothing yet".
struct GarbageRow {
  bool collects = false;
  std::int64_t retry_window_ms = 0; // 0: the node does not say.
  Timestamp floor;                  // Up to where the node confirms that it holds everything.
  std::string floor_held_by;        // Of whose writes it knows nothing newer; empty: of nobody's but its own.
  bool floor_held_by_former_life = false;
  Timestamp horizon;
  std::int64_t horizon_ms = 0;      // Unix time: removal records up to here are no more.
  std::string held_by;              // Empty: nobody else.
  std::int64_t held_at_ms = 0;      // Up to where that member has confirmed that it holds everything.
  std::int64_t held_for_ms = -1;    // -1: it has not said in this node's life.
  bool rebasing = false;            // Reads may be stale, writes are refused.
  std::string onto;
  std::uint64_t shards = 0, shards_done = 0;
  std::vector<std::string> evicting, eviction_waits_for;  // Members that go, and those that it waits for.
  bool eviction_agreed = false;
  bool returning = false;           // It was evicted, and is not through with what it had taken in alone.
  bool nobody_in_good_standing = false;  // It has not all there is, and hears of nobody who has.
  std::string recover_at;           // Then: who has seen the most.
  std::int64_t evict_after_ms = 0;  // 0: not of its own accord.
  std::uint64_t lives_to_close = 0;
  std::vector<std::string> closing_waits_for;
};

// Of a node on its way out of the cluster.
struct LeaveRow {
  bool leaving = false;
  bool catches_up = false;          // It has not all there is itself yet.
  bool handed_over = false;         // The others have all that it has, and are to agree that it goes.
  std::vector<std::string> lacking; // Members that are not known to have it.
  std::vector<std::string> away;    // Members that are not heard of: each of them is waited for.
};

struct NodeStatus {
  std::string document;  // As it came.
  std::string name;
  std::string cluster_id;          // Hex; empty: not joined.
  std::string cluster_name;
  std::uint64_t shard_count = 0;
  std::string root;                // Hex.
  std::int64_t root_since_ms = 0;  // Unix time.
  Timestamp now;                   // The node's hybrid clock.
  std::int64_t now_ms = 0;         // Of that.
  bool joined = false;
  bool stopping = false;
  bool clock_fenced = false;
  std::int64_t clock_ahead_ms = 0;
  std::int64_t probe_score = 0;    // 0 to 8: how much its own probes fail.
  bool full = false;
  bool superseded = false;         // By another life of the node: nobody listens to it.
  std::uint64_t rows_damaged = 0;
  std::string redone_file;         // On the node's machine (node/redone_file.h); empty: there is none.
  std::uint64_t redone_lines = 0;
  std::uint64_t bytes_used = 0;
  std::uint64_t bytes_max = 0;
  std::uint64_t rows = 0;
  std::int64_t gossip_interval_ms = 0;
  std::vector<std::string> links_cut;  // By fault injection: names or peer addresses, as they were given.
  std::int64_t uptime_ms = 0;
  std::string version;
  std::int64_t pid = 0;
  std::vector<MemberRow> members;
  GarbageRow garbage;
  LeaveRow leave;
  std::map<std::string, std::uint64_t> newest_held;  // Origin in hex -> timestamp of its newest commit held.
  std::map<std::string, std::uint64_t> counters;     // The engine's; those of the transport as "transport_..", of the
                                                     // clients' port as "front_..", of the scrub as "scrub_..".
};

// Throws ClientError(kProtocol) when it is no such document.
NodeStatus parse_node_status(std::string_view document);

}  // namespace kith
