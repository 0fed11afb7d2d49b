#include "node/http/removal_count.h"

namespace kith {

void RemovalCount::step(const Snapshot& snapshot, std::uint32_t shard_count, std::int64_t now_wall_ms) {
  std::size_t left = kRemovalEntriesAStep;
  while (shard_ < shard_count) {
    bool more = false;
    snapshot.collectable_after(static_cast<ShardId>(shard_), after_, [&](Lsn lsn, std::string_view key) {
      if (left == 0) {
        more = true;
        return false;
      }
      --left;
      after_ = lsn;
      if (!key.empty()) ++rows_of_pass_;
      return true;
    });
    if (more) return;
    ++shard_;
    after_ = 0;
  }
  if (shard_count == 0) return;
  rows_ = rows_of_pass_;
  counted_wall_ms_ = now_wall_ms;
  shard_ = 0;
  rows_of_pass_ = 0;
}

}  // namespace kith
