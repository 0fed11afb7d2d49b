// store/journal_recovery.h -- which journal belongs to a data file, and what it has that is not in the trees.
//
//     journal   "head"  ->  sealed: generation:u64 nonce:u64 frozen:u64        a database of data.mdb, with this one record
//
// Of all generations before that of the head everything is in the trees.  nonce 0: there is no journal, and the generation is that of
// the next one; so it is when there is no head.  frozen 0: of that generation nothing is in the trees; else it ends with that commit, some
// of it is there, and another one goes on behind it.
//
// So each of these is noticed: a data file of one time with a journal of another, a journal that is gone or cut short where it
// matters, and one of another store.  Tests: tests/store/journal_recovery_test.cc
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "store/recent_table.h"
#include "store/transaction.h"

namespace kith {

struct JournalHead {
  std::uint64_t generation = 1;
  std::uint64_t nonce = 0;
  std::uint64_t frozen = 0;

  bool open() const { return nonce != 0; }
};

void put_journal_head(WriteTransaction& file, const JournalHead& head);
JournalHead journal_head(const ReadTransaction& file, const std::string& directory);  // Throws StoreError (kCorrupt) when it is damaged.

// What the journals in `directory` have over the trees of `file`; null: there is none.  Changes nothing.  Throws StoreError
// (kCorrupt) when it cannot be told.
std::shared_ptr<RecentTable> read_journals(const ReadTransaction& file, const std::string& directory);
// The same of format 3, which had it in the data file.
std::shared_ptr<RecentTable> read_journal_of_format_3(const ReadTransaction& file, const std::string& directory);

void remove_journals(const std::string& directory);  // REQUIRES: the head says that there is none.  Harmless if it fails.

}  // namespace kith
