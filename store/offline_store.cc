#include "store/offline_store.h"

#include <fcntl.h>
#include <lmdb.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "crdt/check.h"
#include "store/journal_recovery.h"
#include "store/lmdb_environment.h"
#include "store/lmdb_transaction.h"
#include "store/reader.h"
#include "store/recent_changes.h"
#include "store/records.h"
#include "store/verify.h"

namespace kith {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(StoreError::Kind kind, const std::string& what) { throw StoreError(kind, what); }

std::string advice_for(int error) {
  return error == EACCES || error == EPERM ? "; check who owns it and its permissions" : "";
}

void check_directory(const std::string& directory) {
  std::error_code error;
  const fs::file_status status = fs::status(directory, error);
  if (!fs::status_known(status)) {
    fail(StoreError::Kind::kOther, "cannot look at " + directory + ": " + error.message() + advice_for(error.value()));
  }
  if (!fs::is_directory(status)) {
    fail(StoreError::Kind::kOther, directory + (fs::exists(status) ? " is not a directory" : " does not exist") +
                                       ": give the data directory of a node, or a backup");
  }
  const fs::file_status file = fs::status(directory + "/data.mdb", error);
  if (!fs::status_known(file)) {
    fail(StoreError::Kind::kOther,
         "cannot look into " + directory + ": " + error.message() + advice_for(error.value()));
  }
  if (!fs::exists(file)) {
    fail(StoreError::Kind::kOther,
         "there is no data.mdb in " + directory + ": give the data directory of a node, or a backup");
  }
}

}  // namespace

class OfflineStore::Impl {
 public:
  explicit Impl(const std::string& the_directory) : directory(the_directory), where(directory + "/data.mdb") {
    check_directory(directory);
    try {
      lock();
      pages = check_pages(where);
      if (pages.findings.empty()) open();
    } catch (...) {
      close();
      throw;
    }
  }
  ~Impl() { close(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  // A lock file that is not there is not held by anybody.
  void lock() {
    for (const char* name : {"kithd.lock", "kith.lock"}) {
      const std::string path = directory + "/" + name;
      const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
      if (fd < 0 && errno == ENOENT) continue;
      if (fd < 0) {
        const int error = errno;
        fail(StoreError::Kind::kOther, "cannot open " + path + ": " + std::strerror(error) + advice_for(error));
      }
      locks.push_back(fd);
      if (::flock(fd, LOCK_SH | LOCK_NB) == 0) continue;
      if (errno != EWOULDBLOCK) {
        const int error = errno;
        fail(StoreError::Kind::kOther, "cannot lock " + path + ": " + std::strerror(error));
      }
      fail(StoreError::Kind::kInUse, "a node is running on " + directory +
                                         ": stop it first, or take a copy of it with `kith backup` and look at that");
    }
  }

  void open() {
    check_lmdb(mdb_env_create(&env), "create an environment", where);
    mdb_env_set_maxdbs(env, kDatabaseCount);
    mdb_env_set_mapsize(env, pages.file_bytes);
    check_lmdb(mdb_env_open(env, where.c_str(), MDB_RDONLY | MDB_NOLOCK | MDB_NOTLS | MDB_NOSUBDIR, 0), "open the store",
               where);
    const OpenDatabases found = open_databases(env, where);
    databases = found.databases;
    if (found.format == kFormatWithoutJournal) return;
    // Of a node that was killed: its journal is read over the trees, as it would be at its next start.
    try {
      const LmdbReadTransaction file(env, databases, where);
      const auto recovered = found.format == kFormatWithJournalInside ? read_journal_of_format_3(file, directory) : read_journals(file, directory);
      if (recovered) recent = RecentChanges::view_of(recovered);
    } catch (const StoreError& error) {
      if (error.kind() != StoreError::Kind::kCorrupt) throw;
      journal_damaged = error.what();
    }
  }

  std::unique_ptr<ReadTransaction> read() const {
    auto file = std::make_unique<LmdbReadTransaction>(env, databases, where);
    if (!recent) return file;
    return std::make_unique<RecentReadTransaction>(*recent, std::move(file));
  }

  void close() {
    if (env != nullptr) mdb_env_close(std::exchange(env, nullptr));
    for (const int fd : std::exchange(locks, {})) ::close(fd);
  }

  const std::string directory, where;
  std::vector<int> locks;
  PageReport pages;
  MDB_env* env = nullptr;
  LmdbDatabases databases{};
  std::optional<RecentView> recent;
  std::string journal_damaged;  // For people.
};

OfflineStore::OfflineStore(const std::string& directory) : impl_(std::make_unique<Impl>(directory)) {}
OfflineStore::~OfflineStore() = default;

const PageReport& OfflineStore::pages() const { return impl_->pages; }

std::unique_ptr<Snapshot> OfflineStore::snapshot() const {
  KITH_CHECK(walkable(), "a file that LMDB would trip over is not walked", impl_->where);
  return std::make_unique<Reader>(impl_->read());
}

std::vector<std::string> OfflineStore::verify() const {
  KITH_CHECK(walkable(), "a file that LMDB would trip over is not walked", impl_->where);
  if (!impl_->journal_damaged.empty()) return {impl_->journal_damaged};
  return kith::verify(*impl_->read());
}

}  // namespace kith
