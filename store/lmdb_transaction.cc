#include "store/lmdb_transaction.h"

#include <lmdb.h>

#include <cerrno>
#include <utility>

namespace kith {
namespace {

MDB_val as_val(std::string_view bytes) {
  // LMDB takes keys and values as void* and does not write to them.
  return {bytes.size(), const_cast<char*>(bytes.data())};
}

std::string_view as_view(const MDB_val& val) { return {static_cast<const char*>(val.mv_data), val.mv_size}; }

StoreError::Kind kind_of(int code) {
  switch (code) {
    case MDB_MAP_FULL: return StoreError::Kind::kFull;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_PAGE_FULL:
    case MDB_CURSOR_FULL:
    case MDB_BAD_TXN:
    case MDB_BAD_VALSIZE:
    case EINVAL:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_INCOMPATIBLE: return StoreError::Kind::kCorrupt;
    default: return StoreError::Kind::kOther;
  }
}

const char* advice_for(int code) {
  switch (code) {
    case MDB_MAP_FULL: return "; nothing was written: start the node with a larger map";
    // SUBTLE: what LMDB comes upon when its pages do not fit together; of sound ones none of these can come.
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_PAGE_FULL:
    case MDB_CURSOR_FULL:
    case MDB_BAD_TXN:
    case MDB_BAD_VALSIZE:
    case MDB_INCOMPATIBLE:
    case EINVAL:
      return "; the file is damaged in its inner pages: `kith verify` on the data directory tells more; to get going again, "
             "set the directory aside and let the node join anew, its peers have the data";
    case EIO:
      return "; the disk fails, or the file is damaged in its inner pages: `kith verify` on the data directory tells; save what "
             "can be read, and let the node join anew on a sound disk";
    case MDB_READERS_FULL: return "; too many reads at once: start the node with more readers";
    case EACCES:
    case EPERM: return "; check who owns it and its permissions";
    case EROFS: return "; the file system is mounted read-only";
    case ENOSPC: return "; free room on the disk, then start again";
    default: return "";
  }
}

class LmdbWalk final : public Walk {
 public:
  LmdbWalk(MDB_txn* txn, unsigned int database, const std::string& where) : where_(where) {
    check_lmdb(mdb_cursor_open(txn, database, &cursor_), "open a cursor", where_);
  }
  ~LmdbWalk() override { mdb_cursor_close(cursor_); }

  bool seek(std::string_view key) override {
    // SUBTLE: LMDB refuses an empty key, which for us means the first of all.
    if (key.empty()) return move(MDB_FIRST);
    key_ = as_val(key);
    return move(MDB_SET_RANGE);
  }
  bool seek_before(std::string_view key) override { return seek(key) ? move(MDB_PREV) : move(MDB_LAST); }
  bool next() override { return move(MDB_NEXT); }
  bool previous() override { return move(MDB_PREV); }

  std::string_view key() const override { return as_view(key_); }
  std::string_view value() const override { return as_view(value_); }

 private:
  bool move(MDB_cursor_op how) {
    const int code = mdb_cursor_get(cursor_, &key_, &value_, how);
    if (code == MDB_NOTFOUND) return false;
    check_lmdb(code, "read", where_);
    return true;
  }

  const std::string& where_;
  MDB_cursor* cursor_ = nullptr;
  MDB_val key_{0, nullptr}, value_{0, nullptr};
};

bool is_empty(MDB_txn* txn, unsigned int database, const std::string& where) {
  MDB_stat stat;
  check_lmdb(mdb_stat(txn, database, &stat), "read", where);
  return stat.ms_entries == 0;
}

}  // namespace

void check_lmdb(int code, const char* doing, const std::string& where) {
  if (code == MDB_SUCCESS) return;
  throw StoreError(kind_of(code),
                   std::string("cannot ") + doing + " in " + where + ": " + mdb_strerror(code) + advice_for(code));
}

LmdbReadTransaction::LmdbReadTransaction(MDB_env* env, const LmdbDatabases& databases, const std::string& where)
    : databases_(databases), where_(where) {
  check_lmdb(mdb_txn_begin(env, nullptr, MDB_RDONLY, &txn_), "begin to read", where_);
}

LmdbReadTransaction::~LmdbReadTransaction() {
  for (const Place& place : places_) {
    if (place.cursor != nullptr) mdb_cursor_close(place.cursor);
  }
  mdb_txn_abort(txn_);
}

std::optional<std::string_view> LmdbReadTransaction::get(Database database, std::string_view key) const {
  if (key.empty()) return std::nullopt;
  const auto which = static_cast<std::size_t>(database);
  Place& place = places_[which];
  MDB_val wanted = as_val(key), value;
  int code = MDB_SUCCESS;
  if (!std::exchange(place.asked, true)) {
    code = mdb_get(txn_, databases_[which], &wanted, &value);
  } else {
    if (place.cursor == nullptr) check_lmdb(mdb_cursor_open(txn_, databases_[which], &place.cursor), "open a cursor", where_);
    code = mdb_cursor_get(place.cursor, &wanted, &value, MDB_SET);
  }
  if (code == MDB_NOTFOUND || code == MDB_BAD_VALSIZE) return std::nullopt;  // No such key can have been put.
  check_lmdb(code, "read", where_);
  return as_view(value);
}

std::unique_ptr<Walk> LmdbReadTransaction::walk(Database database) const {
  return std::make_unique<LmdbWalk>(txn_, databases_[static_cast<std::size_t>(database)], where_);
}

bool LmdbReadTransaction::empty(Database database) const {
  return is_empty(txn_, databases_[static_cast<std::size_t>(database)], where_);
}

std::uint64_t LmdbReadTransaction::id() const { return mdb_txn_id(txn_); }

LmdbWriteTransaction::LmdbWriteTransaction(MDB_env* env, const LmdbDatabases& databases, const std::string& where)
    : databases_(databases), where_(where) {
  check_lmdb(mdb_txn_begin(env, nullptr, 0, &txn_), "begin to write", where_);
}

LmdbWriteTransaction::~LmdbWriteTransaction() {
  close_cursors();
  if (txn_ != nullptr) mdb_txn_abort(txn_);
}

LmdbWriteTransaction::Place& LmdbWriteTransaction::place(Database database) const {
  Place& place = places_[static_cast<std::size_t>(database)];
  if (place.cursor == nullptr) {
    check_lmdb(mdb_cursor_open(txn_, databases_[static_cast<std::size_t>(database)], &place.cursor), "open a cursor",
               where_);
  }
  return place;
}

bool LmdbWriteTransaction::move_to(Place& place, std::string_view key, std::string_view* value) const {
  place.at_key = false;
  if (key.empty()) return false;
  MDB_val wanted = as_val(key), found;
  const int code = mdb_cursor_get(place.cursor, &wanted, &found, MDB_SET);
  if (code == MDB_NOTFOUND || code == MDB_BAD_VALSIZE) return false;
  check_lmdb(code, "read", where_);
  place.at_key = true;
  place.key = key;
  if (value != nullptr) *value = as_view(found);
  return true;
}

std::optional<std::string_view> LmdbWriteTransaction::get(Database database, std::string_view key) const {
  std::string_view value;
  if (!move_to(place(database), key, &value)) return std::nullopt;
  return value;
}

std::unique_ptr<Walk> LmdbWriteTransaction::walk(Database database) const {
  return std::make_unique<LmdbWalk>(txn_, databases_[static_cast<std::size_t>(database)], where_);
}

bool LmdbWriteTransaction::empty(Database database) const {
  return is_empty(txn_, databases_[static_cast<std::size_t>(database)], where_);
}

void LmdbWriteTransaction::put(Database database, std::string_view key, std::string_view value) {
  Place& at = place(database);
  MDB_val wanted = as_val(key), bytes = as_val(value);
  const unsigned int how = at.at_key && at.key == key ? MDB_CURRENT : 0;
  at.at_key = false;
  check_lmdb(mdb_cursor_put(at.cursor, &wanted, &bytes, how), "write", where_);
}

void LmdbWriteTransaction::del(Database database, std::string_view key) {
  Place& at = place(database);
  if (!move_to(at, key, nullptr)) return;
  at.at_key = false;
  check_lmdb(mdb_cursor_del(at.cursor, 0), "delete", where_);
}

void LmdbWriteTransaction::close_cursors() {
  for (Place& place : places_) {
    if (place.cursor != nullptr) mdb_cursor_close(std::exchange(place.cursor, nullptr));
  }
}

void LmdbWriteTransaction::commit() {
  close_cursors();
  const int code = mdb_txn_commit(std::exchange(txn_, nullptr));  // Frees it, whatever happens.
  if (code == MDB_SUCCESS) return;
  if (code == MDB_MAP_FULL) check_lmdb(code, "write", where_);
  throw StoreError(StoreError::Kind::kSync, "cannot make a commit durable in " + where_ + ": " + mdb_strerror(code) +
                                                advice_for(code) +
                                                "; what the disk holds now is unknown, so the node must stop");
}

}  // namespace kith
