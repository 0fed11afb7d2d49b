// node/commit_watch.h -- who wants to see what a commit changes, while it is made.
//
//     wanted() --> before(batch) --> commit, synced --> after()
//
// All but wanted() on the engine's thread.  Throws nothing: a commit depends on nobody's watching.
#pragma once

#include "store/store_batch.h"

namespace kith {

class CommitWatch {
 public:
  virtual ~CommitWatch() = default;
  virtual bool wanted() const = 0;                       // Asked before each commit; cheap.
  virtual void before(const StoreBatch& batch) = 0;
  virtual void after() = 0;                              // It is durable, and seen by who takes a snapshot.
};

}  // namespace kith
