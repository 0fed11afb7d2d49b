// store/lmdb_transaction.h -- an LMDB transaction as a ReadTransaction or WriteTransaction.  Private to the LMDB store.
//
// A transaction keeps one cursor per database, which stays where it last was: neighbours are found without another descent from the
// root, and a put behind a get of the same key needs no search at all.  One that is read only has it from the second get on.
#pragma once

#include <array>
#include <string>

#include "store/store.h"
#include "store/transaction.h"

struct MDB_env;
struct MDB_txn;
struct MDB_cursor;

namespace kith {

using LmdbDatabases = std::array<unsigned int, kDatabaseCount>;

// Throws StoreError for everything but success.  `doing` and `where` are for people.
void check_lmdb(int code, const char* doing, const std::string& where);

class LmdbReadTransaction final : public ReadTransaction {
 public:
  // `where` and the environment must outlive it.
  LmdbReadTransaction(MDB_env* env, const LmdbDatabases& databases, const std::string& where);
  ~LmdbReadTransaction() override;

  std::optional<std::string_view> get(Database database, std::string_view key) const override;
  std::unique_ptr<Walk> walk(Database database) const override;
  bool empty(Database database) const override;
  std::uint64_t id() const;  // Of the last write transaction that it sees.

 private:
  struct Place {
    MDB_cursor* cursor = nullptr;
    bool asked = false;
  };

  const LmdbDatabases& databases_;
  const std::string& where_;
  MDB_txn* txn_ = nullptr;
  mutable std::array<Place, kDatabaseCount> places_{};
};

// Aborts unless committed.
class LmdbWriteTransaction final : public WriteTransaction {
 public:
  LmdbWriteTransaction(MDB_env* env, const LmdbDatabases& databases, const std::string& where);
  ~LmdbWriteTransaction() override;

  std::optional<std::string_view> get(Database database, std::string_view key) const override;
  std::unique_ptr<Walk> walk(Database database) const override;
  bool empty(Database database) const override;
  void put(Database database, std::string_view key, std::string_view value) override;
  void del(Database database, std::string_view key) override;

  void commit();  // Durable when it returns.  Throws kFull when nothing was written, kSync for everything else.

 private:
  struct Place {
    MDB_cursor* cursor = nullptr;
    bool at_key = false;  // The cursor is at `key`.
    std::string key;
  };
  Place& place(Database database) const;
  bool move_to(Place& place, std::string_view key, std::string_view* value) const;
  void close_cursors();

  const LmdbDatabases& databases_;
  const std::string& where_;
  MDB_txn* txn_ = nullptr;
  mutable std::array<Place, kDatabaseCount> places_;
};

}  // namespace kith
