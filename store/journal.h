// store/journal.h -- what one commit changed, as bytes: a record of the journal (store/journal_file.h).
//
//     record    := checksum:u64 (change)*:counted  the rows' bytes, one behind the other
//     change    := what:u8 key:counted size:varint [value, unless it is a row]  what: the database; 128 more when deleted
//     checksum  := XXH3-64 of all changes, seeded with the XXH3-64 of commit:u64 part:u16
//
// Rows (`cells`) have checksums of their own, and so one that rotted here is found as one in its tree is: when it is read.  For
// all else there is the record's: what cannot be trusted cannot be guessed either.  Golden bytes: tests/store/journal_test.cc
//
// Format 3 kept these records in the database `journal`, a commit cut into parts; they are still read when such a file is opened.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/transaction.h"

namespace kith {

struct JournalChange {
  Database database;
  std::string_view key;
  std::optional<std::string_view> value;  // None: deleted.
};

struct JournalPlace {
  std::uint64_t commit = 0;
  std::uint16_t part = 0;  // Always 0, but in format 3.
};

// One commit's changes, gathered.
class JournalRecord {
 public:
  void add(const JournalChange& change);
  void encode(std::uint64_t commit, std::string& out) const;  // Appended.
  void clear();                                               // Keeps the memory.

 private:
  std::string head_, rows_;
};

// In the order in which they were added; they borrow from `record`.  Nothing when it is not what was written.
std::optional<std::vector<JournalChange>> decode_journal_record(JournalPlace place, std::string_view record);

// All that is in the database `journal` of format 3, in order.  False: a record is not what was written; nothing of it, or behind it,
// was visited.
using VisitJournal = std::function<void(std::uint64_t commit, const JournalChange& change)>;
[[nodiscard]] bool read_journal_of_format_3(const ReadTransaction& transaction, const VisitJournal& visit);

}  // namespace kith
