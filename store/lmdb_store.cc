#include "store/lmdb_store.h"

#include "store/applier.h"
#include "store/lmdb_environment.h"
#include "store/reader.h"
#include "store/verify.h"

namespace kith {
namespace {

// More than a commit usually takes, so that its pages lie within the file even if the process dies right behind it.
constexpr std::uint64_t kAheadBytes = 1 << 20;

}  // namespace

class LmdbStore::Impl {
 public:
  Impl(const std::string& directory, const LmdbOptions& options) : environment_(directory, options) {}

  CommitReport commit(const StoreBatch& batch) {
    if (!sync_failure_.empty()) throw StoreError(StoreError::Kind::kSync, sync_failure_);
    environment_.cover_used_pages(kAheadBytes);
    CommitReport report;
    try {
      LmdbWriteTransaction transaction(environment_.env(), environment_.databases(), environment_.where());
      report = applier_.apply(transaction, batch);
      transaction.commit();
    } catch (const StoreError& error) {
      applier_.forget();
      if (error.kind() == StoreError::Kind::kSync) sync_failure_ = error.what();
      throw;
    }
    environment_.cover_used_pages(0);
    return report;
  }

  std::unique_ptr<ReadTransaction> read() const {
    return std::make_unique<LmdbReadTransaction>(environment_.env(), environment_.databases(), environment_.where());
  }

  Usage usage() const { return environment_.usage(); }

  void copy_to(int file, LmdbCopy how) const { environment_.copy_to(file, how); }

 private:
  LmdbEnvironment environment_;
  Applier applier_;
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
