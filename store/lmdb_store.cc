#include "store/lmdb_store.h"

#include "store/applier.h"
#include "store/lmdb_environment.h"
#include "store/reader.h"
#include "store/recent_changes.h"
#include "store/verify.h"

namespace kith {
namespace {

// More than a commit usually takes, so that its pages lie within the file even if the process dies right behind it.
constexpr std::uint64_t kAheadBytes = 1 << 20;
// What is recent may take so many times its bytes in the trees: a page that had to be split is half empty.
constexpr std::uint64_t kTreeBytes = 2;

}  // namespace

class LmdbStore::Impl {
 public:
  Impl(const std::string& directory, const LmdbOptions& options) : environment_(directory, options) {
    recover();
    if (options.recent_bytes > 0) recent_.emplace(options.recent_bytes, environment_.last_transaction(), environment_.usage().rows);
  }

  // What is recent goes into the trees: so a node that was stopped starts at once.  If that fails, it is in the journal.
  ~Impl() {
    if (!recent_ || !sync_failure_.empty()) return;
    try {
      environment_.cover_used_pages(kAheadBytes);
      LmdbWriteTransaction transaction = write();
      recent_->settle_all(transaction);
      transaction.commit();
      environment_.cover_used_pages(0);
    } catch (const StoreError&) {
    }
  }

  CommitReport commit(const StoreBatch& batch) {
    if (!sync_failure_.empty()) throw StoreError(StoreError::Kind::kSync, sync_failure_);
    environment_.cover_used_pages(kAheadBytes);
    CommitReport report;
    try {
      LmdbWriteTransaction transaction = write();
      if (recent_) {
        report = recent_->apply(transaction, [&](WriteTransaction& into) { return applier_.apply(into, batch); });
      } else {
        report = applier_.apply(transaction, batch);
      }
      transaction.commit();
    } catch (const StoreError& error) {
      applier_.forget();
      if (recent_) recent_->failed();
      if (error.kind() == StoreError::Kind::kSync) sync_failure_ = error.what();
      throw;
    }
    if (recent_) recent_->committed(environment_.last_transaction());
    environment_.cover_used_pages(0);
    return report;
  }

  std::unique_ptr<ReadTransaction> read() const {
    if (!recent_) return read_file();
    // SUBTLE: in between there may be a commit; then the tables would be of before it, and what came into the trees with it of after.
    for (;;) {
      RecentChanges::View view = recent_->view();
      auto file = read_file();
      if (file->id() == view.transaction) return std::make_unique<RecentReadTransaction>(std::move(view), std::move(file));
    }
  }

  Usage usage() const {
    Usage out = environment_.usage();
    if (!recent_) return out;
    out.rows = recent_->rows();
    out.bytes_used += kTreeBytes * recent_->bytes();
    return out;
  }

  void copy_to(int file, LmdbCopy how) const { environment_.copy_to(file, how); }

 private:
  LmdbWriteTransaction write() { return {environment_.env(), environment_.databases(), environment_.where()}; }
  std::unique_ptr<LmdbReadTransaction> read_file() const {
    return std::make_unique<LmdbReadTransaction>(environment_.env(), environment_.databases(), environment_.where());
  }

  void recover() {
    if (read_file()->empty(Database::kJournal)) return;
    environment_.cover_used_pages(kAheadBytes);
    LmdbWriteTransaction transaction = write();
    RecentChanges::recover(transaction, environment_.where());
    transaction.commit();
    environment_.cover_used_pages(0);
  }

  LmdbEnvironment environment_;
  Applier applier_;
  std::optional<RecentChanges> recent_;
  std::string sync_failure_;
};

LmdbStore::LmdbStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LmdbStore::~LmdbStore() = default;

std::unique_ptr<LmdbStore> LmdbStore::open(const std::string& directory, const LmdbOptions& options) {
  return std::unique_ptr<LmdbStore>(new LmdbStore(std::make_unique<Impl>(directory, options)));
}

CommitReport LmdbStore::commit(const StoreBatch& batch) { return impl_->commit(batch); }
std::unique_ptr<Snapshot> LmdbStore::snapshot() const { return std::make_unique<Reader>(impl_->read()); }
Store::Usage LmdbStore::usage() const { return impl_->usage(); }
void LmdbStore::copy_to(int file, LmdbCopy how) const { impl_->copy_to(file, how); }
std::vector<std::string> LmdbStore::verify() const { return kith::verify(*impl_->read()); }

}  // namespace kith
