// node/reader_pool.h -- threads that answer reads, each request from a snapshot of its own that is gone when it is answered.
//
// Bounded by what the front lets in.  Tests: through kithd, tests/node/kithd_test.cc
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "node/front.h"
#include "store/store.h"

namespace kith {

class ReaderPool {
 public:
  struct Callbacks {
    std::function<std::uint32_t()> shard_count;                       // 0: not joined.
    std::function<void(const StoreKey&)> damaged;                     // Any thread.
    std::function<std::int64_t()> now_ms;                             // Any thread.  What has expired by then is not read.
    std::function<bool()> may_be_stale;                               // Any thread; asked before the snapshot is taken.
    std::function<void(Ticket, ClientReply)> reply;                   // Any thread.
  };

  ReaderPool(const Store& store, std::size_t threads, Callbacks callbacks);
  ~ReaderPool();  // Answers what waits, then ends.
  ReaderPool(const ReaderPool&) = delete;
  ReaderPool& operator=(const ReaderPool&) = delete;

  // Any thread.  `told`: members that were asked what they have, for the reply; this node among them.
  void submit(Ticket ticket, Request request, std::vector<std::string> told = {});

  ClientReply answer(const Request& request) const;  // Any thread, on which it is done.

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kith
