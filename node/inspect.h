// node/inspect.h -- the documents that show what a store holds: shards, buckets, cells.
//
// All JSON text, bounded to a page.  Called by answer_read(), which has checked the names.
#pragma once

#include "node/reads.h"

namespace kith {

ClientReply answer_shards(const Request& request, const ReadContext& context);
ClientReply answer_buckets(const Request& request, const ReadContext& context);
ClientReply answer_cells(const Request& request, const ReadContext& context);

ClientReply error_reply(const Request& request, std::string code, std::string message);
ClientReply damaged_reply(const Request& request, const ReadContext& context, const StoreKey& row);

}  // namespace kith
