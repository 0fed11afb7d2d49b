#include "store/lmdb_environment.h"

#include <fcntl.h>
#include <lmdb.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "store/recent_changes.h"
#include "store/records.h"

namespace kith {
namespace {

namespace fs = std::filesystem;

constexpr mdb_mode_t kFileMode = 0600;
constexpr unsigned int kFlags = MDB_NOTLS;  // A snapshot may be read on another thread than the one that took it.

// How much longer the file is made at a time: a change of length is a change the disk must journal with the sync.
constexpr std::uint64_t kGrowBytes = 16 << 20;

[[noreturn]] void fail(StoreError::Kind kind, const std::string& what) { throw StoreError(kind, what); }

[[noreturn]] void fail_system(const std::string& doing, int code) {
  std::string advice;
  if (code == EACCES || code == EPERM) advice = "; check who owns it and its permissions";
  if (code == EROFS) advice = "; the file system is mounted read-only";
  if (code == ENOSPC) advice = "; free room on the disk, then start again";
  fail(StoreError::Kind::kOther, "cannot " + doing + ": " + std::strerror(code) + advice);
}

std::string data_file(const std::string& directory) { return directory + "/data.mdb"; }

void sync_directory(const std::string& directory) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) fail_system("open the directory " + directory, errno);
  const int failed = ::fsync(fd) != 0 ? errno : 0;
  ::close(fd);
  if (failed != 0) fail_system("sync the directory " + directory, failed);
}

MDB_env* new_environment(std::uint64_t map_bytes, unsigned int readers_max, const std::string& where) {
  MDB_env* env = nullptr;
  check_lmdb(mdb_env_create(&env), "create an environment", where);
  mdb_env_set_maxdbs(env, kDatabaseCount);
  mdb_env_set_mapsize(env, map_bytes);
  mdb_env_set_maxreaders(env, readers_max);
  return env;
}

void write_empty_store(MDB_env* env, const std::string& where) {
  MDB_txn* txn = nullptr;
  check_lmdb(mdb_txn_begin(env, nullptr, 0, &txn), "begin to write", where);
  MDB_dbi meta = 0;
  int code = MDB_SUCCESS;
  for (std::size_t i = kDatabaseCount; i-- > 0 && code == MDB_SUCCESS;) {  // `meta`, the first, comes last.
    code = mdb_dbi_open(txn, kDatabaseNames[i], MDB_CREATE, &meta);
  }
  const std::string version = seal(Database::kMeta, kFormatName, encode_u64(kFormatVersion));
  MDB_val key{kFormatName.size(), const_cast<char*>(kFormatName.data())};
  MDB_val value{version.size(), const_cast<char*>(version.data())};
  if (code == MDB_SUCCESS) code = mdb_put(txn, meta, &key, &value, 0);
  if (code != MDB_SUCCESS) mdb_txn_abort(txn);
  check_lmdb(code, "create the databases", where);
  check_lmdb(mdb_txn_commit(txn), "create the databases", where);
}

// SUBTLE: made aside and renamed, so that a data file that is empty or lacks its databases was never one of a node
// killed while it was created: it is damaged, and taking it for a new store would hide that everything is gone.
void create_store(const std::string& directory) {
  const std::string aside = directory + "/creating";
  std::error_code error;
  fs::remove_all(aside, error);
  if (::mkdir(aside.c_str(), 0700) != 0) fail_system("create " + aside, errno);
  MDB_env* env = new_environment(1 << 20, 1, aside);
  try {
    check_lmdb(mdb_env_open(env, aside.c_str(), kFlags, kFileMode), "create a store", aside);
    write_empty_store(env, aside);
  } catch (...) {
    mdb_env_close(env);
    throw;
  }
  mdb_env_close(env);
  if (std::rename(data_file(aside).c_str(), data_file(directory).c_str()) != 0) {
    fail_system("rename " + data_file(aside), errno);
  }
  fs::remove_all(aside, error);
  sync_directory(directory);
}

}  // namespace

LmdbEnvironment::LmdbEnvironment(const std::string& directory, const LmdbOptions& options)
    : directory_(directory), where_(data_file(directory)), map_bytes_(options.map_bytes) {
  std::error_code error;
  if (options.create && fs::create_directories(directory, error)) {
    const fs::path parent = fs::absolute(directory, error).parent_path();
    if (!error) sync_directory(parent.string());
  }
  if (error) fail_system("create the data directory " + directory, error.value());
  if (!fs::is_directory(directory, error)) {
    fail(StoreError::Kind::kOther, directory +
                                       (fs::exists(directory, error) ? " is not a directory" : " does not exist") +
                                       ": give the data directory of a node");
  }
  try {
    if (!options.create && !fs::exists(where_, error)) {
      fail(StoreError::Kind::kOther, "there is no store in " + directory + ": give the data directory of a node");
    }
    lock(directory);
    open_environment(directory, options);
    check_length();
    const OpenDatabases found = open_databases(env_, where_);
    databases_ = found.databases;
    if (found.format != kFormatVersion) bring_up_to_date(found.format);
  } catch (...) {
    close();
    throw;
  }
}

LmdbEnvironment::~LmdbEnvironment() { close(); }

void LmdbEnvironment::close() {
  if (env_ != nullptr) mdb_env_close(std::exchange(env_, nullptr));
  if (lock_ >= 0) ::close(std::exchange(lock_, -1));
}

void LmdbEnvironment::lock(const std::string& directory) {
  const std::string path = directory + "/kith.lock";
  lock_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kFileMode);
  if (lock_ < 0) fail_system("open " + path, errno);
  if (::flock(lock_, LOCK_EX | LOCK_NB) == 0) return;
  if (errno != EWOULDBLOCK) fail_system("lock " + path, errno);
  fail(StoreError::Kind::kInUse, directory +
                                     " is in use by another node: stop that one, or give this one a directory of "
                                     "its own");
}

void LmdbEnvironment::open_environment(const std::string& directory, const LmdbOptions& options) {
  struct stat file {};
  if (::stat(where_.c_str(), &file) != 0) {
    if (errno != ENOENT) fail_system("look at " + where_, errno);
    create_store(directory);
  } else if (file.st_size == 0) {
    fail(StoreError::Kind::kCorrupt, where_ +
                                         " is empty, which a store never is: what it held is lost.  To let the node "
                                         "come back empty and join again, set the directory aside");
  }
  env_ = new_environment(options.map_bytes, options.readers_max, where_);
  // LMDB ends the process right after it.
  mdb_env_set_assert(env_, [](MDB_env*, const char* what) {
    std::fprintf(stderr, "the data file is damaged in its inner pages, and the node stops (LMDB: %s): run `kith verify` "
                         "on the data directory; to get going again, set it aside and let the node join anew\n", what);
  });
  const int code = mdb_env_open(env_, directory.c_str(), kFlags, kFileMode);
  if (code == MDB_INVALID || code == MDB_VERSION_MISMATCH) {
    fail(StoreError::Kind::kCorrupt, where_ + " is not the file of a store, or its beginning is damaged (" +
                                         mdb_strerror(code) + "): set the directory aside and let the node join again");
  }
  check_lmdb(code, "open the store", where_);
  int dead_readers = 0;
  check_lmdb(mdb_reader_check(env_, &dead_readers), "clear the readers of a killed process", where_);
}

void LmdbEnvironment::check_length() {
  MDB_stat stat;
  MDB_envinfo info;
  check_lmdb(mdb_env_stat(env_, &stat), "read", where_);
  check_lmdb(mdb_env_info(env_, &info), "read", where_);
  struct stat file {};
  if (::stat(where_.c_str(), &file) != 0) fail_system("look at " + where_, errno);
  page_bytes_ = stat.ms_psize;
  file_bytes_ = static_cast<std::uint64_t>(file.st_size);
  map_bytes_ = info.me_mapsize;
  const std::uint64_t used = (static_cast<std::uint64_t>(info.me_last_pgno) + 1) * page_bytes_;
  if (file_bytes_ < used) {
    fail(StoreError::Kind::kCorrupt, where_ + " is cut short: it has " + std::to_string(file_bytes_) + " bytes of " +
                                         std::to_string(used) +
                                         ".  Set the directory aside and let the node join again, or restore a backup");
  }
}

OpenDatabases open_databases(MDB_env* env, const std::string& where) {
  OpenDatabases out;
  LmdbDatabases& databases = out.databases;
  MDB_txn* txn = nullptr;
  check_lmdb(mdb_txn_begin(env, nullptr, MDB_RDONLY, &txn), "begin to read", where);
  try {
    const auto open = [&](Database database) {
      const std::size_t i = static_cast<std::size_t>(database);
      const int code = mdb_dbi_open(txn, kDatabaseNames[i], 0, &databases[i]);
      if (code == MDB_NOTFOUND) {
        fail(StoreError::Kind::kCorrupt,
             where + " is an LMDB file without the database '" + kDatabaseNames[i] + "': it is not a store of Kith, or damaged; "
                 "set the directory aside and let the node join again, or restore a backup");
      }
      check_lmdb(code, "open a database", where);
    };
    open(Database::kMeta);
    MDB_val key{kFormatName.size(), const_cast<char*>(kFormatName.data())}, value{0, nullptr};
    const int code = mdb_get(txn, databases[0], &key, &value);
    if (code != MDB_NOTFOUND) check_lmdb(code, "read", where);
    const std::string_view sealed(static_cast<const char*>(value.mv_data), value.mv_size);
    const auto bytes = code == MDB_SUCCESS ? unseal(Database::kMeta, kFormatName, sealed) : std::nullopt;
    const auto version = bytes ? decode_u64(*bytes) : std::nullopt;
    if (!version) {
      fail(StoreError::Kind::kCorrupt,
           where + " does not say which format it has: it is not a store of Kith, or damaged; set the directory aside "
                   "and let the node join again, or restore a backup");
    }
    if (*version != kFormatVersion && *version != kFormatWithoutJournal && *version != kFormatWithJournalInside) {
      fail(StoreError::Kind::kFormat, where + " has format version " + std::to_string(*version) +
                                          ", this program knows version " + std::to_string(kFormatVersion) +
                                          ": start the program that wrote it, or a newer one");
    }
    out.format = *version;
    for (std::size_t i = 1; i < kDatabaseCount; ++i) {
      const auto database = static_cast<Database>(i);
      if (*version == kFormatWithoutJournal && database == Database::kJournal) continue;
      open(database);
    }
  } catch (...) {
    mdb_txn_abort(txn);
    throw;
  }
  check_lmdb(mdb_txn_commit(txn), "open the databases", where);
  return out;
}

void LmdbEnvironment::create_journal_database() {
  MDB_dbi& journal = databases_[static_cast<std::size_t>(Database::kJournal)];
  MDB_txn* txn = nullptr;
  check_lmdb(mdb_txn_begin(env_, nullptr, 0, &txn), "begin to write", where_);
  const int code = mdb_dbi_open(txn, kDatabaseNames[static_cast<std::size_t>(Database::kJournal)], MDB_CREATE, &journal);
  if (code != MDB_SUCCESS) mdb_txn_abort(txn);
  check_lmdb(code, "bring the format up to date", where_);
  check_lmdb(mdb_txn_commit(txn), "bring the format up to date", where_);
}

// SUBTLE: a kill in between leaves a file of the earlier format with an empty database, which is as good.
void LmdbEnvironment::bring_up_to_date(std::uint64_t format) {
  if (format == kFormatWithoutJournal) create_journal_database();
  cover_used_pages(kGrowBytes);
  LmdbWriteTransaction transaction(env_, databases_, where_);
  if (format == kFormatWithJournalInside) RecentChanges::recover_format_3(transaction, directory_);
  transaction.put(Database::kMeta, kFormatName, seal(Database::kMeta, kFormatName, encode_u64(kFormatVersion)));
  transaction.commit();
  cover_used_pages(0);
}

std::uint64_t LmdbEnvironment::last_transaction() const {
  MDB_envinfo info;
  check_lmdb(mdb_env_info(env_, &info), "read", where_);
  return info.me_last_txnid;
}

void LmdbEnvironment::cover_used_pages(std::uint64_t ahead_bytes) {
  MDB_envinfo info;
  check_lmdb(mdb_env_info(env_, &info), "read", where_);
  const std::uint64_t used = (static_cast<std::uint64_t>(info.me_last_pgno) + 1) * page_bytes_;
  if (file_bytes_ >= used + ahead_bytes) return;
  const std::uint64_t wanted = std::max(used, std::min(used + ahead_bytes + kGrowBytes, map_bytes_));
  if (wanted <= file_bytes_) return;
  mdb_filehandle_t file = 0;
  check_lmdb(mdb_env_get_fd(env_, &file), "lengthen the file", where_);
  struct stat now {};
  if (::fstat(file, &now) != 0) fail_system("look at " + where_, errno);
  file_bytes_ = static_cast<std::uint64_t>(now.st_size);
  if (file_bytes_ >= wanted) return;
  // A disk that cannot take the length will not take the pages either, and the commit says so better.
  if (::ftruncate(file, static_cast<off_t>(wanted)) == 0) file_bytes_ = wanted;
}

void LmdbEnvironment::copy_to(int file, LmdbCopy how) const {
  const int code = mdb_env_copyfd2(env_, file, how == LmdbCopy::kCompact ? MDB_CP_COMPACT : 0);
  check_lmdb(code, "copy the store", where_);
}

Store::Usage LmdbEnvironment::usage() const {
  MDB_txn* txn = nullptr;
  check_lmdb(mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn), "begin to read", where_);
  std::uint64_t pages = 2;  // The two that say which of them is valid.
  int code = MDB_SUCCESS;
  std::uint64_t rows = 0;
  const auto count = [&](MDB_dbi database) {
    MDB_stat stat;
    if (code == MDB_SUCCESS) code = mdb_stat(txn, database, &stat);
    if (code != MDB_SUCCESS) return;
    pages += stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
    if (database == databases_[static_cast<std::size_t>(Database::kCells)]) rows = stat.ms_entries;
  };
  constexpr MDB_dbi kFreeList = 0, kNames = 1;  // LMDB's own.
  count(kFreeList);
  count(kNames);
  for (const unsigned int database : databases_) count(database);
  mdb_txn_abort(txn);
  check_lmdb(code, "read", where_);
  return {pages * page_bytes_, map_bytes_, rows};
}

}  // namespace kith
