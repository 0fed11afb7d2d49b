#include "store/settler.h"

#include <atomic>
#include <exception>
#include <limits>
#include <mutex>
#include <utility>

#include "crdt/check.h"

namespace kith {
namespace {

// Some megabytes of pages: two syncs more hardly count, and the journal's do not wait long behind them.
constexpr std::size_t kSliceNodes = 2048;
constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();

}  // namespace

bool settle(WriteTransaction& file, const RecentTable& table, SettlePlace& place, std::size_t nodes, RecentTable::Commit up_to) {
  for (; place.database < kDatabaseCount; ++place.database, place.node = nullptr) {
    const auto database = static_cast<Database>(place.database);
    if (place.node == nullptr) place.node = table.first(database);
    for (; place.node != nullptr; place.node = RecentTable::behind(*place.node)) {
      if (nodes-- == 0) return false;
      const auto* version = place.node->at(up_to);
      if (version == nullptr) continue;  // It was taken back, or is of later.
      if (version->present) {
        file.put(database, place.node->key(), version->value);
      } else {
        file.del(database, place.node->key());
      }
    }
  }
  return true;
}

struct Settler::Work {
  explicit Work(WriteFile the_write) : write(std::move(the_write)) {}

  bool due() const { return busy && !failed && (wanted >= settled + kSliceNodes || wanted >= nodes); }

  // As far as is wanted.
  void run() {
    posted = false;
    while (due()) {
      const std::scoped_lock lock(mutex);
      if (gone || !due()) return;
      write_slice(kSliceNodes);
    }
  }

  // REQUIRES: busy, and the lock.
  void write_slice(std::size_t most) {
    SettlePlace next = place;
    bool all = false;
    try {
      write([&](WriteTransaction& file) {
        all = settle(file, *table, next, most, std::numeric_limits<RecentTable::Commit>::max());
        if (all) {
          put_journal_head(file, after);
        } else if (!begun) {
          put_journal_head(file, during);
        }
      });
    } catch (...) {
      failure = std::current_exception();
      failed = true;
      return;
    }
    begun = true;
    place = next;
    settled += kSliceNodes;
    if (!all) return;
    table = nullptr;
    busy = false;
  }

  const WriteFile write;
  std::atomic<std::size_t> nodes{0}, wanted{0}, settled{0};
  std::atomic<bool> busy{false}, failed{false}, posted{false};
  std::mutex mutex;  // Of who writes a slice; guards all below.
  std::shared_ptr<const RecentTable> table;
  JournalHead during, after;
  SettlePlace place;
  bool begun = false, gone = false;
  std::exception_ptr failure;
};

Settler::Settler(WriteFile write, RunBeside beside) : work_(std::make_shared<Work>(std::move(write))), beside_(std::move(beside)) {}

Settler::~Settler() {
  const std::scoped_lock lock(work_->mutex);
  work_->gone = true;
}

void Settler::begin(std::shared_ptr<const RecentTable> table, const JournalHead& during, const JournalHead& after) {
  Work& work = *work_;
  const std::scoped_lock lock(work.mutex);
  KITH_CHECK(!work.busy, "one table at a time", table->nodes());
  work.nodes = table->nodes();
  work.table = std::move(table);
  work.during = during;
  work.after = after;
  work.place = {};
  work.begun = false;
  work.wanted = work.settled = 0;
  work.busy = true;
}

void Settler::go_to(std::size_t nodes) {
  Work& work = *work_;
  if (!work.busy || nodes <= work.wanted) return;
  work.wanted = nodes;
  if (!work.due()) return;
  if (!beside_) return work.run();
  if (!work.posted.exchange(true)) beside_([held = work_] { held->run(); });
}

bool Settler::done() {
  if (work_->failed) {
    const std::scoped_lock lock(work_->mutex);
    std::rethrow_exception(work_->failure);
  }
  return !work_->busy;
}

void Settler::finish() {
  Work& work = *work_;
  {
    const std::scoped_lock lock(work.mutex);
    if (work.busy && !work.failed) work.write_slice(kAll);
  }
  (void)done();
}

}  // namespace kith
