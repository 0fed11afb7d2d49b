#include "node/redis/cursors.h"

#include "node/redis/limits.h"

namespace kith::redis {

std::uint64_t Cursors::remember(const std::string& scan, const std::string& position) {
  const std::scoped_lock lock(mutex_);
  std::uint64_t cursor = 0;
  while (cursor == 0 || by_cursor_.contains(cursor)) cursor = random_() >> 11;
  entries_.push_back({cursor, scan, position});
  by_cursor_[cursor] = std::prev(entries_.end());
  bytes_ += entries_.back().bytes();
  while (entries_.size() > kCursorsMax || bytes_ > kCursorBytesMax) {
    bytes_ -= entries_.front().bytes();
    by_cursor_.erase(entries_.front().cursor);
    entries_.pop_front();
  }
  return cursor;
}

std::optional<std::string> Cursors::position(const std::string& scan, std::uint64_t cursor) {
  const std::scoped_lock lock(mutex_);
  const auto found = by_cursor_.find(cursor);
  if (found == by_cursor_.end() || found->second->scan != scan) return std::nullopt;
  return found->second->position;
}

}  // namespace kith::redis
