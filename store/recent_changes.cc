#include "store/recent_changes.h"

#include <algorithm>
#include <vector>

namespace kith {
namespace {

constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();
constexpr RecentTable::Commit kNewest = std::numeric_limits<RecentTable::Commit>::max();
// A commit that alone is such a part of a table goes into the trees at once: it shares pages enough by itself.
constexpr std::size_t kLargeShare = 4;
// The frozen table is through before the active one is full, with some to spare.
constexpr double kAhead = 1.25;
// A journal is lengthened by so much; by less for a small table.
constexpr std::size_t kAheadMost = 1 << 20;

void settle_all(WriteTransaction& file, const RecentTable& table, RecentTable::Commit up_to = kNewest) {
  SettlePlace place;
  (void)settle(file, table, place, kAll, up_to);
}

}  // namespace

RecentChanges::RecentChanges(std::string directory, std::size_t bytes_max, File file, RunBeside beside, std::uint64_t rows)
    : directory_(std::move(directory)), bytes_max_(bytes_max), file_(std::move(file)), active_(std::make_shared<RecentTable>(bytes_max)),
      generation_(journal_head(*file_.read(), directory_).generation), rows_(rows), settler_(file_.write, std::move(beside)) {
  publish();
}

RecentView RecentChanges::view_of(std::shared_ptr<const RecentTable> recovered) {
  RecentView out;
  out.active = std::move(recovered);
  out.commit = kNewest;
  return out;
}

void RecentChanges::recover(WriteTransaction& file, const RecentTable& recovered, const std::string& directory) {
  settle_all(file, recovered);
  // Two at most were there.
  put_journal_head(file, {journal_head(file, directory).generation + 2, 0, 0});
}

void RecentChanges::recover_format_3(WriteTransaction& file, const std::string& directory) {
  settle_all(file, *read_journal_of_format_3(file, directory));
  std::vector<std::string> keys;
  {
    const auto walk = file.walk(Database::kJournal);
    for (bool more = walk->seek({}); more; more = walk->next()) keys.emplace_back(walk->key());
  }
  for (const std::string& key : keys) file.del(Database::kJournal, key);
}

// What is in the trees of a copy is told by its head (store/journal_recovery.h).
void RecentChanges::complete_copy(WriteTransaction& copy, const RecentView& view, const std::string& directory) {
  const JournalHead head = journal_head(copy, directory);
  if (head.open() && head.nonce == view.frozen_nonce) {
    settle_all(copy, *view.frozen);
    settle_all(copy, *view.active, view.commit);
  } else if (head.open() && head.nonce == view.active_nonce) {
    // When some of it is there it was frozen meanwhile, and nothing is put into it any more.
    settle_all(copy, *view.active, head.frozen != 0 ? kNewest : view.commit);
  } else if (head.frozen != 0) {
    throw StoreError(StoreError::Kind::kOther, "so much was written while the copy began that it is of no one moment: take another one");
  }  // Else all that was committed when the view was taken is in the trees, and more.
  put_journal_head(copy, {});
}

RecentView RecentChanges::view() const {
  const std::scoped_lock lock(mutex_);
  return view_;
}

bool RecentChanges::read_begun_well(const RecentView& view, std::uint64_t transaction) const {
  return epoch_.load(std::memory_order_acquire) == view.epoch && transaction <= view.transaction_most;
}

void RecentChanges::publish(std::uint64_t transaction_most) {
  const std::scoped_lock lock(mutex_);
  if (view_.active != active_ || view_.transaction_most != transaction_most) epoch_.fetch_add(1, std::memory_order_release);
  view_ = {active_, frozen_, commit_, epoch_.load(std::memory_order_relaxed), transaction_most, nonce_, frozen_nonce_};
}

CommitReport RecentChanges::commit(const Apply& apply) {
  let_frozen_go();
  if (active_->bytes() >= bytes_max_) freeze();
  const RecentTable::Commit commit = commit_ + 1;
  CommitReport report;
  std::int64_t rows_more = 0;
  try {
    const auto below = file_.read();
    LayeredWriteTransaction layered(*below, {{active_.get(), frozen_.get()}, commit}, *active_);
    report = apply(layered);
    rows_more = layered.rows_more();
    if (active_->bytes_at_hand() > bytes_max_ / kLargeShare) {
      write_through(commit);
    } else if (!active_->at_hand().empty()) {
      append(commit);
    }
  } catch (...) {
    active_->take_back();
    throw;
  }
  active_->keep();
  commit_ = commit;
  rows_ += static_cast<std::uint64_t>(rows_more);
  bytes_ = active_->bytes() + (frozen_ ? frozen_->bytes() : 0);
  publish();
  if (frozen_) {
    const double share = static_cast<double>(active_->bytes()) / static_cast<double>(bytes_max_) * kAhead;
    settler_.go_to(static_cast<std::size_t>(share * static_cast<double>(frozen_->nodes())));
  }
  return report;
}

JournalFile& RecentChanges::journal_of(std::uint64_t generation) {
  auto& journal = journals_[generation % 2];
  if (!journal) journal.emplace(journal_path(directory_, generation), std::min(kAheadMost, bytes_max_));
  return *journal;
}

// SUBTLE: first the file, then the head that says that there must be one.
void RecentChanges::open_journal() {
  const std::uint64_t nonce = journal_of(generation_).begin({generation_, 0, 0, commit_});
  file_.write([&](WriteTransaction& file) { put_journal_head(file, {generation_, nonce, 0}); });
  nonce_ = nonce;
  last_in_journal_ = commit_;
}

void RecentChanges::append(RecentTable::Commit commit) {
  if (nonce_ == 0) open_journal();
  record_.clear();
  for (const auto* node : active_->at_hand()) {
    const auto* version = node->newest();
    record_.add({node->database(), node->key(), version->present ? std::optional(version->value) : std::nullopt});
  }
  journal_of(generation_).append(commit, record_);
  last_in_journal_ = commit;
}

// SUBTLE: the journal that goes on is there before the head says so, which the first slice does.
void RecentChanges::freeze() {
  if (frozen_) settler_.finish();
  const JournalHead during{generation_, nonce_, last_in_journal_};
  JournalHead after{generation_ + 1, 0, 0};
  after.nonce = journal_of(after.generation).begin({after.generation, 0, nonce_, last_in_journal_});
  frozen_ = std::exchange(active_, std::make_shared<RecentTable>(bytes_max_));
  frozen_nonce_ = std::exchange(nonce_, after.nonce);
  generation_ = after.generation;
  publish();
  settler_.begin(frozen_, during, after);
}

void RecentChanges::let_frozen_go() {
  if (!settler_.done() || !frozen_) return;
  frozen_ = nullptr;
  frozen_nonce_ = 0;
  publish();
}

// With what is at hand.  SUBTLE: who reads meanwhile must not see the commit in the trees before its view is told.
void RecentChanges::write_through(RecentTable::Commit commit) {
  if (frozen_) settler_.finish();
  frozen_ = nullptr;
  frozen_nonce_ = 0;
  publish(file_.last_transaction());
  const std::uint64_t next = generation_ + (nonce_ != 0 ? 1 : 0);
  try {
    file_.write([&](WriteTransaction& file) {
      settle_all(file, *active_);
      put_journal_head(file, {next, 0, 0});
    });
  } catch (...) {
    publish();
    throw;
  }
  generation_ = next;
  nonce_ = 0;
  active_ = std::make_shared<RecentTable>(bytes_max_);
  commit_ = commit;
  publish();
}

void RecentChanges::close() {
  if (nonce_ == 0) return;
  if (frozen_) settler_.finish();
  file_.write([&](WriteTransaction& file) {
    settle_all(file, *active_);
    put_journal_head(file, {generation_ + 1, 0, 0});
  });
  remove_journals(directory_);
}

}  // namespace kith
