// store/settler.h -- writes a table of recent changes that is frozen into the trees of the file, a slice at a time, beside the
// commits, which go on in the journal.
//
//     begin(table) --> slice, slice, .. as far as go_to() said --> done()
//
// Each slice is a transaction of the file, in the order of the keys, so that neighbours share pages.  The first says that it has
// begun (JournalHead), the last that it is through.  Between begin() and done() nobody else writes to the file.
// Errors: what a slice threw is thrown by done() and finish() from then on; the slice left nothing behind.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "store/journal_recovery.h"
#include "store/recent_table.h"
#include "store/transaction.h"

namespace kith {

// Where one stands in a table that is written into the trees.
struct SettlePlace {
  std::size_t database = 0;
  const RecentTable::Node* node = nullptr;  // Null: the first.
};
// What each key had at `up_to`; `nodes` of them at most.  Returns whether that was all of it.
bool settle(WriteTransaction& file, const RecentTable& table, SettlePlace& place, std::size_t nodes, RecentTable::Commit up_to);

// Runs its argument in a write transaction of the file, and makes it durable.
using WriteFile = std::function<void(const std::function<void(WriteTransaction&)>&)>;
// Has another thread run its argument, some time; one after the other.
using RunBeside = std::function<void(std::function<void()>)>;

class Settler {
 public:
  Settler(WriteFile write, RunBeside beside);  // No `beside`: slices are written by who calls go_to().
  ~Settler();                                  // What is left is left to the journal.
  Settler(const Settler&) = delete;
  Settler& operator=(const Settler&) = delete;

  // One thread calls all of these; only finish() waits for a slice.
  void begin(std::shared_ptr<const RecentTable> table, const JournalHead& during, const JournalHead& after);  // REQUIRES: done().
  void go_to(std::size_t nodes);  // So many of them should be in the trees by now; never less than before.
  bool done();
  void finish();                  // Writes what is left.

 private:
  struct Work;
  std::shared_ptr<Work> work_;  // With what was given to `beside`, and is yet to run.
  const RunBeside beside_;
};

}  // namespace kith
