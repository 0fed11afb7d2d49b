// store/lmdb_store.h -- the store on disk: one LMDB environment in one directory.
//
//     DIRECTORY/data.mdb             everything, but for what is in the journal only
//               journal-0.kith, -1   what was committed last, while it is open or was killed (store/journal_file.h)
//               lock.mdb             LMDB's table of readers
//               kith.lock            held for as long as the store is open: one process, once
//
// A commit is synced when it returns: as one frame of the journal, or, without one, as a write transaction of LMDB's, which is the
// pages, then the page that makes them valid.  NOSYNC, NOMETASYNC, WRITEMAP and MAPASYNC are never set: each of them trades a power
// cut for a corrupt file.
// The file is sparse beyond what is used.  Do not fork while it is open.
// Errors: StoreError from all of it; after kSync every later commit throws kSync too.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "store/store.h"

namespace kith {

struct RecentView;  // store/recent_changes.h

struct LmdbOptions {
  std::uint64_t map_bytes = std::uint64_t{64} << 30;  // Address space, not room on the disk.
  unsigned int readers_max = 126;                     // Snapshots at one time.
  bool create = true;                                 // When there is no store yet; else that is an error.
  std::size_t recent_bytes = 0;                       // store/recent_changes.h; 0: all goes into the trees at once.
  // Has another thread run something, one after the other: what is recent goes into the trees there.  None: with the commits.
  std::function<void(std::function<void()>)> beside = {};
  std::shared_ptr<const RecentView> rest = {};        // Of a copy: what copy_to() gave.
};

// What pays: a table of some 30,000 writes, or a 64th of a small map; none where that would be next to nothing.
constexpr std::size_t recent_bytes_for(std::uint64_t map_bytes) {
  constexpr std::uint64_t kMost = 32 << 20, kLeast = 4 << 20;
  const std::uint64_t share = map_bytes / 64;
  return share < kLeast ? 0 : share < kMost ? share : kMost;
}

// How a copy is written: packed, without the pages that are free; or page by page as the file is, for a file whose
// pages LMDB cannot account for all (it then refuses to pack, with kCorrupt, at the very end).
enum class LmdbCopy { kCompact, kAsItIs };

class LmdbStore final : public Store {
 public:
  static std::unique_ptr<LmdbStore> open(const std::string& directory, const LmdbOptions& options = {});
  ~LmdbStore() override;

  CommitReport commit(const StoreBatch& batch) override;
  std::unique_ptr<Snapshot> snapshot() const override;  // Must not outlive the store.
  Usage usage() const override;
  std::vector<std::string> verify() const override;

  // Writes what `data.mdb` holds at this moment to `file`, from its beginning to its end and never back, so that it may
  // be a pipe.  Any thread; commits and snapshots go on, and as long as it lasts no page is used again, so the store
  // grows by what is written meanwhile.  The copy is not synced.  Returns what it lacks, since that is in the journal: the
  // copy is a store when it was opened once with this as LmdbOptions::rest.  Null: nothing.  Throws StoreError, also when the
  // reader of a pipe went away.
  std::shared_ptr<const RecentView> copy_to(int file, LmdbCopy how) const;

 private:
  class Impl;
  explicit LmdbStore(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace kith
