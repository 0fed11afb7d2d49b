// store/lmdb_environment.h -- opens, checks and closes the files of an LmdbStore.  Private to it.
//
// LMDB reads its file through a map: a file that is cut short kills the process with SIGBUS on the first missing page.
// So the length of the file is kept at or above the last page that LMDB counts as used, and is checked on opening.
// (LMDB alone does not keep it so: pages that were taken and given back within one transaction are never written.)
#pragma once

#include <cstdint>
#include <string>

#include "store/lmdb_store.h"
#include "store/lmdb_transaction.h"

namespace kith {

// Those of a Kith store, and the format that it has.  Throws StoreError when the file has not got them, or is of a format that is not
// known.  Of the first there is no journal: then that has the number kNoDatabase.
inline constexpr unsigned int kNoDatabase = 0;  // LMDB's list of free pages.
struct OpenDatabases {
  LmdbDatabases databases{};
  std::uint64_t format = 0;
};
OpenDatabases open_databases(MDB_env* env, const std::string& where);

class LmdbEnvironment {
 public:
  LmdbEnvironment(const std::string& directory, const LmdbOptions& options);
  ~LmdbEnvironment();
  LmdbEnvironment(const LmdbEnvironment&) = delete;
  LmdbEnvironment& operator=(const LmdbEnvironment&) = delete;

  MDB_env* env() const { return env_; }
  const LmdbDatabases& databases() const { return databases_; }
  const std::string& where() const { return where_; }  // The data file, for people.
  const std::string& directory() const { return directory_; }

  std::uint64_t last_transaction() const;  // Of the last write transaction that changed anything.

  // Makes the file long enough for what is used, and for `ahead_bytes` more.
  void cover_used_pages(std::uint64_t ahead_bytes);

  Store::Usage usage() const;
  void copy_to(int file, LmdbCopy how) const;  // Any thread; see LmdbStore.

 private:
  void lock(const std::string& directory);
  void open_environment(const std::string& directory, const LmdbOptions& options);
  void check_length();
  void bring_up_to_date(std::uint64_t format);
  void create_journal_database();
  void close();

  const std::string directory_;
  std::string where_;
  int lock_ = -1;
  MDB_env* env_ = nullptr;
  LmdbDatabases databases_{};
  std::uint64_t file_bytes_ = 0;  // At least this long.
  std::uint64_t page_bytes_ = 0;
  std::uint64_t map_bytes_ = 0;
};

}  // namespace kith
