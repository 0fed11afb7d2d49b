// node/reads.h -- answers a client's reads from one snapshot.
//
// get, smembers, sismember, scard, hget, hgetall, ttl, count, keys, shards, buckets, cells, explain, missing.  A function of its arguments:
// takes no snapshot itself and keeps none.  A page has at most kPageBytesMax, the asked-for limit, and what
// kRowsLookedAtMax rows gave: a page may be short, even empty, and still have a `next`.
// What has expired at context.now_ms is not there.  In a list of keys as well: what expired since the store's counts took
// notice (store/expiries.h) is taken out of them; at a price in proportion to it, and of more than kRowsLookedAtMax of those
// the rest is listed until the counts have.
// A damaged row is never served: the answer is the error `damaged`, and context.damaged is told.
// Tests: tests/node/reads_test.cc
#pragma once

#include <cstdint>
#include <functional>

#include "node/client_protocol.h"
#include "store/store.h"

namespace kith {

// One request must not keep a snapshot open for long, however many dead rows lie between live ones.
inline constexpr std::size_t kRowsLookedAtMax = 200'000;
// Five msgpack objects an item, at most, of at least 24 bytes of a page, and kMsgpackObjectsMax objects a message.
inline constexpr std::size_t kPageItemsMax = 64 * 1024;
inline constexpr std::size_t kExplainedCellsMax = 100;

struct ReadContext {
  const Snapshot& snapshot;
  std::uint32_t shard_count = 0;                      // 0: not joined; then nothing is answered.
  std::function<void(const StoreKey&)> damaged;       // A row that was found so.
  std::int64_t now_ms = 0;                            // The cluster's time, or the wall's where that is ahead.
};

// REQUIRES: answers_reads(request.op).  Sets all of the reply but `time` and `node`.
ClientReply answer_read(const Request& request, const ReadContext& context);
bool answers_reads(ClientOp op);
// Reads of one key: they can be asked for at a level (gossip/consult.h).
bool may_ask_others(ClientOp op);
// A level that is given with a read that can have none, as a reply; nothing when all is well.
std::optional<ClientReply> refuse_level(const Request& request);

// What is wrong with the names of a read, as code and message; nothing when all is well.
struct NameProblem {
  std::string code;
  std::string message;
};
std::optional<NameProblem> check_names(const Request& request);

}  // namespace kith
