// tools/kith/directory_facts.h -- what a data directory, or a backup, holds, counted without a node.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "gossip/owner.h"
#include "node/backup_note.h"
#include "store/offline_store.h"

namespace kith::tools {

struct RowFacts {
  std::uint64_t rows = 0;
  std::uint64_t live = 0;             // Rows that have something to show.
  std::uint64_t removed_entries = 0;  // Removals that are remembered; of a register or field: deleted.
  std::uint64_t bytes = 0;
};

struct DirectoryFacts {
  std::optional<BackupNote> backup;  // Else it is a node's.
  Owner owner;
  std::map<std::pair<std::string, Kind>, RowFacts> tables;
  std::uint64_t damaged_rows = 0;
  Timestamp newest;
  std::size_t shards_used = 0;
  std::size_t clock_entries = 0;     // Over all shards.
  std::size_t clock_origins = 0;
};

// Cost: reads all rows.  REQUIRES: store.walkable().  Throws StoreError and DurableFileError.
DirectoryFacts look_at(const OfflineStore& store, const std::string& directory);

// "a backup of node n1 of cluster kith, taken at ..", "the data of node n1 (id) of cluster kith", ..
std::string whose(const DirectoryFacts& facts);

}  // namespace kith::tools
