// node/http/events.h -- what happened lately, as far as this node noticed: the last kEventsMax, numbered.
//
// From two sources: lines of the node's own log, and what differs between two pictures of the cluster.  Any thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "node/http/picture.h"

namespace kith {

inline constexpr std::size_t kEventsMax = 512;
inline constexpr std::size_t kEventBytesMax = 1024;

struct Event {
  std::uint64_t number = 0;
  std::int64_t wall_ms = 0;
  std::string kind;      // "cut", "heal", "node", "agreement", "log"
  std::string severity;  // "good", "info", "warning", "bad"
  std::string text;
};

class Events {
 public:
  void add(std::int64_t wall_ms, std::string kind, std::string severity, std::string text);

  // Those behind number `after`, oldest first, at most `most` and then the newest.
  std::vector<Event> after(std::uint64_t number, std::size_t most) const;
  std::uint64_t last() const;

 private:
  mutable std::mutex mutex_;
  std::deque<Event> events_;
  std::uint64_t last_ = 0;
};

// What is otherwise in `now` than in `before`, told to `events`.  `before` may be null: then nothing is news but what is wrong.
void tell_changes(const Picture* before, const Picture& now, Events& events);

}  // namespace kith
