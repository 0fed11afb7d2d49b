// store/page_check.h -- looks at a data file page by page, without LMDB: is it whole enough to be walked?
//
// LMDB trusts its pages: one that is cut off, or whose inner offsets point elsewhere, ends the process or gives bytes
// of something else.  So whoever opens a file of which nothing is known (kith verify, kith stat, a restore) looks here
// first; with no finding LMDB can walk it.  Checks: both meta pages; from the newer one every page of every tree
// (number, kind, offsets, sizes, order of keys, depth), that no page is used twice, the list of free pages, and the totals
// that LMDB keeps.  What it passes LMDB can also write to: tests/store/flips_test.cc
//
// Reads the file with pread, so that a disk that cannot be read is an error and not a signal.  Writes nothing.
// Cost: reads every page in use once; a byte of memory per page.  The file must not change meanwhile.
// Tests: tests/store/page_check_test.cc
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace kith {

struct DatabasePages {
  std::string name;  // As LMDB knows it; "(free pages)" and "(names)" are its own.
  std::uint64_t entries = 0;
  std::uint64_t branch_pages = 0;
  std::uint64_t leaf_pages = 0;
  std::uint64_t overflow_pages = 0;

  std::uint64_t pages() const { return branch_pages + leaf_pages + overflow_pages; }
};

struct PageReport {
  std::vector<std::string> findings;  // For people; empty: LMDB can walk it.  At most kFindingsMax (store/verify.h).
  std::uint64_t file_bytes = 0;
  // What follows is as far as it could be read.
  std::uint64_t page_bytes = 0;
  std::uint64_t pages = 0;        // Up to the last that was ever used, the two meta pages among them.
  std::uint64_t free_pages = 0;
  std::uint64_t lost_pages = 0;   // Neither used nor free: no harm but room.
  std::uint64_t map_bytes = 0;    // As it was when the file was made or last enlarged.
  std::uint64_t transaction = 0;  // The newest that is whole.
  std::vector<DatabasePages> databases;
};

// Throws StoreError (kOther) when the file cannot be opened or read.
PageReport check_pages(const std::string& file);

}  // namespace kith
