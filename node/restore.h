// node/restore.h -- a new node out of a backup: `kithd --restore DIR --data NEWDIR`.
//
//     NEWDIR/restoring/data.mdb   <- copied from the backup, synced
//     NEWDIR/data.mdb             <- renamed: whole, or not there
//
// The backup is left as it is, so it can be restored any number of times, each time as another node: who the node is
// was left out when the backup was taken (gossip/owner.h) and is drawn anew when the new node starts.  Rows, feed and
// clocks are kept, since they say truthfully what is there; what happened since is asked of the other members as by any
// node that was down.  Errors: RestoreError, for people; then nothing was changed but NEWDIR/restoring, which is
// cleared by the next attempt.  Tests: tests/node/backup_test.cc
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "gossip/replication.h"
#include "node/backup_note.h"
#include "node/config.h"

namespace kith {

class RestoreError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Restored {
  BackupNote note;
  std::vector<std::string> members;  // Of the cluster when the backup was taken.
  std::int64_t retry_window_ms = 0;  // Of the cluster; zero: from before it was kept.
  ReplicationFactor replication;
};

// Whether config.restore is a backup, whole, of the cluster that config names, and config.name is free in it.  Reads it
// once, and touches no other directory.
Restored check_backup(const Config& config);

// Copies it into config.data, which must hold nothing yet.  REQUIRES: the data directory is locked by us.
void restore_into(const Config& config);

// A directory in which a restore was begun and not finished is not to be started as a new node that holds nothing.
void refuse_half_restored(const std::string& data);

}  // namespace kith
