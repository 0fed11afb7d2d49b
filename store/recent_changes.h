// store/recent_changes.h -- what commits changed lately is kept in a journal and in memory, and comes into the trees of the file
// a slice at a time.
//
//     commit ---> one record in the journal: some pages in a row       (durable with the commit, as every page of LMDB's is)
//            ---> the active table, in memory                          (seen by whoever reads from then on)
//            ---> a slice of the frozen table, in order of its keys, into the trees
//
// Why: a commit that changes a thousand rows here and there copies a thousand pages and more; neighbours that are written
// together share them.  When the active table is full it is frozen and another begins; by then the one frozen before is all in the
// trees, and its records go from the journal.
//
// Invariants:
//   I1. The trees and, over them, the journal are what was committed, after every transaction of LMDB's: a kill at any time loses nothing.
//   I2. A View and the transaction of LMDB's with the number that it names belong together.
// One thread commits; any may ask for a View.  Tests: tests/store/recent_changes_test.cc and all of tests/store/store_test.cc
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "store/layered_transaction.h"
#include "store/recent_table.h"
#include "store/store.h"

namespace kith {

class RecentChanges {
 public:
  struct View {
    std::shared_ptr<const RecentTable> active, frozen;  // Frozen: may be none.
    RecentTable::Commit commit = 0;
    std::uint64_t transaction = 0;

    RecentLayers layers() const { return {{active.get(), frozen.get()}, commit}; }
  };

  // `bytes_max`: of a table, of which there are two.  The journal is empty, `transaction` the file's last, and it has `rows`.
  RecentChanges(std::size_t bytes_max, std::uint64_t transaction, std::uint64_t rows);

  // What a killed process left in the journal goes into the trees.  Throws StoreError when it is damaged.
  static void recover(WriteTransaction& file, const std::string& where);
  // The same, to be read only: what is in the journal, as a view.  Nothing when it is damaged.
  static std::optional<View> read(const ReadTransaction& file);

  View view() const;  // Any thread.

  // ---- The one that commits; `file` is of the transaction at hand.
  using Apply = std::function<CommitReport(WriteTransaction&)>;
  CommitReport apply(WriteTransaction& file, const Apply& apply);
  void committed(std::uint64_t transaction);  // It is durable.
  void failed();                              // It is not, nor will it be.
  void settle_all(WriteTransaction& file);    // Then committed(), or failed().

  // Any thread.
  std::uint64_t rows() const { return rows_; }
  std::uint64_t bytes() const { return bytes_; }  // Not in the trees yet, or perhaps not.

 private:
  struct Place {  // Of what is to come into the trees next.
    std::size_t database = 0;
    const RecentTable::Node* node = nullptr;  // Null: the first.
  };
  struct State {
    std::shared_ptr<RecentTable> active, frozen;
    RecentTable::Commit last_frozen = 0;  // The last commit of which anything is in the frozen table.
    Place place;
    RecentTable::Commit commit = 0;
  };

  std::shared_ptr<RecentTable> new_table() const { return std::make_shared<RecentTable>(bytes_max_); }
  static bool settle(WriteTransaction& file, const RecentTable& table, Place& place, std::size_t nodes);
  static void forget_journal(WriteTransaction& file, RecentTable::Commit up_to);
  void settle_frozen(WriteTransaction& file, std::size_t nodes);
  void settle_active(WriteTransaction& file);

  const std::size_t bytes_max_;
  State state_, next_;
  std::int64_t rows_more_ = 0;  // With what is at hand.
  std::atomic<std::uint64_t> rows_{0}, bytes_{0};

  mutable std::mutex mutex_;
  View view_;  // Guarded by mutex_.
};

// A View over the transaction of the file that belongs to it.
class RecentReadTransaction final : public ReadTransaction {
 public:
  RecentReadTransaction(RecentChanges::View view, std::unique_ptr<ReadTransaction> file)
      : view_(std::move(view)), file_(std::move(file)), layered_(*file_, view_.layers()) {}

  std::optional<std::string_view> get(Database database, std::string_view key) const override { return layered_.get(database, key); }
  std::unique_ptr<Walk> walk(Database database) const override { return layered_.walk(database); }
  bool empty(Database database) const override { return layered_.empty(database); }
  std::unique_ptr<Walk> walk_on_disk(Database database) const override { return layered_.walk_on_disk(database); }

 private:
  const RecentChanges::View view_;
  const std::unique_ptr<ReadTransaction> file_;
  const LayeredReadTransaction layered_;
};

}  // namespace kith
