// node/redis/chunks.h -- one command's members, as writes that each fit the limits of an operation (crdt/limits.h).
//
// All of them enter one commit of this node.  Only what a single operation carries travels as one.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "node/client_protocol.h"
#include "node/redis/call.h"

namespace kith::redis {

class Chunks {
 public:
  Chunks(Call& call, ClientOp op, std::string_view key, std::int64_t ttl_ms = 0) : call_(call), op_(op), key_(key), ttl_ms_(ttl_ms) {}

  void add(std::string_view member);
  void add(std::string_view field, std::string_view value);

 private:
  Request& room_for(std::size_t bytes);

  Call& call_;
  const ClientOp op_;
  const std::string key_;
  const std::int64_t ttl_ms_;
  std::size_t index_ = 0;  // Of the write at hand; the next add begins one when it is full.
  std::size_t members_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace kith::redis
