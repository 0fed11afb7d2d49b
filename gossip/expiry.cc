#include "gossip/expiry.h"

#include <algorithm>
#include <utility>

namespace kith {
namespace {

std::int64_t next_full(std::int64_t ms) { return (ms + Expiry::kGrainMs - 1) / Expiry::kGrainMs * Expiry::kGrainMs; }

}  // namespace

void Expiry::begin() { look(); }

void Expiry::look() {
  first_ms_.reset();
  const auto snapshot = core_.store.snapshot();
  passed_up_to_ms_ = snapshot->passed_up_to_ms();
  snapshot->expiries(Snapshot::Expiries::kNotPassed, [&](const Snapshot::Expiry& it) {
    first_ms_ = it.over_at_ms;
    return false;
  });
}

void Expiry::tick() {
  if ((!first_ms_ && passed_up_to_ms_ == 0) || core_.now.monotonic_ms < pause_until_ms_) return;
  const std::int64_t now_ms = core_.hlc.read(core_.now.wall_ms).ms();
  const std::int64_t full_ms = now_ms - now_ms % kGrainMs;
  const bool some_over = first_ms_ && *first_ms_ <= full_ms;
  if ((!some_over && passed_up_to_ms_ <= now_ms) || passing_) return;
  core_.out->store.pass_expired(some_over ? full_ms : now_ms, kPassedPerStep);
  passing_ = true;
  core_.count("expiry_steps");
  pause_until_ms_ = core_.now.monotonic_ms + kPauseMs;
}

// The mark has moved, or something came that may be over before all others.
void Expiry::batch_is_durable() {
  const auto came = std::exchange(core_.expiring_ms, std::nullopt);
  if (std::exchange(passing_, false)) look();
  if (came) first_ms_ = std::min(first_ms_.value_or(*came), *came);
}

std::optional<std::int64_t> Expiry::wake_at_ms() const {
  if (!first_ms_) return std::nullopt;
  const std::int64_t left_ms = next_full(*first_ms_) - core_.hlc.read(core_.now.wall_ms).ms();
  return std::max(pause_until_ms_, core_.now.monotonic_ms + std::max<std::int64_t>(left_ms, 1));
}

}  // namespace kith
