#include "node/session_clock.h"

#include <algorithm>

namespace kith {

void SessionClock::learn(Timestamp time, std::int64_t now_ms) {
  told_ = time;
  told_at_ms_ = now_ms;
  newest_ = std::max(newest_, time);
}

Tag SessionClock::mint(std::int64_t now_ms) {
  const Timestamp now = Timestamp::at_ms(std::min(told_.ms() + now_ms - told_at_ms_, Timestamp::kMillisecondsMax));
  newest_ = std::max(now, Timestamp{newest_.value + 1});
  return {newest_, actor_};
}

}  // namespace kith
