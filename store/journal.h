// store/journal.h -- what commits changed, as it is kept until it is in the trees of the file: the database `journal`.
//
//     journal   commit:u64 part:u16  ->  checksum:u64 (change)*:counted  the rows' bytes, one behind the other
//     change    := what:u8 key:counted size:varint [value, unless it is a row]  what: the database; 128 more when deleted
//     checksum  := XXH3-64 of all changes, seeded with the XXH3-64 of the record's key
//
// Rows (`cells`) have checksums of their own, and so one that rotted here is found as one in its tree is: when it is read.  For
// all else there is the record's: what cannot be trusted cannot be guessed either.  Golden bytes: tests/store/journal_test.cc
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "store/transaction.h"

namespace kith {

struct JournalChange {
  Database database;
  std::string_view key;
  std::optional<std::string_view> value;  // None: deleted.
};

struct JournalPlace {
  std::uint64_t commit = 0;
  std::uint16_t part = 0;
};
std::string journal_key(JournalPlace place);
std::optional<JournalPlace> parse_journal_key(std::string_view key);

// Puts one commit's changes, cut into records of a few pages: LMDB has to find room for each in one piece.
class JournalWriter {
 public:
  JournalWriter(WriteTransaction& transaction, std::uint64_t commit) : transaction_(transaction), place_{commit, 0} {}
  void add(const JournalChange& change);
  void finish();

 private:
  WriteTransaction& transaction_;
  JournalPlace place_;
  std::string head_, rows_;
};

// In the order in which they were made.  False: a record is not what was written; nothing of it, or behind it, was visited.
using VisitJournal = std::function<void(std::uint64_t commit, const JournalChange& change)>;
[[nodiscard]] bool read_journal(const ReadTransaction& transaction, const VisitJournal& visit);

// For people.
std::string damaged_journal(const std::string& where);

}  // namespace kith
