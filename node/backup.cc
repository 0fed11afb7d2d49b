#include "node/backup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <exception>
#include <filesystem>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "gossip/owner.h"
#include "node/backup_note.h"
#include "node/durable_file.h"
#include "node/inspect.h"
#include "node/json_text.h"
#include "node/log.h"
#include "store/offline_store.h"
#include "store/transaction.h"

namespace kith {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPipeBytes = 1024 * 1024;
// Written out so often, so that the copy does not fill memory with pages that wait for the disk.
constexpr std::uint64_t kSyncEveryBytes = 8 << 20;
// What the copy takes beyond the pages in use: the pages that taking the identity out touches.
constexpr std::uint64_t kRoomBytes = 4 << 20;
// More than what is recent can take in the trees, while it is written into them.
constexpr std::uint64_t kRestBytes = std::uint64_t{1} << 30;

class BackupError : public std::runtime_error {
 public:
  BackupError(std::string code, const std::string& what) : std::runtime_error(what), code_(std::move(code)) {}
  const std::string& code() const { return code_; }

 private:
  std::string code_;
};

[[noreturn]] void fail(const char* code, const std::string& what) { throw BackupError(code, what); }

std::string mebibytes(std::uint64_t bytes) { return std::to_string((bytes + (1 << 20) - 1) >> 20) + " MiB"; }

// Where the copy goes, as a path that does not depend on where anybody stands.  Throws what is wrong with it.
fs::path find_place(const std::string& text, const std::string& data) {
  if (text.empty()) fail("bad_request", "\"text\", the directory that the backup goes into, is missing");
  if (text.find('\0') != std::string::npos) fail("bad_request", "there is a NUL in the name of the directory");
  fs::path asked = fs::absolute(text).lexically_normal();
  if (asked.filename().empty()) asked = asked.parent_path();
  std::error_code error;
  const fs::path parent = fs::canonical(asked.parent_path(), error);
  if (error || !fs::is_directory(parent, error)) {
    fail("bad_directory", "there is no directory " + asked.parent_path().string() +
                              " on the machine of this node: make it first");
  }
  fs::path place = parent / asked.filename();
  const fs::file_status there = fs::symlink_status(place, error);
  if (fs::is_symlink(there)) {
    place = fs::canonical(place, error);
    if (error) fail("bad_directory", asked.string() + " is a link to nowhere: give another directory");
  }
  const fs::path own = fs::canonical(data, error);
  if (!error && std::mismatch(own.begin(), own.end(), place.begin(), place.end()).first == own.end()) {
    fail("bad_directory", place.string() + " lies in the data directory of this node (" + own.string() +
                              "), where a backup would go with what it is to outlast: give another directory");
  }
  const fs::file_status status = fs::status(place, error);
  if (fs::exists(status) && !fs::is_directory(status)) {
    fail("bad_directory", place.string() + " exists and is not a directory: give the name of a new one");
  }
  if (fs::exists(status) && !fs::is_empty(place, error)) {
    if (error) fail("bad_directory", "cannot look into " + place.string() + ": " + reason(error.value()));
    fail("bad_directory", place.string() + " is not empty: every backup needs a directory of its own");
  }
  return place;
}

void check_room(const fs::path& parent, std::uint64_t bytes) {
  struct statvfs room {};
  if (::statvfs(parent.c_str(), &room) != 0) fail("bad_directory", "cannot look at " + parent.string() + ": " + reason(errno));
  const std::uint64_t free = std::uint64_t{room.f_bavail} * room.f_frsize;
  if (free >= bytes || room.f_blocks == 0) return;  // Some file systems do not tell.
  fail("no_room", "there is no room for it on the disk of " + parent.string() + ": it takes up to " + mebibytes(bytes) +
                      " and " + mebibytes(free) + " are free; make room, or choose another place");
}

// A directory that is gone again unless it was kept.
class Aside {
 public:
  explicit Aside(const fs::path& place) {
    std::string pattern = place.string() + ".unfinished-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) {
      fail("bad_directory", "cannot make a directory in " + place.parent_path().string() + ": " + reason(errno));
    }
    path_ = pattern;
  }
  ~Aside() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  Aside(const Aside&) = delete;
  Aside& operator=(const Aside&) = delete;

  const std::string& path() const { return path_; }
  void kept() { path_.clear(); }

 private:
  std::string path_;
};

}  // namespace

struct Backups::Impl {
  ClientReply take(const Request& request) {
    ClientReply reply;
    try {
      reply.id = request.id;
      reply.document = take_into(request.text);
    } catch (const BackupError& error) {
      reply = error_reply(request, error.code(), error.what());
    } catch (const std::exception& error) {
      reply = error_reply(request, "backup_failed", std::string("the backup failed, and what was written of it is gone: ") +
                                                        error.what());
    }
    if (reply.status == Status::kError) log(LogLevel::kWarning, "no backup was taken: " + reply.message);
    return reply;
  }

  std::string take_into(const std::string& text) {
    using Clock = std::chrono::steady_clock;
    const auto begin = Clock::now();
    const Owner owner = owner_of(*parts.store.snapshot());
    if (!owner.cluster) fail("not_joined", "this node has not joined its cluster yet: there is nothing to back up");
    const fs::path place = find_place(text, parts.data);
    check_room(place.parent_path(), parts.store.usage().bytes_used + kRoomBytes);
    Aside aside(place);
    const auto wall = std::chrono::system_clock::now().time_since_epoch();
    BackupNote note;
    note.taken = iso_time(std::chrono::duration_cast<std::chrono::milliseconds>(wall).count());
    const Rest rest = copy(aside.path() + "/data.mdb");
    note.node = owner.node;
    note.name = owner.node_name;
    note.cluster = owner.cluster;
    note.cluster_name = owner.cluster_name;
    note.shard_count = owner.shard_count;
    finish(aside.path(), rest, note);
    const std::string to = place.string();
    if (::rename(aside.path().c_str(), to.c_str()) != 0) {
      const int error = errno;
      if (error == ENOTEMPTY || error == EEXIST) fail("bad_directory", to + " is not empty any more: somebody else wrote there");
      if (error == EBUSY) fail("bad_directory", to + " is where a disk is mounted: give a directory inside of it");
      fail("backup_failed", "cannot rename " + aside.path() + " to " + to + ": " + reason(error));
    }
    aside.kept();
    sync_directory(place.parent_path().string());
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin).count();
    log(LogLevel::kInfo, "took a backup into " + to + ": " + std::to_string(note.rows) + " rows, " + mebibytes(note.bytes) +
                             ", " + std::to_string(took) + " ms");
    return dump({{"path", name_json(to)},
                 {"bytes", note.bytes},
                 {"rows", note.rows},
                 {"duration_ms", took},
                 {"taken", note.taken},
                 {"node", note.name},
                 {"cluster", note.cluster_name}});
  }

  // What the copy lacks: store/lmdb_store.h.
  using Rest = std::shared_ptr<const RecentView>;

  Rest copy(const std::string& to) {
    Rest rest;
    File file(to, O_WRONLY | O_CREAT | O_EXCL);
    if (!file) throw DurableFileError("cannot write " + to + ": " + reason(errno));
    try {
      rest = copy(file, to, LmdbCopy::kCompact);
    } catch (const StoreError& error) {
      if (error.kind() != StoreError::Kind::kCorrupt) throw;
      if (::ftruncate(file.fd(), 0) != 0 || ::lseek(file.fd(), 0, SEEK_SET) != 0) {
        throw DurableFileError("cannot write " + to + ": " + reason(errno));
      }
      rest = copy(file, to, LmdbCopy::kAsItIs);
    }
    if (::fsync(file.fd()) != 0 || !file.close()) throw DurableFileError("cannot write " + to + ": " + reason(errno));
    return rest;
  }

  // LMDB's copy cannot be stopped; a pipe can be closed.
  Rest copy(const File& file, const std::string& to, LmdbCopy how) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw DurableFileError("cannot open a pipe: " + reason(errno));
    File from(ends[0]), into(ends[1]);
    (void)::fcntl(into.fd(), F_SETPIPE_SZ, static_cast<int>(kPipeBytes));
    std::exception_ptr failure;
    Rest rest;
    std::thread copier([&] {
      try {
        rest = parts.store.copy_to(into.fd(), how);
      } catch (...) {
        failure = std::current_exception();
      }
      (void)into.close();
    });
    int error = 0;
    std::vector<char> bytes(kPipeBytes);
    std::uint64_t written = 0, synced = 0;
    while (!giving_up) {
      const ssize_t got = ::read(from.fd(), bytes.data(), bytes.size());
      if (got < 0 && errno == EINTR) continue;
      if (got == 0) break;
      if (got < 0 || !write_all(file.fd(), {bytes.data(), static_cast<std::size_t>(got)})) {
        error = errno;
        break;
      }
      written += static_cast<std::uint64_t>(got);
      if (written - synced < kSyncEveryBytes) continue;
      if (::fdatasync(file.fd()) != 0) {
        error = errno;
        break;
      }
      (void)::posix_fadvise(file.fd(), static_cast<off_t>(synced), static_cast<off_t>(written - synced), POSIX_FADV_DONTNEED);
      synced = written;
    }
    (void)from.close();
    copier.join();
    if (giving_up) fail("stopping", "this node is going down: what was written of the backup is gone");
    if (error != 0) fail(error == ENOSPC ? "no_room" : "backup_failed", "cannot write " + to + ": " + reason(error));
    if (failure) std::rethrow_exception(failure);
    return rest;
  }

  // Takes the node out of the copy, sees that it is whole, and says what it is.
  static void finish(const std::string& directory, const Rest& rest, BackupNote& note) {
    const std::string file = directory + "/data.mdb";
    {
      const std::uint64_t bytes = fs::file_size(file);
      const auto store = LmdbStore::open(directory, {.map_bytes = (bytes / kRoomBytes + 16) * kRoomBytes + kRestBytes, .create = false, .rest = rest});
      const StoreBatch batch = without_owner(*store->snapshot());
      store->commit(batch);
    }
    for (const char* name : {"/lock.mdb", "/kith.lock"}) ::unlink((directory + name).c_str());
    {
      const OfflineStore store(directory);
      if (!store.walkable()) {
        fail("backup_failed", "the copy is damaged, and so is what it was copied from, most likely (" +
                                  store.pages().findings.front() + "): stop this node and run `kith verify` on its data");
      }
      note.bytes = store.pages().pages * store.pages().page_bytes;
      for (const DatabasePages& database : store.pages().databases) {
        if (database.name == kDatabaseNames[static_cast<std::size_t>(Database::kCells)]) note.rows = database.entries;
      }
    }
    const File data(file, O_WRONLY);
    if (!data || ::ftruncate(data.fd(), static_cast<off_t>(note.bytes)) != 0 || ::fsync(data.fd()) != 0) {
      throw DurableFileError("cannot write " + file + ": " + reason(errno));
    }
    replace_file(directory, kBackupNote, to_text(note));
  }

  const Parts parts;
  std::mutex mutex;
  std::thread thread;  // Guarded by mutex.
  std::atomic<bool> running{false};
  std::atomic<bool> giving_up{false};
};

Backups::Backups(Parts parts) : impl_(std::unique_ptr<Impl>(new Impl{std::move(parts), {}, {}})) {}

Backups::~Backups() { stop(); }

void Backups::submit(Ticket ticket, const Request& request) {
  Impl& my = *impl_;
  const std::scoped_lock lock(my.mutex);
  if (my.giving_up) {
    my.parts.reply(ticket, error_reply(request, "stopping", "this node is going down: ask another one"));
    return;
  }
  if (my.running.exchange(true)) {
    my.parts.reply(ticket, error_reply(request, "backup_running",
                                       "this node is taking a backup already: wait for that one, or ask another node"));
    return;
  }
  if (my.thread.joinable()) my.thread.join();  // It has nothing left to do.
  my.thread = std::thread([&my, ticket, request] {
    ClientReply reply = my.take(request);
    my.running = false;
    my.parts.reply(ticket, std::move(reply));
  });
}

void Backups::stop() {
  impl_->giving_up = true;
  const std::scoped_lock lock(impl_->mutex);
  if (impl_->thread.joinable()) impl_->thread.join();
}

}  // namespace kith
