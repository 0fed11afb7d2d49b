// node/backup.h -- copies of the running store, taken on request, one at a time, on a thread of their own.
//
//     DIR.unfinished-XXXXXX/  <- LMDB's packed copy of one read transaction
//                             <- without who the node is (gossip/owner.h), looked at page by page, synced
//                             <- kith.backup (node/backup_note.h)
//     DIR                     <- renamed: whole, or not there
//
// Reads and writes go on meanwhile; the store cannot use freed pages again as long as the copy lasts, and grows by what
// is written.  What a kill leaves behind has the unfinished name and no kith.backup, and may be removed.
// Tests: tests/node/backup_test.cc
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "node/front.h"
#include "store/lmdb_store.h"

namespace kith {

class Backups {
 public:
  struct Parts {
    const LmdbStore& store;
    std::string data;                                  // The node's own directory.
    std::function<void(Ticket, ClientReply)> reply;    // Any thread.
  };

  explicit Backups(Parts parts);
  ~Backups();  // Gives up what is running.
  Backups(const Backups&) = delete;
  Backups& operator=(const Backups&) = delete;

  // Into the directory that `request.text` names, relative to that of the process.  Answered when it is done, with a
  // document: path, bytes, rows, duration_ms, taken; or refused at once.  Any thread.
  void submit(Ticket ticket, const Request& request);

  // What is running is given up, cleared away and answered; nothing new is begun.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kith
