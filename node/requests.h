// node/requests.h -- a client's write as the engine takes it, and the engine's answer as the client gets it.
//
// Pure functions.
#pragma once

#include "gossip/operation.h"
#include "node/client_protocol.h"
#include "node/front.h"

namespace kith {

// REQUIRES: is_write(request.op).
Operation operation_of(Ticket ticket, Request request);

// What it is to the client: all but the id of the request, the time and the node.
ClientReply reply_of(Reply reply);

// Bytes of names and values: what a request counts for where requests are gathered.
std::size_t bytes_of(const Request& request);

}  // namespace kith
