// gossip/expiry.h -- what expired counts no more: in counts, and in the fingerprints that nodes compare.
//
// Readers need nobody for this: they look at a value's expiry and at their own clock (crdt/register.h).  What is kept of
// many rows together has to be told, once per value (store/expiries.h): here, at every full second of the cluster's time
// before which something expired, kPassedPerStep of them at a time.
//
// SUBTLE: full seconds, and not at once, for the sake of fingerprints.  Two nodes pass a value as far apart as their
// clocks are.  When something expires all the time, and each were passed when it does, they would hardly ever be seen
// equal; so they differ for the moment in which the second turns, and an audit, which wants to see one difference twice, at
// least a round apart, takes no notice.  Lists of keys show how many fields a hash has: who reads them takes out what expired
// since the last second (node/reads.cc).
// RULE. What is collected was passed before, so that collecting changes no sum: gossip/collector.h.
// Nothing is passed where no value expires, and the node wakes for none.
// Tests: tests/gossip/expiry_test.cc
#pragma once

#include <cstdint>
#include <optional>

#include "gossip/core.h"

namespace kith {

class Expiry {
 public:
  static constexpr std::int64_t kGrainMs = 1000;
  static constexpr std::size_t kPassedPerStep = 512;
  static constexpr std::int64_t kPauseMs = 20;  // Between steps while there is more.

  explicit Expiry(Core& core) : core_(core) {}

  void begin();
  void tick();
  void batch_is_durable();
  std::optional<std::int64_t> wake_at_ms() const;

 private:
  void look();

  Core& core_;
  std::optional<std::int64_t> first_ms_;  // When the first is over that is durable and not passed.
  std::int64_t passed_up_to_ms_ = 0;      // Ahead of the clock only when that was set back.
  bool passing_ = false;                  // In the batch at hand.
  std::int64_t pause_until_ms_ = 0;
};

}  // namespace kith
