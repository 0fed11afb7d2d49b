#include "gossip/follow.h"

#include <algorithm>

namespace kith {
namespace {

template <class... Bodies>
bool is_one_of(const Body& body) {
  return (std::holds_alternative<Bodies>(body) || ...);
}

}  // namespace

bool takes(const Core& core, const Envelope& from) {
  if (!core.members.observes(from.sender)) return !core.observer() || !is_one_of<EvictBody, VoteBody>(from.body);
  if (const auto* push = std::get_if<PushBody>(&from.body)) return push->parts.empty();
  if (is_one_of<SummaryBody>(from.body)) return !core.observer();
  return is_one_of<PullBody, AuditBody, RepairBody, RebaseBody, FetchBody, AckBody, StoppingBody>(from.body);
}

void Follow::tick() {
  if (!core_.observer() || !core_.whole || core_.behind || core_.tables_apart < kTablesApartMax || core_.now.monotonic_ms < not_before_ms_) return;
  not_before_ms_ = core_.now.monotonic_ms + pause_ms_;
  pause_ms_ = std::min(2 * pause_ms_, kPauseMsMost);
  core_.tables_apart = 0;
  core_.strayed = true;
  core_.count("strayed");
}

}  // namespace kith
