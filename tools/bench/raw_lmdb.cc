#include "tools/bench/raw_lmdb.h"

#include <lmdb.h>

#include <filesystem>
#include <stdexcept>

namespace kith::bench {
namespace {

void check(int code) {
  if (code != MDB_SUCCESS) throw std::runtime_error(std::string("raw LMDB: ") + mdb_strerror(code));
}

MDB_val val(const std::string& bytes) { return {bytes.size(), const_cast<char*>(bytes.data())}; }

void put_all(MDB_txn* txn, MDB_dbi dbi, const std::vector<RawBatch::Item>& items) {
  MDB_cursor* cursor = nullptr;
  check(mdb_cursor_open(txn, dbi, &cursor));
  for (const auto& item : items) {
    MDB_val key = val(item.key), value = val(item.value);
    check(mdb_cursor_put(cursor, &key, &value, 0));
  }
  mdb_cursor_close(cursor);
}

}  // namespace

RawLmdb::RawLmdb(const std::string& directory, std::uint64_t map_bytes) {
  std::filesystem::create_directories(directory);
  check(mdb_env_create(&env_));
  check(mdb_env_set_maxdbs(env_, 2));
  check(mdb_env_set_mapsize(env_, map_bytes));
  check(mdb_env_open(env_, directory.c_str(), MDB_NOTLS, 0600));
  MDB_txn* txn = nullptr;
  check(mdb_txn_begin(env_, nullptr, 0, &txn));
  check(mdb_dbi_open(txn, "rows", MDB_CREATE, &rows_));
  check(mdb_dbi_open(txn, "feed", MDB_CREATE, &feed_));
  check(mdb_txn_commit(txn));
}

RawLmdb::~RawLmdb() {
  if (env_ != nullptr) mdb_env_close(env_);
}

void RawLmdb::commit(const RawBatch& batch) {
  MDB_txn* txn = nullptr;
  check(mdb_txn_begin(env_, nullptr, 0, &txn));
  put_all(txn, rows_, batch.rows);
  for (const std::string& end : batch.feed_ends) {
    MDB_val key = val(end);
    check(mdb_del(txn, feed_, &key, nullptr));
  }
  put_all(txn, feed_, batch.feed);
  check(mdb_txn_commit(txn));
}

}  // namespace kith::bench
