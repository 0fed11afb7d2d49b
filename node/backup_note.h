// node/backup_note.h -- the text file beside a backup's data.mdb that says what it is.
//
//     format=1  node=ID  name=NAME  cluster=ID  cluster_name=NAME  shards=N  taken=ISO TIME  rows=N  bytes=N  kith=VERSION
//                                                                                                     one pair a line
// Written last, and only into a copy that is whole: a directory without it is no backup.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "crdt/ids.h"

namespace kith {

inline constexpr const char* kBackupNote = "kith.backup";

struct BackupNote {
  NodeId node;  // That it was taken from.
  std::string name;
  ClusterId cluster;
  std::string cluster_name;
  std::uint32_t shard_count = 0;
  std::string taken;  // UTC.
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
};

std::string to_text(const BackupNote& note);

// Nothing when there is none in the directory.  Throws DurableFileError when there is one that cannot be understood.
std::optional<BackupNote> read_backup_note(const std::string& directory);

}  // namespace kith
