#include "crdt/hlc.h"

#include <algorithm>

namespace kith {

Timestamp Hlc::read(std::int64_t wall_ms) const {
  const std::int64_t bounded = std::clamp<std::int64_t>(wall_ms, 0, Timestamp::kMillisecondsMax);
  return std::max(last_, Timestamp::at_ms(bounded));
}

std::optional<Timestamp> Hlc::issue(std::int64_t wall_ms) {
  const Timestamp now = read(wall_ms);
  if (now > last_) return last_ = now;
  if (last_.counter() == Timestamp::kCounterMax) {
    const bool soon = last_.ms() - wall_ms <= kWaitMsMax || last_.ms() == Timestamp::kMillisecondsMax;
    if (soon) return std::nullopt;
    return last_ = Timestamp::at_ms(last_.ms() + 1);
  }
  return last_ = Timestamp{last_.value + 1};
}

}  // namespace kith
