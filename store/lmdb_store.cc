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
    recover(options);
    if (options.recent_bytes == 0) return;
    const RecentChanges::File file{[this](const auto& change) { write(change); }, [this] { return read_file(); },
                                   [this] { return environment_.last_transaction(); }};
    recent_.emplace(directory, options.recent_bytes, file, options.beside, environment_.usage().rows);
  }

  // What is recent goes into the trees: so a node that was stopped starts at once.  If that fails, it is in the journal.
  ~Impl() {
    if (!recent_ || !sync_failure_.empty()) return;
    try {
      recent_->close();
    } catch (const StoreError&) {
    }
  }

  CommitReport commit(const StoreBatch& batch) {
    if (!sync_failure_.empty()) throw StoreError(StoreError::Kind::kSync, sync_failure_);
    const auto apply = [&](WriteTransaction& into) { return applier_.apply(into, batch); };
    try {
      if (recent_) return recent_->commit(apply);
      CommitReport report;
      write([&](WriteTransaction& file) { report = apply(file); });
      return report;
    } catch (const StoreError& error) {
      applier_.forget();
      if (error.kind() == StoreError::Kind::kSync) sync_failure_ = error.what();
      throw;
    }
  }

  std::unique_ptr<ReadTransaction> read() const {
    if (!recent_) return read_file();
    for (;;) {
      RecentView view = recent_->view();
      auto file = read_file();
      if (recent_->read_begun_well(view, file->id())) return std::make_unique<RecentReadTransaction>(std::move(view), std::move(file));
    }
  }

  Usage usage() const {
    Usage out = environment_.usage();
    if (!recent_) return out;
    out.rows = recent_->rows();
    out.bytes_used += kTreeBytes * recent_->bytes();
    return out;
  }

  std::shared_ptr<const RecentView> copy_to(int file, LmdbCopy how) const {
    const auto rest = recent_ ? std::make_shared<const RecentView>(recent_->view()) : nullptr;
    environment_.copy_to(file, how);
    return rest;
  }

 private:
  std::unique_ptr<LmdbReadTransaction> read_file() const {
    return std::make_unique<LmdbReadTransaction>(environment_.env(), environment_.databases(), environment_.where());
  }

  // One thread at a time.
  void write(const std::function<void(WriteTransaction&)>& change) {
    environment_.cover_used_pages(kAheadBytes);
    LmdbWriteTransaction transaction(environment_.env(), environment_.databases(), environment_.where());
    change(transaction);
    transaction.commit();
    environment_.cover_used_pages(0);
  }

  void recover(const LmdbOptions& options) {
    const std::string& directory = environment_.directory();
    if (options.rest) return write([&](WriteTransaction& file) { RecentChanges::complete_copy(file, *options.rest, directory); });
    const auto recovered = read_journals(*read_file(), directory);
    if (recovered) write([&](WriteTransaction& file) { RecentChanges::recover(file, *recovered, directory); });
    remove_journals(directory);
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
std::shared_ptr<const RecentView> LmdbStore::copy_to(int file, LmdbCopy how) const { return impl_->copy_to(file, how); }
std::vector<std::string> LmdbStore::verify() const { return kith::verify(*impl_->read()); }

}  // namespace kith
