// store/memory_store.h -- the store in memory: for the simulator and for tests.
//
// The same rows, the same bytes and the same decisions as on disk (applier.h, reader.h), kept in ordered maps; and what
// a disk does at its worst, on demand: it forgets what was not synced, rots, fills up, fails.
//
// SUBTLE: a snapshot reads the live state, not that of the time it was taken: each single read is guarded, so any
// thread may read while one commits, but two reads may have a commit between them.  Who needs one point in time takes
// care that nobody commits meanwhile; the simulator, with its one thread, does.
#pragma once

#include <memory>

#include "store/store.h"
#include "store/transaction.h"

namespace kith {

class MemoryStore final : public Store {
 public:
  explicit MemoryStore(std::uint64_t bytes_max = std::uint64_t{1} << 40);
  ~MemoryStore() override;

  CommitReport commit(const StoreBatch& batch) override;
  std::unique_ptr<Snapshot> snapshot() const override;  // Must not outlive the store.
  Usage usage() const override;
  std::vector<std::string> verify() const override;

  // A second disk with the same bytes, as durable as these are; without the faults that were asked for.
  std::unique_ptr<MemoryStore> clone() const;

  // ---- What a disk does at its worst

  // From now on no more than this fits.
  void limit_bytes(std::uint64_t bytes_max);

  // While held, commits apply but are not durable.  Letting go does not make durable what was not.
  void hold_syncs(bool held);
  void sync();   // All that was applied is durable.
  void crash();  // The power fails: what was not durable is gone.  Cost: what is undone.

  // The next commit throws this and applies nothing.
  void fail_next_commit(StoreError::Kind kind);

  // The bytes as they are stored; for rows the key is the store key.
  std::optional<std::string> stored(Database database, std::string_view key) const;
  // Both return false when there is no such item.  Bits count from the first byte's highest.
  bool flip_bit(Database database, std::string_view key, std::size_t bit);
  bool overwrite(Database database, std::string_view key, std::string_view value);
  // What the key is then; nothing when there is no such item, or one under that key already.
  std::optional<std::string> flip_key_bit(Database database, std::string_view key, std::size_t bit);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kith
