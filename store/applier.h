// store/applier.h -- applies a batch to a transaction: what a commit means, the same for every store.
//
// Cells first, in store-key order, then feed, marks, counts and fingerprints, clocks, cursors, meta.  Throws what the
// transaction throws; the caller then drops the transaction and calls forget().
#pragma once

#include "store/feed_writer.h"
#include "store/fingerprints.h"
#include "store/store.h"
#include "store/transaction.h"

namespace kith {

class Applier {
 public:
  CommitReport apply(WriteTransaction& transaction, const StoreBatch& batch);

  // What was applied last did not last.
  void forget() {
    feeds_.forget();
    log_.reset();
  }

 private:
  FeedWriter feeds_;
  LogSize log_;
};

}  // namespace kith
