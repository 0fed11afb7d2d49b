// node/missing.h -- the document of op "missing": how many cells here some other node lacks, by what it told of itself.
//
//     asked     {"clocks": [{"now": hlc, "held": {origin: hlc, ..}, "roots": [hex, ..]}, ..]}      at most kClocksMax
//     answered  {"counts": [{"cells": n, "complete": bool}, ..]}                                    one each, in their order
//
// What a node told of itself is in its status (`now`, `newest_held`) and in its document of shards (`roots`).  A cell is
// lacked when it holds an entry whose commit that node's `held` does not reach; commits above its `now` are not asked for,
// since they are of after it spoke.  Shards with equal roots hold the same and are not looked at; of others the feed is read
// from the last mark that is covered.  Together kRowsLookedAtMax rows are read at most: where that was not enough the count
// is of what was seen, and not complete.
// SUBTLE: `held` is the newest over all shards.  What is behind a gap in one shard, while another one went on, is not seen
// here; then roots differ, and the count says less.
// Called by answer_read().  Tests: tests/node/missing_test.cc
#pragma once

#include "node/reads.h"

namespace kith {

inline constexpr std::size_t kClocksMax = 32;

ClientReply answer_missing(const Request& request, const ReadContext& context);

}  // namespace kith
