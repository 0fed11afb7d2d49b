// node/redis/services.h -- what the Redis port is given by the node that it belongs to.
//
// All of it may be called on any thread, and outlives the port.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "node/client_protocol.h"
#include "node/engine_thread.h"
#include "store/store.h"

namespace kith::redis {

struct Services {
  const Store& store;
  std::string node;                                        // Its name.
  std::string table;                                       // Where the keys live.
  std::string password;                                    // Empty: none is asked for.
  std::function<std::uint32_t()> shard_count;              // 0: not joined.
  std::function<std::int64_t()> now_ms;                    // What has expired by then is not read.
  std::function<bool()> may_be_stale;
  std::function<std::uint64_t()> commits;                  // Raised after each commit, before anything is said of it.
  std::function<void(const StoreKey&)> damaged;
  std::function<void(std::vector<Submission>)> submit;     // Writes, into one commit; each is answered under its ticket.
};

}  // namespace kith::redis
