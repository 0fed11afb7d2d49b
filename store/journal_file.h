// store/journal_file.h -- the journal: commits one behind the other in a file of its own beside data.mdb, each synced once.
//
//     DIRECTORY/journal-0.kith, journal-1.kith     taken in turn: generation g is in the one of g modulo 2
//
//     file     := header, at 4096: (frame)*        whatever lies behind the last counts for nothing
//     header   := "kithjrnl" version:u64=1 generation:u64 nonce:u64 before:u64 after:u64 checksum:u64
//     frame    := commit:u64 size:u64 checksum:u64 record, and zeros up to a multiple of 8           (record: store/journal.h)
//     checksum := XXH3-64 of what it is of, seeded with: of the header 0; of a frame the XXH3-64 of commit and size, seeded with
//                 the nonce
//
// Invariants:
//   I1. append() returns when the commit is durable.  One is written at a time, so at most the last of a file is torn.
//   I2. A generation has a nonce of its own, made of which file this is and when it was begun: files of two generations, or of two copies
//       of a store, cannot be taken for one another, and what an earlier generation left behind in the file is none of this one.
// The file is overwritten, and lengthened ahead by zeros: a sync that has no length or block to note costs half.  One thread writes.
// Errors: StoreError; kSync when it could not be written: then what it holds is unknown.
// Tests: tests/store/journal_file_test.cc
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "store/journal.h"

namespace kith {

std::string journal_path(const std::string& directory, std::uint64_t generation);

struct JournalHeader {
  std::uint64_t generation = 0;
  std::uint64_t nonce = 0;
  std::uint64_t before = 0;  // Nonce of the generation that this one goes on; 0: of none.
  std::uint64_t after = 0;   // The last commit in that one; those here are above it.
};

class JournalFile {
 public:
  JournalFile(std::string path, std::size_t ahead_bytes);  // Created when it is not there, with what the directory says of it synced.
  ~JournalFile();
  JournalFile(const JournalFile&) = delete;
  JournalFile& operator=(const JournalFile&) = delete;

  // What was in it counts no more.  Durable.  Returns the nonce, which is not 0; that of `header` is not looked at.
  std::uint64_t begin(JournalHeader header);
  void append(std::uint64_t commit, const JournalRecord& record);

 private:
  std::uint64_t make_nonce(const JournalHeader& header) const;
  void write(std::string_view bytes, std::uint64_t at);
  void sync();
  [[noreturn]] void fail(const char* doing, int error) const;

  const std::string path_;
  const std::size_t ahead_bytes_;
  int file_ = -1;
  std::uint64_t nonce_ = 0;
  std::uint64_t at_ = 0;       // Where the next goes.
  std::uint64_t written_ = 0;  // The file is so long, and written so far.
  std::string frame_;
};

// Nothing: there is no such file, or it has no sound header, as one whose beginning was cut short by a kill.
std::optional<JournalHeader> read_journal_header(const std::string& path);

struct JournalRead {
  std::uint64_t last = 0;  // Commit; that of the header when there is none.
  bool sound = true;       // Else there is something behind a place that cannot be read.
};
// REQUIRES: the header was read from it.  `visit` sees the changes in their order, up to where it is sound.  A frame at the end that is
// not whole was never acknowledged, and counts as not there.
JournalRead read_journal(const std::string& path, const JournalHeader& header, const VisitJournal& visit);

}  // namespace kith
