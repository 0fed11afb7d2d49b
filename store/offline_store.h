// store/offline_store.h -- a data directory, or a backup, that nobody runs on: read, and left as it is.
//
//     OfflineStore store(directory);           // locked against a kithd that starts, pages looked at
//     if (store.walkable()) store.verify();    // and store.snapshot()
//
// Creates and changes nothing, not even LMDB's lock file.  Nothing that lies in the file ends the process: what LMDB
// would trip over is among pages().findings, and then nothing is walked (store/page_check.h). Errors: StoreError;
// kInUse when a node runs on it.  Tests: tests/store/offline_store_test.cc
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "store/page_check.h"
#include "store/store.h"

namespace kith {

class OfflineStore {
 public:
  explicit OfflineStore(const std::string& directory);
  ~OfflineStore();
  OfflineStore(const OfflineStore&) = delete;
  OfflineStore& operator=(const OfflineStore&) = delete;

  const PageReport& pages() const;
  bool walkable() const { return pages().findings.empty(); }

  // REQUIRES: walkable().
  std::unique_ptr<Snapshot> snapshot() const;  // Must not outlive the store.
  std::vector<std::string> verify() const;     // store/verify.h

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kith
