// store/recent_changes.h -- what commits changed lately is in a journal and in memory, and comes into the trees of the file later.
//
//     commit ---> one frame in the journal, synced once                 (store/journal_file.h)
//            ---> the active table, in memory                           (seen by whoever reads from then on)
//     the table that was active before, frozen ---> the trees, slice by slice, beside it          (store/settler.h)
//
// Why: a commit that changes a thousand rows here and there copies a thousand pages and more, and LMDB syncs twice; neighbours that
// are written together share pages.  When the active table is full it is frozen and another begins, with another journal; by then the
// one frozen before is all in the trees, and its journal is written over.
//
// Invariants:
//   I1. The trees and, over them, the journals are what was committed, whenever the process is killed: nothing is in the trees
//       that is not in the journal as well, or was committed with them at once.
//   I2. A view holds over the file as it is from the moment at which the view was taken until the active table of it is frozen; see
//       read_begun_well().
// One thread commits; any may ask for a view.  Tests: tests/store/recent_changes_test.cc and all of tests/store/store_test.cc
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "store/journal_file.h"
#include "store/layered_transaction.h"
#include "store/recent_table.h"
#include "store/settler.h"
#include "store/store.h"

namespace kith {

struct RecentView {
  std::shared_ptr<const RecentTable> active, frozen;  // Frozen: may be none.
  RecentTable::Commit commit = 0;
  std::uint64_t epoch = 0;
  // The last transaction of the file that it may be read over.
  std::uint64_t transaction_most = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t active_nonce = 0, frozen_nonce = 0;  // Of their journals.

  RecentLayers layers() const { return {{active.get(), frozen.get()}, commit}; }
};

class RecentChanges {
 public:
  struct File {  // What it needs of it.
    WriteFile write;
    std::function<std::unique_ptr<ReadTransaction>()> read;
    std::function<std::uint64_t()> last_transaction;
  };

  // `bytes_max`: of a table, of which there are two.  There is no journal in the directory, and the file has `rows`.
  RecentChanges(std::string directory, std::size_t bytes_max, File file, RunBeside beside, std::uint64_t rows);

  // Over what a process that was killed left in its journals, to be read only.
  static RecentView view_of(std::shared_ptr<const RecentTable> recovered);
  // Into the trees.
  static void recover(WriteTransaction& file, const RecentTable& recovered, const std::string& directory);
  // The same of format 3, which had its journal in the file.
  static void recover_format_3(WriteTransaction& file, const std::string& directory);
  // Of a copy of the file that was begun after `view` was taken: makes it what was committed at one moment, then or later.
  static void complete_copy(WriteTransaction& copy, const RecentView& view, const std::string& directory);

  RecentView view() const;  // Any thread.
  // Whether a transaction of the file that was begun after `view` was taken belongs to it; else take both anew.  Any thread.
  bool read_begun_well(const RecentView& view, std::uint64_t transaction) const;

  // ---- The one that commits
  using Apply = std::function<CommitReport(WriteTransaction&)>;
  CommitReport commit(const Apply& apply);  // Durable.  When it throws, nothing was applied.
  void close();                             // All goes into the trees, and the journals go.

  // Any thread.
  std::uint64_t rows() const { return rows_; }
  std::uint64_t bytes() const { return bytes_; }  // Not in the trees yet, or perhaps not.

 private:
  JournalFile& journal_of(std::uint64_t generation);
  void open_journal();
  void append(RecentTable::Commit commit);
  void freeze();
  void let_frozen_go();
  void write_through(RecentTable::Commit commit);
  void publish(std::uint64_t transaction_most = std::numeric_limits<std::uint64_t>::max());

  const std::string directory_;
  const std::size_t bytes_max_;
  const File file_;
  std::shared_ptr<RecentTable> active_, frozen_;
  RecentTable::Commit commit_ = 0, last_in_journal_ = 0;
  std::uint64_t generation_, nonce_ = 0, frozen_nonce_ = 0;  // Of the active table's journal; nonce 0: there is none, and that is the next.
  std::array<std::optional<JournalFile>, 2> journals_;
  JournalRecord record_;
  std::atomic<std::uint64_t> rows_, bytes_{0};
  std::atomic<std::uint64_t> epoch_{0};

  mutable std::mutex mutex_;
  RecentView view_;  // Guarded by mutex_.
  Settler settler_;  // Last: what it does beside uses the others.
};

// A view over the transaction of the file that belongs to it.
class RecentReadTransaction final : public ReadTransaction {
 public:
  RecentReadTransaction(RecentView view, std::unique_ptr<ReadTransaction> file)
      : view_(std::move(view)), file_(std::move(file)), layered_(*file_, view_.layers()) {}

  std::optional<std::string_view> get(Database database, std::string_view key) const override { return layered_.get(database, key); }
  std::unique_ptr<Walk> walk(Database database) const override { return layered_.walk(database); }
  bool empty(Database database) const override { return layered_.empty(database); }
  std::unique_ptr<Walk> walk_on_disk(Database database) const override { return layered_.walk_on_disk(database); }

 private:
  const RecentView view_;
  const std::unique_ptr<ReadTransaction> file_;
  const LayeredReadTransaction layered_;
};

}  // namespace kith
